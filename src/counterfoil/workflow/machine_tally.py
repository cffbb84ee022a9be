"""What the machine alone would add up to: for organisers, to see where to look. No count, and never published.

Rules:

* A station is in a column only with every option of the contest: *sure* where the machine accepted all of them,
  *likely* where it accepted or suggested all of them. So the options of one column are of the same stations.
* A dash, a word and an empty box are no votes here; illegible and absent keep the station out.
* Copies of one station on which the machine reads different numbers keep the station out, and are counted apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from counterfoil.election.definition import Contest
from counterfoil.primitives.cells import Cell, FieldState
from counterfoil.workflow.machine import FieldRead, MachineRead

_NO_VOTES = (FieldState.EMPTY, FieldState.STRUCK, FieldState.WORD)
_SURE, _LIKELY = ("accept",), ("accept", "suggest")


@dataclass(frozen=True, slots=True)
class Column:
    """Stations, and votes by option, of one degree of certainty."""

    stations: int
    votes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class MachineTally:
    """Of one contest. `seen`: stations of which the machine read anything; `differing`: those left out because their
    copies differ."""

    seen: int
    differing: int
    sure: Column
    likely: Column


@dataclass(frozen=True, slots=True)
class Told:
    """What the machine says of one station. `seen`: it has a reading; `votes` in the order of the contest's options,
    empty where the station is in neither column."""

    seen: bool
    differing: bool = False
    sure: bool = False
    votes: tuple[int, ...] = ()


def told_of(reads: Iterable[MachineRead], contest: Contest) -> Told:
    """Of the readings of one station's copies."""
    known: dict[str, FieldRead] = {}
    names = [option.field for option in contest.options]
    seen = False
    for read in reads:
        seen = True
        for name in set(names) & read.fields.keys():
            if _votes(known.setdefault(name, read.fields[name]).cell) != _votes(read.fields[name].cell):
                return Told(seen=True, differing=True)
    if known.keys() != set(names):
        return Told(seen)
    votes = [_votes(known[name].cell) for name in names]
    outcomes = {known[name].outcome for name in names}
    if None in votes or not outcomes <= set(_LIKELY):
        return Told(seen)
    return Told(seen, sure=outcomes <= set(_SURE), votes=tuple(vote or 0 for vote in votes))


class Sums:
    """The tally of a contest, to which stations are added and from which they are taken away again."""

    def __init__(self, contest: Contest) -> None:
        self._options = [option.id for option in contest.options]
        self._seen = self._differing = 0
        self._stations = {"sure": 0, "likely": 0}
        self._votes = {name: [0] * len(self._options) for name in self._stations}

    def add(self, told: Told, times: int = 1) -> None:
        """One station; `times` -1: take it away."""
        self._seen += times * told.seen
        self._differing += times * told.differing
        if not told.votes:
            return
        for name in ("sure", "likely") if told.sure else ("likely",):
            self._stations[name] += times
            sums = self._votes[name]
            for at, votes in enumerate(told.votes):
                sums[at] += times * votes

    def result(self) -> MachineTally:
        """As it stands."""
        sure, likely = (
            Column(self._stations[name], dict(zip(self._options, self._votes[name], strict=True)))
            for name in ("sure", "likely")
        )
        return MachineTally(self._seen, self._differing, sure, likely)


def _votes(cell: Cell) -> int | None:
    if isinstance(cell, FieldState):
        return 0 if cell in _NO_VOTES else None
    return cell
