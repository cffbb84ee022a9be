"""Which copy comes first: an early sample spread over the territory, then what the law and the result need soonest.

Rules:

* 0: the early sample: stations whose rank (a hash of their code) is among the first `SAMPLE_IN_A_HUNDRED`, one copy of
  each page. Whoever publishes at 5 % shows a mixed 5 %.
* 1: other stations without an agreed copy of that page: by legal deadline, then the larger register first.
* 2: further copies of pages that are agreed already.
* Beyond the early sample, what the machine could not read comes before what it has not looked at, and that before what
  it could: people are needed most where nothing else has looked. (The sample stays as it was drawn.)
* Within one station in the order of pages. What somebody has already begun comes before what nobody has seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

SPREAD_MOST = 2**24
SAMPLE_IN_A_HUNDRED = 5
_NO_DEADLINE = 99_999
_EPOCH = date(2020, 1, 1).toordinal()
_EFFECT = 100_000_000
_PAGES = 100
_LATER = {"decide": 0, "place": 1, "third": 2, "read": 3, "identify": 4}


@dataclass(frozen=True, slots=True)
class Urgency:
    """What is known of a station. `spread`: its rank below `SPREAD_MOST`; `deadline`: ISO date or ""."""

    spread: int = SPREAD_MOST - 1
    deadline: str = ""
    registered: int | None = None


def priority(urgency: Urgency, *, kind: str, page: int, answered: bool, begun: bool, machine: int = 1) -> int:
    """Small comes first; at most 18 digits.

    Args:
        answered: another copy of this page of this station is agreed.
        begun: somebody has read this copy.
        machine: `workflow.machine.rank`, 0 to 2.
    """
    early = urgency.spread * 100 < SPREAD_MOST * SAMPLE_IN_A_HUNDRED
    tier = 2 if answered else 0 if early else 1
    deadline = _days(urgency.deadline)
    effect = urgency.spread if tier == 0 else _EFFECT - 1 - min(urgency.registered or 0, _EFFECT - 1)
    looked = 0 if tier == 0 else machine
    place = (((tier * 2 + (0 if begun else 1)) * 100_000 + deadline) * 10 + looked) * _EFFECT + effect
    return (place * _PAGES + min(page, _PAGES - 1)) * 10 + _LATER[kind]


def _days(deadline: str) -> int:
    try:
        return min(max(date.fromisoformat(deadline[:10]).toordinal() - _EPOCH, 0), _NO_DEADLINE)
    except ValueError:
        return _NO_DEADLINE
