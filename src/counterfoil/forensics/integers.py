"""Are there more round percentages than counting can produce?

A turnout or a leader's share that was decided first, and the counts computed back from it, sits on a whole percentage
more often than a counted one. The expectation is not zero and not smooth: it follows station by station from the
binomial distribution of the counts, so the whole null distribution has a closed form and nothing is simulated here.

* A hit: the percentage lies within half a window of a whole one; decided in whole numbers, 20 * min(100k mod n, n -
  100k mod n) <= n for the window 0.1, so that no station depends on how a processor rounds.
* Stations: `registered` >= 100, something cast, turnout and share at most 99 % (100 % is common in hospitals and on
  ships).
* Leaves out: which stations are behind an excess. It cannot be told: each single round percentage has an innocent
  explanation.

The closed form departs from the published recipe (`integers_published`) only in computing what that recipe estimates
from 1,000 random draws.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np
from matplotlib.figure import Figure

from counterfoil.forensics import plotting, poisson_binomial
from counterfoil.forensics.arrays import Bools, Column, Floats, Ints, Selection, columns, select, turnout_reasons
from counterfoil.forensics.jit import jit
from counterfoil.forensics.results import Method, Reference, Result
from counterfoil.primitives.errors import InputError

METHOD = Method(
    name="Integer percentages",
    question="Do turnout and the leader's share fall on whole percentages more often than counts do by chance?",
    null="every station's counts binomial around its own reported turnout and share, turnout and share independent.",
    minimum="20 stations; the z-value is close to normal from about 100 stations on.",
    innocent=(
        "figures typed from rounded percentages by whoever made the table",
        "voters' lists rounded to tens, which makes some percentages easier to hit",
        "real clean data reach z = 2.2, so only values above about 4 are out of the ordinary",
    ),
    references=(
        Reference(
            "Kobak, Shpilkin, Pshenichnikov: Integer percentages as electoral falsification fingerprints. "
            "Annals of Applied Statistics 10(1), 2016.",
            "10.1214/16-AOAS904",
        ),
        Reference(
            "Kobak, Shpilkin, Pshenichnikov: Putin's peaks: Russian election data revisited. Significance 15(3), 2018.",
            "10.48550/arXiv.1804.09495",
        ),
    ),
)
MINIMUM_STATIONS = 20
NORMAL_FROM_SD = 3.0


@dataclass(frozen=True)
class IntegerCount:
    """Hits of one kind beside their exact null distribution."""

    hits: int
    expected: float
    sd: float
    _probabilities: Floats = field(repr=False, compare=False)

    @property
    def excess(self) -> float:
        return self.hits - self.expected

    @property
    def z(self) -> float:
        """Excess in standard deviations; NaN where the null has no spread."""
        return self.excess / self.sd if self.sd > 0 else math.nan

    @cached_property
    def quantile_999(self) -> int:
        """The smallest count that the null stays at or below in 99.9 % of elections; computed on first access."""
        return poisson_binomial.quantile(self._probabilities, 0.999)

    @cached_property
    def p(self) -> float:
        """Exact probability of at least this many hits under the null; computed on first access."""
        return poisson_binomial.upper_tail(self._probabilities, self.hits)


@dataclass(frozen=True, slots=True)
class WeightedSum:
    """The same with each station weighing as much as its voters, ballots or votes."""

    hits: int
    expected: float
    sd: float

    @property
    def excess(self) -> float:
        return self.hits - self.expected

    @property
    def z(self) -> float:
        return self.excess / self.sd if self.sd > 0 else math.nan


@dataclass(frozen=True, slots=True)
class Weighted:
    either: WeightedSum
    share: WeightedSum
    turnout: WeightedSum


@dataclass(frozen=True)
class IntegerPercentages(Result):
    """Hits on whole percentages of the share, of the turnout, and of either.

    `weighted` holds the same three for the weights `registered`, `given` and `leader` (sums over the hit stations).
    """

    method = METHOD
    either: IntegerCount
    share: IntegerCount
    turnout: IntegerCount
    weighted: Mapping[str, Weighted]
    min_registered: int
    window: float
    _stations: tuple[Ints, Ints, Ints, Ints] = field(repr=False, compare=False)

    def measured(self) -> str:
        e = self.either
        return (
            f"{e.hits:,} of {self.sample.used:,} stations show a whole percentage (within {self.window / 2:g} points) "
            f"in turnout, in the leader's share or both; chance gives {e.expected:,.1f} with a standard deviation of "
            f"{e.sd:,.1f} (z = {e.z:.2f}; share alone {self.share.z:.2f}, turnout alone {self.turnout.z:.2f})."
        )

    def plot(self) -> Figure:
        """The comb: stations per tenth of a percentage point, turnout above and share below."""
        votes, boxes, ballots, voters = self._stations
        return plotting.comb(("turnout", ballots, voters), ("leader's share", votes, boxes))


@jit
def _stirling_error(n: float) -> float:
    """log n! less Stirling's formula; Loader 2000, "Fast and accurate computation of binomial probabilities"."""
    if n < 16.0:
        return math.lgamma(n + 1.0) - (n + 0.5) * math.log(n) + n - 0.5 * math.log(2.0 * math.pi)
    x = 1.0 / n
    y = x * x
    return x * (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y / 1188))))


@jit
def _hit_probability(k: int, n: int, numerator: int, denominator: int) -> float:
    """P(Bin(n, k/n) lies on a whole percentage): from the mode, which is k itself, outward until a term is below 1e-15.

    The terms left out sum to less than 1e-13 a station.
    """
    if k in (0, n):
        return 1.0
    log_mode = _stirling_error(float(n)) - _stirling_error(float(k)) - _stirling_error(float(n - k))
    mode = math.exp(log_mode) * math.sqrt(n / (2.0 * math.pi * k * (n - k)))
    bound = numerator * n
    step = 100 % n
    start = (100 * k) % n
    total = mode if 2 * denominator * min(start, n - start) <= bound else 0.0
    odds, term, j, rest = k / (n - k), mode, k, start
    while j < n and term > 1e-15:
        term *= odds * (n - j) / (j + 1)
        j += 1
        rest += step
        if rest >= n:
            rest -= n
        if 2 * denominator * min(rest, n - rest) <= bound:
            total += term
    odds, term, j, rest = (n - k) / k, mode, k, start
    while j > 0 and term > 1e-15:
        term *= odds * j / (n - j + 1)
        j -= 1
        rest -= step
        if rest < 0:
            rest += n
        if 2 * denominator * min(rest, n - rest) <= bound:
            total += term
    return min(total, 1.0)


@jit
def _hit_probabilities(k: Ints, n: Ints, numerator: int, denominator: int) -> Floats:
    out = np.empty(k.size)
    for i in range(k.size):
        out[i] = _hit_probability(k[i], n[i], numerator, denominator)
    return out


def hits(k: Ints, n: Ints, window: float = 0.1) -> Bools:
    """Which percentages 100 k/n lie within half a window of a whole one; exact, in whole numbers."""
    part = _window(window)
    rest = 100 * k % n
    out: Bools = 2 * part.denominator * np.minimum(rest, n - rest) <= part.numerator * n
    return out


def _window(window: float) -> Fraction:
    part = Fraction(str(window))
    if not (0 < part < 1 and part.denominator <= 10_000):
        raise InputError("window", expected="percentage points between 0 and 1, four decimals", found=str(window))
    return part


def eligible(registered: Ints, given: Ints, cast: Ints, leader: Ints, min_registered: int) -> Selection:
    """The stations of the published recipe, whose other stations are on whole percentages for good reasons.

    Raises:
        Refusal: fewer than 20 stations are left.
    """
    reasons = turnout_reasons(registered, given, cast, leader, min_registered) | {
        "turnout_above_99_percent": 100 * given > 99 * registered,
        "share_above_99_percent": 100 * leader > 99 * cast,
    }
    return select(registered.size, reasons, minimum=MINIMUM_STATIONS, method=METHOD.name)


def integer_percentages(
    registered: Column,
    given: Column,
    cast: Column,
    leader: Column,
    *,
    min_registered: int = 100,
    window: float = 0.1,
) -> IntegerPercentages:
    """Counts whole percentages of turnout and share beside their exact null distribution.

    Args:
        registered: voters on the list, per station.
        given: ballots handed out (turnout = given / registered).
        cast: ballots in the boxes, valid and invalid (share = leader / cast).
        leader: votes of the leader, or of the option tested.
        min_registered: stations with fewer voters are left out; below 100 single counts already jump by whole points.
        window: full width around a whole percentage, in percentage points.

    Raises:
        InputError: a column is no column of counts, lengths differ, columns contradict each other.
        Refusal: fewer than 20 stations are left.
    """
    c = columns(registered=registered, given=given, cast=cast, leader=leader)
    if min_registered < 1:
        raise InputError("min_registered", expected="at least 1 voter", found=str(min_registered))
    part = _window(window)
    chosen = eligible(c["registered"], c["given"], c["cast"], c["leader"], min_registered)
    voters, ballots, boxes, votes = (chosen(c[name]) for name in ("registered", "given", "cast", "leader"))
    with ThreadPoolExecutor(2) as threads:
        share_task = threads.submit(_hit_probabilities, votes, boxes, part.numerator, part.denominator)
        turnout_q = _hit_probabilities(ballots, voters, part.numerator, part.denominator)
        share_q = share_task.result()
    share_hit, turnout_hit = hits(votes, boxes, window), hits(ballots, voters, window)
    kinds = {
        "either": (share_hit | turnout_hit, share_q + turnout_q - share_q * turnout_q),
        "share": (share_hit, share_q),
        "turnout": (turnout_hit, turnout_q),
    }
    counted = {name: _count(hit, q) for name, (hit, q) in kinds.items()}
    weights = {"registered": voters, "given": ballots, "leader": votes}
    weighted = {
        weight: Weighted(**{name: _weighted(hit, q, column) for name, (hit, q) in kinds.items()})
        for weight, column in weights.items()
    }
    warnings: tuple[str, ...] = ()
    if counted["either"].sd < NORMAL_FROM_SD:
        warnings = ("So few stations that z is not close to normal: use the exact p.",)
    return IntegerPercentages(
        sample=chosen.sample,
        warnings=warnings,
        **counted,
        weighted=weighted,
        min_registered=min_registered,
        window=window,
        _stations=(votes, boxes, ballots, voters),
    )


def _count(hit: Bools, q: Floats) -> IntegerCount:
    return IntegerCount(int(np.count_nonzero(hit)), float(q.sum()), math.sqrt(float((q * (1.0 - q)).sum())), q)


def _weighted(hit: Bools, q: Floats, weight: Ints) -> WeightedSum:
    w = weight.astype(
        np.float64
    )  # sums, not products of vectors: those wake a pool of threads for a millisecond's work
    spread = math.sqrt(float((w * w * q * (1.0 - q)).sum()))
    return WeightedSum(int(weight[hit].sum()), float((w * q).sum()), spread)
