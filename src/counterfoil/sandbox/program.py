"""`Program`: questions to a program of ours in a jail, answered as bytes; it is named, never imported.

* The module runs in a process without network or files (see `jail.program`); it is handed `setup` once.
* Whoever waits for a page or sends a photo goes first: these processes take what is left of the machine.
* Each question is answered by a child that dies after it. An answer longer than promised, later than promised, or none
  is `SandboxStopped`; what it says is for the caller to check.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from counterfoil.sandbox import launch
from counterfoil.sandbox.answer import Pipe, give
from counterfoil.sandbox.jail.program import ANSWERED, NICE, NOT_CONFINED
from counterfoil.sandbox.refusals import SandboxStopped, SandboxUnavailable
from counterfoil.sandbox.workers import Pool

GETS_READY_S = 120.0


class Program(Pool):
    """A pool of jailed processes of one module.

    Args:
        module: its full name; it has `prepare(setup: bytes) -> Callable[[bytes], bytes]`.
        packages: what it imports beside the standard library, by the names of the top folders.
        setup: handed to `prepare`.
        workers, waiting, bubblewrap: as of `Pool`.
        cpu_s, wall_s: seconds that one question may take.
        memory_bytes: address space of each process.
        answer_bytes: an answer longer than this is none.
    """

    def __init__(
        self,
        module: str,
        packages: Iterable[str],
        setup: bytes,
        *,
        workers: int = 1,
        waiting: int = 8,
        bubblewrap: bool = True,
        cpu_s: int = 30,
        wall_s: float = 60.0,
        memory_bytes: int = 2_500_000_000,
        answer_bytes: int = 1_000_000,
    ) -> None:
        self._wall_s, self._answer_bytes = wall_s, answer_bytes
        calls = (
            "from counterfoil.sandbox.jail.program import main; "
            f"main({module!r}, jailed={{jailed}}, cpu_s={int(cpu_s)}, memory_bytes={int(memory_bytes)})"
        )
        self._packages, self._calls, self._setup = tuple(packages), calls, setup
        super().__init__(workers, waiting, bubblewrap=bubblewrap)

    def _launch(self, *, bubblewrap: bool) -> launch.Worker:
        found = launch.packages(("counterfoil", *self._packages))
        inside = launch.Inside(found, self._calls, self._setup, GETS_READY_S, NICE)
        return launch.start(bubblewrap=bubblewrap, inside=inside)

    def ask(self, question: bytes) -> bytes:
        """The answer.

        Raises:
            SandboxStopped: the program raised something, ended, took too long or said too much.
            SandboxBusy, SandboxUnavailable: the question may be fine; ask again later.
        """
        with self._place():
            deadline = time.monotonic() + self._wall_s
            for last in (False, True):
                worker, whole = self._take(), False
                try:
                    with Pipe(give(worker, question, b"Q"), deadline) as pipe:
                        said = pipe.everything(self._answer_bytes + 1)
                    whole = True
                    return _checked(said)
                except SandboxStopped:
                    # A worker that is gone was killed from outside (a question only ends its child): once more.
                    if whole or last or not worker.gone():
                        raise
                finally:
                    if whole:
                        self._give_back(worker)
                    else:
                        worker.end()
            raise AssertionError  # the loop returns or raises


def _checked(said: bytes) -> bytes:
    if not said:
        raise SandboxStopped("the program ended without an answer", "decoder-stopped")
    if said[0] == NOT_CONFINED:
        raise SandboxUnavailable("the worker could not confine itself")
    if said[0] != ANSWERED:
        raise SandboxStopped("the program failed on this question", "program-failed")
    return said[1:]
