"""A host that only reads by machine: `counterfoil worker --only-read`. As many as are needed, beside the one that
writes.

It needs the database, the store of private pictures, and of the election's folder `objects/` and the settings: no key
of the log, no key of pseudonyms, no record. So a thief of it has what the database and the pictures hold, and can sign
nothing.
"""

from __future__ import annotations

import logging
import signal
import threading

from django.db import Error, close_old_connections, connections

from counterfoil.bootstrap.server import Server
from counterfoil.storage.said import Desk

log = logging.getLogger("counterfoil")
LOOK_EVERY_S = 1.0


class MachineHost:
    """Reads what is due until it is told to stop."""

    def __init__(self, at: Server) -> None:
        self._at = at
        self._stopping = threading.Event()

    def run(self) -> None:
        """Until SIGTERM or SIGINT. Photos under way are finished first."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        while not self._stopping.is_set():
            if not self.round():
                self._stopping.wait(LOOK_EVERY_S)
        self._at.close()

    def round(self) -> int:
        """Read for a while; how many were read."""
        try:
            close_old_connections()
            reading = self._at.reading()
            if reading is None or not reading.is_due(self._at.now()):
                return 0
            return reading.some(self.desk)
        except Error as error:  # the database is away
            log.warning("reader: the database does not answer (%s); trying again", type(error).__name__)
            for one in connections.all(initialized_only=True):
                one.close()
            return 0

    def desk(self) -> Desk:
        """What follows from a machine's reading names no person: it needs no key of pseudonyms."""
        return Desk(self._at.state(), self._at.now(), self._at.slot, b"")
