"""Sequential tests of a mean, as risk-limiting audits use them: ALPHA, betting, Kaplan-Markov.

An audit draws ballots (or batches) at random and reads each by hand. An assorter gives every draw a value from 0 to
`upper`; the reported outcome is right if the mean of all is above `mean`. These tests give, after every draw, the
largest chance of seeing values so favourable if the outcome were wrong; looking again and again is allowed.

* Draws must be in random order. Without replacement from `population` ballots, or with replacement (None).
* The bet on draw j uses draws before j only. An alternative outside [null mean, upper] is pulled back inside, which
  keeps the test valid.
* Products are kept with their own exponent: a million draws neither overflow nor vanish.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from counterfoil.forensics import plotting
from counterfoil.forensics.arrays import Floats
from counterfoil.forensics.jit import jit
from counterfoil.forensics.results import Method, Reference, Result, Sample
from counterfoil.primitives.errors import InputError

ALPHA = Method(
    name="ALPHA",
    question="How likely are draws so favourable if the reported outcome were wrong?",
    null="the mean of all values is at most the hypothesised mean; draws in random order.",
    minimum="one draw.",
    innocent=("draws that were not made at random prove nothing, whatever the figure",),
    references=(
        Reference(
            "Stark: ALPHA: Audit that learns from previously hand-audited ballots. Annals of Applied Statistics "
            "17(1), 2023.",
            "10.1214/22-AOAS1646",
        ),
    ),
)
BETTING = Method(
    name="Betting martingale",
    question=ALPHA.question,
    null=ALPHA.null,
    minimum=ALPHA.minimum,
    innocent=ALPHA.innocent,
    references=(
        Reference(
            "Waudby-Smith, Stark, Ramdas: RiLACS: risk limiting audits via confidence sequences. E-Vote-ID 2021.",
            "10.1007/978-3-030-86942-7_9",
        ),
    ),
)
KAPLAN_MARKOV = Method(
    name="Kaplan-Markov",
    question=ALPHA.question,
    null=ALPHA.null,
    minimum=ALPHA.minimum,
    innocent=ALPHA.innocent,
    references=(
        Reference("Stark: Risk-limiting postelection audits. IEEE TIFS 4(4), 2009.", "10.1109/TIFS.2009.2034190"),
    ),
)

Draws = Sequence[float] | Sequence[int] | NDArray[np.float64] | NDArray[np.int64]


@dataclass(frozen=True)
class SequentialTest(Result):
    """`p`: smallest risk measured so far; `history[j]`: the risk after draw j + 1 alone (not the running minimum)."""

    p: float
    history: Floats = field(repr=False, compare=False)

    def draws_to(self, risk_limit: float) -> int | None:
        """The number of draws after which the risk first was at most the limit; None if it never was."""
        reached = np.flatnonzero(self.history <= risk_limit)
        return int(reached[0]) + 1 if reached.size else None

    def measured(self) -> str:
        return f"after {self.history.size:,} draws the measured risk is {self.p:.3g}."

    def plot(self) -> Figure:
        """The logarithm of the measured risk after each draw."""
        shown = np.log10(np.maximum(self.history, 1e-300))
        draws = np.arange(1, shown.size + 1).astype(np.float64)
        return plotting.curves(draws, {"measured risk": shown}, xlabel="draws", ylabel="log10 of the risk")


@dataclass(frozen=True)
class Alpha(SequentialTest):
    """ALPHA with the alternative named in `estimator`."""

    method = ALPHA
    estimator: str = ""


@dataclass(frozen=True)
class Betting(SequentialTest):
    """A fixed bet `stake` on every draw."""

    method = BETTING
    stake: float = 0.0


@dataclass(frozen=True)
class KaplanMarkov(SequentialTest):
    """The product of (mean + padding) / (value + padding)."""

    method = KAPLAN_MARKOV
    padding: float = 0.0


FIXED, SHRINK, CONSTANT, STAKE = range(4)
RESCALE = 2.0**512


@jit
def _history(  # noqa: PLR0912 - one compiled loop; calls per draw would cost more than the draw
    x: Floats, mean: float, upper: float, population: float, kind: int, eta: float, c: float, d: float
) -> Floats:
    """1 / martingale after each draw, at most 1; the conditional null mean is m_j = (N t - S_{j-1}) / (N - j + 1).

    The martingale is `fortune` times 2**(512 `scale`): a product of a million factors neither overflows nor vanishes.
    """
    out = np.ones(x.size)
    total, fortune, scale, certain = 0.0, 1.0, 0, False
    finite = population > 0.0
    eps = 2.220446049250313e-16
    for j in range(x.size):
        m = (population * mean - total) / (population - j) if finite else mean
        if certain or m < 0.0:
            certain = True  # what was drawn already exceeds the hypothesised total
            out[j] = 0.0
            continue
        if m > upper:
            fortune = 0.0  # not even the largest values could bring the mean above the null
        elif m > 0.0 and upper - m > 1e-6 * upper:
            if kind == STAKE:
                fortune *= 1.0 + eta * (x[j] - m)
            else:
                if kind == SHRINK:
                    room = c / math.sqrt(d + j)
                    guess = (d * eta + total) / (d + j)
                    alternative = min(upper * (1.0 - eps) - room, max(guess, m * (1.0 + eps) + room))
                elif kind == FIXED and finite:
                    alternative = (population * eta - total) / (population - j)
                else:
                    alternative = eta
                alternative = min(max(alternative, m), upper)
                fortune *= (x[j] * alternative / m + (upper - x[j]) * (upper - alternative) / (upper - m)) / upper
        if fortune > RESCALE:
            fortune /= RESCALE
            scale += 1
        elif 0.0 < fortune < 1.0 / RESCALE:
            fortune *= RESCALE
            scale -= 1
        total += x[j]
        if scale == 0 and fortune > 1.0:
            out[j] = 1.0 / fortune
        elif scale == 1:
            out[j] = min(1.0, 1.0 / (fortune * RESCALE))
        elif scale > 1:
            out[j] = 0.0 if scale > 2 else (1.0 / fortune) / RESCALE / RESCALE
    if finite and total > population * mean:
        out[-1] = 0.0
    return out


def _values(x: Draws, upper: float, mean: float, population: int | None) -> Floats:
    values = np.asarray(x, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise InputError("x", expected="the values of at least one draw", found=f"an array of shape {values.shape}")
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= upper):
        raise InputError("x", expected=f"values from 0 to {upper:g}", found=f"{values.min():g} to {values.max():g}")
    if not 0 < mean < upper:
        raise InputError("mean", expected=f"between 0 and {upper:g}", found=f"{mean:g}")
    if population is not None and population < values.size:
        raise InputError("population", expected=f"at least the {values.size:,} draws", found=f"{population:,}")
    return values


def alpha(
    x: Draws,
    *,
    mean: float = 0.5,
    upper: float = 1.0,
    population: int | None = None,
    estimator: str = "shrink_trunc",
    eta: float | None = None,
    c: float | None = None,
    d: float = 100.0,
    error_rate: float = 1e-5,
) -> Alpha:
    """The ALPHA test that the mean of all values is at most `mean`.

    Args:
        x: assorter values of the draws, in the order drawn.
        population: number of ballots; None for draws with replacement.
        estimator: of the alternative mean: `shrink_trunc` (the sample mean shrunk towards `eta` with weight `d`, kept
            `c / sqrt(d + j - 1)` away from both ends), `fixed` (`eta` from the start), or `optimal_comparison` (for
            comparison audits with two-vote overstatements at `error_rate`).
        eta: the alternative; None is halfway between `mean` and `upper`.
        c: None is half of `eta - mean`.

    Raises:
        InputError: values outside 0..upper, mean outside 0..upper, more draws than ballots, unknown estimator.
    """
    values = _values(x, upper, mean, population)
    start = mean + (upper - mean) / 2 if eta is None else eta
    if not mean < start <= upper:
        raise InputError("eta", expected=f"above the mean {mean:g}, at most {upper:g}", found=f"{start:g}")
    if estimator == "optimal_comparison":
        if not 1 < upper < 2:
            raise InputError("upper", expected="between 1 and 2 for comparison audits", found=f"{upper:g}")
        start = (1 - upper * (1 - error_rate)) / (2 - 2 * upper) + upper * (1 - error_rate) - 0.5
    kinds = {"fixed": FIXED, "shrink_trunc": SHRINK, "optimal_comparison": CONSTANT}
    if estimator not in kinds:
        raise InputError("estimator", expected=", ".join(kinds), found=estimator)
    width = (start - mean) / 2 if c is None else c
    history = _history(values, mean, upper, float(population or 0), kinds[estimator], start, width, float(d))
    return Alpha(
        sample=Sample(values.size, {}, "draws"),
        warnings=(),
        p=float(history.min()),
        history=history,
        estimator=estimator,
    )


def betting(x: Draws, *, stake: float, mean: float = 0.5, upper: float = 1.0, population: int | None = None) -> Betting:
    """The betting martingale prod (1 + stake (x - m)) with the same stake on every draw.

    Raises:
        InputError: as `alpha`; a stake outside 0..1/upper, with which the fortune could fall below 0.
    """
    values = _values(x, upper, mean, population)
    if not 0 <= stake <= 1 / upper:
        raise InputError("stake", expected=f"from 0 to {1 / upper:g}", found=f"{stake:g}")
    history = _history(values, mean, upper, float(population or 0), STAKE, stake, 0.0, 0.0)
    return Betting(
        sample=Sample(values.size, {}, "draws"), warnings=(), p=float(history.min()), history=history, stake=stake
    )


def kaplan_markov(x: Draws, *, mean: float = 0.5, padding: float = 0.0) -> KaplanMarkov:
    """The Kaplan-Markov bound prod (mean + padding) / (value + padding), for draws with replacement.

    Args:
        padding: above 0 keeps a single draw of value 0 from ending the audit.

    Raises:
        InputError: negative values, no draws, negative padding.
    """
    values = _values(x, math.inf, mean, None)
    if padding < 0:
        raise InputError("padding", expected="0 or more", found=f"{padding:g}")
    with np.errstate(divide="ignore"):
        steps = np.log(values + padding) - math.log(mean + padding)
    history = np.exp(-np.maximum(np.cumsum(steps), 0.0))
    return KaplanMarkov(
        sample=Sample(values.size, {}, "draws"), warnings=(), p=float(history.min()), history=history, padding=padding
    )
