"""Sequential tests: SHANGRLA's figures, validity on a wrong outcome, and the ends of a full count."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from counterfoil.forensics import alpha, betting, kaplan_markov
from counterfoil.forensics.martingales import SequentialTest
from counterfoil.primitives.errors import InputError

DRAWS = [1 if j % 5 in (0, 1, 2) else 0 for j in range(1, 2001)]
MARGIN = 0.3673


def at(result: SequentialTest, *draws: int) -> list[str]:
    return [f"{result.history[j - 1]:.12g}" for j in draws]


@pytest.mark.parametrize(
    ("population", "expected"),
    [
        (None, ["0.242631330026", "0.000157852847467", "9.41946074839e-09", "2.39410154507e-17"]),
        (100_000, ["0.242267235687", "0.000150493328237", "7.73522587589e-09", "1.0690697288e-17"]),
    ],
)
def test_shrinking_alternative_equals_shangrla(population: int | None, expected: list[str]) -> None:
    result = alpha(DRAWS, eta=0.55, c=0.025, d=100, population=population)
    assert at(result, 100, 500, 1000, 2000) == expected


def test_fixed_alternative_equals_shangrla_and_the_bet_of_the_same_size() -> None:
    expected = ["0.133513677251", "4.24256775963e-05", "1.7999381195e-09", "3.23977723404e-18"]
    assert at(alpha(DRAWS, eta=0.6, estimator="fixed"), 100, 500, 1000, 2000) == expected
    assert at(betting(DRAWS, stake=0.4), 100, 500, 1000, 2000) == expected


def test_comparison_audit_without_errors_equals_shangrla() -> None:
    clean, upper = [1 / (2 - MARGIN)] * 20, 2 / (2 - MARGIN)
    fixed = alpha(clean, eta=1 / (2 - MARGIN), estimator="fixed", upper=upper, population=10_886_049)
    assert at(fixed, 5, 10, 16, 20) == ["0.842361423386", "0.709572653852", "0.577557008386", "0.503493028218"]
    best = alpha(clean, estimator="optimal_comparison", error_rate=1e-4, upper=upper, population=10_886_049)
    assert at(best, 5, 10, 16, 20) == ["0.362743011178", "0.131582424204", "0.0389687237595", "0.0173138985928"]


def test_kaplan_markov_unit_values() -> None:
    assert kaplan_markov([1] * 5).p == pytest.approx(2**-5, rel=1e-14)
    padded = kaplan_markov([1, 1, 1, 1, 1, 0], padding=0.1)
    assert padded.p == pytest.approx((1.1 / 0.6) ** -5, rel=1e-14)
    assert kaplan_markov([0, 1, 1]).p == 1


def test_draws_to_a_risk_of_five_percent() -> None:
    assert alpha([1.0] * 20, eta=0.75, estimator="fixed", population=1000).draws_to(0.05) == 8
    assert alpha([0.75] * 20, eta=0.75, estimator="fixed", population=1000).draws_to(0.05) == 14
    assert alpha([0.75] * 5, eta=0.75, estimator="fixed").draws_to(0.05) is None


def test_wrong_outcome_is_confirmed_less_often_than_the_risk_limit() -> None:
    stream = np.random.default_rng(4)
    confirmed = 0
    for _ in range(400):
        ballots = stream.permutation(np.repeat([0.0, 1.0], 500))  # a tie: the outcome is wrong
        confirmed += alpha(ballots[:600], eta=0.6, population=1000).p <= 0.05
    assert confirmed / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_right_outcome_is_confirmed() -> None:
    ballots = np.random.default_rng(4).permutation(np.repeat([0.0, 1.0], [300, 700]))
    assert alpha(ballots[:300], eta=0.6, population=1000).p < 0.001


def test_full_count_ends_it() -> None:
    assert alpha([1.0] * 51 + [0.0] * 49, population=100).p == 0
    assert alpha([0.0] * 50 + [1.0] * 50, population=100).p == 1
    assert alpha([1.0] * 60, population=100).p == 0


def test_an_alternative_that_leaves_its_range_is_pulled_back() -> None:
    """Fourteen zeros push the fixed alternative of 100 ballots above 1;

    two negative factors would look like evidence.
    """
    result = alpha([0.0] * 4 + [1.0] * 45, eta=0.985, estimator="fixed", population=100)
    assert (result.history == 1).all()


def test_hopeless_draws_stay_at_one() -> None:
    result = alpha([0.0] * 60, population=100)
    assert result.p == 1


def test_a_million_draws_neither_overflow_nor_vanish() -> None:
    result = alpha(np.random.default_rng(0).random(1_000_000) < 0.6, eta=0.6)  # type: ignore[arg-type]
    assert result.p == 0
    assert np.isfinite(result.history).all()


def test_results_are_plain_and_draw() -> None:
    for result in (alpha(DRAWS, eta=0.55), betting(DRAWS, stake=0.4), kaplan_markov(DRAWS, padding=0.1)):
        json.dumps(result.to_dict())
        assert result.plot().axes
        assert "after 2,000 draws the measured risk is" in result.summary()


def test_wrong_inputs_are_refused() -> None:
    with pytest.raises(InputError, match="values from 0 to 1"):
        alpha([1.5])
    with pytest.raises(InputError, match="at least one draw"):
        alpha([])
    with pytest.raises(InputError, match="population"):
        alpha([1.0] * 5, population=4)
    with pytest.raises(InputError, match="estimator"):
        alpha([1.0], estimator="best")
    with pytest.raises(InputError, match="eta"):
        alpha([1.0], eta=0.4)
    with pytest.raises(InputError, match="mean"):
        alpha([1.0], mean=1.0)
    with pytest.raises(InputError, match="upper"):
        alpha([1.0], estimator="optimal_comparison")
    with pytest.raises(InputError, match="stake"):
        betting([1.0], stake=1.5)
    with pytest.raises(InputError, match="padding"):
        kaplan_markov([1.0], padding=-0.1)
