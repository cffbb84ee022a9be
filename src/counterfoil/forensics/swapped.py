"""Were the columns of two options swapped at single stations?

A clerk who enters one option's votes into the other's line leaves a station that looks like its neighbours when
turned round and unlike them as it stands. Each station is compared with what its area (without the station itself) or
the previous round lets expect, as logarithms of the ratio of both options; the spread of honest stations around that
comes from the middle of the data.

* A station is named when it lies more than `far` spreads off as entered and less than `near` when turned round.
* Placebo: the same rule on the mirror image of all deviations, where turning round cannot be the reason.
* Leaves out the decision: the picture of the protocol settles it, nothing else does.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure

from counterfoil.forensics import plotting
from counterfoil.forensics.arrays import Bools, Column, Floats, Ints, columns, labels, select
from counterfoil.forensics.association import Areas
from counterfoil.forensics.results import Method, Reference, Result
from counterfoil.primitives.errors import InputError, Refusal

METHOD = Method(
    name="Columns swapped between two options",
    question=(
        "Which stations look like their neighbours, or like the previous round, only with both options turned round?"
    ),
    null=(
        "deviations from the expectation are as wide to one side as to the other, and as wide as in the "
        "middle of the data."
    ),
    minimum="100 stations with 20 votes for both together, and areas of three stations or a previous round.",
    innocent=("closed institutions and villages that vote unlike everybody around them",),
    references=(Reference("our own rule, not published elsewhere: docs/methods/forensics-scans.md."),),
)
MINIMUM_STATIONS, MINIMUM_VOTES, MINIMUM_AREA = 100, 20, 3
MAD_TO_SD = 1.4826


@dataclass(frozen=True, slots=True)
class SwappedStation:
    """A station by its row in the input, its votes, and how many spreads it lies off as entered and turned round."""

    row: int
    first: int
    second: int
    entered: float
    turned: float


@dataclass(frozen=True)
class Swapped(Result):
    """Stations that fit only when turned round, most striking first; `placebo`: as many by the mirrored rule.

    `spread`: standard deviation of honest stations around the expectation, as logarithm of the ratio, beyond counting
    noise.
    """

    method = METHOD
    found: tuple[SwappedStation, ...]
    placebo: int
    spread: float
    far: float
    near: float
    _deviations: Floats = field(repr=False, compare=False)

    def measured(self) -> str:
        return (
            f"{len(self.found)} stations lie more than {self.far:g} spreads off as entered and less than "
            f"{self.near:g} with "
            f"both options turned round; the mirrored rule names {self.placebo}."
        )

    def plot(self) -> Figure:
        """Deviations of all stations from the expectation, in spreads, cut at 15."""
        shown = np.clip(self._deviations, -15.0, 15.0)
        return plotting.histogram(
            shown,
            marks=(-self.far, self.far),
            xlabel="spreads off the expectation",
            ylabel="stations",
            of_values="stations",
            of_marks="named beyond, if near when turned round",
        )


def columns_swapped(
    first: Column,
    second: Column,
    *,
    areas: Areas | None = None,
    previous_first: Column | None = None,
    previous_second: Column | None = None,
    far: float = 5.0,
    near: float = 2.0,
) -> Swapped:
    """Scans two options' votes for stations that fit only when turned round.

    Args:
        first, second: votes of both options per station.
        areas: area of each station; the expectation is the ratio of the rest of the area.
        previous_first, previous_second: the same options' votes in the previous round; used instead of areas.
        far, near: limits in spreads.

    Raises:
        InputError: a column is no column of counts, lengths differ, neither areas nor a previous round, near not
            below far.
        Refusal: fewer than 100 usable stations, or both options equally strong everywhere, where turning changes
            nothing.
    """
    if not 0 < near < far:
        raise InputError("near", expected=f"above 0 and below far ({far:g})", found=f"{near:g}")
    c = columns(first=first, second=second)
    a, b = c["first"], c["second"]
    reasons: dict[str, Bools] = {"fewer_than_20_votes": a + b < MINIMUM_VOTES}
    if previous_first is not None and previous_second is not None:
        p = columns(first=first, previous_first=previous_first, previous_second=previous_second)
        rest_a, rest_b = p["previous_first"], p["previous_second"]
    elif areas is not None:
        code = labels("areas", areas, a.size)
        rest_a, rest_b = _rest(a, code), _rest(b, code)
        reasons["area_below_three_stations"] = np.bincount(code)[code] < MINIMUM_AREA
    else:
        raise InputError("areas", expected="areas or both columns of a previous round", found="neither")
    reasons["nothing_to_compare_with"] = rest_a + rest_b < MINIMUM_VOTES
    chosen = select(a.size, reasons, minimum=MINIMUM_STATIONS, method=METHOD.name)
    rows = np.flatnonzero(chosen.keep)
    a, b = chosen(a), chosen(b)
    ratio, expected = _log_ratio(a, b), _log_ratio(chosen(rest_a), chosen(rest_b))
    expected = expected + float(np.median(ratio - expected))
    counting = 1 / (a + 0.5) + 1 / (b + 0.5)
    middle = MAD_TO_SD * float(np.median(np.abs(ratio - expected)))
    spread = float(np.sqrt(max(middle**2 - float(np.median(counting)), 1e-4)))
    width = np.sqrt(spread**2 + counting)
    if float(np.median(np.abs(expected) / width)) < 0.5:
        raise Refusal(
            f"{METHOD.name}: expected options of unlike strength, found a typical distance of "
            f"{float(np.median(2 * np.abs(expected) / width)):.1f} spreads between both ways round; "
            f"turning changes nothing.",
            code="options-alike",
        )
    deviation = (ratio - expected) / width
    hit = _fits_only_turned(deviation, expected / width, far, near)
    order = sorted(np.flatnonzero(hit), key=lambda i: -abs(deviation[i]))
    found = tuple(
        SwappedStation(
            int(rows[i]), int(a[i]), int(b[i]), float(deviation[i]), float(-deviation[i] - 2 * expected[i] / width[i])
        )
        for i in order
    )
    return Swapped(
        sample=chosen.sample,
        warnings=(),
        found=found,
        placebo=int(np.count_nonzero(_fits_only_turned(-deviation, expected / width, far, near))),
        spread=spread,
        far=far,
        near=near,
        _deviations=deviation,
    )


def _rest(column: Ints, code: Ints) -> Ints:
    """The area's sum without the station itself."""
    total = np.zeros(int(code.max(initial=0)) + 1, dtype=np.int64)
    np.add.at(total, code, column)
    return total[code] - column


def _log_ratio(a: Ints, b: Ints) -> Floats:
    out: Floats = np.log((a + 0.5) / (b + 0.5))
    return out


def _fits_only_turned(deviation: Floats, expected: Floats, far: float, near: float) -> Bools:
    """Turned round, ratio r becomes -r, so the deviation d = r - e becomes -d - 2e."""
    out: Bools = (np.abs(deviation) > far) & (np.abs(deviation + 2 * expected) < near)
    return out
