"""The reader model: a posterior that follows the evidence, stages that only tighten with errors."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from counterfoil.workflow.standing import (
    GOLD_MORE,
    STAGES,
    Tally,
    chance_above,
    gold_due,
    mean_rate,
    rates_by_field,
    stage,
)

COUNTS = st.integers(0, 3000)


@given(COUNTS, COUNTS, st.sampled_from([0.01, 0.02, 0.05, 0.1]))
@settings(deadline=None, max_examples=100)
def test_the_chance_is_the_tail_of_the_posterior(right: int, wrong: int, rate: float) -> None:
    tally = Tally(right, wrong)
    assert chance_above(tally, rate) == pytest.approx(float(beta(1 + wrong, 99 + right).sf(rate)), abs=1e-9)
    assert mean_rate(tally) == pytest.approx(float(beta(1 + wrong, 99 + right).mean()))


@given(COUNTS, st.integers(0, 300), st.integers(0, 12), st.integers(0, 50), st.integers(1, 50))
@settings(deadline=None, max_examples=100)
def test_more_errors_never_loosen_and_more_right_fields_never_tighten(
    right: int, wrong: int, shared: int, copies: int, more: int
) -> None:
    now = STAGES.index(stage(Tally(right, wrong, min(shared, wrong), copies))[0])
    worse = STAGES.index(stage(Tally(right, wrong + more, min(shared, wrong), copies))[0])
    better = STAGES.index(stage(Tally(right + more, wrong, min(shared, wrong), copies))[0])
    assert worse >= now
    assert better <= now


def test_a_good_reader_is_trusted_after_ten_copies_and_a_bad_one_is_paused() -> None:
    assert stage(Tally(60, 0, 0, 9))[0] == "new"
    assert stage(Tally(70, 0, 0, 10))[0] == "trusted"
    assert stage(Tally(990, 10, 0, 140))[0] == "trusted"
    assert stage(Tally(120, 60, 0, 25)) == ("paused", (("error_rate", 60, 180),))


def test_the_same_wrong_value_as_another_person_weighs_more_than_an_error() -> None:
    assert stage(Tally(700, 3, 0, 100))[0] == "trusted"
    assert stage(Tally(700, 3, 2, 100)) == ("watched", (("shared_errors", 2, 3),))


def test_what_an_organiser_ordered_stands_and_the_figures_are_still_told() -> None:
    assert stage(Tally(120, 60, 0, 25), "trusted") == ("trusted", (("ordered", 0, 0), ("error_rate", 60, 180)))


def test_rates_by_field_are_drawn_towards_the_persons_own() -> None:
    rates = rates_by_field({"ada": [100, 0], "bob": [0, 1], "valid": [80, 20]})
    assert rates["ada"] < rates["bob"] < rates["valid"] < 0.2
    assert 0.05 < rates["bob"] < 0.2


@pytest.mark.parametrize("name", STAGES)
def test_known_answers_come_as_often_as_the_setting_says(name: str) -> None:
    due = sum(gold_due(name, 20, draw) for draw in range(0, 1_000_000, 100))
    assert due == 10_000 * GOLD_MORE[name] // 20
    assert not gold_due(name, 0, 0)
