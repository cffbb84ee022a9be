"""Stations where single counts matter: the sum over them against plain enumeration."""

from __future__ import annotations

import numpy as np
import pytest

from counterfoil.forensics.arrays import Floats
from counterfoil.forensics.mixture import _Posterior
from counterfoil.forensics.mixture_edge import at_the_edge, edges, log_edges
from counterfoil.forensics.mixture_kernel import log_factorials, log_stations
from counterfoil.forensics.mixture_smooth import make_tables
from tests.forensics import test_mixture
from tests.forensics.test_mixture import LOG_PI, MEANS, VARIANCES, enumerated, simulated, tabled


def summed(n: int, a: int, w: int, kind: str) -> Floats:
    n_, a_, w_ = (np.array([x], dtype=np.int64) for x in (n, a, w))
    theta = np.array(MEANS + VARIANCES[kind])
    assert at_the_edge(n_, a_, w_).all()
    return np.asarray(log_edges(edges(n_, a_, w_), 1, theta, make_tables(theta), LOG_PI)[1][0], dtype=np.float64)


@pytest.mark.parametrize("kind", ["usual", "wide"])
@pytest.mark.parametrize(
    ("n", "a", "w"), [(66, 0, 66), (80, 5, 75), (105, 2, 101), (105, 40, 63), (130, 7, 121), (130, 0, 116)]
)
def test_the_sum_over_counts_is_the_enumerated_one(kind: str, n: int, a: int, w: int) -> None:
    ours, plain = summed(n, a, w, kind), enumerated(n, a, w, kind)
    counted = plain + LOG_PI > (plain + LOG_PI).max() - 8
    assert np.abs(ours - plain)[counted].max() < 0.04
    total = np.logaddexp.reduce
    assert abs(total(ours + LOG_PI) - total(plain + LOG_PI)) < 0.03


RUSSIA_MEANS = [0.66, 1.03, 2.25, -0.57, 0.83, -2.97]
RUSSIA_VARIANCES = [0.30, 0.075, 2.03, 1.13, 1.61, 0.16]
"""Near the peak of a fit to 1,000 stations of Russia 2018."""


def test_tables_alone_would_be_wrong_where_all_but_a_few_voted_for_the_leader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_mixture, "MEANS", RUSSIA_MEANS)
    monkeypatch.setitem(VARIANCES, "Russia", RUSSIA_VARIANCES)
    one, theta = (np.array([x], dtype=np.int64) for x in (100, 5, 95)), np.array(RUSSIA_MEANS + RUSSIA_VARIANCES)
    plain = enumerated(100, 5, 95, "Russia")
    assert plain[2] > plain[:2].max() + 3
    assert abs(log_edges(edges(*one), 1, theta, make_tables(theta), LOG_PI)[1][0] - plain)[2] < 0.02
    assert abs(tabled(100, 5, 95, RUSSIA_MEANS, RUSSIA_VARIANCES) - plain)[2] > 0.05


ALL_MEANS = [0.66, 1.03, 3.48, -0.80, 1.00, -6.63]
ALL_VARIANCES = [0.24, 0.085, 16.4, 3.5, 3.7, 11.5]
"""Near the peak of a fit to all stations of Russia 2018: intercepts far wider than the steps of the likelihood."""


@pytest.mark.parametrize(("n", "a", "w"), [(105, 12, 81), (171, 25, 139), (171, 40, 110), (400, 40, 330)])
def test_tables_hold_where_intercepts_vary_widely(n: int, a: int, w: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_mixture, "MEANS", ALL_MEANS)
    monkeypatch.setitem(VARIANCES, "all", ALL_VARIANCES)
    plain = enumerated(n, a, w, "all")
    off = np.abs(tabled(n, a, w, ALL_MEANS, ALL_VARIANCES) - plain)
    assert off[0] < 0.001
    assert off[1] < 0.004
    counted = (plain + LOG_PI)[2] > (plain + LOG_PI).max() - 6
    assert not counted or off[2] < 0.06


def test_large_stations_have_the_likelihood_of_the_walk_through_their_counts() -> None:
    n = np.array([233, 315, 900, 1500], dtype=np.int64)
    a = np.array([2, 3, 12, 500], dtype=np.int64)
    w = n - a - np.array([1, 3, 2, 20], dtype=np.int64)
    theta = np.array(MEANS + VARIANCES["wide"])
    ours = log_edges(edges(n, a, w), 4, theta, make_tables(theta), LOG_PI)[1]
    walked = np.empty((4, 3))
    log_stations(n, a, w, theta, LOG_PI, log_factorials(1501), walked)
    total = np.logaddexp.reduce
    assert total(ours + LOG_PI, axis=1) == pytest.approx(total(walked + LOG_PI, axis=1), abs=0.05)


def test_the_sum_over_counts_is_smooth_in_every_figure() -> None:
    """Fourth differences of small steps vanish but for the places where one rule takes over from another."""
    n = np.arange(64, 1264, 4, dtype=np.int64)
    a = n // 100
    w = n - a - n // 60
    found = edges(n, a, w)
    theta = np.array(MEANS + VARIANCES["usual"])
    for i in range(12):
        steps = theta + np.outer(np.arange(9) * 1e-3, np.eye(12)[i])
        values = np.array([log_edges(found, n.size, step, make_tables(step), LOG_PI)[0] for step in steps])
        assert np.abs(np.diff(values, 4)).max() < 0.02 + 0.01 * np.abs(np.diff(values)).max()


def test_every_station_is_worked_out_once_in_whatever_part_of_all() -> None:
    n, cast, w = simulated(400, (0.5, 0.1, 0.4), 0.6, 3, voters=(40, 300))
    edge = (n >= 64) & at_the_edge(n, n - cast, w)
    assert 10 < edge.sum() < 390 and (n < 64).any()
    posterior = _Posterior(n, n - cast, w, 0.2, None)
    point = np.concatenate([[-1.0, -2.0], np.arcsinh(MEANS), np.cbrt(VARIANCES["wide"])])
    halves = [posterior.by_class(point, size) for size in (0, 170, 400)]
    assert [classes.shape[0] for _, classes in halves] == [0, 170, 400]
    rest = _Posterior(n[170:], (n - cast)[170:], w[170:], 0.2, None)
    assert halves[2][0] - halves[1][0] == pytest.approx(rest(point, 230) - rest(point, 0), abs=1e-6)
