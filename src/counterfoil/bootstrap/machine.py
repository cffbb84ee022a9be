"""The machine reads: the reader of this process in its jail, the job that feeds it, and what was learned from people.

Rules:

* Intake and publication never wait for it: the job reads for a few seconds, then others have their turn; the processes
  of the reader stand behind all others in the queue for the processor.
* Photos are read outside of any transaction, by threads that touch no row.
* What comes back is held to `workflow.machine.checked`. A photo that the reader fails on is tried a few times and then
  left to people.
* Where no jail can be started nothing is read, and that is said; nothing else waits for it.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from uuid import UUID

from django.db import transaction

from counterfoil.election.templates import FormTemplate, with_pictures
from counterfoil.primitives.errors import CounterfoilError
from counterfoil.reading import handed
from counterfoil.sandbox import Program, SandboxBusy, SandboxUnavailable
from counterfoil.storage import machine as rows
from counterfoil.storage import work
from counterfoil.storage.models import Copy
from counterfoil.storage.said import Desk
from counterfoil.workflow.machine import MOST_ANSWER_BYTES, MachineRead, checked, version
from counterfoil.workflow.stores import Store

log = logging.getLogger("counterfoil")
SLICE_S = 5.0
"""So long the job reads; then it is due again."""
PAUSE_S = 300.0
"""After no jail could be started."""
LOOK_AGAIN = timedelta(seconds=20)
"""Among a million copies that were all read a look takes long, and only a batch brings new ones; a copy that was moved
or a claim that ended waits so much."""
CPU_S, WALL_S = 20, 100.0
"""Of one photo. A median one takes a second; a machine with much else to do was seen to need fifteen."""
MEMORY_BYTES = 2_500_000_000
CALIBRATION = Path("reader", "calibration.json")
"""In the server's private folder: what `counterfoil reader fit` wrote."""


@dataclass
class Machine:
    """The reader with the templates of this election."""

    templates: tuple[FormTemplate, ...]
    program: Program
    digest: str

    @cached_property
    def made_by(self) -> str:
        """The reader's version, and what it was handed."""
        return f"{version(self.program.ask(b'V'))} {self.digest}"

    def read(self, picture: bytes, width: int, height: int) -> MachineRead:
        """A sanitised picture of this size, read in the jail."""
        return checked(self.program.ask(b"P" + picture), self.templates, width, height)


def make(
    templates: tuple[FormTemplate, ...], calibration: bytes | None, readers: int, program: tuple[str, ...]
) -> Machine:
    """A reader. `program`: its module, and the packages that it imports."""
    setup = handed.pack(templates, calibration)
    module, *packages = program
    jail = Program(
        module,
        packages,
        setup,
        workers=readers,
        waiting=2 * readers,
        cpu_s=CPU_S,
        wall_s=WALL_S,
        memory_bytes=MEMORY_BYTES,
        answer_bytes=MOST_ANSWER_BYTES,
    )
    return Machine(templates, jail, hashlib.sha256(setup).hexdigest()[:16])


def complete(templates: tuple[FormTemplate, ...], pictures: Store) -> tuple[FormTemplate, ...]:
    """Templates with their pictures out of the private store."""
    return tuple(with_pictures(template, pictures.get) for template in templates)


class Reading:
    """Feeds the reader, and keeps what it says."""

    def __init__(self, machine: Machine, pictures: Store, contests: Sequence[str], readers: int) -> None:
        self.machine, self._pictures, self._contests, self._readers = machine, pictures, tuple(contests), readers
        self._nothing: tuple[datetime, UUID | None] | None = None
        self._paused_until = 0.0
        self.goes_on = False
        """Whether the slice of this round ended because of the time: asking what is due begins the next round."""

    def is_due(self, now: datetime) -> bool:
        """Whether a copy waits for the machine."""
        self.goes_on = False
        if time.monotonic() < self._paused_until:
            return False
        batch = rows.newest_batch()
        if self._nothing is not None and self._nothing[1] == batch and now < self._nothing[0] + LOOK_AGAIN:
            return False
        made_by = self._made_by()
        found = made_by is not None and rows.to_read(made_by, self._contests, now).exists()
        self._nothing = None if found else (now, batch)
        return found

    def some(self, desk: Callable[[], Desk], seconds: float = SLICE_S) -> int:
        """Read copies for about so long; how many were read. `desk`: made anew for each, for time goes by."""
        made_by, done = self._made_by(), 0
        self.goes_on = False
        if made_by is None:
            return 0
        until = time.monotonic() + seconds
        asked: dict[Future[MachineRead], Copy] = {}
        with ThreadPoolExecutor(self._readers, thread_name_prefix="reading") as threads:
            while True:
                while len(asked) < self._readers + 1 and time.monotonic() < until:
                    copy = rows.claim(made_by, self._contests, desk().now)
                    if copy is None:
                        break
                    before = rows.earlier(copy, made_by)
                    asked[threads.submit(self._one, copy) if before is None else _known(before)] = copy
                if not asked:
                    self.goes_on = done > 0 and time.monotonic() >= until
                    return done
                finished, _ = wait(asked, return_when=FIRST_COMPLETED)
                for one in finished:
                    done += self._keep(asked.pop(one), one, made_by, desk())

    def _one(self, copy: Copy) -> MachineRead:
        return self.machine.read(self._pictures.get(copy.picture), copy.width, copy.height)

    def _keep(self, copy: Copy, answer: Future[MachineRead], made_by: str, desk: Desk) -> int:
        try:
            read = answer.result()
        except (SandboxUnavailable, SandboxBusy) as error:
            self._pause(error)
            rows.give_up(copy, made_by)
            return 0
        except CounterfoilError as error:
            log.warning("reader: a copy could not be read (%s)", error.code)
            rows.failed(copy, made_by, desk.now)
            return 0
        with transaction.atomic():
            if rows.keep(copy, read, made_by):
                work.refresh([copy.pk], desk)
        return 1

    def _made_by(self) -> str | None:
        try:
            return self.machine.made_by
        except CounterfoilError as error:
            self._pause(error)
            return None

    def _pause(self, error: CounterfoilError) -> None:
        self._paused_until = time.monotonic() + PAUSE_S
        log.warning("reader: nothing is read by machine for %d minutes: %s", PAUSE_S // 60, error)

    def close(self) -> None:
        """End the reader's processes."""
        self.machine.program.close()


def _known(read: MachineRead) -> Future[MachineRead]:
    found: Future[MachineRead] = Future()
    found.set_result(read)
    return found
