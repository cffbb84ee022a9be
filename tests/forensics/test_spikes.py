"""Resampled kernel density:

exact moments, an envelope without resamples, nominal alarms on clean elections, planted peaks.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import betaln, gammaln

from counterfoil.forensics import spikes
from counterfoil.forensics.arrays import Ints
from counterfoil.forensics.beta_mixture import fit
from counterfoil.forensics.spikes import _observed, _smooth
from counterfoil.primitives.errors import InputError, Refusal
from tests.forensics.data import venezuela


def clean(seed: int, stations: int = 1500) -> tuple[Ints, Ints, Ints]:
    """Two electorates, rates that vary more than counting would."""
    stream = np.random.default_rng(seed)
    registered = stream.integers(300, 2500, stations)
    town = stream.random(stations) < 0.5
    cast = stream.binomial(registered, stream.beta(30, np.where(town, 30, 15)))
    leader = stream.binomial(cast, stream.beta(np.where(town, 12, 20), 15))
    return registered, cast, leader


def test_mean_and_variance_are_the_sums_over_the_beta_binomial_distribution() -> None:
    cast = np.array([[137, 140], [900, 0], [55, 61]])
    alpha, beta = np.array([40.0, 300.0, 3.0]), np.array([60.0, 200.0, 5.0])
    mean, variance, count = _smooth(cast, alpha, beta)
    want = np.zeros((3, 1001))
    for row, a, b in zip(cast, alpha, beta, strict=True):
        station = np.zeros((3, 1001))
        lattices = row[row > 0]
        for n in lattices:
            v = np.arange(n + 1)
            log = gammaln(n + 1) - gammaln(v + 1) - gammaln(n - v + 1) + betaln(v + a, n - v + b) - betaln(a, b)
            at = np.floor(1000 * v / n + 0.5).astype(int)
            height = np.exp(-0.5 * ((v / n - at / 1000) / 1e-4) ** 2)
            for k, values in enumerate((height, height**2, np.ones(n + 1))):
                np.add.at(station[k], at, np.exp(log) * values / lattices.size)
        want += np.stack([station[0], station[1] - station[0] ** 2, station[2]])
    assert mean == pytest.approx(want[0], abs=1e-4)
    assert variance == pytest.approx(want[1], abs=1e-4)
    assert count == pytest.approx(want[2], abs=1e-6)


def test_observed_density_is_high_on_the_per_mille_and_low_beside_it() -> None:
    density, count = _observed(np.array([500, 333, 0]), np.array([1000, 999, 7]))
    assert density[500] == 1
    assert count[333] == 1
    assert density[333] < 0.01
    assert density[0] == 1


def test_excess_does_not_depend_on_the_number_of_resamples() -> None:
    few, many = (spikes(*clean(1), resamples=k) for k in (19, 60))
    assert few.excess == many.excess
    assert (few.envelope == many.envelope).all()


def test_alarms_on_clean_elections_are_nominal() -> None:
    p = np.array([spikes(*clean(seed, 500), resamples=19).p for seed in range(40)])
    assert (p <= 0.05).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 40)
    assert (p > 0.5).mean() > 0.2


def test_planted_coarse_shares_are_found_where_they_are() -> None:
    registered, cast, leader = clean(2)
    leader[:75] = np.rint(cast[:75] * 0.75)
    result = spikes(registered, cast, leader, resamples=39)
    assert 750 in result.peaks
    assert result.p == pytest.approx(1 / 40)
    assert 1.0 < result.excess < 6.0
    assert result.z > 5


def test_witnesses_sheets_have_no_peaks() -> None:
    c = venezuela("EG")
    result = spikes(c.registered, c.cast, c.leader, resamples=19)
    assert result.excess < 0.05
    assert result.p > 0.05


def test_mixture_follows_the_shape_of_the_shares() -> None:
    _, cast, leader = clean(3, 4000)
    mixture = fit(leader, cast, np.random.default_rng(0))
    assert mixture.correlation > 0.98
    assert mixture.weight.sum() == pytest.approx(1)
    assert mixture.posterior(leader[:50], cast[:50]).sum(axis=1) == pytest.approx(np.ones(50))


def test_result_is_the_same_for_the_same_seed_plain_and_quotable() -> None:
    first, again = (spikes(*clean(4, 600), resamples=19) for _ in range(2))
    assert first.to_dict() == again.to_dict()
    json.dumps(first.to_dict())
    assert first.plot().axes
    assert "elections redrawn smoothly give" in first.summary()


def test_few_stations_equal_shares_and_wrong_options_are_refused() -> None:
    with pytest.raises(Refusal, match="at least 500 stations, found 3"):
        spikes([1000] * 3, [500] * 3, [200, 300, 400])
    with pytest.raises(Refusal, match="the same everywhere"):
        spikes([1000] * 600, [500] * 600, [250] * 600)
    with pytest.raises(InputError, match="level"):
        spikes(*clean(1), level=1.0)
    with pytest.raises(InputError, match="resamples"):
        spikes(*clean(1), resamples=5)
