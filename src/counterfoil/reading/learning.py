"""The calibration that is shipped, fitted to sheets whose truth is known: synthetic ones and labelled forms.

Few numbers, in four steps, each by the likelihood of what is true:

1. how far each reader is trusted (`Merging`), over fields one by one;
2. what a broken rule weighs (`slip`), over whole sheets;
3. how sure to be of an answer (`Calibration.weights`), by logistic regression over what is seen around it;
4. how sure at most where no rule and two readers confirm it (`Calibration.most_unconfirmed`): the share found right.

`folds` splits by sheet of paper, never by figure: two photos of a sheet are never on both sides.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from counterfoil.primitives.canonical import sha256_hex
from counterfoil.reading.belief import State
from counterfoil.reading.confidence import Calibration, Outcome, features
from counterfoil.reading.joint import Rule, decide
from counterfoil.reading.merge import Key, Merging, merge
from counterfoil.reading.sheet import Observed, conclude, option

SLIPS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02)
SUREST: Final = 0.99
_LEAST: Final = 1e-6
"""Probability below which a miss is as bad as it can be."""


@dataclass(frozen=True, slots=True)
class Case:
    """One photo: what the readers saw, and what stands on the paper."""

    sheet: str
    """Of paper; photos of the same sheet have the same."""
    template: str
    observed: tuple[Observed, ...]
    rules: tuple[Rule, ...]
    truth: Mapping[str, Key]
    """By field; a field that is left out says nothing (illegible, crossed out in print)."""
    weight: float = 1.0


def fitted(cases: Sequence[Case], start: Calibration | None = None, *, slip: float | None = None) -> Calibration:
    """The calibration under which what is true in `cases` is likeliest. `slip`: where it is not looked for again."""
    first = start or Calibration()
    with_merging = dataclasses.replace(first, merging=_merging(cases, first.merging))
    with_slip = dataclasses.replace(with_merging, slip=_slip(cases, with_merging) if slip is None else slip)
    with_weights = dataclasses.replace(with_slip, weights=_weights(cases, with_slip), most_unconfirmed=1.0)
    return dataclasses.replace(with_weights, most_unconfirmed=_most_unconfirmed(cases, with_weights))


def folds(cases: Sequence[Case], count: int) -> Iterator[tuple[list[Case], list[Case]]]:
    """(to fit on, to measure on), `count` times; which sheet is where follows from its name alone."""
    place = [int(sha256_hex(case.sheet.encode())[:8], 16) % count for case in cases]
    for number in range(count):
        yield (
            [case for case, at in zip(cases, place, strict=True) if at != number],
            [case for case, at in zip(cases, place, strict=True) if at == number],
        )


def right(case: Case, name: str, state: State, value: int | None) -> bool:
    """Whether an answer is what stands there."""
    return case.truth[name] == (state, value)


def _merging(cases: Sequence[Case], start: Merging) -> Merging:
    readers = sorted({belief.reader for case in cases for one in case.observed for belief in one.beliefs})
    table = _Table(cases, readers)
    begin = np.array(
        [
            *(np.log(start.trust.get(reader, 0.8)) for reader in readers),
            *(np.log(start.floor.get(reader, 0.002)) for reader in readers),
            start.other,
        ]
    )

    def cost(x: NDArray[np.float64]) -> float:
        # few figures: stay near where the start says, unless they say otherwise
        return table.cost(x) + 0.5 * float(((x - begin) ** 2).sum())

    found = minimize(cost, begin, method="Nelder-Mead", options={"maxfev": 500, "xatol": 0.01, "fatol": 0.01}).x
    count = len(readers)
    return Merging(
        {reader: round(float(np.exp(found[at])), 4) for at, reader in enumerate(readers)},
        {reader: round(float(np.exp(min(found[count + at], -1.0))), 6) for at, reader in enumerate(readers)},
        round(float(found[-1]), 4),
    )


class _Table:
    """What each reader gives each thing that a field may say, as arrays; `merge` for all fields at once."""

    def __init__(self, cases: Sequence[Case], readers: Sequence[str]) -> None:
        rows: list[list[float]] = []
        starts, true, rest, weights = [], [], [], []
        for case in cases:
            for one in case.observed:
                if one.name not in case.truth or not one.beliefs:
                    continue
                merged = merge(one.beliefs, Merging(), most=100)
                given = [merged.by_reader.get(reader, {}) for reader in readers]
                keys = [(candidate.state, candidate.value) for candidate in merged.candidates]
                starts.append(len(rows))
                rest.append(len(rows) + len(keys))
                true.append(len(rows) + keys.index(case.truth[one.name]) if case.truth[one.name] in keys else -1)
                weights.append(case.weight)
                rows += [[of_one.get(key, 0.0) for of_one in given] for key in keys]
                rows.append([max(0.0, 1 - sum(of_one.values())) for of_one in given])
        self._p = np.array(rows)
        self._starts, self._true, self._rest = np.array(starts), np.array(true), np.array(rest)
        self._weights = np.array(weights)

    def cost(self, x: NDArray[np.float64]) -> float:
        count = self._p.shape[1]
        trust, floor = np.exp(x[:count]), np.exp(np.minimum(x[count : 2 * count], -1.0))
        scores = (trust * np.log(self._p * (1 - floor) + floor)).sum(axis=1)
        scores[self._rest] += x[-1]
        whole = np.logaddexp.reduceat(scores, self._starts)
        # a truth that no reader names: the more is left for something else the better, but it is a miss
        of_true = np.where(self._true >= 0, scores[self._true], scores[self._rest] - np.log(100))
        return -float((self._weights * np.maximum(of_true - whole, np.log(_LEAST))).sum())


def _slip(cases: Sequence[Case], given: Calibration) -> float:
    def cost(slip: float) -> float:
        total = 0.0
        for case in cases:
            merged = {one.name: merge(one.beliefs, given.merging) for one in case.observed if one.beliefs}
            options = {name: [option(candidate) for candidate in one.candidates] for name, one in merged.items()}
            joint = decide(options, case.rules, slip=slip, spread=given.spread)
            for name, one in merged.items():
                if name not in case.truth:
                    continue
                keys = [(candidate.state, candidate.value) for candidate in one.candidates]
                p = joint.fields[name].posterior
                share = p[keys.index(case.truth[name])] if case.truth[name] in keys else p[-1] / 100
                total -= case.weight * np.log(max(share, _LEAST))
        return total

    return min(SLIPS, key=cost)


def _weights(cases: Sequence[Case], given: Calibration) -> dict[str, float]:
    rows, hits, weights = [], [], []
    for case in cases:
        fields, _ = conclude(case.observed, case.rules, given)
        for name, reading in fields.items():
            if name in case.truth and reading.state in (State.NUMBER, State.EMPTY):
                rows.append(features(reading.seen, reading.state))
                hits.append(right(case, name, reading.state, reading.value))
                weights.append(case.weight)
    names = list(rows[0])
    if all(hits) or not any(hits):
        raise ValueError("to learn how sure to be, right and wrong answers are needed")
    model = LogisticRegression(C=0.5, max_iter=2_000)
    model.fit(np.array([[row[name] for name in names] for row in rows]), np.array(hits), sample_weight=weights)
    found = dict(zip(names, (round(float(w), 5) for w in model.coef_[0]), strict=True))
    return {"bias": round(float(model.intercept_[0]), 5), **found}


def _most_unconfirmed(cases: Sequence[Case], given: Calibration) -> float:
    """The share found right of the surest answers that a rule and two readers do not confirm, by Laplace's rule; at
    most `SUREST`, so that nobody who asks for more is given one of them."""
    hits = total = 0.0
    for case in cases:
        for name, reading in conclude(case.observed, case.rules, given)[0].items():
            alone = not reading.seen.confirmed or reading.state is State.EMPTY
            if name in case.truth and alone and reading.outcome is Outcome.SUGGEST and reading.p >= SUREST:
                total += case.weight
                hits += case.weight * right(case, name, reading.state, reading.value)
    return min(SUREST, round((hits + 1) / (total + 2), 4))
