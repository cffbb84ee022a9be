"""What the sandbox answers instead of pixels: stable codes for programs, one sentence for people.

`FileRefused` is about the file: sending it again helps nobody. The others are about us and pass: the sender keeps the
photo and tries again.
"""

from __future__ import annotations

from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.sandbox.jail.codes import (
    MAX_FILE_BYTES,
    MAX_PAGES,
    MAX_PIXELS,
    MAX_SIDE,
    MIN_SIDE,
    Code,
)

_PHOTO = "a JPEG, PNG, WebP or HEIC photo"
_SEND_PHOTO = "send a photo"
_TEXTS: dict[Code, tuple[str, str, str]] = {
    # code: what was expected, what was found, what to do
    Code.EMPTY: (_PHOTO, "an empty file", "send it again"),
    Code.UNKNOWN_FORMAT: (_PHOTO, "a file of another kind", _SEND_PHOTO),
    Code.GIF: (_PHOTO, "a GIF", _SEND_PHOTO),
    Code.AVIF: (_PHOTO, "an AVIF picture", "send a JPEG photo"),
    Code.SVG: (_PHOTO, "an SVG drawing", _SEND_PHOTO),
    Code.FILM: (_PHOTO, "a film or a sound", _SEND_PHOTO),
    Code.BITMAP: (_PHOTO, "a BMP picture", "send a JPEG photo"),
    Code.PDF_FROM_STRANGER: (_PHOTO, "a PDF", _SEND_PHOTO),
    Code.TIFF_FROM_STRANGER: (_PHOTO, "a TIFF", _SEND_PHOTO),
    Code.ANIMATED: ("one still picture", "a moving one", _SEND_PHOTO),
    Code.TOO_MANY_PIXELS: (
        f"at most {MAX_PIXELS // 1_000_000} megapixels",
        "a picture too large to open",
        "set the camera to a smaller size",
    ),
    Code.SIDE_TOO_SHORT: (f"sides of at least {MIN_SIDE} pixels", "a smaller picture", "send the photo in full size"),
    Code.SIDE_TOO_LONG: (
        f"sides of at most {MAX_SIDE:,} pixels",
        "a longer one",
        "send a photo that is no panorama",
    ),
    Code.DAMAGED: ("a whole picture", "a damaged or cut-off file", "send it again or take another photo"),
    Code.TOO_MANY_PAGES: (f"1 to {MAX_PAGES} pages", "more pages", "send it in parts"),
    Code.LOCKED: ("a document that opens without a password", "a locked one", "send it unlocked"),
    Code.UNSUPPORTED_COLOURS: ("colours or grey of 8 or 16 bits", "another way to store colours", "send a JPEG"),
    Code.NO_PAGES: (f"1 to {MAX_PAGES} pages", "no page", _SEND_PHOTO),
    Code.FILE_TOO_LARGE: (f"at most {MAX_FILE_BYTES // 1_000_000} MB", "a larger file", "send a smaller photo"),
}


class FileRefused(InputError):  # noqa: N818 - it is an answer, not a failure
    """This file is not taken. `code` is the name in `Code`, in lower case with dashes."""

    def __init__(self, number: Code) -> None:
        expected, found, do = _TEXTS[number]
        self.number = number
        super().__init__("the file", expected=expected, found=found, do=do, code=code_of(number))


class SandboxBusy(Refusal):
    """More files at once than the queue may hold; `retry_after_s` is for the Retry-After header."""

    def __init__(self, waiting: int, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(
            f"expected at most {waiting} pictures waiting, found more; keep the photo and send it again "
            f"in {retry_after_s} seconds",
            code="busy",
        )


class SandboxStopped(Refusal):
    """The decoder ended or ran out of time on this file. Nothing was kept."""

    def __init__(self, why: str, code: str) -> None:
        super().__init__(f"{why}; keep the photo and send it again, or a smaller one", code=code)


class SandboxUnavailable(Refusal):
    """No decoder can be started safely on this machine."""

    def __init__(self, why: str) -> None:
        super().__init__(f"expected a jail to decode strangers' files in, found none: {why}", code="no-sandbox")


def code_of(number: Code) -> str:
    """The stable code that goes out to programs, such as `too-many-pixels`."""
    return number.name.lower().replace("_", "-")


def refused_numbers() -> frozenset[int]:
    """The numbers a jail may answer about a file."""
    return frozenset(_TEXTS)
