"""One server process of a test: started through the keeper, waited for, signalled by its own pid, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_KEEPER = Path(__file__).with_name("keeper.py")
_WAIT_S = 180
"""Far more than any start or stop takes; only a hanging server meets it."""


class ServerError(Exception):
    """A server did not start or end; the message has the end of its log."""


class ServerProcess:
    """A running server. `pid` is the server's own."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        stop: signal.Signals = signal.SIGTERM,
        user: str | None = None,
        remove: Path | None = None,
    ) -> None:
        """Start `command`.

        Args:
            log: the file that its output is added to.
            stop: the signal that ends it in order.
            user: run as this user; only root can.
            remove: deleted when this process dies without having ended the server.
        """
        self.log, self._stop = log, stop
        arguments = [str(int(stop)), user or "-", str(remove or "-"), str(log), *map(str, command)]
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_KEEPER), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert self._keeper.stdout is not None
        line = self._keeper.stdout.readline()
        if not line:
            raise ServerError(f"expected a server to start, its keeper ended: {arguments}")
        self.pid = int(line)

    @property
    def running(self) -> bool:
        return self._keeper.poll() is None

    def until(self, ready: Callable[[], bool], what: str) -> None:
        """Wait until `ready`.

        Raises:
            ServerError: the server ended, or three minutes went by.
        """
        limit = time.monotonic() + _WAIT_S
        while not ready():
            if not self.running or time.monotonic() > limit:
                self.end()
                raise ServerError(f"expected {what}, found none; the end of {self.log}:\n{self.tail()}")
            time.sleep(0.02)

    def tail(self) -> str:
        return self.log.read_text("utf-8", "replace")[-4000:]

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the server itself."""
        os.kill(self.pid, number)

    def wait(self) -> None:
        """Until the server has ended.

        Raises:
            ServerError: it runs on.
        """
        try:
            self._keeper.wait(_WAIT_S)
        except subprocess.TimeoutExpired:
            raise ServerError(f"expected the server {self.pid} to end, it runs on:\n{self.tail()}") from None
        for pipe in (self._keeper.stdin, self._keeper.stdout):
            if pipe is not None:
                pipe.close()

    def end(self, number: signal.Signals | None = None) -> None:
        """Signal it (by default so that it ends in order) and wait; one that has ended already is left alone."""
        if self.running:
            self.send(number or self._stop)
        self.wait()


def children(pid: int) -> list[int]:
    """The processes that `pid` started and that still run."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text("ascii").split()] if listed.exists() else []
