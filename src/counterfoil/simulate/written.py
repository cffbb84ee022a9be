"""The signs of a field as a hand writes them: digits, crosses, dashes, words, what is struck out or written over.

`Written` is one field being filled; it keeps which signs stand where. Leaves out which signs are written (`strokes`),
and what others print and write around them (`surroundings`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from counterfoil.simulate.glyphs import NONE_WORDS, OTHER_WORDS, Glyph, glyph
from counterfoil.simulate.pen import Pen, Style, line, placed

Write = Callable[[np.random.Generator, str], Glyph]
"""Gives the strokes of one digit, in place of own polylines."""

SIGNS = "0123456789X-nw/?"
"""What a field can hold, left to right: digits, a cross, a dash, a word that means none, another word, something struck
out, a digit written over another. An empty box holds nothing."""


class Written:
    """One field being filled."""

    def __init__(
        self,
        rng: np.random.Generator,
        style: Style,
        width: float,
        boxes: int | None,
        height_px: int,
        margin: float,
        write: Write | None,
    ) -> None:
        self.rng, self.style, self.width, self.boxes = rng, style, width, boxes
        self.pen = Pen(width, height_px, margin, style)
        self.margin = margin
        self.usable = width - style.marks.get("beside", 0.0)
        self.ink, self.printed = self.pen.layer(), self.pen.layer()
        self.write = write
        self.signs: list[tuple[float, str]] = []
        self.rows: list[float] = []
        self.span: tuple[float, float] | None = None

    def digit(self, sign: str) -> Glyph:
        if self.write is not None and sign.isdigit():
            return self.write(self.rng, sign)
        return glyph(self.rng, sign, self.style.script, self.style.wobble)

    def put(self, sign: str, x: float, y: float, size: float, wide: float | None = None, record: bool = True) -> None:
        """One sign with its middle at x, y."""
        style, rng = self.style, self.rng
        wide = size * style.narrow * rng.uniform(0.85, 1.15) if wide is None else wide
        if sign == "-":
            wide = wide if wide > size else size * rng.uniform(0.5, 1.2)
            strokes = [
                s * np.array([1, 0.15 / max(size, 0.1)], np.float32) + np.array([0, 0.45], np.float32)
                for s in glyph(rng, "-", "western", 0.05)
            ]
            strokes = placed(rng, strokes, x, y, style, size, wide)
        elif sign == "?":
            first, second = rng.choice(list("0123456789"), 2, replace=False)
            strokes = placed(rng, self.digit(str(first)), x, y, style, size, wide)
            strokes += placed(
                rng, self.digit(str(second)), x + rng.normal(0, 0.04), y, style, size * rng.uniform(0.9, 1.15), wide
            )
            self.pen.lines(self.ink, strokes[len(strokes) // 2 :], style.pen * rng.uniform(1.2, 2.2))
        elif sign == "/":
            strokes = self.struck(x, y, size, wide)
        elif sign in "nw":
            strokes, wide = self.word(sign, x, y, size)
        else:
            strokes = placed(rng, self.digit(sign), x, y, style, size, wide)
        self.pen.lines(self.ink, strokes, style.pen * rng.uniform(0.9, 1.1))
        if record:
            low, high = self.span or (x, x)
            self.span = (min(low, x - wide / 2), max(high, x + wide / 2))
            ends = self.pen.pixels(np.array([[x, y - size / 2], [x, y + size / 2]], np.float32))
            self.signs.append((float(ends[:, 0].mean()), sign))
            self.rows += [float(ends[0, 1]), float(ends[1, 1])]

    def struck(self, x: float, y: float, size: float, wide: float) -> Glyph:
        """A digit or two under a line, a cross or a scribble."""
        rng, style = self.rng, self.style
        count = 1 if wide < size * 1.1 else int(rng.integers(1, 4))
        pitch = wide / count
        strokes: Glyph = []
        for i in range(count):
            at = x - wide / 2 + pitch * (i + 0.5)
            strokes += placed(
                rng, self.digit(str(rng.integers(10))), at, y, style, size, min(pitch * 0.9, size * style.narrow)
            )
        kind = rng.integers(4)
        half = wide / 2 * 1.15
        if kind == 0:
            strokes.append(line(x - half, y + rng.normal(0, 0.1) * size, x + half, y + rng.normal(0, 0.1) * size))
            if rng.random() < 0.5:
                strokes.append(line(x - half, y + size * 0.15, x + half, y + size * 0.1))
        elif kind == 1:
            strokes.append(line(x - half, y + size * 0.5, x + half, y - size * 0.5))
            if rng.random() < 0.5:
                strokes.append(line(x - half, y - size * 0.5, x + half, y + size * 0.5))
        else:
            turns = int(rng.integers(5, 14))
            t = np.linspace(0, 1, turns * 2)
            ys = (
                y
                + size * rng.uniform(0.25, 0.5) * np.where(np.arange(turns * 2) % 2, 1, -1)
                + rng.normal(0, 0.04, turns * 2)
            )
            strokes.append(np.stack([x - half + 2 * half * t, ys], axis=1).astype(np.float32))
            if kind == 3:
                strokes.append(np.stack([x + half - 2 * half * t, ys[::-1]], axis=1).astype(np.float32))
        return strokes

    def word(self, sign: str, x: float, y: float, size: float) -> tuple[Glyph, float]:
        rng, style = self.rng, self.style
        words = NONE_WORDS if sign == "n" else OTHER_WORDS
        text = str(words[int(rng.integers(len(words)))])
        pitch = size * rng.uniform(0.55, 0.8)
        strokes: Glyph = []
        joined, before = rng.random() < 0.4, None
        for i, letter in enumerate(text):
            at = x + (i - (len(text) - 1) / 2) * pitch
            letter_size = size if letter.isupper() or letter in "lhdbkt" else size * rng.uniform(0.9, 1.25)
            pieces = placed(rng, glyph(rng, letter, wobble=style.wobble), at, y, style, letter_size, pitch * 0.9)
            if joined and letter.islower() and before is not None:
                strokes.append(np.stack([before, pieces[0][0]]))
            before = pieces[0][-1]
            strokes += pieces
        return strokes, pitch * len(text)
