"""One server: its settings, the election, its log, its stores, its sandbox. Web, worker and commands start here.

`server()` is the one of this process, made when it is first asked for. Everything in it is safe for threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from django.conf import settings as django_settings
from django.db import connections, transaction

from counterfoil.bootstrap.layouts import keep_pictures
from counterfoil.bootstrap.machine import CALIBRATION, Reading, complete, make
from counterfoil.config.secrets import secret
from counterfoil.config.settings import Settings
from counterfoil.election.definition import Election
from counterfoil.election.folder import load_folder
from counterfoil.election.template_format import FormTemplate
from counterfoil.primitives.errors import InputError
from counterfoil.reading import handed
from counterfoil.record.keys import LOG_KEY, load_key
from counterfoil.record.layout import VKEY
from counterfoil.record.log import Log
from counterfoil.record.objects import ObjectStore
from counterfoil.record.reader import FolderReader
from counterfoil.record.replay import replay
from counterfoil.record.state import Replay
from counterfoil.sandbox import Sandbox
from counterfoil.storage import inbox, mirror
from counterfoil.storage.looks import Looks
from counterfoil.storage.machine import contests_with_template
from counterfoil.storage.machine_sums import MachineSums
from counterfoil.storage.models import Head
from counterfoil.storage.objects import FolderStore, S3Store
from counterfoil.workflow.grow import Grower
from counterfoil.workflow.holdings import Holdings, default_origin
from counterfoil.workflow.intake import batch_of
from counterfoil.workflow.intake import plan as plan_intake
from counterfoil.workflow.slots import slot_of
from counterfoil.workflow.stores import Store


@dataclass
class Server:
    """`now` is the clock; tests bring their own."""

    settings: Settings
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    reader_program: tuple[str, ...] = (handed.MODULE, *handed.PACKAGES)
    """The program that reads photos in its jail, and what it imports."""

    @property
    def slot(self) -> str:
        """The slot of what comes in now."""
        return slot_of(self.now(), self.settings.batch_s)

    @cached_property
    def intake(self) -> Store:
        """Pictures that wait for their batch."""
        return self._store("intake")

    @cached_property
    def pictures(self) -> Store:
        """Sanitised, unmasked pictures: private."""
        return self._store("pictures")

    def _store(self, name: str) -> Store:
        if self.settings.objects:
            return S3Store.of(self.settings.objects, name, keys=self.settings.keys)
        return FolderStore(self.settings.private / name)

    @cached_property
    def objects(self) -> ObjectStore:
        """What entries name: public."""
        return ObjectStore(self.settings.folder / "objects")

    @cached_property
    def sandbox(self) -> Sandbox:
        return Sandbox(self.settings.sandboxes, waiting=self.settings.waiting_pictures)

    @cached_property
    def pseudonyms(self) -> bytes:
        """The key of readers' pseudonyms in the record."""
        return bytes.fromhex(secret(self.settings.keys, "pseudonym.key"))

    @cached_property
    def pepper(self) -> bytes:
        """Goes into every hash of a code and every fingerprint, so that the database alone tells nothing."""
        return bytes.fromhex(secret(self.settings.keys, "pepper.key"))

    @property
    def election(self) -> Election:
        """The definition as the record has it; read again when the record has a new one."""
        return self.state().election

    @property
    def templates(self) -> tuple[FormTemplate, ...]:
        """Of the election's forms, each once, without their pictures."""
        by_name = {form.template.name: form.template for form in self.election.forms if form.template is not None}
        return tuple(by_name[name] for name in sorted(by_name))

    def state(self) -> Replay:
        """The record's state as this process saw it when its tables last changed: election, areas, stations, official
        snapshots. Not for readings: those are in the database."""
        stamp = mirror.tables_stamp()
        with _lock:
            kept = self.__dict__.get("_state")
            if kept is None or kept[0] != stamp:
                kept = self.__dict__["_state"] = (stamp, self._tables())
            found: Replay = kept[1]
            return found

    def _tables(self) -> Replay:
        """A replay of the tables only: few entries, whatever the number of readings."""
        return replay(mirror.table_entries(), self.objects.get)

    def log(self, *, read_only: bool = False) -> Log:
        """The log, locked for writing or only read. Close it (it is a context manager)."""
        folder = self.settings.folder / "record"
        return Log.open(folder, None if read_only else load_key(self.settings.keys), writable=not read_only)

    def open_election(self) -> None:
        """Before anything is served: the folder's election stands in the record, the database has seen the record, and
        areas and stations are mirrored. Idempotent.

        Raises:
            InputError: the folder's files are not what they must be; nothing was written.
            RecordError: database and record don't belong together.
        """
        folder = self.settings.folder
        if not (folder / "record" / VKEY).exists():
            given = load_folder(folder)
            origin = self.settings.origin or default_origin(given.election.id)
            secret(self.settings.keys, "pseudonym.key")
            with Holdings(folder, origin=origin, default=origin) as held:
                held.append(plan_intake(given, held.known(), held.pseudonyms, batch_of(self.now())))
        elif not (self.settings.keys / LOG_KEY).exists():
            raise InputError(
                str(self.settings.keys / LOG_KEY),
                expected="the key of this record",
                found="none",
                do="put it back from the backup or join its parts",
                code="no-key",
            )
        with self.log() as log, transaction.atomic():
            head, new = Head.objects.get_or_create(pk=1)
            if new:
                mirror.adopt(log, head)
            else:
                inbox.check_waiting(log, head)
        mirror.mirror_tables(self.state())
        keep_pictures(folder, self.election, self.pictures)

    @cached_property
    def looks(self) -> Looks:
        """What the compared copies look like; used by the worker alone."""
        return Looks()

    @cached_property
    def machine_sums(self) -> MachineSums:
        """What the machine alone would add up to, as this process was last asked."""
        return MachineSums()

    @cached_property
    def grower(self) -> Grower:
        """Publishes the record; used by the worker alone."""
        return Grower(
            self.settings.folder, self.settings.site, lambda text: load_key(self.settings.keys).sign_manifest(text)
        )

    def reading(self) -> Reading | None:
        """The machine that reads, with the templates and the calibration of now; None: there is nothing to read by."""
        state, fitted = self.state(), self.settings.private / CALIBRATION
        stamp = (fitted.stat().st_mtime_ns if fitted.exists() else 0, self.settings.readers)
        with _lock:
            kept = self.__dict__.get("_reading")
            if kept is None or kept[0] is not state or kept[1] != stamp:
                if kept is not None and kept[2] is not None:
                    kept[2].close()
                kept = self.__dict__["_reading"] = (state, stamp, self._new_reading(fitted))
            found: Reading | None = kept[2]
            return found

    @property
    def reading_now(self) -> Reading | None:
        """The machine as it was last asked for; it is not made for this."""
        kept = self.__dict__.get("_reading")
        found: Reading | None = kept[2] if kept is not None else None
        return found

    def _new_reading(self, fitted: Path) -> Reading | None:
        bare = self.templates
        if not bare or not self.settings.readers:
            return None
        templates = complete(bare, self.pictures)
        calibration = fitted.read_bytes() if fitted.exists() else None
        machine = make(templates, calibration, self.settings.readers, self.reader_program)
        contests = contests_with_template(self.election)
        return Reading(machine, self.pictures, contests, self.settings.readers)

    def close(self) -> None:
        """End the jail's workers and the connections of this thread; what is asked for later is made again."""
        reading = self.__dict__.pop("_reading", None)
        if reading is not None and reading[2] is not None:
            reading[2].close()
        sandbox = self.__dict__.pop("sandbox", None)
        if sandbox is not None:
            sandbox.close()
        connections.close_all()

    def reader(self) -> FolderReader:
        """The folder as `publish` and `verify` read it."""
        return FolderReader(self.settings.folder)


_lock = threading.RLock()
_servers: dict[int, Server] = {}


def server() -> Server:
    """The server of this process and these settings."""
    settings: Settings = django_settings.COUNTERFOIL
    with _lock:
        found = _servers.get(id(settings))
        if found is None or found.settings is not settings:
            found = _servers[id(settings)] = Server(settings)
        return found
