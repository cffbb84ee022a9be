"""From acknowledged to recorded: what came in waits for its batch, is shuffled, and goes into the log as one.

    arrive / say       a row, committed (and its picture synced before): acknowledged
    seal               rows of slots that are over get a batch and a shuffled order; arrivals become copies
    put_into_log       the log appends the batch (its own commit point is `record.log`'s staging file)
    (the same)         the rows learn their indexes, the head moves on

Rules:

* One batch is between sealed and recorded at a time. After a crash the same batch is taken up again: the log either has
  its entries, all of them, or none.
* The order within a batch comes from the system's random source. Pictures are written anew when the batch is sealed,
  so that neither rows nor files tell in which order they came.
* The head (size and root as this database last saw them) must be the log's. A database or a log that was restored from
  an older backup is refused before anything is signed.
* An entry that refers to others waits until those are recorded.
* A batch of what cannot be replayed would block the log: every body is checked when it is said (`say`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from counterfoil.primitives.errors import RecordError
from counterfoil.record.entries import check_entry, encode_entry
from counterfoil.record.log import Log
from counterfoil.storage.models import Account, Arrival, Batch, Copy, Entry, Head
from counterfoil.workflow.slots import is_over
from counterfoil.workflow.stores import Store

BATCH_ENTRIES = 20_000
"""More than this goes into the next batch, so that one stays small."""
_random = secrets.SystemRandom()

Sealed = Callable[[Sequence[Copy]], None]
"""Told in the same transaction which copies are new: the tasks for them are made then."""


def say(
    body: Mapping[str, Any],
    *,
    slot: str,
    author: Account | None = None,
    program: str = "",
    refers: Sequence[Entry] = (),
    station: str = "",
) -> Entry:
    """A new entry that waits for its batch; durable when the caller's transaction is committed.

    Args:
        body: the entry without `v` and `batch`, and without what `refers` stands for (`entry` of a withdrawal,
            `rests_on` of a decision or notice).

    Raises:
        RecordError: it could not stand in the record.
    """
    stand_in: dict[str, Any] = {}
    if body["type"] == "withdrawal":
        stand_in["entry"] = 0
    check_entry({**body, **stand_in, "v": 1, "batch": slot}, where=f"a new {body['type']}")
    entry = Entry.objects.create(
        type=body["type"],
        body=dict(body),
        refers=[str(other.pk) for other in refers],
        copy=body.get("copy", ""),
        station=body.get("station", station),
        contest=body.get("contest", ""),
        author=author,
        program=program,
        slot=slot,
    )
    if body["type"] == "withdrawal":
        Entry.objects.filter(pk__in=[other.pk for other in refers]).update(withdrawn=True)
    return entry


def seal(now: datetime, batch_s: int, intake: Store, pictures: Store, sealed: Sealed, head: Head) -> Batch | None:
    """Give what is due a batch and an order. The batch that waits already, if there is one; None: nothing is due."""
    with transaction.atomic():
        Head.objects.select_for_update().get(pk=1)
        waiting = Batch.objects.filter(logged=False).first()
        if waiting is not None:
            return waiting
        slots = {*Arrival.objects.values_list("slot", flat=True).distinct()} | {
            *_waiting().values_list("slot", flat=True).distinct()
        }
        due = sorted(slot for slot in slots if is_over(slot, now, batch_s))
        if not due:
            return None
        arrivals = list(Arrival.objects.filter(slot__in=due)[:BATCH_ENTRIES])
        _random.shuffle(arrivals)
        copies = [_copy(arrival, intake, pictures) for arrival in arrivals]
        Copy.objects.bulk_create(copies)
        entries = [_entry_of(copy) for copy in copies if copy.station]
        Entry.objects.bulk_create(entries)
        Arrival.objects.filter(pk__in=[a.pk for a in arrivals]).delete()
        sealed(copies)
        said = _waiting().filter(slot__in=due).exclude(pk__in=[e.pk for e in entries])
        entries += _ready(said[: max(0, BATCH_ENTRIES - len(entries))])
        if not entries:
            return None
        _random.shuffle(entries)
        batch = Batch.objects.create(slot=due[-1], size_before=head.size, count=len(entries))
        for position, entry in enumerate(entries):
            entry.batch, entry.position = batch, position
        Entry.objects.bulk_update(entries, ["batch", "position"], batch_size=500)
        return batch


def _waiting() -> QuerySet[Entry]:
    return Entry.objects.filter(batch__isnull=True, index__isnull=True)


def _copy(arrival: Arrival, intake: Store, pictures: Store) -> Copy:
    if arrival.picture:
        pictures.put(intake.get(arrival.picture))
    names = [f.attname for f in Arrival._meta.concrete_fields]
    return Copy(**{name: getattr(arrival, name) for name in names})


def _entry_of(copy: Copy) -> Entry:
    body = {
        "type": "copy",
        "copy": copy.copy,
        "station": copy.station,
        "contest": copy.contest,
        "page": copy.page,
        "kind": copy.kind,
    }
    return Entry(type="copy", body=body, copy=copy.copy, station=copy.station, contest=copy.contest, slot=copy.slot)


def _ready(entries: Iterable[Entry]) -> list[Entry]:
    """Those whose referred entries are recorded, and whose copy is in this batch or recorded."""
    found = list(entries)
    needed = {ref for entry in found for ref in entry.refers}
    recorded = {str(pk) for pk in Entry.objects.filter(pk__in=needed, index__isnull=False).values_list("pk", flat=True)}
    return [entry for entry in found if recorded.issuperset(entry.refers)]


def put_into_log(batch: Batch, log: Log, head: Head) -> range:
    """Append a sealed batch, or find that a crash came after it was appended; then the rows learn their indexes.

    Raises:
        RecordError: log and database don't belong together, or the log refuses. Nothing was acknowledged that is lost.
    """
    entries = list(batch.entries.order_by("position"))
    encoded = _encoded(entries, batch)
    after = batch.size_before + batch.count
    if log.size == batch.size_before:
        check_head(log, head)
        log.append(encoded)
    elif log.size < after or list(log.entries(batch.size_before))[: batch.count] != encoded:
        raise _apart(log, head)
    with transaction.atomic():
        for entry in entries:
            entry.index = batch.size_before + (entry.position or 0)
        Entry.objects.bulk_update(entries, ["index"], batch_size=500)
        batch.logged = True
        batch.save(update_fields=["logged"])
        head.size, head.root = log.size, log.root.hex()
        head.save()
    return range(batch.size_before, after)


def check_head(log: Log, head: Head) -> None:
    """That this database saw the log as it is.

    Raises:
        RecordError: one of the two was restored from an older backup, or belongs to another election.
    """
    if (log.size, log.root.hex()) != (head.size, head.root):
        raise _apart(log, head)


def check_waiting(log: Log, head: Head) -> None:
    """On start: the log is as this database saw it, or has exactly the batch that was sealed.

    Raises:
        RecordError: as `check_head`.
    """
    waiting = Batch.objects.filter(logged=False).first()
    if waiting is None or log.size != waiting.size_before + waiting.count:
        check_head(log, head)


def _apart(log: Log, head: Head) -> RecordError:
    older = "the database" if head.size < log.size else "the log"
    return RecordError(
        f"{log.folder}: expected a log of {head.size} entries as the database saw it last, found {log.size}; {older} "
        "was restored from an older backup or belongs to another election. Nothing is signed: put the newer one back, "
        "or run `counterfoil restore --adopt` to build the work state again from the record",
        code="restored",
    )


def _encoded(entries: Sequence[Entry], batch: Batch) -> list[bytes]:
    needed = {ref for entry in entries for ref in entry.refers}
    referred = Entry.objects.filter(pk__in=needed, index__isnull=False).values_list("pk", "index")
    indexes = {str(pk): index for pk, index in referred if index is not None}
    return [encode_entry(_whole(entry, batch.slot, indexes)) for entry in entries]


def _whole(entry: Entry, slot: str, indexes: Mapping[str, int]) -> dict[str, Any]:
    whole = {**entry.body, "v": 1, "batch": slot}
    if entry.refers:
        found = [indexes[ref] for ref in entry.refers]
        if entry.type == "withdrawal":
            whole["entry"] = found[0]
        else:
            whole["rests_on"] = sorted(found)
    return whole


class Tidier:
    """Takes sealed and abandoned pictures out of the intake.

    A picture is in the intake before its row is committed: one that no row names may be acknowledged in a moment. So
    what is sealed goes at once (its file's times would tell when it came), and what nobody names only when it was found
    so twice, a batch apart.
    """

    def __init__(self) -> None:
        self._unnamed: set[str] = set()

    def tidy(self, intake: Store) -> int:
        """The number of pictures deleted."""
        lying = set(intake.names())
        unnamed = lying - set(Arrival.objects.exclude(picture="").values_list("picture", flat=True))
        sealed = set(Copy.objects.filter(picture__in=unnamed).values_list("picture", flat=True))
        gone = sealed | (unnamed & self._unnamed)
        for name in gone:
            intake.delete(name)
        self._unnamed = unnamed - gone
        return len(gone)
