"""The jobs of the worker, as Django tasks. Each says when it is due, and can be killed anywhere and done again.

| job | does | due when |
| --- | --- | --- |
| `grow` | seal, log, tidy, publish | a slot with something in it is over, or a batch waits, or the site is behind |
| `look_alikes` | links look-alikes | a copy's fingerprint is not compared yet |
| `follow_stages` | sends work back to the queue | a reader is looked at more closely, or less |
| `read_by_machine` | reads copies by machine | a copy was not read by the machine as it is now |
| `recompute` | everything once more from nothing; reports drift | a day went by, or the program is a new version |
| `mirror_publication` | copies the site to a bucket | a bucket is set, and what it has is not the site |

One writer at a time: `grow` holds a lock on the folder, and with PostgreSQL one in the database, because workers may
run on several machines. The record lies where the worker that holds both runs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta

from django.db import connection
from django_tasks import task

from counterfoil import __version__
from counterfoil.bootstrap.server import Server, server
from counterfoil.primitives.errors import RecordError
from counterfoil.record.durable import FolderLock, make_folder
from counterfoil.storage import branches, closing, inbox, jobs, looks, mirror, running, work
from counterfoil.storage.jobs import Job
from counterfoil.storage.means import Means
from counterfoil.storage.models import Copy, Head
from counterfoil.storage.objects import Bucket, frozen, mirror_site
from counterfoil.storage.said import Desk
from counterfoil.workflow.grow import is_current, published_size, site_stamp
from counterfoil.workflow.restore import check_not_held
from counterfoil.workflow.slots import MINUTE_S, slot_of

log = logging.getLogger("counterfoil")
ADVISORY_LOCK = 0x636F756E74  # "count"
_tidier = inbox.Tidier()


class Busy(Exception):  # noqa: N818 - not an error: another worker does it
    """Another worker writes to this record now."""


@contextmanager
def only_writer(at: Server, what: str = "grow", number: int = ADVISORY_LOCK) -> Iterator[None]:
    """Hold what lets one worker at a time write to the record (or do `what`).

    Raises:
        Busy: another one does.
    """
    make_folder(at.settings.private, 0o700)
    try:
        lock = FolderLock(at.settings.private / f"{what}.lock")
    except RecordError as error:
        if error.code != "locked":
            raise
        raise Busy from None
    try:
        with _advisory_lock(number):
            yield
    finally:
        lock.release()


@contextmanager
def _advisory_lock(number: int) -> Iterator[None]:
    """The database's own lock; it goes with the connection. SQLite lies on one machine: the folder's lock is enough."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        (taken,) = cursor.fetchone()
    if not taken:
        raise Busy
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def grow_now(at: Server) -> None:
    """Everything that is due goes into the log, then the site shows it.

    Raises:
        Busy: another worker does it.
    """

    def sealed(copies: Sequence[Copy]) -> None:
        work.sealed(copies, at.election, at.slot)

    with only_writer(at):
        check_not_held(at.settings.folder)
        while True:
            head = Head.objects.get(pk=1)
            batch = inbox.seal(at.now(), at.settings.batch_s, at.intake, at.pictures, sealed, head)
            if batch is None:
                break
            with at.log() as record:
                inbox.put_into_log(batch, record, head)
            branches.sweep_revoked(at.slot)
            closing.after(batch, at.election)
        _tidier.tidy(at.intake)
        mirror.mirror_tables(at.state())
        if site_is_due(at):
            began = time.monotonic()
            grown = at.grower.grow()
            log.info(
                "published: %d entries, %d files, %d of them as before, %.1f s",
                *(grown.size, grown.files, grown.reused, time.monotonic() - began),
            )


def site_is_due(at: Server) -> bool:
    """Whether the site is behind the record and may grow. A frozen one grows until it says why it stands still."""
    if is_current(at.settings.folder, at.settings.site):
        return False
    return running.may_publish(published_size(at.settings.site))


def recompute_now(at: Server) -> None:
    """The publication from nothing, set beside what is served; what differs is reported and mended.

    Raises:
        Busy: another worker writes to the record.
    """
    with only_writer(at):
        check_not_held(at.settings.folder)
        if not is_current(at.settings.folder, at.settings.site):
            return
        found = at.grower.recompute()
    if found.drift:
        log.error("recompute: %d of %d files were not what follows from the record", len(found.drift), found.files)
    jobs.note_recomputed(__version__, at.slot, found)


def mirror_now(at: Server) -> None:
    """Copy the site to its bucket. The record is locked only while the site is held fast beside itself (links), not
    while it goes up: a slow bucket keeps no batch waiting.

    Raises:
        Busy: another worker writes to the record, or copies the site.
    """
    with only_writer(at, "mirror", ADVISORY_LOCK + 2), ExitStack() as kept:
        with only_writer(at):
            still = kept.enter_context(frozen(at.settings.site))
        mirror_site(still, Bucket.of(at.settings.site_objects, at.settings.keys, "site"))
        jobs.note_mirrored(site_stamp(still))


def desk_of(at: Server) -> Desk:
    """What work on copies needs, as of now."""
    return Desk(
        at.state(),
        at.now(),
        at.slot,
        at.pseudonyms,
        lease_s=running.get("lease_s"),
        gold_every=running.get("gold_every"),
    )


def means_of(at: Server) -> Means:
    """What an organiser's action works with, as of now."""
    now = at.now()
    before = now - timedelta(seconds=max(at.settings.batch_s, MINUTE_S))

    def entries() -> Iterator[bytes]:
        with at.log(read_only=True) as log:
            yield from log.entries()

    return Means(
        now=now,
        slot=at.slot,
        at_once=slot_of(before, at.settings.batch_s),
        objects=at.objects,
        pictures=at.pictures,
        intake=at.intake,
        state=at.state,
        entries=entries,
        pseudonyms=at.pseudonyms,
        site=at.settings.site,
    )


def _link_new(at: Server) -> None:
    with only_writer(at, "looks", ADVISORY_LOCK + 1):
        looks.link_new(at.pictures, at.looks)


def _unless_busy(do: Callable[[Server], None]) -> None:
    try:
        do(server())
    except Busy:
        log.info("another worker writes to the record")


@task()
def grow() -> None:
    """See the table."""
    _unless_busy(grow_now)


@task()
def look_alikes() -> None:
    """See the table."""
    _unless_busy(_link_new)


@task()
def follow_stages() -> None:
    """See the table."""
    work.follow_stages(desk_of(server()))


@task()
def read_by_machine() -> None:
    """See the table."""
    at = server()
    reading = at.reading()
    if reading is not None:
        reading.some(lambda: desk_of(at))


@task()
def recompute() -> None:
    """See the table."""
    _unless_busy(recompute_now)


@task()
def mirror_publication() -> None:
    """See the table."""
    _unless_busy(mirror_now)


def due(at: Server) -> list[Job]:
    """The jobs that rows and disk ask for now."""
    settings = at.settings
    found: list[Job] = []
    if jobs.batch_is_due(at.now(), settings.batch_s) or site_is_due(at):
        found.append(grow)
    if jobs.looks_are_due():
        found.append(look_alikes)
    if jobs.stages_are_due():
        found.append(follow_stages)
    reading = at.reading()
    if reading is not None and reading.is_due(at.now()):
        found.append(read_by_machine)
    # A site that stands still would be found behind the record, and mended.
    if jobs.recompute_is_due(__version__, at.now()) and running.may_publish(published_size(settings.site)):
        found.append(recompute)
    if settings.site_objects and jobs.mirror_is_due(site_stamp(settings.site)):
        found.append(mirror_publication)
    return found
