"""A backup unpacked into a new folder, and the question that must be answered before the server there signs again.

    FOLDER/server/restoring/database, pictures      wait until the database is ready (`bootstrap.restore`)
    FOLDER/server/held                              nothing is signed while this is there

Rules:

* Whoever signs on an old state signs a second history, and every reader who saw the newer one can prove it. So a folder
  that was unpacked is held until the newest publication was compared with it (`compare`), or its operator says that
  nothing newer was ever published.
* What is newer in the publication is taken from there, after it was verified with the backup's own key.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from counterfoil.primitives.errors import RecordError, Refusal
from counterfoil.record.checkpoint import open_checkpoint
from counterfoil.record.durable import fresh_file, make_folder, replace_file
from counterfoil.record.keys import LAST_SIGNED, LOG_KEY
from counterfoil.record.layout import CHECKPOINT, COPIES, OBJECTS, RECORD, VKEY, object_path
from counterfoil.record.manifest import MANIFEST
from counterfoil.record.note import Verifier
from counterfoil.record.proof import tree_root
from counterfoil.record.reader import FolderReader
from counterfoil.workflow.archive import Unpacker
from counterfoil.workflow.sealed import SealedReader, Secret
from counterfoil.workflow.verify import verify

HELD = "held"
RESTORING = "restoring"


def unpack(backup: Path, secret: Secret, place: Callable[[str], Path | None]) -> dict[str, Any]:
    """Write each member where `place` says (None: nowhere), all checked; what the backup says that it is of.

    Raises:
        RecordError: it is no whole backup, or the secret does not open it.
    """
    with backup.open("rb") as file:
        unpacker = Unpacker(cast(IO[bytes], SealedReader(file, secret)))
        for path, pieces in unpacker.members():
            target = place(path)
            if target is None:
                continue
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with fresh_file(target, 0o600) as out:
                for data in pieces:
                    out.write(data)
        return unpacker.about


def unpack_into(backup: Path, folder: Path, secret: Secret) -> dict[str, Any]:
    """The backup's folder in `folder` (new or empty), held.

    Raises:
        Refusal: something stands in `folder`.
        RecordError: as `unpack`; then `folder` is empty again.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refusal(
            f"{folder}: expected no folder or an empty one, found something; nothing was written. A folder that signed "
            "before may have signed more than the backup has: move it aside, keep its keys/log.last",
            code="not-empty",
        )
    waiting = folder / "server" / RESTORING
    make_folder(waiting, 0o700)
    make_folder(folder / "keys", 0o700)
    replace_file(folder / "server" / HELD, b"restored\n", 0o600)

    def place(path: str) -> Path:
        return waiting / path if path.startswith(("database/", "pictures/")) else folder / path

    try:
        return unpack(backup, secret, place)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def is_held(folder: Path) -> bool:
    """Whether the server of `folder` may not sign."""
    return (folder / "server" / HELD).exists()


def check_not_held(folder: Path) -> None:
    """Before anything is signed.

    Raises:
        RecordError: the folder was restored and not compared yet.
    """
    if is_held(folder):
        raise RecordError(
            f"{folder}: restored from a backup and not compared with the newest publication yet; nothing is signed. "
            "Run `counterfoil restore --compare SITE FOLDER`, or with --nothing-newer if nothing was published since",
            code="held",
        )


def release(folder: Path) -> None:
    """Let the server sign again, from the checkpoint that its record has now."""
    last = folder / "keys" / LAST_SIGNED
    if not last.exists() and (folder / "keys" / LOG_KEY).exists():
        replace_file(last, (folder / RECORD / CHECKPOINT).read_bytes(), 0o600)
    (folder / "server" / HELD).unlink(missing_ok=True)


def compare(folder: Path, site: Path) -> int:
    """Take from the publication `site` what the folder's record does not have; the number of entries that were taken.

    Raises:
        RecordError: `site` does not verify with this folder's key, or is another history.
    """
    theirs, ours = FolderReader(site), FolderReader(folder)
    verifier = Verifier(ours.read(RECORD + VKEY).decode("utf-8").strip())
    note = ours.read(RECORD + CHECKPOINT)
    newest, _ = open_checkpoint(theirs.read(RECORD + CHECKPOINT), verifier)
    mine, _ = open_checkpoint(note, verifier)
    if newest.size <= mine.size:
        if tree_root(ours, newest.size, RECORD) != newest.root:
            raise _another(site, folder)
        return 0
    if not verify(site, key=verifier.vkey, seen=note).holds:
        raise _another(site, folder)
    for path in theirs.names():
        target = _place(folder, path)
        if target is not None and not target.exists():
            make_folder(target.parent)
            replace_file(target, theirs.read(path), 0o444)
    replace_file(folder / RECORD / CHECKPOINT, theirs.read(RECORD + CHECKPOINT))
    return newest.size - mine.size


def _place(folder: Path, path: str) -> Path | None:
    """Where a file of the publication lies in the election's folder: the record, objects, released pictures."""
    if path.startswith(COPIES):
        return folder / OBJECTS / object_path(Path(path).stem)
    wanted = path.startswith((RECORD, OBJECTS)) and path not in (RECORD + CHECKPOINT, MANIFEST)
    return folder / path if wanted else None


def _another(site: Path, folder: Path) -> RecordError:
    return RecordError(
        f"{site}: expected a publication that verifies and continues the record of {folder}, found one that does not; "
        "see what `counterfoil verify` says, take another mirror, keep both",
        code="not-verified",
    )
