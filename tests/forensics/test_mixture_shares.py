"""The class shares' own moves: their posterior is known on a grid."""

from __future__ import annotations

import numpy as np
import pytest

from counterfoil.forensics.arrays import Floats
from counterfoil.forensics.mixture_diagnostics import effective_size, rhat
from counterfoil.forensics.mixture_sampler import Shares, sample
from counterfoil.forensics.mixture_shares import FARTHEST, log_shares, walk

STATIONS = 90


def by_class() -> Floats:
    """Log likelihoods of stations that mostly tell their class, some of them with little doubt; 60, 20, 10 of each."""
    rng = np.random.default_rng(4)
    out = rng.normal(0, 1.5, (STATIONS, 3)) - 700.0
    out[np.arange(STATIONS), np.repeat([0, 1, 2], [60, 20, 10])] += 3.0
    return out


CLASSES = by_class()


def plainly(two: float, three: float) -> float:
    """The same density as it is written: uniform ratios on the logit scale, one mixture per station."""
    r, s = 1 / (1 + np.exp(-two)), 1 / (1 + np.exp(-three))
    pi = np.array([1, r, s]) / (1 + r + s)
    stations = np.log(np.exp(CLASSES + 700.0) @ pi).sum()
    return float(stations + np.log(r * (1 - r) * s * (1 - s)))


def on_a_grid() -> tuple[Floats, Floats]:
    """Means and standard deviations of both logits under that density."""
    grid = np.linspace(-6, 8, 181)
    log = np.array([[plainly(two, three) for three in grid] for two in grid])
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    one, other = weight.sum(axis=1), weight.sum(axis=0)
    means = np.array([one @ grid, other @ grid])
    return means, np.sqrt(np.array([one @ grid**2, other @ grid**2]) - means**2)


@pytest.mark.parametrize("to", [(-2.0, 1.0), (0.5, 0.1), (8.0, -9.0)])
def test_the_gain_of_a_walk_is_that_of_the_posterior(to: tuple[float, float]) -> None:
    """One step that is always taken, from (-1, -1)."""
    here = np.array([-1.0, -1.0])
    at, gained = walk(CLASSES, here, np.array([to]) - here, np.array([-1e9]))
    assert at == pytest.approx(to)
    assert gained == pytest.approx(plainly(*to) - plainly(-1, -1), abs=1e-9)


def test_a_walk_does_not_leave_where_the_posterior_counts_as_none() -> None:
    at, gained = walk(CLASSES, np.array([-1.0, -1.0]), np.array([[0.0, -40.0], [40.0, 0.0]]), np.full(2, -1e9))
    assert at == pytest.approx([-1, -1]) and gained == 0


def test_products_of_sixteen_stations_neither_vanish_nor_overflow() -> None:
    for k in range(3):
        relative = np.zeros((1000, 3))
        relative[:, k] = 1.0
        found = log_shares(relative, -29.0, -29.0)
        assert np.isfinite(found)
        assert found == pytest.approx(-29.0 * (1000 if k else 0) - 58.0, rel=1e-9)


def test_a_walk_alone_draws_from_the_posterior_of_the_shares() -> None:
    rng = np.random.default_rng(6)
    means, sds = on_a_grid()
    chains = []
    for _ in range(4):
        at, kept = np.array([-1.0, -1.0]) + rng.normal(0, 0.5, 2), []
        for _ in range(1500):
            at, _gained = walk(CLASSES, at, rng.normal(0, 0.7, (10, 2)), np.log(rng.random(10)))
            kept.append(at)
        chains.append(kept)
    draws = np.array(chains)
    for i in range(2):
        error = sds[i] / np.sqrt(effective_size(draws[..., i]))
        assert draws[..., i].mean() == pytest.approx(means[i], abs=4 * error)
        assert draws[..., i].std() == pytest.approx(sds[i], rel=0.06)


TILT = np.random.default_rng(5).normal(0.0, 0.5, (STATIONS, 3)) + np.array([-0.3, 0.3, 0.0])
"""What a third figure, normal around 0 with a spread of 0.1, adds per unit to each station's log likelihoods."""


def tilted(point: Floats, _stations: int) -> tuple[float, Floats]:
    classes = CLASSES + point[2] * TILT
    if (np.abs(point[:2]) > FARTHEST).any():
        return -np.inf, classes
    r, s = 1 / (1 + np.exp(-point[:2]))
    pi = np.array([1, r, s]) / (1 + r + s)
    value = np.log(np.exp(classes + 700.0) @ pi).sum() + np.log(r * (1 - r) * s * (1 - s))
    return float(value - 0.5 * (point[2] / 0.1) ** 2), classes


def tilted_on_a_grid() -> tuple[Floats, Floats]:
    """Means and standard deviations of both logits and the third figure."""
    logits, third = np.linspace(-7, 9, 97), np.linspace(-1.2, 1.2, 121)
    r, s = (1 / (1 + np.exp(-x.ravel())) for x in np.meshgrid(logits, logits, indexing="ij"))
    pi = np.array([np.ones(r.size), r, s]) / (1 + r + s)
    prior = np.log(r * (1 - r) * s * (1 - s))
    log = np.array(
        [np.log(np.exp(CLASSES + 700.0 + x * TILT) @ pi).sum(axis=0) + prior - 0.5 * (x / 0.1) ** 2 for x in third]
    ).reshape(third.size, logits.size, logits.size)
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    margins = [(weight.sum(axis=(0, 2)), logits), (weight.sum(axis=(0, 1)), logits), (weight.sum(axis=(1, 2)), third)]
    means = np.array([w @ x for w, x in margins])
    return means, np.sqrt(np.array([w @ x**2 for w, x in margins]) - means**2)


def test_walks_within_the_chains_leave_the_posterior_as_it_is_and_draw_the_shares_better() -> None:
    means, sds = tilted_on_a_grid()
    sizes = []
    for shares in (None, Shares(tilted, walk)):
        rng = np.random.default_rng(7)
        found = sample(
            lambda point, stations: tilted(point, stations)[0],
            rng.normal(-1, 0.5, (3, 3)),
            1,
            draws=500,
            chains=4,
            sweeps=10,
            threads=1,
            rng=rng,
            shares=shares,
        ).points
        sizes.append(np.mean([effective_size(found[..., i]) for i in range(2)]) / found[..., 0].size)
        assert max(rhat(found[..., i]) for i in range(3)) < 1.02
        for i in range(3):
            error = sds[i] / np.sqrt(effective_size(found[..., i]))
            assert found[..., i].mean() == pytest.approx(means[i], abs=4 * error)
            assert found[..., i].std() == pytest.approx(sds[i], rel=0.1)
    assert sizes[1] > 1.2 * sizes[0]
