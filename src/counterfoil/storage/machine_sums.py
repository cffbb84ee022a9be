"""The machine-only tally of each contest, kept up to date: a look parses only the stations whose rows changed.

Of each station a mark is kept, a hash over what decides its answer (which copies it has, by whom and for which page
each was read), and what the station adds. A look goes once over these few columns of all rows; readings themselves,
which are long, are fetched for the stations whose mark is new. The answer is what adding all up anew would give.

With 30,000 copies of 15,000 stations the first look took 5.5 s of processor time, the next 0.16 s. What is kept (a few
hundred bytes a station) lies in the process that was asked, and is made anew there when the definition changes.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Iterable, Iterator

from counterfoil.election.definition import Contest, Election
from counterfoil.storage import machine
from counterfoil.workflow.machine import MachineRead
from counterfoil.workflow.machine_tally import MachineTally, Sums, Told, told_of

_TOGETHER = 500
"""Stations asked for in one query."""


class _Kept:
    """Of one contest."""

    def __init__(self, contest: Contest, election: Election) -> None:
        self.contest, self.election = contest, election
        self.sums = Sums(contest)
        self.stations: dict[str, tuple[bytes, Told]] = {}

    def look(self) -> MachineTally:
        changed, gone = [], set(self.stations)
        for station, mark in _marks(machine.short_rows(self.contest.id)):
            gone.discard(station)
            known = self.stations.get(station)
            if known is None or known[0] != mark:
                changed.append(station)
        for station in gone:
            self.sums.add(self.stations.pop(station)[1], -1)
        for start in range(0, len(changed), _TOGETHER):
            self._again(changed[start : start + _TOGETHER])
        return self.sums.result()

    def _again(self, stations: list[str]) -> None:
        rows = machine.long_rows(self.contest.id, self.election, stations)
        found: dict[str, list[tuple[tuple[str, str, str, int], MachineRead | None]]] = {}
        for row, read in rows:
            found.setdefault(row[0], []).append((row, read))
        for station in stations:
            known = self.stations.pop(station, None)
            if known is not None:
                self.sums.add(known[1], -1)
            # the mark is of the rows that were parsed, not of those seen a moment ago: what changed between counts next
            for _, mark in _marks(row for row, _ in found.get(station, [])):
                told = told_of((read for _, read in found[station] if read is not None), self.contest)
                self.stations[station] = (mark, told)
                self.sums.add(told)


class MachineSums:
    """Of all contests of one process; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def of(self, contest: Contest, election: Election) -> MachineTally:
        """The tally as it is now."""
        with self._lock:
            kept = self._kept.get(contest.id)
            if kept is None or kept.election is not election:
                kept = self._kept[contest.id] = _Kept(contest, election)
            try:
                return kept.look()
            except BaseException:
                del self._kept[contest.id]  # half of a look may have been added
                raise


def _marks(rows: Iterable[tuple[str, str, str, int]]) -> Iterator[tuple[str, bytes]]:
    """Each station of rows (station, copy, read by, page) in the order of stations, with its mark."""
    for station, own in itertools.groupby(rows, key=lambda row: row[0]):
        mark = hashlib.blake2b(digest_size=16)
        for row in own:
            mark.update("\0".join(map(str, row[1:])).encode() + b"\n")
        yield station, mark.digest()
