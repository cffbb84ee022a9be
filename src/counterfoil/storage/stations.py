"""Copies of one station that are agreed and differ: a dispute for arbiters, asked of the count itself.

Rules:

* The count (`agreement.counts`) says whether a station is disputed, over the rows of that station alone.
* Copies that make different options the winner need two arbiters; so do a copy and a table of figures.
* A decision of the station on any copy ends it; one that is taken back opens it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate
from typing import Any

import polars as pl
from django.db.models import QuerySet

from counterfoil.agreement.counts import counts
from counterfoil.election.definition import Form
from counterfoil.primitives.cells import Cell
from counterfoil.record.state import Replay
from counterfoil.storage.models import Copy, Opinion, Station, Task
from counterfoil.storage.said import Desk, decisions_of, gather, ruling_of
from counterfoil.workflow.priority import Urgency, priority
from counterfoil.workflow.work import AGREED, Said, answers_frame, certainty_frame, winner, work


def refresh(station: str, contest: str, desk: Desk) -> None:
    """Make the station's own tasks again."""
    if not station:
        return
    tasks = Task.objects.filter(copy=None, kind="decide", station=station, contest=contest)
    needed = 0
    if disputed(station, contest, desk):
        given = [ruling_of(o) for o in rulings(station, contest)]
        same = max((sum(r.what == other.what for other in given) for r in given), default=0)
        needed = max(1, arbiters_needed(station, contest, desk) - same)
    standing = sorted(tasks, key=lambda t: (t.leased_by_id is None, t.number))
    for task in standing[needed:]:
        if task.leased_by_id is None:
            task.delete()
    used = {t.number for t in standing}
    free = (n for n in range(1, len(standing) + needed + 1) if n not in used)
    row = Station.objects.filter(pk=station).select_related("area").first()
    urgency = Urgency(row.spread, row.area.deadline, row.registered) if row else Urgency()
    rank = priority(urgency, kind="decide", page=1, answered=False, begun=True)
    Task.objects.bulk_create(
        Task(kind="decide", station=station, contest=contest, number=next(free), priority=rank)
        for _ in range(needed - len(standing))
    )


def rulings(station: str, contest: str) -> QuerySet[Opinion]:
    """What arbiters said of the station and what waits for another one."""
    return Opinion.objects.filter(kind="decide", copy=None, station=station, contest=contest, withdrawn=False)


def copies_of(station: str, contest: str, desk: Desk) -> list[str]:
    """The copies of the station's form that are agreed."""
    return sorted(_all(station, contest, desk).filter(state__in=AGREED).values_list("pk", flat=True))


def all_copies_of(station: str, contest: str, desk: Desk) -> list[str]:
    """Every copy of the station's form, whatever its state: a decision may concern each."""
    return sorted(_all(station, contest, desk).values_list("pk", flat=True))


def _all(station: str, contest: str, desk: Desk) -> QuerySet[Copy]:
    form = desk.election.contest(contest).form
    contests = [c.id for c in desk.election.contests if c.form == form]
    return Copy.objects.filter(station=station, contest__in=contests)


def disputed(station: str, contest: str, desk: Desk) -> bool:
    """Whether the count calls this station disputed."""
    form = desk.election.form(desk.election.contest(contest).form)
    bulk = desk.state.bulk.get(form.id)
    table = bulk.filter(pl.col("station") == station) if bulk is not None else None
    if len(copies_of(station, contest, desk)) + (table.height if table is not None else 0) < 2:
        return False
    row = counts(_replay(station, contest, form, desk, table), form.id).filter(pl.col("station") == station)
    return row.height > 0 and row["state"][0] == "disputed"


def _replay(station: str, contest: str, form: Form, desk: Desk, table: pl.DataFrame | None) -> Replay:
    """The record's state of this station alone, with what waits for its batch."""
    names = _all(station, contest, desk).exclude(state="withdrawn")
    gathered = [(copy, gather(copy, desk.election)[0]) for copy in names]
    rows = [(n, c.pk, station, form.id, c.page, c.kind) for n, (c, _) in enumerate(gathered)]
    schema = {
        "entry": pl.Int64,
        "copy": pl.String,
        "station": pl.String,
        "form": pl.String,
        "page": pl.Int64,
        "kind": pl.String,
    }
    firsts = list(accumulate((len(said.answers) for _, said in gathered), initial=0))
    readings = [answers_frame(said, form, first) for first, (_, said) in zip(firsts, gathered, strict=False)]
    certain = [certainty_frame(said, first) for first, (_, said) in zip(firsts, gathered, strict=False)]
    return replace(
        desk.state,
        stations=desk.state.stations.filter(pl.col("station") == station),
        copies=pl.DataFrame(rows, schema=schema, orient="row"),
        readings={form.id: pl.concat(readings)} if readings else {},
        certainty=pl.concat([desk.state.certainty.clear(), *certain]),
        bulk={form.id: table} if table is not None and table.height else {},
        decisions=tuple(decisions_of((station, contest, 1), desk.election)),
    )


def values_of(station: str, contest: str, desk: Desk) -> list[tuple[Copy, Mapping[str, Cell]]]:
    """The agreed copies with what each says."""
    found = []
    for copy in Copy.objects.filter(pk__in=copies_of(station, contest, desk)).order_by("pk"):
        said: Said = gather(copy, desk.election)[0]
        found.append((copy, work(said, desk.election).settled))
    return found


def arbiters_needed(station: str, contest: str, desk: Desk) -> int:
    """Two where the copies give different winners, or where figures of a table stand against a copy."""
    fields = [o.field for o in desk.election.contest(contest).options]
    said: list[Mapping[str, Any]] = [values for _, values in values_of(station, contest, desk)]
    winners = {winner({f: values[f] for f in fields if f in values}) for values in said}
    return 2 if len(winners) != 1 or len(said) < 2 else 1
