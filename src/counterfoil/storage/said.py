"""What was said of a copy, gathered from rows for the rules (`workflow.work`); and what work on copies goes with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from counterfoil.election.definition import Election
from counterfoil.record.state import Decision, Replay
from counterfoil.storage import machine
from counterfoil.storage.models import Account, Copy, Entry, Opinion, Standing
from counterfoil.workflow.work import Answer, Place, Ruling, Said, Seen, cells_of

_SAFE_LANES = ("organisation",)
"""Lanes whose senders know their stations: nobody needs to identify their copies."""


@dataclass(frozen=True)
class Desk:
    """What work on copies needs besides the database."""

    state: Replay
    """The record's tables."""
    now: datetime
    slot: str
    """The slot of what is said now."""
    pseudonyms: bytes
    lease_s: int = 900
    gold_every: int = 20

    @property
    def election(self) -> Election:
        return self.state.election


def fresh(copy: Copy) -> Said:
    """What is known of a copy of which nobody has said anything."""
    certain = copy.lane in _SAFE_LANES and copy.station != ""
    return Said(copy.copy, (copy.station, copy.contest, copy.page), certain=certain or copy.moved_from_id is not None)


def gather(copy: Copy, election: Election) -> tuple[Said, Mapping[str, Account]]:
    """Everything that stands of a copy; and by id the persons who worked on it."""
    entries = list(Entry.objects.filter(copy=copy.pk, type__in=("copy", "reading")).select_related("author"))
    gone = any(e.type == "copy" and e.withdrawn for e in entries)
    readings = [e for e in entries if e.type == "reading" and not e.withdrawn]
    readings.sort(key=_order)
    opinions = list(Opinion.objects.filter(copy=copy.pk, withdrawn=False).select_related("author"))
    authors = {str(e.author_id): e.author for e in entries if e.author is not None}
    authors |= {str(o.author_id): o.author for o in opinions if o.kind != "skip"}
    stages = dict(Standing.objects.filter(account__in=list(authors)).values_list("account_id", "stage"))
    place: Place = (copy.station, copy.contest, copy.page)
    said = Said(
        copy=copy.pk,
        claim=place,
        answers=[_answer(e, stages) for e in readings] + [_problem(o) for o in opinions if o.kind == "problem"],
        decisions=decisions_of(place, election),
        seen=[
            Seen(str(o.author_id), _place_of(o.body), ruling=o.kind == "place")
            for o in opinions
            if o.kind in ("identify", "place")
        ],
        rulings=[ruling_of(o) for o in opinions if o.kind == "decide"],
        sure=machine.sure_of(copy, election),
        certain=fresh(copy).certain,
        withdrawn=gone,
    )
    return said, authors


def _order(entry: Entry) -> tuple[bool, int, str]:
    """As the record has them; what waits comes after what is recorded."""
    return entry.index is None, entry.index or 0, str(entry.pk)


def _answer(entry: Entry, stages: Mapping[Any, str]) -> Answer:
    body = entry.body
    return Answer(
        reader=body["reader"],
        values=cells_of(body.get("values", {})),
        problem=body.get("problem"),
        stage=stages.get(entry.author_id, "new"),
        machine="@" in body["reader"],
        certainty=body.get("probability", {}),
    )


def _problem(opinion: Opinion) -> Answer:
    """A problem of a copy that is not in the record: nobody knows of which station it is."""
    return Answer(str(opinion.author_id), {}, opinion.body["problem"])


def decisions_of(place: Place, election: Election) -> list[Decision]:
    """The decisions that stand on this station and form, in the record's order."""
    station, contest, _ = place
    if not station:
        return []
    form = election.contest(contest).form
    contests = [c.id for c in election.contests if c.form == form]
    rows = list(Entry.objects.filter(station=station, contest__in=contests, type="decision", withdrawn=False))
    names = {str(row.pk) for row in rows}
    # Of those that wait, each names all that were said before it (`answers`), so that no batch can turn them round.
    after = {row.pk: len(names.intersection(row.refers)) for row in rows}
    return [
        Decision(
            entry=row.index if row.index is not None else -1,
            station=row.station,
            form=form,
            action=row.body["action"],
            reason=row.body["reason"],
            copy=row.body.get("copy"),
            values=row.body.get("values", {}),
            rests_on=(),
        )
        for row in sorted(rows, key=lambda r: (r.index is None, r.index or 0, after[r.pk], str(r.pk)))
    ]


def _place_of(body: Mapping[str, Any]) -> Place:
    return body["station"], body["contest"], body["page"]


def ruling_of(opinion: Opinion) -> Ruling:
    """An arbiter's opinion as the rules take it."""
    body = opinion.body
    return Ruling(str(opinion.author_id), body["action"], cells_of(body.get("values", {})), body.get("copy") or None)
