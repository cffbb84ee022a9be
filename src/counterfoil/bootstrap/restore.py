"""A restored folder becomes a server again: its database, its pictures, and a record that nobody has seen newer.

What was unpacked and what must not be signed: `workflow.restore`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management import call_command

from counterfoil.bootstrap.jobs import desk_of, only_writer
from counterfoil.bootstrap.server import Server, server
from counterfoil.primitives.errors import RecordError
from counterfoil.storage import adopting, mirror, snapshot, work
from counterfoil.storage.models import Arrival, Copy, Head
from counterfoil.workflow.restore import RESTORING, compare, is_held, release


@dataclass(frozen=True, slots=True)
class Restored:
    """`taken`: entries that the publication had and the backup had not. `held`: nothing is signed until compared."""

    entries: int
    taken: int
    held: bool


def put_back(about: dict[str, Any]) -> Server:
    """Database and pictures of an unpacked backup, into a new database.

    Raises:
        RecordError: the backup is of another version of the program, or of another kind of database.
    """
    call_command("migrate", interactive=False, verbosity=0)
    if snapshot.migrations() != about["migrations"]:
        raise RecordError(
            "expected a backup that this version of the program wrote, found one with other tables; restore with the "
            "version that wrote it, then update",
            code="other-version",
        )
    at = server()
    waiting = at.settings.private / RESTORING
    snapshot.put_back(waiting / "database")
    for name in Arrival.objects.exclude(picture="").values_list("picture", flat=True):
        _put(waiting, name, at.intake)
    for name in Copy.objects.exclude(picture="").values_list("picture", flat=True):
        _put(waiting, name, at.pictures)
    shutil.rmtree(waiting)
    return at


def _put(waiting: Path, name: str, store: Any) -> None:
    path = waiting / "pictures" / name
    if path.exists():  # else it was purged while the backup was made
        store.put(path.read_bytes())


def settle(at: Server, site: Path | None, *, nothing_newer: bool) -> Restored:
    """Compare with the publication `site`, take what is newer there, and let the server sign again.

    Args:
        nothing_newer: the operator says that nothing was published after the backup; `site` is not needed.

    Raises:
        RecordError: `site` is another history, or database and record don't belong together.
    """
    taken = 0
    if site is not None:
        taken = compare(at.settings.folder, site)
    adopt(at)
    if site is not None or nothing_newer:
        release(at.settings.folder)
    return Restored(Head.objects.get(pk=1).size, taken, is_held(at.settings.folder))


def adopt(at: Server) -> int:
    """Bring the work state up to the record; the number of entries that it had not seen.

    Raises:
        Busy: the worker runs.
        RecordError: the record does not continue what the database saw.
    """
    with only_writer(at), at.log(read_only=True) as log:
        new = adopting.catch_up(log, at.intake, at.pictures, lambda copies: work.sealed(copies, at.election, at.slot))
    mirror.mirror_tables(at.state())
    if new:
        work.rebuild(desk_of(at))
    return new
