"""Codes printed on a page, in a photo in colours: `read_codes`. How they are found: `sandbox.jail.printed`, which also
looks for them in what comes in, before it is made small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from counterfoil.reading.belief import Quad, Rgb
from counterfoil.sandbox.jail.printed import DICTIONARIES, KINDS, read_printed

__all__ = ["DICTIONARIES", "KINDS", "CodeSeen", "read_codes"]


@dataclass(frozen=True, slots=True)
class CodeSeen:
    """One code. `kind` is `qr`, ..., or `apriltag`; `quad` its corners in the picture, from its own top left."""

    kind: str
    payload: str
    quad: Quad
    dictionary: str | None = None
    """The family of a tag."""


def read_codes(image: Rgb, dictionaries: Sequence[str] = (), kinds: Sequence[str] = ("qr",)) -> tuple[CodeSeen, ...]:
    """All codes of these kinds, and tags of these families, in reading order.

    Args:
        dictionaries: families of AprilTags, as in `DICTIONARIES`; none: no tags are looked for.
        kinds: as in `KINDS`.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    return tuple(
        CodeSeen("apriltag", code.payload, code.quad, code.name)
        if code.name in DICTIONARIES
        else CodeSeen(code.name, code.payload, code.quad)
        for code in read_printed(grey, {*kinds, *dictionaries})
    )
