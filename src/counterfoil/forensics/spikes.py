"""Do more stations sit on coarse shares than smooth shares of the same stations would put there?

Rozenas' resampled kernel density: every station's turnout and share are drawn again around themselves, from
beta-binomial mixtures that know the shape of the whole, and the density of shares at each per mille is compared with
that of the draws. Where it pokes out of the envelope, the excess of stations there is added up: F, in percent of
stations.

Departures from the paper, each for a reason:

* The envelope is a quantile of each density, not the largest of the resamples, which rises with their number (F of
  Canada 2011 falls from 1.38 to 0.06 % between 20 and 1,000 resamples). Mean and variance of each density are
  computed from the stations' own distributions, and the quantile is that of the gamma distribution with both; no
  resample enters.
* F is not 0 in smooth elections, so it stands beside the F of whole elections drawn from the same null, and gets a p
  from them.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import gamma

from counterfoil.forensics import plotting
from counterfoil.forensics.arrays import Column, Floats, Ints, columns, select
from counterfoil.forensics.beta_mixture import Redraw, fit
from counterfoil.forensics.jit import jit
from counterfoil.forensics.results import Method, Reference, Result
from counterfoil.primitives.errors import InputError, Refusal

METHOD = Method(
    name="Resampled kernel density (Rozenas)",
    question="Do more stations sit on coarse shares than smooth shares of the same stations would put there?",
    null="turnout and share of every station redrawn around themselves from beta-binomial mixtures.",
    minimum="500 stations.",
    innocent=(
        "figures typed from rounded percentages",
        "many stations of the same small number of ballots, if they were not redrawn with their sizes (here they are)",
    ),
    references=(Reference("Rozenas: Political Analysis 25(1), 2017, pages 41-56.", "10.1017/pan.2016.9"),),
)
MINIMUM_STATIONS = 500
GRID = 1000
BANDWIDTH = 1e-4
LATTICES = 2
"""Numbers of ballots drawn per station for the mean and variance;

for each, all votes are summed over, none are drawn.
"""


@dataclass(frozen=True)
class Spikes(Result):
    """`excess` F: percent of stations in excess at the per milles that poke out of the envelope.

    `expected`, `sd`, `p`: mean and spread of F over whole elections drawn from the null, and the part of them with an
    F as large (counting this one). `density`, `mean_density`, `envelope`: stations per per mille, at 0, 0.001, ...,
    1.
    """

    method = METHOD
    excess: float
    expected: float
    sd: float
    p: float
    level: float
    resamples: int
    seed: int
    density: Floats
    mean_density: Floats
    envelope: Floats
    peaks: tuple[int, ...]
    """Per milles where the density is above the envelope."""
    components: tuple[int, int] = field(default=(1, 1))

    @property
    def z(self) -> float:
        return (self.excess - self.expected) / self.sd if self.sd > 0 else float("nan")

    def measured(self) -> str:
        shares = "share" if len(self.peaks) == 1 else "shares"
        return (
            f"{self.excess:.2f} % of the stations are in excess at {len(self.peaks)} coarse {shares}; elections "
            "redrawn smoothly "
            f"give {self.expected:.2f} % (standard deviation {self.sd:.2f}, p = {self.p:.3g})."
        )

    def plot(self) -> Figure:
        """Observed density and envelope."""
        lines = {"observed": self.density, "envelope": self.envelope}
        return plotting.curves(np.linspace(0, 100, GRID + 1), lines, xlabel="leader's share, %", ylabel="density")


@jit
def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


@jit
def _observed(votes: Ints, cast: Ints) -> tuple[Floats, Floats]:
    """Kernel density and number of stations at each per mille."""
    density, count = np.zeros(GRID + 1), np.zeros(GRID + 1)
    for i in range(votes.size):
        if cast[i] > 0:
            share = votes[i] / cast[i]
            at = int(share * GRID + 0.5)
            gap = (share - at / GRID) / BANDWIDTH
            density[at] += math.exp(-0.5 * gap * gap)
            count[at] += 1.0
    return density, count


@jit
def _smooth(  # noqa: PLR0912 - one compiled loop over the terms of a distribution
    cast: Ints, alpha: Floats, beta: Floats
) -> tuple[Floats, Floats, Floats]:
    """Mean and variance of the density, and mean number of stations, at each per mille.

    `cast`: ballots drawn, stations by lattices; votes given them are beta-binomial with the station's `alpha` and
    `beta`, walked outward from the mode until a term is below 1e-10.
    """
    mean, square, count = np.zeros(GRID + 1), np.zeros(GRID + 1), np.zeros(GRID + 1)
    own = np.zeros(GRID + 1)
    for i in range(cast.shape[0]):
        a, b = alpha[i], beta[i]
        low, high = GRID, 0
        used = 0
        for j in range(cast.shape[1]):
            used += cast[i, j] > 0
        for j in range(cast.shape[1]):
            n = cast[i, j]
            if n == 0:
                continue
            mode = int(n * a / (a + b))
            start = math.exp(
                math.lgamma(n + 1.0)
                - math.lgamma(mode + 1.0)
                - math.lgamma(n - mode + 1.0)
                + _log_beta(mode + a, n - mode + b)
                - _log_beta(a, b)
            )
            for direction in (1, -1):
                term, v = start, mode
                if direction == -1:
                    if mode == 0:
                        continue
                    term *= mode * (b + n - mode) / ((n - mode + 1) * (a + mode - 1))
                    v -= 1
                while True:
                    share = v / n
                    at = int(share * GRID + 0.5)
                    gap = (share - at / GRID) / BANDWIDTH
                    part = term / used
                    count[at] += part
                    if -4.0 < gap < 4.0:
                        height = math.exp(-0.5 * gap * gap)
                        own[at] += part * height
                        square[at] += part * height * height
                        low, high = min(low, at), max(high, at)
                    if direction == 1:
                        if v == n:
                            break
                        term *= (n - v) * (a + v) / ((v + 1) * (b + n - v - 1))
                        v += 1
                    else:
                        if v == 0:
                            break
                        term *= v * (b + n - v) / ((n - v + 1) * (a + v - 1))
                        v -= 1
                    if term < 1e-10:
                        break
        for at in range(low, high + 1):
            mean[at] += own[at]
            square[at] -= own[at] * own[at]
            own[at] = 0.0
    return mean, square, count


def spikes(
    registered: Column,
    cast: Column,
    leader: Column,
    *,
    level: float = 0.999,
    resamples: int = 100,
    seed: int = 42,
    min_registered: int = 100,
) -> Spikes:
    """The excess of stations on coarse shares, beside that of smoothly redrawn elections.

    Args:
        cast: ballots in the boxes, or valid ballots; the share is leader / cast.
        level: of the envelope at each per mille. F does not depend on `resamples`.
        resamples: whole elections drawn for the mean, spread and p of F.

    Raises:
        InputError: a column is no column of counts, lengths differ, level or resamples out of range.
        Refusal: fewer than 500 stations, or the same share everywhere.
    """
    if not 0.5 <= level < 1 or resamples < 19:
        raise InputError(
            "level and resamples", expected="0.5 to 1, and at least 19", found=f"{level:g} and {resamples}"
        )
    c = columns(registered=registered, cast=cast, leader=leader)
    n, t, v = c.values()
    reasons = {
        "registered_below_minimum": n < min_registered,
        "nothing_cast": t == 0,
        "cast_above_registered": t > n,
        "leader_above_cast": v > t,
    }
    chosen = select(n.size, reasons, minimum=MINIMUM_STATIONS, method=METHOD.name)
    n, t, v = chosen(n), chosen(t), chosen(v)
    if np.ptp(v / t) == 0:
        raise Refusal(f"{METHOD.name}: expected shares that differ, found the same everywhere.", code="no-variation")
    stream = np.random.default_rng(seed)
    turnout, share = fit(t, n, stream), fit(v, t, stream)
    again_t, again_v = Redraw(turnout, t, n), Redraw(share, v, t)

    lattices = np.stack([stream.binomial(n, again_t.rates(stream)) for _ in range(LATTICES)], axis=1)
    mean, variance, smooth = _smooth(lattices, *again_v.parameters(stream))
    shape, scale = mean**2 / np.maximum(variance, 1e-300), variance / np.maximum(mean, 1e-300)
    envelope = np.where(mean > 1e-9, gamma.ppf(level, np.maximum(shape, 1e-9), scale=np.maximum(scale, 1e-300)), 1e-9)

    density, count = _observed(v, t)
    excess, above = _excess(density, count, envelope, smooth, n.size)

    def redrawn(own: np.random.Generator) -> float:
        ballots = own.binomial(n, again_t.rates(own))
        votes = own.binomial(ballots, again_v.rates(own))
        return _excess(*_observed(votes, ballots), envelope, smooth, n.size)[0]

    # Each election has its own stream, so the figures do not depend on how many threads there are.
    with ThreadPoolExecutor() as threads:
        null = np.array(list(threads.map(redrawn, stream.spawn(resamples))))
    return Spikes(
        sample=chosen.sample,
        warnings=(),
        excess=excess,
        expected=float(null.mean()),
        sd=float(null.std(ddof=1)),
        p=float((1 + np.count_nonzero(null >= excess)) / (resamples + 1)),
        level=level,
        resamples=resamples,
        seed=seed,
        density=density,
        mean_density=mean,
        envelope=envelope,
        peaks=tuple(int(x) for x in np.flatnonzero(above)),
        components=(turnout.weight.size, share.weight.size),
    )


def _excess(
    density: Floats, count: Floats, envelope: Floats, smooth: Floats, stations: int
) -> tuple[float, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    above = density > envelope
    gap = np.maximum(count - smooth, 0.0)
    return float(100.0 * gap[above].sum() / stations), above
