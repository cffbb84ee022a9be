"""Last digits, pairs of last digits and second digits of counts, against a null that knows the counts.

Made-up figures have other digits than counted ones. But so have counted ones: the textbook null (last digits uniform,
second digits after Benford) rejects clean elections, because the density of counts falls steeply at the threshold and
follows the sizes of the stations. So the null here redraws every count around itself, and its expectation and
covariance are computed exactly instead of simulated.

* Null: each count redrawn from a Poisson distribution around itself, then the threshold applied. Ten units of spread
  at a count of 100 wipe out its last digit and keep the shape of the density, edge included.
* `statistic` is the Wald form (O - E)' V^+ (O - E) given the number of counts above the threshold; chi-squared with 9
  degrees of freedom under the null, because V is the exact covariance. The textbook chi-squared stands beside it,
  named so.
* Second digits are descriptive only: their tens and hundreds are wider than the spread of a count, so no redrawing
  frees them from the sizes of stations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from counterfoil.forensics import plotting
from counterfoil.forensics.arrays import Column, Floats, Ints, counts, select
from counterfoil.forensics.jit import jit
from counterfoil.forensics.results import Method, Reference, Result

BEBER_SCACCO = Reference("Beber, Scacco: Political Analysis 20(2), 2012, pages 211-234.", "10.1093/pan/mps003")
MEBANE = Reference("Mebane: Election Forensics: Vote Counts and Benford's Law, 2006.")
DECKERT = Reference("Deckert, Myagkov, Ordeshook: Political Analysis 19(3), 2011, pages 245-268.", "10.1093/pan/mpr014")
LAST = Method(
    name="Last digits",
    question="Are the last digits of the counts, and pairs of them, those of figures that were counted?",
    null="every count redrawn from a Poisson distribution around itself.",
    minimum="200 counts at or above the threshold.",
    innocent=(
        "figures typed or read badly from pictures (5 and 6, 1 and 7)",
        "counts that were honestly rounded by whoever made the table",
        "several options tested on the same election: one in twenty falls below p = .05 by chance",
    ),
    references=(BEBER_SCACCO,),
)
SECOND = Method(
    name="Second digits",
    question="How far are second digits from Benford's law, which clean elections do not follow either?",
    null=(
        "every count redrawn from a Poisson distribution around itself; Benford's law beside it as the textbook has it."
    ),
    minimum="200 counts of at least 10.",
    innocent=("sizes of stations: clean Canada differs from Benford's law with p = 1.7e-93",),
    references=(MEBANE, DECKERT),
)
MINIMUM_COUNTS = 200
BENFORD_SECOND = np.array([sum(math.log10(1 + 1 / (10 * k + d)) for k in range(1, 10)) for d in range(10)])
"""P(second digit = 0..9) under Benford's law; mean 4.187."""
ONES = np.arange(100) % 10
_GAP = (ONES - np.arange(100) // 10) % 10
PAIR_KINDS = ("repeated", "adjacent", "distant")
PAIRS = np.where(_GAP == 0, 0, np.where((_GAP == 1) | (_GAP == 9), 1, 2))
"""Kind of the last two digits 00..99: the same, neighbours (0 and 9 are), or further apart."""


@dataclass(frozen=True, slots=True)
class DigitShare:
    """A share of counts with some feature of their digits, beside its expectation under the null."""

    observed: float
    expected: float
    sd: float
    textbook: float

    @property
    def z(self) -> float:
        return (self.observed - self.expected) / self.sd


@dataclass(frozen=True)
class LastDigit(Result):
    """Last digits 0..9 of the counts at or above the threshold.

    `expected` under the redrawn null; `statistic` and `p` belong to it. `textbook_chi2` and `textbook_p` are those of
    uniform digits and must not be used for an alarm. `pairs` and `zero_or_five` are shares of counts.
    """

    method = LAST
    threshold: int
    observed: Ints
    expected: Floats
    sd: Floats
    statistic: float
    p: float
    textbook_chi2: float
    textbook_p: float
    pairs: dict[str, DigitShare]
    zero_or_five: DigitShare

    def measured(self) -> str:
        return (
            f"of {self.observed.sum():,} counts of at least {self.threshold}, the last digits differ from "
            "those of redrawn "
            f"counts by a statistic of {self.statistic:.1f} on 9 degrees of freedom (p = {self.p:.2g}); "
            f"{self.zero_or_five.observed:.1%} end in 0 or 5 beside {self.zero_or_five.expected:.1%} expected."
        )

    def plot(self) -> Figure:
        """Counts by last digit beside their expectation."""
        return _bars(self.observed, self.expected, self.sd, "last digit")


@dataclass(frozen=True)
class SecondDigit(Result):
    """Second digits 0..9 of counts of at least 10. `z_mean`: distance of their mean from that of the redrawn null."""

    method = SECOND
    observed: Ints
    expected: Floats
    sd: Floats
    mean: float
    expected_mean: float
    z_mean: float
    textbook_chi2: float
    textbook_p: float

    def measured(self) -> str:
        return (
            f"the mean second digit of {self.observed.sum():,} counts is {self.mean:.3f}; redrawn counts give "
            f"{self.expected_mean:.3f}, Benford's law 4.187."
        )

    def plot(self) -> Figure:
        """Counts by second digit beside their expectation."""
        return _bars(self.observed, self.expected, self.sd, "second digit")


def _bars(observed: Ints, expected: Floats, sd: Floats, xlabel: str) -> Figure:
    names = [str(d) for d in range(10)]
    return plotting.bars(names, observed.astype(np.float64), expected, sd, xlabel=xlabel, ylabel="counts")


@jit
def _second_digit(count: int) -> int:
    while count >= 100:
        count //= 10
    return count % 10


@jit
def _redrawn(column: Ints, threshold: int, kind: Ints, kinds: int) -> tuple[Floats, Floats]:
    """Mean and covariance of the number of counts in each class when every count is redrawn from Poisson(count).

    `kind`: class of the last two digits 00..99; empty for second digits. Class `kinds` collects what falls below the
    threshold.
    """
    mean = np.zeros(kinds + 1)
    covariance = np.zeros((kinds + 1, kinds + 1))
    part = np.zeros(kinds + 1)
    for i in range(column.size):
        centre = column[i]
        if centre == 0:
            mean[kinds] += 1.0
            continue
        part[:] = 0.0
        mode = math.exp(centre * math.log(centre) - centre - math.lgamma(centre + 1.0))
        term, k = mode, centre
        while term > 1e-14:
            part[_class(k, threshold, kind, kinds)] += term
            k += 1
            term *= centre / k
        term, k = mode, centre
        while k > 0 and term > 1e-14:
            term *= k / centre
            k -= 1
            part[_class(k, threshold, kind, kinds)] += term
        for a in range(kinds + 1):
            if part[a] > 0.0:
                mean[a] += part[a]
                covariance[a, a] += part[a]
                for b in range(kinds + 1):
                    covariance[a, b] -= part[a] * part[b]
    return mean, covariance


@jit
def _class(count: int, threshold: int, kind: Ints, kinds: int) -> int:
    if count < threshold:
        return kinds
    if kind.size == 0:
        return _second_digit(count)
    return int(kind[count % 100])


def _given_total(mean: Floats, covariance: Floats, total: int) -> tuple[Floats, Floats]:
    """Mean and covariance of the classes above the threshold, given how many counts lie above it; normal regression."""
    inside, below = slice(0, mean.size - 1), mean.size - 1
    lift = -covariance[inside, below]
    variance = covariance[below, below]
    cov = covariance[inside, inside]
    expected = mean[inside]
    if variance > 1e-9:
        shift = total - expected.sum()
        expected = expected + lift / variance * shift
        cov = cov - np.outer(lift, lift) / variance
    return expected, cov


def last_digit(values: Column, *, threshold: int = 100) -> LastDigit:
    """Last digits and pairs of last digits of one column of counts.

    Args:
        values: votes of one option, or ballots, one per station.
        threshold: counts below it are left out; the method needs counts whose spread is well above ten.

    Raises:
        InputError: no column of counts.
        Refusal: fewer than 200 counts at or above the threshold.
    """
    column = counts("values", values)
    chosen = select(column.size, {"below_threshold": column < threshold}, minimum=MINIMUM_COUNTS, method=LAST.name)
    used = chosen(column)
    observed = np.bincount(used % 10, minlength=10)
    expected, cov = _given_total(*_redrawn(column, threshold, ONES, 10), used.size)
    gap = observed - expected
    statistic = float(gap @ np.linalg.pinv(cov, rcond=1e-9, hermitian=True) @ gap)
    chi2, p_chi2 = stats.chisquare(observed)
    kinds = np.bincount(PAIRS[used % 100], minlength=3)
    kinds_expected, kinds_cov = _given_total(*_redrawn(column, threshold, PAIRS, 3), used.size)
    fives = np.zeros(10)
    fives[[0, 5]] = 1.0
    return LastDigit(
        sample=chosen.sample,
        warnings=() if threshold >= 100 else ("Counts below 100 keep part of their last digit when redrawn.",),
        threshold=threshold,
        observed=observed,
        expected=expected,
        sd=np.sqrt(np.diag(cov)),
        statistic=statistic,
        p=float(stats.chi2.sf(statistic, 9)),
        textbook_chi2=float(chi2),
        textbook_p=float(p_chi2),
        pairs={
            name: DigitShare(
                float(kinds[j] / used.size),
                float(kinds_expected[j] / used.size),
                math.sqrt(kinds_cov[j, j]) / used.size,
                textbook,
            )
            for j, (name, textbook) in enumerate(zip(PAIR_KINDS, (0.1, 0.2, 0.7), strict=True))
        },
        zero_or_five=DigitShare(
            float(fives @ observed) / used.size,
            float(fives @ expected) / used.size,
            math.sqrt(float(fives @ cov @ fives)) / used.size,
            0.2,
        ),
    )


def second_digit(values: Column) -> SecondDigit:
    """Second digits of one column of counts; descriptive.

    Raises:
        InputError: no column of counts.
        Refusal: fewer than 200 counts of at least 10.
    """
    column = counts("values", values)
    chosen = select(column.size, {"below_ten": column < 10}, minimum=MINIMUM_COUNTS, method=SECOND.name)
    used = chosen(column)
    scaled = used.copy()
    while (large := scaled >= 100).any():
        scaled[large] //= 10
    observed = np.bincount(scaled % 10, minlength=10)
    expected, cov = _given_total(*_redrawn(column, 10, np.empty(0, dtype=np.int64), 10), used.size)
    digits = np.arange(10.0)
    chi2, p_chi2 = stats.chisquare(observed, BENFORD_SECOND * used.size)
    spread = math.sqrt(float(digits @ cov @ digits))
    return SecondDigit(
        sample=chosen.sample,
        warnings=("Descriptive: no alarm may rest on second digits.",),
        observed=observed,
        expected=expected,
        sd=np.sqrt(np.diag(cov)),
        mean=float(digits @ observed) / used.size,
        expected_mean=float(digits @ expected) / used.size,
        z_mean=float(digits @ (observed - expected)) / spread if spread > 0 else math.nan,
        textbook_chi2=float(chi2),
        textbook_p=float(p_chi2),
    )
