"""A photo's bytes to upright pixels, and whether they can be read at all: `decode`, `gates`.

* The size is read from the file's head and refused before any pixel is decoded.
* The turn that the camera noted (EXIF) is done here, once; every place the reader tells is in this upright picture.
* A picture that holds nothing to read (tiny, black, white, blurred) is refused with the reason. Nothing is made up.

Leaves out: protection against files of strangers. A server hands over only copies that the sandbox made.
"""

from __future__ import annotations

import io
import warnings

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from counterfoil.primitives.errors import InputError
from counterfoil.reading.belief import Grey, Rgb

MAX_PIXELS = 64_000_000
"""The sandbox's limit too; a decoded picture of this size holds 192 MB."""
MAX_FILE_BYTES = 64_000_000
MIN_LONG_SIDE = 300
"""Pixels. A sheet of 15 rows then has rows of about 10 pixels, below what any reader tells apart (docs/reading.md)."""
MIN_CONTRAST = 12
"""Grey levels between the 1st and 99th percentile; a lens cap and a blank wall stay below."""
MIN_SHARPNESS = 3.3
"""Grey levels; see `sharpness`. The softest form that people read reached 4.3; text gone in blur leaves 3."""

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
_ORIENTATION = 0x0112
_FLIPS = {2: 1, 4: 0}
_TURNS = {3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}


def decode(data: bytes) -> Rgb:
    """The upright picture in `data`, transparent parts white.

    Raises:
        InputError: no picture of a kind we read, a damaged one, or one of more than 64 million pixels (`picture-...`).
    """
    if len(data) > MAX_FILE_BYTES:
        raise _refused(f"at most {MAX_FILE_BYTES // 1_000_000} MB", f"{len(data) // 1_000_000} MB", "too-large")
    with warnings.catch_warnings():
        # Pillow warns of sizes from 89 million pixels; the refusal below is stricter.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data), formats=_FORMATS) as head:
                width, height = head.size
                turn = int(head.getexif().get(_ORIENTATION, 1) or 1)
                clear = head.mode in ("RGBA", "LA", "PA") or "transparency" in head.info
        except Image.DecompressionBombError:
            raise _refused("at most 64 million pixels", "far more", "too-large") from None
        except UnidentifiedImageError:
            raise _refused("a JPEG, PNG, WebP or TIFF picture", "something else", "unknown") from None
        except (OSError, ValueError, SyntaxError):
            raise _refused("a whole picture", "a damaged one", "damaged") from None
    if width * height > MAX_PIXELS:
        raise _refused("at most 64 million pixels", f"{width} x {height}", "too-large")
    pixels = _over_white(data) if clear else _plain(data)
    return _upright(pixels, turn)


def _plain(data: bytes) -> Rgb:
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None or _cut_short(data):
        raise _refused("a whole picture", "a damaged one", "damaged")
    return image.astype(np.uint8, copy=False)


def _cut_short(data: bytes) -> bool:
    """Whether a JPEG ends before its end mark. The decoder fills the rest with grey, and grey fields look empty."""
    return data[:2] == b"\xff\xd8" and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")


def _over_white(data: bytes) -> Rgb:
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            layer = image.convert("RGBA")
    except (OSError, ValueError, SyntaxError):
        raise _refused("a whole picture", "a damaged one", "damaged") from None
    paper = Image.new("RGBA", layer.size, "white")
    paper.alpha_composite(layer)
    return np.asarray(paper.convert("RGB"), np.uint8)


def _upright(image: Rgb, turn: int) -> Rgb:
    """Undoes EXIF orientation 1 to 8; 5 and 7 are mirrored and turned."""
    if turn in (5, 7):
        image = np.ascontiguousarray(image.transpose(1, 0, 2))
        return image if turn == 5 else cv2.rotate(image, cv2.ROTATE_180).astype(np.uint8, copy=False)
    if turn in _FLIPS:
        return cv2.flip(image, _FLIPS[turn]).astype(np.uint8, copy=False)
    if turn in _TURNS:
        return cv2.rotate(image, _TURNS[turn]).astype(np.uint8, copy=False)
    return image


def gates(image: Rgb) -> str | None:
    """Why nothing can be read in `image`, as one sentence, or None where reading may be tried."""
    height, width = image.shape[:2]
    if max(height, width) < MIN_LONG_SIDE:
        return f"The picture is {width} x {height} pixels; at least {MIN_LONG_SIDE} on its longer side are needed."
    grey = small_grey(image, 1_000)
    low, high = np.percentile(grey, (1, 99))
    if high - low < MIN_CONTRAST:
        tone = "black" if high < 64 else "one colour"
        return f"The picture is all {tone}; nothing can be seen in it."
    if sharpness(grey) < MIN_SHARPNESS:
        return "The picture is too blurred; no print or writing can be made out in it."
    return None


def small_grey(image: Rgb, longest: int) -> Grey:
    """Grey, reduced to at most `longest` pixels on the longer side."""
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)


def sharpness(grey: Grey) -> float:
    """Mean of the strongest hundredth of fine differences, in grey levels.

    Of the strongest only: most of a photo is table and paper, and smooth in the sharpest picture too. Noise is taken
    away first, or the grain of a dark photo would pass for print.
    """
    calm = cv2.GaussianBlur(grey, (3, 3), 0)
    fine = np.abs(cv2.Laplacian(calm, cv2.CV_16S))
    edge = np.percentile(fine, 99)
    return float(fine[fine >= edge].mean())


def _refused(expected: str, found: str, what: str) -> InputError:
    return InputError("the picture", expected=expected, found=found, do="take the photo again", code=f"picture-{what}")
