"""Venezuela 2024: every published figure of the witnesses' table, to the vote, from the record.

Expected values: facts.md of the project's shared data, computed from version 1 of the table.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import polars as pl
import pytest

from counterfoil.primitives.shares import percent
from counterfoil.tally.results import ContestTally, Finding
from counterfoil.workflow import CountResult


@pytest.fixture
def tally(venezuela: CountResult) -> ContestTally:
    return venezuela.results.contests["president"]  # type: ignore[index]


def finding(tally: ContestTally, code: str, option: str | None) -> Finding:
    (only,) = (f for f in tally.findings if (f.code, f.area, f.option) == (code, "VE", option))
    return only


def test_rows_sums_and_turnout(tally: ContestTally) -> None:
    area = tally.area("VE")
    assert area.numbers == (30_026, 24_532, 24_532, 24_532, 0, 0)
    assert percent(Fraction(24_532, 30_026)) == "81.70 %"
    stations = tally.stations
    assert (stations["valid"].sum(), stations["invalid"].sum(), stations["registered"].sum()) == (
        10_659_128,
        1_139,
        17_745_239,
    )
    assert percent(Fraction(10_659_128, 17_745_239)) == "60.07 %"
    assert percent(Fraction(10_659_128 + 1_139, 17_745_239)) == "60.07 %"


def test_votes_and_shares(tally: ContestTally) -> None:
    area = tally.area("VE")
    votes = {o.option: o.votes for o in area.options}
    assert votes == {
        "EG": 7_156_462, "NM": 3_241_461, "LM": 84_446, "JABE": 19_966, "JOBR": 21_583, "AE": 49_603,
        "CF": 12_321, "DC": 10_308, "EM": 25_570, "BERA": 37_408,
    }  # fmt: skip
    shares = {o.option: o.share for o in area.options if o.share is not None}
    assert (percent(shares["EG"].exact, 3), percent(shares["NM"].exact, 3)) == ("67.139 %", "30.410 %")  # type: ignore[index]


def test_sheets_won_centres_and_states(venezuela: CountResult, tally: ContestTally) -> None:
    pairs = tally.stations.select("votes.EG", "votes.NM").rows()
    assert Counter((a > b) - (a < b) for a, b in pairs) == {1: 21_245, -1: 3_246, 0: 41}
    assert tally.stations["station"].str.extract(r"^(.*)-[^-]*$").n_unique() == 12_817
    assert venezuela.results.replay.areas.filter(pl.col("parent") == "VE").height == 24


def test_every_row_adds_up(tally: ContestTally) -> None:
    assert not [f for f in tally.findings if f.single]


def test_part_exceeds_whole_of_the_second_bulletin(tally: ContestTally) -> None:
    found = finding(tally, "part-exceeds-whole", "EG")
    assert (found.value, found.threshold, found.snapshot) == (7_156_462, 5_326_104, "bulletin-2")
    assert dict(found.numbers)["excess"] == "1830358"
    assert found.severity == "contradiction"


def test_bounds_with_the_announced_valid_votes(tally: ContestTally) -> None:
    area = tally.area("VE")
    eg, nm = area.option("EG"), area.option("NM")
    assert eg.total == 12_335_884
    assert eg.lower_share is not None
    assert percent(eg.lower_share) == "58.01 %"
    assert nm.upper_votes == 4_918_217
    found = finding(tally, "bound-excludes-official", "NM")
    assert (found.value, found.threshold) == (3_241_461, 6_408_844)


def test_worst_case_for_the_leader(tally: ContestTally) -> None:
    lead = tally.lead
    assert lead is not None
    assert (lead.leader, lead.runner_up, lead.lead_votes, lead.missing_stations) == ("EG", "NM", 3_915_001, 5_494)
    assert lead.net_votes_needed is not None
    assert lead.mean_base is not None
    assert (round(float(lead.net_votes_needed), 1), round(float(lead.mean_base), 1), lead.largest_base) == (
        712.6,
        434.5,
        833,
    )


def test_the_first_bulletin_comes_out_of_rounded_shares_and_the_second_does_not(tally: ContestTally) -> None:
    (found,) = (f for f in tally.findings if f.code == "backsolved-total")
    numbers = dict(found.numbers)
    assert (found.snapshot, found.threshold, found.severity) == ("bulletin-1", 10_058_774, "note")
    assert (numbers["share.NM"], numbers["share.EG"], numbers["share.others"]) == ("51.2 %", "44.2 %", "4.6 %")
    assert 10**8 <= int(numbers["chance_one_in"]) < 1.1 * 10**8
