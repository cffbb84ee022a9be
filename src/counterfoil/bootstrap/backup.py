"""Backup and restore of a whole server, while it runs: database, record, objects, pictures, keys, definition.

Rules:

* Database and record are of one moment: the snapshot is taken while nobody appends. Everything else only ever grows
  and is named by its content, so it is copied afterwards.
* What was written is read again whole, and its database and record are opened, before the backup counts.
* `keys/log.last` is never in a backup. A server that was restored signs nothing before it was compared with the newest
  publication (`held`): a signature on an old state would be a second history.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from counterfoil.bootstrap.jobs import Busy, only_writer
from counterfoil.bootstrap.server import Server
from counterfoil.primitives.errors import RecordError
from counterfoil.record.durable import fresh_file, sync_folder
from counterfoil.record.keys import LAST_SIGNED
from counterfoil.record.layout import CHECKPOINT, CHECKPOINTS, RECORD, checkpoint_sizes, published_paths
from counterfoil.record.log import Log
from counterfoil.record.reader import FolderReader, SubReader
from counterfoil.storage import snapshot
from counterfoil.storage.models import Head
from counterfoil.workflow.archive import Packer
from counterfoil.workflow.restore import unpack
from counterfoil.workflow.sealed import SealedWriter, Secret
from counterfoil.workflow.stores import StoreError

PATIENCE_S = 180
"""How long the worker may be busy with a batch."""
NOT_COPIED = ("record", "objects", "server", "site", "keys")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class BackedUp:
    """`purged`: pictures that were purged while the backup was made."""

    entries: int
    members: int
    bytes: int
    purged: int


def back_up(at: Server, to: Path, secret: Secret, progress: Progress) -> BackedUp:
    """Write the backup `to` (new) and check it.

    Raises:
        RecordError: the worker stays busy, something can't be read, or what was written does not read back.
    """
    at.settings.private.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="backup-", dir=at.settings.private) as work:
        taken = Path(work)
        progress("database", 0, 0)
        with _waiting_for(at):
            files = snapshot.take(taken)
            size = Head.objects.get(pk=1).size
        purged, partly = 0, to.with_name(f".{to.name}.part")
        with fresh_file(partly, 0o600) as file:
            sealed = SealedWriter(file, secret, os.urandom)
            about = {"origin": _origin(at), "entries": size, "migrations": snapshot.migrations()}
            packer = Packer(cast(IO[bytes], sealed), about)
            for name in files:
                _add_file(packer, f"database/{name}", taken / name)
            _add_record(packer, at, size)
            _add_folder(packer, at)
            names = list(snapshot.pictures(taken))
            for done, name in enumerate(names):
                progress("pictures", done, len(names))
                purged += not _add_picture(packer, at, name)
            members = packer.finish()
            sealed.finish()
        progress("read it again", 0, 0)
        check(partly, secret, taken / "again")
        partly.rename(to)
        sync_folder(to.parent)
    return BackedUp(size, members, to.stat().st_size, purged)


@contextmanager
def _waiting_for(at: Server) -> Iterator[None]:
    limit = time.monotonic() + PATIENCE_S
    while True:
        try:
            with only_writer(at):
                yield
                return
        except Busy:
            if time.monotonic() > limit:
                raise RecordError(
                    f"{at.settings.folder}: the worker has been busy for {PATIENCE_S} seconds; try again", code="busy"
                ) from None
            time.sleep(0.2)


def _origin(at: Server) -> str:
    with at.log(read_only=True) as log:
        return log.origin


def _add_record(packer: Packer, at: Server, size: int) -> None:
    """The log as it was at `size`: everything in it but its newest checkpoint never changes."""
    record = at.settings.folder / "record"
    sizes = [one for one in checkpoint_sizes(SubReader(FolderReader(at.settings.folder), RECORD)) if one <= size]
    for path in published_paths(sizes):
        _add_file(packer, RECORD + path, record / (f"{CHECKPOINTS}{size}" if path == CHECKPOINT else path))
    for one in sizes:
        if (record / "manifests" / str(one)).exists():
            _add_file(packer, f"{RECORD}manifests/{one}", record / "manifests" / str(one))


def _add_folder(packer: Packer, at: Server) -> None:
    folder = at.settings.folder
    for path in sorted(folder.rglob("*")):
        first = path.relative_to(folder).parts[0]
        if path.is_symlink() or not path.is_file() or path.name.endswith(".tmp"):
            continue
        wanted = first in ("objects", "keys") or (first not in NOT_COPIED and not first.startswith("."))
        if wanted and path != folder / "keys" / LAST_SIGNED:
            _add_file(packer, str(path.relative_to(folder)), path)


def _add_picture(packer: Packer, at: Server, name: str) -> bool:
    for store in (at.intake, at.pictures, at.intake):  # it may be sealed between two looks
        try:
            packer.add_bytes(f"pictures/{name}", store.get(name))
        except StoreError as error:
            if error.code != "missing-object":
                raise
        else:
            return True
    return False


def _add_file(packer: Packer, path: str, file: Path) -> None:
    with file.open("rb") as source:
        packer.add(path, source, file.stat().st_size)


def check(backup: Path, secret: Secret, work: Path) -> None:
    """Read all of it; open its database and its record in the new folder `work`.

    Raises:
        RecordError: it is not what was written.
    """
    work.mkdir(mode=0o700)
    try:
        about = unpack(backup, secret, lambda path: work / path if path.startswith(("database/", RECORD)) else None)
        snapshot.check(work / "database")
        with Log.open(work / "record", None, writable=False) as log:
            if log.size != about["entries"] or log.origin != about["origin"]:
                raise RecordError(f"{backup}: expected {about['entries']} entries, found {log.size}", code="bad-backup")
    finally:
        shutil.rmtree(work, ignore_errors=True)
