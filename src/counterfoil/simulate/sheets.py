"""Filled protocols as somebody may photograph them, with everything known about them.

What it answers: the JPEG of one page of a form template with figures written into its fields, and the truth: what
stands in each field and where it lies in the picture, which rules of the form hold, what was done to the sheet.

    form = blank_form(1)
    sheet = random_sheet(form.template, seed=7, words=form.words)
    sheet.picture, sheet.fields["valid"].value, sheet.rules

* `fill` writes what it is told; `random_sheet` invents an officer, figures, slips and a photographer. The same
  arguments give the same bytes.
* A slip is a wrong figure that really stands on the paper: it is the truth, and the rule that it breaks is false.
* A field outside the picture is `absent`, whatever was written there.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np

from counterfoil.election.templates import FieldPlace, FormTemplate, TemplatePage
from counterfoil.primitives.cells import FieldState
from counterfoil.simulate.blank import Quad
from counterfoil.simulate.chance import (
    PROBLEM_RATE,
    SLIP_RATE,
    random_figures,
    random_look,
    random_person,
    random_problems,
    random_wear,
)
from counterfoil.simulate.paper import Contents, Look, flat_sheet
from counterfoil.simulate.wear import Lie, Wear, as_picture, encode, photograph
from counterfoil.simulate.writing import Digits, Person, Problem, Written, write_field

_SEEN = 0.5
"""A field of which less lies in the picture is outside."""
_HIDES = frozenset({Problem.OVERWRITTEN, Problem.STRUCK, Problem.STAMP, Problem.WORD, Problem.DASH})
_MARKS = {None: "digits", FieldState.EMPTY: "blank", FieldState.WORD: "word", FieldState.ILLEGIBLE: "illegible"}


@dataclass(frozen=True, slots=True)
class Style:
    """Who writes, with what, and how the sheet is photographed."""

    width: int = 1000
    """Of the photo in pixels, before it is turned and cut. 3000: about twelve megapixels."""
    ratio: float | None = None
    """Height by width of the photo; None: as the sheet's."""
    person: Person | None = None
    """None: somebody, by the seed."""
    look: Look = field(default_factory=Look)
    wear: Wear = field(default_factory=Wear)


PLAIN = Style()


@dataclass(frozen=True, slots=True)
class FieldTruth:
    """What stands in a field, and where."""

    raw: str
    value: int | None
    state: FieldState | None
    """None: a number."""
    quad: tuple[tuple[float, float], ...]
    """In pixels of the picture; top left, top right, bottom right, bottom left as the form is read."""
    seen: float
    """The part of its area inside the picture."""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class RuleTruth:
    """A sum of the form."""

    check: str
    parts: tuple[str, ...]
    total: str
    holds: bool | None
    """None: a figure is not on this page, or is no figure."""


@dataclass(frozen=True)
class Sheet:
    """A photo and all that is known about it."""

    picture: bytes
    width: int
    height: int
    template: str
    page: str
    homography: tuple[tuple[float, float, float], ...]
    """Photo <- picture of the template, both in pixels from the corner; of a flat sheet, so near folds it is off."""
    quad: tuple[tuple[float, float], ...]
    """Corners of the template's picture in the photo."""
    fields: Mapping[str, FieldTruth]
    rules: tuple[RuleTruth, ...]
    slip: str | None = None
    """The field in which the officer erred."""
    payload: str | None = None
    wear: Wear = field(default_factory=Wear)

    def labels(self, name: str) -> dict[str, Any]:
        """As one entry of a `labels.json` of reference forms."""
        figures = {
            key: {"raw": one.raw, "value": one.value, "mark": _mark(one), "quad": [list(point) for point in one.quad]}
            for key, one in self.fields.items()
            if one.state is not FieldState.ABSENT
        }
        rules = [
            {"parts": list(rule.parts), "total": rule.total, "holds": rule.holds}
            for rule in self.rules
            if {*rule.parts, rule.total} <= set(figures)
        ]
        return {
            "id": name,
            "file": f"{name}.jpg",
            "template": self.template,
            "kind": "simulation",
            "sheet": name,
            "width": self.width,
            "height": self.height,
            "expect": "ok",
            "codes": [] if self.payload is None else [self.payload],
            "rules": rules,
            "figures": figures,
        }


def fill(
    template: FormTemplate,
    values: Mapping[str, int | None],
    *,
    seed: int,
    style: Style = PLAIN,
    problems: Mapping[str, Problem] | None = None,
    strokes: Digits | None = None,
    page: str | None = None,
    words: Mapping[str, Quad] | None = None,
    payload: str | None = None,
) -> Sheet:
    """One page of a form, filled in and photographed.

    Args:
        values: a figure by field; None or left out: blank.
        problems: what goes wrong, by field.
        strokes: real digits; None: a hand of our own.
        page: name of the page; None: the first.
        words: where figures are written in words as well, in pixels of the template's picture.
        payload: what its QR code says; None: as the template's picture.
    """
    chance = functools.partial(_chance, seed)
    which = template.pages[0] if page is None else template.page(page)
    person = style.person or random_person(chance("person"), strokes)
    planted = problems or {}
    scale = _scale(which, style)
    written: dict[str, Written] = {
        place.id: write_field(
            values.get(place.id),
            person,
            chance(f"writing {place.id}"),
            size=_size_of(place, scale),
            boxes=place.boxes,
            problem=planted.get(place.id),
        )
        for place in which.fields
    }
    contents = Contents(written, planted, _words_of(which, words), payload)
    sheet = flat_sheet(which, contents, person, style.look, chance, scale=scale)
    photo = photograph(sheet, style.wear, chance("photo"), width=style.width, ratio=style.ratio)
    high, wide = photo.pixels.shape[:2]
    fields: dict[str, FieldTruth] = {
        place.id: _truth(written[place.id], _seen_at(place.quad, photo.lie, scale), (high, wide), planted.get(place.id))
        for place in which.fields
    }
    corners = ((0.0, 0.0), (which.width, 0.0), (which.width, which.height), (0.0, float(which.height)))
    return Sheet(
        picture=encode(photo.pixels, style.wear.quality),
        width=wide,
        height=high,
        template=template.name,
        page=which.name,
        homography=_homography(photo.lie, scale),
        quad=_seen_at(corners, photo.lie, scale),
        fields=fields,
        rules=_rules(template, fields),
        payload=payload,
        wear=style.wear,
    )


def random_sheet(
    template: FormTemplate,
    seed: int,
    *,
    strokes: Digits | None = None,
    page: str | None = None,
    words: Mapping[str, Quad] | None = None,
    payload: str | None = None,
    width: int = 1000,
    slips: float = SLIP_RATE,
    problems: float = PROBLEM_RATE,
    hardness: float = 1.0,
) -> Sheet:
    """One page as it may come in.

    Args:
        slips: share of sheets with a wrong figure of the officer.
        problems: share of fields in which something goes wrong.
        hardness: of the photo; see `chance.random_wear`.
    """
    rng = np.random.default_rng((70_002, seed))
    which = template.pages[0] if page is None else template.page(page)
    figures, slip = random_figures(template, rng, slip=bool(rng.random() < slips), page=which.number)
    planted = random_problems(which.fields, figures, rng, rate=problems)
    if slip is not None:  # a slip that nobody could read would be no truth
        planted = {name: one for name, one in planted.items() if one not in _HIDES}
    style = Style(
        width=width,
        ratio=float(rng.choice([4 / 3, 4 / 3, 16 / 9])) if rng.random() < 0.5 and which.height > which.width else None,
        person=random_person(rng, strokes),
        look=random_look(rng),
        wear=random_wear(rng, hardness=hardness),
    )
    sheet = fill(
        template, figures, seed=seed, style=style, problems=planted, page=which.name, words=words, payload=payload
    )
    return replace(sheet, slip=slip)


def side_by_side(sheets: Sequence[Sheet], *, quality: int = 85) -> bytes:
    """Several sheets in one photo, cut to the lowest height."""
    pictures = [cv2.imdecode(np.frombuffer(one.picture, np.uint8), cv2.IMREAD_COLOR_RGB) for one in sheets]
    low = min(picture.shape[0] for picture in pictures if picture is not None)
    return encode(as_picture(np.hstack([picture[:low] for picture in pictures if picture is not None])), quality)


def _chance(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng((70_001, seed, zlib.crc32(name.encode())))


def _scale(page: TemplatePage, style: Style) -> float:
    """How much larger than its picture the sheet is drawn: about as the photo shows it, a little finer."""
    wide = style.width * style.wear.fill
    if style.ratio is not None:
        wide = min(wide, style.width * style.ratio * style.wear.fill * page.width / page.height)
    return round(max(0.25, 1.1 * wide / page.width), 2)


def _size_of(place: FieldPlace, scale: float) -> tuple[float, float]:
    corners = np.array(place.quad) * scale
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    return float(sides[0] + sides[2]) / 2, float(sides[1] + sides[3]) / 2


def _words_of(page: TemplatePage, words: Mapping[str, Quad] | None) -> dict[str, Quad]:
    return {place.id: words[place.id] for place in page.fields if words is not None and place.id in words}


def _seen_at(corners: Sequence[tuple[float, float]], lie: Lie, scale: float) -> tuple[tuple[float, float], ...]:
    """Corners on the template's picture to corners in the photo: edges of pixels, hence the halves."""
    points = lie.of(np.array(corners, np.float64) * scale - 0.5) + 0.5
    return tuple((round(float(x), 2), round(float(y), 2)) for x, y in points)


def _homography(lie: Lie, scale: float) -> tuple[tuple[float, float, float], ...]:
    in_ = np.array([[scale, 0, -0.5], [0, scale, -0.5], [0, 0, 1.0]])
    out = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    whole = out @ lie.homography @ in_
    return tuple(tuple(float(cell) for cell in row) for row in whole / whole[2, 2])  # type: ignore[misc]


def _truth(
    written: Written, quad: tuple[tuple[float, float], ...], size: tuple[int, int], problem: Problem | None
) -> FieldTruth:
    frame = np.array([(0, 0), (size[1], 0), (size[1], size[0]), (0, size[0])], np.float32)
    corners = np.array(quad, np.float32)
    turned = corners if cv2.contourArea(corners, oriented=True) > 0 else corners[::-1].copy()
    inside, _ = cv2.intersectConvexConvex(turned, frame)
    seen = min(1.0, float(inside) / max(1.0, float(cv2.contourArea(corners))))
    if seen < _SEEN:
        return FieldTruth("", None, FieldState.ABSENT, quad, round(seen, 3), problem)
    return FieldTruth(written.raw, written.value, written.state, quad, round(seen, 3), problem)


def _rules(template: FormTemplate, fields: Mapping[str, FieldTruth]) -> tuple[RuleTruth, ...]:
    found = []
    for rule in template.sums:
        values = [fields[name].value if name in fields else None for name in (*rule.parts, rule.total)]
        known = [value for value in values if value is not None]
        holds = sum(known[:-1]) == known[-1] if len(known) == len(values) else None
        found.append(RuleTruth(rule.check, rule.parts, rule.total, holds))
    return tuple(found)


def _mark(truth: FieldTruth) -> str:
    if truth.state is FieldState.STRUCK:
        return "cross" if "X" in truth.raw else "dash"
    return _MARKS[truth.state]
