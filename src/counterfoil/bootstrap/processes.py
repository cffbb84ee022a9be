"""The processes of a running server: started together, watched, started again when one dies, ended together.

* A part is a command of its own (`counterfoil web`, `counterfoil worker`), a new program: nothing is shared.
* A part that ends by itself is started again after one second, then two, four, up to a minute: what it was doing is
  taken up from rows and record.
* When this process ends, however it ends, the kernel tells each part to end (`die_with_parent`).
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

PARENT = "COUNTERFOIL_PARENT"
"""Process id of the supervisor, for its parts."""
_PR_SET_PDEATHSIG = 1
_LEAST_S, _MOST_S, _HEALTHY_S = 1.0, 60.0, 10.0
"""Between two starts of a part that keeps ending; one that ran for a while starts again at once."""
_GRACE_S = 20.0
"""How long a part may take to end in order before it is killed; any moment is a safe one."""

log = logging.getLogger("counterfoil")


def die_with_parent() -> None:
    """In a part, before anything else: be told to end when the supervisor is gone. Without a supervisor: nothing."""
    parent = os.environ.pop(PARENT, None)
    if parent is None:
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):  # it died before we asked
        sys.exit(0)


class Supervisor:
    """Keeps one process for each of `parts` running until `stop` is called or a signal says so.

    Args:
        parts: name -> arguments of `counterfoil`.
        environment: added to this process's.
        answers: whether the parts serve already; `ready` is called once when they do.
    """

    def __init__(
        self,
        parts: Mapping[str, Sequence[str]],
        environment: Mapping[str, str],
        *,
        answers: Callable[[], bool] = lambda: True,
        ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._parts = dict(parts)
        self._environment = {**os.environ, **environment, PARENT: str(os.getpid())}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._since: dict[str, float] = {}
        self._due: dict[str, float] = {}
        self._wait_s: dict[str, float] = {}
        self._stopping = threading.Event()
        self._answers, self._ready, self._told = answers, ready, False

    def run(self) -> None:
        """Until SIGTERM, SIGINT or `stop`. To be called in the main thread: the parts end with it."""
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            while not self._stopping.is_set():
                self._look()
                if not self._told and self._answers():
                    self._told = True
                    self._ready()
                self._stopping.wait(0.2)
        finally:
            self._end_all()
            for number, handler in before.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        """End all parts; safe from any thread."""
        self._stopping.set()

    @property
    def pids(self) -> dict[str, int]:
        """The running parts."""
        return {name: process.pid for name, process in self._running.items() if process.poll() is None}

    def _on_signal(self, number: int, frame: object) -> None:
        self._stopping.set()

    def _look(self) -> None:
        for name, words in self._parts.items():
            process = self._running.get(name)
            if process is not None and process.poll() is None:
                continue
            now = time.monotonic()
            if process is not None and name not in self._due:
                lived = now - self._since[name]
                wait = _LEAST_S if lived > _HEALTHY_S else min(_MOST_S, 2 * self._wait_s.get(name, _LEAST_S / 2))
                self._wait_s[name], self._due[name] = wait, now + wait
                log.warning("%s ended with %s; it is started again in %d s", name, process.returncode, wait)
            if self._due.get(name, now) > now:
                continue
            self._due.pop(name, None)
            self._since[name] = now
            command = [sys.executable, "-m", "counterfoil", *words]
            self._running[name] = subprocess.Popen(command, env=self._environment)  # noqa: S603 - our own program

    def _end_all(self) -> None:
        for process in self._running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        limit = time.monotonic() + _GRACE_S
        for process in self._running.values():
            try:
                process.wait(max(0.0, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
