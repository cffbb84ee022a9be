"""How a fit on the job changes what is said: a monotone map on the logit of a probability, of one of two kinds.

* `Line`: two numbers (Platt scaling).
* `Stairs`: the isotonic fit (pool adjacent violators), its steps joined by straight lines. Above
  the last step it says no more than that step; below the first one it never says more than it was given.

Both are drawn towards no change, as much as ten fields would draw them. Neither turns an order around. What is never
said (`confidence`: most without a confirmation) is held after the map, so no map lifts it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

PRIOR_FIELDS: Final = 10
"""So many fields that were as they were said, spread over all."""
STEP_FIELDS: Final = 12
"""Fewer fields make no step of their own."""
_LEAST: Final = 1e-6
_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """A logit times `slope` and `shift` more."""

    slope: float = 1.0
    shift: float = 0.0

    def __call__(self, z: _Floats) -> _Floats:
        return self.slope * z + self.shift

    def to_dict(self) -> dict[str, Any]:
        return {"slope": self.slope, "shift": self.shift}


@dataclass(frozen=True, slots=True)
class Stairs:
    """Logits said and logits to say, both rising."""

    knots: tuple[tuple[float, float], ...]

    def __call__(self, z: _Floats) -> _Floats:
        said, say = np.array(self.knots).T
        found: _Floats = np.interp(z, said, say)
        return np.where(z < said[0], np.minimum(z, say[0]), found)

    def to_dict(self) -> dict[str, Any]:
        return {"knots": [list(knot) for knot in self.knots]}


Map = Line | Stairs


def map_of(plain: Mapping[str, Any]) -> Map:
    """What `to_dict` made.

    Raises:
        ValueError, KeyError, TypeError: of another shape, or a map that turns an order around.
    """
    if "knots" not in plain:
        line = Line(float(plain["slope"]), float(plain["shift"]))
        if not line.slope > 0:
            raise ValueError(f"slope is {line.slope}")
        return line
    knots = tuple((float(said), float(say)) for said, say in plain["knots"])
    if not knots or any(a[0] >= b[0] or a[1] > b[1] for a, b in itertools.pairwise(knots)):
        raise ValueError("knots do not rise")
    return Stairs(knots)


def fitted_line(z: _Floats, right: _Floats) -> Line:
    """The likeliest."""

    def cost(x: _Floats) -> float:
        return log_loss(x[0] * z + x[1], right) * len(z) + PRIOR_FIELDS / 2 * float((x[0] - 1) ** 2 + x[1] ** 2)

    found = minimize(cost, np.array([1.0, 0.0]), method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-7})
    return Line(round(max(float(found.x[0]), 0.05), 6), round(float(found.x[1]), 6))


def fitted_stairs(z: _Floats, right: _Floats) -> Stairs:
    """The likeliest rising steps, over groups of at least `STEP_FIELDS` fields that were said alike."""
    groups = _groups(np.sort(z))
    prior = PRIOR_FIELDS / len(groups)
    steps: list[_Step] = []
    for low, high in groups:
        inside = (z >= low) & (z <= high)
        fields = int(inside.sum())
        as_said = prior * float(np.mean(1 / (1 + np.exp(-z[inside]))))
        steps.append(_Step(low, high, fields + prior, float(right[inside].sum()) + as_said))
        while len(steps) > 1 and steps[-2].share >= steps[-1].share:
            last, before = steps.pop(), steps.pop()
            steps.append(_Step(before.low, last.high, before.weight + last.weight, before.found + last.found))
    knots = {said: step.say for step in steps for said in (step.low, step.high)}
    return Stairs(tuple(knots.items()))


def _groups(z: _Floats) -> list[tuple[float, float]]:
    """The least and the greatest of each group; what was said alike is in one. `z`: sorted."""
    found: list[list[float]] = []
    fields = STEP_FIELDS
    for said, count in zip(*np.unique(z, return_counts=True), strict=True):
        if fields >= STEP_FIELDS:
            found.append([float(said), float(said)])
            fields = 0
        found[-1][1] = float(said)
        fields += int(count)
    if fields < STEP_FIELDS and len(found) > 1:
        found[-2:] = [[found[-2][0], found[-1][1]]]
    return [(low, high) for low, high in found]


@dataclass(frozen=True, slots=True)
class _Step:
    low: float
    high: float
    """Logits said."""
    weight: float
    """Fields with the prior's."""
    found: float
    """Right ones, with the prior's."""

    @property
    def share(self) -> float:
        return min(max(self.found / self.weight, _LEAST), 1 - _LEAST)

    @property
    def say(self) -> float:
        return round(math.log(self.share / (1 - self.share)), 6)


def log_loss(z: _Floats, right: _Floats) -> float:
    """Mean, in nats, of what was found where these logits were said."""
    return float(np.mean(np.logaddexp(0, z) - right * z))
