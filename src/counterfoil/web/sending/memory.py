"""What the sending pages remember, in memory only: budgets, the line before the decoders, tokens that were used.

Nothing here names or can name a sender, and all of it is gone when the process ends. With several web processes each
has its share of a budget; used tokens are kept where all of them see them (`Nonces`).
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from counterfoil.config.settings import Settings
from counterfoil.storage.gate import Gate
from counterfoil.web.sending.partials import InMemory, InSharedMemory, Partials
from counterfoil.web.sending.tmpfs import shared_folder
from counterfoil.workflow.sending import Bucket, NotNow


class Budget:
    """A bucket that threads share."""

    def __init__(self, per_minute: float) -> None:
        self._lock = threading.Lock()
        self._bucket = Bucket(size=max(1.0, per_minute), per_s=per_minute / 60)

    def take(self, code: str, said: str) -> None:
        """Raises NotNow when the budget is used up; `said` is the sentence for the sender."""
        with self._lock:
            self._bucket, wait = self._bucket.take(time.monotonic())
        if wait:
            raise NotNow(said, code=code, retry_after_s=max(1, round(wait + 0.5)))

    def resize(self, per_minute: float) -> None:
        """Another size from now on; what is left stays in proportion."""
        with self._lock:
            old = self._bucket
            if old.size != max(1.0, per_minute):
                size = max(1.0, per_minute)
                level = size if old.level < 0 else old.level * size / old.size
                self._bucket = Bucket(size, per_minute / 60, level, old.at)


class Nonces:
    """Which one-time tokens were used: in a folder of memory that all processes share, else in this process."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._used: dict[str, int] = {}

    def use(self, nonce: str, expires: int) -> bool:
        """Whether it was not used before; now it is."""
        if self._folder is not None:
            try:
                os.close(os.open(self._folder / f"{nonce}.{expires}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError:
                return False
            if secrets.randbelow(200) == 0:
                self._sweep()
            return True
        with self._lock:
            now = time.time()
            if len(self._used) > 10_000:
                self._used = {key: until for key, until in self._used.items() if until > now}
            if nonce in self._used:
                return False
            self._used[nonce] = expires
            return True

    def give_back(self, nonce: str, expires: int) -> None:
        """Nothing was received under it: the same form may be sent again."""
        if self._folder is not None:
            (self._folder / f"{nonce}.{expires}").unlink(missing_ok=True)
        else:
            with self._lock:
                self._used.pop(nonce, None)

    def _sweep(self) -> None:
        assert self._folder is not None  # noqa: S101 - only called with one
        now = time.time()
        for path in self._folder.iterdir():
            with suppress(ValueError):
                if int(path.name.partition(".")[2]) < now:
                    path.unlink(missing_ok=True)


@dataclass
class Memory:
    """All of it, for one server in one process."""

    gate: Gate
    nonces: Nonces
    strangers: Budget
    idle: Budget
    """Strangers who did no proof of work, while there is a flood."""
    attempts: Budget
    """Receipts that are looked up."""
    searches: Budget
    reports: Budget
    """Disputes, and figures without a photo."""
    partials: Partials
    processes: int
    pid: int = field(default_factory=os.getpid)


_lock = threading.Lock()
_kept: dict[Path, Memory] = {}


def memory(settings: Settings) -> Memory:
    """The memory of this process; made anew in a process that was forked."""
    with _lock:
        found = _kept.get(settings.folder)
        if found is None or found.pid != os.getpid():
            share = 1 / settings.processes
            folder = shared_folder(settings, "nonces") if settings.processes > 1 else None
            found = _kept[settings.folder] = Memory(
                gate=Gate(settings.sandboxes, settings.waiting_pictures),
                nonces=Nonces(folder),
                strangers=Budget(300 * share),
                idle=Budget(30 * share),
                attempts=Budget(120 * share),
                searches=Budget(3000 * share),
                reports=Budget(60 * share),
                partials=_partials(settings),
                processes=settings.processes,
            )
        return found


def _partials(settings: Settings) -> Partials:
    folder = shared_folder(settings, "uploads") if settings.processes > 1 else None
    return InMemory() if folder is None else InSharedMemory(folder)
