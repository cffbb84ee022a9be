"""The kernel of the cloud: the turnout and share around which most voters' stations lie.

Kobak, Shpilkin and Pshenichnikov set a kernel by hand for each election and show official totals less the kernel.
Here it is found: the highest point of the density of voters over turnout and share, smoothed by two percentage
points. For Russia 2018 and 2021 it lies within one point of theirs (62, 73 and 35, 29).

* Refused where the highest point lies in the corner of nearly full turnout: that is the tail, not the kernel.
* Leaves out whether what lies outside is wrong. Several electorates make several kernels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

from counterfoil.forensics import plotting
from counterfoil.forensics.arrays import Column, Floats, columns, select, turnout_reasons
from counterfoil.forensics.results import Method, Reference, Result
from counterfoil.primitives.errors import Refusal

METHOD = Method(
    name="Kernel of the cloud",
    question="At which turnout and share do most voters' stations lie?",
    null="none: a description.",
    minimum="1,000 stations, the highest density below a turnout of 95 %.",
    innocent=("several electorates make several kernels, and the largest need not be the country's",),
    references=(
        Reference(
            "Kobak, Shpilkin, Pshenichnikov: Putin's peaks: Russian election data revisited. Significance 15(3), 2018.",
            "10.48550/arXiv.1804.09495",
        ),
    ),
)
MINIMUM_STATIONS = 1000
SMOOTHING = 2.0
"""Standard deviation of the smoothing, in percentage points."""
HIGHEST_TURNOUT = 95
BOOTSTRAPS = 100


@dataclass(frozen=True)
class Kernel(Result):
    """Turnout and share of the kernel in whole percent, 95 % bootstrap ranges, and the totals beside them."""

    method = METHOD
    turnout: int
    share: int
    turnout_range: tuple[int, int]
    share_range: tuple[int, int]
    official_turnout: float
    official_share: float
    seed: int
    _density: Floats = field(repr=False, compare=False)

    def measured(self) -> str:
        return (
            f"most voters' stations lie around a turnout of {self.turnout} % and a share of {self.share} %; "
            "the totals are "
            f"{100 * self.official_turnout:.1f} % and {100 * self.official_share:.1f} %."
        )

    def plot(self) -> Figure:
        """The smoothed density of voters."""
        return plotting.heatmap(
            self._density[:100, :100], xlabel="turnout, %", ylabel="leader's share, %", values="voters, smoothed"
        )


def _peak(voters: Floats) -> tuple[int, int]:
    density = gaussian_filter(voters, SMOOTHING)
    turnout, share = np.unravel_index(density.argmax(), density.shape)
    return int(turnout), int(share)


def kernel(
    registered: Column, given: Column, cast: Column, leader: Column, *, min_registered: int = 100, seed: int = 1
) -> Kernel:
    """The highest point of the smoothed density of voters over turnout and share, in whole percent.

    Raises:
        InputError: a column is no column of counts, or lengths differ.
        Refusal: fewer than 1,000 stations, or the highest point at a turnout of 95 % or more.
    """
    c = columns(registered=registered, given=given, cast=cast, leader=leader)
    n, g, r, a = c.values()
    chosen = select(n.size, turnout_reasons(n, g, r, a, min_registered), minimum=MINIMUM_STATIONS, method=METHOD.name)
    n, g, r, a = chosen(n), chosen(g), chosen(r), chosen(a)
    cell = 101 * ((200 * g + n) // (2 * n)) + (200 * a + r) // (2 * r)
    stations = np.bincount(cell, minlength=101 * 101)
    voters = np.bincount(cell, n, minlength=101 * 101).astype(np.float64)
    turnout, share = _peak(voters.reshape(101, 101))
    if turnout >= HIGHEST_TURNOUT:
        raise Refusal(
            f"{METHOD.name}: expected most voters below a turnout of {HIGHEST_TURNOUT} %, found the highest density at "
            f"{turnout} %; that is the tail of the cloud and not its kernel.",
            code="no-kernel",
        )
    # Cells are redrawn instead of stations: Poisson counts with the cell's own mean size, the same to first order.
    stream = np.random.default_rng(seed)
    size = np.divide(voters, stations, out=np.zeros(voters.size), where=stations > 0)
    again = np.array(
        [_peak((stream.poisson(stations).astype(np.float64) * size).reshape(101, 101)) for _ in range(BOOTSTRAPS)]
    )
    low, high = np.quantile(again, (0.025, 0.975), axis=0, method="nearest")
    return Kernel(
        sample=chosen.sample,
        warnings=(),
        turnout=turnout,
        share=share,
        turnout_range=(int(low[0]), int(high[0])),
        share_range=(int(low[1]), int(high[1])),
        official_turnout=float(g.sum() / n.sum()),
        official_share=float(a.sum() / r.sum()),
        seed=seed,
        _density=gaussian_filter(voters.reshape(101, 101), SMOOTHING),
    )
