"""Do announced counts look computed back from rounded percentages?

If somebody fixes the percentages first, each count is the total times a share with one decimal, rounded. A counted
figure meets one of the 1,001 such values with a chance of about 1,001 / total.

* The last count is bound by the total, so k counts that add up to it are k - 1 independent hits.
* Innocent: whoever announced them may have been handed percentages and worked the counts out for a speech. Then the
  counts announced are no counts, but the percentages may be right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from matplotlib.figure import Figure

from counterfoil.forensics import plotting
from counterfoil.forensics.results import Method, Reference, Result, Sample
from counterfoil.primitives.errors import InputError, Refusal

METHOD = Method(
    name="Counts computed back from rounded percentages",
    question="Is every announced count the announced total times a percentage with few decimals, rounded?",
    null="counts that were counted meet such a value by chance only.",
    minimum="two counts, and a total above 100,000.",
    innocent=("somebody had only the percentages and worked the counts out for a speech or a slide",),
    references=(
        Reference(
            "Gelman: Suspicious data pattern in recent Venezuelan election. statmodeling.stat.columbia.edu, 2024."
        ),
    ),
)


@dataclass(frozen=True)
class BackSolved(Result):
    """For each name the percentage it comes out of, exactly, or None.

    `p`: chance of so many hits; 1 if any is missing.
    """

    method = METHOD
    total: int
    percentages: Mapping[str, Fraction | None]
    p: float

    @property
    def all_come_out(self) -> bool:
        return all(x is not None for x in self.percentages.values())

    def measured(self) -> str:
        if not self.all_come_out:
            missing = [name for name, x in self.percentages.items() if x is None]
            return f"{', '.join(missing)} is not a rounded percentage of {self.total:,}."
        shown = ", ".join(f"{name} {float(x):g} %" for name, x in self.percentages.items() if x is not None)
        return (
            f"all counts are the total {self.total:,} times a rounded percentage ({shown}); by chance that "
            "happens once in "
            f"about {1 / self.p:,.0f} announcements."
        )

    def plot(self) -> Figure:
        """The percentages the counts come out of."""
        heights = np.array([[float(x or 0)] for x in self.percentages.values()])
        return plotting.groups(list(self.percentages), heights, ("all",), xlabel="% of the total")


def back_solved(counts: Mapping[str, int], total: int, *, decimals: int = 1) -> BackSolved:
    """Tests every count against the total times a percentage with `decimals` decimals, rounded (halves either way).

    Raises:
        InputError: a count below 0 or above the total, decimals other than 0, 1 or 2.
        Refusal: fewer than two counts; so many steps that a hit means nothing.
    """
    if decimals not in (0, 1, 2):
        raise InputError("decimals", expected="0, 1 or 2", found=str(decimals))
    for name, count in counts.items():
        if not 0 <= count <= total:
            raise InputError(name, expected=f"a count from 0 to {total:,}", found=f"{count:,}")
    steps = 100 * 10**decimals
    if len(counts) < 2 or total < 1000 * steps // 10:
        raise Refusal(
            (
                f"{METHOD.name}: expected two counts and a total of at least {100 * steps:,}, found "
                f"{len(counts)} and {total:,}."
            ),
            code="too-small",
        )
    found = {name: _percentage(count, total, steps) for name, count in counts.items()}
    bound = 1 if sum(counts.values()) == total else 0
    hit = all(x is not None for x in found.values())
    chance = (steps + 1) / total
    return BackSolved(
        sample=Sample(len(counts), {}, "counts"),
        warnings=(),
        total=total,
        percentages=found,
        p=chance ** (len(counts) - bound) if hit else 1.0,
    )


def _percentage(count: int, total: int, steps: int) -> Fraction | None:
    for step in (count * steps // total, count * steps // total + 1):
        if abs(2 * (total * step - count * steps)) <= steps:
            return Fraction(100 * step, steps)
    return None
