"""Scans: Kireev, machine counts, flows, kernel, counts computed back, swapped columns."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import polars as pl
import pytest

from counterfoil.forensics import back_solved, columns_swapped, flows, kernel, kireev, machine_counted
from counterfoil.forensics.arrays import Ints
from counterfoil.primitives.errors import InputError, Refusal
from tests.forensics.data import belarus, russia, russia_table, venezuela_table


def test_kireev_2021_finds_the_eleven_published_rows() -> None:
    table = russia_table(2021)
    parties = {c: table[c].to_numpy() for c in table.columns if c[:1].isdigit()}
    commission = table.select(pl.concat_str(["region", "oik", "tik"], separator=" / ")).to_series()
    result = kireev(parties, commission)
    assert len(parties) == 14
    assert len(result.found) == 11
    nalchik = next(f for f in result.found if "Нальчик" in f.commission)
    assert (nalchik.zeros, nalchik.ones, nalchik.twos) == (2, 42, 37)
    assert nalchik.p < 1e-6
    assert sum(f.p < 0.05 for f in result.found) >= 9
    assert "11 of" in result.summary()
    assert result.plot().axes
    json.dumps(result.to_dict())


def test_kireev_finds_nothing_where_votes_are_poisson() -> None:
    stream = np.random.default_rng(2)
    votes = {"small": stream.poisson(1.5, 4000), "smaller": stream.poisson(0.5, 4000)}
    assert not kireev(votes, np.arange(4000) // 100).found


def test_kireev_needs_large_commissions() -> None:
    with pytest.raises(Refusal, match="more than 40 stations"):
        kireev({"a": [1] * 100}, np.arange(100) // 10)
    with pytest.raises(InputError, match="at least one party"):
        kireev({}, [])
    with pytest.raises(InputError, match="100 labels"):
        kireev({"a": [1] * 100}, ["x"])


def test_machine_counts_are_carried_over_within_commissions() -> None:
    registered = [1000, 2000, 1000, 1000, 500]
    leader = [300, 900, 500, 700, 400]
    result = machine_counted(registered, leader, [1, 0, 1, 0, 0], ["a", "a", "b", "b", "c"])
    assert result.commissions == 2
    assert result.reported == 2400
    assert result.expected == pytest.approx(0.3 * 3000 + 0.5 * 2000)
    assert result.difference == pytest.approx(500)
    assert result.by_commission == pytest.approx({"a": 300, "b": 200})
    assert result.sample.excluded == {"commission_with_one_kind_only": 1}
    assert result.plot().axes
    json.dumps(result.to_dict())


def test_machine_counts_error_covers_commissions_that_differ_by_chance() -> None:
    stream = np.random.default_rng(9)
    z = []
    for _ in range(200):
        registered = stream.integers(500, 2000, 600)
        commission = np.arange(600) // 20
        level = stream.normal(0.4, 0.05, 30)[commission]
        leader = stream.binomial(registered, np.clip(level + stream.normal(0, 0.05, 600), 0, 1))
        z.append(machine_counted(registered, leader, stream.binomial(1, 0.3, 600), commission).z)
    assert np.std(z) == pytest.approx(1, abs=0.2)


def test_machine_counts_need_both_kinds() -> None:
    with pytest.raises(Refusal, match="both kinds of stations, found 0"):
        machine_counted([100, 100], [50, 50], [1, 1], ["a", "b"])
    with pytest.raises(InputError, match="values of 0 or 1"):
        machine_counted([100, 100], [50, 50], [1, 2], ["a", "b"])


def territories(
    noise: float,
) -> tuple[dict[str, Ints], dict[str, Ints], np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    stream = np.random.default_rng(12)
    matrix = np.array([[0.65, 0.26, 0.0, 0.09], [0.0, 0.95, 0.0, 0.05], [0.1, 0.0, 0.8, 0.1], [0.0, 0.0, 0.1, 0.9]])
    first = stream.dirichlet([4, 3, 2, 5], 125)
    second = np.clip(first @ matrix + stream.normal(0, noise, (125, 4)), 0, None)
    names = ("p", "q", "r", "none")
    size = 10_000_000
    as_counts = [np.rint(size * table).astype(np.int64) for table in (first, second)]
    return (*({n: t[:, j] for j, n in enumerate(names)} for t in as_counts), matrix)  # type: ignore[return-value]


def test_flows_that_hold_everywhere_are_found_exactly() -> None:
    first, second, matrix = territories(0.0)
    result = flows(first, second)
    assert result.matrix == pytest.approx(matrix, abs=2e-6)
    assert result.unconstrained == pytest.approx(matrix, abs=2e-5)
    assert result.r2 == pytest.approx(1, abs=1e-9)


def test_flows_are_the_constrained_optimum() -> None:
    """At the optimum no allowed move improves: the gradient is equal over the used cells of a row, larger elsewhere."""
    first, second, _ = territories(0.02)
    result = flows(first, second)
    x, y = (np.stack(list(t.values()), axis=1).astype(float) for t in (first, second))
    x, y = x / x.sum(axis=1, keepdims=True), y / y.sum(axis=1, keepdims=True)
    assert result.matrix.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-12)
    assert result.matrix.min() >= 0
    gradient = 2 * x.T @ (x @ result.matrix - y)
    for row, slope in zip(result.matrix, gradient, strict=True):
        used = row > 1e-9
        assert slope[used] == pytest.approx(np.full(used.sum(), slope[used].mean()), abs=1e-6)
        assert (slope[~used] >= slope[used].mean() - 1e-6).all()
    assert ((result.low <= result.matrix + 0.05) & (result.matrix - 0.05 <= result.high)).all()
    assert result.plot().axes
    json.dumps(result.to_dict())


def test_flows_refuse_few_or_dependent_territories() -> None:
    first, second, _ = territories(0.0)
    with pytest.raises(Refusal, match="at least 40 territories"):
        flows({n: v[:20] for n, v in first.items()}, {n: v[:20] for n, v in second.items()})
    with pytest.raises(Refusal, match="determine each other"):
        flows({"a": first["p"], "b": 2 * first["p"]}, second)
    with pytest.raises(InputError, match="125 territories as in the first"):
        flows(first, {n: v[:20] for n, v in second.items()})
    with pytest.raises(InputError, match="none in this territory"):
        flows(first, {n: np.where(np.arange(125) == 4, 0, v) for n, v in second.items()})


@pytest.mark.parametrize(("year", "turnout", "share"), [(2018, 62, 73), (2021, 35, 29)])
def test_kernel_lies_within_a_point_of_the_one_set_by_hand(year: int, turnout: int, share: int) -> None:
    result = kernel(*russia(year))
    assert abs(result.turnout - turnout) <= 1
    assert abs(result.share - share) <= 1
    assert result.turnout_range[0] <= result.turnout <= result.turnout_range[1]
    assert result.plot().axes
    json.dumps(result.to_dict())


def test_kernel_in_the_corner_is_refused() -> None:
    stream = np.random.default_rng(1)
    registered = stream.integers(500, 1500, 2000)
    given = stream.binomial(registered, 0.98)
    with pytest.raises(Refusal, match="the tail of the cloud"):
        kernel(registered, given, given, stream.binomial(given, 0.9))
    with pytest.raises(Refusal, match=r"at least 1,000 stations"):
        kernel(*(column[:900] for column in belarus()))


def test_first_bulletin_of_venezuela_comes_out_of_rounded_percentages() -> None:
    result = back_solved({"NM": 5_150_092, "EG": 4_445_978, "others": 462_704}, 10_058_774)
    assert result.percentages == {"NM": Fraction(512, 10), "EG": Fraction(442, 10), "others": Fraction(46, 10)}
    assert result.p == pytest.approx(1e-8, rel=0.02)
    assert "51.2 %" in result.summary()
    assert result.plot().axes
    assert json.loads(json.dumps(result.to_dict()))["percentages"]["NM"] == "256/5"


def test_second_bulletin_does_not() -> None:
    result = back_solved({"NM": 6_408_844, "EG": 5_326_104}, 12_335_884)
    assert not result.all_come_out
    assert result.p == 1
    assert "is not a rounded percentage" in result.summary()


def test_counts_too_small_to_tell_are_refused() -> None:
    with pytest.raises(Refusal, match="total of at least 100,000"):
        back_solved({"a": 10, "b": 20}, 30)
    with pytest.raises(InputError, match="a count from 0 to"):
        back_solved({"a": 200_001, "b": 1}, 200_000)
    with pytest.raises(InputError, match="decimals"):
        back_solved({"a": 1, "b": 1}, 200_000, decimals=3)


def test_swapped_columns_are_found_by_area_and_by_previous_round() -> None:
    table = venezuela_table().filter(pl.col("VOTOS_VALIDOS") >= 100).head(6000)
    first, second = table["EG"].to_numpy().copy(), table["NM"].to_numpy().copy()
    previous = first.copy(), second.copy()
    before = columns_swapped(first, second, areas=table["CENTRO"])
    strong = np.flatnonzero(first > 4 * second)[::97][:20]
    first[strong], second[strong] = second[strong], first[strong]
    after = columns_swapped(first, second, areas=table["CENTRO"])
    assert {s.row for s in after.found} - {s.row for s in before.found} <= set(strong.tolist())
    usable = {s.row for s in after.found} & set(strong.tolist())
    assert len(usable) >= 8
    by_round = columns_swapped(first, second, previous_first=previous[0], previous_second=previous[1])
    assert {s.row for s in by_round.found} == set(strong.tolist())
    assert by_round.placebo == 0
    assert by_round.found[0].first < by_round.found[0].second
    assert by_round.plot().axes
    json.dumps(by_round.to_dict())


def test_swapped_columns_are_not_seen_without_noise_of_their_own() -> None:
    stream = np.random.default_rng(3)
    area = np.arange(5000) // 10
    level = stream.normal(0.35, 0.05, 500)[area]
    first = stream.binomial(800, np.clip(level + stream.normal(0, 0.04, 5000), 0.01, 0.99))
    result = columns_swapped(first, 800 - first, areas=area)
    assert len(result.found) <= 2


def test_options_of_like_strength_cannot_be_told_apart() -> None:
    stream = np.random.default_rng(3)
    first = stream.binomial(800, stream.normal(0.5, 0.05, 500).clip(0, 1))
    with pytest.raises(Refusal, match="turning changes nothing"):
        columns_swapped(first, 800 - first, areas=np.arange(500) // 10)
    with pytest.raises(InputError, match="areas or both columns"):
        columns_swapped(first, 800 - first)
    with pytest.raises(InputError, match="near"):
        columns_swapped(first, 800 - first, areas=np.arange(500) // 10, near=6)
    with pytest.raises(Refusal, match="at least 100 stations"):
        columns_swapped(first[:3], first[:3], areas=[1, 1, 1])
