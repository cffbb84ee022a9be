"""The figures of a count: what `tally` computes and `publish` shows. All of it follows from a `Replay`.

Votes are integers, shares exact fractions; a share that can be shown is a `Share`, with base, coverage and bias.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import polars as pl

from counterfoil.election.definition import Contest, Severity
from counterfoil.primitives.ids import AreaId, ContestId, OptionId
from counterfoil.primitives.shares import Base, Bias, Coverage, Share
from counterfoil.record.state import OfficialSnapshot, Replay


class StationNumbers(NamedTuple):
    """The six numbers that always stand together, in stations."""

    expected: int
    received: int
    read: int
    confirmed: int
    disputed: int
    compared: int


class ComparisonClass:
    """Classes of a station against the named official snapshot; values of `stations["comparison"]`."""

    EQUAL = "equal"
    WITHIN_TOLERANCE = "within_tolerance"
    DIGITS_TRANSPOSED = "digits_transposed"
    COLUMNS_SWAPPED = "columns_swapped"
    DIFFERENT = "different"
    OFFICIAL_MISSING = "official_missing"
    OURS_MISSING = "ours_missing"
    OFFICIAL_CHANGED = "official_changed"
    DISPUTED = "disputed"
    ALL = (
        EQUAL,
        WITHIN_TOLERANCE,
        DIGITS_TRANSPOSED,
        COLUMNS_SWAPPED,
        DIFFERENT,
        OFFICIAL_MISSING,
        OURS_MISSING,
        OFFICIAL_CHANGED,
        DISPUTED,
    )


@dataclass(frozen=True, slots=True)
class OptionTotal:
    """One option in one area.

    `votes` of `stations` confirmed stations that state it. `counted_base`: the base votes in all confirmed stations.
    `total`: the base of the whole area, announced or bounded (`total_source`: "official", "register" or None), and with
    it `upper_votes` (everything not counted goes to the option) and `upper_share`, `lower_share`.
    """

    option: OptionId
    votes: int
    stations: int
    counted_base: int
    base_kind: Base
    total: int | None
    total_source: str | None
    upper_votes: int | None
    official: int | None
    coverage: Coverage
    bias: Bias = Bias.UNKNOWN

    @property
    def share(self) -> Share | None:
        """Of the ballots counted so far."""
        if self.counted_base <= 0:
            return None
        return Share(self.votes, self.counted_base, self.base_kind, self.coverage, self.bias)

    @property
    def lower_share(self) -> Fraction | None:
        return Fraction(self.votes, self.total) if self.total else None

    @property
    def upper_share(self) -> Fraction | None:
        return Fraction(self.upper_votes, self.total) if self.total and self.upper_votes is not None else None


@dataclass(frozen=True, slots=True)
class AreaTotal:
    area: AreaId
    numbers: StationNumbers
    registered_counted: int | None
    """Registered voters of the confirmed stations, where every one of them states it."""
    registered: int | None
    """Registered voters of the area: announced, or the sum of its stations."""
    options: tuple[OptionTotal, ...]

    def option(self, option_id: str) -> OptionTotal:
        return next(o for o in self.options if o.option == option_id)


@dataclass(frozen=True, slots=True)
class Remainder:
    """What the uncounted stations must show for the announced figure of an option to hold."""

    area: AreaId
    option: OptionId
    announced: int
    announced_total: int
    counted_votes: int
    counted_total: int
    counted_stations: int
    uncounted_stations: int

    @property
    def left_votes(self) -> int:
        """Negative where the part already exceeds the announced whole."""
        return self.announced - self.counted_votes

    @property
    def left_total(self) -> int:
        return self.announced_total - self.counted_total

    @property
    def left_share(self) -> Fraction | None:
        return Fraction(self.left_votes, self.left_total) if self.left_total > 0 else None

    @property
    def left_per_station(self) -> Fraction | None:
        return Fraction(self.left_votes, self.uncounted_stations) if self.uncounted_stations else None

    @property
    def counted_per_station(self) -> Fraction | None:
        return Fraction(self.counted_votes, self.counted_stations) if self.counted_stations else None

    @property
    def counted_share(self) -> Fraction | None:
        return Fraction(self.counted_votes, self.counted_total) if self.counted_total > 0 else None


@dataclass(frozen=True, slots=True)
class Lead:
    """The worst case for the option that leads the count: how far the missing stations would have to go."""

    area: AreaId
    leader: OptionId
    runner_up: OptionId
    lead_votes: int
    missing_stations: int
    mean_base: Fraction | None
    """Mean base votes per counted station."""
    largest_base: int | None
    upper_runner_up: int | None
    """Votes of the runner-up if everything not counted went there."""

    @property
    def net_votes_needed(self) -> Fraction | None:
        """Net votes for the runner-up that each missing station would need on average."""
        return Fraction(self.lead_votes, self.missing_stations) if self.missing_stations else None


@dataclass(frozen=True, slots=True)
class Finding:
    """A statement that follows from the record; `code` names the rule (docs/methods has a page per code).

    `area` is an area, or the station of a single-station finding (`single`). `value` and `threshold` are the two
    figures whose comparison is the finding. `stations` counts those after the plausibility gate, `gated_out` those it
    removed. `flip_set_size`: the smallest number of stations whose removal reverses the finding; None where not
    defined.
    """

    code: str
    severity: Severity
    contest: ContestId
    area: str
    single: bool
    option: OptionId | None
    value: int | None
    threshold: int | None
    stations: int
    flip_set_size: int | None
    gated_out: int = 0
    snapshot: str | None = None
    numbers: tuple[tuple[str, str], ...] = ()
    """Further figures of the rule, by name, as exact text."""
    entries: tuple[int, ...] = ()
    """Entries it rests on; of aggregate findings the tables, the official snapshot and at most 50 others."""

    @property
    def key(self) -> str:
        """Stable name within a publication, fit for a link."""
        return "-".join((self.code, self.contest, self.area, self.option or "all", self.snapshot or "own"))


@dataclass(frozen=True)
class ContestTally:
    """All figures of one contest."""

    contest: Contest
    stations: pl.DataFrame
    """One row per expected station, sorted by station: station, area, name, kind, listed_registered (of the stations
    table), latitude, longitude, `state` (missing, received, read, confirmed, disputed), `basis` (null, table, readings,
    decision), `copies` (number), `entries` (List(Int64): entries the count rests on), the form's fields with their
    `__state` columns, `votes.<option>` (what enters sums; null if unknown or not confirmed), `base` (sum of the base
    options that are known; null if not confirmed), `comparison` (a ComparisonClass value), `official.<option>` (null
    without a station-level snapshot), `difference` (sum of absolute differences over the options both sides state)."""
    areas: pl.DataFrame
    """One row per area: area, expected, received, read, confirmed, disputed, compared, base, registered_counted,
    registered, total, total_source, `comparison` (a ComparisonClass value for the area as a whole), and per option
    `votes.<o>`, `stations.<o>`, `upper.<o>`, `official.<o>`, and over compared stations only `compared_votes.<o>`,
    `compared_official.<o>`."""
    by_kind: pl.DataFrame
    """Coverage by area type of the stations: kind, expected, received, read, confirmed, disputed, compared."""
    findings: tuple[Finding, ...]
    finding_stations: pl.DataFrame
    """finding (index into `findings`), station, value, threshold, gated_out (Boolean), in_flip_set (Boolean)."""
    snapshot: OfficialSnapshot | None
    """The one compared with."""
    remainders: tuple[Remainder, ...]
    lead: Lead | None

    @cached_property
    def _area_rows(self) -> dict[str, int]:
        return {area: i for i, area in enumerate(self.areas["area"])}

    def area(self, area: str) -> AreaTotal:
        row = self.areas.row(self._area_rows[area], named=True)
        numbers = StationNumbers(**{name: row[name] for name in StationNumbers._fields})
        coverage = Coverage(numbers.confirmed, numbers.expected, row["registered_counted"], row["registered"])
        bias = Bias.NONE if coverage.complete else Bias.UNKNOWN
        return AreaTotal(
            area=AreaId(area),
            numbers=numbers,
            registered_counted=row["registered_counted"],
            registered=row["registered"],
            options=tuple(
                OptionTotal(
                    option=o.id,
                    votes=row[f"votes.{o.id}"],
                    stations=row[f"stations.{o.id}"],
                    counted_base=row["base"],
                    base_kind=self.contest.base.kind,
                    total=row["total"],
                    total_source=row["total_source"],
                    upper_votes=row[f"upper.{o.id}"],
                    official=row[f"official.{o.id}"],
                    coverage=coverage,
                    bias=bias,
                )
                for o in self.contest.options
            ),
        )


@dataclass(frozen=True)
class Results:
    """Everything that is computed from a replay."""

    replay: Replay
    contests: Mapping[ContestId, ContestTally]
