"""Checks of what is stored: database, pictures, record, people, backup."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import OperationalError

from counterfoil.config.settings import Settings
from counterfoil.election.definition import Form, read_definition
from counterfoil.primitives.canonical import parse
from counterfoil.primitives.errors import CounterfoilError, RecordError
from counterfoil.reading import handed
from counterfoil.record.keys import LOG_KEY, PARTS
from counterfoil.record.log import Log
from counterfoil.record.objects import ObjectStore
from counterfoil.sandbox import Program
from counterfoil.storage import accounts, audit
from counterfoil.storage.inbox import check_waiting
from counterfoil.storage.models import Account, Batch, Entry, Head
from counterfoil.storage.objects import FolderStore, S3Store
from counterfoil.workflow.stores import Store

BACKUP_AGE = timedelta(days=1)
_SQLITE = {"journal_mode": "wal", "synchronous": 2}
_POSTGRESQL = {"fsync": ("on",), "full_page_writes": ("on",), "synchronous_commit": ("on", "remote_apply")}
_QUIET = {
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_min_error_statement": "panic",
    "log_connections": "off",
    "log_disconnections": "off",
    "log_parameter_max_length_on_error": "0",
}
_OLDEST_POSTGRESQL = 150000


def _ask(sql: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
    return row[0] if row else None


def _ready() -> bool:
    """Whether the database has all tables."""
    try:
        executor = MigrationExecutor(connection)
    except OperationalError:
        return False
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def database(settings: Settings, now: datetime) -> Iterator[str]:
    try:
        connection.ensure_connection()
    except OperationalError:
        yield "no connection"
        return
    if not _ready():
        yield "tables are missing or old"
    if connection.vendor == "postgresql":
        version = int(str(_ask("SHOW server_version_num")))
        if version < _OLDEST_POSTGRESQL:
            yield f"PostgreSQL {version // 10_000}; 15 or newer is tested"
    elif _ask("PRAGMA quick_check(1)") != "ok":
        yield "SQLite finds the file damaged"


def durable(settings: Settings, now: datetime) -> Iterator[str]:
    if connection.vendor == "sqlite":
        for name, wanted in _SQLITE.items():
            found = _ask(f"PRAGMA {name}")
            if found != wanted:
                yield f"{name} is {found}"
    else:
        for name, good in _POSTGRESQL.items():
            found = _ask(f"SHOW {name}")
            if found not in good:
                yield f"{name} is {found}"


def quiet(settings: Settings, now: datetime) -> Iterator[str]:
    if connection.vendor == "sqlite":
        if _ask("PRAGMA secure_delete") != 1:
            yield "secure_delete is off: what was deleted can be read from the file"
        return
    for name, wanted in _QUIET.items():
        found = _ask(f"SHOW {name}")
        if found != wanted:
            yield f"{name} is {found}"


def _pictures(settings: Settings) -> Store:
    if settings.objects:
        return S3Store.of(settings.objects, "pictures", keys=settings.keys)
    return FolderStore(settings.private / "pictures")


def _forms(settings: Settings) -> tuple[Form, ...] | None:
    """Of the election as it stands in the record; None: none does yet."""
    rows = Entry.objects.filter(type="election", index__isnull=False, withdrawn=False) if _ready() else None
    newest = rows.order_by("-index").first() if rows is not None else None
    if newest is None:
        return None
    data = ObjectStore(settings.folder / "objects").get(newest.body["definition"]["sha256"])
    return read_definition(parse(data)).forms


def form_pictures(settings: Settings, now: datetime) -> Iterable[str] | None:
    forms = _forms(settings)
    if forms is None:
        return None
    store = _pictures(settings)
    return [
        f"none of page {page.name} of the form {form.id}"
        for form in forms
        for page in (form.template.pages if form.template is not None else ())
        if not store.has(page.picture.sha256)
    ]


def reader(settings: Settings, now: datetime) -> Iterable[str] | None:
    """Starts the reader in its jail, with both networks and without a template, where this host is to read."""
    forms = _forms(settings)
    if forms is None:
        return None
    if not settings.readers or all(form.template is None for form in forms):
        return []
    try:
        with Program(handed.MODULE, handed.PACKAGES, handed.pack(())) as program:
            program.ask(b"V")
    except CounterfoilError as error:
        return [str(error)]
    return []


def pictures(settings: Settings, now: datetime) -> Iterator[str]:
    store = _pictures(settings)
    probe = b"counterfoil check " + os.urandom(16)
    try:
        name = store.put(probe)
        if store.get(name["sha256"]) != probe:
            yield "what was stored came back changed"
        store.delete(name["sha256"])
    except RecordError as error:
        yield str(error)


def record(settings: Settings, now: datetime) -> Iterable[str] | None:
    head = Head.objects.filter(pk=1).first() if _ready() else None
    if head is None:
        return None
    try:
        with Log.open(settings.folder / "record", None, writable=False) as log:
            check_waiting(log, head)
    except RecordError as error:
        return [str(error)]
    return [] if (settings.keys / LOG_KEY).exists() else [f"no {LOG_KEY}: nothing can be signed here"]


def clock_order(settings: Settings, now: datetime) -> Iterable[str] | None:
    newest = Batch.objects.order_by("-size_before").first() if _ready() else None
    if newest is None:
        return None
    slot = datetime.strptime(newest.slot, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)
    return [f"the clock says {now:%Y-%m-%dT%H:%MZ}, the newest batch {newest.slot}"] if now < slot else []


def organisers(settings: Settings, now: datetime) -> Iterable[str] | None:
    if not _ready():
        return None
    return [] if any(accounts.has_factor(one) for one in accounts.organisers()) else ["none"]


def second_organiser(settings: Settings, now: datetime) -> Iterable[str] | None:
    if not _ready():
        return None
    count = sum(accounts.has_factor(one) for one in accounts.organisers())
    return [f"{count} can log in"] if count < 2 else []


def factors(settings: Settings, now: datetime) -> Iterable[str] | None:
    if not _ready():
        return None
    count = sum(not accounts.has_factor(one) for one in Account.objects.filter(is_active=True))
    return [f"{count} without"] if count else []


def key_parts(settings: Settings, now: datetime) -> Iterator[str]:
    if not (settings.keys / PARTS).exists():
        yield "none that this machine knows of"


def audit_log(settings: Settings, now: datetime) -> Iterable[str] | None:
    if not _ready():
        return None
    found = audit.verify()
    if found.broken is not None:
        return [f"line {found.broken} does not follow from the one before"]
    return ["lines are missing at its end, or were added"] if found.missing else []


def backup(settings: Settings, now: datetime) -> Iterator[str]:
    mark = settings.last_backup
    if not mark.exists():
        yield "none was made here"
        return
    age = now - datetime.fromtimestamp(mark.stat().st_mtime, UTC)
    if age > BACKUP_AGE:
        yield f"the last one is {age.days} days old"
