"""From a replay to all figures: the one place where the parts of the tally are put together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from counterfoil.agreement import counts
from counterfoil.election.definition import Contest, Form, Severity
from counterfoil.election.expressions import Rule
from counterfoil.record.state import OfficialSnapshot, Replay
from counterfoil.tally import addition, arithmetic
from counterfoil.tally.addition import STATION_SCHEMA, Found, Territory
from counterfoil.tally.areas import area_frame, by_kind
from counterfoil.tally.backsolve import backsolved
from counterfoil.tally.comparison import chosen_snapshot, compare, pattern_of
from counterfoil.tally.reports import reports_exceed_protocol, station_reports
from counterfoil.tally.results import ComparisonClass, ContestTally, Results
from counterfoil.tally.stations import station_frame

_ORDER = {Severity.CONTRADICTION: 0, Severity.CHECK: 1, Severity.NOTE: 2}
_PATTERN_CODES = {
    ComparisonClass.COLUMNS_SWAPPED: "columns-swapped",
    ComparisonClass.DIGITS_TRANSPOSED: "digits-transposed",
}


def compute(replay: Replay) -> Results:
    """Counts, totals, comparison and findings of every contest; a pure function of the replay."""
    by_form = {form.id: counts(replay, form.id) for form in replay.election.forms}
    return Results(
        replay=replay,
        contests={c.id: _contest(replay, c, by_form[c.form]) for c in replay.election.contests},
    )


def _contest(replay: Replay, contest: Contest, form_counts: pl.DataFrame) -> ContestTally:
    snapshot = chosen_snapshot(replay.official, contest, replay.election.compare_with)
    stations = compare(
        station_frame(replay, contest, form_counts),
        contest,
        replay.official,
        snapshot,
        replay.election.tolerance_votes,
    )
    areas = area_frame(replay, contest, stations, snapshot)
    found = sorted(
        _findings(replay, contest, stations, areas, snapshot),
        key=lambda f: (_ORDER[f.finding.severity], f.finding.single, f.finding.code, f.finding.area, f.finding.key),
    )
    return ContestTally(
        contest=contest,
        stations=stations,
        areas=areas,
        by_kind=by_kind(stations),
        findings=tuple(f.finding for f in found),
        finding_stations=_finding_stations(found),
        snapshot=snapshot,
        remainders=addition.remainders(contest, areas),
        lead=addition.lead(contest, areas, stations, replay.election.country),
    )


def _findings(
    replay: Replay, contest: Contest, stations: pl.DataFrame, areas: pl.DataFrame, snapshot: OfficialSnapshot | None
) -> Iterator[Found]:
    territory = Territory(replay.areas, stations)
    name = snapshot.snapshot if snapshot else None
    official = snapshot.entries if snapshot else ()
    tables = _tables(replay, contest, "readings")
    rests_on = tuple(sorted((*tables, *official)))
    reports = station_reports(replay.reports.get(contest.id))
    report_tables = _tables(replay, contest, "reports")
    with_reports = tuple(sorted((*rests_on, *report_tables)))
    yield from addition.part_exceeds_whole(contest, areas, territory, reports, with_reports, name)
    yield from addition.bound_excludes_official(contest, areas, territory, rests_on, name)
    rest = addition.remainders(contest, areas)
    yield from addition.remainder_implausible(contest, rest, areas, territory, rests_on, name)
    country = replay.election.country
    reports_rest_on = tuple(sorted((*tables, *report_tables)))
    yield from reports_exceed_protocol(contest, country, territory, reports, reports_rest_on)
    form = replay.election.form(contest.form)
    sharing = [c for c in replay.election.contests if c.form == contest.form]
    if sharing[0] is contest:  # a check is about the sheet: it is told once, not once per contest on it
        yield from arithmetic.form_findings(stations, contest, form)
        yield from _copies_differ(stations, contest)
    yield from arithmetic.turnout_findings(stations, contest, form)
    yield from _official_findings(stations, contest, form, snapshot, replay.election.tolerance_votes)
    yield from backsolved(contest, replay.official)


def _tables(replay: Replay, contest: Contest, kind: str) -> tuple[int, ...]:
    forms: dict[str, str] = {c.id: c.form for c in replay.election.contests}
    return tuple(
        t.entry
        for t in replay.tables
        if t.kind == kind
        and t.contest is not None
        and (t.contest == contest.id or (kind == "readings" and forms[t.contest] == contest.form))
    )


def _copies_differ(stations: pl.DataFrame, contest: Contest) -> Iterator[Found]:
    rows = stations.filter(pl.col("differing") > 0).select("station", "differing", "sources", "entries")
    for station, differing, sources, entries in rows.iter_rows():
        numbers = (("agreed_copies", str(sources)),)
        yield arithmetic.single_finding(
            "copies-differ", Severity.CHECK, contest, station, differing, 0, entries, numbers
        )


def _official_findings(
    stations: pl.DataFrame, contest: Contest, form: Form, snapshot: OfficialSnapshot | None, tolerance: int
) -> Iterator[Found]:
    """A finding per compared station that differs by more than the tolerance, named by the pattern it differs in.

    Only a note where one figure differs and the official one is just what would make our own broken sum come out: then
    a slip of the officers, or of two readers alike, is the likelier explanation, and the paper has to be read again.
    """
    if snapshot is None or snapshot.stations.height == 0:
        return
    options = [o.id for o in contest.options]
    gap = pl.max_horizontal((pl.col(f"votes.{o}") - pl.col(f"official.{o}")).abs() for o in options)
    differing = stations.filter((pl.col("state").cast(pl.String) == "confirmed") & (gap > tolerance))
    broken = arithmetic.broken_sums(stations.join(differing.select("station"), on="station", how="semi"), form)
    for row in differing.iter_rows(named=True):
        pattern = pattern_of(row, options)
        own_slip = _mends_own_sum(row, contest, broken.get(row["station"], ()))
        numbers = tuple(
            (f"{o}", f"{row[f'votes.{o}']} / {row[f'official.{o}']}")
            for o in options
            if None not in (row[f"votes.{o}"], row[f"official.{o}"]) and row[f"votes.{o}"] != row[f"official.{o}"]
        )
        yield arithmetic.single_finding(
            _PATTERN_CODES.get(pattern or "", "official-differs"),
            Severity.NOTE if own_slip else Severity.CHECK,
            contest,
            row["station"],
            row["difference"],
            tolerance,
            (*row["entries"], *snapshot.entries),
            (*numbers, ("mends_own_sum", "yes")) if own_slip else numbers,
            snapshot=snapshot.snapshot,
        )


def _mends_own_sum(row: Mapping[str, Any], contest: Contest, broken: Sequence[tuple[Rule, int]]) -> bool:
    """Whether exactly one figure differs, and with the official one a sum that does not come out on our side would."""
    pairs = [(o.field, row[f"votes.{o.id}"], row[f"official.{o.id}"]) for o in contest.options]
    differing = [(f, ours - theirs) for f, ours, theirs in pairs if None not in (ours, theirs) and ours != theirs]
    if len(differing) != 1:
        return False
    field, gap = differing[0]
    return any(gap * (r.left.get(field, 0) - r.right.get(field, 0)) == difference for r, difference in broken)


def _finding_stations(found: list[Found]) -> pl.DataFrame:
    schema = {"finding": pl.Int64, **STATION_SCHEMA}
    several = [
        f.stations.select(pl.lit(i, pl.Int64).alias("finding"), *STATION_SCHEMA)
        for i, f in enumerate(found)
        if f.stations is not None
    ]
    singles = [
        (i, f.finding.area, f.finding.value, f.finding.threshold, False, True)
        for i, f in enumerate(found)
        if f.stations is None and f.finding.single
    ]
    return pl.concat([*several, pl.DataFrame(singles, schema=schema, orient="row")]).sort(
        "finding", maintain_order=True
    )
