"""Station by station against a snapshot; reports beside protocols; form checks; totals computed back from shares."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.election.definition import Blank, Check, Form, FormField, Severity
from counterfoil.election.expressions import parse_rule
from counterfoil.primitives.ids import FieldId, FormId
from counterfoil.tally.arithmetic import check_frame
from counterfoil.tally.backsolve import backsolved_share
from counterfoil.tally.comparison import transposed
from tests.tally.test_addition import found
from tests.world import World, definition


def compared(ours: str, official: str, **more: Any) -> dict[str, str | None]:
    world = World(definition(**more))
    world.stations("s1", "s2", "s3")
    world.table("readings", "station,ada,bob\n" + ours)
    world.official("station,ada,bob\n" + official, unit="station")
    return dict(world.tally().stations.select("station", "comparison").iter_rows())


@pytest.mark.parametrize(
    ("ours", "official", "expected"),
    [
        ("412,35", "412,35", "equal"),
        ("412,35", "413,35", "different"),
        ("412,35", "142,35", "digits_transposed"),
        ("412,35", "35,412", "columns_swapped"),
        ("412,35", "421,53", "digits_transposed"),
        ("412,35", "421,36", "different"),
        ("412,", "412,35", "equal"),
        (",", "412,35", "official_missing"),
    ],
)
def test_classes_of_a_station(ours: str, official: str, expected: str) -> None:
    assert compared(f"s1,{ours}", f"s1,{official}")["s1"] == expected


def test_a_difference_within_tolerance_is_its_own_class() -> None:
    assert compared("s1,412,35", "s1,414,35", tolerance=2)["s1"] == "within_tolerance"
    assert compared("s1,412,35", "s1,415,35", tolerance=2)["s1"] == "different"


def test_what_one_side_lacks_is_missing_and_what_both_lack_has_no_class() -> None:
    assert compared("s1,1,2", "s2,1,2") == {"s1": "official_missing", "s2": "ours_missing", "s3": None}


def test_a_figure_that_the_authority_changed_is_named_even_if_it_now_matches() -> None:
    world = World()
    world.stations("s1")
    world.table("readings", "station,ada,bob\ns1,1,2")
    world.official("station,ada,bob\ns1,9,2", unit="station", snapshot="first", at="2026-03-02")
    world.official("station,ada,bob\ns1,1,2", unit="station", snapshot="second", at="2026-03-03")
    tally = world.tally()
    assert tally.snapshot is not None
    assert tally.snapshot.snapshot == "second"
    assert tally.stations["comparison"].to_list() == ["official_changed"]
    assert tally.area("XX").numbers.compared == 1
    assert not found(tally, "official-differs")


def test_the_snapshot_compared_with_can_be_named() -> None:
    world = World(definition(compare_with="first"))
    world.stations("s1")
    world.table("readings", "station,ada,bob\ns1,1,2")
    world.official("station,ada,bob\ns1,9,2", unit="station", snapshot="first", at="2026-03-02")
    world.official("station,ada,bob\ns1,1,2", unit="station", snapshot="second", at="2026-03-03")
    (finding,) = found(world.tally(), "official-differs")
    assert (finding.snapshot, finding.value, finding.numbers) == ("first", 8, (("ada", "1 / 9"),))


def test_patterns_are_findings_of_their_own() -> None:
    world = World()
    world.stations("s1", "s2", "s3")
    world.table("readings", "station,ada,bob\ns1,412,35\ns2,412,35\ns3,412,35")
    world.official("station,ada,bob\ns1,35,412\ns2,142,35\ns3,400,35", unit="station")
    codes = {f.area: f.code for f in world.tally().findings}
    assert codes == {"s1": "columns-swapped", "s2": "digits-transposed", "s3": "official-differs"}


def test_an_official_figure_that_mends_our_own_sum_is_only_a_note() -> None:
    plain = definition()
    plain["forms"][0]["checks"] = [{"id": "sum", "rule": "ada + bob == valid"}]
    world = World(plain)
    world.stations("s1", "s2", "s3", "s4")
    world.table("readings", "station,ada,bob,valid\ns1,417,35,447\ns2,412,35,447\ns3,417,35,447\ns4,417,34,446")
    world.official("station,ada,bob\ns1,412,35\ns2,417,35\ns3,413,35\ns4,412,35", unit="station")
    severity = {f.area: f.severity.value for f in found(world.tally(), "official-differs")}
    assert severity == {"s1": "note", "s2": "check", "s3": "check", "s4": "check"}


def test_like_is_compared_with_like() -> None:
    world = World()
    world.stations("s1", "s2", "s3")
    world.table("readings", "station,ada,bob\ns1,1,2\ns2,10,20")
    world.official("station,ada,bob\ns1,1,2\ns3,100,200", unit="station")
    row = world.tally().areas.row(0, named=True)
    assert (row["compared_votes.ada"], row["compared_official.ada"], row["compared"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("readings", "official", "expected"),
    [
        ("s1,1,2\ns2,3,4", "", "official_missing"),
        ("s1,1,2", "XX,ada,4", "ours_missing"),
        ("s1,1,2\ns2,3,4", "XX,ada,4", "equal"),
        ("s1,1,2\ns2,3,4", "XX,ada,5", "different"),
        ("s1,1,2\ns2,3,4", "XX,ada,6\nXX,bob,4", "columns_swapped"),
    ],
)
def test_an_area_is_compared_as_a_whole_only_when_all_of_it_is_counted(
    readings: str, official: str, expected: str
) -> None:
    world = World()
    world.stations("s1", "s2")
    world.table("readings", "station,ada,bob\n" + readings)
    if official:
        world.official("area,item,value\n" + official)
    assert world.tally().areas["comparison"].to_list() == [expected]


@pytest.mark.parametrize(
    ("a", "b", "expected"), [(412, 142, True), (412, 412, False), (12, 120, False), (10, 1, False)]
)
def test_two_digits_that_changed_places(a: int, b: int, expected: bool) -> None:
    assert transposed(a, b) is expected


# --- reports --------------------------------------------------------------------------------------------------------


def with_reports(readings: str, reports: str) -> World:
    world = World()
    world.stations("s1", "s2")
    world.table("readings", "station,ada,bob,ballots_cast\n" + readings)
    world.table("reports", "station,area,option,reports\n" + reports)
    return world


def test_more_reported_ballots_than_votes_is_a_finding() -> None:
    tally = with_reports("s1,10,90,100\ns2,50,50,100", "s1,XX,ada,15\ns2,XX,ada,50").tally()
    (finding,) = found(tally, "reports-exceed-protocol")
    assert (finding.stations, finding.value, finding.threshold, finding.gated_out) == (1, 15, 10, 0)
    assert finding.severity == "contradiction"


def test_more_reports_than_ballots_is_an_assignment_error_and_no_evidence() -> None:
    tally = with_reports("s1,10,90,100", "s1,XX,ada,99\ns1,XX,bob,2").tally()
    (finding,) = found(tally, "reports-exceed-protocol")
    assert (finding.stations, finding.gated_out, finding.severity) == (0, 1, "note")


def test_a_stated_total_that_is_too_small_does_not_gate_out() -> None:
    tally = with_reports("s1,10,90,12", "s1,XX,ada,15").tally()
    assert found(tally, "reports-exceed-protocol")[0].stations == 1


def test_an_excess_of_a_slip_of_the_pen_is_only_to_be_checked() -> None:
    tally = with_reports("s1,10,90,100", "s1,XX,ada,13").tally()
    (finding,) = found(tally, "reports-exceed-protocol")
    assert (finding.severity, dict(finding.numbers)["fragile_stations"]) == ("check", "1")


# --- checks of the form ---------------------------------------------------------------------------------------------


def form_with(rule: str, blank: Blank = Blank.UNKNOWN, tolerance: int = 0) -> Form:
    names = ["ada", "bob", "valid"]
    check = Check("c", parse_rule(rule, names, where="test"), "sum-mismatch", Severity.NOTE, tolerance, blank, {})
    fields = tuple(FormField(FieldId(n), {}, kind="votes" if n != "valid" else "total") for n in names)
    return Form(FormId("protocol"), {}, 1, fields, (check,))


NUMBER = st.one_of(st.none(), st.integers(-5, 20))
RULES = ["ada + bob == valid", "ada + bob <= valid", "2*ada - bob > 3", "ada < 7", "valid >= ada - (bob - 1)"]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(NUMBER, NUMBER, NUMBER), min_size=1, max_size=5), st.sampled_from(RULES), st.integers(0, 3))
def test_a_rule_is_the_same_over_a_frame_and_over_one_sheet(rows: list[Any], rule: str, tolerance: int) -> None:
    form = form_with(rule, tolerance=tolerance)
    world = World()
    world.stations(*(f"s{i}" for i in range(len(rows))))
    cells = [",".join("" if v is None else str(v) for v in row) for row in rows]
    world.table("readings", "station,ada,bob,valid\n" + "\n".join(f"s{i},{c}" for i, c in enumerate(cells)))
    frame = check_frame(world.tally().stations, form, form.checks[0])
    parsed = form.checks[0].rule
    expected = {}
    for i, row in enumerate(rows):
        values = {n: v for n, v in zip(("ada", "bob", "valid"), row, strict=True) if v is not None}
        if set(parsed.fields) <= values.keys():
            left, right = parsed.sides(values)
            expected[f"s{i}"] = (left, right, parsed.holds(left - right, tolerance))
    assert {s: (left, right, holds) for s, left, right, holds in frame.iter_rows()} == expected


def test_lines_that_a_form_does_not_use_are_left_out_of_its_sums() -> None:
    world = World()
    world.stations("s1", "s2", "s3")
    world.table("readings", "station,ada,bob,valid\ns1,5,,5\ns2,5,,6\ns3,5,1,")
    stations = world.tally().stations
    strict, lenient = form_with("ada + bob == valid"), form_with("ada + bob == valid", Blank.NOT_USED)
    assert check_frame(stations, strict, strict.checks[0]).height == 0
    assert dict(check_frame(stations, lenient, lenient.checks[0]).select("station", "holds").iter_rows()) == {
        "s1": True,
        "s2": False,
    }


def test_votes_above_the_register_are_accepted_and_marked() -> None:
    world = World()
    world.stations("s1", registered=10)
    world.table("readings", "station,ada,bob\ns1,9,3")
    (finding,) = found(world.tally(), "turnout-over-register")
    assert (finding.value, finding.threshold, world.tally().area("XX").option("ada").votes) == (12, 10, 9)


# --- totals computed back from rounded shares -----------------------------------------------------------------------


def test_counts_out_of_rounded_shares_are_noted_with_the_chance_of_it() -> None:
    world = World()
    world.stations("s1")
    world.official("area,item,value\nXX,valid,10058774\nXX,ada,5150092\nXX,bob,4445978\nXX,others,462704")
    (finding,) = found(world.tally(), "backsolved-total")
    assert dict(finding.numbers) == {
        "share.ada": "51.2 %",
        "share.bob": "44.2 %",
        "share.others": "4.6 %",
        "chance_one_in": "100976879",
    }
    assert (finding.severity, finding.threshold) == ("note", 10058774)


@settings(max_examples=200, deadline=None)
@given(st.integers(2_000, 10**8), st.integers(0, 1000))
def test_a_count_computed_from_a_share_is_recognised(total: int, step: int) -> None:
    assert backsolved_share(round(Fraction(total * step, 1000)), total) == Fraction(step, 1000)


def test_a_count_that_no_share_gives_is_not() -> None:
    assert backsolved_share(6_408_844, 12_335_884) is None


def test_frames_name_their_gated_stations() -> None:
    tally = with_reports("s1,10,90,100\ns2,1,1,2", "s1,XX,ada,15\ns2,XX,ada,5").tally()
    rows = tally.finding_stations.filter(pl.col("finding") == 0).select("station", "gated_out", "in_flip_set").rows()
    assert rows == [("s1", False, True), ("s2", True, False)]


def test_the_registers_of_form_and_list_are_kept_apart() -> None:
    plain = definition()
    plain["forms"][0]["checks"] = [
        {"id": "turnout", "rule": "ballots_cast <= registered", "code": "turnout-over-register", "severity": "check"}
    ]
    world = World(plain)
    world.stations("s1", "s2", registered=10)
    world.table("readings", "station,ada,bob,ballots_cast,registered\ns1,5,6,11,20\ns2,5,6,11,9")
    (finding,) = found(world.tally(), "turnout-over-register")
    assert (finding.area, finding.value, finding.threshold) == ("s2", 11, 9)
    assert world.tally().area("XX").registered_counted == 29
