"""What the tests of a running server need: a folder of a rehearsal, photos, the server as programs."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from counterfoil.simulate.blank import Printed
from counterfoil.simulate.drawing import draw_protocol, paper_form
from counterfoil.workflow.folder import init
from tests.servers.ports import free_port

FORM = paper_form("President", [Printed("ada", "Ada"), Printed("bob", "Bob")])
ROOT = Path(__file__).parents[3]
WAIT_S = 300
"""Far more than anything takes; only what hangs meets it."""


@cache
def photo(number: int) -> bytes:
    """A small photo, another one for each number."""
    return draw_protocol(FORM, {"ada": str(100 + number), "bob": "7"}, seed=number, width=420)


def make_election(folder: Path) -> Path:
    """The example election as a rehearsal: short batches, no copies."""
    init(folder)
    transcripts = folder / "transcripts.csv"
    transcripts.write_text(transcripts.read_text("utf-8").split("\n")[0] + "\n", "utf-8")
    (folder / "server.toml").write_text("rehearsal = true\nbatch_s = 10\n", "utf-8")
    return folder


def environment(**more: str) -> dict[str, str]:
    """This process's, without the settings of its own test election."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("COUNTERFOIL_", "DJANGO_"))}
    return {**plain, "PYTHONDONTWRITEBYTECODE": "1", **more}


def run_script(
    module: str, *arguments: object, under: tuple[str, ...] = (), settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One of the scripts of this folder as a program of its own, under a command such as strace."""
    return subprocess.run(
        [*under, sys.executable, "-m", f"tests.server.running.{module}", *map(str, arguments)],
        cwd=ROOT,
        env=environment(**(settings or {})),
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
    )


class Running:
    """`counterfoil serve` of a folder."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None, *, command: str = "serve") -> None:
        self.folder, self.port = folder, free_port()
        self.log = folder.with_name(f"{folder.name}.log")
        self._output = self.log.open("ab")
        port = ["--port", str(self.port)] if command != "worker" else []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "counterfoil", command, str(folder), *port],
            cwd=ROOT,
            env=environment(**(settings or {})),
            stdout=self._output,
            stderr=self._output,
        )

    def answers(self) -> bool:
        """Whether the web process answers."""
        try:
            return bool(self.get("/healthz") == b"ok\n")
        except OSError:
            return False

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return bytes(answer.read())

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def parts(self) -> list[int]:
        """Process ids of web and worker."""
        return children(self.process.pid)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal the supervisor and wait for it."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(WAIT_S)
        finally:
            self._output.close()


def children(pid: int) -> list[int]:
    """The processes that `pid` started and that still run."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text("ascii").split()]
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(ready: Callable[[], bool], what: str, running: Running | None = None) -> None:
    """Wait until `ready()`.

    Raises:
        AssertionError: it did not happen.
    """
    limit = time.monotonic() + WAIT_S
    while not ready():
        assert time.monotonic() < limit, f"{what}\n{running.said() if running else ''}"
        time.sleep(0.05)


@contextlib.contextmanager
def serving(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Running]:
    """A server that answers, ended afterwards."""
    running = Running(folder, settings)
    try:
        until(running.answers, "expected a server that answers", running)
        yield running
    finally:
        running.end()


def copy_of(folder: Path, to: Path) -> Path:
    """The same election once more."""
    shutil.copytree(folder, to, symlinks=True)
    return to
