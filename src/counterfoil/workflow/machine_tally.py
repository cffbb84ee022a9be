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
_OUTCOMES: Mapping[str, tuple[str, ...]] = {"sure": ("accept",), "likely": ("accept", "suggest")}


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


def machine_tally(rows: Iterable[tuple[str, MachineRead]], contest: Contest) -> MachineTally:
    """Adds up (station, reading) of one contest's copies."""
    options: dict[str, str] = {option.field: option.id for option in contest.options}
    stations: dict[str, dict[str, FieldRead]] = {}
    differing: set[str] = set()
    for station, read in rows:
        known = stations.setdefault(station, {})
        for name in options.keys() & read.fields.keys():
            new = read.fields[name]
            old = known.setdefault(name, new)
            if _votes(old.cell) != _votes(new.cell):
                differing.add(station)
    whole = {s: f for s, f in stations.items() if s not in differing and f.keys() == options.keys()}
    columns = {name: _column(whole, options, allowed) for name, allowed in _OUTCOMES.items()}
    return MachineTally(len(stations), len(differing), columns["sure"], columns["likely"])


def _column(
    stations: Mapping[str, Mapping[str, FieldRead]], options: Mapping[str, str], allowed: tuple[str, ...]
) -> Column:
    votes, count = dict.fromkeys(options.values(), 0), 0
    for fields in stations.values():
        numbers = {name: _votes(one.cell) for name, one in fields.items() if one.outcome in allowed}
        if len(numbers) < len(options) or any(number is None for number in numbers.values()):
            continue
        count += 1
        for name, number in numbers.items():
            votes[options[name]] += number or 0
    return Column(count, votes)


def _votes(cell: Cell) -> int | None:
    if isinstance(cell, FieldState):
        return 0 if cell in _NO_VOTES else None
    return cell
