"""Voters' reports beside the protocol of their own station: more reported ballots than the protocol shows votes.

A report is one voter's own ballot, so a station's protocol can't show fewer votes for an option than its voters
reported. Plausibility gate first: a station whose reports, over all options, exceed its ballots cast (the larger of
the stated total and the sum of the options), or whose figure is below 0, has a wrong assignment somewhere; it is
counted as `gated_out` and is evidence of nothing. (Station 07-006-0042 in Belarus 2020: 1,884 photographed ballots
beside a protocol of 1,162.)
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from counterfoil.election.definition import Contest, Severity
from counterfoil.tally.addition import Found, Territory, station_rows
from counterfoil.tally.results import Finding

FRAGILE_EXCESS = 3
"""Votes: a slip of the pen explains as much; shown beside the finding as its fragile part."""

_SCHEMA = {"station": pl.String, "option": pl.String, "reports": pl.Int64, "station_reports": pl.Int64}


def station_reports(reports: pl.DataFrame | None) -> pl.DataFrame:
    """station, option, reports, station_reports (over all options); remainder rows have no station and are left out."""
    if reports is None:
        return pl.DataFrame(schema=_SCHEMA)
    placed = reports.filter(pl.col("station").is_not_null())
    summed = placed.group_by("station", "option", maintain_order=True).agg(pl.col("reports").sum())
    return summed.with_columns(pl.col("reports").sum().over("station").alias("station_reports")).sort(
        "station", "option"
    )


def exceeding(stations: pl.DataFrame, reports: pl.DataFrame, option: str) -> pl.DataFrame:
    """Stations with more reports than votes for it: station, area, value (reports), threshold (votes), gated_out."""
    mine = reports.filter(pl.col("option") == option)
    figures = stations.select("station", "area", "cast", f"votes.{option}")
    joined = figures.join(mine, on="station", how="inner", maintain_order="left")
    return joined.filter(pl.col("reports") > pl.col(f"votes.{option}")).select(
        "station",
        "area",
        pl.col("reports").alias("value"),
        pl.col(f"votes.{option}").alias("threshold"),
        _implausible(option).alias("gated_out"),
    )


def _severity(stations: int, fragile: int) -> Severity:
    if stations == 0:
        return Severity.NOTE  # all of it fell to the gate: told, so that nobody finds it and thinks it was hidden
    return Severity.CONTRADICTION if stations > fragile else Severity.CHECK


def _implausible(option: str) -> pl.Expr:
    """More reports than ballots, or a protocol figure below 0: a slip in the data, and evidence of nothing."""
    return ((pl.col("station_reports") > pl.col("cast")) | (pl.col(f"votes.{option}") < 0)).fill_null(value=False)


def reports_exceed_protocol(
    contest: Contest, country: str, territory: Territory, reports: pl.DataFrame, entries: tuple[int, ...]
) -> Iterator[Found]:
    """For the country and each area one level below it."""
    if not reports.height:
        return
    everywhere = {option.id: exceeding(territory.stations, reports, option.id) for option in contest.options}
    for area in (country, *territory.children(country)):
        for option in contest.options:
            found = territory.inside(everywhere[option.id], area)
            kept = found.filter(~pl.col("gated_out"))
            if not found.height:
                continue
            excess = kept["value"] - kept["threshold"]
            fragile = int((excess <= FRAGILE_EXCESS).sum())
            yield Found(
                Finding(
                    code="reports-exceed-protocol",
                    severity=_severity(kept.height, fragile),
                    contest=contest.id,
                    area=area,
                    single=False,
                    option=option.id,
                    value=int(kept["value"].sum()),
                    threshold=int(kept["threshold"].sum()),
                    stations=kept.height,
                    flip_set_size=kept.height or None,
                    gated_out=found.height - kept.height,
                    numbers=(
                        ("excess", str(int(excess.sum()))),
                        ("fragile_stations", str(fragile)),
                        ("excess_before_gate", str(int((found["value"] - found["threshold"]).sum()))),
                    ),
                    entries=entries,
                ),
                pl.concat(
                    [station_rows(kept, list(range(kept.height))), station_rows(found.filter("gated_out"), None)]
                ),
            )


def larger_of(stations: pl.DataFrame, reports: pl.DataFrame, option: str, *, gated: bool = True) -> int:
    """Sum over stations of the larger of protocol and reports: a floor for the option's votes.

    `gated=True` takes the protocol's figure where a station's reports exceed its ballots cast.
    """
    mine = reports.filter(pl.col("option") == option).select("station", "reports", "station_reports")
    joined = stations.join(mine, on="station", how="left")
    implausible = _implausible(option) & pl.lit(gated)
    usable = pl.when(~implausible).then(pl.col("reports"))
    return int(joined.select(pl.max_horizontal(f"votes.{option}", usable).sum()).item())
