"""Klimek's model: density, first stage with its refusals, and a fit that finds what was planted."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import gaussian_kde

from counterfoil.forensics import klimek_first_stage, klimek_fit
from counterfoil.forensics.klimek import KlimekFirstStage, _solve, density, draw, first_peak, shares
from counterfoil.primitives.errors import InputError, Refusal
from tests.forensics.data import Columns, belarus, russia


def test_density_equals_the_gaussian_kernel_density_with_scotts_bandwidth() -> None:
    values = np.random.default_rng(0).beta(5, 3, 2000)
    expected = gaussian_kde(values)(np.arange(1001) / 1000)
    assert density(values) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_russia_2018_has_no_first_peak_and_is_refused() -> None:
    with pytest.raises(Refusal, match=r"density of the share above 0\.3, found that it falls at 0\.3 already"):
        klimek_first_stage(*russia(2018))


def test_russia_2021_has_a_first_stage() -> None:
    stage = klimek_first_stage(*russia(2021))
    assert (stage.tau, stage.nu) == (0.385, 0.310)
    assert round(stage.s_tau, 6) == 0.070682
    assert round(stage.s_nu, 6) == 0.063732
    assert round(stage.theta, 6) == 0.549261


def test_a_density_that_rises_to_the_end_is_refused() -> None:
    with pytest.raises(Refusal, match="rises up to 1"):
        first_peak(np.arange(1001.0), "turnout")


def planted(incremental: float, extreme: float, alpha: float) -> tuple[Columns, KlimekFirstStage]:
    """An election from the model itself and the clean curves it was drawn from."""
    stream = np.random.default_rng(11)
    n = stream.integers(600, 2500, 40_000)
    given = stream.binomial(n, np.clip(stream.normal(0.5, 0.05, n.size), 0, 1))
    votes = stream.binomial(given, np.clip(stream.normal(0.4, 0.06, n.size), 0, 1))
    stage = replace(klimek_first_stage(n, given, given, votes), theta=0.4)
    model = draw(stage, n.size, stream)
    kind = stream.random(n.size)
    x = np.where(kind < extreme, model.extreme, np.where(kind < extreme + incremental, model.incremental, 0.0))
    turnout, share = shares(model, x, alpha)
    cast = np.rint(n * turnout).astype(np.int64)
    return Columns(n, cast, cast, np.minimum(np.rint(cast * share).astype(np.int64), cast)), stage


def test_fit_finds_the_parts_that_were_planted() -> None:
    columns, stage = planted(0.2, 0.01, 2.0)
    result = klimek_fit(*columns, first_stage=stage, draws_per_station=2)
    near = next(f for f in result.by_alpha if f.alpha == 2.0)
    assert near.incremental == pytest.approx(0.2, abs=0.02)
    assert near.extreme == pytest.approx(0.01, abs=0.005)
    assert result.misfit < 0.05
    assert result.incremental_range[0] < 0.2 < result.incremental_range[1] + 0.05


def test_published_first_stage_finds_only_part_of_what_was_planted() -> None:
    columns, _ = planted(0.2, 0.01, 2.0)
    found = klimek_fit(*columns, draws_per_station=2).best.incremental
    assert 0.05 < found < 0.2


def test_fit_finds_nothing_where_nothing_was_planted() -> None:
    result = klimek_fit(*planted(0.0, 0.0, 2.0)[0], draws_per_station=2)
    assert result.best.incremental < 0.03
    assert result.best.extreme < 0.005


def test_parts_outside_the_triangle_are_not_solutions() -> None:
    stream = np.random.default_rng(1)
    kinds = 1000 * stream.dirichlet(np.ones(100), 3)
    for weight in ([1.3, -0.3, 0.0], [-0.2, 0.6, 0.6], [0.7, 0.5, -0.2]):
        found = _solve(kinds, np.maximum(np.array(weight) @ kinds, 0.0), 2.0)
        assert found.incremental >= 0
        assert found.extreme >= 0
        assert found.incremental + found.extreme <= 1
    inside = _solve(kinds, np.array([0.5, 0.3, 0.2]) @ kinds, 2.0)
    assert [inside.incremental, inside.extreme] == pytest.approx([0.3, 0.2])


def test_fit_of_another_shape_says_that_the_model_does_not_describe_it() -> None:
    result = klimek_fit(*belarus(), draws_per_station=2)
    assert result.misfit > 0.15
    assert "does not describe these shares" in result.summary()


def test_fit_is_the_same_for_the_same_seed_and_plain() -> None:
    first, again = (klimek_fit(*belarus(), draws_per_station=1) for _ in range(2))
    assert first.to_dict() == again.to_dict()
    json.dumps(first.to_dict())
    assert first.plot().axes
    assert first.first_stage.plot().axes
    assert "first peak of turnout" in first.first_stage.summary()


def test_few_stations_equal_columns_and_wrong_options_are_refused() -> None:
    with pytest.raises(Refusal, match="at least 500 stations, found 3"):
        klimek_first_stage([1000] * 3, [500] * 3, [500] * 3, [300] * 3)
    with pytest.raises(Refusal, match="all equal"):
        klimek_first_stage([1000] * 600, [500] * 600, [500] * 600, [300] * 600)
    with pytest.raises(InputError, match="draws_per_station"):
        klimek_fit(*belarus(), draws_per_station=0)
