"""What happens by chance to one sheet: an officer's figures, slips, habits and mishaps, and how it was photographed.

* Figures obey the form's sums, unless the officer slips; then exactly one figure is wrong, as people get it wrong: one
  off, a tenner or hundred off in carrying, two digits exchanged.
* Shares and rates are those seen on real sheets where they are known (six of a hundred sheets carry a slip).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from counterfoil.election.templates import FieldPlace, FormTemplate
from counterfoil.simulate.hand import Hand
from counterfoil.simulate.paper import Look
from counterfoil.simulate.wear import Fold, Wear
from counterfoil.simulate.writing import Digits, Person, Problem

SLIP_RATE = 0.06
PROBLEM_RATE = 0.08
_INKS = ((28, 38, 112), (22, 22, 26), (40, 58, 150), (60, 60, 66), (20, 28, 84), (150, 30, 40))
_STAMPS = ((88, 60, 150), (40, 60, 140), (160, 50, 60), (50, 110, 80))
_PAPERS = ((238, 236, 229), (228, 228, 226), (240, 238, 240), (226, 218, 198), (214, 220, 228))
_BOXES_ONLY = frozenset({Problem.ONE_BOX, Problem.CROSSES, Problem.SQUEEZED})


def random_figures(
    template: FormTemplate, rng: np.random.Generator, *, slip: bool = False, page: int | None = None
) -> tuple[dict[str, int], str | None]:
    """Figures of one polling station for every field of a form.

    Args:
        slip: let one figure of a sum be wrong.
        page: where the slip shall be seen: a sum with all its fields on this page; None: anywhere.

    Returns:
        The figures, and the field that is wrong, if any.
    """
    most: dict[str, int] = {one.id: 10 ** template.boxes.get(one.id, 4) - 1 for one in template.fields}
    votes = int(np.clip(np.exp(rng.normal(5.5, 0.6)), 25, 900))
    same = _same(template)
    rules = [(tuple(same[part] for part in rule.parts), same[rule.total]) for rule in template.sums]
    sums = [(parts, total) for parts, total in rules if total not in parts]
    totals, parts_of_any = {total for _, total in sums}, {part for parts, _ in sums for part in parts}
    known: dict[str, int] = {}
    for name in same.values():
        if name in totals and name not in parts_of_any and name not in known:
            known[name] = min(int(votes * rng.uniform(1, 1.4)), most[name])
    for _ in sums:
        for parts, total in sums:
            _split(parts, total, known, rng)
    for name in same.values():
        if name not in known:
            known[name] = min(int(rng.uniform(0, 1.5) * votes), most[name])
    for _ in sums:  # where a field stands in several sums, as in a table with rows and columns, the parts decide
        for parts, total in sums:
            known[total] = sum(known[part] for part in parts)
    figures = {name: known[first] for name, first in same.items()}
    return figures, _slip(template, figures, most, rng, page) if slip else None


def _same(template: FormTemplate) -> dict[str, str]:
    """Each field -> the first of those that must be equal to it."""
    first: dict[str, str] = {one.id: one.id for one in template.fields}
    for rule in template.sums:
        if len(rule.parts) == 1:
            kept, gone = first[rule.total], first[rule.parts[0]]
            first = {name: kept if one == gone else one for name, one in first.items()}
    return first


def _split(parts: Sequence[str], total: str, known: dict[str, int], rng: np.random.Generator) -> None:
    """Give the parts of a known total their figures."""
    open_ = [part for part in parts if part not in known]
    if total not in known or not open_:
        return
    rest = max(0, known[total] - sum(known.get(part, 0) for part in parts))
    if len(open_) == 2:
        share = float(rng.beta(20, 1.2) if rng.random() < 0.7 else rng.beta(2, 2))
        shares = [share, 1 - share]
    else:
        shares = [float(share) for share in rng.dirichlet([0.7] * len(open_))]
    for part, share in zip(open_, shares, strict=True):
        known[part] = int(rest * share)
    known[open_[0]] += rest - sum(known[part] for part in open_)


def _slip(
    template: FormTemplate, figures: dict[str, int], most: Mapping[str, int], rng: np.random.Generator, page: int | None
) -> str | None:
    on: dict[str, int] = {one.id: one.page for one in template.fields}
    sums = [rule for rule in template.sums if page is None or {on[x] for x in (*rule.parts, rule.total)} == {page}]
    if not sums:
        return None
    rule = sums[int(rng.integers(len(sums)))]
    name = rule.total if rng.random() < 0.7 else rule.parts[int(rng.integers(len(rule.parts)))]
    true = figures[name]
    digits = str(true)
    swapped = [int(digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :]) for i in range(len(digits) - 1)]
    ways = [true + 1, true - 1, true + 10, true - 10, true + 100, true + 9, *swapped]
    wrong = [way for way in ways if 0 <= way <= most[name] and way != true]
    if not wrong:
        return None
    figures[name] = wrong[int(rng.integers(len(wrong)))]
    return name


def random_person(rng: np.random.Generator, digits: Digits | None) -> Person:
    """An officer."""
    return Person(
        Hand.of(rng),
        digits,
        size=float(rng.uniform(0.48, 0.74)),
        gap=float(rng.uniform(0.12, 0.4)),
        pen=float(rng.uniform(0.045, 0.095)),
        unused=str(rng.choice(["zeros", "crosses", "dashes", "empty"], p=[0.3, 0.2, 0.15, 0.35])),
        none=str(rng.choice(["figure", "dash", "crosses", "word", "blank"], p=[0.55, 0.15, 0.1, 0.1, 0.1])),
        place=float(rng.uniform(0.1, 0.9)),
    )


def random_look(rng: np.random.Generator) -> Look:
    """Pen and paper."""
    return Look(
        ink=_INKS[int(rng.choice(len(_INKS), p=[0.35, 0.25, 0.15, 0.1, 0.12, 0.03]))],
        dark=float(rng.uniform(0.6, 0.97)),
        paper=_PAPERS[int(rng.integers(len(_PAPERS)))],
        stamp=_STAMPS[int(rng.integers(len(_STAMPS)))],
        stamped=bool(rng.random() < 0.5),
    )


def random_problems(
    places: Sequence[FieldPlace], figures: Mapping[str, int], rng: np.random.Generator, *, rate: float = PROBLEM_RATE
) -> dict[str, Problem]:
    """Which field has which problem. A word or dash for none stands only where there is none."""
    found: dict[str, Problem] = {}
    for place in places:
        if rng.random() < rate:
            fitting = [one for one in Problem if place.boxes is not None or one not in _BOXES_ONLY]
            chosen = fitting[int(rng.integers(len(fitting)))]
            if chosen not in {Problem.WORD, Problem.DASH} or figures[place.id] == 0:
                found[place.id] = chosen
    return found


def random_wear(rng: np.random.Generator, *, hardness: float = 1.0) -> Wear:
    """How a sheet was photographed.

    Args:
        hardness: 0 a clean scan's light and lens, 1 as people take photos, 2 in a hurry at night.
    """

    def some(share: float, low: float, high: float) -> float:
        return float(rng.uniform(low, high)) * min(hardness, 1.5) if rng.random() < share * hardness else 0.0

    kind = rng.random()
    if kind < 0.12:  # a flat-bed scanner
        return Wear("none", fill=1.0, tilt_degrees=some(0.7, -1, 1), noise=1.0, stripes=some(0.2, 0.1, 0.3), quality=75)
    screen = kind > 0.96
    folds = tuple(
        Fold(
            float(rng.uniform(0.3, 0.7)),
            float(rng.normal(0, 0.02)),
            bool(rng.random() < 0.4),
            shrink=0.012 * hardness * float(rng.random()),
            shade=0.1 * float(rng.random()),
        )
        for _ in range(int(rng.integers(1, 3)) if rng.random() < 0.3 * hardness else 0)
    )
    return Wear(
        surface="screen" if screen else str(rng.choice(["table", "cloth", "dark", "wall"])),
        fill=float(rng.uniform(0.84, 0.98)),
        tilt_degrees=float(rng.normal(0, 2.2)) * hardness,
        perspective=float(rng.uniform(0, 0.035)) * hardness,
        curl=some(0.35, 0.002, 0.012),
        folds=folds,
        shadow=some(0.35, 0.15, 0.5),
        uneven=some(0.7, 0.05, 0.4),
        glare=some(0.1, 0.2, 0.7),
        warmth=float(np.clip(rng.normal(0.1, 0.3), -0.7, 0.9)),
        moire=some(1.0, 0.04, 0.12) if screen else 0.0,
        defocus_px=float(rng.uniform(0.3, 1.0)) * (0.5 + 0.5 * hardness),
        motion_px=some(0.12, 1.5, 3.5),
        noise=float(rng.uniform(1, 6)),
        stripes=some(0.05, 0.1, 0.3),
        quality=int(rng.integers(55, 94)),
        quarters=int(rng.choice([0, 1, 2, 3], p=[0.88, 0.05, 0.02, 0.05])),
    )
