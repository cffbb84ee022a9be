"""The battery: which tests run, what may stand out, and what the placebos say."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.forensics.battery import TESTS, AreaOutcome, Outcome, battery, redrawn
from counterfoil.forensics.levels import FAMILY, LEVELS, holm, stands_out
from counterfoil.forensics.stations import Stations, stations
from counterfoil.primitives.errors import InputError
from tests.forensics import data


def _belarus() -> Stations:
    table, c = data.belarus_table(), data.belarus()
    return stations(
        registered=c.registered,
        cast=c.cast,
        leader=c.leader,
        leader_name="lukashenko",
        others={"tihanovkaja": table["tihanovkaja_officialVotes"].to_numpy().astype(np.int64)},
        areas=table["region"],
    )


def _clean(size: int = 600, seed: int = 3) -> Stations:
    stream = np.random.default_rng(seed)
    registered = stream.integers(300, 3000, size)
    given = stream.binomial(registered, stream.beta(40, 25, size))
    leader = stream.binomial(given, stream.beta(30, 30, size))
    second = stream.binomial(given - leader, 0.6)
    return stations(
        registered=registered,
        given=given,
        cast=given,
        leader=leader,
        others={"second": second},
        areas=[f"area {i % 4}" for i in range(size)],
    )


@given(st.lists(st.floats(0, 1), max_size=12))
@settings(deadline=None, max_examples=60)
def test_holm_rejects_what_stepping_down_rejects(p: list[float]) -> None:
    adjusted = holm(p)
    for alpha in (0.01, 0.2):
        rejected = 0
        for rank, value in enumerate(sorted(p)):
            if min(1.0, (len(p) - rank) * value) > alpha:
                break
            rejected += 1
        assert sum(a <= alpha for a in adjusted) == rejected
    assert all(a >= min(1.0, x) for a, x in zip(adjusted, p, strict=True))
    in_order = [adjusted[i] for i in sorted(range(len(p)), key=lambda i: p[i])]
    assert in_order == sorted(in_order)


def test_protocols_of_belarus_show_the_known_figures_and_the_challengers_stations_nothing() -> None:
    found = battery(_belarus())
    integers = found.outcome("integer-percentages")
    result = integers.answer.result
    assert result is not None
    plain = result.to_dict()
    assert plain["either"]["hits"] == 366
    assert round(plain["either"]["expected"], 1) == 246.4
    assert round(integers.answer.z or 0, 2) == 8.48
    assert round(integers.placebos["lost"].z or 9, 1) == 0.7
    assert abs(integers.placebos["redrawn"].z or 9) < 3
    assert integers.stands_out
    assert {o.test.key for o in found.outcomes if o.stands_out} == {"integer-percentages"}


def test_areas_and_tests_are_adjusted_as_one_family() -> None:
    found = battery(_belarus())
    every: list[Outcome | AreaOutcome] = [*found.outcomes, *found.areas]
    pairs = [(o.answer.p, o.adjusted_p) for o in every if o.adjusted_p is not None]
    assert len(pairs) == found.family > len(LEVELS)
    assert [round(a, 12) for _, a in pairs] == [round(a, 12) for a in holm([p for p, _ in pairs if p is not None])]


def test_a_description_never_stands_out_however_far_it_is() -> None:
    assert not stands_out("sobyanin", 1e-300, 180.0)
    assert not stands_out("integer-percentages", FAMILY / 2, 3.9)
    assert stands_out("integer-percentages", FAMILY / 2, 4.0)
    assert not stands_out("integer-percentages", FAMILY * 1.01, 40.0)


def test_every_test_answers_or_says_why_not() -> None:
    only_votes = stations(leader=[150 + i % 7 for i in range(300)])
    answers = {o.test.key: o.answer for o in battery(only_votes, thorough=True).outcomes}
    assert set(answers) == {test.key for test in TESTS}
    for key, answer in answers.items():
        assert (answer.result is None) == (answer.refusal is not None), key
    assert answers["integer-percentages"].refusal_code == "no-column"
    assert "registered" in str(answers["integer-percentages"].refusal)
    assert answers["last-digits"].result is not None


def test_slow_tests_run_only_when_asked_for() -> None:
    quick, slow = (battery(_clean(), by_area=False, thorough=thorough) for thorough in (False, True))
    extra = {o.test.key for o in slow.outcomes} - {o.test.key for o in quick.outcomes}
    assert extra == {"klimek-fit", "spikes"}
    assert set(slow.outcome("spikes").placebos) == {"redrawn"}


def test_three_stations_are_refused_by_every_test_with_a_level() -> None:
    found = battery(stations(registered=[500, 600, 700], cast=[300, 400, 350], leader=[100, 150, 90]))
    assert found.family == 0
    for outcome in found.outcomes:
        if outcome.test.key in LEVELS:
            assert outcome.answer.refusal_code == "too-few-stations"
            assert "no answer" in outcome.summary()


def test_all_equal_columns_are_refused_where_nothing_can_be_said() -> None:
    found = battery(stations(registered=[1000] * 600, cast=[600] * 600, leader=[300] * 600))
    assert found.outcome("correlation").answer.refusal_code == "no-variation"


def test_a_clean_election_shows_nothing_and_says_so() -> None:
    found = battery(_clean())
    assert not any(o.stands_out for o in found.outcomes)
    assert not any(a.stands_out for a in found.areas)
    assert "does not stand out" in found.outcome("last-digits").summary()


def test_ballots_that_equal_a_rounded_list_say_nothing_about_last_digits() -> None:
    clean = _clean(900)
    assert clean.registered is not None and clean.given is not None
    full = np.arange(900) < 300
    registered = np.where(full, clean.registered // 10 * 10, clean.registered)
    ballots = np.where(full, registered, clean.given)
    found = battery(stations(registered=registered, given=ballots, cast=ballots, leader=clean.leader))
    answer = found.outcome("last-digits-turnout").answer
    assert answer.result is not None and answer.result.sample.excluded["too_little_spread"] >= 300
    assert (answer.p or 0) > 0.001


def test_a_redrawn_election_keeps_stations_and_limits_and_is_the_same_for_the_same_seed() -> None:
    table = _belarus()
    once, again, other = redrawn(table), redrawn(table), redrawn(table, 2)
    assert (once.leader == again.leader).all()
    assert (once.leader != other.leader).any()
    registered, _, cast, leader = once.four()
    _, _, old_cast, _ = table.four()
    possible = old_cast <= registered
    assert (cast[possible] <= registered[possible]).all()
    assert (leader <= cast).all()
    assert abs(int(leader.sum()) / int(table.leader.sum()) - 1) < 0.01


def test_results_are_plain_json_and_the_same_twice() -> None:
    first, second = (json.dumps(battery(_clean()).to_dict(), sort_keys=True) for _ in range(2))
    assert first == second
    assert "fraud" not in first.lower()


def test_given_falls_back_to_cast() -> None:
    table = stations(registered=[500], cast=[300], leader=[100])
    assert table.given_is_cast
    assert table.given is table.cast


@pytest.mark.parametrize(
    ("bad", "where"),
    [
        ({"leader": [1.5]}, "leader"),
        ({"leader": [-1]}, "leader, row 0"),
        ({"leader": [1], "cast": [1, 2]}, "cast"),
        ({"leader": [1], "others": {"leader": [1]}}, "others"),
        ({"leader": [1], "areas": ["a", "b"]}, "area"),
    ],
)
def test_columns_that_cannot_be_counts_are_refused_by_name(bad: dict[str, object], where: str) -> None:
    with pytest.raises(InputError) as refused:
        stations(**bad)  # type: ignore[arg-type]
    assert refused.value.where == where


def _two_elections() -> dict[str, Any]:
    rng = np.random.default_rng(7)
    size = 1200
    registered = rng.integers(300, 1500, size)
    commission = np.arange(size) // 30
    cast = rng.binomial(registered, 0.6)
    share = np.clip(0.5 + 0.05 * rng.standard_normal(size), 0.05, 0.95)
    leader = rng.binomial(cast, share)
    bob = rng.binomial(cast - leader, 0.4)
    before = rng.binomial(cast, share)
    return {
        "registered": registered,
        "cast": cast,
        "leader": leader,
        "leader_name": "ada",
        "others": {"bob": bob},
        "areas": (commission // 4).tolist(),
        "commissions": commission.tolist(),
        "machine": rng.integers(0, 2, size),
        "late": rng.integers(0, 2, size),
        "previous": {"ada": before, "bob": cast - before},
        "previous_cast": cast,
    }


def test_scans_run_where_their_columns_are_and_are_named_where_they_are_not() -> None:
    columns = _two_elections()
    found = battery(stations(**columns), by_area=False)
    answered = {o.test.key for o in found.outcomes if o.answer.result is not None}
    assert {"swapped", "machine-counted", "late-count", "flows"} <= answered
    assert abs(found.outcome("late-count").answer.z or 9) < 4
    assert found.outcome("kireev").answer.refusal_code == "too-few-stations"
    assert found.outcome("mixture").answer.refusal_code == "not-asked"
    assert found.outcome("batch-audit").answer.refusal_code == "no-recount"
    for name in ("commissions", "machine", "late", "previous", "previous_cast", "areas"):
        columns.pop(name)
    bare = battery(stations(**columns), by_area=False)
    for key in ("swapped", "kireev", "machine-counted", "late-count", "flows"):
        assert bare.outcome(key).answer.refusal_code == "no-column", key


def test_a_commission_without_zeros_is_found_by_the_battery() -> None:
    few = np.array([1] * 30 + [2] * 30 + [0] * 5 + [40] * 20)
    size = few.size
    table = stations(
        registered=np.full(size, 900),
        cast=np.full(size, 500),
        leader=np.full(size, 300),
        leader_name="ada",
        others={"bob": few},
        commissions=["north"] * size,
    )
    result = battery(table, by_area=False).outcome("kireev").answer.result
    assert result is not None
    assert [(f["commission"], f["party"]) for f in result.to_dict()["found"]] == [("north", "bob")]


def test_flags_other_than_none_and_one_are_refused() -> None:
    with pytest.raises(InputError, match="0 or 1"):
        stations(leader=[1, 2], machine=[0, 2])
    with pytest.raises(InputError, match="0 or 1"):
        stations(leader=[1, 2], late=[0, 2])
