"""What the whole probably is, from a probability sample that was declared beforehand; refused from anything else.

Copies that arrive by themselves are not a sample: who sends them decides what they show. For those there are bounds
(`tally.results.OptionTotal`), never an estimate. This module holds ratio estimators (a share of votes is a ratio of two
estimated totals) and the rule that says whether a count may be estimated from at all. Which stations, and how many:
`tally.sampling`.

* Estimators follow Cochran, *Sampling Techniques*, 3rd ed. (1977): ratio (6.4), stratified combined and separate (6.10,
  6.11), clusters of unequal size (9A.1), always with finite population correction.
* All sums are integers and all ratios fractions, so the same counts give the same digits on every machine; only the
  last step, a square root or a quantile, is a float.
* Intervals use Student's t with units minus strata degrees of freedom, and stop at 0 and 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

import polars as pl

from counterfoil.election.definition import SampleDesign
from counterfoil.primitives.errors import Refusal
from counterfoil.primitives.ids import OptionId
from counterfoil.record.state import Replay
from counterfoil.tally.results import ContestTally
from counterfoil.tally.sampling import Pair, draw, frame_of, moments

LEAST_UNITS = 30
"""Fewer drawn stations (or clusters) that came in, and the normal approximation of a ratio is not worth printing."""
LEAST_RETRIEVAL = Fraction(9, 10)
LEAST_RETRIEVAL_OF_STRATUM = Fraction(3, 4)
MISSING_AT_RANDOM_LEVEL = Fraction(1, 100)
"""Family-wise level at which gaps are called uneven; see `uneven_gaps`."""


@dataclass(frozen=True, slots=True)
class RatioEstimate:
    """An estimated ratio with its sampling variance. Totals are None where the estimator does not give them."""

    ratio: Fraction
    variance: Fraction
    y_total: Fraction | None
    x_total: Fraction | None
    units: int
    """Sampled units: stations, or clusters."""
    strata: int = 1
    simple_variance: Fraction | None = None
    """Variance that a simple sample of as many stations would have; the design effect compares with it."""

    @property
    def standard_error(self) -> float:
        return math.sqrt(self.variance)

    @property
    def design_effect(self) -> float | None:
        """Variance of this design over that of a simple sample of as many stations (Kish 1965)."""
        if not self.simple_variance:
            return None
        return float(self.variance / self.simple_variance)

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Lower and upper limit at `confidence` (0 to 1)."""
        half = student_quantile(0.5 + confidence / 2, self.units - self.strata) * self.standard_error
        centre = float(self.ratio)
        return max(0.0, centre - half), min(1.0, centre + half)


def student_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's t by the expansion of Abramowitz & Stegun 26.7.5 (error below 1e-5 from 20 degrees on).

    Raises:
        ValueError: fewer than 3 degrees of freedom, where the expansion means nothing.
    """
    if freedom < 3:
        raise ValueError(f"a t quantile needs at least 3 degrees of freedom here, found {freedom}")
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return z + sum((term / float(freedom**power) for power, term in enumerate(terms, start=1)), 0.0)


# -- estimators -------------------------------------------------------------------------------------------------------


def simple_ratio(sample: Sequence[Pair], population: int) -> RatioEstimate:
    """Ratio from a simple random sample of `population` units (stations, or clusters with their totals).

    Cochran (6.13): (1 - n/N) / n * sum d^2 / (n - 1) / xbar^2 with d = y - R x.
    """
    n, _, x, yy, xy, xx = moments(sample)
    ratio = _ratio(sample)
    squares = yy - 2 * ratio * xy + ratio**2 * xx
    mean_x = Fraction(x, n)
    variance = (1 - Fraction(n, population)) * squares / (n - 1) / n / mean_x**2
    expand = Fraction(population, n)
    return RatioEstimate(ratio, variance, expand * sum(p[0] for p in sample), expand * x, n, simple_variance=variance)


def cluster_ratio(sample: Mapping[str, Sequence[Pair]], clusters: int, stations: int) -> RatioEstimate:
    """Ratio from a simple sample of whole clusters: `simple_ratio` over cluster totals.

    `sample`: per drawn cluster its stations; `clusters`, `stations`: how many the frame has, the latter for the design
    effect.
    """
    totals = [(sum(y for y, _ in units), sum(x for _, x in units)) for units in sample.values()]
    flat = [pair for units in sample.values() for pair in units]
    found = simple_ratio(totals, clusters)
    return _with_simple(found, flat, stations)


def combined_ratio(sample: Mapping[str, Sequence[Pair]], population: Mapping[str, int]) -> RatioEstimate:
    """Stratified combined ratio: one ratio of the two estimated totals.

    Cochran (6.45): sum N_h^2 (1 - n_h/N_h) s_dh^2 / n_h / X^2, s_dh^2 around the stratum's mean of d = y - R x.
    A stratum that was taken whole adds no variance.
    """
    _check_strata(sample, population)
    sums = {name: moments(units) for name, units in sample.items()}
    expand = {name: Fraction(population[name], sums[name][0]) for name in sample}
    y_total = sum((expand[h] * sums[h][1] for h in sample), Fraction(0))
    x_total = sum((expand[h] * sums[h][2] for h in sample), Fraction(0))
    if not x_total:
        raise _no_base()
    ratio = y_total / x_total
    variance = Fraction(0)
    for name in sample:
        n, y, x, yy, xy, xx = sums[name]
        if n == population[name]:
            continue
        around_mean = yy - 2 * ratio * xy + ratio**2 * xx - (y - ratio * x) ** 2 / n
        size = population[name]
        variance += size**2 * (1 - Fraction(n, size)) * around_mean / (n - 1) / n
    found = RatioEstimate(ratio, variance / x_total**2, y_total, x_total, sum(s[0] for s in sums.values()), len(sample))
    return _with_simple(found, [p for units in sample.values() for p in units], sum(population.values()))


def separate_ratio(
    sample: Mapping[str, Sequence[Pair]], population: Mapping[str, int], x_totals: Mapping[str, int]
) -> RatioEstimate:
    """Stratified separate ratio: a ratio per stratum, weighted by the stratum's known total of x (Cochran 6.44).

    Only where the totals of x are known for each stratum, and with enough stations in each: its bias grows with the
    number of strata.
    """
    _check_strata(sample, population)
    whole = sum(x_totals[name] for name in sample)
    if not whole:
        raise _no_base()
    y_total, variance = Fraction(0), Fraction(0)
    for name, units in sample.items():
        n, y, x, yy, xy, xx = moments(units)
        if not x:
            raise _no_base()
        ratio, size = Fraction(y, x), population[name]
        y_total += x_totals[name] * ratio
        if n < size:
            squares = yy - 2 * ratio * xy + ratio**2 * xx
            variance += size**2 * (1 - Fraction(n, size)) * squares / (n - 1) / n
    flat = [pair for units in sample.values() for pair in units]
    found = RatioEstimate(y_total / whole, variance / whole**2, y_total, Fraction(whole), len(flat), len(sample))
    return _with_simple(found, flat, sum(population.values()))


def _ratio(units: Sequence[Pair]) -> Fraction:
    x = sum(pair[1] for pair in units)
    if len(units) < 2 or not x:
        raise _no_base()
    return Fraction(sum(pair[0] for pair in units), x)


def _no_base() -> Refusal:
    return Refusal("expected two stations or more with votes in them, found none to estimate from.", code="no-base")


def _check_strata(sample: Mapping[str, Sequence[Pair]], population: Mapping[str, int]) -> None:
    for name, size in population.items():
        n = len(sample.get(name, ()))
        if n < min(2, size) or n > size:
            raise Refusal(
                f"stratum {name}: expected 2 to {size} drawn stations that came in, found {n}; without two a stratum "
                "has no measurable spread.",
                code="stratum-too-small",
            )


def _with_simple(found: RatioEstimate, flat: Sequence[Pair], stations: int) -> RatioEstimate:
    simple = simple_ratio(flat, stations).variance
    return RatioEstimate(found.ratio, found.variance, found.y_total, found.x_total, found.units, found.strata, simple)


# -- may this count be estimated from? --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Drawn stations of one stratum and how many of them came in and are confirmed."""

    stratum: str
    drawn: int
    received: int

    @property
    def share(self) -> Fraction:
        return Fraction(self.received, self.drawn)


@dataclass(frozen=True)
class Estimate:
    """Estimated shares of one contest, with everything that qualifies them."""

    design: SampleDesign
    confidence: float
    options: Mapping[OptionId, RatioEstimate]
    retrieval: tuple[Retrieval, ...]
    frame_stations: int

    @property
    def drawn(self) -> int:
        return sum(r.drawn for r in self.retrieval)

    @property
    def received(self) -> int:
        return sum(r.received for r in self.retrieval)


def estimate(
    tally: ContestTally,
    replay: Replay,
    sample_stations: Iterable[str] | None = None,
    *,
    confidence: float = 0.95,
    least_retrieval: Fraction = LEAST_RETRIEVAL,
) -> Estimate:
    """Shares of every option in the whole country, from the sample that the election's definition declared.

    `sample_stations`: the stations it is asked to rest on; None: all that the declared seed draws. Counted stations
    outside the sample never enter. A drawn station that did not come in is left out, and the rest of its stratum stands
    for it; that is why uneven gaps are refused.

    Raises:
        Refusal: `no-sample-design`, `frame-changed`, `outside-the-sample`, `sample-too-small`, `retrieval-too-low`,
            `missing-not-at-random`, `stratum-too-small` or `no-base`; the message says with which figures.
    """
    design = replay.election.sample
    if design is None:
        counted = tally.stations.filter(pl.col("state") == "confirmed").height
        raise Refusal(
            f"expected a probability sample declared in the definition before the count, found none: the {counted} of "
            f"{tally.stations.height} stations counted are those whose copies came in, and who sends a copy decides "
            "what they show; give the bounds instead.",
            code="no-sample-design",
        )
    tables = {table.sha256 for table in replay.tables if table.kind == "stations"}
    if design.stations_sha256 is not None and design.stations_sha256 not in tables:
        raise Refusal(
            f"expected the stations table {design.stations_sha256[:16]}... that the sample was drawn from, found "
            "another; draw from that table or declare a new sample.",
            code="frame-changed",
        )
    frame = frame_of(replay.stations, design)
    drawn = draw(replay.stations, design)
    outside = sorted(set(sample_stations) - set(drawn)) if sample_stations is not None else []
    if outside:
        raise Refusal(
            f"expected only stations drawn by the declared seed, found {len(outside)} others "
            f"({', '.join(outside[:3])}); stations chosen in any other way can't be estimated from.",
            code="outside-the-sample",
        )
    known = pl.all_horizontal(pl.col(f"votes.{o.id}").is_not_null() for o in tally.contest.base_options)
    # A drawn station that the caller leaves out counts as one that did not come in: leaving out is a choice too.
    asked = pl.lit(True) if sample_stations is None else pl.col("station").is_in(sorted(set(sample_stations)))
    rows = (
        frame.filter(pl.col("station").is_in(drawn))
        .join(tally.stations.drop("stratum", "cluster", strict=False), on="station", how="left")
        .with_columns(came_in=((pl.col("state") == "confirmed") & known & asked).fill_null(value=False))
        .sort("station")
    )
    retrieval = _retrieval(rows, least_retrieval)
    clusters = frame["cluster"].n_unique()
    if design.design == "clustered":
        # A cluster of which a station is missing has no total; it is not in, like a station that is not.
        whole = rows.group_by("cluster").agg(pl.col("came_in").all()).filter("came_in")["cluster"]
        arrived = rows.filter(pl.col("cluster").is_in(whole.to_list()))
        units = whole.len()
        _enough(units, design.size, least_retrieval, "clusters")
    else:
        arrived = rows.filter("came_in")
        units = arrived.height
    if units < LEAST_UNITS:
        raise Refusal(
            f"expected at least {LEAST_UNITS} drawn stations or clusters that came in, found {units}.",
            code="sample-too-small",
        )
    key = {"clustered": "cluster", "stratified": "stratum"}.get(design.design)
    sizes = dict(frame.group_by("stratum").len().iter_rows())
    options: dict[OptionId, RatioEstimate] = {}
    for option in tally.contest.base_options:
        pairs = arrived.select(pl.col(key) if key else pl.lit("all"), pl.col(f"votes.{option.id}"), "base")
        groups: dict[str, list[Pair]] = {}
        for group, y, x in pairs.iter_rows():
            groups.setdefault(group, []).append((y, x))
        if design.design == "clustered":
            options[option.id] = cluster_ratio(groups, clusters, frame.height)
        elif design.design == "stratified":
            options[option.id] = combined_ratio(groups, sizes)
        else:
            options[option.id] = simple_ratio(groups.get("all", []), frame.height)
    return Estimate(design, confidence, options, retrieval, frame.height)


def _retrieval(rows: pl.DataFrame, least: Fraction) -> tuple[Retrieval, ...]:
    """Per stratum; refuses gaps that are too many or uneven. `rows`: drawn stations with `came_in`."""
    by_stratum = _by(rows, "stratum")
    _enough(sum(r.received for r in by_stratum), rows.height, least, "stations")
    for stratum in by_stratum:
        if len(by_stratum) > 1 and stratum.share < LEAST_RETRIEVAL_OF_STRATUM:
            raise Refusal(
                f"stratum {stratum.stratum}: expected at least {float(LEAST_RETRIEVAL_OF_STRATUM):.0%} of its drawn "
                f"stations, found {stratum.received} of {stratum.drawn}.",
                code="retrieval-too-low",
            )
    divisions = {column: _by(rows, column) for column in ("stratum", "kind", "area")}
    groups = sum(len(division) for division in divisions.values())
    for column, division in divisions.items():
        gap = uneven_gaps(division, groups)
        if gap is not None:
            raise Refusal(
                f"expected gaps spread by chance, found {gap.drawn - gap.received} of {gap.drawn} drawn stations "
                f"missing where {column} is {gap.stratum}, against {rows.height - rows['came_in'].sum()} of "
                f"{rows.height} in all; what kept them away may also have changed their votes.",
                code="missing-not-at-random",
            )
    return by_stratum


def _by(rows: pl.DataFrame, column: str) -> tuple[Retrieval, ...]:
    groups = (
        rows.group_by(pl.col(column).fill_null("")).agg(drawn=pl.len(), received=pl.col("came_in").sum()).sort(column)
    )
    return tuple(Retrieval(str(name), drawn, received) for name, drawn, received in groups.iter_rows())


def _enough(received: int, drawn: int, least: Fraction, what: str) -> None:
    if received < least * drawn:
        raise Refusal(
            f"expected at least {float(least):.0%} of the drawn {what} to come in, found {received} of {drawn}; the "
            "missing ones are not missing by lot.",
            code="retrieval-too-low",
        )


def uneven_gaps(groups: Sequence[Retrieval], tests: int | None = None) -> Retrieval | None:
    """The group whose gaps are too many to be chance, or None.

    If the m missing of n drawn stations were missing by lot, the number in a group is hypergeometric; its exact upper
    tail, times the number of `tests` (Bonferroni; None: the groups given), is compared with MISSING_AT_RANDOM_LEVEL.
    This can only show uneven gaps, never prove even ones.
    """
    drawn = sum(g.drawn for g in groups)
    missing = drawn - sum(g.received for g in groups)
    ways = math.comb(drawn, missing)
    for group in groups:
        gone = group.drawn - group.received
        tail = sum(
            math.comb(group.drawn, k) * math.comb(drawn - group.drawn, missing - k)
            for k in range(gone, min(group.drawn, missing) + 1)
        )
        if Fraction(tail, ways) * (tests or len(groups)) < MISSING_AT_RANDOM_LEVEL:
            return group
    return None
