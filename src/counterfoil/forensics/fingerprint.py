"""Where the stations lie: the fingerprint of an election, its difference from another, and the logarithmic vote rate.

The fingerprint is the number of stations, or of voters, per percent of turnout and percent of share. A picture, not a
test: it shows clusters, tails towards 100 % and combs that single figures hide.

* A cell (i, j) holds stations with i <= 100 turnout < i + 1 and j <= 100 share < j + 1, decided in whole numbers;
  exactly 100 % lies in the last cell.
* Klimek's vote rate nu = log((N - A) / A) would be normal for one homogeneous electorate. Skewness and kurtosis (3
  for a normal curve) describe it; mixed electorates move both without anybody's doing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from counterfoil.forensics import plotting
from counterfoil.forensics.arrays import Column, Floats, columns, select, turnout_reasons
from counterfoil.forensics.results import Method, Reference, Result
from counterfoil.primitives.errors import InputError, Refusal

KLIMEK = Reference(
    "Klimek, Yegorov, Hanel, Thurner: Statistical detection of systematic election irregularities. PNAS 109(41), 2012.",
    "10.1073/pnas.1210722109",
)
METHOD = Method(
    name="Fingerprint",
    question="How do stations spread over turnout and share?",
    null="none: a description.",
    minimum="one station; a shape can be seen from about 1,000.",
    innocent=("several clusters are several electorates (towns and villages, regions, special stations)",),
    references=(KLIMEK,),
)
DIFFERENCE = Method(
    name="Difference of two fingerprints",
    question="Where did stations go between two elections?",
    null="none: a description.",
    minimum="one station in each election.",
    innocent=("another field of candidates", "another electorate came to vote", "stations were merged or moved"),
    references=(KLIMEK,),
)
VOTE_RATE = Method(
    name="Logarithmic vote rate",
    question="Is the distribution of log((voters - votes) / votes) like that of one electorate?",
    null="a normal curve (skewness 0, kurtosis 3), which real elections with several electorates do not follow either.",
    minimum="100 stations.",
    innocent=("regions and kinds of settlement with different preferences",),
    references=(KLIMEK,),
)


@dataclass(frozen=True)
class Fingerprint(Result):
    """`cells[i, j]`: stations (or voters) at turnout i % and share j %.

    `full_turnout`: stations with everybody on the list given a ballot. `both_above_95`: turnout and share at least 95
    %.
    """

    method = METHOD
    cells: Floats
    weight: str
    full_turnout: int
    both_above_95: int

    def measured(self) -> str:
        return (
            f"{self.full_turnout:,} stations show a turnout of exactly 100 %, {self.both_above_95:,} a turnout and a "
            f"share of at least 95 % each."
        )

    def plot(self) -> Figure:
        """Turnout to the right, share upwards; the root of the density, so that thin tails are seen."""
        return plotting.heatmap(
            np.sqrt(self.cells),
            xlabel="turnout, %",
            ylabel="leader's share, %",
            values=f"root of the {self.weight} in a cell",
        )


@dataclass(frozen=True)
class FingerprintDifference(Result):
    """`cells`: share of the second election's stations (or voters) in each cell less that of the first; sums to 0.

    `moved`: the part of the election that would have to move to make both the same (half the sum of absolute cells).
    """

    method = DIFFERENCE
    cells: Floats
    weight: str
    moved: float

    def measured(self) -> str:
        return f"{self.moved:.1%} of the {self.weight} lie in other cells of turnout and share than before."

    def plot(self) -> Figure:
        """Red where the second election has more, blue where the first has."""
        return plotting.heatmap(
            100 * self.cells,
            xlabel="turnout, %",
            ylabel="leader's share, %",
            values=f"more or fewer {self.weight} than before, % of all",
            diverging=True,
        )


@dataclass(frozen=True)
class VoteRate(Result):
    """Skewness and kurtosis (not excess: a normal curve has 3) of log((N - A) / A)."""

    method = VOTE_RATE
    skewness: float
    kurtosis: float
    _rate: Floats = field(repr=False, compare=False)

    def measured(self) -> str:
        return f"skewness {self.skewness:.2f} and kurtosis {self.kurtosis:.2f} (a normal curve has 0 and 3)."

    def plot(self) -> Figure:
        """The distribution of the rate."""
        height, edges = np.histogram(self._rate, bins=200)
        middle = (edges[1:] + edges[:-1]) / 2
        return plotting.curves(
            middle, {"stations": height.astype(np.float64)}, xlabel="log((voters - votes) / votes)", ylabel="stations"
        )


def fingerprint(
    registered: Column,
    given: Column,
    cast: Column,
    leader: Column,
    *,
    weight: str = "stations",
    min_registered: int = 100,
) -> Fingerprint:
    """The histogram over turnout and share in 1 % cells, of stations or of `weight="voters"`.

    Raises:
        InputError: a column is no column of counts, lengths differ, unknown weight.
        Refusal: no station is left.
    """
    if weight not in ("stations", "voters"):
        raise InputError("weight", expected="stations or voters", found=weight)
    c = columns(registered=registered, given=given, cast=cast, leader=leader)
    n, g, r, a = c.values()
    chosen = select(n.size, turnout_reasons(n, g, r, a, min_registered), minimum=1, method=METHOD.name)
    n, g, r, a = chosen(n), chosen(g), chosen(r), chosen(a)
    column = np.minimum(100 * g // n, 99)
    row = np.minimum(100 * a // r, 99)
    weights = n.astype(np.float64) if weight == "voters" else np.ones(n.size)
    cells = np.bincount(100 * column + row, weights, minlength=10_000).astype(np.float64).reshape(100, 100)
    return Fingerprint(
        sample=chosen.sample,
        warnings=(),
        cells=cells,
        weight=weight,
        full_turnout=int(np.count_nonzero(g == n)),
        both_above_95=int(np.count_nonzero((100 * g >= 95 * n) & (100 * a >= 95 * r))),
    )


def fingerprint_difference(first: Fingerprint, second: Fingerprint) -> FingerprintDifference:
    """The second fingerprint less the first, each scaled to a sum of 1.

    Raises:
        InputError: one counts stations and the other voters.
    """
    if first.weight != second.weight:
        raise InputError("second", expected=f"a fingerprint of {first.weight}", found=f"one of {second.weight}")
    cells = second.cells / second.cells.sum() - first.cells / first.cells.sum()
    return FingerprintDifference(
        sample=second.sample,
        warnings=(f"The first election: {first.sample}.",),
        cells=cells,
        weight=first.weight,
        moved=float(np.abs(cells).sum() / 2),
    )


def vote_rate(registered: Column, leader: Column, *, min_registered: int = 100) -> VoteRate:
    """Skewness and kurtosis of log((registered - leader) / leader) over stations where both terms are positive.

    Raises:
        InputError: a column is no column of counts, or lengths differ.
        Refusal: fewer than 100 stations, or the same rate everywhere.
    """
    c = columns(registered=registered, leader=leader)
    n, a = c.values()
    reasons = {"registered_below_minimum": n < min_registered, "no_votes": a == 0, "no_other_voters": a >= n}
    chosen = select(n.size, reasons, minimum=100, method=VOTE_RATE.name)
    n, a = chosen(n), chosen(a)
    rate = np.log((n - a) / a)
    if np.ptp(rate) == 0:
        raise Refusal(
            f"{VOTE_RATE.name}: expected stations that differ, found the same rate in all {n.size:,}.",
            code="no-variation",
        )
    return VoteRate(
        sample=chosen.sample,
        warnings=(),
        skewness=float(stats.skew(rate)),
        kurtosis=float(stats.kurtosis(rate, fisher=False)),
        _rate=rate,
    )
