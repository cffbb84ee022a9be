"""How a field is drawn: how a hand writes and a form is printed (`Style`), and a pen that draws in heights of a field.

Leaves out which signs there are (`written`), what stands around them (`surroundings`), and what is written (`strokes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.simulate.glyphs import Glyph

Layer = NDArray[np.float32]
_SHIFT = 4


@dataclass(frozen=True, slots=True)
class Style:
    """How a hand writes and how the form is printed. Lengths are parts of the field's height."""

    pen: float = 0.045
    """Width of the stroke."""
    size: float = 0.6
    """Height of a digit."""
    slant: float = 0.0
    """Sideways per height; positive leans right."""
    narrow: float = 0.75
    """Width of a digit's box by its height."""
    loose: float = 0.05
    """How far digits stray from their line."""
    wobble: float = 0.035
    boxes: str = "grid"
    """`grid`, `apart`, `dots`, `none`."""
    guides: str = ""
    """Printed inside each box: `eight`, `square`, `` none."""
    rows: bool = True
    """Lines above and below."""
    shift: tuple[float, float] = (0.0, 0.0)
    turn: float = 0.0
    """Degrees."""
    script: str = "western"
    neighbours: float = 0.5
    """How likely the rows above and below are filled."""
    rise: float = 0.0
    """How far all rows of this hand stand below the middle of their fields."""
    column: bool = False
    """Figures of the rows above and below begin or end where this one does."""
    marks: Mapping[str, float] = field(default_factory=dict)
    """Extra: `stamp`, `texture`, `specks`, `bleed`, `through`, `block`, `print`: strength 0 to 1; `beside`: letters of
    the next column run into the field, so far in."""


class Pen:
    """Draws in units of the field's height on a canvas whose layout is moved and turned."""

    def __init__(self, width: float, height_px: int, margin: float, style: Style) -> None:
        self.scale = height_px
        self.size = (round(width * height_px + 2 * margin * height_px), round(height_px * (1 + 2 * margin)))
        angle = np.deg2rad(style.turn)
        self.turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
        self.middle = np.array([width / 2, 0.5], np.float32)
        self.origin = np.array([margin + style.shift[0], margin + style.shift[1]], np.float32)

    def layer(self) -> NDArray[np.uint8]:
        return np.zeros((self.size[1], self.size[0]), np.uint8)

    def pixels(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        moved = ((points - self.middle) @ self.turn.T + self.middle + self.origin) * self.scale
        return np.asarray(moved, np.float32)

    def lines(self, on: NDArray[np.uint8], strokes: Glyph, width: float, dark: float = 1.0) -> None:
        """`width` in heights; thinner than a pixel becomes fainter."""
        if not strokes:
            return
        pixels = width * self.scale
        level = int(255 * dark * min(1.0, max(pixels, 0.3)))
        points = [np.round(self.pixels(s) * (1 << _SHIFT)).astype(np.int32) for s in strokes]
        if level >= 250:
            cv2.polylines(on, points, False, 255, max(1, round(pixels)), cv2.LINE_AA, _SHIFT)
            return
        own = np.zeros_like(on)
        cv2.polylines(own, points, False, level, max(1, round(pixels)), cv2.LINE_AA, _SHIFT)
        np.maximum(on, own, out=on)


def line(x0: float, y0: float, x1: float, y1: float) -> NDArray[np.float32]:
    return np.array([[x0, y0], [x1, y1]], np.float32)


def placed(
    rng: np.random.Generator, strokes: Glyph, x: float, y: float, style: Style, size: float, wide: float
) -> Glyph:
    """Scale a glyph of the unit box to `size` high and `wide` wide with its middle at x, y; lean, turn a little."""
    angle = rng.normal(0, 0.06)
    c, s = np.cos(angle), np.sin(angle)
    lean = style.slant + rng.normal(0, 0.05)
    matrix = np.array([[c * wide, s * size - lean * size * c], [-s * wide, c * size + lean * size * s]], np.float32)
    out = []
    for stroke in strokes:
        moved = (stroke - 0.5) @ matrix.T
        out.append((moved + np.array([x, y], np.float32)).astype(np.float32))
    return out
