"""All fields of a sheet decided together: what each may say, and sums that should hold but need not.

A form repeats itself: parts and their total, a total and the same total further down. What the readers leave open, the
arithmetic often decides. But officers err on one form in sixteen, so a rule is a weight and never a filter:

    weight(sheet) = product over fields of p(option) * product over rules of (1 if it holds, `slip` if it is broken)

* All rules together, shared fields and chains included.
* An option may be silent in sums (illegible, outside the picture, an empty total): rules over it say nothing.
* What the readers did not name ("something else") has a share of its own. It could be any of `spread` figures, of which
  one fits all its rules and the others break them. A figure that no reader saw is never named by arithmetic.
* States are the running differences of the rules still open, so fields with the same sum so far are counted together:
  a sheet with 16 parties has 10^16 readings and a few thousand states. With few states this is exact. With many, those
  are left out that weigh next to nothing, and `lost` bounds what share of the whole that may be.

Gives for each field the posterior of each option, and by how much the best sheet with another answer there is less
likely than the best of all (the gap of its min-marginals, in nats).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

SLIP: Final = 0.002
"""Weight of a broken rule against one that holds: how often officers err in it, over how many figures they may have
written then. Fitted: docs/reading.md."""
SPREAD: Final = 300.0
"""How many figures stand behind "something else"."""
FEW_STATES: Final = 500
NEGLIGIBLE: Final = 1e-7
"""Share of the weight so far; at every field as much may be left out, where there are more than `FEW_STATES`."""
MOST_STATES: Final = 30_000

# In place of a rule's difference: broken for sure; nothing can be said. Above any sum, the second above many firsts.
_BROKEN: Final = np.int64(2**40)
_SILENT: Final = np.int64(2**50)
_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rule:
    """`parts` add up to `total`."""

    parts: tuple[str, ...]
    total: str

    @property
    def fields(self) -> tuple[str, ...]:
        return (*self.parts, self.total)


@dataclass(frozen=True, slots=True)
class Option:
    """One thing a field may say. `as_part` and `as_total` are what it counts in a sum; None: nothing can be said."""

    p: float
    as_part: int | None
    as_total: int | None


@dataclass(frozen=True, slots=True)
class Marginals:
    """Of one field: the posterior of each of its options in their order, then of something else."""

    posterior: tuple[float, ...]
    gap: float
    """Of the best option before the best sheet with another one here, in nats; `inf` where there is no other."""


@dataclass(frozen=True, slots=True)
class Joint:
    """The sheet."""

    fields: Mapping[str, Marginals]
    lost: float
    """At most this share of the weight was left out."""


def decide(
    fields: Mapping[str, Sequence[Option]], rules: Sequence[Rule], *, slip: float = SLIP, spread: float = SPREAD
) -> Joint:
    """The posterior over the whole sheet. What the options of a field leave of 1 is "something else".

    Rules over fields that are not there are left out: part of a sheet can be read too.
    """
    known = [rule for rule in rules if all(name in fields for name in rule.fields)]
    found: dict[str, Marginals] = {}
    lost = 0.0
    for names, of_them in _connected(list(fields), known):
        part = _Component({name: fields[name] for name in names}, of_them, slip, spread)
        found |= part.marginals
        lost = max(lost, part.lost)
    return Joint({name: found[name] for name in fields}, lost)


def _connected(names: list[str], rules: Sequence[Rule]) -> list[tuple[list[str], list[Rule]]]:
    """Fields that rules hang together, with these rules; each by itself where none does."""
    group = {name: number for number, name in enumerate(names)}
    for rule in rules:
        one = min(group[name] for name in rule.fields)
        joined = {group[name] for name in rule.fields}
        group = {name: one if number in joined else number for name, number in group.items()}
    return [
        ([name for name in names if group[name] == number], [r for r in rules if group[r.total] == number])
        for number in dict.fromkeys(group.values())
    ]


def _order(names: list[str], rules: Sequence[Rule]) -> list[str]:
    """Fields in an order that keeps few rules open at a time: always the one that opens least and closes most."""
    left, order = list(names), []
    opened: set[int] = set()
    while left:

        def cost(name: str, opened: set[int] = opened, left: list[str] = left) -> tuple[int, int, int]:
            mine = [number for number, rule in enumerate(rules) if name in rule.fields]
            new = sum(number not in opened for number in mine)
            closed = sum(not (set(rules[number].fields) - {name}) & set(left) for number in mine)
            missing = min(
                (len(set(rules[number].fields) & set(left)) for number in mine if number in opened), default=99
            )
            return (new - closed, missing, left.index(name))

        name = min(left, key=cost)
        left.remove(name)
        order.append(name)
        opened |= {number for number, rule in enumerate(rules) if name in rule.fields}
    return order


@dataclass(slots=True)
class _Step:
    """From the states before a field to those after it, by each of its options."""

    source: _Ints
    option: _Ints
    target: _Ints
    weight: _Floats


class _Component:
    """One connected part of the sheet, decided forward and backward over its fields."""

    def __init__(
        self, fields: Mapping[str, Sequence[Option]], rules: Sequence[Rule], slip: float, spread: float
    ) -> None:
        self._rules, self._slip = rules, slip
        order = _order(list(fields), rules)
        last = {number: max(order.index(name) for name in rule.fields) for number, rule in enumerate(rules)}
        states: _Ints = np.zeros((1, len(rules)), np.int64)
        sums: list[_Floats] = [np.ones(1)]
        bests: list[_Floats] = [np.ones(1)]
        steps: list[_Step] = []
        left_out, scales = 0.0, 0.0  # weight left out, as it was then; logarithm of what was divided away
        for place, name in enumerate(order):
            closing = [number for number, at in last.items() if at == place]
            step, states = self._step(states, name, fields[name], closing, spread)
            total: _Floats = np.bincount(step.target, sums[-1][step.source] * step.weight, len(states)).astype(
                np.float64
            )
            likeliest = np.zeros(len(states))
            np.maximum.at(likeliest, step.target, bests[-1][step.source] * step.weight)
            whole = float(total.sum())
            states, total, likeliest = _prune(states, total, likeliest, step)
            scale = float(total.sum())
            left_out += (whole - scale) * np.exp(scales)  # what follows can only make it less
            scales += np.log(scale)
            steps.append(step)
            sums.append(total / scale)
            bests.append(likeliest / likeliest.max())
        self.lost = float(left_out / (left_out + np.exp(scales)))
        self._backward(order, fields, steps, sums, bests)

    def _step(
        self, states: _Ints, name: str, options: Sequence[Option], closing: Sequence[int], spread: float
    ) -> tuple[_Step, _Ints]:
        mine = [number for number, rule in enumerate(self._rules) if name in rule.fields]
        other = max(0.0, 1.0 - sum(option.p for option in options))
        # something else comes twice: as one that breaks its rules, and as the one that fits them
        weights = np.array([*(option.p for option in options), other * (1 - 1 / spread), other / spread])
        change = np.zeros((len(weights), len(self._rules)), np.int64)
        for number in mine:
            change[:-2, number] = [_counts(self._rules[number], name, option) for option in options]
            change[-2:, number] = _BROKEN, _SILENT
        possible = np.flatnonzero(weights > 0)
        following = states[:, None, :] + change[None, possible, :]
        following[(following > _BROKEN // 2) & (following < _SILENT // 2)] = _BROKEN
        following[following > _SILENT // 2] = _SILENT
        weight = np.repeat(weights[possible][None], len(states), axis=0)
        for number in closing:
            weight = np.where(
                (following[:, :, number] == 0) | (following[:, :, number] == _SILENT), weight, weight * self._slip
            )
            following[:, :, number] = 0
        kept, target = _unique(following.reshape(len(states) * len(possible), len(self._rules)))
        source = np.repeat(np.arange(len(states)), len(possible))
        chosen = np.minimum(possible, len(options))
        return _Step(source, np.tile(chosen, len(states)), target, weight.ravel()), kept

    def _backward(
        self,
        order: Sequence[str],
        fields: Mapping[str, Sequence[Option]],
        steps: Sequence[_Step],
        sums: Sequence[_Floats],
        bests: Sequence[_Floats],
    ) -> None:
        self.marginals: dict[str, Marginals] = {}
        behind, behind_best = np.ones(len(sums[-1])), np.ones(len(bests[-1]))
        for place in range(len(order) - 1, -1, -1):
            name, step = order[place], steps[place]
            count = len(fields[name]) + 1
            through = sums[place][step.source] * step.weight * behind[step.target]
            posterior = np.bincount(step.option, through, count)
            through_best = bests[place][step.source] * step.weight * behind_best[step.target]
            likeliest = np.zeros(count)
            np.maximum.at(likeliest, step.option, through_best)
            self.marginals[name] = Marginals(tuple((posterior / posterior.sum()).tolist()), _gap(likeliest))
            before = np.bincount(step.source, step.weight * behind[step.target], len(sums[place]))
            before_best = np.zeros(len(bests[place]))
            np.maximum.at(before_best, step.source, step.weight * behind_best[step.target])
            behind, behind_best = before / before.max(), before_best / before_best.max()


def _prune(states: _Ints, total: _Floats, likeliest: _Floats, step: _Step) -> tuple[_Ints, _Floats, _Floats]:
    """States without those that together weigh less than `NEGLIGIBLE`, at most `MOST_STATES`; `step` likewise."""
    if len(states) <= FEW_STATES:
        return states, total, likeliest
    order = np.argsort(total, kind="stable")
    light = int(np.searchsorted(np.cumsum(total[order]), NEGLIGIBLE * total.sum()))
    kept = np.sort(order[max(light, len(order) - MOST_STATES) :])
    place = np.full(len(states), -1)
    place[kept] = np.arange(len(kept))
    alive = place[step.target] >= 0
    step.source, step.option = step.source[alive], step.option[alive]
    step.target, step.weight = place[step.target[alive]], step.weight[alive]
    return states[kept], total[kept], likeliest[kept]


def _counts(rule: Rule, name: str, option: Option) -> np.int64:
    """What an option adds to the difference between parts and total. One part alone must be written like a total."""
    if name == rule.total:
        return _SILENT if option.as_total is None else np.int64(-option.as_total)
    said = option.as_part if len(rule.parts) > 1 else option.as_total
    return _SILENT if said is None else np.int64(said) * rule.parts.count(name)


def _unique(rows: _Ints) -> tuple[_Ints, _Ints]:
    """Different rows, and which of them each row is; by one number a row where that fits."""
    if not rows.shape[1]:
        return rows[:1], np.zeros(len(rows), np.int64)
    # the two marks are far away: they take the places after the highest real difference
    marked = rows > _BROKEN // 2
    low = rows.min(axis=0)
    width = np.where(marked, low[None], rows).max(axis=0) - low + 3
    if np.prod(width.astype(np.float64)) > 2.0**62:
        kept, place = np.unique(rows, axis=0, return_inverse=True)
        return kept, place.ravel()
    low = np.minimum(low, _BROKEN // 2)
    shifted = np.where(marked, width - np.where(rows == _SILENT, 1, 2), rows - low)
    packed = np.zeros(len(rows), np.int64)
    for number in range(rows.shape[1]):
        packed = packed * width[number] + shifted[:, number]
    _, first, place = np.unique(packed, return_index=True, return_inverse=True)
    return rows[first], place.ravel()


def _gap(likeliest: _Floats) -> float:
    if len(likeliest) < 2:
        return float("inf")
    second, first = np.partition(likeliest, -2)[-2:]
    return float("inf") if second <= 0 else float(np.log(first) - np.log(second))
