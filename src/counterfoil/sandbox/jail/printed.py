"""Codes printed on a page, looked for in grey pixels: QR and its kin, and AprilTags. `read_printed`.

* A payload counts only if its own error correction holds; nothing is guessed or completed.
* Tags are looked for in the families that are named and no other: foreign families are seen where there are none
  (docs/reading.md). Their payload is the tag's number.
* What is missed in the picture is tried again on sharpened and enlarged or reduced copies, while `seconds` of processor
  time last: a picture can be made on which each try takes seconds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

KINDS = {
    "qr": zxingcpp.BarcodeFormat.QRCode,
    "aztec": zxingcpp.BarcodeFormat.Aztec,
    "datamatrix": zxingcpp.BarcodeFormat.DataMatrix,
    "pdf417": zxingcpp.BarcodeFormat.PDF417,
    "code128": zxingcpp.BarcodeFormat.Code128,
}
"""Kinds by the names that templates use."""
DICTIONARIES = {
    "16h5": cv2.aruco.DICT_APRILTAG_16H5,
    "25h9": cv2.aruco.DICT_APRILTAG_25H9,
    "36h10": cv2.aruco.DICT_APRILTAG_36H10,
    "36h11": cv2.aruco.DICT_APRILTAG_36H11,
}
ENLARGE_BELOW = 2_000
"""Longest side in pixels; in smaller pictures a module of a code may be a single pixel."""
ENLARGED = 2_600
"""Longest side of an enlarged copy, so that a page without a code costs no second."""
TAG_SIDE = 2_000
"""Tags have few and large modules; more pixels only cost time."""
QUICK_TAG_SIDE = 1_200


@dataclass(frozen=True, slots=True)
class Printed:
    """One code. `name` is a kind (`qr`) or, of a tag, its family (`36h10`); `quad` its corners in pixels, 4 x 2, from
    its own top left."""

    name: str
    payload: str
    quad: NDArray[np.float64]


def read_printed(
    grey: Grey, names: Collection[str], *, seconds: float = math.inf, quick: bool = False
) -> list[Printed]:
    """All codes of the kinds and tags of the families named, in reading order.

    Args:
        names: of `KINDS` and `DICTIONARIES`.
        seconds: of this process's time, after which nothing new is begun.
        quick: leaves out the dearest try, and looks for tags in `QUICK_TAG_SIDE` pixels.
    """
    until = time.process_time() + seconds
    found = _barcodes(grey, [name for name in KINDS if name in names], until, quick)
    for family in DICTIONARIES:
        if family in names and time.process_time() < until:
            found += _tags(grey, family, QUICK_TAG_SIDE if quick else TAG_SIDE)
    return sorted(found, key=lambda code: (round(code.quad[:, 1].min()), round(code.quad[:, 0].min())))


def _barcodes(grey: Grey, kinds: list[str], until: float, quick: bool) -> list[Printed]:
    formats = [KINDS[kind] for kind in kinds]
    for copy, scale in _copies(grey, quick) if formats else ():
        if time.process_time() >= until:
            break
        seen: dict[tuple[str, str], Printed] = {}
        for code in zxingcpp.read_barcodes(copy, formats=formats):
            if not code.valid or not code.text:
                continue
            kind = next((name for name, value in KINDS.items() if value == code.format), None)
            if kind is None:
                continue
            place = code.position
            corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
            quad = np.array([[corner.x, corner.y] for corner in corners], np.float64) / scale
            seen.setdefault((kind, code.text), Printed(kind, code.text, quad))
        if seen:
            return list(seen.values())
    return []


def _copies(grey: Grey, quick: bool) -> Iterator[tuple[Grey, float]]:
    """The picture, then copies in which a code out of focus or of few pixels may be read; each with its scale."""
    yield grey, 1.0
    height, width = grey.shape
    if max(height, width) < ENLARGE_BELOW:
        yield _sharpened(grey, min(3.0, ENLARGED / max(height, width)), 3), min(3.0, ENLARGED / max(height, width))
    else:
        yield _sharpened(grey, 0.5, 2), 0.5
        if not quick:
            yield _sharpened(grey, 1.0, 3), 1.0


def _sharpened(grey: Grey, scale: float, radius: float) -> Grey:
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    sized = grey if scale == 1 else cv2.resize(grey, None, fx=scale, fy=scale, interpolation=how)
    soft = cv2.GaussianBlur(sized, (0, 0), radius)
    return cv2.addWeighted(sized, 2.5, soft, -1.5, 0).astype(np.uint8, copy=False)


def _tags(grey: Grey, family: str, side: int) -> list[Printed]:
    height, width = grey.shape
    scale = min(1.0, side / max(height, width))
    sized = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else grey
    finder = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(DICTIONARIES[family]))
    corners, numbers, _ = finder.detectMarkers(sized)
    if not corners:
        return []  # numbers is then None
    return [
        Printed(family, str(int(number)), np.asarray(quad, np.float64).reshape(4, 2) / scale)
        for quad, number in zip(corners, numbers.ravel(), strict=True)
    ]
