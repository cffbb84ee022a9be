"""Which stations a quick count observes, a probability sample that anyone can draw again, and how many it needs.

Answers which stations a declared `SampleDesign` draws from a frame, and the two sample sizes (the handbook's and the
exact one). Leaves out what the sample shows (`tally.estimate`) and how the seed came about: it must be public, and
nobody may be able to choose it after seeing the frame (dice on camera, a lottery announced beforehand).

* **Order.** Units are put in order of SHA-256 over the UTF-8 bytes of `seed + "," + unit id`, as lower-case hex; the
  order of the rows of a table plays no part.
* **simple**: the first `size` stations of that order.
* **stratified**: `allocate` gives each stratum its number, then the first so many stations of the stratum.
* **clustered**: units are clusters (a school with all its stations); the first `size` *clusters*, whole.
* Stations that were merged into another (`replaced_by`) are not in the frame.

The whole rule for a simple sample, for somebody who trusts nothing here:

    >>> import hashlib
    >>> def drawn(seed, stations, size):
    ...     return sorted(stations, key=lambda s: hashlib.sha256(f"{seed},{s}".encode()).hexdigest())[:size]
    >>> drawn("4 1 6 2", ["a", "b", "c", "d"], 2)
    ['b', 'a']
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

import polars as pl

from counterfoil.election.definition import SampleDesign
from counterfoil.primitives.errors import InputError, Refusal

Pair = tuple[int, int]
"""(y, x) of one unit: votes of the option, votes of the base."""

LEAST_PER_STRATUM = 2
"""With one station a stratum has no measurable spread, so no standard error."""


def order(seed: str, units: Iterable[str]) -> list[str]:
    """`units` in the order the seed gives them. Ids are unique, so the order has no ties."""
    return sorted(units, key=lambda unit: hashlib.sha256(f"{seed},{unit}".encode()).hexdigest())


def allocate(size: int, strata: Mapping[str, int]) -> dict[str, int]:
    """How many of `size` stations each stratum gets: in proportion to its stations, by largest remainder.

    Each stratum has the whole part of size * N_h / N, but at least 2 (1 where it has only one station); what is left of
    `size` goes, one each, to the strata not raised to that least number, in order of the largest remainder, ties by
    stratum id.

    Raises:
        InputError: `size` exceeds the frame, or is too small for two stations in every stratum.
    """
    frame = sum(strata.values())
    if size > frame:
        raise InputError(
            "sample",
            expected=f"a size of at most {frame}, the stations of the frame",
            found=str(size),
            code="sample-size",
        )
    shares = {name: divmod(size * count, frame) for name, count in strata.items()}
    least = {name: min(LEAST_PER_STRATUM, count) for name, count in strata.items()}
    given = {name: max(whole, least[name]) for name, (whole, _) in shares.items()}
    left = size - sum(given.values())
    if left < 0:
        raise InputError(
            "sample",
            expected=f"a size of at least {sum(given.values())}, so that {len(strata)} strata have two stations each",
            found=str(size),
            do="draw more stations or merge small strata",
            code="sample-size",
        )
    by_remainder = sorted(
        (name for name, (whole, _) in shares.items() if whole >= least[name]), key=lambda name: (-shares[name][1], name)
    )
    for name in by_remainder[:left]:
        given[name] += 1
    return given


def frame_of(stations: pl.DataFrame, design: SampleDesign) -> pl.DataFrame:
    """The stations a sample is drawn from: columns station, stratum, cluster (each text), sorted by station.

    `stations` has STATION_SCHEMA. A simple design has one stratum, `all`; without clusters a station is its own.

    Raises:
        InputError: the design names a column that the stations table lacks or leaves blank.
    """
    stratum = (design.stratum or "stratum") if design.design == "stratified" else None
    cluster = (design.cluster or "cluster") if design.design == "clustered" else None
    for column in (stratum, cluster):
        if column is not None and (column not in stations.columns or stations[column].null_count()):
            raise InputError(
                "stations",
                expected=f"a value of {column!r} for every station, as the sample design names it",
                found="blanks" if column in stations.columns else "no such column",
                code="sample-frame",
            )
    return (
        stations.filter(pl.col("replaced_by").is_null())
        .select(
            "station",
            stratum=pl.col(stratum).cast(pl.String) if stratum else pl.lit("all"),
            cluster=pl.col(cluster).cast(pl.String) if cluster else pl.col("station"),
        )
        .sort("station")
    )


def draw(stations: pl.DataFrame, design: SampleDesign) -> list[str]:
    """The stations that `design` draws, sorted by id. `stations` has STATION_SCHEMA.

    Raises:
        InputError: the frame cannot carry the design; see `frame_of` and `allocate`.
    """
    frame = frame_of(stations, design)
    if design.design == "clustered":
        clusters = frame["cluster"].unique().to_list()
        if design.size > len(clusters):
            raise InputError(
                "sample", expected=f"at most {len(clusters)} clusters", found=str(design.size), code="sample-size"
            )
        chosen = set(order(design.seed, clusters)[: design.size])
        return frame.filter(pl.col("cluster").is_in(chosen))["station"].to_list()
    members: dict[str, list[str]] = {}
    for station, stratum in frame.select("station", "stratum").iter_rows():
        members.setdefault(stratum, []).append(station)
    given = allocate(design.size, {name: len(ids) for name, ids in members.items()})
    return sorted(unit for name, ids in members.items() for unit in order(design.seed, ids)[: given[name]])


def moments(units: Iterable[Pair]) -> tuple[int, int, int, int, int, int]:
    """n and the sums of y, x, y*y, x*y and x*x, as exact integers."""
    n = y_sum = x_sum = yy = xy = xx = 0
    for y, x in units:
        n, y_sum, x_sum, yy, xy, xx = n + 1, y_sum + y, x_sum + x, yy + y * y, xy + x * y, xx + x * x
    return n, y_sum, x_sum, yy, xy, xx


@dataclass(frozen=True, slots=True)
class HandbookSize:
    voters: int
    stations: int


def handbook_size(
    *,
    voters: int,
    margin: float,
    z: float,
    voters_per_station: int,
    share: float = 0.5,
    turnout: float = 1.0,
    retrieval: float = 1.0,
) -> HandbookSize:
    """Sample size by the quick-count handbook, for planning beside `exact_size`.

    Estok, Nevitte and Cowan, *The Quick Count and Election Observation* (NDI, 2002), chapter 5, pages 72 to 79:
    n = P(1-P) / (E^2/z^2 + P(1-P)/N) voters, divided by the voters of an average station; then corrected for `turnout`
    and for stations that will not come in (`retrieval`), each 0 to 1.

    The handbook treats the voters of a station as if they had been drawn one by one (design effect 1), so the true
    margin is wider, as its page 77 says. Its printed example (Peru 2001: 14,570,774 voters, E .0032, z 2.58) gives
    163,185 because .00001024 was rounded to .000010 on the way; the formula gives 160,718, which is returned here.
    """
    spread = share * (1 - share)
    sampled = math.ceil(spread / (margin**2 / z**2 + spread / voters))
    return HandbookSize(sampled, math.ceil(sampled / (voters_per_station * turnout * retrieval)))


def exact_size(
    frame: Mapping[str, Sequence[Pair]], *, margin: float, confidence: float = 0.95, design: str = "simple"
) -> int:
    """A size whose interval is at most +-`margin` wide, and one less would not do, if votes spread as in `frame`.

    Exact in that it uses the true spread between stations of a whole earlier election and the numbers per stratum that
    `sampling.allocate` really gives, not a formula for voters. `frame` maps stratum (or cluster) to the (y, x) of *all*
    its stations; `design` is `simple`, `stratified` or `clustered`; the size is in stations, or clusters if clustered.

    Raises:
        Refusal: no votes in the frame.
    """
    flat = [pair for units in frame.values() for pair in units]
    clusters = [(sum(y for y, _ in c), sum(x for _, x in c)) for c in frame.values()]
    units = clusters if design == "clustered" else flat
    total = sum(x for _, x in units)
    if len(units) < 2 or not total:
        raise Refusal("expected an earlier election with votes in two stations or more, found none.", code="no-base")
    ratio = Fraction(sum(y for y, _ in units), total)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    target = (margin / z) ** 2
    sizes = {name: len(members) for name, members in frame.items()}
    spreads = {name: _spread(members, ratio) for name, members in frame.items()}

    def variance(size: int) -> float:
        if design != "stratified":
            return len(units) ** 2 * (1 - size / len(units)) * _around_zero(units, ratio) / size / total**2
        given = allocate(size, sizes)
        return sum(sizes[h] ** 2 * (1 - given[h] / sizes[h]) * spreads[h] / given[h] for h in sizes) / total**2

    low = sum(min(2, n) for n in sizes.values()) if design == "stratified" else 2
    high = len(units)
    while low < high:
        middle = (low + high) // 2
        try:
            enough = variance(middle) <= target
        except InputError:  # too small for two in every stratum
            enough = False
        low, high = (low, middle) if enough else (middle + 1, high)
    return low


def _spread(units: Sequence[Pair], ratio: Fraction) -> float:
    n, y, x, yy, xy, xx = moments(units)
    if n < 2:
        return 0.0
    return float((yy - 2 * ratio * xy + ratio**2 * xx - (y - ratio * x) ** 2 / n) / (n - 1))


def _around_zero(units: Sequence[Pair], ratio: Fraction) -> float:
    n, _, _, yy, xy, xx = moments(units)
    return float((yy - 2 * ratio * xy + ratio**2 * xx) / (n - 1))
