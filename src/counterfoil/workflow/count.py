"""The use cases around a record: count a folder, publish again, and what comes back from them.

`count` takes what is new of a folder's files into the record, then forgets the files: every figure that it gives and
publishes is computed from the record as it lies on the disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from counterfoil.election.folder import load_folder
from counterfoil.publish.assemble import Progress, publication, silent
from counterfoil.publish.model import Publication
from counterfoil.publish.site import MANIFESTS, write_site
from counterfoil.publish.summary import summary
from counterfoil.record.durable import make_folder, replace_file
from counterfoil.record.layout import RECORD, checkpoint_sizes
from counterfoil.record.reader import FolderReader, SubReader
from counterfoil.tally.results import Results
from counterfoil.workflow.holdings import Holdings, default_origin
from counterfoil.workflow.intake import News, Plan, batch_of
from counterfoil.workflow.intake import plan as plan_intake
from counterfoil.workflow.moment import moment
from counterfoil.workflow.offline import Offline


@dataclass(frozen=True)
class CountResult:
    """What a run did. `publication` is None only where a first checkpoint waits to be signed elsewhere."""

    appended: int
    """Number of new entries."""
    news: tuple[News, ...]
    publication: Publication | None
    site: Path | None
    """The folder that was published; None where none was asked for or a signature is missing."""
    waiting: tuple[Path, ...] = field(default=())
    """Files that have to be signed on the machine with the key."""

    @property
    def results(self) -> Results:
        """All figures.

        Raises:
            ValueError: there are none yet.
        """
        if self.publication is None:
            raise ValueError("the first checkpoint is not signed yet, so there is nothing to show")
        return self.publication.results

    @property
    def summary(self) -> dict[str, Any]:
        """The published `summary.json`, as plain data."""
        if self.publication is None:
            return {}
        return summary(self.publication)


def preview(folder: Path, *, now: datetime | None = None) -> Plan:
    """What `count` would append; nothing is written, not even keys.

    Raises:
        InputError: the folder can't be counted as it is.
    """
    given = load_folder(folder)
    with Holdings(folder, read_only=True) as held:
        return plan_intake(given, held.known(), held.pseudonyms, batch_of(moment(now)))


def count(
    folder: Path,
    out: Path | None = None,
    *,
    now: datetime | None = None,
    origin: str | None = None,
    vkey: str | None = None,
    confirm: Callable[[Plan], bool] = lambda plan: True,
    progress: Progress = silent,
) -> CountResult:
    """Take in what is new, count from the record, publish to `out`.

    Args:
        now: time of the batch; default SOURCE_DATE_EPOCH, else the clock.
        origin: name of the log when it is made; default `counterfoil.example/<election id>`.
        vkey: verifier key of a log whose key is on another machine.
        confirm: asked with what would be appended, before anything is written.

    Raises:
        InputError: a file is not as it must be; nothing was written.
        RecordError: the record, its key or an object is not what it must be.
        Refusal: `out` is something else than a publication of this record.
    """
    progress("read the folder", 0, 0)
    given = load_folder(folder)
    with Holdings(folder, origin=origin, default=default_origin(given.election.id), vkey=vkey) as held:
        offline = Offline(folder, held) if held.offline else None
        if offline is not None:
            offline.take_signature()
        progress("compare with the record", 0, 0)
        plan = plan_intake(given, held.known(), held.pseudonyms, batch_of(moment(now)))
        if plan.entries and confirm(plan):
            progress("append", 0, len(plan.entries))
            held.append(plan)
            appended = len(plan.entries)
        else:
            appended = 0
        return _published(held, out, appended, tuple(plan.news), progress, offline)


def publish(folder: Path, out: Path, *, progress: Progress = silent) -> CountResult:
    """Publish again from the record alone; the folder's tables are not read.

    Raises:
        InputError: the folder has no record.
        RecordError, Refusal: as `count`.
    """
    with Holdings(folder, must_exist=True) as held:
        offline = Offline(folder, held) if held.offline else None
        if offline is not None:
            offline.take_signature()
        return _published(held, out, 0, (), progress, offline)


def _published(
    held: Holdings, out: Path | None, appended: int, news: tuple[News, ...], progress: Progress, offline: Offline | None
) -> CountResult:
    folder = held.folder
    waiting = offline.pending() if offline is not None else ()
    if held.log is None or not held.log.size:
        return CountResult(appended, news, None, None, waiting)
    reader = FolderReader(folder)
    sizes = checkpoint_sizes(SubReader(reader, RECORD))
    made = publication(reader, [f"{RECORD}checkpoints/{size}" for size in sizes], progress)
    if out is None or waiting:
        return CountResult(appended, news, made, None, waiting)
    note = write_site(made, folder, out, offline.sign_manifest if offline is not None else held.sign, progress)
    if note is None:
        return CountResult(appended, news, made, None, (offline.manifest_request,) if offline is not None else ())
    kept = folder / RECORD / MANIFESTS
    make_folder(kept)
    replace_file(kept / str(made.record.size), note)
    return CountResult(appended, news, made, out, ())
