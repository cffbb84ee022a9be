"""Where percentages lie between two whole ones: the picture behind the test of integer percentages.

Every percentage is put into one of ten steps of a tenth of a point, by its distance from the nearest whole one; step 0
is the window of the test. Counted percentages fill the steps almost evenly. Beside the observed heights stand those of
elections redrawn from the same stations (binomial around each station's own turnout and share).

* Heights are exact counts; mean and spread of the null are from `replicates` redrawn elections with a fixed seed, drawn
  by NumPy's legacy generator, whose stream is frozen.
* A percentage exactly between two steps goes to the higher one, but 0.05 above a whole percentage to the whole one: the
  window of the test holds both its edges, and the height at step 0 is the test's number of hits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from counterfoil.forensics.arrays import Floats, Ints
from counterfoil.forensics.integers import eligible
from counterfoil.forensics.stations import Stations

STEPS = tuple(range(-4, 6))
"""Tenths of a point from the nearest whole percentage."""
SEED = 20120901
MANY_STATIONS = 10_000
REPLICATES, REPLICATES_OF_MANY = 200, 30
FINE_FROM = 5_000
"""Stations from which the comb over the whole range shows more than noise."""


@dataclass(frozen=True, slots=True)
class Comb:
    """One variable: observed stations per step, mean and standard deviation under the null.

    `fine`: stations per tenth of a point from 0 to 100 (1,001 heights), `fine_low` and `fine_high` the smallest and
    largest among the redrawn elections; None below 5,000 stations.
    """

    observed: Ints
    mean: Floats
    sd: Floats
    fine: Ints | None
    fine_low: Ints | None
    fine_high: Ints | None


@dataclass(frozen=True, slots=True)
class Combs:
    """Turnout and the leader's share. `stations`: those of the test of integer percentages."""

    turnout: Comb
    share: Comb
    stations: int
    replicates: int
    seed: int


def combs(table: Stations, *, seed: int = SEED) -> Combs:
    """Both combs.

    Raises:
        InputError: a column is unknown.
        Refusal: fewer than 20 stations that the test of integer percentages uses.
    """
    registered, given, cast, leader = table.four()
    chosen = eligible(registered, given, cast, leader, 100)
    n, g, r, a = chosen(registered), chosen(given), chosen(cast), chosen(leader)
    replicates = REPLICATES_OF_MANY if n.size > MANY_STATIONS else REPLICATES
    stream = np.random.RandomState(seed)  # the newer generators may change their stream between versions
    return Combs(
        turnout=_comb(g, n, replicates, stream),
        share=_comb(a, r, replicates, stream),
        stations=int(n.size),
        replicates=replicates,
        seed=seed,
    )


def _tenths(k: Ints, n: Ints) -> Ints:
    tenth, rest = np.divmod(2000 * k + n, 2 * n)
    return np.bincount(tenth - ((rest == 0) & (tenth % 10 == 1)), minlength=1001)


def _folded(tenths: Ints) -> Ints:
    by_digit = np.bincount(np.arange(tenths.size) % 10, tenths, minlength=10).astype(np.int64)
    return by_digit[[step % 10 for step in STEPS]]


def _comb(k: Ints, n: Ints, replicates: int, stream: np.random.RandomState) -> Comb:
    observed = _tenths(k, n)
    share = k / n
    again = np.array([_tenths(stream.binomial(n, share).astype(np.int64), n) for _ in range(replicates)])
    folded = np.array([_folded(one) for one in again], dtype=np.float64)
    fine = n.size >= FINE_FROM
    return Comb(
        observed=_folded(observed),
        mean=folded.mean(axis=0),
        sd=folded.std(axis=0, ddof=1),
        fine=observed if fine else None,
        fine_low=again.min(axis=0) if fine else None,
        fine_high=again.max(axis=0) if fine else None,
    )
