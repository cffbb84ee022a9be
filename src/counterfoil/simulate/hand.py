"""Handwriting from lines of our own: digits, crosses, dashes and capital letters, in a hand that stays the same.

What it answers: how one person writes a character, and how a text looks in ink. It needs no data set. It does not write
like everybody: readers are trained and judged on real strokes too (`simulate.strokes`).

* A hand chooses one shape for each character, a slant and proportions; every time it writes, points move a little.
* Polylines live in a box of height 1: x to the right, y down, (0, 0) the top left of the character.
* All chance comes from the generator given: the same generator gives the same ink.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Polyline = NDArray[np.float64]
"""Points x 2."""
Ink = NDArray[np.float32]
"""Height x width; 0 paper to 1 full ink."""

_FINE = 3
"""Ink is drawn so many times larger and made smaller again: pens have widths between whole pixels."""
_SHIFT = 4
"""Bits of a pixel's fraction in `cv2.polylines`."""
_STEPS = 6
"""Lines that make up a curve between two points of a shape."""

# Ways to write each character. `|` lifts the pen, `~` makes the stroke a curve; a point is x and y in ninths.
_SHAPES: dict[str, tuple[str, ...]] = {
    "0": ("~ 40 11 03 06 19 49 67 63 51 40", "~ 51 21 03 07 29 58 74 62 30 21", "~ 30 11 04 08 29 57 63 51 20"),
    "1": ("30 39", "13 30 39", "12 30 39 | 09 69", "40 29", "~ 30 35 39"),
    "2": ("~ 02 11 30 61 63 36 09 | 09 69", "~ 02 11 40 61 63 36 18 09 07 28 49 69", "~ 11 30 51 53 09 69"),
    "3": ("~ 01 20 50 61 53 24 | ~ 24 54 66 58 29 08", "00 60 24 | ~ 24 54 66 58 29 08", "~ 01 30 52 34 56 48 09"),
    "4": ("30 06 66 | 43 49", "50 06 76 | 50 49", "10 05 55 | 50 49", "~ 20 13 15 65 | 51 58"),
    "5": ("60 10 13 | ~ 13 43 64 66 48 29 08", "10 13 | ~ 13 44 56 48 29 08 | 10 60", "~ 60 20 13 44 56 48 09"),
    "6": ("~ 50 22 05 07 29 58 66 54 24 06", "~ 60 31 13 06 28 59 67 55 25 07", "~ 30 13 07 29 58 56 35 08"),
    "7": ("00 60 29", "00 60 29 | 15 55", "02 00 60 39", "~ 01 30 60 43 29", "~ 01 30 60 43 29 | 15 55"),
    "8": ("~ 61 40 11 12 34 55 67 58 39 18 06 35 53 62 60", "~ 30 11 13 34 63 61 30 | ~ 34 06 08 39 68 66 34"),
    "9": ("~ 62 40 11 13 34 63 62 | 62 59", "~ 62 40 11 13 34 63 61 | ~ 61 65 48 19", "~ 60 30 02 04 35 64 60 | 60 69"),
    "X": ("00 79 | 70 09", "~ 00 34 79 | 71 08", "01 68 | 70 19"),
    "-": ("05 74", "~ 05 34 74", "04 75"),
    "A": ("09 40 79 | 16 66",),
    "B": ("00 09 | ~ 00 50 52 34 04 | ~ 04 54 67 49 09",),
    "C": ("~ 61 30 03 06 39 68",),
    "D": ("00 09 | ~ 00 50 73 66 39 09",),
    "E": ("60 00 09 69 | 04 54",),
    "F": ("60 00 09 | 04 54",),
    "G": ("~ 61 30 03 06 39 68 | 45 65 69",),
    "H": ("00 09 | 60 69 | 04 64",),
    "I": ("20 29", "00 40 | 20 29 | 09 49"),
    "J": ("~ 50 57 29 07",),
    "K": ("00 09 | 60 05 | 14 69",),
    "L": ("00 09 59",),
    "M": ("09 00 46 80 89",),
    "N": ("09 00 69 60",),
    "O": ("~ 40 11 03 06 19 49 67 63 51 40",),
    "P": ("09 00 | ~ 00 50 62 44 04",),
    "Q": ("~ 40 11 03 06 19 49 67 63 51 40 | 46 69",),
    "R": ("09 00 | ~ 00 50 62 44 04 | 34 69",),
    "S": ("~ 61 30 02 24 55 67 39 08",),
    "T": ("00 70 | 30 39",),
    "U": ("~ 00 06 29 49 66 60",),
    "V": ("00 39 70",),
    "W": ("00 19 43 69 80",),
    "Y": ("00 34 | 70 29",),
    "Z": ("00 60 09 69",),
}


@dataclass(frozen=True)
class Hand:
    """How one person writes."""

    choice: int
    """Decides the shape of every character."""
    slant: float
    """Shift of the top to the right, in heights."""
    wide: float
    """Width of characters, 1 = as in the shapes."""
    unrest: float
    """How far points move each time, in heights."""
    shapes: dict[str, list[tuple[bool, Polyline]]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, rng: np.random.Generator) -> Hand:
        """A person."""
        slant, wide, unrest = rng.normal(0.08, 0.12), rng.uniform(0.75, 1.15), rng.uniform(0.008, 0.035)
        return cls(int(rng.integers(1 << 30)), float(slant), float(wide), float(unrest))

    def strokes(self, character: str, rng: np.random.Generator) -> list[Polyline]:
        """One character as it is written this time, in a box of height 1; nothing for a blank or an unknown one."""
        if character not in self.shapes:
            self.shapes[character] = _shape(character, self.choice)
        turn, tall = rng.normal(0, 0.04), 1 + rng.normal(0, 0.04)
        lines = []
        for curved, points in self.shapes[character]:
            moved = points * (self.wide, tall) + rng.normal(0, self.unrest, points.shape)
            moved[:, 0] += (0.5 - moved[:, 1]) * (self.slant + turn)
            lines.append(curve(moved) if curved else moved)
        return lines


def _shape(character: str, choice: int) -> list[tuple[bool, Polyline]]:
    ways = _SHAPES.get(character.upper(), ())
    if not ways:
        return []
    way = ways[(choice >> (ord(character) % 13)) % len(ways)]
    strokes = []
    for part in way.split("|"):
        words = part.split()
        points = [(int(word[0]) / 9, int(word[1]) / 9) for word in words if word != "~"]
        strokes.append((words[0] == "~", np.array(points, np.float64)))
    return strokes


def curve(points: Polyline) -> Polyline:
    """A smooth line through the points (Catmull-Rom, the ends doubled)."""
    p = np.concatenate((points[:1], points, points[-1:]))
    t = (np.arange(_STEPS) / _STEPS)[:, None, None]
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    bend = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return np.concatenate((bend.transpose(1, 0, 2).reshape(-1, 2), points[-1:]))


def text_strokes(text: str, hand: Hand, rng: np.random.Generator, *, gap: float = 0.22) -> tuple[list[Polyline], float]:
    """A text on one line, in a box of height 1.

    Args:
        gap: between two characters, in heights.

    Returns:
        Its strokes and its width, in heights.
    """
    lines: list[Polyline] = []
    at = 0.0
    for character in text:
        strokes = hand.strokes(character, rng)
        if not strokes:
            at += 0.45
            continue
        left = min(float(one[:, 0].min()) for one in strokes)
        right = max(float(one[:, 0].max()) for one in strokes)
        move = np.array((at - left, rng.normal(0, 0.02)))
        lines += [one + move for one in strokes]
        at += right - left + gap * float(rng.uniform(0.6, 1.4))
    return lines, max(0.0, at - gap)


def ink_of(lines: Sequence[Polyline], size: tuple[int, int], pen_px: float) -> Ink:
    """Strokes (in pixels of a picture of height x width `size`) as ink."""
    height, width = size
    fine = np.zeros((height * _FINE, width * _FINE), np.uint8)
    thick = max(1, round(pen_px * _FINE))
    scaled = [np.round(one * (_FINE << _SHIFT)).astype(np.int32) for one in lines]
    cv2.polylines(fine, scaled, isClosed=False, color=255, thickness=thick, lineType=cv2.LINE_AA, shift=_SHIFT)
    small = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)
