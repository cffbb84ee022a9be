"""Shpilkin's clean peak: how many of the leader's votes are out of proportion to those of all others?

Around the turnout at which the others' votes peak, stations are taken as clean; the ratio of the leader's votes to
theirs there is carried over to every other turnout, and what the leader has above it is the estimate. It assumes that
preference does not depend on turnout in clean stations, which is never quite true.

* Always a range: the estimate is given for half-widths 0 to 5 of the clean peak, over all turnouts and from the peak
  upwards.
* In clean elections the estimate is not zero: -2.6 % of the leader's votes in Canada 2011, -8.2 % in Poland by
  municipality, +10 % from the peak upwards for one candidate in Venezuela's witnesses' sheets.
* Refused where no clean peak is left: where the others' votes peak well above the turnout of the whole, the peak is
  itself part of what is to be measured (Russia 2020 and 2024, where the authors of the method set it by hand).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure

from counterfoil.forensics import plotting
from counterfoil.forensics.arrays import Column, Floats, columns, select, turnout_reasons
from counterfoil.forensics.results import Method, Reference, Result
from counterfoil.primitives.errors import InputError, Refusal

METHOD = Method(
    name="Clean peak (Shpilkin)",
    question="How many of the leader's votes are out of proportion to those of all others, given the clean stations?",
    null="the ratio of the leader's votes to all others does not depend on turnout.",
    minimum="500 stations, and a peak of the others' votes at or below the turnout of the whole.",
    innocent=(
        "town and country, or regions, that differ both in turnout and in preference",
        "in clean elections the estimate reaches several percent of the leader's votes, of either sign",
    ),
    references=(
        Reference(
            "Shpilkin: Statistical study of Russian elections 2007-2009 (in Russian). Troitsky Variant 40, 2009."
        ),
        Reference(
            "Kobak, Shpilkin, Pshenichnikov: Statistical anomalies in 2011-2012 Russian elections revealed by 2D "
            "correlation analysis, 2012.",
            "10.48550/arXiv.1205.0741",
        ),
    ),
)
MINIMUM_STATIONS = 500
HALF_WIDTHS = (0, 1, 2, 3, 4, 5)
NOISE_IN_CLEAN_ELECTIONS = 0.1
"""Largest size of the estimate, as part of the leader's votes, seen in an election taken as clean."""


@dataclass(frozen=True, slots=True)
class PeakEstimate:
    """The estimate for one half-width h: bins with |turnout bin - peak| <= h are the clean ones.

    `ratio`: the leader's votes per vote of the others there. `votes`: votes out of proportion over all turnouts;
    `votes_from_peak`: over turnouts from the peak upwards.
    """

    half_width: int
    ratio: float
    votes: float
    votes_from_peak: float


@dataclass(frozen=True)
class CleanPeak(Result):
    """`estimate` at the half-width asked for, `by_half_width` for 0..5; `low` and `high` span all of them.

    `peak`: turnout in percent at which the others' votes peak. `leader_share` as reported, `clean_share` in the clean
    stations. `corrected_turnout`: ballots handed out less the votes out of proportion, over the voters on the lists.
    """

    method = METHOD
    peak: int
    estimate: PeakEstimate
    by_half_width: tuple[PeakEstimate, ...]
    low: float
    high: float
    leader_votes: int
    leader_share: float
    clean_share: float
    turnout: float
    corrected_turnout: float
    _profile: tuple[Floats, Floats] = field(repr=False, compare=False)

    def measured(self) -> str:
        return (
            f"the votes of all others peak at a turnout of {self.peak} %; beside their ratio there, "
            f"{self.estimate.votes:,.0f} of the leader's {self.leader_votes:,} votes are out of proportion "
            f"({self.low:,.0f} to {self.high:,.0f}, depending on how wide the peak is taken and whether lower turnouts "
            f"count)."
        )

    def plot(self) -> Figure:
        """Votes by turnout: the leader's, the others', and the others' times the ratio of the clean peak."""
        leader, others = self._profile
        lines = {"leader": leader, "all others": others, "all others x ratio": self.estimate.ratio * others}
        return plotting.curves(
            np.arange(101.0), lines, xlabel="turnout, %", ylabel="votes per percent of turnout", marks=(self.peak,)
        )


def clean_peak(
    registered: Column,
    given: Column,
    cast: Column,
    leader: Column,
    *,
    half_width: int = 3,
    peak: int | None = None,
) -> CleanPeak:
    """Estimates the leader's votes out of proportion to all others, with its range.

    Args:
        half_width: of the clean peak in percentage points of turnout.
        peak: its middle in percent; None finds it where the others' votes peak.

    Raises:
        InputError: a column is no column of counts, lengths differ, half-width or peak out of range.
        Refusal: fewer than 500 stations; nobody voted for others; no clean peak is left.
    """
    c = columns(registered=registered, given=given, cast=cast, leader=leader)
    n, g, r, a = c.values()
    if half_width not in range(11):
        raise InputError("half_width", expected="0 to 10 points", found=str(half_width))
    if peak is not None and peak not in range(101):
        raise InputError("peak", expected="0 to 100 percent", found=str(peak))
    reasons = turnout_reasons(n, g, r, a, 1)
    reasons["no_voters"] = reasons.pop("registered_below_minimum")
    chosen = select(n.size, reasons, minimum=MINIMUM_STATIONS, method=METHOD.name)
    n, g, r, a = chosen(n), chosen(g), chosen(r), chosen(a)
    percent = (200 * g + n) // (2 * n)
    votes = np.bincount(percent, a, minlength=101).astype(np.float64)
    others = np.bincount(percent, r - a, minlength=101).astype(np.float64)
    turnout = float(g.sum() / n.sum())
    warnings = []
    if peak is None:
        peak = int(others.argmax())
        if peak > 100 * turnout + half_width:
            raise Refusal(
                f"{METHOD.name}: expected the others' votes to peak at or below the turnout of the whole, "
                "found the peak at "
                f"{peak} % and the turnout at {100 * turnout:.1f} %; no clean peak is left to measure from.",
                code="no-clean-peak",
            )
    else:
        warnings.append("The peak was set by hand.")
    found = tuple(_estimate(votes, others, peak, h) for h in sorted({*HALF_WIDTHS, half_width}))
    if not all(math.isfinite(e.ratio) for e in found):
        raise Refusal(f"{METHOD.name}: expected votes for others near {peak} %, found none.", code="no-clean-peak")
    estimate = next(e for e in found if e.half_width == half_width)
    spread = [x for e in found for x in (e.votes, e.votes_from_peak)]
    total = int(a.sum())
    if abs(estimate.votes) < NOISE_IN_CLEAN_ELECTIONS * total:
        warnings.append("An estimate of this size, below a tenth of the leader's votes, occurs in clean elections.")
    return CleanPeak(
        sample=chosen.sample,
        warnings=tuple(warnings),
        peak=peak,
        estimate=estimate,
        by_half_width=found,
        low=min(spread),
        high=max(spread),
        leader_votes=total,
        leader_share=float(a.sum() / r.sum()),
        clean_share=estimate.ratio / (1 + estimate.ratio),
        turnout=turnout,
        corrected_turnout=float((g.sum() - estimate.votes) / n.sum()),
        _profile=(votes, others),
    )


def _estimate(votes: Floats, others: Floats, peak: int, half_width: int) -> PeakEstimate:
    clean = slice(max(peak - half_width, 0), peak + half_width + 1)
    base = others[clean].sum()
    ratio = float(votes[clean].sum() / base) if base > 0 else math.nan
    gap = votes - ratio * others
    return PeakEstimate(half_width, ratio, float(gap.sum()), float(gap[peak:].sum()))
