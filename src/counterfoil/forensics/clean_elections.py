"""Clean elections on the stations of a real one, and anomalies planted in them.

* Clean, `stations`: every station keeps its turnout and share, moved on the logit scale by a normal draw of 0.05
  (over-dispersion), and is counted binomially.
* Clean, `regions`: every area has its own middle and spread of turnout and of share (median and 1.4826 x median
  deviation on the logit scale, independent of each other); stations are drawn anew. A mixture of regions.
* Clean, `rounded-lists`: as `stations`, on voters' lists of which three in ten are rounded to tens and one in twenty
  to hundreds.
* Planted in a part of the stations drawn at random: `rounded` (turnout and share set to whole percentages), `stuffed`
  (up to half of those who stayed at home counted for the leader), `moved` (up to half of the others' votes counted for
  the leader), `invented-digits` (last digits of the leader's votes as people make them up), `swapped` (the leader's and
  the runner-up's votes entered in each other's place).
* Of the other options only the runner-up is drawn, by its part of what the leader leaves, in the same way as share.

Leaves out all further options: no calibrated test looks at them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from counterfoil.forensics.arrays import Floats, Ints
from counterfoil.forensics.stations import Stations
from counterfoil.primitives.errors import InputError

CLEAN = ("stations", "regions", "rounded-lists")
PLANTED = ("rounded", "stuffed", "moved", "invented-digits", "swapped")
JITTER = 0.05
"""Over-dispersion on the logit scale; the one under which the z of integer percentages was shown to be standard."""
TENS, HUNDREDS = 0.3, 0.05
"""Parts of the voters' lists that are rounded; a heavy habit."""
MADE_UP = np.array([0.05, 0.12, 0.13, 0.13, 0.11, 0.06, 0.11, 0.13, 0.10, 0.06])
"""Last digits 0..9 as people invent them: 0 and 5 avoided, 3 and 7 preferred (after Beber and Scacco 2012)."""
HALF = 0.5


def clean_election(table: Stations, kind: str, stream: np.random.Generator) -> Stations:
    """A clean election on the same stations, of one of the kinds `CLEAN`.

    Raises:
        InputError: an unknown kind, or a table without voters and ballots.
    """
    registered, given, cast, leader = table.four()
    if kind not in CLEAN:
        raise InputError("kind", expected=" or ".join(CLEAN), found=kind)
    t = np.clip(given / np.maximum(registered, 1), 0.0, 1.0)
    s = np.clip(leader / np.maximum(cast, 1), 0.0, 1.0)
    if kind == "regions":
        t, s = _by_region(t, table, stream), _by_region(s, table, stream)
    else:
        t, s = _jittered(t, stream), _jittered(s, stream)
    if kind == "rounded-lists":
        registered = _rounded_lists(registered, stream)
    drawn = stream.binomial(registered, t).astype(np.int64)
    boxes = np.maximum(drawn - np.maximum(given - cast, 0), 0) if not table.given_is_cast else drawn
    votes = _votes(stream, boxes, s)
    second = table.runner_up
    others: dict[str, Ints] = {}
    if second is not None:
        # A stream of its own, so that the other columns do not depend on whether a runner-up is known.
        own = stream.spawn(1)[0]
        rest = np.clip(table.others[second] / np.maximum(cast - leader, 1), 0.0, 1.0)
        rest = _by_region(rest, table, own) if kind == "regions" else _jittered(rest, own)
        others[second] = _votes(own, boxes - votes, rest)
    # No calibrated test reads an earlier election, and one that nothing was drawn from would be no clean one.
    return replace(
        table,
        registered=registered,
        given=drawn,
        cast=boxes,
        leader=votes,
        others=others,
        previous=None,
        previous_registered=None,
        previous_cast=None,
    )


def _votes(stream: np.random.Generator, boxes: Ints, share: Floats) -> Ints:
    return stream.binomial(boxes, share).astype(np.int64)


def _logit(share: Floats) -> Floats:
    inside = np.clip(share, 0.001, 0.999)
    out: Floats = np.log(inside / (1.0 - inside))
    return out


def _jittered(share: Floats, stream: np.random.Generator) -> Floats:
    """Moved on the logit scale; 0 and 1 stay where they are, since no draw moves a station where everybody agreed."""
    moved = 1.0 / (1.0 + np.exp(-(_logit(share) + stream.normal(0.0, JITTER, share.size))))
    out: Floats = np.where((share > 0) & (share < 1), moved, share)
    return out


def _by_region(share: Floats, table: Stations, stream: np.random.Generator) -> Floats:
    area = table.area if table.area is not None else np.zeros(share.size, dtype=np.int64)
    scale = _logit(share)
    out = np.empty(share.size)
    for index in range(int(area.max(initial=0)) + 1):
        mine = area == index
        if mine.any():
            middle = float(np.median(scale[mine]))
            spread = 1.4826 * float(np.median(np.abs(scale[mine] - middle)))
            out[mine] = stream.normal(middle, spread, int(mine.sum()))
    moved: Floats = 1.0 / (1.0 + np.exp(-out))
    return moved


def _rounded_lists(registered: Ints, stream: np.random.Generator) -> Ints:
    habit = stream.random(registered.size)
    tens = np.maximum((registered + 5) // 10 * 10, 10)
    hundreds = np.maximum((registered + 50) // 100 * 100, 100)
    return np.where(habit < HUNDREDS, hundreds, np.where(habit < HUNDREDS + TENS, tens, registered))


def planted(table: Stations, what: str, size: float, stream: np.random.Generator) -> Stations:
    """The same election with `size` (0 to 1) of its stations changed, as the module says.

    Raises:
        InputError: an unknown anomaly, a size outside 0 to 1, nobody to swap columns with.
    """
    if what not in PLANTED:
        raise InputError("planted", expected=" or ".join(PLANTED), found=what)
    if not 0.0 <= size <= 1.0:
        raise InputError("size", expected="a part of the stations, 0 to 1", found=str(size))
    registered, given, cast, leader = table.four()
    second = table.runner_up
    changed = np.zeros(table.size, dtype=np.bool_)
    changed[stream.permutation(table.size)[: round(size * table.size)]] = True
    changed &= (cast > 0) & (given <= registered) & (leader <= cast)
    new_given, new_cast, new_leader = given.copy(), cast.copy(), leader.copy()
    part = stream.random(table.size) * HALF
    if what == "rounded":
        turnout = np.rint(100 * given / np.maximum(registered, 1))
        new_given = np.rint(registered * turnout / 100).astype(np.int64)
        new_cast = np.maximum(new_given - np.maximum(given - cast, 0), 0)
        new_leader = np.rint(new_cast * np.rint(100 * leader / np.maximum(cast, 1)) / 100).astype(np.int64)
    elif what == "stuffed":
        more = np.floor(part * np.maximum(registered - given, 0)).astype(np.int64)
        new_given, new_cast, new_leader = given + more, cast + more, leader + more
    elif what == "moved":
        new_leader = leader + np.floor(part * np.maximum(cast - leader, 0)).astype(np.int64)
    elif what == "swapped":
        if second is None:
            raise InputError("others", expected="a runner-up to change places with", found="none")
        new_leader = table.others[second].copy()
    else:
        digits = stream.choice(10, table.size, p=MADE_UP / MADE_UP.sum())
        new_leader = np.minimum(leader - leader % 10 + digits, cast)
    others = dict(table.others)
    if second is not None:
        votes = others[second]
        if what == "swapped":
            given_up = leader
        elif what == "moved":
            given_up = np.ceil((1 - part) * votes).astype(np.int64)
        else:
            given_up = votes
        others[second] = np.where(changed, np.minimum(given_up, np.maximum(new_cast - new_leader, 0)), votes)
    return replace(
        table,
        given=np.where(changed, new_given, given),
        cast=np.where(changed, new_cast, cast),
        leader=np.where(changed, new_leader, leader),
        others=others,
    )
