"""Tables, snapshots and definitions that organisers upload: a draft with its preview, then entries of the record.

Rules:

* The object is stored before the proposal that names it; one that no entry ever names is published nowhere.
* A batch that can't be replayed would block the log. So before an import is said, the record's tables are replayed with
  it (for a new definition the whole record), and stations that copies stand on may not vanish.
* Of one table only one version waits for its batch at a time; the next is asked to wait.
* What an import replaces must still stand when it is applied; else it is outdated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from counterfoil.election.definition import Election, read_definition
from counterfoil.election.tables import read_canonical
from counterfoil.primitives.canonical import parse
from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.record.entries import encode_entry
from counterfoil.record.replay import replay
from counterfoil.storage import inbox, mirror
from counterfoil.storage.means import Means
from counterfoil.storage.models import Arrival, Copy, Entry, Proposal
from counterfoil.storage.proposals import WAIT, Action, Payload, is_data
from counterfoil.workflow.imports import ImportPreview, Standing


def standing(means: Means) -> Standing:
    """What the record has of tables, with their bytes where an import needs them."""
    state = means.state()
    rows = tables_of_record()
    tables = dict(rows[t.entry] for t in state.tables)
    data = {index: means.objects.get(body["object"]["sha256"]) for index, body in tables.items()}
    return Standing(state.election, tables, data)


def tables_of_record() -> list[tuple[int, Mapping[str, Any]]]:
    """Index and body of every definition and table, in order: their places here are the entries of `Means.state`, which
    replays these alone."""
    rows = Entry.objects.filter(type__in=("election", "table"), index__isnull=False).order_by("index")
    return [(row.index, row.body) for row in rows if row.index is not None]


def payload(found: ImportPreview) -> dict[str, Any]:
    """What a proposal keeps of a preview; `body` is what would be said."""
    return {
        "body": dict(found.body or {}),
        "preview": {
            "kind": found.kind,
            "status": found.status.value,
            "rows": found.rows,
            "against": found.against,
            "ignored": list(found.ignored),
            "columns_added": list(found.columns_added),
            "columns_removed": list(found.columns_removed),
            **{
                name: {"count": rows.count, "first": [list(item) for item in rows.first]}
                for name, rows in (("added", found.added), ("changed", found.changed), ("missing", found.missing))
            },
        },
    }


def published_figures() -> bool:
    """Whether anything stands in the record that a figure follows from."""
    return (
        Entry.objects.filter(type__in=("copy", "reading", "decision")).exists()
        or Entry.objects.filter(type="table", body__kind__in=("readings", "official", "reports")).exists()
    )


def _check(given: Payload, means: Means) -> None:
    body: Mapping[str, Any] = given["body"]
    if body.get("type") not in ("election", "table"):
        raise InputError("import", expected="a table or a definition", found=repr(body.get("type")), code="bad-payload")
    named = body["definition"] if body["type"] == "election" else body["object"]
    means.objects.get(named["sha256"])
    _refuse_while_waiting(body)
    state = means.state()
    if body["type"] == "table":
        rows = tables_of_record()
        same = [rows[t.entry][0] for t in state.tables if _key(rows[t.entry][1]) == _key(body)]
        if body.get("replaces") != (same[-1] if same else None):
            raise Refusal(
                f"expected the table {body['name']} as it stood when this was proposed, found another version of it; "
                "upload the file again",
                code="table-changed",
            )
        if Entry.objects.filter(index=body.get("replaces"), withdrawn=True).exists():
            raise Refusal(f"the table {body['name']} is being withdrawn; upload the file again", code="table-changed")
    _check_replay(body, means)
    if body.get("kind") == "stations":
        _refuse_lost_stations(body, means)
    if body["type"] == "election":
        _refuse_lost_fields(body, means)


def _key(body: Mapping[str, Any]) -> tuple[Any, ...]:
    return body["kind"], body.get("contest"), body.get("snapshot"), body["name"]


def _refuse_while_waiting(body: Mapping[str, Any]) -> None:
    whole = ("areas", "stations")
    for row in Entry.objects.filter(type__in=("election", "table"), index__isnull=True):
        touches = "election" in (row.type, body["type"]) or (row.body["kind"] in whole or body["kind"] in whole)
        if touches or _key(row.body) == _key(body):
            raise Refusal(
                "expected no import that still waits for its batch, found one; try again when it stands in the record",
                code=WAIT,
            )


def _check_replay(body: Mapping[str, Any], means: Means) -> None:
    """That the record can still be replayed with this entry."""
    local = dict(body)
    entries: Iterable[bytes]
    if body["type"] == "election":
        entries = chain(means.entries(), _waiting(means))
    else:
        entries = mirror.table_entries()
        if "replaces" in local:
            before = Entry.objects.filter(type__in=("election", "table"), index__lt=local["replaces"])
            local["replaces"] = before.count()
    replay(chain(entries, [encode_entry({**local, "v": 1, "batch": means.slot})]), means.objects.get)


def _waiting(means: Means) -> list[bytes]:
    """What is said and not recorded: copies and readings, whose stations and fields a new definition must know."""
    rows = Entry.objects.filter(index__isnull=True, type__in=("copy", "reading", "decision")).order_by("type")
    return [encode_entry({**row.body, "v": 1, "batch": row.slot}) for row in rows]


def check_tables_without(index: int, means: Means) -> None:
    """That the record's tables can still be replayed when this entry is withdrawn.

    Raises:
        RecordError: something else rests on it.
    """
    place = Entry.objects.filter(type__in=("election", "table"), index__lt=index).count()
    gone = {"type": "withdrawal", "entry": place, "reason": "entered_by_mistake", "v": 1, "batch": means.slot}
    replay([*mirror.table_entries(), encode_entry(gone)], means.objects.get)


def _refuse_lost_stations(body: Mapping[str, Any], means: Means) -> None:
    kept = set(read_canonical(means.objects.get(body["object"]["sha256"]))["station"].to_list())
    used = set(Copy.objects.exclude(station="").exclude(state="withdrawn").values_list("station", flat=True).distinct())
    used |= set(Arrival.objects.exclude(station="").values_list("station", flat=True).distinct())
    lost = sorted(used - kept)
    if lost:
        raise Refusal(
            f"expected every station that has copies, found none of {', '.join(lost[:5])}"
            f"{' and others' if len(lost) > 5 else ''}; keep them in the table (a station that was merged into another "
            "has its column replaced_by), or withdraw their copies first",
            code="stations-lost",
        )


def _refuse_lost_fields(body: Mapping[str, Any], means: Means) -> None:
    """Once there are copies, a definition only grows: somebody may be typing a box that it would drop, and the reading
    would come after it."""
    if not (Copy.objects.exists() or Arrival.objects.exists()):
        return
    before = means.state().election
    lost = sorted(_names(before) - _names(read_definition(parse(means.objects.get(body["definition"]["sha256"])))))
    if lost:
        raise Refusal(
            f"expected every contest and box that there was, found none of {', '.join(lost[:5])}; copies were sent "
            "already, so keep them",
            code="fields-lost",
        )


def _names(election: Election) -> set[str]:
    """What copies and readings name of a definition."""
    contests = {f"{contest.id}/{contest.form}" for contest in election.contests}
    return contests | {f"{form.id}/{field}" for form in election.forms for field in form.field_ids}


def _apply(proposal: Proposal, means: Means) -> Mapping[str, Any]:
    body = proposal.payload["body"]
    entry = inbox.say(body, slot=means.slot, author=proposal.proposed_by)
    return {"entry": str(entry.pk), "kind": body.get("kind", "election"), "name": body.get("name", "")}


def snapshots(means: Means) -> Sequence[Mapping[str, Any]]:
    """The official snapshots in the record, newest first, with what the publication compares with."""
    state = means.state()
    compared: dict[str, str] = {}
    for contest in state.election.contests:
        mine = [s for s in state.official if s.contest == contest.id]
        named = [s for s in mine if s.snapshot == state.election.compare_with]
        if mine:
            compared[contest.id] = (named or mine)[-1].snapshot
    rows = tables_of_record()
    return [
        {
            "snapshot": s.snapshot,
            "contest": s.contest,
            "announced_at": s.announced_at,
            "source": s.source,
            "entries": [(rows[place][0], rows[place][1]["object"]["sha256"]) for place in s.entries],
            "units": [unit for unit, frame in (("area", s.areas), ("station", s.stations)) if frame.height],
            "compared": compared.get(s.contest) == s.snapshot,
        }
        for s in reversed(state.official)
    ]


IMPORT = Action(_check, _apply, {"body": is_data, "preview": is_data})
