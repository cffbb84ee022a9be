"""A work state that is behind its record takes over what the record has: after an old database was put back.

The record is the truth: what it holds was acknowledged and published. Rules:

* An entry that waits in the database and stands in the record is that entry: it keeps its author and learns its index.
* A copy that waited and stands in the record is a copy; its picture comes along where it is still in the intake.
* Of everything else that the record has, there is a row without an author.
* What waits and is not in the record goes on waiting. A batch that was sealed and never logged is opened again.
* State, tasks and standing are made again by `work.rebuild`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction

from counterfoil.primitives.errors import RecordError
from counterfoil.record.log import Log
from counterfoil.record.proof import consistency_proof
from counterfoil.record.tree import verify_consistency
from counterfoil.storage.models import Arrival, Batch, Copy, Entry, Head
from counterfoil.workflow.stores import Store, StoreError

Sealed = Callable[[Sequence[Copy]], None]


def catch_up(log: Log, intake: Store, pictures: Store, sealed: Sealed) -> int:
    """Take over what the record has since the database saw it last; the number of entries.

    Args:
        sealed: makes tasks for copies that are new (`inbox.Sealed`).

    Raises:
        RecordError: the record is older than the database, or no continuation of what the database saw.
    """
    with transaction.atomic():
        head, _ = Head.objects.select_for_update().get_or_create(pk=1)
        _check_continues(log, head)
        Entry.objects.filter(batch__logged=False).update(batch=None, position=None)
        Batch.objects.filter(logged=False).delete()
        by_index = {row.index: str(row.pk) for row in Entry.objects.filter(index__isnull=False)}
        waiting = _waiting()
        new: list[Copy] = []
        size = head.size
        for index, data in enumerate(log.entries(size), size):
            body = json.loads(data)
            slot = body.pop("batch")
            body.pop("v")
            row = _row_of(body, waiting, by_index)
            row.slot, row.index = slot, index
            row.save(force_insert=row._state.adding)
            by_index[index] = str(row.pk)
            if body["type"] == "copy":
                new += _copy(body, intake, pictures)
            if body["type"] == "withdrawal" and body["entry"] in by_index:
                Entry.objects.filter(pk=by_index[body["entry"]]).update(withdrawn=True)
        sealed(new)
        head.size, head.root = log.size, log.root.hex()
        head.save()
        return log.size - size


def _check_continues(log: Log, head: Head) -> None:
    if not head.size:
        return
    try:
        if head.size > log.size:
            raise RecordError("older", code="older")
        root = bytes.fromhex(head.root)
        verify_consistency(head.size, log.size, root, log.root, consistency_proof(log.reader, head.size, log.size))
    except RecordError:
        raise RecordError(
            f"{log.folder}: expected a record that continues the {head.size} entries the database saw, found one of "
            f"{log.size} that does not; put the newest record back, or start with an empty database",
            code="not-an-extension",
        ) from None


def _key(body: dict[str, Any]) -> str:
    plain = {name: value for name, value in body.items() if name not in ("entry", "rests_on")}
    return json.dumps(plain, sort_keys=True)


def _waiting() -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for row in Entry.objects.filter(index__isnull=True).order_by("pk"):
        found.setdefault(_key(row.body), []).append(row)
    return found


def _row_of(body: dict[str, Any], waiting: dict[str, list[Entry]], by_index: dict[int | None, str]) -> Entry:
    """The row that waited for just this, else a new one. What it refers to is compared too."""
    refers = [body["entry"]] if body["type"] == "withdrawal" else body.get("rests_on", [])
    ids = sorted(by_index[index] for index in refers if index in by_index)
    same = waiting.get(_key(body), [])
    for place, row in enumerate(same):
        if sorted(row.refers) == ids or not row.refers:
            return same.pop(place)
    return Entry(
        type=body["type"],
        body=body,
        copy=body.get("copy", ""),
        station=body.get("station", ""),
        contest=body.get("contest", ""),
    )


def _copy(body: dict[str, Any], intake: Store, pictures: Store) -> list[Copy]:
    """The copy that was an arrival when the backup was made; of one that came later the picture and salt are lost."""
    arrival = Arrival.objects.filter(pk=body["copy"]).first()
    if arrival is None:
        return []
    if arrival.picture and not pictures.has(arrival.picture):
        try:
            pictures.put(intake.get(arrival.picture))
        except StoreError as error:
            if error.code != "missing-object":
                raise
    names = [f.attname for f in Arrival._meta.concrete_fields]
    made = Copy.objects.create(**{name: getattr(arrival, name) for name in names})
    arrival.delete()
    return [made]
