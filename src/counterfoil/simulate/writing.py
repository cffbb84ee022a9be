"""What an officer writes into one field, with the truth: the figure, what stands beside it, and what went wrong.

What it answers: pen strokes in pixels of one upright field, and what they say. It leaves out printed lines, other
fields, light and camera (`sheets`, `wear`).

* The truth is what stands on the paper, not what should: a figure written over another is `illegible` even though the
  officer meant one of the two.
* `raw` and `state` are the words of `primitives.cells` and of the reader: digits, `X` and `-` for a cross and a dash in
  an unused box, `_` an empty box, small letters a word, `?` not to be told.
* Strokes come from a hand of our own, or from real digits where somebody gives them (`Person`).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from counterfoil.primitives.cells import FieldState
from counterfoil.simulate.hand import Hand, Polyline, text_strokes

Digits = Callable[[np.random.Generator, int], list[Polyline]]
"""Strokes of a digit in a box of height 1, another each time."""

ZERO_WORDS = ("nil", "none", "zero")


class Problem(enum.StrEnum):
    """What goes wrong in a field (as on real sheets). Of these `STAMP`, `FAINT` and `BLEED` are the sheet's
    to draw."""

    LEADING_DASH = "leading_dash"
    """A long dash that touches the first digit; dashes in unused boxes."""
    TRAILING_DASH = "trailing_dash"
    CROSSES = "crosses"
    """In unused boxes, on the left."""
    LEFT_ALIGNED = "left_aligned"
    SQUEEZED = "squeezed"
    """Digits close together, across the lines between boxes."""
    ONE_BOX = "one_box"
    """All digits in one box."""
    OVERWRITTEN = "overwritten"
    """One digit written over another."""
    STRUCK_BESIDE = "struck_beside"
    """A struck figure and the new one beside."""
    STRUCK = "struck"
    """A struck figure and nothing new."""
    DASH = "dash"
    """A dash instead of a figure."""
    WORD = "word"
    """A word that means none."""
    WORD_BESIDE = "word_beside"
    """A word beside the figure, in the same field."""
    FLOATING = "floating"
    """Over the line of the row."""
    TAILS = "tails"
    """Ink of the row above reaches in."""
    STAMP = "stamp"
    FAINT = "faint"
    BLEED = "bleed"
    """Ink of the other side shows."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who fills in a sheet. Lengths are shares of a field's height."""

    hand: Hand
    digits: Digits | None = None
    """Real digits; None: the hand's own."""
    size: float = 0.62
    gap: float = 0.22
    pen: float = 0.05
    unused: str = "zeros"
    """What is put into unused boxes: `zeros`, `crosses`, `dashes`, `empty`."""
    none: str = "figure"
    """What is put for no votes: `figure`, `dash`, `crosses`, `word`, `blank`."""
    place: float = 0.5
    """Where a figure stands in a free field, 0 left to 1 right."""

    def strokes(self, sign: str, rng: np.random.Generator) -> list[Polyline]:
        """One character in a box of height 1."""
        if self.digits is not None and sign.isdigit():
            return self.digits(rng, int(sign))
        return self.hand.strokes(sign, rng)


@dataclass(frozen=True, slots=True)
class Line:
    """Strokes of one pen, in pixels of the field."""

    points: Polyline
    thick: float = 1.0
    """1: as this person's pen."""


@dataclass
class Written:
    """What was written into one field."""

    raw: str
    value: int | None
    state: FieldState | None
    """None: a number."""
    lines: list[Line] = field(default_factory=list)


def write_field(
    value: int | None,
    person: Person,
    rng: np.random.Generator,
    *,
    size: tuple[float, float],
    boxes: int | None,
    problem: Problem | None = None,
) -> Written:
    """Fill one field.

    Args:
        value: the figure; None: left blank.
        size: width and height of the field in pixels.
        boxes: printed boxes, one digit each; None: a free field.

    A figure that its boxes cannot hold is written across them.
    """
    work = _Field(person, rng, size, boxes)
    if value is None:
        return Written("", None, FieldState.EMPTY)
    special = _INSTEAD.get(problem) if problem is not None else None
    if special is not None:
        return special(work, value)
    if problem is None and value == 0 and person.none != "figure":
        return _none(work, person.none)
    work.figure(str(value), problem)
    if problem is Problem.TAILS:
        work.tails()
    if problem is Problem.WORD_BESIDE:
        work.word_beside()
    return Written(work.raw, value, None, work.lines)


class _Field:
    """One field while it is written."""

    def __init__(self, person: Person, rng: np.random.Generator, size: tuple[float, float], boxes: int | None) -> None:
        self.person, self.rng, self.boxes = person, rng, boxes
        self.wide, self.high = size
        self.box = self.wide / (boxes or 1)
        self.lines: list[Line] = []
        self.raw = ""
        self.size = person.size * self.high * float(rng.uniform(0.9, 1.1))
        self.base = self.high / 2 + float(rng.normal(0, 0.03)) * self.high

    # -- single signs

    def sign(self, sign: str, x: float, *, most: float, size: float | None = None, y: float | None = None) -> None:
        """One character with its middle at x, at most `most` wide."""
        rng, high = self.rng, (size or self.size) * float(self.rng.uniform(0.92, 1.08))
        strokes = self.person.strokes(sign, rng)
        points = np.concatenate(strokes)
        low, top = points.min(axis=0), points.max(axis=0)
        scale = min(high, most / max(0.05, float(top[0] - low[0])))
        middle = (low + top) / 2 if sign != "-" else np.array(((low[0] + top[0]) / 2, 0.5))
        at = np.array((x, self.base if y is None else y)) + rng.normal(0, 0.03, 2) * self.high
        self.lines += [Line((one - middle) * scale + at) for one in strokes]

    def text(
        self,
        text: str,
        left: float,
        *,
        room: float,
        share: float = 0.0,
        size: float | None = None,
        gap: float | None = None,
    ) -> tuple[float, float]:
        """Characters between `left` and `left + room`, smaller where they need to be; where they begin and end.

        `share`: 0 at the left of the room, 1 at its right.
        """
        between = self.person.gap if gap is None else gap
        drawn, width = _characters(text, self.person, self.rng, between)
        scale = min(size or self.size, room / max(width, 0.1))
        start = left + (room - width * scale) * min(1.0, max(0.0, share))
        top = self.base - scale / 2
        slope = self.rng.normal(0, 0.02)
        for one in drawn:
            moved = one * scale + np.array((start, top))
            moved[:, 1] += slope * (moved[:, 0] - start)
            self.lines.append(Line(moved))
        return start, start + width * scale

    def stroke(self, *points: tuple[float, float], thick: float = 1.0) -> None:
        """A line that trembles."""
        given = np.array(points, np.float64)
        steps = np.linspace(0, len(given) - 1, 6 * (len(given) - 1) + 1)
        path = np.stack([np.interp(steps, np.arange(len(given)), given[:, k]) for k in (0, 1)], axis=-1)
        wave = np.cumsum(self.rng.normal(0, 0.006 * self.high, path.shape), axis=0)
        self.lines.append(Line(path + wave, thick))

    # -- whole figures

    def figure(self, digits: str, problem: Problem | None) -> None:
        if problem is Problem.FLOATING:
            self.base -= self.high * float(self.rng.uniform(0.2, 0.32))
        free = self.boxes is None or len(digits) > self.boxes
        if free or problem in {Problem.SQUEEZED, Problem.ONE_BOX, Problem.STRUCK_BESIDE}:
            self.across(digits, problem)
        else:
            self.boxed(digits, problem)

    def across(self, digits: str, problem: Problem | None) -> None:
        """As one group, whatever is printed."""
        rng, gap = self.rng, self.person.gap
        left, room = 0.03 * self.wide, 0.94 * self.wide
        share = self.person.place + float(rng.normal(0, 0.05))
        if problem is Problem.ONE_BOX:
            room, gap, share = self.box * 0.9, 0.06, 0.5
            left += (self.wide - self.box) * float(rng.choice((0.0, 1.0)))
        elif problem is Problem.SQUEEZED:
            gap, share = 0.02, float(rng.uniform(0, 1))
        elif problem is Problem.LEFT_ALIGNED:
            share = 0.0
        elif problem is Problem.WORD_BESIDE:
            room, share = 0.45 * self.wide, 0.3
        elif problem is Problem.LEADING_DASH:
            left, room = 0.3 * self.wide, 0.67 * self.wide
        elif problem is Problem.TRAILING_DASH:
            room = 0.7 * self.wide
        start, end = self.text(digits, left, room=room, share=share, gap=gap)
        self.raw = digits
        if problem is Problem.LEADING_DASH:
            self.stroke((0.02 * self.wide, self.base), (start + 0.06 * self.size, self.base + 0.04 * self.high))
            self.raw = "-" + digits
        if problem is Problem.TRAILING_DASH:
            self.stroke((end + 0.02 * self.wide, self.base), (0.97 * self.wide, self.base))
            self.raw = digits + "-"

    def boxed(self, digits: str, problem: Problem | None) -> None:
        """One digit a box."""
        boxes = self.boxes or 1
        spare = boxes - len(digits)
        fill = {"zeros": "0", "crosses": "X", "dashes": "-", "empty": "_"}[self.person.unused]
        if problem is Problem.CROSSES:
            fill = "X"
        if problem in {Problem.LEADING_DASH, Problem.TRAILING_DASH}:
            fill = "-"
        text = digits + "_" * spare if problem is Problem.LEFT_ALIGNED else fill * spare + digits
        if problem is Problem.TRAILING_DASH:
            text = digits + "-" * spare
        for at, sign in enumerate(text):
            if sign != "_":
                size = self.size * (1.1 if sign == "X" else 0.9 if sign == "-" else 1.0)
                self.sign(sign, (at + 0.5) * self.box, most=self.box * 0.88, size=size)
        if problem is Problem.LEADING_DASH and spare and self.rng.random() < 0.5:  # a long dash as well
            self.stroke((0.1 * self.box, self.base), ((spare + 0.15) * self.box, self.base))
        self.raw = text

    def tails(self) -> None:
        """Ink of the row above: the lower parts of its digits."""
        for at in self.rng.uniform(0.1, 0.9, int(self.rng.integers(1, 4))):
            x = float(at) * self.wide
            self.stroke(
                (x, -0.55 * self.high),
                (x + float(self.rng.normal(0, 0.08)) * self.high, float(self.rng.uniform(0.12, 0.3)) * self.high),
            )

    def word_beside(self) -> None:
        """In the field where there are no boxes, else before it."""
        word = str(self.rng.choice(("ONLY", "VOTES", "TOTAL", "SEEN")))
        left = 0.56 * self.wide if self.boxes is None else -0.6 * self.wide
        self.text(word, left, room=0.42 * self.wide, share=0.5, size=self.size * 0.55)

    def strike(self, left: float, right: float) -> None:
        """Cross out what stands between two places."""
        rng, y, half = self.rng, self.base, self.size / 2
        way = rng.integers(3)
        if way == 0:
            self.stroke((left, y + 0.1 * half), (right, y - 0.1 * half), thick=1.1)
            self.stroke((left, y + 0.4 * half), (right, y + 0.3 * half), thick=1.1)
        elif way == 1:
            self.stroke((left, y - half), (right, y + half), thick=1.1)
            self.stroke((left, y + half), (right, y - half), thick=1.1)
        else:
            count = max(4, round((right - left) / (0.16 * self.high)))
            xs = np.linspace(left, right, count)
            self.stroke(*((float(x), y + (half if i % 2 else -half) * 0.9) for i, x in enumerate(xs)))


def _characters(text: str, person: Person, rng: np.random.Generator, gap: float) -> tuple[list[Polyline], float]:
    if person.digits is None:
        return text_strokes(text, person.hand, rng, gap=gap)
    lines: list[Polyline] = []
    at = 0.0
    for sign in text:
        strokes = person.strokes(sign, rng)
        if not strokes:
            at += 0.45
            continue
        left = min(float(one[:, 0].min()) for one in strokes)
        right = max(float(one[:, 0].max()) for one in strokes)
        lines += [one + np.array((at - left, 0.0)) for one in strokes]
        at += right - left + gap * float(rng.uniform(0.6, 1.4))
    return lines, max(0.0, at - gap)


# What stands instead of a figure


def _none(work: _Field, way: str) -> Written:
    """No votes, in one of the ways of `Person.none`."""
    boxes = work.boxes or 1
    if way == "blank":
        return Written("", None, FieldState.EMPTY)
    if way == "word":
        return _word(work, 0)
    if way == "crosses":
        for at in range(boxes):
            work.sign("X", (at + 0.5) * work.box, most=min(work.box, 1.2 * work.high) * 0.8)
        return Written("X" * boxes, 0, FieldState.STRUCK, work.lines)
    if work.boxes and work.rng.random() < 0.6:
        for at in range(boxes):
            work.sign("-", (at + 0.5) * work.box, most=work.box * 0.7)
        return Written("-" * boxes, 0, FieldState.STRUCK, work.lines)
    left = float(work.rng.uniform(0.1, 0.35))
    work.stroke((left * work.wide, work.base), ((1 - left) * work.wide, work.base + 0.05 * work.high))
    return Written("-", 0, FieldState.STRUCK, work.lines)


def _dash(work: _Field, _value: int) -> Written:
    return _none(work, "dash")


def _word(work: _Field, _value: int) -> Written:
    word = str(work.rng.choice(ZERO_WORDS))
    size = work.size * 0.85
    work.text(word, 0.04 * work.wide, room=work.wide * 0.92, share=0.5, size=size)
    return Written(word, 0, FieldState.WORD, work.lines)


def _overwritten(work: _Field, value: int) -> Written:
    """A figure, and another digit over one of it with a little more ink. A one hides in the strokes of others, so it is
    never what is written over them: people would not see it either."""
    digits = str(value)
    work.figure(digits, None)
    at = int(work.rng.integers(len(digits)))
    others = [sign for sign in "023456789" if sign != digits[at]]
    other = others[int(work.rng.integers(len(others)))]
    signs = len(work.lines)
    if work.boxes and len(digits) <= work.boxes:
        work.sign(other, (work.boxes - len(digits) + at + 0.5) * work.box, most=work.box * 0.88, size=work.size * 1.08)
    else:
        points = np.concatenate([one.points for one in work.lines])
        left, right = float(points[:, 0].min()), float(points[:, 0].max())
        step = (right - left) / len(digits)
        work.sign(other, left + (at + 0.5) * step, most=max(step, 0.3 * work.size), size=work.size * 1.08)
    work.lines = work.lines[:signs] + [Line(one.points, 1.2) for one in work.lines[signs:]]
    place = len(work.raw) - len(digits) + at
    return Written(work.raw[:place] + "?" + work.raw[place + 1 :], None, FieldState.ILLEGIBLE, work.lines)


def _struck_beside(work: _Field, value: int) -> Written:
    """A wrong figure, crossed out; the right one in what room is left."""
    wrong = str(max(0, value + int(work.rng.choice((-20, -9, 1, 10, 90)))))
    room = work.wide * 0.45
    _, end = work.text(wrong, 0.03 * work.wide, room=room, size=work.size * 0.85)
    work.strike(0.0, min(end + 0.03 * work.wide, work.wide * 0.5))
    work.text(str(value), work.wide * 0.53, room=room, share=0.3, size=work.size * 0.85)
    return Written(str(value), value, None, work.lines)


def _struck(work: _Field, value: int) -> Written:
    work.figure(str(value), None)
    points = np.concatenate([one.points for one in work.lines])
    work.strike(float(points[:, 0].min()) - 0.05 * work.high, float(points[:, 0].max()) + 0.05 * work.high)
    return Written("?", None, FieldState.ILLEGIBLE, work.lines)


_INSTEAD: dict[Problem, Callable[[_Field, int], Written]] = {
    Problem.DASH: _dash,
    Problem.WORD: _word,
    Problem.OVERWRITTEN: _overwritten,
    Problem.STRUCK_BESIDE: _struck_beside,
    Problem.STRUCK: _struck,
}
