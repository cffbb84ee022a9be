"""The worker: looks every second what is due, and does it. Killed at any moment, it loses nothing but time."""

from __future__ import annotations

import logging
import signal
import threading
from datetime import UTC, datetime

from django.db import Error, close_old_connections, connections
from django_tasks_db.management.commands.db_worker import Worker as QueueWorker

from counterfoil.bootstrap.jobs import due
from counterfoil.bootstrap.server import Server
from counterfoil.storage import jobs

log = logging.getLogger("counterfoil")
LOOK_EVERY_S = 1.0
MOST_PATIENCE_S = 60.0
"""After a job failed it is tried again: after one second, two, four, up to a minute."""


class Worker:
    """Runs jobs until it is told to stop."""

    def __init__(self, at: Server) -> None:
        self._at = at
        self._stopping = threading.Event()
        self._patience_s = LOOK_EVERY_S

    def run(self) -> None:
        """Until SIGTERM or SIGINT. A job under way is finished first."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        while not self._stopping.is_set():
            self._patience_s = LOOK_EVERY_S if self.round() else min(MOST_PATIENCE_S, 2 * self._patience_s)
            reading = self._at.reading_now
            if reading is None or not reading.goes_on:  # else photos wait for the machine, and everybody had their turn
                self._stopping.wait(self._patience_s)

    def round(self) -> bool:
        """Enqueue what is due and do what is enqueued; whether nothing failed."""
        began = datetime.now(UTC)
        try:
            close_old_connections()
            jobs.enqueue(due(self._at))
            _queue().run()
            bad = jobs.failed(began)
            jobs.forget_finished()
        except Error as error:  # the database is away
            log.warning("worker: the database does not answer (%s); trying again", type(error).__name__)
            for one in connections.all(initialized_only=True):
                one.close()
            return False
        for name, said in bad:
            log.warning("%s failed: %s", name, said)
        return not bad


def _queue() -> QueueWorker:
    """Everything that stands in the queue, then back."""
    return QueueWorker(
        queue_names=["*"],
        interval=0,
        batch=True,
        backend_name="default",
        startup_delay=False,
        max_tasks=None,
        worker_id="worker",
        excluded_queue_names=[],
    )
