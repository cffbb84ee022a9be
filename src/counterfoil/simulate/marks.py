"""A number on a drawn photo, as two rows of black and white blocks, so that simulated readers know what they look at.

They find it in the picture that the server shows them: decoded, bent a little, shrunk and encoded anew. A picture that
came to the wrong task would be read as what it is. The blocks are wide because sanitising moves parts of a picture.

>>> read_mark(with_mark(Image.new("RGB", (640, 480), "grey"), 4711))
4711
>>> read_mark(Image.new("RGB", (640, 480), "grey"))
"""

from __future__ import annotations

import zlib

from PIL import Image, ImageDraw

BITS, CHECK_BITS = 14, 8
_ROW = 12
"""Blocks of one row. The first of all and the last are black, so that an empty margin is not taken for a mark."""
_HEIGHT, _MIDDLE = 0.045, 0.018
"""Shares of the photo's height: a row, and where it is looked at, from its edge."""


def with_mark(photo: Image.Image, number: int) -> Image.Image:
    """The photo with a row of blocks along its upper and its lower edge."""
    if not 0 <= number < 1 << BITS:
        raise ValueError(f"expected a number of {BITS} bits, found {number}")
    bits = f"1{number:0{BITS}b}{_check(number):0{CHECK_BITS}b}1"
    marked = photo.copy()
    pen = ImageDraw.Draw(marked)
    width, height = photo.width / _ROW, photo.height * _HEIGHT
    for place, bit in enumerate(bits):
        row, column = divmod(place, _ROW)
        top = row * (photo.height - height)
        box = (column * width, top, (column + 1) * width, top + height)
        pen.rectangle(box, fill="black" if bit == "1" else "white")
    return marked


def read_mark(photo: Image.Image) -> int | None:
    """The number, or None where there is no mark that holds."""
    grey = photo.convert("L")
    rows = (int(grey.height * _MIDDLE), int(grey.height * (1 - _MIDDLE)))
    points = [grey.getpixel((int((place + 0.5) * grey.width / _ROW), y)) for y in rows for place in range(_ROW)]
    bits = "".join("1" if isinstance(point, float | int) and point < 128 else "0" for point in points)
    number, check = int(bits[1 : 1 + BITS], 2), int(bits[1 + BITS : -1], 2)
    return number if bits[0] == bits[-1] == "1" and check == _check(number) else None


def _check(number: int) -> int:
    return zlib.crc32(number.to_bytes(2, "big")) & ((1 << CHECK_BITS) - 1)
