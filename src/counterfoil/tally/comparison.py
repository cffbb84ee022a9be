"""Station by station against a named official snapshot, over the options that both sides state.

Classes, in the order in which the first that fits is taken: `disputed` (ours), `official_missing`, `ours_missing`,
`official_changed` (the authority's figures for the station differ from an earlier snapshot of its own), `equal`,
`within_tolerance`, `columns_swapped` (two options exchanged, the rest equal), `digits_transposed` (each figure that
differs is the other with two digits exchanged), `different`.

"They match" is a result. A station without a count and without an official figure has no class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from counterfoil.election.definition import Contest
from counterfoil.record.state import OfficialSnapshot
from counterfoil.tally.results import ComparisonClass as Class


def chosen_snapshot(
    snapshots: Sequence[OfficialSnapshot], contest: Contest, name: str | None
) -> OfficialSnapshot | None:
    """The snapshot of that name, else the newest of the contest."""
    mine = [s for s in snapshots if s.contest == contest.id]
    named = [s for s in mine if s.snapshot == name]
    found = named or mine
    return found[-1] if found else None


def compare(
    stations: pl.DataFrame,
    contest: Contest,
    snapshots: Sequence[OfficialSnapshot],
    snapshot: OfficialSnapshot | None,
    tolerance: int,
) -> pl.DataFrame:
    """Adds `official.<option>`, `comparison` and `difference` to the station frame."""
    options = [o.id for o in contest.options]
    if snapshot is None or snapshot.stations.height == 0:
        return stations.with_columns(
            *(pl.lit(None, pl.Int64).alias(f"official.{o}") for o in options),
            pl.when(pl.col("state").cast(pl.String).is_in(["confirmed", "disputed"]))
            .then(
                pl.when(pl.col("state") == "disputed")
                .then(pl.lit(Class.DISPUTED))
                .otherwise(pl.lit(Class.OFFICIAL_MISSING))
            )
            .alias("comparison"),
            pl.lit(None, pl.Int64).alias("difference"),
        )
    official = snapshot.stations.unique("station", keep="last", maintain_order=True)
    official = official.select(
        "station",
        *((pl.col(o) if o in official.columns else pl.lit(None, pl.Int64)).alias(f"official.{o}") for o in options),
    )
    frame = stations.join(official, on="station", how="left", maintain_order="left")
    gaps = [(pl.col(f"votes.{o}") - pl.col(f"official.{o}")).abs() for o in options]
    frame = frame.with_columns(
        pl.when(pl.any_horizontal(g.is_not_null() for g in gaps)).then(pl.sum_horizontal(gaps)).alias("difference"),
        pl.max_horizontal(gaps).alias("largest_gap"),
        pl.any_horizontal(pl.col(f"official.{o}").is_not_null() for o in options).alias("has_official"),
        pl.col("station").is_in(_changed(snapshots, snapshot, options)).alias("changed"),
    )
    state = pl.col("state").cast(pl.String)
    frame = frame.with_columns(
        pl.when(state == "disputed").then(pl.lit(Class.DISPUTED))
        .when((state == "confirmed") & ~pl.col("has_official")).then(pl.lit(Class.OFFICIAL_MISSING))
        .when((state != "confirmed") & pl.col("has_official")).then(pl.lit(Class.OURS_MISSING))
        .when(~pl.col("has_official")).then(None)
        .when("changed").then(pl.lit(Class.OFFICIAL_CHANGED))
        .when(pl.col("difference") == 0).then(pl.lit(Class.EQUAL))
        .when(pl.col("largest_gap") <= tolerance).then(pl.lit(Class.WITHIN_TOLERANCE))
        .when(pl.col("difference").is_not_null()).then(pl.lit(Class.DIFFERENT))
        .otherwise(pl.lit(Class.OFFICIAL_MISSING))
        .alias("comparison")
    )  # fmt: skip
    patterns = {
        row["station"]: pattern
        for row in frame.filter(pl.col("comparison") == Class.DIFFERENT).iter_rows(named=True)
        if (pattern := pattern_of(row, options)) is not None
    }
    return frame.with_columns(
        pl.when(pl.col("comparison") == Class.DIFFERENT)
        .then(pl.col("station").replace_strict(patterns, default=Class.DIFFERENT, return_dtype=pl.String))
        .otherwise("comparison")
        .alias("comparison")
    ).drop("largest_gap", "has_official", "changed")


def pattern_of(row: Mapping[str, int | None], options: Sequence[str]) -> str | None:
    """`columns_swapped`, `digits_transposed` or None for one station's `votes.*` and `official.*`."""
    pairs = [(row[f"votes.{o}"], row[f"official.{o}"]) for o in options]
    known = [(ours, theirs) for ours, theirs in pairs if ours is not None and theirs is not None]
    differing = [pair for pair in known if pair[0] != pair[1]]
    if len(differing) == 2 and differing[0] == (differing[1][1], differing[1][0]):
        return Class.COLUMNS_SWAPPED
    if differing and all(transposed(ours, theirs) for ours, theirs in differing):
        return Class.DIGITS_TRANSPOSED
    return None


def transposed(a: int, b: int) -> bool:
    """Whether two numbers are the same but for two digits that changed places."""
    x, y = str(a), str(b)
    if len(x) != len(y):
        return False
    wrong = [i for i in range(len(x)) if x[i] != y[i]]
    return len(wrong) == 2 and x[wrong[0]] == y[wrong[1]] and x[wrong[1]] == y[wrong[0]]


def _changed(snapshots: Sequence[OfficialSnapshot], newest: OfficialSnapshot, options: Sequence[str]) -> list[str]:
    """Stations whose official figures differ from those of an earlier snapshot of the same contest."""
    earlier = [
        s for s in snapshots if s.contest == newest.contest and s is not newest
        and s.stations.height and (s.announced_at, s.entries) < (newest.announced_at, newest.entries)
    ]  # fmt: skip
    found: set[str] = set()
    for s in earlier:
        both = [o for o in options if o in s.stations.columns and o in newest.stations.columns]
        joined = newest.stations.select("station", *both).join(
            s.stations.select("station", *(pl.col(o).alias(f"{o}.old") for o in both)), on="station"
        )
        moved = (
            joined.filter(pl.any_horizontal([pl.col(o) != pl.col(f"{o}.old") for o in both]))
            if both
            else joined.clear()
        )
        found |= set(moved["station"].to_list())
    return sorted(found)
