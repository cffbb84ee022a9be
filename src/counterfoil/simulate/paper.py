"""The sheet as the officer leaves it: a printed page with ink, stamps, signatures and what shows through, still flat.

What it answers: the picture of a written page at any size. It leaves out camera and light (`wear`) and what the figures
are (`writing`).

* Ink darkens what is under it, as on paper: print stays visible through it, and it never gets lighter.
* A reference picture that is itself filled in loses the ink in its fields first, and with it the lines there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.election.templates import FieldPlace, TemplatePage, picture_of
from counterfoil.simulate.blank import Quad, qr_picture
from counterfoil.simulate.hand import Polyline, curve, ink_of, text_strokes
from counterfoil.simulate.wear import Picture, Points, as_picture
from counterfoil.simulate.writing import Person, Problem, Written

Colour = tuple[int, int, int]
Chance = Callable[[str], np.random.Generator]
"""A generator by name, each time the same from its start: what happens to one field changes nothing in another."""

_BLUR_BLEED, _DARK_BLEED, _DARK_FAINT = 0.03, 0.22, 0.3
_DIGIT_WORDS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")


@dataclass(frozen=True, slots=True)
class Look:
    """Paper and pens."""

    ink: Colour = (28, 38, 112)
    dark: float = 0.9
    """Of the ink, 1: as its colour."""
    paper: Colour = (238, 236, 229)
    stamp: Colour = (88, 60, 150)
    signed: bool = True
    stamped: bool = False
    """A stamp among the signatures, where it does no harm."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What stands on one page."""

    written: Mapping[str, Written]
    problems: Mapping[str, Problem]
    words: Mapping[str, Quad]
    payload: str | None
    """What the QR code says, where it is not as printed on the reference picture."""


def flat_sheet(
    page: TemplatePage, contents: Contents, person: Person, look: Look, chance: Chance, *, scale: float
) -> Picture:
    """The written page, `scale` times as large as the template's picture."""
    sheet = _printed(picture_of(page), scale, look.paper).copy()
    pen = float(np.median([_size(place.quad)[1] for place in page.fields])) * scale * person.pen
    desk = _Desk(sheet, scale, pen, person, look, chance)
    if page.picture.filled:
        for place in page.fields:
            desk.clear(place.quad)
    if contents.payload is not None:
        desk.code(page, contents.payload)
    for place in page.fields:
        desk.field(place, contents.written.get(place.id), contents.problems.get(place.id))
    for name, quad in contents.words.items():
        if name in contents.written:
            desk.use(f"words {name}")
            desk.words(quad, contents.written[name])
    desk.use("signatures")
    desk.signatures(page.masks)
    for place in page.fields:
        if contents.problems.get(place.id) is Problem.STAMP:
            desk.use(f"stamp {place.id}")
            desk.stamp(_middle(place.quad, chance(f"stamp {place.id}")), 2.4 * _size(place.quad)[1])
    return sheet


@functools.lru_cache(maxsize=2)
def _printed(data: bytes, scale: float, paper: Colour) -> Picture:
    """The page's picture on paper of a colour. Kept, because a form is filled many times."""
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if read is None:
        raise ValueError("expected a picture that can be read, found other bytes")
    print_ = cv2.cvtColor(read, cv2.COLOR_BGR2RGB)
    if scale != 1:
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        size = (round(read.shape[1] * scale), round(read.shape[0] * scale))
        print_ = cv2.resize(print_, size, interpolation=way)
    levels = np.arange(256)[:, None] * np.array(paper) / 255
    return as_picture(cv2.LUT(print_, np.round(levels).astype(np.uint8)[None]))


class _Desk:
    """One page while it is filled in."""

    def __init__(self, sheet: Picture, scale: float, pen: float, person: Person, look: Look, chance: Chance) -> None:
        self.sheet, self.scale, self.pen = sheet, scale, pen
        self.person, self.look, self.chance, self.rng = person, look, chance, chance("paper")

    def use(self, name: str) -> None:
        """What follows depends on the seed and this name only, not on what was drawn before."""
        self.rng = self.chance(name)

    def field(self, place: FieldPlace, written: Written | None, problem: Problem | None) -> None:
        self.use(f"ink {place.id}")
        move, size = self._way(place.quad)
        if problem is Problem.BLEED:
            self._bleed(move, size)
        if written is None:
            return
        dark = self.look.dark * (_DARK_FAINT if problem is Problem.FAINT else 1.0)
        for thick in {line.thick for line in written.lines}:
            lines = [_moved(line.points, move) for line in written.lines if line.thick == thick]
            self._draw(lines, self.pen * thick, dark)

    def words(self, quad: Quad, written: Written) -> None:
        """The figure digit by digit in words, as on forms that ask for it."""
        if written.value is None or not written.lines:
            return
        text = " ".join(_DIGIT_WORDS[int(digit)] for digit in str(written.value))
        move, (wide, high) = self._way(quad)
        drawn, width = text_strokes(text, self.person.hand, self.rng)
        size = min(0.45 * high, 0.95 * wide / width)
        top = high * float(self.rng.uniform(0.25, 0.5))
        self._draw([_moved(one * size + (0.03 * wide, top), move) for one in drawn], self.pen, self.look.dark)

    def signatures(self, masks: Sequence[Quad]) -> None:
        if not self.look.signed:
            return
        for mask in masks:
            low, high = np.min(mask, axis=0) * self.scale, np.max(mask, axis=0) * self.scale
            wide, tall = high - low
            steps = int(self.rng.integers(12, 30))
            x = np.linspace(0.12, 0.85, steps) + self.rng.normal(0, 0.035, steps)
            y = 0.5 + self.rng.normal(0, 0.1, steps) * np.linspace(1.6, 0.5, steps)
            self._draw([curve(low + np.stack((x * wide, y * tall), axis=-1))], self.pen, self.look.dark)
        if self.look.stamped and masks:
            mask = masks[int(self.rng.integers(len(masks)))]
            self.stamp(np.mean(mask, axis=0), 0.4 * _size(_box_of(mask))[1])

    def stamp(self, middle: Points, radius: float) -> None:
        """A round stamp with letters, unevenly inked."""
        rng, r = self.rng, max(8.0, radius * self.scale)
        side = int(2.3 * r)
        disc = np.zeros((side, side), np.uint8)
        centre, thick = (side // 2, side // 2), max(1, round(r / 30))
        cv2.circle(disc, centre, int(r), 255, 2 * thick, cv2.LINE_AA)
        cv2.circle(disc, centre, int(0.68 * r), 255, thick, cv2.LINE_AA)
        for at in range(14):
            angle = 2 * np.pi * at / 14
            x, y = side / 2 + 0.84 * r * np.cos(angle), side / 2 + 0.84 * r * np.sin(angle)
            letter = chr(65 + int(rng.integers(26)))
            corner = (int(x - 0.08 * r), int(y + 0.08 * r))
            cv2.putText(disc, letter, corner, cv2.FONT_HERSHEY_SIMPLEX, r / 150, 255, thick, cv2.LINE_AA)
        for row in (-0.2, 0.15):
            text = "".join(chr(65 + int(c)) for c in rng.integers(0, 26, 7))
            corner = (int(side / 2 - 0.55 * r), int(side / 2 + row * r + 0.1 * r))
            cv2.putText(disc, text, corner, cv2.FONT_HERSHEY_SIMPLEX, r / 140, 255, thick, cv2.LINE_AA)
        turn = cv2.getRotationMatrix2D((side / 2, side / 2), float(rng.uniform(-40, 40)), 1)
        turned = np.asarray(cv2.warpAffine(disc, turn, (side, side)), np.float32) / 255
        patchy = cv2.resize(rng.uniform(0.2, 1, (9, 9)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
        left, top = np.asarray(middle) * self.scale - side / 2 + rng.normal(0, 0.1, 2) * r
        self._blend(turned * np.clip(patchy, 0, 1) * 0.75, (round(left), round(top)), self.look.stamp)

    def code(self, page: TemplatePage, payload: str) -> None:
        """Print the QR code anew, saying something else, and below it for people what it says of the station."""
        for code in page.codes:
            if code.kind == "qr" and code.quad is not None:
                paper = np.array(self.look.paper, np.uint16)
                picture = (qr_picture(payload)[..., None] * paper // 255).astype(np.uint8)
                side = picture.shape[0]
                corners = np.array([(0, 0), (side, 0), (side, side), (0, side)], np.float32) - 0.5
                target = (np.array(code.quad) * self.scale - 0.5).astype(np.float32)
                move = cv2.getPerspectiveTransform(corners, target)
                shape = (self.sheet.shape[1], self.sheet.shape[0])
                cv2.warpPerspective(
                    picture, move, shape, dst=self.sheet, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_TRANSPARENT
                )
                said = code.match(payload) or {}
                self._print(said.get("station", payload), code.quad)

    def _print(self, text: str, quad: Quad) -> None:
        """Small print below a code."""
        size, font = 0.7 * self.scale, cv2.FONT_HERSHEY_SIMPLEX
        (wide, high), _ = cv2.getTextSize(text, font, size, 1)
        x = (quad[2][0] + quad[3][0]) / 2 * self.scale - wide / 2
        y = max(quad[2][1], quad[3][1]) * self.scale + 1.3 * high
        place = (round(min(x, self.sheet.shape[1] - wide - 1)), round(y))
        cv2.putText(self.sheet, text, place, font, size, (28, 28, 30), max(1, round(self.scale)), cv2.LINE_AA)

    def clear(self, quad: Quad) -> None:
        """Take the ink out of a field: its paper's colour all over."""
        points = np.round(np.array(quad) * self.scale).astype(np.int32)
        x, y, wide, high = cv2.boundingRect(points)
        around = self.sheet[y : y + high, x : x + wide].reshape(-1, 3)
        if len(around):
            colour = [int(level) for level in np.percentile(around, 75, axis=0)]
            cv2.fillConvexPoly(self.sheet, points, colour, cv2.LINE_AA)

    def _bleed(self, move: Points, size: tuple[float, float]) -> None:
        """A figure of the other side: mirrored, blurred, pale."""
        wide, high = size
        text = "".join(str(digit) for digit in self.rng.integers(0, 10, int(self.rng.integers(2, 5))))
        drawn, width = text_strokes(text, self.person.hand, self.rng)
        tall = min(self.person.size * high, 0.9 * wide / width)
        left = float(self.rng.uniform(0, max(0.01, wide - width * tall)))
        lines = []
        for one in drawn:
            mirrored = one * (-tall, tall) + (left + width * tall, (high - tall) * 0.5)
            lines.append(_moved(mirrored, move))
        self._draw(lines, self.pen * 1.3, _DARK_BLEED, blur=_BLUR_BLEED * high)

    def _way(self, quad: Quad) -> tuple[Points, tuple[float, float]]:
        """From pixels of an upright field to those of the sheet; the field's width and height."""
        wide, high = (length * self.scale for length in _size(quad))
        corners = np.array([(0, 0), (wide, 0), (wide, high), (0, high)], np.float32)
        target = (np.array(quad) * self.scale - 0.5).astype(np.float32)
        return np.asarray(cv2.getPerspectiveTransform(corners, target), np.float64), (wide, high)

    def _draw(self, lines: Sequence[Polyline], pen: float, dark: float, *, blur: float = 0.0) -> None:
        if not lines:
            return
        points = np.concatenate(lines)
        pad = pen + 3 * blur + 2
        low, high = np.floor(points.min(axis=0) - pad), np.ceil(points.max(axis=0) + pad)
        wide, tall = (int(length) for length in np.minimum(high - low, 6000))
        ink = ink_of([one - low for one in lines], (tall, wide), pen)
        if blur:
            ink = np.asarray(cv2.GaussianBlur(ink, (0, 0), blur), np.float32)
        flow = cv2.resize(
            self.rng.uniform(0.75, 1, (3, 9)).astype(np.float32), (wide, tall), interpolation=cv2.INTER_LINEAR
        )
        self._blend(ink * flow * dark, (int(low[0]), int(low[1])), self.look.ink)

    def _blend(self, ink: NDArray[np.floating], at: tuple[int, int], colour: Colour) -> None:
        """Ink of a colour over the sheet, its corner at `at`; what is beyond the edge is cut off."""
        x, y = at
        left, top = max(0, -x), max(0, -y)
        roi = self.sheet[y + top : y + ink.shape[0], x + left : x + ink.shape[1]] if y + ink.shape[0] > 0 else None
        if roi is None or roi.size == 0 or x + ink.shape[1] <= 0:
            return
        part = ink[top : top + roi.shape[0], left : left + roi.shape[1], None]
        roi[:] = np.round(roi * (1 - part * (1 - np.array(colour, np.float32) / 255)))


def _moved(points: Polyline, move: Points) -> Polyline:
    with_one = np.concatenate((points, np.ones((len(points), 1))), axis=1) @ move.T
    moved: Polyline = with_one[:, :2] / with_one[:, 2:]
    return moved


def _size(quad: Quad) -> tuple[float, float]:
    """Width and height of a field: the middle of opposite sides."""
    corners = np.array(quad)
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    return float(sides[0] + sides[2]) / 2, float(sides[1] + sides[3]) / 2


def _box_of(polygon: Sequence[tuple[float, float]]) -> Quad:
    (x0, y0), (x1, y1) = np.min(polygon, axis=0), np.max(polygon, axis=0)
    return ((float(x0), float(y0)), (float(x1), float(y0)), (float(x1), float(y1)), (float(x0), float(y1)))


def _middle(quad: Quad, rng: np.random.Generator) -> Points:
    """About the middle of a field."""
    wide, high = _size(quad)
    return np.asarray(np.mean(quad, axis=0) + rng.uniform(-0.2, 0.2, 2) * (wide, high), np.float64)
