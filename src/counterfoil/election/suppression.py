"""Small cells of voters' reports are suppressed before anything enters the record.

A table that says "one voter of this station reported having voted for A" exposes that voter. So a station x option cell
of fewer than `min_cell` reports loses its row; its votes stand in one *remainder row* (no station) per area and option.

* The remainder stands in the lowest area in which it is at least `min_cell` too, by going up the tree: a remainder of 3
  in a district would expose the same three voters, and a remainder of at least `min_cell` always holds two stations or
  more. Only what is small in the whole country stays small, in the root area.
* So the total per option is exact in the country, and in every area up to what was moved above it.
* A cell of 0 reports says nothing and has no row either.
* `min_cell` 1 suppresses nothing: for tables that are public already.

Which way it errs: figures per area are too low by less than `min_cell` per option for each area below that gave up its
remainder, never too high.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from counterfoil.election.tables import REPORT_COLUMNS


def suppress(
    reports: pl.DataFrame, stations: pl.DataFrame, min_cell: int, parents: Mapping[str, str | None] | None = None
) -> pl.DataFrame:
    """Reports with small cells in remainder rows.

    Args:
        reports: texts station, area, option, reports; one row per station and option.
        stations: columns station and area; says in which area a station's remainder goes.
        min_cell: smallest number of reports of one station and option that may be shown.
        parents: area -> parent; without it a small remainder stays in its lowest area.

    Returns:
        The same columns; `station` is null in remainder rows.
    """
    counted = reports.select("station", "option", pl.col("reports").cast(pl.Int64)).join(
        stations.select("station", "area"), on="station", how="left", maintain_order="left"
    )
    small = counted.filter(pl.col("reports") < min_cell)
    kept = counted.filter(pl.col("reports") >= min_cell)
    remainder = _raised(small.group_by("area", "option").agg(pl.col("reports").sum()), min_cell, parents or {})
    rows = pl.concat(
        [
            kept.select(REPORT_COLUMNS),
            remainder.filter(pl.col("reports") > 0)
            .with_columns(pl.lit(None, dtype=pl.String).alias("station"))
            .select(REPORT_COLUMNS),
        ]
    )
    return rows.with_columns(pl.col("reports").cast(pl.String)).sort(REPORT_COLUMNS, nulls_last=False)


def _raised(remainder: pl.DataFrame, min_cell: int, parents: Mapping[str, str | None]) -> pl.DataFrame:
    """Remainders below `min_cell` join their parent's, level by level from the deepest, until they are large enough."""
    depth = {area: _depth(area, parents) for area in {*parents, *remainder["area"].to_list()}}
    cells: dict[tuple[str, str], int] = {(area, option): votes for area, option, votes in remainder.iter_rows()}
    by_depth: dict[int, set[tuple[str, str]]] = {}
    for cell in cells:
        by_depth.setdefault(depth[cell[0]], set()).add(cell)
    for level in range(max(by_depth, default=0), 0, -1):
        for area, option in sorted(by_depth.get(level, ())):
            parent = parents.get(area)
            if cells[area, option] >= min_cell or parent is None:
                continue
            votes = cells.pop((area, option))
            cells[parent, option] = cells.get((parent, option), 0) + votes
            by_depth.setdefault(level - 1, set()).add((parent, option))
    rows = [(area, option, votes) for (area, option), votes in sorted(cells.items())]
    return pl.DataFrame(rows, schema={"area": pl.String, "option": pl.String, "reports": pl.Int64}, orient="row")


def _depth(area: str, parents: Mapping[str, str | None]) -> int:
    steps, at = 0, parents.get(area)
    while at is not None:
        steps, at = steps + 1, parents.get(at)
        if steps > len(parents):
            raise ValueError(f"expected a tree of areas, found a cycle above {area}")
    return steps
