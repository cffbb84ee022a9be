"""What follows by addition alone: part exceeds whole, bounds, remainder, the worst case for the leader.

* **part exceeds whole**: the confirmed counts of an area already exceed what was announced for the whole of it; where
  they alone do not, the voters' reports of stations without a count are added (each report is one ballot, and no
  ballot is in both). Plausibility gate: a station's reports may not exceed its register, where that is known.
* **bound excludes official**: even if everything that is not counted went to an option, it could not have got what was
  announced. (The other side is part exceeds whole.)
* **remainder**: what the uncounted stations must show for the announced figure to hold. It is noted where no area that
  was counted (with at least 10 stations) shows as much or as little.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import polars as pl

from counterfoil.agreement.counts import STATION_STATE_TYPE
from counterfoil.election.definition import Contest, OptionKind, Severity
from counterfoil.primitives.ids import AreaId, OptionId
from counterfoil.primitives.shares import decimal6
from counterfoil.tally.areas import closure
from counterfoil.tally.flips import flip_set
from counterfoil.tally.results import Finding, Lead, Remainder

MIN_STATIONS_TO_COMPARE = 10
"""Counted stations an area needs before its share says anything about what the uncounted may show."""
STATION_SCHEMA = {
    "station": pl.String,
    "value": pl.Int64,
    "threshold": pl.Int64,
    "gated_out": pl.Boolean,
    "in_flip_set": pl.Boolean,
}


@dataclass(frozen=True)
class Found:
    """A finding with the stations behind it (STATION_SCHEMA); a single-station finding names its own."""

    finding: Finding
    stations: pl.DataFrame | None = None


def station_rows(frame: pl.DataFrame, flips: list[int] | None) -> pl.DataFrame:
    """`frame` has station, value, threshold, gated_out; marks the positions in `flips`."""
    chosen = pl.Series("at", flips or [], dtype=pl.Int64)
    return frame.with_row_index("at").select(
        "station",
        "value",
        pl.col("threshold").cast(pl.Int64),
        "gated_out",
        pl.col("at").cast(pl.Int64).is_in(chosen.implode()).alias("in_flip_set"),
    )


class Territory:
    """Which stations lie in an area, without going through the tree each time."""

    def __init__(self, areas: pl.DataFrame, stations: pl.DataFrame) -> None:
        self.stations = stations
        self._below: dict[str, list[str]] = {}
        self._above: dict[str, list[str]] = {}
        for area, ancestor in closure(areas).iter_rows():
            self._below.setdefault(ancestor, []).append(area)
            self._above.setdefault(area, []).append(ancestor)
        self._children: dict[str, list[str]] = {}
        for area, parent in areas.select("area", "parent").iter_rows():
            self._children.setdefault(parent, []).append(area)

    def within(self, area: str) -> pl.DataFrame:
        return self.inside(self.stations, area)

    def inside(self, frame: pl.DataFrame, area: str) -> pl.DataFrame:
        """The rows of `frame` (it has the lowest `area` of each) that lie in `area`."""
        below = self._below[area]
        if len(below) == len(self._below):
            return frame
        return frame.filter(pl.col("area").is_in(below))

    def above(self, area: str) -> list[str]:
        """The area and all that hold it."""
        return self._above[area]

    def children(self, area: str) -> list[str]:
        return self._children.get(area, [])


def part_exceeds_whole(
    contest: Contest,
    areas: pl.DataFrame,
    territory: Territory,
    reports: pl.DataFrame,
    entries: tuple[int, ...],
    snapshot: str | None,
) -> Iterator[Found]:
    """Areas and options whose part exceeds the announced whole; `reports` has station, option, reports, register."""
    uncounted = _Uncounted(territory, reports)
    for row in areas.iter_rows(named=True):
        for option in contest.options:
            announced = row[f"official.{option.id}"]
            if announced is None:
                continue
            part = _part(row["area"], option.id, announced, row[f"votes.{option.id}"], territory, uncounted)
            if part is None:
                continue
            stations, numbers = part
            inside = stations.filter(~pl.col("gated_out"))
            total = int(inside["value"].sum())
            flips = flip_set(inside["value"], total - announced)
            yield Found(
                Finding(
                    code="part-exceeds-whole",
                    severity=_severity(flips),
                    contest=contest.id,
                    area=row["area"],
                    single=False,
                    option=option.id,
                    value=total,
                    threshold=announced,
                    stations=inside.height,
                    flip_set_size=len(flips) if flips is not None else None,
                    gated_out=stations.height - inside.height,
                    snapshot=snapshot,
                    numbers=(("excess", str(total - announced)), *numbers),
                    entries=entries,
                ),
                pl.concat([station_rows(inside, flips), station_rows(stations.filter("gated_out"), None)]),
            )
        if row["total_source"] == "official" and row["base"] > row["total"]:
            stations = _contributions(territory.within(row["area"]), "base")
            flips = flip_set(stations["value"], row["base"] - row["total"])
            yield Found(
                Finding(
                    code="part-exceeds-whole",
                    severity=_severity(flips),
                    contest=contest.id,
                    area=row["area"],
                    single=False,
                    option=None,
                    value=row["base"],
                    threshold=row["total"],
                    stations=stations.height,
                    flip_set_size=len(flips) if flips is not None else None,
                    snapshot=snapshot,
                    numbers=(("excess", str(row["base"] - row["total"])),),
                    entries=entries,
                ),
                station_rows(stations, flips),
            )


def _severity(flips: list[int] | None) -> Severity:
    """A statement that a single station carries is looked at before it is called a contradiction."""
    return Severity.CHECK if flips is not None and len(flips) <= 1 else Severity.CONTRADICTION


def _contributions(stations: pl.DataFrame, column: str) -> pl.DataFrame:
    return stations.filter(pl.col(column).is_not_null()).select(
        "station",
        pl.col(column).alias("value"),
        pl.lit(None, pl.Int64).alias("threshold"),
        pl.lit(value=False).alias("gated_out"),
    )


class _Uncounted:
    """Voters' reports of stations without a count, and their sums in every area: one pass, however many areas."""

    def __init__(self, territory: Territory, reports: pl.DataFrame) -> None:
        confirmed = pl.col("state") == pl.lit("confirmed", STATION_STATE_TYPE)
        missing = territory.stations.filter(~confirmed).select("station", "area", "listed_registered")
        self.rows = missing.join(reports, on="station", how="inner", maintain_order="left").select(
            "station",
            "area",
            "option",
            pl.col("reports").alias("value"),
            pl.lit(None, pl.Int64).alias("threshold"),
            (pl.col("station_reports") > pl.col("listed_registered")).fill_null(value=False).alias("gated_out"),
        )
        self.added: dict[tuple[str, str], int] = {}
        sums = self.rows.filter(~pl.col("gated_out")).group_by("area", "option").agg(pl.col("value").sum())
        for area, option, votes in sums.iter_rows():
            for ancestor in territory.above(area):
                self.added[ancestor, option] = self.added.get((ancestor, option), 0) + votes


def _part(
    area: str, option: str, announced: int, votes: int, territory: Territory, uncounted: _Uncounted
) -> tuple[pl.DataFrame, tuple[tuple[str, str], ...]] | None:
    """The stations of the part and what they add, if it exceeds `announced`; counts alone where they suffice."""
    if votes > announced:
        counted = _contributions(territory.within(area), f"votes.{option}")
        return counted, (("counted_votes", str(votes)), ("counted_stations", str(counted.height)))
    added = uncounted.added.get((area, option), 0)
    if votes + added <= announced:
        return None
    extra = territory.inside(uncounted.rows, area).filter(pl.col("option") == option).drop("area", "option")
    counted = _contributions(territory.within(area), f"votes.{option}")
    numbers = (
        ("counted_votes", str(votes)),
        ("counted_stations", str(counted.height)),
        ("reports_added", str(added)),
        ("reports_stations", str(extra.filter(~pl.col("gated_out")).height)),
    )
    return pl.concat([counted, extra]), numbers


def bound_excludes_official(
    contest: Contest, areas: pl.DataFrame, territory: Territory, entries: tuple[int, ...], snapshot: str | None
) -> Iterator[Found]:
    """Areas and options whose announced figure is above the upper bound."""
    for row in areas.iter_rows(named=True):
        for option in contest.options:
            announced, upper = row[f"official.{option.id}"], row[f"upper.{option.id}"]
            if announced is None or upper is None or announced <= upper:
                continue
            inside = territory.within(row["area"]).filter(pl.col("base").is_not_null())
            # Without a station its whole base becomes room for the option, less what the option has there already.
            gain = inside["base"] - inside[f"votes.{option.id}"].fill_null(0)
            flips = flip_set(gain, announced - upper)
            stations = inside.select(
                "station",
                gain.alias("value"),
                pl.lit(None, pl.Int64).alias("threshold"),
                pl.lit(value=False).alias("gated_out"),
            )
            yield Found(
                Finding(
                    code="bound-excludes-official",
                    severity=_severity(flips),
                    contest=contest.id,
                    area=row["area"],
                    single=False,
                    option=option.id,
                    value=row[f"votes.{option.id}"],
                    threshold=announced,
                    stations=inside.height,
                    flip_set_size=len(flips) if flips is not None else None,
                    snapshot=snapshot,
                    numbers=(
                        ("upper_bound", str(upper)),
                        ("announced_total", str(row["total"])),
                        ("counted_total", str(row["base"])),
                        ("uncounted_stations", str(row["expected"] - row["confirmed"])),
                    ),
                    entries=entries,
                ),
                station_rows(stations, flips),
            )


def remainders(contest: Contest, areas: pl.DataFrame) -> tuple[Remainder, ...]:
    """One per area and option with an announced figure, an announced total and something not counted."""
    return tuple(
        Remainder(
            area=AreaId(row["area"]),
            option=option.id,
            announced=row[f"official.{option.id}"],
            announced_total=row["total"],
            counted_votes=row[f"votes.{option.id}"],
            counted_total=row["base"],
            counted_stations=row["confirmed"],
            uncounted_stations=row["expected"] - row["confirmed"],
        )
        for row in areas.iter_rows(named=True)
        if row["total_source"] == "official" and row["expected"] > row["confirmed"] > 0
        for option in contest.options
        if row[f"official.{option.id}"] is not None
    )


def remainder_implausible(
    contest: Contest,
    found: tuple[Remainder, ...],
    areas: pl.DataFrame,
    territory: Territory,
    entries: tuple[int, ...],
    snapshot: str | None,
) -> Iterator[Found]:
    """Remainders outside the range of what counted areas one level below show. A note: uncounted areas may differ."""
    rows = {row["area"]: row for row in areas.iter_rows(named=True)}
    for rest in found:
        share = rest.left_share
        if share is None or rest.left_votes < 0 or rest.left_votes > rest.left_total:
            continue  # impossible, not implausible: the other two rules name it
        shown = [
            Fraction(rows[c][f"votes.{rest.option}"], rows[c]["base"])
            for c in territory.children(rest.area)
            if rows[c]["confirmed"] >= MIN_STATIONS_TO_COMPARE and rows[c]["base"] > 0
        ]
        if len(shown) < 2 or min(shown) <= share <= max(shown):
            continue
        yield Found(
            Finding(
                code="remainder-implausible",
                severity=Severity.NOTE,
                contest=contest.id,
                area=rest.area,
                single=False,
                option=rest.option,
                value=rest.counted_votes,
                threshold=rest.announced,
                stations=rest.counted_stations,
                flip_set_size=None,
                snapshot=snapshot,
                numbers=(
                    ("left_votes", str(rest.left_votes)),
                    ("left_total", str(rest.left_total)),
                    ("left_share", decimal6(share) or ""),
                    ("counted_share", decimal6(rest.counted_share) or ""),
                    ("least_area_share", decimal6(min(shown)) or ""),
                    ("largest_area_share", decimal6(max(shown)) or ""),
                    ("uncounted_stations", str(rest.uncounted_stations)),
                ),
                entries=entries,
            )
        )


def lead(contest: Contest, areas: pl.DataFrame, stations: pl.DataFrame, country: str) -> Lead | None:
    """The worst case for the option that leads the count in the country; None without two options with votes."""
    row = areas.filter(pl.col("area") == country).row(0, named=True)
    running = [o for o in contest.options if o.kind is not OptionKind.INVALID]
    # The order of the definition breaks a tie for the first place: then the lead is 0 and nothing follows from it.
    ranked = sorted(running, key=lambda o: -row[f"votes.{o.id}"])
    if len(ranked) < 2 or row["confirmed"] == 0:
        return None
    first, second = ranked[0], ranked[1]
    largest = stations["base"].max()
    return Lead(
        area=AreaId(country),
        leader=OptionId(first.id),
        runner_up=OptionId(second.id),
        lead_votes=row[f"votes.{first.id}"] - row[f"votes.{second.id}"],
        missing_stations=row["expected"] - row["confirmed"],
        mean_base=Fraction(row["base"], row["confirmed"]),
        largest_base=largest if isinstance(largest, int) else None,
        upper_runner_up=row[f"upper.{second.id}"],
    )
