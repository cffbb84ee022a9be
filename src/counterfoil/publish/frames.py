"""Results to the tables of `data/`, one frame per table, with exactly the columns of `columns.TABLES`.

Nothing is computed here that is not already in the results, but for putting a share beside its base as a decimal text.
Rows are in a fixed order: contests as defined, areas as listed, stations by id, options and fields as defined.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import polars as pl

from counterfoil.election.definition import Contest
from counterfoil.primitives.cells import STATE_SUFFIX
from counterfoil.primitives.errors import Refusal
from counterfoil.primitives.shares import decimal6
from counterfoil.publish.columns import TABLES
from counterfoil.publish.model import Publication
from counterfoil.record.state import OfficialSnapshot
from counterfoil.tally.estimate import Estimate, estimate
from counterfoil.tally.results import ContestTally, Finding, StationNumbers

_SIX = StationNumbers._fields
_TYPES = {"string": pl.String, "integer": pl.Int64, "number": pl.Float64, "boolean": pl.Boolean}


def frame(publication: Publication, name: str) -> pl.DataFrame:
    """The table `name` of `columns.TABLES`."""
    return _MAKERS[name](publication)


def _schema(name: str) -> dict[str, Any]:
    """The fixed columns of a table with their Polars types."""
    return {c.name: _TYPES[c.type] for c in TABLES[name].columns if "<" not in c.name}


def _rows(name: str, rows: Iterable[Sequence[Any]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=_schema(name), orient="row")


def _join(name: str, frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Frames of several contests below each other; a column that a contest does not have is unknown there."""
    empty = pl.DataFrame(schema=_schema(name))
    fixed = dict(empty.schema.items())
    return pl.concat(
        [empty, *(f.cast({k: v for k, v in fixed.items() if k in f.columns}) for f in frames)], how="diagonal"
    )


def _stations(publication: Publication) -> pl.DataFrame:
    return publication.results.replay.stations.select(list(_schema("stations")))


def _contests(publication: Publication) -> Iterable[tuple[Contest, ContestTally]]:
    return ((tally.contest, tally) for tally in publication.results.contests.values())


def _fields(publication: Publication, contest: Contest) -> tuple[str, ...]:
    return publication.results.replay.election.form(contest.form).field_ids


def _entries_text(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.List(pl.String)).list.join(" ")


def _results_wide(publication: Publication) -> pl.DataFrame:
    frames = []
    for contest, tally in _contests(publication):
        options = [o.id for o in contest.options]
        fields = _fields(publication, contest)
        frames.append(
            tally.stations.select(
                pl.lit(contest.id).alias("contest"),
                *["station", "area", "name", "kind"],
                pl.col("listed_registered").alias("registered"),
                *["state", "basis", "copies"],
                _entries_text("entries"),
                *["comparison", "difference", "base"],
                *(f"votes.{o}" for o in options),
                *(f"official.{o}" for o in options),
                *(
                    expression
                    for f in fields
                    for expression in (
                        pl.col(f).alias(f"field.{f}"),
                        pl.col(f + STATE_SUFFIX).cast(pl.String).alias(f"field.{f}.state"),
                    )
                ),
            )
        )
    return _join("results_wide", frames)


def _results_long(publication: Publication) -> pl.DataFrame:
    """Lists per station, exploded: the rows come out in order without sorting millions of them."""
    return _join("results_long", (_long(publication, c, t) for c, t in _contests(publication)))


def _long(publication: Publication, contest: Contest, tally: ContestTally) -> pl.DataFrame:
    by_field: dict[str, list[str | None]] = {f: [] for f in _fields(publication, contest)}
    for option in contest.options:
        by_field[option.field].append(option.id)
    pairs = [(f, o) for f, options in by_field.items() for o in options or [None]]
    unknown = pl.lit(None, pl.Int64)
    known = tally.stations.filter(
        (pl.col("state") != "missing")
        | pl.any_horizontal(pl.col(f"official.{o.id}").is_not_null() for o in contest.options)
    )
    lists = known.select(
        pl.lit(contest.id).alias("contest"),
        "station",
        "area",
        "state",
        pl.lit([f for f, _ in pairs]).alias("field"),
        pl.lit([o for _, o in pairs], pl.List(pl.String)).alias("option"),
        pl.concat_list([pl.col(f) for f, _ in pairs]).alias("value"),
        pl.concat_list([pl.col(f + STATE_SUFFIX).cast(pl.String) for f, _ in pairs]).alias("value_state"),
        pl.concat_list([pl.col(f"votes.{o}") if o else unknown for _, o in pairs]).alias("votes"),
        pl.concat_list([pl.col(f"official.{o}") if o else unknown for _, o in pairs]).alias("official"),
    )
    return lists.explode(["field", "option", "value", "value_state", "votes", "official"])


def _copies(publication: Publication) -> pl.DataFrame:
    replay = publication.results.replay
    read = [
        frame.group_by("copy").agg(
            pl.col("reader").filter(~pl.col("machine")).n_unique().cast(pl.Int64).alias("persons"),
            pl.col("reader").filter(pl.col("machine")).n_unique().cast(pl.Int64).alias("machines"),
        )
        for frame in replay.readings.values()
    ]
    counts = pl.concat([pl.DataFrame(schema={"copy": pl.String, "persons": pl.Int64, "machines": pl.Int64}), *read])
    released = pl.DataFrame(
        list(replay.releases.items()), schema={"copy": pl.String, "released": pl.String}, orient="row"
    )
    return (
        replay.copies.join(counts, on="copy", how="left")
        .join(released, on="copy", how="left")
        .with_columns(pl.col("persons", "machines").fill_null(0))
        .sort("station", "form", "page", "entry")
        .cast({"page": pl.Int64})
        .select(list(_schema("copies")))
    )


def _comparison(publication: Publication) -> pl.DataFrame:
    return _join(
        "comparison",
        (
            tally.stations.select(
                pl.lit(contest.id).alias("contest"),
                pl.lit(tally.snapshot.snapshot if tally.snapshot else None, pl.String).alias("snapshot"),
                *["station", "area", "state", "comparison", "difference"],
            )
            for contest, tally in _contests(publication)
        ),
    )


def _coverage(publication: Publication) -> pl.DataFrame:
    names = publication.results.replay.areas.select("area", "name")
    parts = []
    for contest, tally in _contests(publication):
        by_area = tally.areas.join(names, on="area", how="left", maintain_order="left").select(
            pl.lit("area").alias("group"),
            pl.col("area").alias("id"),
            "name",
            *_SIX,
            "registered_counted",
            "registered",
        )
        by_kind = tally.by_kind.select(pl.lit("kind").alias("group"), pl.col("kind").alias("id"), *_SIX)
        parts += [part.with_columns(pl.lit(contest.id).alias("contest")) for part in (by_area, by_kind)]
    return _join("coverage", parts)


def _areas(publication: Publication) -> pl.DataFrame:
    areas = {row["area"]: row for row in publication.results.replay.areas.iter_rows(named=True)}
    rows = []
    for contest, tally in _contests(publication):
        for area in tally.areas["area"]:
            total = tally.area(area)
            where = areas.get(area, {})
            for option in total.options:
                counted = Fraction(option.votes, option.counted_base) if option.counted_base else None
                rows.append(
                    (
                        contest.id,
                        area,
                        *(where.get(key) for key in ("parent", "name", "kind", "deadline")),
                        *total.numbers,
                        total.registered_counted,
                        total.registered,
                        option.option,
                        option.votes,
                        option.stations,
                        option.base_kind.value,
                        option.counted_base,
                        decimal6(counted),
                        option.bias.value,
                        option.total,
                        option.total_source,
                        option.upper_votes,
                        decimal6(option.lower_share),
                        decimal6(option.upper_share),
                        option.official,
                    )
                )
    return _rows("areas", rows)


def _findings(publication: Publication) -> pl.DataFrame:
    findings = [f for _, tally in _contests(publication) for f in tally.findings]
    return _rows("findings", (_finding_row(number, f) for number, f in enumerate(findings)))


def excess(finding: Finding) -> int | None:
    """By how much the left figure exceeds the right one."""
    if finding.value is None or finding.threshold is None:
        return None
    return finding.value - finding.threshold


def _finding_row(number: int, f: Finding) -> tuple[Any, ...]:
    return (
        number,
        f.key,
        f.contest,
        f.code,
        f.severity.value,
        f.area,
        f.single,
        f.option,
        f.value,
        f.threshold,
        excess(f),
        f.stations,
        f.gated_out,
        f.flip_set_size,
        f.snapshot,
        json.dumps(dict(f.numbers), ensure_ascii=False, separators=(",", ":")),
        " ".join(map(str, f.entries)),
    )


def _finding_stations(publication: Publication) -> pl.DataFrame:
    first = 0
    parts = []
    for contest, tally in _contests(publication):
        codes = pl.Series("code", [f.code for f in tally.findings], dtype=pl.String)
        rows = tally.finding_stations
        parts.append(
            rows.select(
                (pl.col("finding").cast(pl.Int64) + first).alias("finding"),
                codes.gather(rows["finding"]).alias("code"),
                pl.lit(contest.id).alias("contest"),
                *["station", "value", "threshold", "gated_out", "in_flip_set"],
            )
        )
        first += len(tally.findings)
    return _join("finding_stations", parts)


def _changes(publication: Publication) -> pl.DataFrame:
    changes = publication.changes
    if changes is None:
        return pl.DataFrame(schema=_schema("changes"))
    rows = changes.rows.with_columns(pl.lit(changes.previous_size).alias("previous_size"))
    return _join("changes", [rows.select(list(_schema("changes")))])


def _official(publication: Publication) -> pl.DataFrame:
    return _join("official", (part for s in publication.results.replay.official for part in _announced(s)))


def _announced(snapshot: OfficialSnapshot) -> list[pl.DataFrame]:
    items = [c for c in snapshot.stations.columns if c not in ("station", "entry")]
    areas = snapshot.areas.select(pl.lit("area").alias("unit"), pl.col("area").alias("id"), "item", "value", "entry")
    stations = (
        snapshot.stations.unpivot(items, index=["station", "entry"], variable_name="item", value_name="value")
        .filter(pl.col("value").is_not_null())
        .select(pl.lit("station").alias("unit"), pl.col("station").alias("id"), "item", "value", "entry")
    )
    remarks = pl.DataFrame(
        list(snapshot.remarks.items()), schema={"item": pl.String, "remark": pl.String}, orient="row"
    )
    common = (
        pl.lit(snapshot.contest).alias("contest"),
        pl.lit(snapshot.snapshot).alias("snapshot"),
        pl.lit(snapshot.announced_at).alias("announced_at"),
        pl.lit(snapshot.source.get("name")).alias("source"),
    )
    return [part.with_columns(common) for part in (areas, stations, remarks)]


def _reports(publication: Publication) -> pl.DataFrame:
    return _join(
        "reports",
        (
            rows.with_columns(pl.lit(contest).alias("contest"))
            for contest, rows in publication.results.replay.reports.items()
        ),
    ).select(list(_schema("reports")))


def estimate_of(publication: Publication, tally: ContestTally) -> Estimate | Refusal:
    """The estimate of a contest, or why there is none; a refusal is a result like any other."""
    try:
        return estimate(tally, publication.results.replay)
    except Refusal as refused:
        return refused


def _estimates(publication: Publication) -> pl.DataFrame:
    rows: list[tuple[Any, ...]] = []
    for contest, tally in _contests(publication):
        found = estimate_of(publication, tally)
        if isinstance(found, Refusal):
            rows.append((contest.id, found.code, str(found), *[None] * 12))
            continue
        head = (found.design.design, found.frame_stations, found.drawn, found.received, _six(found.confidence))
        for option, ratio in found.options.items():
            low, high = ratio.interval(found.confidence)
            figures = (decimal6(ratio.ratio), _six(low), _six(high), _six(ratio.standard_error))
            effect = None if ratio.design_effect is None else _six(ratio.design_effect)
            rows.append((contest.id, None, None, *head, option, contest.base.kind.value, *figures, effect))
    return _rows("estimates", rows)


def _six(value: float) -> str:
    """Six decimals of what a square root or a quantile made; digits this far up are the same on every machine."""
    return f"{value:.6f}"


_MAKERS: Mapping[str, Callable[[Publication], pl.DataFrame]] = {
    "stations": _stations,
    "results_wide": _results_wide,
    "results_long": _results_long,
    "copies": _copies,
    "comparison": _comparison,
    "coverage": _coverage,
    "areas": _areas,
    "findings": _findings,
    "finding_stations": _finding_stations,
    "changes": _changes,
    "official": _official,
    "reports": _reports,
    "estimates": _estimates,
}
