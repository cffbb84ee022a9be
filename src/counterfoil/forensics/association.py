"""Do the leader's votes rise with turnout, and by how much?

Two views of one question: the correlation of turnout and share, and Sobyanin and Sukhovolsky's line of the leader's
votes over turnout, both as parts of the voters on the list. Both are given with and without weights, and, where areas
are known, within areas.

* Neither separates a cause. Strongholds that are small and rural give a steep line in clean sheets (Venezuela 2024:
  slope .774 at a share of .304), so the pooled figure alone means nothing: look within areas.
* Standard errors are robust to unequal spread (HC1), and clustered by area within areas.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from counterfoil.forensics import plotting
from counterfoil.forensics.arrays import Column, Floats, Ints, Labels, columns, labels, select, turnout_reasons
from counterfoil.forensics.results import Method, Reference, Result, Sample
from counterfoil.primitives.errors import Refusal

Areas = Labels

CORRELATION = Method(
    name="Correlation of turnout and share",
    question="Does the leader's share rise with turnout?",
    null="stations independent of each other, turnout telling nothing about preference.",
    minimum="30 stations that differ in turnout and in share.",
    innocent=(
        "the leader's strongholds are places where more people vote anyway (small, rural, old)",
        "regions differ in both turnout and preference",
        "one side's supporters are mobilised better",
    ),
    references=(
        Reference(
            "Kobak, Shpilkin, Pshenichnikov: Statistical anomalies in 2011-2012 Russian elections revealed by 2D "
            "correlation analysis, 2012.",
            "10.48550/arXiv.1205.0741",
        ),
    ),
)
SOBYANIN = Method(
    name="Sobyanin-Sukhovolsky line",
    question="Of each hundred additional voters, how many voted for the leader?",
    null=(
        "preference independent of turnout: the slope equals the leader's share and the line passes through the origin."
    ),
    minimum="30 stations that differ in turnout.",
    innocent=(
        (
            "strongholds are places with another turnout than the rest (Simpson's paradox): steep lines "
            "occur in clean sheets"
        ),
        "mobilisation by one side raises both turnout and its own votes",
    ),
    references=(Reference("Sobyanin, Sukhovolsky: Demokratiya, ogranichennaya falsifikatsiyami, Moscow 1995."),),
)
MINIMUM_STATIONS = 30


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Correlation(Result):
    """Correlations of turnout and share.

    `interval` and `p` (two-sided) belong to `pearson` and hold for independent stations only. `within_areas` is
    Pearson's correlation of the deviations from each area's own means, over `areas` areas; None without areas.
    """

    method = CORRELATION
    pearson: float
    pearson_weighted: float
    spearman: float
    interval: Interval
    p: float
    within_areas: float | None
    areas: int | None
    _cloud: tuple[Floats, Floats] = field(repr=False, compare=False)

    def measured(self) -> str:
        within = "" if self.within_areas is None else f"; within the {self.areas:,} areas {self.within_areas:.3f}"
        return (
            f"Pearson's correlation is {self.pearson:.3f} (by voters {self.pearson_weighted:.3f}, Spearman's "
            f"{self.spearman:.3f}){within}."
        )

    def plot(self) -> Figure:
        """Each station at its turnout and share."""
        return plotting.scatter(*self._cloud, xlabel="turnout, %", ylabel="leader's share, %")


@dataclass(frozen=True, slots=True)
class Line:
    """votes / registered = intercept + slope x turnout. `slope_se` is robust (HC1), clustered by area within areas."""

    slope: float
    intercept: float | None
    slope_se: float


@dataclass(frozen=True)
class Sobyanin(Result):
    """The line over all stations, the same weighted by voters, and within areas (None without areas).

    `share`: the leader's votes over all ballots. `excess_slope`: slope minus share, 0 under the null; `z` its
    distance from 0.
    """

    method = SOBYANIN
    pooled: Line
    weighted: Line
    within_areas: Line | None
    areas: int | None
    share: float
    _cloud: tuple[Floats, Floats] = field(repr=False, compare=False)

    @property
    def excess_slope(self) -> float:
        return self.pooled.slope - self.share

    @property
    def z(self) -> float:
        return self.excess_slope / self.pooled.slope_se

    def measured(self) -> str:
        within = "" if self.within_areas is None else f", within the {self.areas:,} areas {self.within_areas.slope:.3f}"
        above = " More than all additional voters went to the leader." if self.pooled.slope > 1 else ""
        return (
            f"the leader's votes rise by {self.pooled.slope:.3f} per additional voter (by voters "
            f"{self.weighted.slope:.3f}"
            f"{within}), beside a share of {self.share:.3f} of all ballots.{above}"
        )

    def plot(self) -> Figure:
        """Each station's votes and turnout as parts of its list, with the pooled line."""
        line = (self.pooled.slope, self.pooled.intercept or 0.0)
        return plotting.scatter(
            *self._cloud, xlabel="turnout, %", ylabel="leader's votes, % of voters on the list", line=line
        )


def turnout_share_correlation(
    registered: Column,
    given: Column,
    cast: Column,
    leader: Column,
    *,
    areas: Areas | None = None,
    min_registered: int = 100,
) -> Correlation:
    """Pearson's (plain and weighted by voters) and Spearman's correlation of given/registered and leader/cast.

    Raises:
        InputError: a column is no column of counts, or lengths differ.
        Refusal: fewer than 30 stations, or turnout or share the same everywhere.
    """
    n, g, r, a, area, sample = _usual(registered, given, cast, leader, areas, min_registered, CORRELATION.name)
    t, s = g / n, a / r
    if np.ptp(t) == 0 or np.ptp(s) == 0:
        raise Refusal(
            f"{CORRELATION.name}: expected stations that differ, found the same "
            f"{'turnout' if np.ptp(t) == 0 else 'share'} in all {n.size:,}.",
            code="no-variation",
        )
    pearson, p = stats.pearsonr(t, s)
    half = 1.959963984540054 / math.sqrt(n.size - 3)
    middle = math.atanh(min(max(pearson, -1 + 1e-15), 1 - 1e-15))
    within = None
    if area is not None:
        dt, ds = _demeaned(t, area), _demeaned(s, area)
        spread = math.sqrt((dt @ dt) * (ds @ ds))
        within = float(dt @ ds) / spread if spread > 0 else None
    return Correlation(
        sample=sample,
        warnings=() if area is not None else ("Without areas, differences between regions are part of this figure.",),
        pearson=float(pearson),
        pearson_weighted=_weighted_pearson(t, s, n),
        spearman=float(stats.spearmanr(t, s).statistic),
        interval=Interval(math.tanh(middle - half), math.tanh(middle + half)),
        p=float(p),
        within_areas=within,
        areas=None if area is None else int(area.max()) + 1,
        _cloud=(t, s),
    )


def sobyanin(
    registered: Column,
    given: Column,
    cast: Column,
    leader: Column,
    *,
    areas: Areas | None = None,
    min_registered: int = 100,
) -> Sobyanin:
    """Least squares of leader/registered on given/registered: plain, weighted by voters, and within areas.

    Raises:
        InputError: a column is no column of counts, or lengths differ.
        Refusal: fewer than 30 stations, or the same turnout everywhere.
    """
    n, g, r, a, area, sample = _usual(registered, given, cast, leader, areas, min_registered, SOBYANIN.name)
    t, e = g / n, a / n
    if np.ptp(t) == 0:
        raise Refusal(
            f"{SOBYANIN.name}: expected stations that differ in turnout, found {t[0]:.1%} in all {n.size:,}.",
            code="no-variation",
        )
    return Sobyanin(
        sample=sample,
        warnings=() if area is not None else ("Without areas, differences between regions are part of this figure.",),
        pooled=_line(t, e, np.ones(n.size)),
        weighted=_line(t, e, n.astype(np.float64)),
        within_areas=None if area is None else _line_within(t, e, area),
        areas=None if area is None else int(area.max()) + 1,
        share=float(a.sum() / r.sum()),
        _cloud=(t, e),
    )


def _usual(
    registered: Column,
    given: Column,
    cast: Column,
    leader: Column,
    areas: Areas | None,
    min_registered: int,
    name: str,
) -> tuple[Ints, Ints, Ints, Ints, Ints | None, Sample]:
    c = columns(registered=registered, given=given, cast=cast, leader=leader)
    n, g, r, a = c.values()
    chosen = select(n.size, turnout_reasons(n, g, r, a, min_registered), minimum=MINIMUM_STATIONS, method=name)
    area = None
    if areas is not None:
        area = np.unique(chosen(labels("areas", areas, n.size)), return_inverse=True)[1].astype(np.int64)
    return chosen(n), chosen(g), chosen(r), chosen(a), area, chosen.sample


def _weighted_pearson(x: Floats, y: Floats, weight: Ints) -> float:
    c = np.cov(x, y, aweights=weight, ddof=0)
    return float(c[0, 1] / math.sqrt(c[0, 0] * c[1, 1]))


def _demeaned(x: Floats, group: Ints) -> Floats:
    out: Floats = x - (np.bincount(group, x) / np.bincount(group))[group]
    return out


def _line(t: Floats, e: Floats, weight: Floats) -> Line:
    total = weight.sum()
    mean_t, mean_e = float(weight @ t / total), float(weight @ e / total)
    dt = t - mean_t
    spread = float(weight @ (dt * dt))
    slope = float(weight @ (dt * (e - mean_e))) / spread
    intercept = mean_e - slope * mean_t
    residual = e - intercept - slope * t
    variance = float(np.square(weight * dt * residual).sum()) / spread**2 * t.size / (t.size - 2)
    return Line(slope, intercept, math.sqrt(variance))


def _line_within(t: Floats, e: Floats, area: Ints) -> Line | None:
    dt, de = _demeaned(t, area), _demeaned(e, area)
    spread = float(dt @ dt)
    groups = int(area.max()) + 1
    if spread == 0 or groups < 2:
        return None
    slope = float(dt @ de) / spread
    scores = np.bincount(area, dt * (de - slope * dt))
    return Line(slope, None, math.sqrt(float(scores @ scores) * groups / (groups - 1)) / spread)
