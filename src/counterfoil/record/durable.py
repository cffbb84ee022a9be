"""Writing so that it survives `kill -9` and loss of power: temporary file, fsync, rename, fsync of the folder.

* After a failed fsync the kernel may call the same pages clean: the same file is **never** synced again. The caller
  stops; the next start writes a fresh file.
* An immutable file is never overwritten with other bytes.

Needs a POSIX system (folder fsync, flock). Reading does not import this module.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from counterfoil.primitives.errors import RecordError

_GROUP = 128
"""Files open at once while a group is written; far below any limit on open files."""


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path, mode: int = 0o755) -> None:
    """`folder` with all its parents, each name durable in its own parent."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode)
    sync_folder(folder.parent)


@contextlib.contextmanager
def fresh_file(path: Path, mode: int = 0o644) -> Iterator[BinaryIO]:
    """A new file (one left by an earlier crash is removed first); synced when the block ends without an error."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def stage_file(path: Path, data: bytes, mode: int) -> Path:
    """`data` synced in a temporary file beside `path`; a rename puts it there."""
    temporary = path.with_name(path.name + ".tmp")
    with fresh_file(temporary, mode) as file:
        file.write(data)
        os.fchmod(file.fileno(), mode)  # whatever the umask
    return temporary


def replace_file(path: Path, data: bytes, mode: int = 0o644) -> None:
    """`path` has `data`, now and after a crash; before, it has the old bytes or none."""
    stage_file(path, data, mode).replace(path)
    sync_folder(path.parent)


def check_same(path: Path, data: bytes) -> None:
    """`path` does not exist or has exactly `data`.

    Raises:
        RecordError: it has other bytes; nothing was changed.
    """
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        return
    if found != data:
        raise RecordError(
            f"{path}: expected {len(data)} bytes that never change, found {len(found)} others; "
            "the folder was changed or the disk is failing: stop, keep a copy, compare with a mirror",
            code="immutable-differs",
        )


def write_immutable(path: Path, data: bytes) -> None:
    """`path` has `data`, read-only, durable. An equal file is written afresh: an earlier sync of it may have failed.

    Raises:
        RecordError: it exists with other bytes.
    """
    check_same(path, data)
    replace_file(path, data, 0o444)


def write_immutables(folder: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """`write_immutable` for many (path below `folder`, bytes): by groups, so that the disk can work on a whole group
    between the writes and the syncs."""
    source = iter(files)
    while group := list(islice(source, _GROUP)):
        with contextlib.ExitStack() as handles:
            opened = []
            for name, data in group:
                path = folder / name
                make_folder(path.parent)
                check_same(path, data)
                temporary = path.with_name(path.name + ".tmp")
                temporary.unlink(missing_ok=True)
                handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
                file = handles.enter_context(os.fdopen(handle, "wb"))
                file.write(data)
                file.flush()
                os.fchmod(handle, 0o444)
                opened.append((handle, temporary, path))
            for handle, _, _ in opened:
                os.fsync(handle)
        for _, temporary, path in opened:
            temporary.replace(path)
        for parent in dict.fromkeys(path.parent for _, _, path in opened):
            sync_folder(parent)


class FolderLock:
    """One writer at a time; the lock goes with the process that holds it."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._handle)
            raise RecordError(
                f"{path.parent}: another process is writing to this log; wait for it or end it", code="locked"
            ) from None

    def release(self) -> None:
        os.close(self._handle)
