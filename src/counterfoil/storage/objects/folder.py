"""A store of objects in a folder of this machine: `<2 hex>/<sha256>`, as in a publication.

* Written as `record.durable` writes: a new file, fsync, rename, fsync of the folder. After a failed sync the file is
  thrown away; the next `put` writes a new one.
* A write in progress has a name of its own in `incoming/`, so that threads and processes that store the same object
  don't meet. What a crash left there is deleted when the store is next opened: whoever still writes holds a lock on it.
* Private by default: files 0400, folders 0700, and no time of theirs is that of a sending: files and folders are dated
  1970, so that no listing and no backup tells when a picture came. (The inode's own times can't be set.)

`delete` takes the name away and syncs the folder. The disk may keep the bytes until it needs the space: encrypt it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from counterfoil.primitives.canonical import sha256_hex
from counterfoil.record.durable import fresh_file, make_folder, sync_folder
from counterfoil.record.layout import object_path
from counterfoil.record.objects import ObjectName
from counterfoil.workflow.stores import StoreError

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_BUSY = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EINTR}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}


class FolderStore:
    """Objects in `folder`, which is made when it is first needed."""

    def __init__(self, folder: Path, *, public: bool = False) -> None:
        """Open the store and delete what crashed writers left.

        Args:
            public: files are readable by everybody (a web server of another user serves them).
        """
        self.folder, self._incoming = folder, folder / "incoming"
        self._file_mode, self._folder_mode = (0o444, 0o755) if public else (0o400, 0o700)
        self._public = public
        self._made: set[Path] = set()
        with self._failing("open"):
            self._sweep()

    def _sweep(self) -> None:
        with suppress(FileNotFoundError):
            for left in self._incoming.iterdir():
                with suppress(FileNotFoundError, BlockingIOError), left.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    left.unlink(missing_ok=True)

    def put(self, data: bytes) -> ObjectName:
        sha256 = sha256_hex(data)
        path = self._path(sha256)
        with self._failing("put"):
            for folder in (self.folder, self._incoming, path.parent):
                self._make(folder)
            self._check_same(path, sha256)
            try:
                self._write(path, data)
            except FileNotFoundError:  # swept in the moment before we had the lock
                self._write(path, data)
        return {"sha256": sha256, "bytes": len(data)}

    def _make(self, folder: Path) -> None:
        """Each name is synced once by this process: one that is there already may have been made by a writer that was
        killed, or that is still, before its sync."""
        if folder not in self._made:
            make_folder(folder, self._folder_mode)
            sync_folder(folder.parent)
            self._made.add(folder)

    def _write(self, path: Path, data: bytes) -> None:
        staged = self._incoming / uuid.uuid4().hex
        with ExitStack() as lock:
            try:
                with fresh_file(staged, 0o600) as file:
                    lock.callback(os.close, os.dup(file.fileno()))  # held until it has its name
                    fcntl.flock(file, fcntl.LOCK_EX)
                    file.write(data)
                    file.flush()  # nothing is written after the date
                    os.fchmod(file.fileno(), self._file_mode)
                    self._undate(file.fileno())
                staged.rename(path)
                self._undate(path.parent, self._incoming)
            except BaseException:
                with suppress(OSError):
                    staged.unlink(missing_ok=True)
                raise
        sync_folder(path.parent)

    def _undate(self, *written: Path | int) -> None:
        if not self._public:
            for one in written:
                os.utime(one, (0, 0))

    def _check_same(self, path: Path, sha256: str) -> None:
        with suppress(FileNotFoundError):
            self._checked(path, sha256)

    def _checked(self, path: Path, sha256: str) -> bytes:
        data = path.read_bytes()
        if (found := sha256_hex(data)) != sha256:
            raise StoreError(
                f"{path}: expected SHA-256 {sha256}, found {found}; the file was changed or the disk is failing: stop, "
                "keep a copy, restore it from a backup",
                code="object-differs",
                passing=False,
            )
        return data

    def get(self, sha256: str) -> bytes:
        path = self._path(sha256)
        with self._failing("get"):
            try:
                return self._checked(path, sha256)
            except FileNotFoundError:
                raise missing(str(path)) from None

    def has(self, sha256: str) -> bool:
        path = self._path(sha256)
        with self._failing("has"):
            try:
                path.stat()
            except FileNotFoundError:
                return False
            return True

    def delete(self, sha256: str) -> None:
        path = self._path(sha256)
        with self._failing("delete"), suppress(FileNotFoundError):
            path.unlink(missing_ok=True)
            self._undate(path.parent)
            sync_folder(path.parent)  # also if it was gone: an earlier delete may have been cut off before its sync

    def names(self) -> Iterator[str]:
        with self._failing("names"):
            try:
                folders = sorted(item.name for item in self.folder.iterdir() if len(item.name) == 2)
            except FileNotFoundError:
                return
            for folder in folders:
                yield from sorted(
                    item.name
                    for item in (self.folder / folder).iterdir()
                    if _SHA256.fullmatch(item.name) and item.name.startswith(folder)
                )

    def _path(self, sha256: str) -> Path:
        return self.folder / object_path(sha256)

    @contextmanager
    def _failing(self, doing: str) -> Iterator[None]:
        """The system's errors as sentences; the paths in them are of the store, never of a sender."""
        try:
            yield
        except OSError as error:
            said = f"{self.folder}: {doing}: {os.strerror(error.errno or 0)}"
            if error.errno in _FULL:
                raise StoreError(f"{said}; make space", code="store-full", passing=True) from error
            if error.errno in _BUSY:
                raise StoreError(f"{said}; try again", code="store-busy", passing=True) from error
            if error.errno in _REFUSED:
                raise StoreError(
                    f"{said}; give the server's user the right to write there", code="store-refused", passing=False
                ) from error
            raise StoreError(
                f"{said}; look at the disk and the system's log", code="disk-failing", passing=False
            ) from error


def missing(where: str) -> StoreError:
    return StoreError(f"{where}: expected this object, found none", code="missing-object", passing=False)
