"""The jobs of the worker, as Django tasks. Each says when it is due, and can be killed anywhere and done again.

| job | does | due when |
| --- | --- | --- |
| `grow` | seal, log, tidy, publish | a slot with something in it is over, or a batch waits, or the site is behind |
| `look_alikes` | links look-alikes | a copy's fingerprint is not compared yet |

One writer at a time: `grow` holds a lock on the folder, and with PostgreSQL one in the database, because workers may
run on several machines. The record lies where the worker that holds both runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from django.db import connection
from django_tasks import task
from django_tasks.base import Task

from counterfoil.bootstrap.server import Server, server
from counterfoil.primitives.errors import RecordError
from counterfoil.record.durable import FolderLock, make_folder
from counterfoil.record.keys import load_key
from counterfoil.storage import inbox, jobs, looks, mirror
from counterfoil.storage.models import Copy, Head
from counterfoil.workflow.grow import grow_site, is_current

log = logging.getLogger("counterfoil")
ADVISORY_LOCK = 0x636F756E74  # "count"
_tidier = inbox.Tidier()


class Busy(Exception):  # noqa: N818 - not an error: another worker does it
    """Another worker writes to this record now."""


@contextmanager
def only_writer(at: Server) -> Iterator[None]:
    """Hold what lets one worker at a time write to the record.

    Raises:
        Busy: another one does.
    """
    make_folder(at.settings.private, 0o700)
    try:
        lock = FolderLock(at.settings.private / "grow.lock")
    except RecordError as error:
        if error.code != "locked":
            raise
        raise Busy from None
    try:
        with _advisory_lock():
            yield
    finally:
        lock.release()


@contextmanager
def _advisory_lock() -> Iterator[None]:
    """The database's own lock; it goes with the connection. SQLite lies on one machine: the folder's lock is enough."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK])
        (taken,) = cursor.fetchone()
    if not taken:
        raise Busy
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])


def grow_now(at: Server) -> None:
    """Everything that is due goes into the log, then the site shows it.

    Raises:
        Busy: another worker does it.
    """
    with only_writer(at):
        while True:
            head = Head.objects.get(pk=1)
            batch = inbox.seal(at.now(), at.settings.batch_s, at.intake, at.pictures, _sealed, head)
            if batch is None:
                break
            with at.log() as record:
                inbox.put_into_log(batch, record, head)
        _tidier.tidy(at.intake)
        mirror.mirror_tables(at.state())
        if not is_current(at.settings.folder, at.settings.site):
            grow_site(at.settings.folder, at.settings.site, load_key(at.settings.keys).sign_manifest)


def _sealed(copies: Sequence[Copy]) -> None:
    """Tasks for new copies are made by `looks` and the reading part's own sweep; nothing is to be done at once."""


@task()
def grow() -> None:
    """See the table."""
    try:
        grow_now(server())
    except Busy:
        log.info("grow: another worker writes to the record")


@task()
def look_alikes() -> None:
    """See the table."""
    looks.link_new()


def due(at: Server) -> list[Task[[], None]]:
    """The jobs that rows and disk ask for now."""
    settings = at.settings
    found: list[tuple[Task[[], None], Callable[[], bool]]] = [
        (
            grow,
            lambda: jobs.batch_is_due(at.now(), settings.batch_s) or not is_current(settings.folder, settings.site),
        ),
        (look_alikes, jobs.looks_are_due),
    ]
    return [job for job, is_due in found if is_due()]
