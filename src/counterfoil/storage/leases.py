"""Handing out tasks: one query for the next one, a lease, autosave, giving back.

Rules:

* Handed out, not picked. Of the `WINDOW` most urgent tasks that somebody may do, those whose copy was not touched by
  somebody of the same invitation branch come first, then what only few may do (decisions), then chance decides: nobody
  can steer which copy they get, nor who gets it with them.
* Nobody gets a copy twice, in whatever kind: not one that they read, identified, ruled on or gave back.
* A lease is staff time in the database. Autosave renews it; when it is over the task is free for others, and for its
  holder until somebody takes it.
* One task in `gold_every` is a copy with known answers, looks like any other, and its reading stays out of the record.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from counterfoil.storage import stations, work
from counterfoil.storage.models import Account, Copy, Entry, Gold, Opinion, Task
from counterfoil.storage.standing import stage_of
from counterfoil.storage.work import Desk, branch_of
from counterfoil.workflow.roles import may
from counterfoil.workflow.standing import gold_due
from counterfoil.workflow.work import fields_of

KINDS = ("decide", "place", "third", "read", "identify")
WINDOW = 32
_TRIES = 20
_MOST_GOLD = 30_000
"""Persons who hold the same copy with known answers at once."""
_random = secrets.SystemRandom()


def kinds_of(account: Account) -> tuple[str, ...]:
    """The kinds of tasks that somebody's roles allow."""
    return tuple(kind for kind in KINDS if may(account.roles, kind))


def held(account: Account, desk: Desk) -> Task | None:
    """The task that somebody has and has not lost to another."""
    return Task.objects.filter(leased_by=account).order_by("-leased_until").first()


def hand_out(account: Account, desk: Desk, kinds: Sequence[str] = ()) -> Task | None:
    """The next task for somebody: the one they hold, else a new one, leased; None if there is nothing for them.

    Args:
        kinds: only these; () all that their roles allow.
    """
    with transaction.atomic():
        mine = held(account, desk)
        allowed = [k for k in kinds_of(account) if not kinds or k in kinds]
        if mine is not None and mine.kind in allowed:
            return lease(mine, account, desk)
        stage = stage_of(account)
        if stage == "paused":
            return None
        if "read" in allowed and gold_due(stage, desk.gold_every, _random.randrange(1_000_000)):
            gold = _gold(account, desk)
            if gold is not None:
                return lease(gold, account, desk)
        for _ in range(_TRIES):
            best = _next(account, allowed, desk)
            if best is None:
                return None
            if best.leased_by is None or release(best, best.leased_by, desk):
                return lease(best, account, desk)
        return None


_FREE = "(t.leased_until IS NULL OR t.leased_until < %(now)s)"
_OF_KIND = f"""
    SELECT t.id, t.priority FROM storage_task t
    WHERE t.kind = %(kind_{{0}})s AND NOT t.gold AND {_FREE}
    AND NOT EXISTS (SELECT 1 FROM storage_entry e
        WHERE e.author_id = %(who)s AND e.copy = t.copy_id LIMIT 1 OFFSET 0)
    AND NOT EXISTS (SELECT 1 FROM storage_opinion o
        WHERE o.author_id = %(who)s AND o.copy_id = t.copy_id LIMIT 1 OFFSET 0)
    AND (t.copy_id IS NOT NULL OR (
        NOT EXISTS (SELECT 1 FROM storage_opinion o WHERE o.author_id = %(who)s AND o.copy_id IS NULL
            AND o.station = t.station AND o.contest = t.contest AND NOT o.withdrawn)
        AND NOT EXISTS (SELECT 1 FROM storage_entry e WHERE e.author_id = %(who)s AND e.type = 'reading'
            AND e.station = t.station)))
    ORDER BY t.priority, t.id LIMIT {WINDOW}
"""  # noqa: S608 - constants only; what varies is a parameter
_NEXT = f"""
    SELECT t.* FROM storage_task t
    WHERE t.id IN (SELECT w.id FROM ({{0}}) w ORDER BY w.priority, w.id LIMIT {WINDOW}) AND {_FREE}
    ORDER BY CASE WHEN t.branches LIKE %(branch)s THEN 1 ELSE 0 END,
        CASE WHEN t.kind IN ('decide', 'place') THEN 0 ELSE 1 END, RANDOM() LIMIT 1
"""  # noqa: S608


def _next(account: Account, kinds: Sequence[str], desk: Desk) -> Task | None:
    """One of the most urgent tasks, locked; those that others lock just now are passed over.

    One statement, written out: made by the ORM for each kind it took four times the processor's time. OFFSET 0
    keeps PostgreSQL from making a join of it: each copy is looked up in an index, however much this person has read.
    A dispute between copies is not for who ruled on it already, nor for who read one of them.
    """
    if not kinds:
        return None
    parts = (f"SELECT * FROM ({_OF_KIND.format(n)}) k{n}" for n in range(len(kinds)))  # noqa: S608
    statement = _NEXT.format(" UNION ALL ".join(parts))
    if connection.features.has_select_for_update_skip_locked:
        statement += " FOR UPDATE OF t SKIP LOCKED"
    given = {
        "now": connection.ops.adapt_datetimefield_value(desk.now),
        "who": Account._meta.pk.get_db_prep_value(account.pk, connection),
        "branch": f"%{branch_of(account)}%",
        **{f"kind_{n}": kind for n, kind in enumerate(kinds)},
    }
    return next(iter(Task.objects.raw(statement, given)), None)


def _gold(account: Account, desk: Desk) -> Task | None:
    """A task for a copy with known answers that this person never saw."""
    said = Entry.objects.filter(author=account, copy=OuterRef("copy_id"))
    thought = Opinion.objects.filter(author=account, copy=OuterRef("copy_id"))
    gold = Gold.objects.filter(~Exists(said), ~Exists(thought)).select_related("copy").order_by("?").first()
    if gold is None:
        return None
    return gold_task(gold.copy, desk)


def gold_task(copy: Copy, desk: Desk) -> Task:
    """A new task for this copy with known answers, not saved yet: it is leased at once."""
    fields = fields_of(desk.election.form(desk.election.contest(copy.contest).form), copy.page)
    taken = set(Task.objects.filter(kind="read", copy=copy).values_list("number", flat=True))
    number = next(n for n in range(-1, -_MOST_GOLD, -1) if n not in taken)
    return Task(kind="read", copy=copy, fields=list(fields), number=number, gold=True)


def lease(task: Task, account: Account, desk: Desk) -> Task:
    """Lend a free task to somebody, or lend theirs for longer."""
    if task.leased_by_id != account.pk:
        task.leased_by, task.draft = account, {}
    task.leased_until = desk.now + timedelta(seconds=desk.lease_s)
    if task._state.adding:
        task.save()
    else:
        task.save(update_fields=["leased_by", "leased_until", "draft"])
    return task


def mine(account: Account, key: uuid.UUID) -> Task | None:
    """The task of this id, if this person holds it."""
    return Task.objects.filter(pk=key, leased_by=account).select_related("copy").first()


def save_draft(task: Task, draft: Mapping[str, Any], desk: Desk) -> None:
    """Keep what was typed so far, and the task for its holder a while longer."""
    until = desk.now + timedelta(seconds=desk.lease_s)
    Task.objects.filter(pk=task.pk, leased_by=task.leased_by).update(draft=dict(draft), leased_until=until)


def give_back(task: Task, account: Account, desk: Desk) -> None:
    """Somebody would rather not: the task is free for others, and its copy never comes to them again."""
    with transaction.atomic():
        release(task, account, desk)


def release(task: Task, holder: Account, desk: Desk) -> bool:
    """Take a task from its holder: they don't get its copy again, and what they typed is nobody else's to see.

    Returns:
        Whether it is still needed. Somebody may have held it beyond that.
    """
    if task.copy is not None:
        Opinion.objects.create(kind="skip", copy=task.copy, author=holder)
    if task.gold:
        task.delete()
        return False
    task.leased_by, task.leased_until, task.draft = None, None, {}
    task.save()
    if task.copy is not None:
        work.refresh([task.copy.pk], desk)
    else:
        stations.refresh(task.station, task.contest, desk)
    return Task.objects.filter(pk=task.pk).exists()


def sees(account: Account, copy: Copy) -> bool:
    """Whether somebody holds a task on this copy now: only then may they see its picture."""
    return Task.objects.filter(copy=copy, leased_by=account).exists()


def make_gold(copies: Iterable[tuple[Copy, Mapping[str, Any]]]) -> None:
    """Give these copies to readers among the others, with these answers."""
    for copy, values in copies:
        Gold.objects.update_or_create(copy=copy, defaults={"values": dict(values)})
