"""The levels hold on clean elections, simulated and real; planted anomalies are what they say; runs can be repeated."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from counterfoil.forensics.battery import TESTS, ask, battery
from counterfoil.forensics.calibrate import ANY, Rate, alarms, calibrate, lines
from counterfoil.forensics.clean_elections import CLEAN, PLANTED, clean_election, planted
from counterfoil.forensics.levels import LEVELS
from counterfoil.forensics.stations import Stations, stations
from counterfoil.primitives.errors import InputError
from tests.forensics import data


def _country(size: int = 500, seed: int = 5) -> Stations:
    stream = np.random.default_rng(seed)
    registered = stream.integers(300, 2500, size)
    area = stream.integers(0, 3, size)
    cast = stream.binomial(registered, stream.beta(30, 20, size))
    leader = stream.binomial(cast, np.array([0.4, 0.5, 0.6])[area])
    second = np.random.default_rng([seed, 1]).binomial(cast - leader, 0.3)
    return stations(
        registered=registered,
        cast=cast,
        leader=leader,
        others={"second": second},
        areas=[f"area {i}" for i in area],
    )


@given(st.sampled_from(PLANTED), st.floats(0, 1), st.integers(0, 1000))
@settings(deadline=None, max_examples=40)
def test_what_is_planted_changes_at_most_its_part_and_leaves_possible_figures(
    what: str, size: float, seed: int
) -> None:
    stream = np.random.default_rng(seed)
    clean = clean_election(_country(120), "stations", stream)
    made = planted(clean, what, size, stream)
    registered, given_, cast, leader = made.four()
    changed = (given_ != clean.four()[1]) | (cast != clean.four()[2]) | (leader != clean.leader)
    assert changed.sum() <= round(size * 120)
    assert ((leader <= cast) & (cast <= given_) & (given_ <= registered) & (leader >= 0)).all()
    assert (registered == clean.four()[0]).all()
    if what in ("stuffed", "moved"):
        assert (leader >= clean.leader).all()
    if what in ("moved", "invented-digits"):
        assert (cast == clean.four()[2]).all()
    second, second_before = made.others["second"], clean.others["second"]
    assert ((second >= 0) & (second + leader <= cast)).all()
    if what == "swapped":
        assert (second[changed] == clean.leader[changed]).all() and (leader[changed] == second_before[changed]).all()
    if what == "invented-digits":
        assert ((leader // 10 == clean.leader // 10) | (leader == cast)).all()


def test_columns_changed_at_single_stations_are_found_beside_clean_ones() -> None:
    stream = np.random.default_rng(2)
    swapped = next(t for t in TESTS if t.key == "swapped")
    clean = clean_election(_country(600), "stations", stream)
    quiet, loud = (ask(swapped, table).result for table in (clean, planted(clean, "swapped", 0.02, stream)))
    assert quiet is not None and loud is not None
    assert len(quiet.to_dict()["found"]) <= 1
    assert len(loud.to_dict()["found"]) >= 9  # of twelve


def test_what_needs_a_runner_up_is_left_out_of_a_calibration_without_one() -> None:
    alone = dataclasses.replace(_country(150), others={})
    found = calibrate(alone, replicates=1, power_replicates=1)
    assert {p.planted for p in found.power} == set(PLANTED) - {"swapped"}
    with pytest.raises(InputError, match="a runner-up"):
        planted(alone, "swapped", 0.1, np.random.default_rng(1))


def test_a_runner_up_changes_no_other_column_of_a_clean_election() -> None:
    table = _country(150)
    for kind in CLEAN:
        made = [
            clean_election(t, kind, np.random.default_rng(3)) for t in (table, dataclasses.replace(table, others={}))
        ]
        assert (made[0].leader == made[1].leader).all() and made[0].others.keys() == {"second"}


def test_invented_digits_never_give_more_votes_than_ballots() -> None:
    unanimous = stations(registered=[900] * 300, cast=[500] * 300, leader=[500] * 300)
    assert planted(unanimous, "invented-digits", 1.0, np.random.default_rng(1)).leader.max() == 500


@pytest.mark.parametrize("kind", CLEAN)
def test_a_clean_election_follows_from_its_seed_and_keeps_limits(kind: str) -> None:
    table = _country()
    made = [clean_election(table, kind, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert (made[0].leader == made[1].leader).all() and (made[0].leader != made[2].leader).any()
    registered, given_, cast, leader = made[0].four()
    assert ((leader <= cast) & (cast <= given_) & (given_ <= registered)).all()
    assert abs(cast.sum() / table.four()[2].sum() - 1) < 0.03
    tens = np.count_nonzero(registered % 10 == 0) / registered.size
    assert (tens > 0.3) == (kind == "rounded-lists")


@pytest.mark.parametrize("kind", CLEAN)
def test_p_values_of_clean_elections_are_at_most_nominal_within_sampling_error(kind: str) -> None:
    table, stream, replicates = _country(), np.random.default_rng(8), 120
    hits = dict.fromkeys(LEVELS, 0)
    family = 0
    for _ in range(replicates):
        answers, _, anything = alarms(clean_election(table, kind, stream))
        family += anything
        for key, answer in answers.items():
            hits[key] += answer.p is not None and answer.p <= 0.05
    most = stats.binom.ppf(0.999, replicates, 0.05)
    assert all(count <= most for count in hits.values()), hits
    assert sum(hits.values()) >= stats.binom.ppf(0.001, replicates * len(hits), 0.02), "p-values far too large"
    assert family <= stats.binom.ppf(0.999, replicates, 0.01)


@pytest.mark.parametrize(("option", "other"), [("EG", "NM"), ("NM", "EG")])
def test_nothing_stands_out_on_real_sheets_taken_as_clean(option: str, other: str) -> None:
    c, table = data.venezuela(option), data.venezuela_table()
    found = battery(
        stations(
            registered=c.registered,
            cast=c.cast,
            leader=c.leader,
            leader_name=option,
            others={other: table[other]},
            areas=table["EDO"],
        )
    )
    assert found.family > 60
    assert not any(o.stands_out for o in found.outcomes) and not any(a.stands_out for a in found.areas)


@pytest.mark.parametrize(
    ("what", "size", "test", "sees"),
    [
        ("rounded", 0.4, "integer-percentages", True),
        ("invented-digits", 1.0, "last-digits", True),
        ("stuffed", 0.4, "last-digits", False),
        ("moved", 0.4, "integer-percentages", False),
    ],
)
def test_a_test_sees_what_it_is_for_and_is_blind_to_the_rest(what: str, size: float, test: str, sees: bool) -> None:
    stream = np.random.default_rng(3)
    table = _country(1500)
    found = [
        test in alarms(planted(clean_election(table, "stations", stream), what, size, stream))[1] for _ in range(5)
    ]
    assert found == [sees] * 5


def test_a_calibration_is_the_same_for_the_same_seed_and_names_what_it_measured() -> None:
    first, second = (calibrate(_country(300), replicates=3, power_replicates=2, seed=4) for _ in range(2))
    plain = first.to_dict()
    assert json.dumps(plain) == json.dumps(second.to_dict())
    assert {f["clean"] for f in plain["false_alarms"]} == set(CLEAN)
    assert {f["test"] for f in plain["false_alarms"] if f["used"]} == {ANY, *LEVELS}
    assert {p["planted"] for p in plain["power"]} == set(PLANTED)
    text = "\n".join(lines(first))
    assert "at most 1%" in text and "(not used)" in text and "fraud" not in text.lower()


@given(st.integers(1, 400), st.data())
@settings(deadline=None, max_examples=30)
def test_a_rate_lies_in_its_interval(replicates: int, draw: st.DataObject) -> None:
    rate = Rate(draw.draw(st.integers(0, replicates)), replicates)
    low, high = rate.interval
    assert 0 <= low <= rate.value <= high <= 1


def test_no_alarm_in_twenty_bounds_the_rate_at_seventeen_percent() -> None:
    low, high = Rate(0, 20).interval
    assert (low, round(high, 5)) == (0.0, 0.16843)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda t, s: clean_election(t, "perfect", s),
        lambda t, s: planted(t, "magic", 0.1, s),
        lambda t, s: planted(t, "moved", 1.5, s),
        lambda t, s: calibrate(t, replicates=0),
    ],
)
def test_unknown_settings_are_refused(wrong: object) -> None:
    with pytest.raises(InputError):
        wrong(_country(50), np.random.default_rng(1))  # type: ignore[operator]


def test_the_figures_do_not_depend_on_how_many_processes_share_the_work() -> None:
    alone, shared = (
        calibrate(_country(200), replicates=2, power_replicates=1, seed=9, workers=workers) for workers in (1, 2)
    )
    assert alone.to_dict() == shared.to_dict()


def test_slow_tests_are_calibrated_when_asked_for_with_their_own_number_of_elections() -> None:
    found = calibrate(_country(600), replicates=1, power_replicates=0, thorough_replicates=2, seed=3)
    slow = {r.test: r.replicates for r in found.ranges if r.test in {"spikes", "klimek-fit"}}
    assert slow.get("spikes") == 2
    assert "coarse shares" in "\n".join(lines(found))
