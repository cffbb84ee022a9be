"""The numbers by which the jail refuses a file, and the limits both sides of the pipe hold to.

Of a refusal only a number crosses: a text from a decoder could carry anything. `counterfoil.sandbox.refusals` gives the
sentences. The only texts that cross are payloads of printed codes, where they were asked for: few, short, printable.
"""

from __future__ import annotations

from enum import IntEnum

MAX_FILE_BYTES = 25_000_000
MAX_PIXELS = 64_000_000
MIN_SIDE = 64
MAX_SIDE = 10_000
MAX_PAGES = 20
KEPT_SIDE = 2_000
"""No picture crosses with a longer side, in pixels."""
PDF_DPI = 200
BYTES_PER_PIXEL = 3
MOST_PRINTED = 8
"""Codes told of one page."""
MOST_PAYLOAD_BYTES = 200
"""In UTF-8; a code that says more is left out."""


class Code(IntEnum):
    """One byte at the start of each part of the jail's answer. Numbers are never reused."""

    PICTURE = 0
    END = 1
    EMPTY = 2
    UNKNOWN_FORMAT = 3
    GIF = 4
    AVIF = 5
    SVG = 6
    FILM = 7
    BITMAP = 8
    PDF_FROM_STRANGER = 9
    TIFF_FROM_STRANGER = 10
    ANIMATED = 11
    TOO_MANY_PIXELS = 12
    SIDE_TOO_SHORT = 13
    SIDE_TOO_LONG = 14
    DAMAGED = 15
    TOO_MANY_PAGES = 16
    LOCKED = 17
    UNSUPPORTED_COLOURS = 18
    NO_PAGES = 19
    FILE_TOO_LARGE = 20
    JAIL_FAILED = 21
    PRINTED = 22


class Refused(Exception):  # noqa: N818 - it is an answer of the jail, told by its number
    """This file is not taken; `code` says why."""

    def __init__(self, code: Code) -> None:
        super().__init__(code.name)
        self.code = code


def check_size(width: int, height: int) -> None:
    """Refuses sizes outside the limits; called before any pixel is decoded."""
    if min(width, height) < MIN_SIDE:
        raise Refused(Code.SIDE_TOO_SHORT)
    if max(width, height) > MAX_SIDE:
        raise Refused(Code.SIDE_TOO_LONG)
    if width * height > MAX_PIXELS:
        raise Refused(Code.TOO_MANY_PIXELS)
