"""MNIST's digits as pen strokes, so that one pen draws them and own polylines alike. Nothing of MNIST ships.

A picture is thinned to the middle of its strokes. What a thick pen filled is lost in that: of a 6 whose loop is a blot
a bow stays, of a 9 a line. Nobody writes such signs, and who learns from them reads a 1 as a 6. So only strokes are
kept that leave little of the picture's ink uncovered, and in which the pictures most like them show the same digit.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from counterfoil.primitives.errors import InputError
from counterfoil.simulate.glyphs import Glyph
from counterfoil.simulate.thinning import segments, thinned

_HEADERS: Final[Mapping[str, int]] = {"images": 16, "labels": 8}
_SIDE: Final = 28
_LARGE: Final = 84
"""Pixels of the picture that is thinned."""
_INK: Final = 110
"""Of 255: darker is ink."""
_PEN_PX: Final = 2.2
"""Width, in a picture of 28 pixels, with which strokes are drawn to be judged."""
_JUDGES: Final = 20000
"""Of the training pictures, the first, that strokes are compared with."""
_NEAREST: Final = 5
_MOST_UNCOVERED: Final = 2.0
"""Ink far from every stroke, in discs of the pen: a filled loop is three."""


@dataclass(frozen=True)
class Strokes:
    """MNIST digits as segments: `segments[starts[i]:starts[i + 1]]` is picture i; `by_digit` the numbers of those that
    are kept."""

    segments: NDArray[np.float32]
    starts: NDArray[np.int64]
    by_digit: tuple[NDArray[np.int64], ...]

    def glyph(self, rng: np.random.Generator, digit: int) -> Glyph:
        which = self.by_digit[digit]
        at = int(which[int(rng.integers(len(which)))])
        wide = np.array([1.3, 1.0], np.float32)  # they come in a square; the pen sets digits narrower than high
        return list((self.segments[self.starts[at] : self.starts[at + 1]] - 0.5) * wide + 0.5)


def hashes(folder: Path, part: str) -> Mapping[str, str]:
    """SHA-256 of the raw bytes behind the headers of a part's two files."""
    return {kind: hashlib.sha256(_idx(folder, part, kind)).hexdigest() for kind in _HEADERS}


def mnist(folder: Path, part: str = "train", limit: int | None = None) -> Strokes:
    """Strokes of the pictures of `part` (`train` or `t10k`), of the first `limit`.

    Raises:
        InputError: a file is missing or damaged.
    """
    pictures, labels = _read(folder, part, limit)
    pieces: list[NDArray[np.float32]] = []
    uncovered: list[float] = []
    for start in range(0, len(pictures), 2000):
        block = pictures[start : start + 2000]
        ink = np.stack([cv2.resize(p, (_LARGE, _LARGE), interpolation=cv2.INTER_CUBIC) > _INK for p in block])
        thin = thinned(ink)
        pieces += [segments(one) for one in thin]
        uncovered += [_uncovered(*pair) for pair in zip(ink, thin, strict=True)]
    starts = np.concatenate([[0], np.cumsum([len(p) for p in pieces])]).astype(np.int64)
    kept = np.array(uncovered) <= _MOST_UNCOVERED
    kept &= _likest(pieces, *_read(folder, "train", _JUDGES), themselves=part == "train") == labels
    return Strokes(np.concatenate(pieces), starts, tuple(np.flatnonzero(kept & (labels == d)) for d in range(10)))


def _idx(folder: Path, part: str, kind: str) -> bytes:
    header = _HEADERS[kind]
    path = folder / f"mnist-{part}-{kind}-idx{3 if kind == 'images' else 1}-ubyte.gz"
    try:
        return gzip.decompress(path.read_bytes())[header:]
    except (OSError, EOFError) as error:
        raise InputError(
            str(path),
            expected="a gzip-compressed MNIST file",
            found=str(error),
            do="give the folder that holds the four files",
        ) from None


def _read(folder: Path, part: str, limit: int | None) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    pictures = np.frombuffer(_idx(folder, part, "images"), np.uint8).reshape(-1, _SIDE, _SIDE)[:limit]
    return pictures, np.frombuffer(_idx(folder, part, "labels"), np.uint8)[: len(pictures)]


def _uncovered(ink: NDArray[np.bool_], thin: NDArray[np.bool_]) -> float:
    """Ink that a pen of the picture's own width leaves out when it follows the thinned strokes, in discs of that
    pen."""
    if not thin.any():
        return np.inf
    half = float(np.quantile(cv2.distanceTransform(ink.astype(np.uint8), cv2.DIST_L2, 5)[thin], 0.35))
    away = cv2.distanceTransform((~thin).astype(np.uint8), cv2.DIST_L2, 5)
    return float(np.count_nonzero(ink & (away > 1.3 * half + 1)) / (np.pi * half**2))


def _likest(
    pieces: list[NDArray[np.float32]], judges: NDArray[np.uint8], labels: NDArray[np.uint8], *, themselves: bool
) -> NDArray[np.int64]:
    """The digit that most of the five pictures show that are most like each drawing; `themselves`: drawing i comes of
    judge i, who keeps silent on it."""
    seen = _centred(judges)
    few = PCA(40, svd_solver="full").fit(seen[:5000])
    drawn = few.transform(_centred([_drawn(piece) for piece in pieces])).astype(np.float32)
    known = NearestNeighbors(n_neighbors=_NEAREST + 1, algorithm="brute").fit(few.transform(seen).astype(np.float32))
    near = known.kneighbors(drawn, return_distance=False)
    likest = np.empty(len(pieces), np.int64)
    for number, row in enumerate(near):
        others = row[row != number][:_NEAREST] if themselves else row[:_NEAREST]
        likest[number] = np.bincount(labels[others], minlength=10).argmax()
    return likest


def _drawn(piece: NDArray[np.float32]) -> NDArray[np.uint8]:
    """As MNIST would show the strokes: 20 pixels high in 28."""
    scale = 4
    large = np.zeros((_SIDE * scale, _SIDE * scale), np.uint8)
    for a, b in np.round(((piece - 0.5) * 20 + _SIDE / 2) * scale * 16).astype(int):
        cv2.line(large, a.tolist(), b.tolist(), 255, round(_PEN_PX * scale), cv2.LINE_AA, 4)
    return np.asarray(cv2.resize(large, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _centred(pictures: list[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float32]:
    """Moved so that the middle of the ink is the middle of the picture; one row a picture."""
    at = np.arange(_SIDE, dtype=np.float32)
    rows = []
    for picture in pictures:
        ink = picture.astype(np.float32)
        total = float(ink.sum()) + 1e-6
        x, y = float((ink.sum(axis=0) * at).sum()) / total, float((ink.sum(axis=1) * at).sum()) / total
        move = np.array([[1, 0, _SIDE / 2 - 0.5 - x], [0, 1, _SIDE / 2 - 0.5 - y]], np.float32)
        rows.append(cv2.warpAffine(ink, move, (_SIDE, _SIDE)).ravel())
    return np.stack(rows)
