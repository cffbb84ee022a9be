"""Totals of every area: the six numbers, sums of votes, and the bounds of what the whole can be.

Bounds (Manski, Partial Identification of Probability Distributions, 2003, doi:10.1007/b97478, section 1.2; here exact):
everything that is not counted goes to an option, or away from it.

* with an announced total T of the base: votes <= whole <= votes + (T - counted base);
* without one, each uncounted station adds at most its register: T = counted base + registers of the uncounted;
* where neither is known the upper bound is unknown, and so are the shares.

If the counted base already exceeds T there is no upper bound either: that is a finding (`part-exceeds-whole`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from counterfoil.agreement.counts import STATION_STATE_TYPE
from counterfoil.election.definition import Contest
from counterfoil.primitives.shares import Base
from counterfoil.record.state import OfficialSnapshot, Replay
from counterfoil.tally.comparison import pattern_of
from counterfoil.tally.results import ComparisonClass

_COMPARED = ("equal", "within_tolerance", "digits_transposed", "columns_swapped", "different", "official_changed")


def six_numbers() -> list[pl.Expr]:
    """Aggregations over station rows; `expected` counts the listed ones."""
    state = pl.col("state").cast(pl.String)

    def having(*states: str) -> pl.Expr:
        return state.is_in(states).sum().cast(pl.Int64)

    return [
        pl.len().cast(pl.Int64).alias("expected"),
        having("received", "read", "confirmed", "disputed").alias("received"),
        having("read", "confirmed", "disputed").alias("read"),
        having("confirmed").alias("confirmed"),
        having("disputed").alias("disputed"),
        pl.col("comparison").is_in(_COMPARED).sum().cast(pl.Int64).alias("compared"),
    ]


def by_kind(stations: pl.DataFrame) -> pl.DataFrame:
    """The six numbers by area type of the stations."""
    return stations.group_by("kind").agg(six_numbers()).sort("kind", nulls_last=True)


def closure(areas: pl.DataFrame) -> pl.DataFrame:
    """(area, ancestor) for every area and each of its ancestors, itself included."""
    parent = dict(areas.select("area", "parent").iter_rows())
    pairs: list[tuple[str, str]] = []
    for area in parent:
        at: str | None = area
        steps = 0
        while at is not None:
            pairs.append((area, at))
            at = parent.get(at)
            steps += 1
            if steps > len(parent):
                break  # a circle: refused on import; here only kept from running for ever
    return pl.DataFrame(pairs, schema={"area": pl.String, "ancestor": pl.String}, orient="row")


def area_frame(
    replay: Replay, contest: Contest, stations: pl.DataFrame, snapshot: OfficialSnapshot | None
) -> pl.DataFrame:
    """`ContestTally.areas`, in the order of the areas table."""
    options = [o.id for o in contest.options]
    confirmed = pl.col("state") == pl.lit("confirmed", STATION_STATE_TYPE)
    register = pl.coalesce("register", "listed_registered")
    compared = pl.col("comparison").is_in(_COMPARED)
    lowest = stations.group_by("area").agg(
        *six_numbers(),
        pl.col("base").sum(),
        # A sum over registers is only known where each of them is.
        register.filter(confirmed).sum().alias("registered_counted"),
        register.filter(confirmed).null_count().cast(pl.Int64).alias("registered_counted_unknown"),
        register.filter(~confirmed).sum().alias("registered_left"),
        register.filter(~confirmed).null_count().cast(pl.Int64).alias("registered_left_unknown"),
        *(pl.col(f"votes.{o}").sum() for o in options),
        *(pl.col(f"votes.{o}").count().cast(pl.Int64).alias(f"stations.{o}") for o in options),
        *(pl.col(f"votes.{o}").filter(compared).sum().alias(f"compared_votes.{o}") for o in options),
        *(pl.col(f"official.{o}").filter(compared).sum().alias(f"compared_official.{o}") for o in options),
    )
    up = closure(replay.areas).join(lowest, on="area", how="inner").drop("area")
    totals = up.group_by("ancestor").agg(pl.all().sum()).rename({"ancestor": "area"})
    frame = replay.areas.select("area", "parent").join(totals, on="area", how="left", maintain_order="left")
    frame = frame.with_columns(pl.exclude("area", "parent").fill_null(0)).with_columns(_expected(replay, frame))
    frame = _with_official(frame, replay, contest, snapshot)
    tolerance = replay.election.tolerance_votes
    classes = [area_class(row, options, tolerance) for row in frame.iter_rows(named=True)]
    return frame.with_columns(pl.Series("comparison", classes, dtype=pl.String))


def area_class(row: Mapping[str, int | None], options: Sequence[str], tolerance: int) -> str:
    """How an area as a whole compares: like with like only, so our side is missing until every station is confirmed."""
    stated = [o for o in options if row[f"official.{o}"] is not None]
    if not stated:
        return ComparisonClass.OFFICIAL_MISSING
    if row["confirmed"] != row["expected"]:
        return ComparisonClass.DISPUTED if row["disputed"] else ComparisonClass.OURS_MISSING
    gaps = [abs((row[f"votes.{o}"] or 0) - (row[f"official.{o}"] or 0)) for o in stated]
    if max(gaps) == 0:
        return ComparisonClass.EQUAL
    return (
        ComparisonClass.WITHIN_TOLERANCE
        if max(gaps) <= tolerance
        else pattern_of(row, options) or ComparisonClass.DIFFERENT
    )


def _expected(replay: Replay, frame: pl.DataFrame) -> pl.Series:
    """Stations that must exist: the listed ones, or the larger number that is declared for an area, from below."""
    listed = dict(frame.select("area", "expected").fill_null(0).iter_rows())
    declared = dict(replay.areas.select("area", "expected_stations").iter_rows())
    if replay.election.expected_stations is not None:
        country = replay.election.country
        declared[country] = max(replay.election.expected_stations, declared.get(country) or 0)
    children: dict[str, list[str]] = {}
    for area, parent in frame.select("area", "parent").iter_rows():
        if parent is not None:
            children.setdefault(parent, []).append(area)
    if not any(declared.values()):
        return frame["expected"].fill_null(0)
    order: list[str] = []
    stack: list[str] = [replay.election.country]
    while stack:
        at = stack.pop()
        order.append(at)
        stack.extend(children.get(at, ()))
    total: dict[str, int] = {}
    for area in reversed(order):
        below = children.get(area, ())
        own = listed[area] - sum(listed[c] for c in below)
        total[area] = max(declared.get(area) or 0, own + sum(total[c] for c in below))
    return pl.Series("expected", [total.get(a, listed[a]) for a in frame["area"]], dtype=pl.Int64)


def _with_official(
    frame: pl.DataFrame, replay: Replay, contest: Contest, snapshot: OfficialSnapshot | None
) -> pl.DataFrame:
    items = {"total": contest.base.official, "official_registered": "registered"}
    items |= {f"official.{o.id}": o.id for o in contest.options}
    if snapshot is None or snapshot.areas.height == 0:
        frame = frame.with_columns(pl.lit(None, pl.Int64).alias(name) for name in items)
    else:
        # Of two tables of one snapshot that state the same item, the later one stands.
        figures = snapshot.areas.unique(["area", "item"], keep="last", maintain_order=True)
        wide = figures.pivot(on="item", index="area", values="value")
        wide = wide.select(
            "area",
            *(
                (pl.col(item) if item in wide.columns else pl.lit(None, pl.Int64)).alias(name)
                for name, item in items.items()
            ),
        )
        frame = frame.join(wide, on="area", how="left", maintain_order="left")
    unlisted = pl.col("expected") - _listed(replay, frame)
    known = (pl.col("registered_left_unknown") == 0) & (unlisted == 0)
    registered = pl.coalesce(
        "official_registered",
        pl.when(known & (pl.col("registered_counted_unknown") == 0)).then(
            pl.col("registered_counted") + pl.col("registered_left")
        ),
    )
    by_register = pl.col("base") + pl.col("registered_left")
    if contest.base.kind is Base.REGISTERED:
        by_register = pl.col("registered_counted") + pl.col("registered_left")
    # A count that leaves nobody out is its own total.
    frame = frame.with_columns(
        registered.alias("registered"),
        pl.coalesce("total", pl.when(known).then(by_register)).alias("total"),
        pl.when(pl.col("total").is_not_null())
        .then(pl.lit("official"))
        .when(known)
        .then(pl.lit("register"))
        .alias("total_source"),
        pl.when(pl.col("registered_counted_unknown") == 0).then("registered_counted").alias("registered_counted"),
    )
    room = pl.col("total") - pl.col("base")
    return frame.with_columns(
        pl.when(room >= 0).then(pl.col(f"votes.{o.id}") + room).alias(f"upper.{o.id}") for o in contest.options
    ).drop("registered_counted_unknown", "registered_left", "registered_left_unknown", "official_registered")


def _listed(replay: Replay, frame: pl.DataFrame) -> pl.Series:
    """Stations by name in each area; `expected` may be more."""
    own = (
        replay.stations.filter(pl.col("replaced_by").is_null()).group_by("area").agg(pl.len().cast(pl.Int64).alias("n"))
    )
    up = closure(replay.areas).join(own, on="area").group_by("ancestor").agg(pl.col("n").sum())
    return (
        frame.select("area")
        .join(up, left_on="area", right_on="ancestor", how="left", maintain_order="left")["n"]
        .fill_null(0)
    )
