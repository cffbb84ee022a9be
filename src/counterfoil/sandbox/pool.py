"""`Sandbox`: hands files to jailed workers and takes pixels back; the only door for strangers' pictures.

* This process never looks into a file: it copies the bytes into a memory file, and reads numbers and pixels.
* What comes back is held to the limits again: sides, exact length, nothing after the end. A jail that breaks them is
  killed, whatever it meant.
* Thread-safe: `workers` files at once, `waiting` more in line, and a named refusal (`busy`) beyond that.
* A worker that dies, hangs or is killed costs its caller a refusal and everybody else nothing: a new one is started.
* After a fork (web servers do that) the child process starts workers of its own.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from counterfoil.sandbox import launch
from counterfoil.sandbox.answer import Pixels, hand_over
from counterfoil.sandbox.jail.codes import MAX_FILE_BYTES, MAX_PAGES, Code
from counterfoil.sandbox.refusals import FileRefused, SandboxBusy, SandboxStopped, SandboxUnavailable

STRANGER_WALL_S = 20.0
DOCUMENT_FACTOR = 3


class Sandbox:
    """A pool of jailed decoders.

    Args:
        workers: files decoded at the same time; about one per core. Each may use 1.5 GB at worst.
        waiting: callers that may wait in line for a worker; one more is refused as `busy`.
        bubblewrap: False never tries bubblewrap (for tests, and machines where it must not be used).
        wall_s: seconds one photo may take; a document may take three times as long.

    Raises:
        SandboxUnavailable: by the first file or by `level`, where no jail can be started.
    """

    def __init__(
        self, workers: int = 2, waiting: int = 8, *, bubblewrap: bool = True, wall_s: float = STRANGER_WALL_S
    ) -> None:
        self._workers, self._waiting, self._wall_s = workers, waiting, wall_s
        self._bubblewrap = bubblewrap
        self._fresh()
        _ALL.add(self)

    def _fresh(self) -> None:
        self._lock = threading.Lock()
        self._free = threading.Semaphore(self._workers)
        self._inside = 0
        self._idle: list[launch.Worker] = []
        self._level: launch.Level | None = None
        self._closed = False
        # Workers die with the thread that started them (PR_SET_PDEATHSIG), so one thread that stays starts them all.
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox")

    @property
    def level(self) -> launch.Level:
        """How strong the jail is; starts a worker if none has been started yet."""
        if self._level is None:
            self._give_back(self._take())
        assert self._level is not None  # noqa: S101 - set by every worker that started
        return self._level

    def pictures(self, data: bytes, *, documents: bool = False) -> Iterator[Pixels]:
        """The picture in `data`, or with `documents` the pages of a PDF or TIFF, one after the other.

        Holds a worker until the last page is taken or the iterator is closed.

        Raises:
            FileRefused: this file is not taken, `code` says why; pages already given out must then be thrown away.
            SandboxBusy, SandboxStopped, SandboxUnavailable: the file may be fine; try again later.
        """
        if not data:
            raise FileRefused(Code.EMPTY)
        if len(data) > MAX_FILE_BYTES:
            raise FileRefused(Code.FILE_TOO_LARGE)
        self._enter()
        try:
            with self._free:
                yield from self._decoded(data, documents)
        finally:
            with self._lock:
                self._inside -= 1

    def close(self) -> None:
        """Ends all idle workers; files under way end with a refusal of their own."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()
        self._starter.shutdown(wait=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _after_fork(self) -> None:
        for worker in self._idle:
            worker.channel.close()  # the parent process's worker; it must see its end by the parent alone
        self._fresh()

    def _enter(self) -> None:
        with self._lock:
            if self._inside >= self._workers + self._waiting:
                seconds = max(1, round(self._inside / self._workers / 4))
                raise SandboxBusy(self._waiting, min(seconds, 30))
            self._inside += 1

    def _take(self) -> launch.Worker:
        with self._lock:
            if self._closed:
                raise SandboxUnavailable("it has been closed")
            while self._idle:
                worker = self._idle.pop()
                if worker.process.poll() is None:
                    return worker
                worker.end()
        return self._starter.submit(self._start).result()

    def _start(self) -> launch.Worker:
        """Runs in the thread that stays. The first start decides between bubblewrap and our own measures."""
        if self._bubblewrap and (self._level is None or self._level.name == "bubblewrap"):
            try:
                worker = launch.start(bubblewrap=True)
            except SandboxUnavailable:
                if self._level is not None:
                    raise  # it worked a minute ago: a weaker jail must not take its place in silence
            else:
                self._level = worker.level
                return worker
        worker = launch.start(bubblewrap=False)
        self._level = worker.level
        return worker

    def _give_back(self, worker: launch.Worker) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(worker)
                return
        worker.end()

    def _decoded(self, data: bytes, documents: bool) -> Iterator[Pixels]:
        deadline = time.monotonic() + self._wall_s * (DOCUMENT_FACTOR if documents else 1)
        for last in (False, True):
            worker = self._take()
            begun = whole = False
            try:
                with hand_over(worker, data, documents=documents, deadline=deadline) as answer:
                    for _ in range(MAX_PAGES + 1):
                        pixels = answer.next()
                        if pixels is None:
                            whole = True
                            return
                        begun = True
                        yield pixels
                raise SandboxStopped("expected at most 20 pages from the decoder, found more", "decoder-broke-rules")
            except FileRefused:
                whole = True
                raise
            except SandboxStopped:
                # A worker that is gone was killed from outside (a file only ends its child): once more, with another.
                if last or begun or not worker.gone():
                    raise
            finally:
                if whole:
                    self._give_back(worker)
                else:
                    worker.end()


def _forked() -> None:
    for sandbox in list(_ALL):
        sandbox._after_fork()


_ALL: weakref.WeakSet[Sandbox] = weakref.WeakSet()
os.register_at_fork(after_in_child=_forked)
