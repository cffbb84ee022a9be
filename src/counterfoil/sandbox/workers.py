"""`Pool`: jailed workers that stay, lent to one caller at a time; started when they are needed, replaced when they end.

* Thread-safe: `workers` callers at once, `waiting` more in line, and a named refusal (`busy`) beyond that.
* A jail that was strong a minute ago is never replaced by a weaker one in silence.
* After a fork (web servers do that) the child process starts workers of its own.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from counterfoil.sandbox import launch
from counterfoil.sandbox.refusals import SandboxBusy, SandboxUnavailable


class Pool:
    """Workers of one kind. Subclasses say how one is started (`_launch`).

    Args:
        workers: how many at the same time; about one per core.
        waiting: callers that may wait in line for a worker; one more is refused as `busy`.
        bubblewrap: False never tries bubblewrap (for tests, and machines where it must not be used).
    """

    def __init__(self, workers: int, waiting: int, *, bubblewrap: bool) -> None:
        self._workers, self._waiting = workers, waiting
        self._bubblewrap = bubblewrap
        self._fresh()
        _ALL.add(self)

    def _launch(self, *, bubblewrap: bool) -> launch.Worker:
        return launch.start(bubblewrap=bubblewrap)

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

    def close(self) -> None:
        """Ends all idle workers; work under way ends with a refusal of its own."""
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

    @contextmanager
    def _place(self) -> Iterator[None]:
        """A place before the workers, for as long as the caller is inside. Raises SandboxBusy."""
        with self._lock:
            if self._inside >= self._workers + self._waiting:
                seconds = max(1, round(self._inside / self._workers / 4))
                raise SandboxBusy(self._waiting, min(seconds, 30))
            self._inside += 1
        try:
            with self._free:
                yield
        finally:
            with self._lock:
                self._inside -= 1

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
                worker = self._launch(bubblewrap=True)
            except SandboxUnavailable:
                if self._level is not None:
                    raise  # it worked a minute ago: a weaker jail must not take its place in silence
            else:
                self._level = worker.level
                return worker
        worker = self._launch(bubblewrap=False)
        self._level = worker.level
        return worker

    def _give_back(self, worker: launch.Worker) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(worker)
                return
        worker.end()


def _forked() -> None:
    for pool in list(_ALL):
        pool._after_fork()


_ALL: weakref.WeakSet[Pool] = weakref.WeakSet()
os.register_at_fork(after_in_child=_forked)
