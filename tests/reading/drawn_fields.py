"""Drawn fields with known truth, cut out by the same code as real photos: what the digits reader is tested on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from counterfoil.reading.belief import Crop
from counterfoil.reading.crops import crops_given
from counterfoil.simulate.lessons import hand, photographed, sample_style
from counterfoil.simulate.mnist import Strokes, mnist
from counterfoil.simulate.strokes import Drawn, draw_field
from counterfoil.simulate.written import Write

MNIST = Path(__file__).parents[3] / "shared" / "data" / "digits"


@dataclass(frozen=True)
class Field:
    crop: Crop
    drawn: Drawn


@cache
def unseen() -> Strokes:
    """Strokes of MNIST's test pictures: training never sees them."""
    return mnist(MNIST, "t10k", 600)


def field(
    seed: int,
    text: str,
    *,
    boxes: int | None = 3,
    script: str = "western",
    place: str = "right",
    strokes: Strokes | None = None,
    write: Write | None = None,
    pitch: float = 0.9,
    rise: float = 0.0,
    beside: float = 0.0,
) -> Field:
    """`text` in an ordinary hand, photographed by an ordinary camera.

    `rise`: how far all rows of the hand stand under the middle of their fields; `beside`: how much of the outline lies
    over the next column, which holds a word; both in heights of the field.
    """
    rng = np.random.default_rng([seed, 77])
    style = sample_style(rng, script)
    ordinary = {name: strength for name, strength in style.marks.items() if name in ("texture", "print", "specks")}
    size = float(rng.uniform(0.45, 0.75))
    style = type(style)(
        pen=size * float(rng.uniform(0.06, 0.13)),
        size=size,
        slant=style.slant,
        narrow=style.narrow,
        loose=style.loose,
        boxes="grid" if seed % 2 else "apart",
        shift=(float(np.clip(style.shift[0], -0.1, 0.1)), float(np.clip(style.shift[1], -0.1, 0.1))),
        turn=style.turn,
        script=script,
        neighbours=1.0 if rise else style.neighbours,
        rise=rise,
        column=bool(rise),
        marks=ordinary | ({"beside": beside} if beside else {}),
    )
    width = pitch * boxes + beside if boxes else float(rng.uniform(2, 6))
    write = write or hand(rng, strokes, 0.04)
    drawn = draw_field(rng, text, style, width=width, boxes=boxes, place=place, write=write)
    grey = photographed(rng, drawn)
    high, wide = grey.shape
    m = drawn.margin
    quad = np.array([[m, m], [wide - m, m], [wide - m, high - m], [m, high - m]], np.float64)
    image = np.repeat(grey[:, :, None], 3, axis=2)
    return Field(crops_given(image, {"field": quad}, {"field": boxes})[0], drawn)
