"""From a stranger's file to the picture that is kept: `sanitise`.

What happens, in this order (measured reasons: docs/evidence.md):

1. the jail decodes the file, turns it upright, converts it to sRGB and scales it to half, at most 2,000 pixels on
   its longer side; a picture under 2,000 keeps its size; pages of documents are only held to 2,000; what the printed
   codes say that somebody asks for is read there, for what follows blurs them;
2. it is turned by a random 0.4 to 0.9 degrees and bent by a few pixels; nothing is cut off, no side exceeds 2,000;
3. a smoother that keeps edges takes away fine noise, and with it most of what the sensor left;
4. it is encoded as every other picture is.

The file itself, and any hash of it, ends with this call. Which way it was turned is not kept either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from counterfoil.evidence.fingerprints import Fingerprint, fingerprint
from counterfoil.evidence.picture import Image, encode
from counterfoil.evidence.smoothing import smoothed
from counterfoil.evidence.turning import MAX_SIDE, turned_and_bent
from counterfoil.primitives.canonical import sha256_hex
from counterfoil.sandbox import Pixels, PrintedCode, Sandbox, SandboxStopped


@dataclass(frozen=True, slots=True)
class Sanitised:
    """A picture that may be kept. `picture` is a JPEG, `page` counts from 1; a photo has the one page 1."""

    picture: bytes
    sha256: str
    width: int
    height: int
    page: int
    fingerprint: Fingerprint
    codes: tuple[PrintedCode, ...] = ()
    """Of the codes that were asked for, what could be read before the picture was made small."""


def sanitise(
    data: bytes,
    sandbox: Sandbox,
    *,
    random: Callable[[int], bytes],
    documents: bool = False,
    codes: Sequence[str] = (),
) -> list[Sanitised]:
    """The photo in `data`, or with `documents` every page of a PDF or TIFF, fit to be kept. All pages or none.

    Args:
        random: gives n unpredictable bytes (`secrets.token_bytes`); the same bytes give the same pictures.
        documents: whether PDF and TIFF are taken: only from invited organisations.
        codes: kinds of printed codes to look for (`Sandbox.pictures`). No file is refused for their sake: where looking
            for them fails, they are not there.

    Raises:
        FileRefused: the file is not taken, with a stable code and a sentence for the sender.
        SandboxBusy, SandboxStopped, SandboxUnavailable: try again later.
    """

    def made(asked: Sequence[str]) -> list[Sanitised]:
        pictures: Iterator[Pixels] = sandbox.pictures(data, documents=documents, codes=asked)
        return [_sanitised(pixels, page, random, documents) for page, pixels in enumerate(pictures, 1)]

    try:
        return made(codes)
    except SandboxStopped:
        if not (documents and codes):
            raise
        return made(())  # the codes of one page may have cost it the pages behind


def treated(upright: Image, random: Callable[[int], bytes], *, documents: bool = False) -> Image:
    """What is done to the jail's pixels before they are encoded."""
    # Of photos only those of twice the side and more come out of the jail with this side; others may have kept theirs,
    # and pages of documents may have been made only a little smaller.
    reduced = not documents and max(upright.shape) >= MAX_SIDE
    return smoothed(turned_and_bent(upright, random), reduced=reduced)


def _sanitised(pixels: Pixels, page: int, random: Callable[[int], bytes], documents: bool) -> Sanitised:
    upright: Image = np.frombuffer(pixels.rgb, np.uint8).reshape(pixels.height, pixels.width, 3)
    image = treated(upright, random, documents=documents)
    picture = encode(image)
    height, width = image.shape[:2]
    return Sanitised(picture, sha256_hex(picture), width, height, page, fingerprint(image), pixels.codes)
