"""The words in which the steps of the reader speak to each other: what is seen of a field, and what it may say.

Nothing here computes; every step imports this and no other step's inside.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
"""Height x width, 0 black to 255 white."""
Rgb = NDArray[np.uint8]
"""Height x width x 3."""
Ink = NDArray[np.float32]
"""Height x width; 0 paper (and printed parts taken away) to 1 full ink of a pen."""
Box = tuple[int, int, int, int]
"""Top, bottom, left and right; bottom and right are the first outside."""
Quad = NDArray[np.float64]
"""4 x 2 pixels: top left, top right, bottom right, bottom left, as the form is read."""


class State(enum.StrEnum):
    """What stands in a field."""

    NUMBER = "number"
    EMPTY = "empty"
    STRUCK = "struck"
    WORD = "word"
    ILLEGIBLE = "illegible"
    ABSENT = "absent"
    """Outside the picture. Never the same as empty."""


@dataclass(frozen=True, slots=True)
class Crop:
    """One field, upright and flat.

    `image` is `margin_px` wider than the field on each side; `ink` has the same size.
    """

    name: str
    image: Rgb
    ink: Ink
    margin_px: int
    boxes: int | None
    """Printed boxes for one digit each; None: a free field, or not known."""
    seen: float
    """The part of the field's area that lies inside the picture, 0 to 1."""
    height_px: float
    """Height of the field in pixels of the picture, before any scaling: says how much detail there can be."""
    written: Box | None
    """Where the field's own ink lies; None where there is none."""

    @property
    def digit_px(self) -> float:
        """Height of what is written, in pixels of the picture; 0 where nothing is."""
        if self.written is None:
            return 0.0
        top, bottom, _, _ = self.written
        return float((bottom - top) / (self.ink.shape[0] - 2 * self.margin_px) * self.height_px)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing a field may say. `raw` is what stands there, character by character: digits, `X` a cross and `-` a dash
    in an unused box, `_` an empty box, `` an empty field; a word in small letters (`nil`); `?` illegible."""

    raw: str
    state: State
    value: int | None
    """The number meant: 0 for crosses, dashes and a word that means none; None where none is meant or known."""
    p: float


@dataclass(frozen=True, slots=True)
class Belief:
    """What one reader makes of one field: candidates by falling probability, their sum at most 1 (the rest: something
    else)."""

    reader: str
    """`digits` and `recurrent` (our own networks) or `line` (the bundled recogniser)."""
    candidates: tuple[Candidate, ...]
    signs: Mapping[str, float] = field(default_factory=dict)
    """What calibration may use beside the probabilities: ink outside the digits, overwriting, ... by name."""

    @property
    def best(self) -> Candidate | None:
        return self.candidates[0] if self.candidates else None
