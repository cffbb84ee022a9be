"""Shares that cannot be shown without what they are shares of.

A bare percentage was turned against the people who published it (Golos 2020: 61.7 % "in the opposition's own
count", of a set that held the falsified protocols). So a `Share` keeps numerator and denominator exact and carries
its base, its coverage and the direction in which what is missing may bend it; its text always has all of them, and it
has no `__float__`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from fractions import Fraction


class Base(enum.StrEnum):
    """What a share is a share of."""

    VALID = "valid"
    BALLOTS_CAST = "ballots_cast"
    REGISTERED = "registered"


class Bias(enum.StrEnum):
    """Which way the counted stations may differ from all stations."""

    UNKNOWN = "unknown"
    NONE = "none"
    """Every station is in."""
    TOO_HIGH = "too_high"
    """The counted stations may show more for this option than all would."""
    TOO_LOW = "too_low"


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the whole stands behind a figure. `registered` is None where the register is unknown."""

    stations: int
    of_stations: int
    registered: int | None = None
    of_registered: int | None = None

    @property
    def complete(self) -> bool:
        return self.stations == self.of_stations


@dataclass(frozen=True, slots=True)
class Share:
    """`votes` of `base` (exact), with coverage and direction of bias. There is no way to print it without them."""

    votes: int
    base: int
    base_kind: Base
    coverage: Coverage
    bias: Bias = Bias.UNKNOWN

    def __post_init__(self) -> None:
        if self.base <= 0:
            raise ValueError(f"a share needs a base above 0, found {self.base}")

    @property
    def exact(self) -> Fraction:
        return Fraction(self.votes, self.base)

    def __str__(self) -> str:
        bias = {
            Bias.UNKNOWN: "direction of bias unknown",
            Bias.NONE: "all stations are in",
            Bias.TOO_HIGH: "the stations counted may overstate it",
            Bias.TOO_LOW: "the stations counted may understate it",
        }[self.bias]
        return (
            f"{percent(self.exact)} of {self.base} ({self.base_kind.value.replace('_', ' ')}), "
            f"{self.coverage.stations} of {self.coverage.of_stations} stations, {bias}"
        )

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        if spec:
            raise TypeError("a share has one text form, with its base, coverage and bias; no format is taken")
        return str(self)


def decimal6(value: Fraction | None) -> str | None:
    """Six decimals, half to even, as published in data files: `Fraction(1, 3)` -> `"0.333333"`; None stays None."""
    if value is None:
        return None
    millionths = round(value * 1_000_000)
    sign = "-" if millionths < 0 else ""
    return f"{sign}{abs(millionths) // 1_000_000}.{abs(millionths) % 1_000_000:06d}"


def percent(value: Fraction, digits: int = 2) -> str:
    """Percent with a fixed number of digits, half to even, computed in integers."""
    scaled = round(value * 100 * 10**digits)
    sign = "-" if scaled < 0 else ""
    whole, part = divmod(abs(scaled), 10**digits)
    return f"{sign}{whole}.{part:0{digits}d} %" if digits else f"{sign}{whole} %"
