"""Work for the worker: which jobs are due, told from rows and the disk alone, and a queue that is only a hint.

Rules:

* Nobody enqueues a job when something is sent or typed: the row of a job has its exact time, and that would be a
  sender's. Only the worker's sweep does, and what it finds due depends on slots that are over.
* A job that was lost, or whose worker was killed in the middle, is due again, because what made it due is still there.
  Every job takes up where the last one was stopped; a second one beside it finds the lock taken and does nothing.
* Rows of jobs that are over are deleted, but for the newest of each job: it tells organisers how the worker fares.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F
from django_tasks import TaskResultStatus
from django_tasks.base import Task
from django_tasks_db.models import DBTaskResult

from counterfoil.storage import looks
from counterfoil.storage.models import Arrival, Batch, Entry, Setting, Standing
from counterfoil.workflow.grow import Recomputed
from counterfoil.workflow.slots import is_over, slot_of

Job = Task[[], None]
MOST_DRIFT = 100
"""Paths that are kept of a drift; their number is in the worker's messages."""
_RECOMPUTED, _MIRRORED = "recomputed", "mirrored"
_DAY = timedelta(days=1)


def batch_is_due(now: datetime, batch_s: int) -> bool:
    """Whether something waits for the log whose slot is over, or a batch was sealed and not finished."""
    if Batch.objects.filter(logged=False).exists():
        return True
    waiting = Entry.objects.filter(batch__isnull=True, index__isnull=True)
    slots = {
        *Arrival.objects.values_list("slot", flat=True).distinct(),
        *waiting.values_list("slot", flat=True).distinct(),
    }
    return any(is_over(slot, now, batch_s) for slot in slots)


def looks_are_due() -> bool:
    """Whether a copy's fingerprint is not among those that are compared."""
    return looks.to_compare().exists()


def stages_are_due() -> bool:
    """Whether a reader came under closer scrutiny, or out of it, and their copies do not show it yet."""
    return Standing.objects.exclude(followed=F("stage")).exists()


def recompute_is_due(version: str, now: datetime) -> bool:
    """Whether the last whole computation is a day old, or another version of the program made it."""
    kept = Setting.objects.filter(pk=_RECOMPUTED).first()
    if kept is None or kept.value["version"] != version:
        return True
    return bool(kept.value["slot"] < slot_of(now - _DAY, 60))


def note_recomputed(version: str, slot: str, found: Recomputed) -> None:
    """What a whole computation found; organisers see it."""
    value = {"version": version, "slot": slot, "files": found.files, "drift": list(found.drift[:MOST_DRIFT])}
    Setting.objects.update_or_create(pk=_RECOMPUTED, defaults={"value": value})


def recomputed() -> dict[str, Any] | None:
    """version, slot, files, drift (paths; none is how it must be) of the last whole computation."""
    kept = Setting.objects.filter(pk=_RECOMPUTED).first()
    return kept.value if kept is not None else None


def mirror_is_due(stamp: str) -> bool:
    """Whether the site is another than the one that was copied to the bucket last."""
    return bool(stamp) and not Setting.objects.filter(pk=_MIRRORED, value=stamp).exists()


def note_mirrored(stamp: str) -> None:
    """The bucket has this site."""
    Setting.objects.update_or_create(pk=_MIRRORED, defaults={"value": stamp})


def enqueue(due: Iterable[Job]) -> list[str]:
    """Enqueue each job that does not stand in the queue; their names."""
    waiting = set(DBTaskResult.objects.filter(status=TaskResultStatus.READY).values_list("task_path", flat=True))
    new = [job for job in due if job.module_path not in waiting]
    for job in new:
        job.enqueue()
    return [job.name for job in new]


def forget_finished() -> None:
    """Delete rows of jobs that are over, but for the newest of each job and outcome; and those of workers that died."""
    over = (TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED)
    newest: dict[tuple[str, str], UUID] = {}
    rows = DBTaskResult.objects.filter(status__in=over).order_by(F("finished_at").desc(nulls_last=True))
    for pk, path, status in rows.values_list("pk", "task_path", "status"):
        newest.setdefault((path, status), pk)
    rows.exclude(pk__in=newest.values()).delete()


def failed(since: datetime) -> list[tuple[str, str]]:
    """Jobs that failed since: (name, what was said)."""
    rows = DBTaskResult.objects.filter(status=TaskResultStatus.FAILED, finished_at__gte=since)
    return [
        (path.rpartition(".")[2], said.strip().rpartition("\n")[2])
        for path, said in rows.values_list("task_path", "traceback")
    ]
