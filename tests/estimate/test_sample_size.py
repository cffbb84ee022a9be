"""How many stations: the handbook's formula for voters, and the size that really reaches the margin."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.primitives.errors import Refusal
from counterfoil.tally.estimate import cluster_ratio, separate_ratio, simple_ratio
from counterfoil.tally.sampling import Pair, allocate, exact_size, handbook_size, order

PERU = {"voters": 14_570_774, "margin": 0.0032, "z": 2.58, "voters_per_station": 160}
UNITS = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 400)), min_size=8, max_size=60)


def test_the_handbook_example_without_its_rounding() -> None:
    """Pages 73 and 74: 163,185 voters, 1,020 stations, after rounding E^2 to .000010; exactly it is 160,718."""
    found = handbook_size(**PERU)  # type: ignore[arg-type]
    assert (found.voters, found.stations) == (160_718, 1_005)
    spread = 0.25
    assert round(spread / 0.000001532, -1) == 163_190  # what the printed intermediate value gives


def test_the_handbook_corrects_for_turnout_and_for_stations_that_stay_away() -> None:
    """Page 78: at 70 % turnout a station of 160 voters holds 112 votes."""
    plain = handbook_size(**PERU)  # type: ignore[arg-type]
    low_turnout = handbook_size(**PERU, turnout=0.7)  # type: ignore[arg-type]
    both = handbook_size(**PERU, turnout=0.7, retrieval=0.9)  # type: ignore[arg-type]
    assert low_turnout.voters == plain.voters
    assert low_turnout.stations == -(-plain.voters // 112)
    assert both.stations == 1_595


@settings(deadline=None, max_examples=40)
@given(units=UNITS, margin=st.floats(0.01, 0.3))
def test_the_exact_size_reaches_the_margin_and_one_less_does_not(units: list[Pair], margin: float) -> None:
    whole = sum(x for _, x in units)
    ratio = sum(y for y, _ in units) / whole
    population = len(units)
    spread = sum((y - ratio * x) ** 2 for y, x in units) / (population - 1)

    def margin_at(n: int) -> float:
        return 1.959963985 * math.sqrt((1 - n / population) * spread / n) / (whole / population)

    size = exact_size({"all": units}, margin=margin)
    assert margin_at(size) <= margin * 1.000001
    assert size == 2 or margin_at(size - 1) > margin * 0.999999


def test_the_exact_stratified_size_reaches_the_margin_with_the_numbers_it_draws() -> None:
    frame = {f"s{h}": [(3 * h + 17 * i % (23 + h), 40 + i % 5) for i in range(12 + 9 * h)] for h in range(5)}
    sizes = {name: len(units) for name, units in frame.items()}
    flat = [pair for units in frame.values() for pair in units]
    whole = sum(x for _, x in flat)
    ratio = sum(y for y, _ in flat) / whole

    def margin_at(size: int) -> float:
        variance = 0.0
        for name, n in allocate(size, sizes).items():
            d = [y - ratio * x for y, x in frame[name]]
            mean = sum(d) / len(d)
            spread = sum((one - mean) ** 2 for one in d) / (len(d) - 1)
            variance += len(d) ** 2 * (1 - n / len(d)) * spread / n
        return 1.959963985 * math.sqrt(variance) / whole

    for margin in (0.02, 0.04, 0.08):
        size = exact_size(frame, margin=margin, design="stratified")
        assert margin_at(size) <= margin < margin_at(size - 1)


def test_a_stratum_of_one_station_that_was_observed_adds_no_variance() -> None:
    strata: dict[str, list[Pair]] = {"island": [(30, 50)], "land": [(10, 40), (22, 60), (31, 70)]}
    found = separate_ratio(strata, {"island": 1, "land": 9}, {"island": 50, "land": 500})
    alone = separate_ratio({"land": strata["land"]}, {"land": 9}, {"land": 500})
    assert found.variance == alone.variance * 500**2 / 550**2
    assert found.ratio == (30 + alone.ratio * 500) / 550


def test_whole_clusters_need_more_stations_than_single_ones() -> None:
    frame = {f"c{c}": [(10 * (c % 7) + 3 * s, 100) for s in range(5)] for c in range(80)}
    assert exact_size(frame, margin=0.03, design="clustered") * 5 > exact_size(frame, margin=0.03)


def test_strata_that_differ_need_fewer_stations() -> None:
    frame = {f"s{h}": [(20 * h + (i % 5), 100) for i in range(50)] for h in range(4)}
    assert exact_size(frame, margin=0.01, design="stratified") < exact_size(frame, margin=0.01) / 4


def test_an_election_without_votes_gives_no_size() -> None:
    with pytest.raises(Refusal, match="with votes"):
        exact_size({"all": [(0, 0)] * 5}, margin=0.1)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """1,000 seeds over one made-up country of 400 stations: 95 % intervals hold 930 to 970 times."""
    units = {f"{i:03}": (60 + 7 * i % 131, 200 + 13 * i % 97) for i in range(400)}
    truth = sum(y for y, _ in units.values()) / sum(x for _, x in units.values())
    held = 0
    for seed in range(1_000):
        low, high = simple_ratio([units[u] for u in order(str(seed), units)[:60]], 400).interval()
        held += low <= truth <= high
    assert 930 <= held <= 970, held


def test_cluster_intervals_cover_the_truth_as_often_as_they_say() -> None:
    clusters: dict[str, list[Pair]] = {
        f"{c:03}": [(40 + 11 * c % 103 + 5 * s, 220) for s in range(1 + c % 4)] for c in range(300)
    }
    flat = [pair for units in clusters.values() for pair in units]
    truth = sum(y for y, _ in flat) / sum(x for _, x in flat)
    held = 0
    for seed in range(1_000):
        drawn = {c: clusters[c] for c in order(str(seed), clusters)[:60]}
        low, high = cluster_ratio(drawn, 300, len(flat)).interval()
        held += low <= truth <= high
    assert 930 <= held <= 970, held
