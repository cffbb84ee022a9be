"""Commissions that stand out: too few zeros for a small party, and machine against hand counts within one commission.

A territorial commission is the office above some tens of stations. Two scans over its stations:

* Kireev's: a small party with more than 20 stations at one vote, more than 20 at two, and fewer than 10 at none.
  Counts that small cannot be so crowded around one and two without also reaching 0.
* Machine-counted stations: the leader's part of the voters' list where machines count, applied to the whole commission.

Leaves out: which station is wrong. Both speak about groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from counterfoil.forensics import plotting
from counterfoil.forensics.arrays import Column, Floats, Labels, columns, counts, groups, select
from counterfoil.forensics.results import Method, Reference, Result, Sample
from counterfoil.primitives.errors import InputError, Refusal

KIREEV = Method(
    name="Kireev's scan",
    question="Are there commissions in which a party has many stations at one and two votes but hardly any at none?",
    null="votes of a small party in alike stations follow a Poisson distribution, or a broader one.",
    minimum="commissions of more than 40 stations.",
    innocent=("a party present in every station by one or two families or members of the commission",),
    references=(Reference("Kireev: blog posts on the State Duma election of 2021 (kireev.livejournal.com), 2021."),),
)
MACHINES = Method(
    name="Machine-counted against hand-counted stations",
    question="How many more votes has the leader than the machine-counted stations of the same commissions suggest?",
    null="within a commission, machines are placed without regard to how people vote.",
    minimum="two commissions with both kinds of stations.",
    innocent=("machines stand in towns and large stations, where people vote differently",),
    references=(
        Reference(
            "Kobak, Shpilkin, Pshenichnikov: Putin's peaks: Russian election data revisited. Significance 15(3), 2018.",
            "10.48550/arXiv.1804.09495",
        ),
    ),
)
ONES_AND_TWOS_ABOVE, ZEROS_BELOW = 20, 10
"""Kireev's limits."""


@dataclass(frozen=True, slots=True)
class SparseZeros:
    """A commission and party: stations at 0, 1 and 2 votes.

    `p`: chance of so few zeros among the stations at 0, 1 or 2 votes under the Poisson distribution that fits the
    ones and twos; the uncertainty of that fit is not in it.
    """

    commission: str
    party: str
    zeros: int
    ones: int
    twos: int
    p: float


@dataclass(frozen=True)
class Kireev(Result):
    """The commissions found, and how many commission-party pairs were looked at."""

    method = KIREEV
    found: tuple[SparseZeros, ...]
    pairs: int
    commissions: int

    def measured(self) -> str:
        return (
            f"{len(self.found)} of {self.pairs:,} pairs of commission and party ({self.commissions:,} "
            "commissions) have more "
            f"than {ONES_AND_TWOS_ABOVE} stations at one vote and at two votes and fewer than {ZEROS_BELOW} at none."
        )

    def plot(self) -> Figure:
        """Stations at none, one and two votes for each pair found."""
        rows = [(f.zeros, f.ones, f.twos) for f in self.found] or [(0, 0, 0)]
        names = [f"{f.commission}: {f.party}" for f in self.found] or ["none found"]
        return plotting.groups(
            names, np.array(rows, dtype=np.float64), ("no vote", "one vote", "two votes"), xlabel="stations"
        )


@dataclass(frozen=True)
class MachineCounts(Result):
    """`difference`: reported votes less those expected, over `commissions` with both kinds.

    `se`: jackknife over commissions.
    """

    method = MACHINES
    commissions: int
    reported: int
    expected: float
    se: float
    by_commission: Mapping[str, float] = field(repr=False)

    @property
    def difference(self) -> float:
        return self.reported - self.expected

    @property
    def z(self) -> float:
        return self.difference / self.se if self.se > 0 else float("nan")

    def measured(self) -> str:
        return (
            f"in {self.commissions:,} commissions the leader has {self.reported:,} votes; the machine-counted "
            "stations of the "
            f"same commissions suggest {self.expected:,.0f}, a difference of {self.difference:,.0f} "
            f"(standard error {self.se:,.0f})."
        )

    def plot(self) -> Figure:
        """Differences by commission, sorted."""
        differences = np.sort(np.array(list(self.by_commission.values()), dtype=np.float64))
        ranks = np.linspace(1, differences.size, differences.size)
        return plotting.curves(
            ranks,
            {"difference": differences},
            xlabel="commissions, smallest difference first",
            ylabel="reported less expected, votes",
        )


def kireev(votes: Mapping[str, Column], commission: Labels) -> Kireev:
    """Scans all parties in all commissions.

    Args:
        votes: one column of stations per party.
        commission: the commission of each station; make names unique over regions before.

    Raises:
        InputError: a column is no column of counts, lengths differ, no party.
        Refusal: no commission has more than 40 stations.
    """
    if not votes:
        raise InputError("votes", expected="at least one party", found="none")
    checked = columns(**votes)
    size = next(iter(checked.values())).size
    names, code = groups("commission", commission, size)
    stations = np.bincount(code, minlength=len(names))
    if not (stations > 2 * ONES_AND_TWOS_ABOVE).any():
        raise Refusal(
            f"{KIREEV.name}: expected a commission of more than 40 stations, found at most {stations.max(initial=0)}.",
            code="too-few-stations",
        )
    found = []
    for party, column in checked.items():
        zeros, ones, twos = (np.bincount(code[column == k], minlength=len(names)) for k in range(3))
        hit = (ones > ONES_AND_TWOS_ABOVE) & (twos > ONES_AND_TWOS_ABOVE) & (zeros < ZEROS_BELOW)
        for i in np.flatnonzero(hit):
            found.append(_sparse(names[i], party, int(zeros[i]), int(ones[i]), int(twos[i])))
    return Kireev(
        sample=Sample(size, {}),
        warnings=(),
        found=tuple(found),
        pairs=len(names) * len(checked),
        commissions=len(names),
    )


def _sparse(commission: str, party: str, zeros: int, ones: int, twos: int) -> SparseZeros:
    rate = 2 * twos / ones
    zero_chance = 1 / (1 + rate + rate**2 / 2)
    p = stats.binom.cdf(zeros, zeros + ones + twos, zero_chance)
    return SparseZeros(commission, party, zeros, ones, twos, float(p))


def machine_counted(registered: Column, leader: Column, machine: Column, commission: Labels) -> MachineCounts:
    """The leader's votes beside those the machine-counted stations of the same commissions suggest.

    Args:
        machine: 1 where a machine counted, 0 where hands did.

    Raises:
        InputError: a column is no column of counts, lengths differ, `machine` holds other than 0 and 1.
        Refusal: fewer than two commissions with both kinds of stations.
    """
    c = columns(registered=registered, leader=leader)
    n, a = c.values()
    flag = counts("machine", machine)
    if flag.size != n.size or (flag > 1).any():
        raise InputError("machine", expected=f"{n.size} values of 0 or 1", found=f"{flag.size} values")
    names, code = groups("commission", commission, n.size)
    by_machine = np.bincount(code, n * flag, minlength=len(names))
    both = (by_machine > 0) & (np.bincount(code, n * (1 - flag), minlength=len(names)) > 0)
    if np.count_nonzero(both) < 2:
        raise Refusal(
            f"{MACHINES.name}: expected two commissions with both kinds of stations, found {np.count_nonzero(both)}.",
            code="too-few-commissions",
        )
    chosen = select(n.size, {"commission_with_one_kind_only": ~both[code]}, minimum=2, method=MACHINES.name)
    reported = np.bincount(code, a, minlength=len(names))[both]
    rate = np.bincount(code, a * flag, minlength=len(names))[both] / by_machine[both]
    expected = rate * np.bincount(code, n, minlength=len(names))[both]
    difference: Floats = reported - expected
    k = difference.size
    return MachineCounts(
        sample=chosen.sample,
        warnings=(),
        commissions=k,
        reported=int(reported.sum()),
        expected=float(expected.sum()),
        se=float(np.sqrt(k) * difference.std(ddof=1)),
        by_commission=dict(zip((names[i] for i in np.flatnonzero(both)), difference.tolist(), strict=True)),
    )
