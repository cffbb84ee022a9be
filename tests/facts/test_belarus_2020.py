"""Belarus 2020: every published figure of the Golos table that belongs to the count, to the vote, from the record.

Expected values: facts.md of the project's shared data, computed from voice.csv of 25 October 2020.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import polars as pl
import pytest

from counterfoil.election.definition import Blank
from counterfoil.election.suppression import suppress
from counterfoil.primitives.shares import percent
from counterfoil.tally.arithmetic import check_frame
from counterfoil.tally.reports import larger_of, station_reports
from counterfoil.tally.results import ContestTally, Finding
from counterfoil.workflow import CountResult

OPTIONS = ("tihanovkaja", "lukashenko", "dmitriyev", "kanopatskaja", "cherechen", "against", "corrupted")


@pytest.fixture
def tally(belarus: CountResult) -> ContestTally:
    return belarus.results.contests["president"]  # type: ignore[index]


@pytest.fixture
def reports(belarus: CountResult) -> pl.DataFrame:
    return station_reports(belarus.results.replay.reports["president"])


def finding(tally: ContestTally, code: str, area: str, option: str | None) -> Finding:
    (only,) = (f for f in tally.findings if (f.code, f.area, f.option) == (code, area, option))
    return only


def test_stations_and_protocols(tally: ContestTally) -> None:
    assert tally.area("BY").numbers == (5767, 1395, 1395, 1395, 0, 0)
    assert tally.area("8").numbers.confirmed == 25
    assert round(1395 / 5767 * 100, 1) == 24.2


def test_sums_of_the_protocols(tally: ContestTally) -> None:
    votes = {o.option: o.votes for o in tally.area("BY").options}
    assert list(votes.items()) == list(
        zip(OPTIONS, (497_510, 1_236_287, 32_467, 37_937, 31_137, 130_006, 18_862), strict=True)
    )
    assert tally.area("BY").options[0].counted_base == sum(votes.values()) == 1_984_206


def test_protocols_won(tally: ContestTally) -> None:
    pairs = tally.stations.select("votes.tihanovkaja", "votes.lukashenko").drop_nulls().rows()
    assert Counter((a > b) - (a < b) for a, b in pairs) == {1: 203, -1: 1191, 0: 1}


def test_photographed_ballots(reports: pl.DataFrame) -> None:
    by_option = dict(reports.group_by("option").agg(pl.col("reports").sum()).iter_rows())
    assert sum(by_option.values()) == 540_127
    assert (by_option["tihanovkaja"], by_option["lukashenko"]) == (530_047, 641)


def test_reports_exceed_protocol_at_441_stations_of_which_one_falls_to_the_gate(tally: ContestTally) -> None:
    found = finding(tally, "reports-exceed-protocol", "BY", "tihanovkaja")
    numbers = dict(found.numbers)
    assert (found.stations, found.gated_out, numbers["excess"]) == (440, 1, "48532")
    assert (found.stations + found.gated_out, numbers["excess_before_gate"]) == (441, "50138")
    assert numbers["fragile_stations"] == "14"
    assert found.value is not None
    assert found.threshold is not None
    assert found.value - found.threshold == 48_532
    assert percent(Fraction(441, tally.area("BY").numbers.confirmed), 1) == "31.6 %"
    at = tally.findings.index(found)
    gated = tally.finding_stations.filter((pl.col("finding") == at) & pl.col("gated_out"))
    assert gated["station"].to_list() == ["07-006-0042"]


def test_reports_exceed_protocol_by_region(tally: ContestTally) -> None:
    found = [finding(tally, "reports-exceed-protocol", str(r), "tihanovkaja") for r in range(1, 8)]
    assert [f.stations + f.gated_out for f in found] == [34, 20, 26, 9, 28, 44, 280]


def test_part_exceeds_whole_in_the_country(tally: ContestTally) -> None:
    found = finding(tally, "part-exceeds-whole", "BY", "tihanovkaja")
    numbers = dict(found.numbers)
    assert (found.value, found.threshold, found.flip_set_size) == (761_478, 588_622, 184)
    assert (numbers["counted_votes"], numbers["reports_added"]) == ("497510", "263968")
    assert found.severity == "contradiction"


def test_part_exceeds_whole_without_stations_of_few_reports(tally: ContestTally, reports: pl.DataFrame) -> None:
    """What the count would say without the 820 stations that have 1 to 4 photographed ballots in all."""
    counted = tally.stations.filter(pl.col("votes.tihanovkaja").is_not_null())["station"].implode()
    mine = reports.filter((pl.col("option") == "tihanovkaja") & ~pl.col("station").is_in(counted))
    assert 497_510 + mine.filter(pl.col("station_reports") >= 5)["reports"].sum() == 759_602


def test_part_exceeds_whole_with_small_cells_suppressed(belarus: CountResult, tally: ContestTally) -> None:
    """Suppression goes by station and option, so it takes away a little more: 54 ballots."""
    raw = belarus.results.replay.reports["president"].select("station", "area", "option", "reports")
    areas = dict(belarus.results.replay.areas.select("area", "parent").iter_rows())
    hidden = suppress(raw, belarus.results.replay.stations, 5, areas).with_columns(pl.col("reports").cast(pl.Int64))
    assert hidden["reports"].sum() == raw["reports"].sum() == 540_127
    counted = tally.stations.filter(pl.col("votes.tihanovkaja").is_not_null())["station"].implode()
    mine = station_reports(hidden).filter((pl.col("option") == "tihanovkaja") & ~pl.col("station").is_in(counted))
    assert 497_510 + mine["reports"].sum() == 759_548


def test_small_cells(reports: pl.DataFrame) -> None:
    assert reports.filter(pl.col("reports") > 0).filter(pl.col("reports") < 5).height == 6_660
    stations = reports.group_by("station").agg(pl.col("reports").sum())
    assert stations.filter(pl.col("reports").is_between(1, 4)).height == 820


def test_the_larger_of_protocol_and_photos(tally: ContestTally, reports: pl.DataFrame) -> None:
    assert larger_of(tally.stations, reports, "tihanovkaja", gated=False) == 811_616
    assert larger_of(tally.stations, reports, "tihanovkaja") == 810_010


def test_part_exceeds_whole_in_two_regions_by_protocols_alone(tally: ContestTally) -> None:
    region, city = (finding(tally, "part-exceeds-whole", a, "tihanovkaja") for a in ("5", "7"))
    assert (region.value, region.threshold, region.stations, region.flip_set_size) == (120_164, 115_300, 271, 3)
    assert (city.value, city.threshold, city.stations, city.flip_set_size) == (127_030, 126_900, 419, 1)
    assert (region.severity, city.severity) == ("contradiction", "check")
    assert (tally.area("5").numbers.expected, tally.area("7").numbers.expected) == (992, 687)


def test_other_regions_have_no_announced_figure(tally: ContestTally) -> None:
    for region in "123468":
        assert tally.area(region).option("tihanovkaja").official is None
        row = tally.areas.filter(pl.col("area") == region).row(0, named=True)
        assert row["comparison"] == "official_missing"


def test_the_remainder_for_the_announced_figures(tally: ContestTally) -> None:
    rest = {r.option: r for r in tally.remainders if r.area == "BY"}
    her, him = rest["tihanovkaja"], rest["lukashenko"]  # type: ignore[index]
    assert him.left_share is not None
    assert her.left_share is not None
    assert (percent(him.left_share, 1), percent(her.left_share, 1)) == ("89.3 %", "2.4 %")
    assert (her.left_votes, her.uncounted_stations) == (91_112, 4_372)
    assert her.left_per_station is not None
    assert her.counted_per_station is not None
    assert (round(float(her.left_per_station), 1), round(float(her.counted_per_station), 1)) == (20.8, 356.6)


def test_worst_case_bounds(tally: ContestTally) -> None:
    area = tally.area("BY")
    shown = {}
    for option in ("tihanovkaja", "lukashenko"):
        total = area.option(option)
        assert total.total == 5_818_955
        assert total.lower_share is not None
        assert total.upper_share is not None
        shown[option] = (percent(total.lower_share), percent(total.upper_share))
    assert shown == {"tihanovkaja": ("8.55 %", "74.45 %"), "lukashenko": ("21.25 %", "87.15 %")}


def test_coverage_by_area_type(tally: ContestTally) -> None:
    shares = {
        row["kind"]: round(row["confirmed"] / row["expected"] * 100, 1) for row in tally.by_kind.iter_rows(named=True)
    }
    shares.pop("embassy")
    assert shares == {
        "village": 6.4,
        "town_below100": 23.2,
        "city": 33.9,
        "town_over100": 36.1,
        "capital": 60.9,
        "minsk_suburb": 91.5,
    }


def test_protocol_arithmetic(belarus: CountResult, tally: ContestTally) -> None:
    form = belarus.results.replay.election.form("protocol")
    check = next(c for c in form.checks if c.code == "sum-mismatch")
    assert tally.stations["ballots_cast"].drop_nulls().len() == 1374
    gap = pl.col("left") - pl.col("right")
    lenient = check_frame(tally.stations, form, check)
    assert lenient.height == 1374
    assert lenient.filter("holds").height == 1222
    assert lenient.filter(gap.abs() <= 25).height == 1295
    assert lenient.filter(gap > 0).height == 35
    strict = check_frame(tally.stations, form, replace(check, blank=Blank.UNKNOWN))
    assert (strict.height, strict.filter("holds").height) == (683, 606)


def test_single_station_findings(tally: ContestTally) -> None:
    codes = Counter(f.code for f in tally.findings if f.single)
    assert codes == {"sum-mismatch": 152, "votes-over-ballots": 35, "turnout-over-register": 6, "negative-figure": 3}
