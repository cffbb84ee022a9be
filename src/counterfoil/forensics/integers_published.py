"""The published recipe for integer percentages, repeated bit for bit.

Kobak, Shpilkin and Pshenichnikov simulate the null with NumPy's legacy Mersenne Twister: for each station, in the
order of the file, 1,000 binomial draws of the leader's votes and then 1,000 of the ballots handed out. Whoever
repeats their notebook gets these figures to the last bit; the exact ones are in `integers`.

* The stream cannot be cut into pieces (how many random words a draw takes depends on the draw), so it runs on one
  core. What is saved here is everything around the draws: a hit is looked up in a table per number of ballots, and
  sums over stations are kept, never the draws.
* Sums are over whole numbers below 2**53, so their order does not matter and the figures are the published ones
  exactly.
* Hits use the notebook's floating-point test; it differs from the exact one in one of 750,000 stations of eight years.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from counterfoil.forensics import plotting
from counterfoil.forensics.arrays import Column, Floats, columns
from counterfoil.forensics.integers import METHOD, eligible
from counterfoil.forensics.jit import jit
from counterfoil.forensics.results import Result

_BATCH = 512
KINDS = ("either", "share", "turnout")
WEIGHTS = ("stations", "registered", "given", "leader")


@dataclass(frozen=True, slots=True)
class SimulatedCount:
    """Hits beside the mean, spread and 99.9 % quantile of the simulated elections (`numpy.std` with ddof 0)."""

    hits: float
    expected: float
    sd: float
    quantile_999: float

    @property
    def excess(self) -> float:
        return self.hits - self.expected

    @property
    def z(self) -> float:
        return self.excess / self.sd if self.sd > 0 else float("nan")


@dataclass(frozen=True)
class PublishedIntegerPercentages(Result):
    """The three counts; `weighted` holds the same for the weights registered, given and leader."""

    method = METHOD
    either: SimulatedCount
    share: SimulatedCount
    turnout: SimulatedCount
    weighted: Mapping[str, Mapping[str, SimulatedCount]]
    seed: int
    replicates: int
    min_registered: int
    window: float
    _simulated: Floats = field(repr=False, compare=False)

    def measured(self) -> str:
        return (
            f"{self.either.hits:,.0f} hits, {self.either.expected:,.3f} in the mean of {self.replicates:,} simulated "
            f"elections (seed {self.seed}), excess {self.either.excess:,.3f}."
        )

    def plot(self) -> Figure:
        """Simulated counts of stations with a whole percentage in either; the observed count is marked."""
        return plotting.histogram(
            self._simulated,
            marks=(self.either.hits,),
            xlabel="stations with a whole percentage",
            ylabel="simulated elections",
            of_values="simulated",
            of_marks="observed",
        )


def _float_table(n: int, window: float) -> NDArray[np.bool_]:
    percent = 100 * np.arange(n + 1) / n
    out: NDArray[np.bool_] = np.abs(percent - np.round(percent)) <= window / 2
    return out


@jit
def _add(share: NDArray[np.bool_], turnout: NDArray[np.bool_], weights: Floats, out: Floats) -> None:
    """Adds each station's weights to the simulated elections (kinds x weights x elections) in which it is a hit.

    A matrix product would do the same on as many threads as there are cores, and be slower in processor seconds.
    """
    for i in range(share.shape[0]):
        for w in range(weights.shape[0]):
            weight = weights[w, i]
            either, one, other = out[0, w], out[1, w], out[2, w]
            for r in range(share.shape[1]):
                one[r] += weight * share[i, r]
                other[r] += weight * turnout[i, r]
                either[r] += weight * (share[i, r] | turnout[i, r])


def integer_percentages_published(
    registered: Column,
    given: Column,
    cast: Column,
    leader: Column,
    *,
    seed: int = 42,
    replicates: int = 1000,
    min_registered: int = 100,
    window: float = 0.1,
) -> PublishedIntegerPercentages:
    """Repeats the authors' Monte Carlo with their random stream; columns as in `integers.integer_percentages`.

    Args:
        seed: of the legacy generator; the authors use 42.
        replicates: simulated elections; the authors use 1,000. The stream depends on it.

    Raises:
        InputError, Refusal: as `integers.integer_percentages`.
    """
    c = columns(registered=registered, given=given, cast=cast, leader=leader)
    chosen = eligible(c["registered"], c["given"], c["cast"], c["leader"], min_registered)
    voters, ballots, boxes, votes = (chosen(c[name]) for name in ("registered", "given", "cast", "leader"))
    weights = np.stack([np.ones_like(voters), voters, ballots, votes]).astype(np.float64)
    observed = np.zeros((3, 4))
    simulated = np.zeros((3, 4, replicates))
    tables: dict[int, NDArray[np.bool_]] = {}
    stream = np.random.RandomState(seed)
    share, turnout = np.empty((2, _BATCH, replicates), dtype=np.bool_)
    for start in range(0, voters.size, _BATCH):
        stop = min(start + _BATCH, voters.size)
        for row, i in enumerate(range(start, stop)):
            n, m = int(boxes[i]), int(voters[i])
            for size in (n, m):
                if size not in tables:
                    tables[size] = _float_table(size, window)
            a, g = tables[n], tables[m]
            share[row] = a[stream.binomial(n, votes[i] / n, replicates)]
            turnout[row] = g[stream.binomial(m, ballots[i] / m, replicates)]
            x, y = a[votes[i]], g[ballots[i]]
            observed += np.array([[x | y], [x], [y]]) * weights[:, i]
        _add(share[: stop - start], turnout[: stop - start], weights[:, start:stop], simulated)
    counts = {
        weight: {kind: _summarise(observed[k, w], simulated[k, w]) for k, kind in enumerate(KINDS)}
        for w, weight in enumerate(WEIGHTS)
    }
    return PublishedIntegerPercentages(
        sample=chosen.sample,
        warnings=(),
        **counts.pop("stations"),
        weighted=counts,
        seed=seed,
        replicates=replicates,
        min_registered=min_registered,
        window=window,
        _simulated=simulated[0, 0],
    )


def _summarise(observed: float, simulated: Floats) -> SimulatedCount:
    return SimulatedCount(
        float(observed), float(np.mean(simulated)), float(np.std(simulated)), float(np.percentile(simulated, 99.9))
    )
