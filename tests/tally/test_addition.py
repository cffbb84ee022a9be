"""Part exceeds whole, bounds, remainder, lead: what follows by addition, on elections small enough to do by hand."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.tally.flips import flip_set
from counterfoil.tally.results import ContestTally, Finding
from tests.world import World, definition


def found(tally: ContestTally, code: str, option: str | None = None, area: str | None = None) -> list[Finding]:
    return [
        f
        for f in tally.findings
        if f.code == code and (option is None or f.option == option) and (area is None or f.area == area)
    ]


def country(official: str = "", **more: Any) -> World:
    """Stations s1 to s3 counted, s4 not."""
    world = World(definition(**more))
    world.stations("s1", "s2", "s3", "s4")
    world.table("readings", "station,ada,bob,valid\ns1,60,40,100\ns2,30,10,40\ns3,5,15,20")
    if official:
        world.official("area,item,value\n" + official)
    return world


def test_counts_add_up_with_their_coverage() -> None:
    area = country().tally().area("XX")
    assert area.numbers == (4, 3, 3, 3, 0, 0)
    assert [(o.option, o.votes, o.counted_base) for o in area.options] == [("ada", 95, 160), ("bob", 65, 160)]
    assert str(area.option("ada").share) == ("59.38 % of 160 (valid), 3 of 4 stations, direction of bias unknown")


def test_bounds_give_everything_uncounted_to_or_away_from_an_option() -> None:
    ada = country("XX,valid,200").tally().area("XX").option("ada")
    assert (ada.lower_share, ada.upper_share) == (Fraction(95, 200), Fraction(135, 200))


def test_without_an_announced_total_the_register_bounds_the_rest() -> None:
    world = World()
    world.stations("s1", "s2", registered=50)
    world.table("readings", "station,ada,bob\ns1,20,10")
    ada = world.tally().area("XX").option("ada")
    assert (ada.total, ada.total_source, ada.upper_votes) == (80, "register", 70)


def test_without_total_and_register_there_is_no_upper_bound() -> None:
    ada = country().tally().area("XX").option("ada")
    assert (ada.total, ada.upper_share, ada.lower_share) == (None, None, None)


def test_counts_above_the_announced_figure_exceed_the_whole() -> None:
    (finding,) = found(country("XX,ada,70").tally(), "part-exceeds-whole")
    assert (finding.value, finding.threshold, finding.stations) == (95, 70, 3)
    assert finding.flip_set_size == 1
    assert finding.severity == "check", "one station carries it: look at that one first"


def test_a_figure_that_needs_several_stations_is_a_contradiction() -> None:
    (finding,) = found(country("XX,ada,20").tally(), "part-exceeds-whole")
    assert (finding.flip_set_size, finding.severity) == (2, "contradiction")


def test_counts_equal_to_the_announced_figure_exceed_nothing() -> None:
    assert not found(country("XX,ada,95").tally(), "part-exceeds-whole")


def test_reports_count_only_from_stations_without_a_count() -> None:
    world = country("XX,ada,98")
    world.table("reports", "station,area,option,reports\ns1,XX,ada,50\ns4,XX,ada,9\n,XX,ada,100")
    (finding,) = found(world.tally(), "part-exceeds-whole")
    assert (finding.value, finding.stations, finding.flip_set_size) == (104, 4, 1)


def test_a_part_equal_to_the_announced_figure_exceeds_nothing() -> None:
    world = country("XX,ada,104")
    world.table("reports", "station,area,option,reports\ns4,XX,ada,9")
    assert not found(world.tally(), "part-exceeds-whole")


def test_an_announced_figure_at_the_upper_bound_is_possible() -> None:
    assert not found(country("XX,valid,200\nXX,bob,105").tally(), "bound-excludes-official")
    assert found(country("XX,valid,200\nXX,bob,106").tally(), "bound-excludes-official")


def test_reports_above_the_stations_register_are_gated_out() -> None:
    world = World()
    world.stations("s1", "s2", registered=8)
    world.table("readings", "station,ada,bob\ns1,5,2")
    world.official("area,item,value\nXX,ada,6")
    world.table("reports", "station,area,option,reports\ns2,XX,ada,9")
    assert not found(world.tally(), "part-exceeds-whole")


def test_a_counted_base_above_the_announced_total_is_named() -> None:
    world = country("XX,valid,150")
    (finding,) = found(world.tally(), "part-exceeds-whole")
    assert (finding.option, finding.value, finding.threshold) == (None, 160, 150)
    assert world.tally().area("XX").option("ada").upper_votes is None


def test_an_announced_figure_above_the_upper_bound_is_excluded() -> None:
    (finding,) = found(country("XX,valid,200\nXX,bob,120").tally(), "bound-excludes-official")
    assert (finding.option, finding.value, finding.threshold) == ("bob", 65, 120)
    assert dict(finding.numbers)["upper_bound"] == "105"
    assert finding.flip_set_size == 1  # without s1 bob could have 165


def test_the_remainder_is_what_the_uncounted_must_show() -> None:
    (rest, _) = country("XX,valid,200\nXX,ada,99\nXX,bob,101").tally().remainders
    assert (rest.left_votes, rest.left_total, rest.left_share) == (4, 40, Fraction(1, 10))
    assert (rest.left_per_station, rest.counted_per_station) == (Fraction(4), Fraction(95, 3))


def test_the_worst_case_for_the_leader() -> None:
    lead = country("XX,valid,200").tally().lead
    assert lead is not None
    assert (lead.leader, lead.lead_votes, lead.missing_stations, lead.upper_runner_up) == ("ada", 30, 1, 105)
    assert (lead.net_votes_needed, lead.mean_base, lead.largest_base) == (Fraction(30), Fraction(160, 3), 100)


def test_a_declared_number_of_stations_is_expected_although_not_all_are_listed() -> None:
    assert country(expected_stations=10).tally().area("XX").numbers.expected == 10


def test_areas_add_up_to_their_parent_and_expect_what_is_declared_below() -> None:
    world = World()
    world.table("areas", "area,parent,name,expected_stations\nXX,,X,\nn,XX,North,5\nn1,n,North 1,\ns,XX,South,")
    world.table("stations", "station,area\ns1,n1\ns2,n1\ns3,s")
    world.table("readings", "station,ada,bob\ns1,1,2\ns3,10,20")
    tally = world.tally()
    assert tally.area("n").numbers[:4] == (5, 1, 1, 1)
    assert tally.area("XX").numbers[:4] == (6, 2, 2, 2)
    assert tally.area("XX").option("ada").votes == 11


def test_unknown_fields_take_a_station_out_of_that_option_only() -> None:
    world = World()
    world.stations("s1", "s2", "s3")
    world.table("readings", "station,ada,bob\ns1,1,illegible\ns2,struck,5\ns3,,7")
    area = world.tally().area("XX")
    assert [(o.votes, o.stations) for o in area.options] == [(1, 2), (12, 2)]


def test_an_empty_box_is_zero_only_where_the_form_says_so() -> None:
    for rule, stations in (("unknown", 0), ("zero", 1)):
        plain = definition()
        plain["forms"][0]["fields"][0]["empty"] = rule
        world = World(plain)
        world.stations("s1")
        world.table("readings", "station,ada,bob\ns1,empty,5")
        assert world.tally().area("XX").option("ada").stations == stations


def test_a_disputed_station_stays_out_of_the_tally() -> None:
    world = country()
    world.table("readings", "station,ada,bob\ns1,61,40", name="another")
    area = world.tally().area("XX")
    assert (area.numbers.confirmed, area.numbers.disputed, area.option("ada").votes) == (2, 1, 35)
    (finding,) = found(world.tally(), "copies-differ")
    assert (finding.area, finding.single, finding.flip_set_size) == ("s1", True, 1)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-3, 9), max_size=8), st.integers(1, 20))
def test_no_smaller_set_of_stations_reverses_a_finding(values: list[int], margin: int) -> None:
    chosen = flip_set(pl.Series(values, dtype=pl.Int64), margin)
    sizes = [n for n in range(len(values) + 1) for c in combinations(values, n) if sum(c) >= margin]
    assert (len(chosen) if chosen is not None else None) == min(sizes, default=None)
    if chosen is not None:
        assert sum(values[i] for i in chosen) >= margin


STATION = st.tuples(st.integers(0, 30), st.integers(0, 30), st.booleans())


@settings(max_examples=60, deadline=None)
@given(st.lists(STATION, min_size=1, max_size=8), st.integers(0, 100))
def test_the_truth_always_lies_within_the_bounds(stations: list[Any], more: int) -> None:
    """Whatever the uncounted stations hold, the announced total being true, each option lies between its bounds."""
    world = World()
    world.stations(*(f"s{i}" for i in range(len(stations))))
    rows = [f"s{i},{a},{b}" for i, (a, b, counted) in enumerate(stations) if counted]
    if rows:
        world.table("readings", "station,ada,bob\n" + "\n".join(rows))
    total = sum(a + b for a, b, _ in stations)
    world.official(f"area,item,value\nXX,valid,{total}")
    area = world.tally().area("XX")
    for option, votes in (("ada", sum(s[0] for s in stations)), ("bob", sum(s[1] for s in stations))):
        bounds = area.option(option)
        if total:
            assert bounds.lower_share is not None
            assert bounds.upper_share is not None
            assert bounds.lower_share <= Fraction(votes, total) <= bounds.upper_share
    assert not [f for f in world.tally().findings if f.severity != "note"]
