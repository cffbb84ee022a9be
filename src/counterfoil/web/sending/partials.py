"""Partial uploads: in memory, for 30 minutes, capped, gone with the server. A disk never sees them.

One process keeps them in its own memory. Several web processes share a folder that lies in memory, if the kernel says
that it does (`tmpfs`); without one each keeps its own, and an upload that meets another process begins again.

Rules: an upload is read and written by one request at a time. Whoever has its address (128 random bits) may go on with
it. One that is done keeps its outcome until it expires, so that an answer that was lost on the way can be asked for
again, and the photo is not sent twice.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from counterfoil.workflow.sending import NotNow
from counterfoil.workflow.tus import LIFE_S

MAX_UPLOADS = 400
MAX_BYTES = 1_000_000_000
"""Of all partial uploads together, counted by their full length."""


class Busy(Exception):  # noqa: N818 - a state, not a mistake
    """Another request works on this upload at this moment."""


@dataclass
class Upload:
    """One upload. `outcome` None: not finished; else what the client is told."""

    length: int
    metadata: Mapping[str, str]
    expires: float
    data: bytearray = field(default_factory=bytearray)
    outcome: dict[str, Any] | None = None

    @property
    def offset(self) -> int:
        return self.length if self.outcome is not None else len(self.data)


class Partials(Protocol):
    """Where partial uploads lie."""

    def create(self, length: int, metadata: Mapping[str, str]) -> tuple[str, float]:
        """A new upload: its key and when it expires. Raises NotNow where there is no room."""

    def opened(self, key: str) -> Any:
        """A context manager: the upload, or None if there is none; what is changed in it is kept. Raises Busy."""

    def drop(self, key: str) -> None:
        """Forget it."""


def _full() -> NotNow:
    return NotNow(
        "not received: too many photos are coming in at this moment; keep the photo and send it again later",
        code="busy",
        retry_after_s=60,
    )


class InMemory:
    """In this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uploads: dict[str, tuple[Upload, threading.Lock]] = {}

    def create(self, length: int, metadata: Mapping[str, str]) -> tuple[str, float]:
        with self._lock:
            now = time.time()
            self._uploads = {key: kept for key, kept in self._uploads.items() if kept[0].expires > now}
            taken = sum(upload.length for upload, _ in self._uploads.values() if upload.outcome is None)
            if len(self._uploads) >= MAX_UPLOADS or taken + length > MAX_BYTES:
                raise _full()
            key = secrets.token_hex(16)
            upload = Upload(length, metadata, now + LIFE_S)
            self._uploads[key] = (upload, threading.Lock())
            return key, upload.expires

    @contextmanager
    def opened(self, key: str) -> Iterator[Upload | None]:
        with self._lock:
            kept = self._uploads.get(key)
        if kept is None or kept[0].expires <= time.time():
            yield None
            return
        upload, lock = kept
        if not lock.acquire(blocking=False):
            raise Busy
        try:
            yield upload
        finally:
            lock.release()

    def drop(self, key: str) -> None:
        with self._lock:
            self._uploads.pop(key, None)


class InSharedMemory:
    """In a tmpfs folder: one folder for each upload, with its bytes and what is known of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, length: int, metadata: Mapping[str, str]) -> tuple[str, float]:
        now = time.time()
        taken = count = 0
        for path in self._folder.iterdir():
            known = _known(path)
            if known is not None and known["expires"] <= now:
                shutil.rmtree(path, ignore_errors=True)
            elif known is not None:
                count += 1
                taken += 0 if known["outcome"] is not None else known["length"]
        if count >= MAX_UPLOADS or taken + length > MAX_BYTES:
            raise _full()
        key = secrets.token_hex(16)
        upload = Upload(length, metadata, now + LIFE_S)
        path = self._folder / key
        path.mkdir(mode=0o700)
        (path / "data").touch(mode=0o600)
        _keep(path, upload)
        return key, upload.expires

    @contextmanager
    def opened(self, key: str) -> Iterator[Upload | None]:
        path = self._folder / key
        known = _known(path)
        if known is None or known["expires"] <= time.time():
            yield None
            return
        with (path / "data").open("r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy from None
            known = _known(path) or known
            upload = Upload(
                known["length"], known["metadata"], known["expires"], bytearray(file.read()), known["outcome"]
            )
            before = len(upload.data)
            try:
                yield upload
            finally:
                file.seek(min(before, len(upload.data)))
                file.write(upload.data[before:])
                file.truncate(len(upload.data))
                if upload.outcome is not None:
                    _keep(path, upload)

    def drop(self, key: str) -> None:
        shutil.rmtree(self._folder / key, ignore_errors=True)


def _known(path: Path) -> dict[str, Any] | None:
    with suppress(FileNotFoundError, NotADirectoryError, ValueError):
        found: dict[str, Any] = json.loads((path / "known").read_bytes())
        return found
    return None


def _keep(path: Path, upload: Upload) -> None:
    known = {
        "length": upload.length,
        "metadata": dict(upload.metadata),
        "expires": upload.expires,
        "outcome": upload.outcome,
    }
    staged = path / f"known.{os.getpid()}.{threading.get_ident()}"
    staged.write_text(json.dumps(known), "utf-8")
    staged.rename(path / "known")
