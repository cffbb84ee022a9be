"""Work on copies: what was said of one is gathered; its state and tasks are made again, in the same transaction.

    say something -> refresh(copies) -> Copy.state, Task rows, the standing of its readers

Rules:

* Everything here follows from copies, entries and opinions: `rebuild` makes all of it again, with the same result.
* A task that somebody holds is left to them, even where it is not needed any more: nobody's work is thrown away.
* A copy whose place was wrong is not changed: a new copy with a fresh salt stands at the right place, and the old entry
  is withdrawn. One that had no place yet gets its first entry.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from counterfoil.election.definition import Election
from counterfoil.evidence.commitment import commit_again
from counterfoil.primitives.errors import Refusal
from counterfoil.storage import inbox, machine, standing, stations
from counterfoil.storage.models import Account, Copy, Entry, Judged, Standing, Station, Task
from counterfoil.storage.said import Desk, decisions_of, fresh, gather, ruling_of
from counterfoil.workflow import work as rules
from counterfoil.workflow.priority import Urgency, priority
from counterfoil.workflow.work import AGREED, Need, Place, Work

__all__ = ["AGREED", "Desk", "decisions_of", "gather", "ruling_of"]
_CHUNK = 50


def sealed(copies: Sequence[Copy], election: Election, slot: str = "") -> None:
    """Tasks for copies that are new (`inbox.Sealed`). In bulk: a batch may hold thousands."""
    places = {(c.station, c.contest, c.page) for c in copies}
    answered = _answered({place[0] for place in places})
    urgencies = _urgencies({c.station for c in copies})
    ruled = set(Entry.objects.filter(type="decision", withdrawn=False).values_list("station", flat=True))
    tasks = []
    for copy in copies:
        said = fresh(copy)
        if copy.station in ruled:  # a decision may have passed over every other copy of the station
            said = replace(said, decisions=decisions_of(said.claim, election))
        found = rules.work(said, election)
        copy.state, copy.identified = found.state, found.state != "identify"
        done = (copy.station, copy.contest, copy.page) in answered
        for need in found.needs:
            rank = priority(urgencies[copy.station], kind=need.kind, page=copy.page, answered=done, begun=False)
            tasks += [
                Task(kind=need.kind, copy=copy, fields=list(need.fields), number=n + 1, priority=rank)
                for n in range(need.persons)
            ]
    Copy.objects.bulk_update(copies, ["state", "identified"], batch_size=500)
    Task.objects.bulk_create(tasks, batch_size=500)


def refresh(names: Iterable[str], desk: Desk) -> None:
    """Make state, tasks and standing of these copies again. Call it in the transaction of what changed them."""
    with transaction.atomic():
        for copy in Copy.objects.select_for_update().filter(pk__in=set(names)).order_by("pk"):
            _refresh(copy, desk)


def _refresh(copy: Copy, desk: Desk) -> None:
    said, authors = gather(copy, desk.election)
    found = rules.work(said, desk.election)
    if found.move_to is not None:
        copy = _place(copy, found.move_to, desk)
        said, authors = gather(copy, desk.election)
        found = rules.work(said, desk.election)
    if machine.say_if_time(copy, said, found, desk.election, desk.slot):
        said, authors = gather(copy, desk.election)
        found = rules.work(said, desk.election)
    before = copy.state
    copy.state, copy.identified = found.state, found.state != "identify"
    copy.save(update_fields=["state", "identified"])
    _make_tasks(copy, found, authors)
    standing.judge(copy, found, desk.election.agreement.persons)
    if (before in AGREED) != (found.state in AGREED):
        for other in _siblings(copy):
            _rank(other)
    if before in AGREED or found.state in AGREED:
        stations.refresh(copy.station, copy.contest, desk)


# --- tasks ------------------------------------------------------------------------------------------------------


def branch_of(account: Account) -> str:
    """The branch of the invitation tree that somebody belongs to: whoever invited them; their own, if nobody did."""
    return str(account.invited_by_id or account.pk)


def _make_tasks(copy: Copy, found: Work, authors: Mapping[str, Account]) -> None:
    branches = " ".join(sorted({branch_of(a) for a in authors.values()}))
    rank = _priority_of(copy)
    kept: set[uuid.UUID] = set()
    standing_tasks = list(Task.objects.filter(copy=copy, gold=False))
    for need in found.needs:
        mine = [t for t in standing_tasks if t.kind == need.kind]
        mine.sort(key=lambda t: (t.leased_by_id is None, t.number))
        used = {t.number for t in mine}
        free = (n for n in range(1, len(mine) + need.persons + 1) if n not in used)
        wanted: dict[str, Any] = {"fields": list(need.fields), "priority": rank(need, bool(authors))}
        wanted["branches"] = branches
        for task in mine[: need.persons]:
            kept.add(task.pk)
            for name, value in wanted.items():
                if name != "fields" or task.leased_by_id is None:
                    setattr(task, name, value)
            task.save(update_fields=list(wanted))
        new = [Task(kind=need.kind, copy=copy, number=next(free), **wanted) for _ in range(need.persons - len(mine))]
        Task.objects.bulk_create(new)
        kept.update(task.pk for task in new)
    Task.objects.filter(copy=copy, gold=False, leased_by=None).exclude(pk__in=kept).delete()


def _priority_of(copy: Copy) -> Any:
    answered = Copy.objects.filter(
        station=copy.station, contest=copy.contest, page=copy.page, state__in=AGREED
    ).exclude(pk=copy.pk)
    done = bool(copy.station) and answered.exists()
    urgency = _urgencies({copy.station})[copy.station]
    looked = machine.rank_of(copy)
    return lambda need, begun: priority(
        urgency, kind=need.kind, page=copy.page, answered=done, begun=begun, machine=looked
    )


def _siblings(copy: Copy) -> QuerySet[Copy]:
    """Other copies of the same page."""
    if not copy.station:
        return Copy.objects.none()
    same = Copy.objects.filter(station=copy.station, contest=copy.contest, page=copy.page)
    return same.exclude(pk=copy.pk)


def _rank(copy: Copy) -> None:
    """Its open tasks' priority, after another copy of the page was agreed or is no more."""
    rank = _priority_of(copy)
    begun = Entry.objects.filter(copy=copy.pk, type="reading").exists() or copy.opinions.exclude(kind="skip").exists()
    for task in Task.objects.filter(copy=copy, gold=False):
        task.priority = rank(Need(task.kind), begun)
        task.save(update_fields=["priority"])


def _answered(stations: set[str]) -> set[Place]:
    found = Copy.objects.filter(station__in=stations, state__in=AGREED).exclude(station="")
    return set(found.values_list("station", "contest", "page"))


def _urgencies(stations: set[str]) -> dict[str, Urgency]:
    known = {
        s.pk: Urgency(s.spread, s.area.deadline, s.registered)
        for s in Station.objects.filter(pk__in=stations).select_related("area")
    }
    return {station: known.get(station, Urgency()) for station in stations}


# --- places -----------------------------------------------------------------------------------------------------


def _place(copy: Copy, to: Place, desk: Desk) -> Copy:
    """Put a copy where enough persons say it belongs. The copy that stands there: itself, or a new one."""
    station, contest, page = to
    entry = Entry.objects.filter(copy=copy.pk, type="copy", withdrawn=False).first()
    if entry is None:
        copy.station, copy.contest, copy.page = to
        copy.save(update_fields=["station", "contest", "page"])
        moved = copy
    else:
        commitment = commit_again(copy.picture, random=secrets.token_bytes)
        names = [f.attname for f in Copy._meta.concrete_fields]
        values = {name: getattr(copy, name) for name in names}
        values |= {"copy": commitment.copy, "salt": commitment.salt.hex(), "moved_from_id": copy.pk, "released": ""}
        values |= {"station": station, "contest": contest, "page": page, "slot": desk.slot}
        moved = Copy.objects.create(**values)
        # A public picture that stands under the wrong station goes with it; it is released again at the right one.
        released = Entry.objects.filter(type="release", copy=copy.pk, withdrawn=False)
        withdraw([entry, *released], "entered_by_mistake", desk, by=None)
        copy.released = ""
        copy.state = "withdrawn"
        copy.save(update_fields=["state", "released"])
        Task.objects.filter(copy=copy, gold=False, leased_by=None).delete()
    body = {"type": "copy", "copy": moved.pk, "station": station, "contest": contest, "page": page, "kind": moved.kind}
    inbox.say(body, slot=desk.slot)
    return moved


def withdraw(entries: Sequence[Entry], reason: str, desk: Desk, *, by: Account | None) -> list[Entry]:
    """Say that these entries do not count. The caller refreshes their copies.

    Returns:
        The withdrawals; withdrawing those brings the entries back (`restore`).
    """
    return [
        inbox.say({"type": "withdrawal", "reason": reason}, slot=desk.slot, author=by, refers=[entry])
        for entry in entries
        if not entry.withdrawn
    ]


def restore(withdrawals: Sequence[Entry], desk: Desk, *, by: Account | None) -> set[str]:
    """Take withdrawals back; the names of the copies that are touched, refreshed."""
    with transaction.atomic():
        withdraw(withdrawals, "entered_by_mistake", desk, by=by)
        targets = Entry.objects.filter(pk__in=[w.refers[0] for w in withdrawals])
        targets.update(withdrawn=False)
        names = touched(list(targets), desk)
        refresh(names, desk)
        return names


def touched(entries: Sequence[Entry], desk: Desk) -> set[str]:
    """The copies that are to be refreshed when these entries stop counting, or count again."""
    names = {e.copy for e in entries if e.copy}
    for entry in entries:
        if entry.type == "decision":
            names.update(stations.all_copies_of(entry.station, entry.contest, desk))
    return names


def withdraw_reader(account: Account, desk: Desk, *, by: Account | None) -> list[Entry]:
    """All readings of a person stop counting, and their copies go back to the queue. Reversible: `restore`."""
    with transaction.atomic():
        entries = list(Entry.objects.filter(author=account, type="reading", withdrawn=False))
        withdrawals = withdraw(entries, "reader_withdrawn", desk, by=by)
        refresh({e.copy for e in entries}, desk)
        return withdrawals


def reopen(copy: Copy, desk: Desk, *, by: Account | None) -> list[Entry]:
    """The problems that were reported of a copy were mistaken: they stop counting, and it is read again."""
    with transaction.atomic():
        said = Entry.objects.filter(copy=copy.pk, type="reading", withdrawn=False)
        problems = [e for e in said if "problem" in e.body]
        if not problems:
            raise Refusal(f"copy {copy.pk[:12]}: expected a problem that was reported, found none.", code="no-problem")
        withdrawals = withdraw(problems, "entered_by_mistake", desk, by=by)
        refresh([copy.pk], desk)
        return withdrawals


def open_problems() -> QuerySet[Copy]:
    """Copies with a problem that nothing has solved: no other copy of the same page is agreed or being read."""
    solved = Copy.objects.filter(
        station=OuterRef("station"), contest=OuterRef("contest"), page=OuterRef("page")
    ).exclude(state__in=("problem", "unreadable", "withdrawn", "set_aside"))
    return Copy.objects.filter(state__in=("problem", "unreadable")).exclude(Exists(solved))


def follow_stages(desk: Desk, most: int = 100) -> int:
    """Make the tasks of copies again whose reader came under closer scrutiny, or out of it; how many copies. A job of
    the worker: somebody may have read a thousand. What is left over is found the next time."""
    done = 0
    for kept in Standing.objects.exclude(followed=F("stage")).order_by("pk"):
        names = _copies_of(kept.account_id) if _scrutiny(kept.stage) != _scrutiny(kept.followed) else []
        for start in range(0, len(names), _CHUNK):
            refresh(names[start : start + _CHUNK], desk)
        Standing.objects.filter(pk=kept.pk, stage=kept.stage).update(followed=kept.stage)
        done += len(names)
        if done >= most:
            break
    return done


def _scrutiny(stage: str) -> str:
    return "suspect" if stage in rules.SUSPECT else stage


def _copies_of(account: uuid.UUID) -> list[str]:
    mine = Entry.objects.filter(author=account, type="reading", withdrawn=False)
    return sorted(set(mine.values_list("copy", flat=True)))


def rebuild(desk: Desk) -> int:
    """Make every task and standing again from copies, entries and opinions; the number of copies."""
    with transaction.atomic():
        Task.objects.filter(leased_by=None, gold=False).delete()
        names = list(Copy.objects.values_list("pk", flat=True))
        refresh(names, desk)  # judges every reading
        known = Judged.objects.values("author").union(Standing.objects.values("account"))
        standing.add_up(account for row in known for account in row.values())
        refresh(names, desk)  # with the stages as they are now
        Standing.objects.update(followed=F("stage"))
        return len(names)
