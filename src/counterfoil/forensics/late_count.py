"""Did the stations that reported late vote unlike those that reported early, beyond what they are?

Late stations are never like early ones: they lie far away, are larger, abroad, or counted by another law. So the raw
difference says nothing. Four figures stand together, each a difference of shares late less early:

* `raw`: as announced.
* `adjusted`: within areas and at equal covariates.
* `placebo`: the same regression on the previous election's share of the same stations, which nobody could shift then.
* `change`: on the change of share since the previous election; what is left of the difference when the placebo is
  taken away.

Leaves out: the moment within the count at which a trend breaks. The break announced for Bolivia in 2019 was an
artefact of the analysis (Idrobo, Kronick, Rodriguez).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from counterfoil.forensics import plotting
from counterfoil.forensics.arrays import Bools, Column, Floats, Ints, columns, labels, select
from counterfoil.forensics.association import Areas
from counterfoil.forensics.results import Method, Reference, Result
from counterfoil.primitives.errors import InputError, Refusal

METHOD = Method(
    name="Late-count shift",
    question="Is the leader's share in stations that reported late other than their areas, kind and past let expect?",
    null="within areas and at equal covariates, late and early stations changed alike since the previous election.",
    minimum="100 stations, 30 of them late and 30 early, areas that hold both.",
    innocent=(
        "late stations differ from early ones: remote, large, abroad, or counted under other rules",
        "what sets late stations apart changed since the previous election",
    ),
    references=(
        Reference(
            "Idrobo, Kronick, Rodriguez: on late-counted votes in Bolivia. Journal of Politics 84(4), 2022.",
            "10.1086/719639",
        ),
    ),
)
MINIMUM_STATIONS, MINIMUM_SIDE = 100, 30


@dataclass(frozen=True, slots=True)
class Shift:
    """A difference of shares, late less early, and its standard error (clustered by area, where areas are given)."""

    value: float
    se: float

    @property
    def z(self) -> float:
        return self.value / self.se if self.se > 0 else math.nan


@dataclass(frozen=True)
class LateShift(Result):
    """The four figures; `placebo` and `change` are None without a previous election."""

    method = METHOD
    late: int
    early: int
    raw: float
    adjusted: Shift
    placebo: Shift | None
    change: Shift | None
    covariates: tuple[str, ...]
    _shares: tuple[Floats, Bools] = field(repr=False, compare=False)

    def measured(self) -> str:
        text = (
            f"{self.late:,} late stations show {100 * self.raw:+.2f} points against {self.early:,} early "
            "ones; at equal areas "
            f"and covariates {100 * self.adjusted.value:+.2f} (standard error {100 * self.adjusted.se:.2f})"
        )
        if self.placebo is None or self.change is None:
            return text + "."
        return (
            f"{text}; the same stations in the previous election {100 * self.placebo.value:+.2f}, and the "
            "change since then "
            f"{100 * self.change.value:+.2f} (standard error {100 * self.change.se:.2f})."
        )

    def plot(self) -> Figure:
        """Shares of early and late stations."""
        share, late = self._shares
        edges = np.linspace(0.0, 1.0, 51)
        lines = {
            name: np.histogram(share[side], edges)[0] / max(int(side.sum()), 1)
            for name, side in (("early", ~late), ("late", late))
        }
        middles = np.linspace(1.0, 99.0, 50)
        return plotting.curves(middles, lines, xlabel="leader's share, %", ylabel="part of the stations")


def late_count_shift(
    cast: Column,
    leader: Column,
    late: Column,
    *,
    areas: Areas | None = None,
    covariates: Mapping[str, Sequence[float] | NDArray[np.float64] | NDArray[np.int64]] | None = None,
    previous_cast: Column | None = None,
    previous_leader: Column | None = None,
) -> LateShift:
    """Compares late with early stations, weighted by ballots.

    Args:
        late: 1 where the station reported late, 0 where early; decide on the limit before looking at the votes.
        areas: area of each station; only differences within areas count then.
        covariates: further columns (size of the list, distance), finite numbers.
        previous_cast, previous_leader: the same stations in the previous election, same option or its heir.

    Raises:
        InputError: a column is no column of counts, lengths differ, `late` holds other than 0 and 1, a covariate is
            not finite.
        Refusal: fewer than 100 stations or 30 on one side; areas or covariates that determine which stations are late.
    """
    named: dict[str, Column] = {"cast": cast, "leader": leader, "late": late}
    if (previous_cast is None) != (previous_leader is None):
        raise InputError("previous", expected="both columns of the previous election", found="one of them")
    if previous_cast is not None and previous_leader is not None:
        named |= {"previous_cast": previous_cast, "previous_leader": previous_leader}
    c = columns(**named)
    size = c["cast"].size
    if c["late"].max(initial=0) > 1:
        raise InputError("late", expected="0 or 1", found=str(c["late"].max()))
    reasons = {"nothing_cast": c["cast"] == 0, "leader_above_cast": c["leader"] > c["cast"]}
    if previous_cast is not None:
        reasons["nothing_cast_before"] = c["previous_cast"] == 0
        reasons["leader_above_cast_before"] = c["previous_leader"] > c["previous_cast"]
    extra = _covariates(covariates or {}, size)
    chosen = select(size, reasons, minimum=MINIMUM_STATIONS, method=METHOD.name)
    is_late = chosen(c["late"]) == 1
    sides = int(is_late.sum()), int((~is_late).sum())
    if min(sides) < MINIMUM_SIDE:
        raise Refusal(
            f"{METHOD.name}: expected at least {MINIMUM_SIDE} stations on both sides, found {sides[0]:,} late and "
            f"{sides[1]:,} early.",
            code="too-few-stations",
        )
    weight = chosen(c["cast"]).astype(np.float64)
    share = chosen(c["leader"]) / weight
    group = None if areas is None else _codes(chosen(labels("areas", areas, size)))
    regressors = np.column_stack([is_late.astype(np.float64), extra[chosen.keep]])
    placebo = change = None
    if previous_cast is not None:
        before = chosen(c["previous_leader"]) / chosen(c["previous_cast"])
        placebo = _shift(before, regressors, weight, group)
        change = _shift(share - before, regressors, weight, group)
    return LateShift(
        sample=chosen.sample,
        warnings=() if placebo else ("Without a previous election nothing says what is normal for late stations.",),
        late=sides[0],
        early=sides[1],
        raw=float(
            np.average(share[is_late], weights=weight[is_late]) - np.average(share[~is_late], weights=weight[~is_late])
        ),
        adjusted=_shift(share, regressors, weight, group),
        placebo=placebo,
        change=change,
        covariates=tuple(covariates or ()),
        _shares=(share, is_late),
    )


def _codes(group: Ints) -> Ints:
    return np.unique(group, return_inverse=True)[1].astype(np.int64)


def _covariates(given: Mapping[str, Sequence[float] | NDArray[np.float64] | NDArray[np.int64]], size: int) -> Floats:
    out = np.empty((size, len(given)))
    for j, (name, values) in enumerate(given.items()):
        column = np.asarray(values, dtype=np.float64)
        if column.shape != (size,) or not np.isfinite(column).all():
            raise InputError(name, expected=f"{size} finite numbers", found=f"an array of shape {column.shape}")
        spread = column.std()
        out[:, j] = (column - column.mean()) / (spread if spread > 0 else 1.0)
    return out


def _shift(y: Floats, x: Floats, weight: Floats, group: Ints | None) -> Shift:
    """Weighted least squares within areas; the first coefficient with its sandwich error."""
    own = np.zeros(y.size, dtype=np.int64) if group is None else group
    total = np.bincount(own, weight)

    def within(column: Floats) -> Floats:
        out: Floats = column - (np.bincount(own, weight * column) / total)[own]
        return out

    y, x = within(y), np.column_stack([within(column) for column in x.T])
    x = x[:, [True, *(np.abs(column).max() > 1e-12 for column in x.T[1:])]]
    gram = x.T @ (weight[:, None] * x)
    if np.abs(x[:, 0]).max() < 1e-12 or np.linalg.cond(gram) > 1e10:
        raise Refusal(
            f"{METHOD.name}: expected late and early stations in the same areas at the same covariates, found "
            "that these "
            "determine which stations are late.",
            code="no-variation",
        )
    bread = np.linalg.inv(gram)
    residual = y - x @ (bread @ (x.T @ (weight * y)))
    scores = x * (weight * residual)[:, None]
    if group is None:
        scale = y.size / (y.size - x.shape[1] - 1)
    else:
        scores = np.stack([np.bincount(own, column) for column in scores.T], axis=1)
        scale = total.size / (total.size - 1)
    covariance = bread @ (scores.T @ scores) @ bread * scale
    return Shift(float((bread @ (x.T @ (weight * y)))[0]), math.sqrt(float(covariance[0, 0])))
