"""A contest's confirmed counts as the columns the forensic tests take.

Rules:

* Only confirmed stations with every figure that is asked for; how many others there are is said (`left_out`).
* registered: the form's field of that role, where the protocol does not state it the stations table. cast: the field of
  the role `ballots_cast`, else valid and invalid together, else the sum over the base options. given: the form's
  fields `given` or `given-...` together; without such fields it is cast.
* The option tested is the one with most votes in the count, unless another is asked for.
* Areas are the highest level of the tree that has more than one area.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from counterfoil.election.definition import OptionKind
from counterfoil.forensics.stations import Stations, stations
from counterfoil.primitives.errors import InputError
from counterfoil.tally.results import ContestTally


@dataclass(frozen=True)
class ForensicColumns:
    """`table`: the columns, areas named by their ids. `left_out`: confirmed stations without all of its figures.

    `places`: x (longitude) and y (latitude) of the same stations in the same order, null where unknown.
    """

    table: Stations
    confirmed: int
    left_out: int
    places: pl.DataFrame


def forensic_columns(tally: ContestTally, areas: pl.DataFrame, option: str | None = None) -> ForensicColumns:
    """The columns of one contest.

    Args:
        areas: the areas of the record (area, parent).
        option: the option tested; None: the leader of the count.

    Raises:
        InputError: no such option.
    """
    contest = tally.contest
    options = [o.id for o in contest.options if o.kind is not OptionKind.INVALID]
    tested = _leader(tally, options) if option is None else option
    if tested not in options:
        raise InputError("option", expected="one of " + ", ".join(options), found=tested, code="unknown-option")
    confirmed = tally.stations.filter(pl.col("state").cast(pl.String) == "confirmed")
    figures = {**_figures(tally, confirmed), "leader": pl.col(f"votes.{tested}")}
    others = [o for o in options if o != tested]
    table = confirmed.select(
        pl.col("area").replace_strict(_top(areas), default=None, return_dtype=pl.String).alias("area"),
        *(column.alias(name) for name, column in figures.items()),
        *(pl.col(f"votes.{o}").alias(f"votes.{o}") for o in others),
        pl.col("longitude").alias("x"),
        pl.col("latitude").alias("y"),
    )
    known = [name for name in figures if table[name].null_count() < table.height or name == "leader"]
    complete = table.filter(pl.all_horizontal(pl.col(name) >= 0 for name in known))
    # An option that is not stated everywhere would take its stations out of tests that do not need it.
    others = [o for o in others if not complete[f"votes.{o}"].null_count() and _not_negative(complete[f"votes.{o}"])]
    columns = {name: complete[name].cast(pl.Int64) for name in known}
    made = stations(
        leader=columns["leader"],
        cast=columns.get("cast"),
        registered=columns.get("registered"),
        given=columns.get("given"),
        others={o: complete[f"votes.{o}"].cast(pl.Int64) for o in others},
        leader_name=tested,
        areas=complete["area"].fill_null("").to_list() if complete["area"].n_unique() > 1 else None,
    )
    return ForensicColumns(made, confirmed.height, confirmed.height - complete.height, complete.select("x", "y"))


def _leader(tally: ContestTally, options: Sequence[str]) -> str:
    return max(options, key=lambda o: int(tally.stations[f"votes.{o}"].sum() or 0))


def _not_negative(column: pl.Series) -> bool:
    least = column.min()
    return not isinstance(least, int) or least >= 0


def _figures(tally: ContestTally, confirmed: pl.DataFrame) -> dict[str, pl.Expr]:
    """registered, cast, and given where the form states it."""
    roles = tally.contest.roles
    registered = pl.col("listed_registered")
    if "registered" in roles:
        registered = pl.coalesce(pl.col(roles["registered"]), registered)
    if "ballots_cast" in roles:
        cast = pl.col(roles["ballots_cast"])
    elif "valid" in roles and "invalid" in roles:
        cast = pl.col(roles["valid"]) + pl.col(roles["invalid"])
    else:
        cast = pl.col("base")
    figures = {"registered": registered, "cast": cast}
    given = [c for c in confirmed.columns if (c == "given" or c.startswith("given-")) and not c.endswith("__state")]
    if given:
        figures["given"] = pl.sum_horizontal(given, ignore_nulls=False)
    return figures


def _top(areas: pl.DataFrame) -> Mapping[str, str]:
    """For each area the one above it (or itself) on the highest level with more than one area."""
    parent = dict(zip(areas["area"], areas["parent"], strict=True))
    paths: dict[str, list[str]] = {}
    for area, above in parent.items():
        path, at = [area], above
        while at is not None and at in parent and at not in path:
            path.append(at)
            at = parent[at]
        paths[area] = path[::-1]
    deepest = max((len(path) for path in paths.values()), default=0)
    for level in range(deepest):
        if len({path[level] for path in paths.values() if len(path) > level}) > 1:
            return {area: path[min(level, len(path) - 1)] for area, path in paths.items()}
    return {area: area for area in parent}
