"""When a figure stands out, and how that is kept honest across many figures.

One election gives dozens of p-values: several tests, each over the whole and in every area. Looked at one by one, some
are small by chance. So all of them are one family, adjusted by Holm's method: under the null, whatever depends on
whatever, the probability that *any* figure of the family stands out is at most `FAMILY`.

* Only tests whose false-alarm rate was measured on clean elections carry a level (`LEVELS`); all others are
  descriptions and can't stand out, however far they are from a textbook value.
* "Stands out" is a statement about a null model. It is not a finding, and nothing is concluded from it here.
* The measurements behind the levels: docs/methods/forensics.md, made by `counterfoil forensics calibrate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FAMILY = 0.01
"""Largest probability that a clean election of this shape shows any figure that stands out."""


@dataclass(frozen=True, slots=True)
class Level:
    """What a test's figure must reach to stand out, besides an adjusted p of at most `FAMILY`.

    `least_z`: above what clean elections reach; None where the test has no z. `origin`: where the level comes from.
    """

    least_z: float | None
    origin: str


_DIGITS = (
    "The p-value itself: at 1 % it gave 0.5 to 2.2 % false alarms in 400 simulated clean elections of each of three "
    "kinds on stations of Belarus and of Russia; over the whole none stood out after adjustment, nor on the witnesses' "
    "sheets of Venezuela 2024."
)
LEVELS: Mapping[str, Level] = {
    "integer-percentages": Level(
        4.0,
        "400 simulated clean elections on the stations of the Belarus protocols never exceeded z = 3.9; real elections "
        "taken as clean reach 2.2 (Canada 2011, witnesses' sheets of Venezuela 2024).",
    ),
    "last-digits": Level(None, _DIGITS),
    "last-digits-turnout": Level(None, _DIGITS),
}


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p-values after Holm (1979): reject where at most alpha, and the family-wise error is at most alpha.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    out = [1.0] * len(p)
    reached = 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        reached = max(reached, min(1.0, (len(p) - rank) * p[index]))
        out[index] = reached
    return out


def stands_out(test: str, adjusted_p: float | None, z: float | None) -> bool:
    """Whether a figure is beyond its calibrated level; never for tests without one."""
    level = LEVELS.get(test)
    if level is None or adjusted_p is None or adjusted_p > FAMILY:
        return False
    return level.least_z is None or (z is not None and z >= level.least_z)
