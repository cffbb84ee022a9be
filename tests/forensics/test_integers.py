"""Integer percentages: the printed figures of four elections, and the rules behind them."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from counterfoil.forensics import integer_percentages, integer_percentages_published, integers, poisson_binomial
from counterfoil.forensics.integers import IntegerPercentages
from counterfoil.primitives.errors import InputError, Refusal
from tests.forensics.data import belarus, belarus_table, russia, venezuela


def excesses(result: IntegerPercentages, digits: int = 3) -> list[float]:
    return [round(c.excess, digits) for c in (result.either, result.share, result.turnout)]


def hit_counts(result: IntegerPercentages) -> list[int]:
    return [result.either.hits, result.share.hits, result.turnout.hits]


def z_values(result: IntegerPercentages) -> list[float]:
    return [round(c.z, 2) for c in (result.either, result.share, result.turnout)]


def test_russia_2018_equals_the_printed_closed_form() -> None:
    result = integer_percentages(*russia(2018))
    assert result.sample.used == 91_152
    assert result.sample.given == 97_699
    assert hit_counts(result) == [19_271, 10_116, 10_543]
    assert excesses(result) == [1708.598, 857.131, 1297.527]
    assert [round(c.sd, 3) for c in (result.either, result.share, result.turnout)] == [117.379, 89.598, 90.009]
    assert z_values(result) == [14.56, 9.57, 14.42]
    assert [round(w.either.excess, 3) for w in result.weighted.values()] == [2457648.845, 2048976.182, 1751810.604]


def test_russia_2018_quantiles_are_those_of_the_exact_distribution() -> None:
    result = integer_percentages(*russia(2018))
    cells = (result.either, result.share, result.turnout)
    assert [c.quantile_999 for c in cells] == [17_926, 9_537, 9_525]
    assert [round(c.quantile_999 - c.expected, 3) for c in cells] == [363.598, 278.131, 279.527]


def test_russia_2021_equals_the_printed_integer_form() -> None:
    result = integer_percentages(*russia(2021))
    assert result.sample.used == 90_821
    assert hit_counts(result) == [18_880, 10_173, 9_950]
    assert excesses(result) == [1312.404, 824.822, 784.664]
    assert z_values(result) == [11.19, 9.20, 8.73]


def test_russia_2021_the_floating_point_form_differs_by_ties_only() -> None:
    """The published code divides first; counting its ties its way gives the printed figures of that form."""
    c = russia(2021)
    chosen = integers.eligible(*c, 100)
    voters, ballots = chosen(c.registered), chosen(c.given)

    percent = 100 * ballots / voters
    assert np.count_nonzero(np.abs(percent - np.round(percent)) <= 0.05) == 9_949
    change = 0.0
    for size in np.unique(voters[voters % 2000 == 0]):  # a tie needs a multiple of 2,000
        every = np.arange(size + 1)
        of = 100 * every / size
        exact = integers.hits(every, np.full(size + 1, size))
        tie = np.flatnonzero((np.abs(of - np.round(of)) <= 0.05) != exact)
        for k in ballots[voters == size]:
            change += (np.where(exact[tie], -1.0, 1.0) * binom.pmf(tie, size, k / size)).sum()
    assert round(9_949 - (integer_percentages(*c).turnout.expected + change), 3) == 784.314


@pytest.mark.slow
def test_russia_2018_published_recipe_is_repeated_bit_for_bit() -> None:
    result = integer_percentages_published(*russia(2018))
    cells = (result.either, result.share, result.turnout)
    assert [round(c.excess, 3) for c in cells] == [1708.839, 859.010, 1296.186]
    assert [round(c.quantile_999 - c.expected, 3) for c in cells] == [342.857, 259.021, 243.207]
    assert [round(w["either"].excess, 3) for w in result.weighted.values()] == [2459344.092, 2050933.822, 1753819.350]
    assert "19,271 hits" in result.summary()


def test_belarus_the_protocols_have_the_printed_anomaly() -> None:
    result = integer_percentages(*belarus())
    assert result.sample.used == 1_299
    assert hit_counts(result) == [366, 199, 213]
    assert [round(c.expected, 1) for c in (result.either, result.share, result.turnout)] == [246.4, 128.9, 130.4]
    assert z_values(result) == [8.48, 6.51, 7.64]
    assert result.either.p == pytest.approx(4.866e-16, rel=1e-3)


def test_belarus_the_controls_show_nothing() -> None:
    table, all_of_them = belarus_table(), belarus()
    challenger, incumbent, photos = (
        table[name].fill_null(0).to_numpy()
        for name in ("tihanovkaja_officialVotes", "lukashenko_officialVotes", "tihanovkaja_photoVoices")
    )
    won = integer_percentages(*all_of_them.where(challenger > incumbent))
    assert (won.either.hits, round(won.either.expected, 1), round(won.either.z, 2)) == (38, 34.5, 0.67)
    embassies = integer_percentages(*all_of_them.where((table["area"] == "embassy").to_numpy()))
    assert (embassies.either.hits, round(embassies.either.expected, 1)) == (4, 4.0)
    assert embassies.warnings
    quiet = integer_percentages(*all_of_them.where((incumbent >= challenger) & (photos <= challenger)))
    assert (quiet.sample.used, quiet.either.hits, round(quiet.either.expected, 1)) == (692, 207, 130.5)
    assert round(quiet.either.z, 2) == 7.45
    unrounded = integer_percentages(*all_of_them.where(all_of_them.registered % 10 != 0))
    assert round(unrounded.either.z, 1) == 7.7
    towns = integer_percentages(*all_of_them.where((table["area"] == "town_over100").to_numpy()))
    assert (towns.either.hits, round(towns.either.expected, 1)) == (71, 34.0)


@pytest.mark.parametrize(("option", "z"), [("EG", [2.17, 2.45, 0.24]), ("NM", [1.24, 1.47, 0.24])])
def test_venezuela_the_witnesses_sheets_stay_below_the_alarm(option: str, z: list[float]) -> None:
    assert z_values(integer_percentages(*venezuela(option))) == z


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 3000), st.data())
def test_hit_probability_is_the_binomial_sum_over_exact_hits(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    hundredths = [Fraction(100 * j, n) for j in range(n + 1)]
    hit = np.array([abs(x - round(x)) <= Fraction(1, 20) for x in hundredths])
    column = np.full(n + 1, n, dtype=np.int64)
    assert (integers.hits(np.arange(n + 1), column) == hit).all()
    got = integers._hit_probabilities(np.array([k]), np.array([n]), 1, 10)[0]
    assert got == pytest.approx(binom.pmf(np.flatnonzero(hit), n, k / n).sum(), abs=1e-11)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=300), st.integers(0, 300))
def test_number_of_hits_has_the_distribution_of_the_naive_recursion(q: list[float], count: int) -> None:
    naive = np.array([1.0])
    for p in q:
        naive = np.convolve(naive, [1 - p, p])
    got = poisson_binomial.distribution(np.array(q))
    assert got == pytest.approx(naive, abs=1e-13)
    assert poisson_binomial.upper_tail(np.array(q), count) == pytest.approx(naive[count:].sum(), rel=1e-9, abs=1e-200)


def test_far_tail_keeps_its_digits() -> None:
    assert poisson_binomial.upper_tail(np.full(1000, 0.1), 400) == pytest.approx(binom.sf(399, 1000, 0.1), rel=1e-9)


def test_one_in_a_thousand_quantile_is_the_smallest_count_that_reaches_it() -> None:
    assert poisson_binomial.quantile(np.full(500, 0.2), 0.999) == binom.ppf(0.999, 500, 0.2)


def test_planted_round_percentages_are_seen_and_the_clean_ones_are_not() -> None:
    stream = np.random.default_rng(1)
    voters = stream.integers(800, 2500, 3000)
    given_out = stream.binomial(voters, stream.beta(60, 40, voters.size))
    votes = stream.binomial(given_out, stream.beta(50, 50, voters.size))
    assert abs(integer_percentages(voters, given_out, given_out, votes).either.z) < 3
    planted = given_out.copy()
    planted[:300] = np.rint(voters[:300] * np.rint(100 * given_out[:300] / voters[:300]) / 100)
    planted = np.maximum(planted, votes)
    assert integer_percentages(voters, planted, planted, votes).turnout.z > 6


def test_result_is_plain_and_quotable() -> None:
    result = integer_percentages(*belarus())
    assert "quantile_999" not in result.to_dict()["either"]
    assert result.either.quantile_999 == 291
    as_json = json.loads(json.dumps(result.to_dict()))
    assert as_json["either"]["quantile_999"] == 291
    assert as_json["method"]["references"][0]["doi"] == "10.1214/16-AOAS904"
    text = result.summary()
    assert "366 of 1,299 stations" in text
    assert "fraud" not in text.lower()


def test_columns_that_are_no_counts_are_refused() -> None:
    good = belarus()
    with pytest.raises(InputError, match="cast: expected whole numbers, found values of type float64"):
        integer_percentages(good.registered, good.given, good.cast.astype(float), good.leader)
    gap = good.cast.astype(float)
    gap[3] = np.nan
    with pytest.raises(InputError, match="missing values"):
        integer_percentages(good.registered, good.given, gap, good.leader)
    with pytest.raises(InputError, match="row 7"):
        integer_percentages(
            good.registered, good.given, np.where(np.arange(good.cast.size) == 7, -1, good.cast), good.leader
        )
    with pytest.raises(InputError, match="1335 stations as in registered"):
        integer_percentages(good.registered, good.given[:-1], good.cast, good.leader)
    with pytest.raises(InputError, match="one figure per station"):
        integer_percentages(*(column.reshape(1, -1) for column in good))


def test_columns_in_the_wrong_order_are_refused() -> None:
    good = belarus()
    with pytest.raises(InputError, match="check that the columns are passed in their order"):
        integer_percentages(good.given, good.registered, good.cast, good.leader)
    with pytest.raises(InputError, match="leader"):
        integer_percentages(good.registered, good.given, good.leader, good.cast)


def test_three_stations_are_refused() -> None:
    with pytest.raises(Refusal, match="at least 20 stations, found 3 of 3"):
        integer_percentages([1000] * 3, [600] * 3, [600] * 3, [300] * 3)


def test_equal_stations_are_counted_like_others() -> None:
    result = integer_percentages([1000] * 50, [600] * 50, [600] * 50, [311] * 50)
    assert (result.turnout.hits, result.share.hits) == (50, 0)
    assert result.turnout.expected == pytest.approx(50 * binom.pmf(np.arange(0, 1001, 10), 1000, 0.6).sum())


def test_polars_series_are_taken_as_they_are() -> None:
    table = belarus_table()
    columns = [table[c] for c in ("officialVoters", "officialVotes", "officialVotes", "lukashenko_officialVotes")]
    assert integer_percentages(*columns).either.hits == integer_percentages(*belarus()).either.hits


def test_stations_are_counted_out_with_their_reason() -> None:
    registered = [1000] * 30 + [50, 1000, 1000, 1000]
    given_out = [600] * 30 + [20, 995, 0, 600]
    leader = [300] * 30 + [10, 300, 0, 599]
    result = integer_percentages(registered, given_out, given_out, leader)
    assert result.sample.used == 30
    assert {reason for reason, count in result.sample.excluded.items() if count == 1} == {
        "registered_below_minimum",
        "nothing_cast",
        "turnout_above_99_percent",
        "share_above_99_percent",
    }
