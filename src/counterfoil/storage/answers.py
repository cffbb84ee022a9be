"""What people answer to their tasks: readings, problems, what a copy shows, rulings; and taking the last one back.

Rules:

* An answer is durable when its transaction is committed, whatever the tasks are by then.
* Who answered stands in `author`, never in the entry: there a pseudonym that differs from copy to copy.
* A decision stands in the record once as many arbiters as needed ruled the same, each without seeing the others.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from counterfoil.primitives.cells import Cell
from counterfoil.primitives.errors import Refusal
from counterfoil.storage import inbox, leases, standing, stations, work
from counterfoil.storage.models import Account, Copy, Entry, Opinion, Station, Task
from counterfoil.storage.said import Desk, gather, ruling_of
from counterfoil.workflow import work as rules
from counterfoil.workflow.intake import pseudonym
from counterfoil.workflow.work import Place


def read(task: Task, account: Account, values: Mapping[str, Cell], desk: Desk) -> Entry | Opinion:
    """A reading of the fields that the task asks for."""
    missing = [name for name in task.fields if name not in values]
    if missing or set(values) - set(task.fields):
        raise Refusal(
            f"a reading: expected the fields {', '.join(task.fields)}, found {', '.join(values) or 'none'}.",
            code="wrong-fields",
        )
    plain = {name: cell if isinstance(cell, int) else cell.value for name, cell in values.items()}
    return _say_reading(task, account, {"values": plain}, desk)


def report(task: Task, account: Account, problem: str, desk: Desk) -> Entry | Opinion:
    """A problem instead of figures."""
    return _say_reading(task, account, {"problem": problem}, desk)


def _say_reading(task: Task, account: Account, what: Mapping[str, Any], desk: Desk) -> Entry | Opinion:
    with transaction.atomic():
        copy = _taken(task, account)
        if not task.gold and not _in_record(copy):
            # Nobody knows yet of which station it is: the record has no entry that a reading could be of.
            opinion = Opinion.objects.create(kind="problem", copy=copy, author=account, body=dict(what))
            work.refresh([copy.pk], desk)
            return opinion
        if task.gold:
            opinion = Opinion.objects.create(kind="gold", copy=copy, author=account, body=dict(what))
            standing.add_up([account.pk])
            return opinion
        reader = pseudonym(desk.pseudonyms, str(account.pk), copy.pk)
        entry = inbox.say(
            {"type": "reading", "copy": copy.pk, "reader": reader, **what},
            slot=desk.slot,
            author=account,
            station=copy.station,
        )
        work.refresh([copy.pk], desk)
        return entry


def identify(task: Task, account: Account, place: Place, kind: str, desk: Desk) -> Opinion:
    """What somebody says that the copy shows: station, contest, page, kind of paper."""
    with transaction.atomic():
        copy = _taken(task, account)
        body = {"station": place[0], "contest": place[1], "page": place[2], "kind": kind}
        opinion = Opinion.objects.create(kind=task.kind, copy=copy, author=account, body=body)
        work.refresh([copy.pk], desk)
        return opinion


def decide(
    task: Task, account: Account, action: str, reason: str, desk: Desk, *, values: Mapping[str, Cell] | None = None
) -> Entry | None:
    """An arbiter's ruling on a copy: the entry that now stands in the record, or None if another arbiter is needed."""
    with transaction.atomic():
        copy = _taken(task, account)
        election = desk.election
        said, _ = gather(copy, election)
        plain = {n: c if isinstance(c, int) else c.value for n, c in (values or {}).items()}
        body = {"action": action, "reason": reason, "values": plain, "copy": copy.pk}
        opinion = Opinion.objects.create(
            kind="decide", copy=copy, station=copy.station, contest=copy.contest, author=account, body=body
        )
        needed = rules.arbiters_needed(said, election)
        ruling = rules.ruled([*said.rulings, ruling_of(opinion)], needed)
        entry = None
        if ruling is not None:
            entry = _say_decision(copy, ruling, reason, account, desk)
            Opinion.objects.filter(kind="decide", copy=copy, withdrawn=False).update(withdrawn=True)
        work.refresh([copy.pk], desk)
        return entry


def decide_station(
    task: Task, account: Account, action: str, reason: str, desk: Desk, *, copy: str | None = None
) -> Entry | None:
    """A ruling on copies of one station that differ: which one counts, which does not, or that none can be chosen."""
    with transaction.atomic():
        Station.objects.select_for_update().filter(pk=task.station).first()
        deleted, _ = Task.objects.filter(pk=task.pk, leased_by=account).delete()
        if not deleted:
            raise Refusal("your task: expected one that you hold, found it with somebody else.", code="not-yours")
        needed = stations.arbiters_needed(task.station, task.contest, desk)
        body: dict[str, Any] = {"action": action, "reason": reason, "values": {}, "copy": copy}
        opinion = Opinion.objects.create(
            kind="decide", station=task.station, contest=task.contest, author=account, body=body
        )
        before = stations.rulings(task.station, task.contest).exclude(pk=opinion.pk)
        ruling = rules.ruled([*map(ruling_of, before), ruling_of(opinion)], needed)
        entry = None
        if ruling is not None:
            entry = _say_choice(task, ruling, reason, account, desk)
            stations.rulings(task.station, task.contest).update(withdrawn=True)
            work.refresh(stations.all_copies_of(task.station, task.contest, desk), desk)
        stations.refresh(task.station, task.contest, desk)
        return entry


def _say_choice(task: Task, ruling: rules.Ruling, reason: str, account: Account, desk: Desk) -> Entry:
    copies = stations.copies_of(task.station, task.contest, desk)
    body: dict[str, Any] = {
        "type": "decision",
        "station": task.station,
        "contest": task.contest,
        "action": ruling.action,
    }
    if ruling.copy is not None:
        body["copy"] = ruling.copy
    return inbox.say({**body, "reason": reason}, slot=desk.slot, author=account, refers=_rests_on(task.station, copies))


def _say_decision(copy: Copy, ruling: rules.Ruling, reason: str, account: Account, desk: Desk) -> Entry:
    body: dict[str, Any] = {
        "type": "decision",
        "station": copy.station,
        "contest": copy.contest,
        "action": ruling.action,
        "reason": reason,
        "copy": copy.pk,
    }
    if ruling.values:
        body["values"] = {n: c if isinstance(c, int) else c.value for n, c in ruling.values.items()}
    return inbox.say(body, slot=desk.slot, author=account, refers=_rests_on(copy.station, [copy.pk]))


def _rests_on(station: str, copies: Sequence[str]) -> list[Entry]:
    """What a decision rests on: the copies and their readings, and the decisions of the station before it. Those too,
    because it then stands after them in the record, and a later decision stands over an earlier one."""
    read = Entry.objects.filter(copy__in=copies, type__in=("copy", "reading"), withdrawn=False)
    return [*read, *Entry.objects.filter(station=station, type="decision", withdrawn=False)]


def _in_record(copy: Copy) -> bool:
    return Entry.objects.filter(copy=copy.pk, type="copy").exists()


def _taken(task: Task, account: Account) -> Copy:
    """The task's copy, once the task is gone: it is done."""
    copy = Copy.objects.select_for_update().get(pk=task.copy_id)
    deleted, _ = Task.objects.filter(pk=task.pk, leased_by=account).delete()
    if not deleted:
        raise Refusal("your task: expected one that you hold, found it with somebody else.", code="not-yours")
    return copy


def take_back(key: uuid.UUID, account: Account, desk: Desk) -> tuple[Task | None, Mapping[str, Any]]:
    """Withdraw one's own reading: the task to type it again, if the copy still needs one, and what was typed.

    Raises:
        Refusal: there is no such reading of this person that stands.
    """
    with transaction.atomic():
        gold = Opinion.objects.filter(pk=key, author=account, kind="gold", withdrawn=False).first()
        if gold is not None:
            return _take_gold_back(gold, account, desk)
        entry = Entry.objects.select_for_update().filter(pk=key, author=account, type="reading").first()
        if entry is None or entry.withdrawn:
            raise Refusal("your last reading: expected one that stands, found none.", code="nothing-to-undo")
        work.withdraw([entry], "entered_by_mistake", desk, by=account)
        work.refresh([entry.copy], desk)
        free = Task.objects.filter(copy=entry.copy, kind__in=("read", "third"), leased_by=None, gold=False)
        task = free.order_by("kind", "number").first()
        if task is not None:
            leases.lease(task, account, desk)
        return task, entry.body.get("values", {})


def _take_gold_back(gold: Opinion, account: Account, desk: Desk) -> tuple[Task | None, Mapping[str, Any]]:
    gold.withdrawn = True
    gold.save(update_fields=["withdrawn"])
    standing.add_up([account.pk])
    if gold.copy is None:
        return None, {}
    return leases.lease(leases.gold_task(gold.copy, desk), account, desk), gold.body.get("values", {})
