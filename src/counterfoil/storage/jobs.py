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
from datetime import datetime

from django.db.models import F
from django_tasks import TaskResultStatus
from django_tasks.base import Task
from django_tasks_db.models import DBTaskResult

from counterfoil.storage.models import Arrival, Batch, Copy, Entry
from counterfoil.workflow.slots import is_over


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
    return Copy.objects.exclude(look=[]).filter(bands__isnull=True).exists()


def enqueue(due: Iterable[Task[[], None]]) -> list[str]:
    """Enqueue each job that does not stand in the queue; their names."""
    waiting = set(DBTaskResult.objects.filter(status=TaskResultStatus.READY).values_list("task_path", flat=True))
    new = [job for job in due if job.module_path not in waiting]
    for job in new:
        job.enqueue()
    return [job.name for job in new]


def forget_finished() -> None:
    """Delete rows of jobs that are over, but for the newest of each job and outcome; and those of workers that died."""
    over = (TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED)
    newest: dict[tuple[str, str], object] = {}
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
