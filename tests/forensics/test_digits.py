"""Digit tests: the textbook figures as printed, and a null that clean elections pass where the textbook's fails."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from counterfoil.forensics import last_digit, second_digit
from counterfoil.forensics.digits import ONES, PAIRS, _given_total, _redrawn
from counterfoil.primitives.errors import InputError, Refusal
from tests.forensics.data import Columns, belarus, russia, venezuela

TABLE: dict[str, tuple[Callable[[], Columns], int, float, float, float, int, float, float]] = {
    "russia-2018": (lambda: russia(2018), 87_859, 17.415, 0.0426, 130.63, 93_601, 4.00338, 665.68),
    "russia-2021": (lambda: russia(2021), 72_518, 56.786, 5.6e-9, 87.00, 92_090, 4.18853, 16.84),
    "venezuela-EG": (lambda: venezuela("EG"), 22_496, 8.117, 0.522, 5.87, 24_397, 4.38160, 116.92),
    "venezuela-NM": (lambda: venezuela("NM"), 16_096, 40.320, 6.6e-6, 5.87, 24_395, 4.00205, 111.37),
    "belarus-L": (belarus, 1_307, 17.277, 0.0446, 11.85, 1_325, 4.06943, 14.16),
}


def usual(name: str) -> Columns:
    return TABLE[name][0]().usual()


@pytest.mark.parametrize("name", TABLE)
def test_textbook_figures_equal_the_printed_ones(name: str) -> None:
    _, n, chi2, p, turnout_chi2, second_n, mean, second_chi2 = TABLE[name]
    last = last_digit(usual(name).leader)
    assert last.observed.sum() == n
    assert round(last.textbook_chi2, 3) == chi2
    assert last.textbook_p == pytest.approx(p, rel=0.02)
    assert round(last_digit(usual(name).given).textbook_chi2, 2) == turnout_chi2
    second = second_digit(usual(name).leader)
    assert second.observed.sum() == second_n
    assert (round(second.mean, 5), round(second.textbook_chi2, 2)) == (mean, second_chi2)


def test_steep_density_explains_what_the_textbook_calls_an_anomaly() -> None:
    """Maduro's counts in the opposition's own sheets:

    p = 6.6e-6 against uniform digits, nothing against redrawn counts.
    """
    assert last_digit(usual("venezuela-NM").leader).p > 0.05


def test_false_alarms_on_steep_clean_counts_are_nominal_where_the_textbook_fails() -> None:
    stream = np.random.default_rng(5)
    p = []
    for _ in range(300):
        result = last_digit(stream.poisson(stream.exponential(30, 12_000)))
        p.append((result.p, result.textbook_p))
    exact, textbook = (np.array(p) < 0.05).mean(axis=0)
    assert 0.02 <= exact <= 0.09
    assert textbook > 0.15


def test_planted_round_counts_are_seen() -> None:
    stream = np.random.default_rng(6)
    votes = stream.binomial(2000, stream.beta(30, 30, 2000))
    assert last_digit(votes).p > 0.001
    votes[:160] -= votes[:160] % 5
    result = last_digit(votes)
    assert result.p < 1e-5
    assert result.zero_or_five.z > 4


def test_expectation_and_covariance_are_those_of_redrawn_counts() -> None:
    stream = np.random.default_rng(8)
    column = np.sort(stream.integers(0, 260, 300))
    for kind, kinds in ((ONES, 10), (PAIRS, 3)):
        mean, covariance = _redrawn(column, 100, kind, kinds)
        draws = stream.poisson(column, (4000, column.size))
        codes = np.where(draws < 100, kinds, kind[draws % 100])
        table = np.stack([(codes == j).sum(axis=1) for j in range(kinds + 1)], axis=1)
        error = table.std(axis=0) / np.sqrt(len(table))
        assert (np.abs(table.mean(axis=0) - mean) < 5 * error + 1e-9).all()
        assert np.diag(np.cov(table.T)) == pytest.approx(np.diag(covariance), rel=0.15)


def test_given_the_total_the_classes_add_up_to_it_without_spread() -> None:
    column = np.random.default_rng(8).integers(0, 260, 300)
    used = int((column >= 100).sum())
    expected, covariance = _given_total(*_redrawn(column, 100, ONES, 10), used)
    assert expected.sum() == pytest.approx(used, abs=1e-9)
    assert covariance.sum(axis=0) == pytest.approx(np.zeros(10), abs=1e-9)


def test_pairs_of_every_kind_are_a_tenth_two_tenths_and_seven_tenths() -> None:
    assert np.bincount(PAIRS).tolist() == [10, 20, 70]
    result = last_digit(usual("russia-2018").leader)
    assert sum(pair.observed for pair in result.pairs.values()) == pytest.approx(1)
    assert all(abs(pair.expected - pair.textbook) < 0.002 for pair in result.pairs.values())


def test_repeated_pairs_are_counted() -> None:
    values = np.array([111, 122, 1233, 109, 190, 121, 150] * 60)
    pairs = last_digit(values).pairs
    assert [pair.observed for pair in pairs.values()] == pytest.approx([3 / 7, 3 / 7, 1 / 7])


def test_second_digit_says_that_it_may_not_alarm() -> None:
    result = second_digit(usual("belarus-L").leader)
    assert "no alarm" in result.summary()
    assert stats.chi2.sf(result.textbook_chi2, 9) == pytest.approx(result.textbook_p)
    json.dumps(result.to_dict())
    assert result.plot().axes


def test_last_digit_is_plain_and_quotable() -> None:
    result = last_digit(usual("belarus-L").leader)
    json.dumps(result.to_dict())
    assert result.plot().axes
    assert "1,307 counts" in result.summary()


def test_too_few_counts_and_wrong_columns_are_refused() -> None:
    with pytest.raises(Refusal, match="at least 200 stations, found 3"):
        last_digit([100, 200, 300])
    with pytest.raises(Refusal):
        second_digit([5] * 1000)
    with pytest.raises(InputError):
        last_digit(np.array([100.0] * 300))


def test_equal_counts_have_a_right_answer() -> None:
    result = last_digit([1234] * 500)
    assert result.observed[4] == 500
    assert result.p < 1e-100
