"""One field of a form as hands fill it, with the truth: strokes of the pen and printed lines, kept apart.

`draw_field` writes a text into a field of given size, with or without boxes, and with what real sheets show
(leading dashes, crosses, struck and overwritten digits, words, guide digits, tails of the rows above and below, stamps,
a layout that lies up to a fifth of the height beside where the outline says). All randomness is the generator given;
same seed, same field. Leaves out: what to write, light, blur and compression (`lessons`), whole sheets (`sheets`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.simulate.glyphs import NONE_WORDS, OTHER_WORDS, Glyph, glyph

Layer = NDArray[np.float32]
Write = Callable[[np.random.Generator, str], Glyph]
"""Gives the strokes of one digit, in place of own polylines."""

SIGNS = "0123456789X-nw/?"
"""What a field can hold, left to right: digits, a cross, a dash, a word that means none, another word, something struck
out, a digit written over another. An empty box holds nothing."""
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
    marks: Mapping[str, float] = field(default_factory=dict)
    """Extra: `stamp`, `texture`, `specks`, `bleed`, `through`, `block`, `print`: strength 0 to 1."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A field with its margins. `ink`, `printed` 0 (paper) to 1; `places` the middle of each sign of `signs` in pixels
    from the left; `value` as `reading.belief` has it."""

    ink: Layer
    printed: Layer
    signs: str
    places: tuple[float, ...]
    raw: str
    value: int | None
    margin: int
    rows: tuple[float, float]
    """First and last row of the signs, in pixels from the top; the field's own where there are none."""


class _Pen:
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


def _line(x0: float, y0: float, x1: float, y1: float) -> NDArray[np.float32]:
    return np.array([[x0, y0], [x1, y1]], np.float32)


def _placed(
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


class _Field:
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
        self.pen = _Pen(width, height_px, margin, style)
        self.margin = margin
        self.ink, self.printed = self.pen.layer(), self.pen.layer()
        self.write = write
        self.signs: list[tuple[float, str]] = []
        self.rows: list[float] = []

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
            strokes = _placed(rng, strokes, x, y, style, size, wide)
        elif sign == "?":
            first, second = rng.choice(list("0123456789"), 2, replace=False)
            strokes = _placed(rng, self.digit(str(first)), x, y, style, size, wide)
            strokes += _placed(
                rng, self.digit(str(second)), x + rng.normal(0, 0.04), y, style, size * rng.uniform(0.9, 1.15), wide
            )
            self.pen.lines(self.ink, strokes[len(strokes) // 2 :], style.pen * rng.uniform(1.2, 2.2))
        elif sign == "/":
            strokes = self.struck(x, y, size, wide)
        elif sign in "nw":
            strokes, wide = self.word(sign, x, y, size)
        else:
            strokes = _placed(rng, self.digit(sign), x, y, style, size, wide)
        self.pen.lines(self.ink, strokes, style.pen * rng.uniform(0.9, 1.1))
        if record:
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
            strokes += _placed(
                rng, self.digit(str(rng.integers(10))), at, y, style, size, min(pitch * 0.9, size * style.narrow)
            )
        kind = rng.integers(4)
        half = wide / 2 * 1.15
        if kind == 0:
            strokes.append(_line(x - half, y + rng.normal(0, 0.1) * size, x + half, y + rng.normal(0, 0.1) * size))
            if rng.random() < 0.5:
                strokes.append(_line(x - half, y + size * 0.15, x + half, y + size * 0.1))
        elif kind == 1:
            strokes.append(_line(x - half, y + size * 0.5, x + half, y - size * 0.5))
            if rng.random() < 0.5:
                strokes.append(_line(x - half, y - size * 0.5, x + half, y + size * 0.5))
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
        for i, letter in enumerate(text):
            at = x + (i - (len(text) - 1) / 2) * pitch
            letter_size = size if letter.isupper() or letter in "lhdbkt" else size * 0.9
            strokes += _placed(rng, glyph(rng, letter, wobble=style.wobble), at, y, style, letter_size, pitch * 0.85)
        return strokes, pitch * len(text)

    # -- printed parts

    def print_box(self, x0: float, x1: float, y0: float, y1: float, dark: float, width: float, dots: bool) -> None:
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
        for (ax, ay), (bx, by) in itertools.pairwise(corners):
            self.print_line(ax, ay, bx, by, dark, width, dots)

    def print_line(
        self, ax: float, ay: float, bx: float, by: float, dark: float, width: float, dots: bool = False
    ) -> None:
        if not dots:
            self.pen.lines(self.printed, [_line(ax, ay, bx, by)], width, dark)
            return
        length = max(abs(bx - ax), abs(by - ay))
        count = max(2, int(length / 0.09))
        t = np.linspace(0, 1, count * 2)
        points = np.stack([ax + (bx - ax) * t, ay + (by - ay) * t], axis=1).astype(np.float32)
        self.pen.lines(self.printed, [points[i : i + 2] for i in range(0, count * 2, 2)], width, dark)

    def guide(self, x: float, y: float, size: float, dark: float) -> None:
        half = size * 0.25
        if self.style.guides == "eight":
            self.print_box(x - half, x + half, y - size / 2, y, dark, 0.02, False)
            self.print_box(x - half, x + half, y, y + size / 2, dark, 0.02, False)
        else:
            self.print_box(x - half, x + half, y - size / 2, y + size / 2, dark, 0.02, self.rng.random() < 0.5)

    def layout(self) -> list[tuple[float, float, float, float]]:
        """Print the form; the boxes as x0, x1, y0, y1 (one over all for a free field)."""
        rng, style, width = self.rng, self.style, self.width
        dark, thick = rng.uniform(0.25, 1.0), rng.uniform(0.012, 0.05)
        far = self.margin + 0.3
        if style.rows:
            for y in (0.0, 1.0):
                self.print_line(
                    -far,
                    y,
                    width + far,
                    y + rng.normal(0, 0.01),
                    dark,
                    thick * rng.uniform(0.7, 1.5),
                    style.boxes == "dots",
                )
        if self.boxes is None:
            if style.rows and rng.random() < 0.7:
                for x in (0.0, width):
                    self.print_line(x, -far, x, 1 + far, dark, thick)
            return [(0.0, width, 0.0, 1.0)]
        places = []
        gap = rng.uniform(0.02, 0.12) if style.boxes == "apart" else 0.0
        top = rng.uniform(0.0, 0.2) if style.boxes == "apart" else 0.0
        pitch = width / self.boxes
        for i in range(self.boxes):
            x0, x1 = i * pitch + gap, (i + 1) * pitch - gap
            places.append((x0, x1, top, 1 - top))
            if style.boxes == "apart":
                self.print_box(x0, x1, top, 1 - top, dark, thick, False)
            if style.guides:
                self.guide((x0 + x1) / 2, 0.5, (1 - 2 * top) * rng.uniform(0.6, 0.75), dark * 0.6)
        if style.boxes in ("grid", "dots"):
            inner = style.boxes == "dots" or rng.random() < 0.15
            for i in range(self.boxes + 1):
                edge = i in (0, self.boxes)
                reach = far if rng.random() < 0.6 and style.boxes == "grid" else 0.0
                self.print_line(
                    i * pitch,
                    -reach,
                    i * pitch,
                    1 + reach,
                    dark * (1 if edge else rng.uniform(0.5, 1)),
                    thick,
                    inner and not edge,
                )
        return places


def draw_field(
    rng: np.random.Generator,
    text: str,
    style: Style,
    *,
    width: float,
    boxes: int | None = None,
    height_px: int = 64,
    margin: float = 0.25,
    place: str = "right",
    write: Write | None = None,
) -> Drawn:
    """Fill a field `width` times as wide as high with `text`: `SIGNS`, and `_` for an empty box.

    `place`: where the text stands: `right`, `left`, `squeezed` (all in one box, or close together), `anywhere`. `write`
    gives the strokes of digits (see `glyphs.Strokes`); None: own polylines of the style's script.
    """
    work = _Field(rng, style, width, boxes, height_px, margin, write)
    places = work.layout()
    size = style.size
    if boxes is not None and place in ("right", "left") and len(text) <= boxes:
        first = boxes - len(text) if place == "right" else 0
        _fill_boxes(work, text, places[first : first + len(text)], size)
    else:
        _fill_free(work, text, places, size, place)
    _around(work)
    ink, printed = (np.asarray(layer.astype(np.float32) / 255, np.float32) for layer in (work.ink, work.printed))
    order = sorted(work.signs)
    signs = "".join(sign for _, sign in order)
    rows = work.rows or [margin * height_px, (1 + margin) * height_px]
    return Drawn(
        ink,
        printed,
        signs,
        tuple(x for x, _ in order),
        text,
        value_of(text),
        round(margin * height_px),
        (min(rows), max(rows)),
    )


def value_of(text: str) -> int | None:
    """The number meant: digits whatever stands in unused boxes; 0 for dashes, crosses, a word that means none."""
    if "?" in text or ("w" in text and not any(c.isdigit() for c in text)):
        return None
    digits = "".join(c for c in text if c.isdigit())
    if digits:
        return int(digits)
    return 0 if any(c in "X-n" for c in text) else None


def _fill_boxes(work: _Field, text: str, places: list[tuple[float, float, float, float]], size: float) -> None:
    rng, style = work.rng, work.style
    drift = rng.normal(0, 0.06)
    for sign, (x0, x1, y0, y1) in zip(text, places, strict=True):
        if sign == "_":
            continue
        high = y1 - y0
        wide_box = x1 - x0
        tall = min(size * high * rng.uniform(0.88, 1.12), 1.3)
        wide = min(tall * style.narrow * rng.uniform(0.8, 1.2), wide_box * 1.05)
        if sign == "X" and rng.random() < 0.35:
            tall, wide = high * rng.uniform(0.7, 1.0), wide_box * rng.uniform(0.7, 1.0)
        x = (x0 + x1) / 2 + rng.normal(0, 0.1) * wide_box
        y = (y0 + y1) / 2 + drift + rng.normal(0, style.loose) * high
        work.put(sign, x, y, tall, wide)


def _fill_free(
    work: _Field, text: str, places: list[tuple[float, float, float, float]], size: float, place: str
) -> None:
    """Written as one group, whatever is printed."""
    rng, style, width = work.rng, work.style, work.width
    text = text.replace("_", "")
    if not text:
        return
    pitch = size * style.narrow * rng.uniform(0.8, 1.5)
    wide = [pitch * (2.4 if s in "nw" else rng.uniform(0.9, 2.5) if s == "/" else 1.0) for s in text]
    long_dash = [s == "-" and len(text) > 1 and rng.random() < 0.75 for s in text]
    for i, is_long in enumerate(long_dash):
        if is_long:
            wide[i] = rng.uniform(0.5, 2.5) * max(size, 0.4)
    room = places[0][1] - places[0][0] if place == "squeezed" else width
    total = sum(wide)
    if total > room * 0.98:
        wide = [w * room * 0.98 / total for w in wide]
        size = max(size * max(room * 0.98 / total, 0.5), 0.12)
        total = room * 0.98
    if place == "right":
        start = max(width - total - rng.uniform(0, 0.4), 0.0)
    elif place == "left":
        start = min(rng.uniform(0, 0.4), width - total)
    elif place == "squeezed":
        start = places[0][0] + (room - total) * rng.uniform(0, 1)
    else:
        start = (width - total) * rng.uniform(0, 1)
    y = 0.5 + rng.normal(0, 0.08) + style.loose * rng.normal()
    rise = rng.normal(0, 0.03)
    at = start
    for sign, w, is_long in zip(text, wide, long_dash, strict=True):
        high = size * rng.uniform(0.85, 1.15) * (0.8 if sign == "0" and rng.random() < 0.2 else 1.0)
        given = (
            w * rng.uniform(0.9, 1.1)
            if is_long or sign == "/"
            else min(high * style.narrow, w * 1.05)
            if sign != "-"
            else None
        )
        work.put(sign, at + w / 2, y + rise * (at - start) + rng.normal(0, style.loose * 0.5), high, given)
        at += w
        if rng.random() < 0.03:
            work.pen.lines(work.ink, [_line(at, y + high * 0.4, at - 0.03, y + high * 0.6)], style.pen)  # a comma


def _around(work: _Field) -> None:
    """What belongs to other fields or to nobody: it is drawn, and not in the truth."""
    rng, style, width = work.rng, work.style, work.width
    for side in (-1.0, 1.0):
        if rng.random() < style.neighbours:
            size = style.size * rng.uniform(0.9, 1.3)
            pitch = max(size * style.narrow * 1.1, width / (work.boxes or 99))
            count = int(rng.integers(1, 5))
            start = width - pitch * count if work.boxes else rng.uniform(0, max(width - pitch * count, 0.01))
            away = max(rng.uniform(0.72, 1.08), size * 0.95)  # outlines of rows may overlap
            y = 0.5 + side * away + rng.normal(0, 0.03)
            for i in range(count):
                sign = str(rng.integers(10)) if rng.random() < 0.85 else "X"
                work.put(sign, start + pitch * (i + 0.5), y, size, None, record=False)
    _prints(work)
    _smears(work)


def _prints(work: _Field) -> None:
    rng, style, width = work.rng, work.style, work.width
    marks = style.marks
    if "block" in marks:
        x0 = -rng.uniform(0.1, 0.6)
        corners = work.pen.pixels(np.array([[x0 - 1, 0], [x0 + 0.1, 0], [x0 + 0.1, 1], [x0 - 1, 1]], np.float32))
        cv2.fillPoly(work.printed, [np.round(corners).astype(np.int32)], int(255 * marks["block"]))
    if "print" in marks:
        text = "".join(chr(int(c)) for c in rng.integers(65, 122, int(rng.integers(4, 16))))
        x, y = work.pen.pixels(np.array([[rng.uniform(-0.3, width * 0.6), rng.choice([-0.05, 1.27])]], np.float32))[0]
        cv2.putText(
            work.printed,
            text,
            (int(x), int(y)),
            int(rng.integers(0, 5)),
            rng.uniform(0.25, 0.6),
            int(255 * marks["print"]),
            1,
            cv2.LINE_AA,
        )
    if "stamp" in marks:
        t = np.linspace(0, 2 * np.pi, 40)
        r = rng.uniform(0.8, 2.0)
        middle = np.array([rng.uniform(0, width), rng.uniform(-0.5, 1.5)], np.float32)
        for radius in (r, r * 0.8):
            ring = np.stack([np.cos(t), np.sin(t)], axis=1).astype(np.float32) * radius + middle
            work.pen.lines(work.printed, [ring], rng.uniform(0.02, 0.06), marks["stamp"])
    if "texture" in marks:
        for _ in range(int(rng.integers(2, 7))):
            at = np.array([rng.uniform(0, width), rng.uniform(0, 1)], np.float32)
            shape = glyph(rng, str(rng.choice(list("0235689"))), wobble=0.2)
            scale = rng.uniform(0.3, 1.2)
            work.pen.lines(
                work.printed, [(s - 0.5) * scale + at for s in shape], rng.uniform(0.02, 0.12), marks["texture"]
            )


def _smears(work: _Field) -> None:
    rng, style, width = work.rng, work.style, work.width
    marks = style.marks
    if "through" in marks:
        y = rng.uniform(0.2, 0.8)
        work.pen.lines(work.ink, [_line(-0.3, y, width + 0.3, y + rng.normal(0, 0.3))], style.pen)
    if "bleed" in marks:
        own = work.pen.layer()
        other = [
            s * np.array([-1, 1], np.float32) + np.array([1, 0], np.float32) for s in glyph(rng, str(rng.integers(10)))
        ]
        work.pen.lines(
            own,
            _placed(rng, other, rng.uniform(0, width), rng.uniform(0.2, 0.8), style, style.size, style.size),
            style.pen * 1.5,
            marks["bleed"],
        )
        np.maximum(work.printed, cv2.GaussianBlur(own, (0, 0), 1.5), out=work.printed)
    if "specks" in marks:
        for _ in range(int(rng.integers(1, 8))):
            x, y = rng.uniform(0, work.ink.shape[1]), rng.uniform(0, work.ink.shape[0])
            cv2.circle(
                work.ink, (int(x), int(y)), int(rng.integers(0, 2)), int(255 * rng.uniform(0.3, 1)), -1, cv2.LINE_AA
            )
