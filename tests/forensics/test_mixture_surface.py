"""Peak and shape from values at scattered points."""

from __future__ import annotations

import numpy as np
import pytest

from counterfoil.forensics.arrays import Floats
from counterfoil.forensics.mixture_surface import follow, higher, quadratic

SIZE = 6
_RNG = np.random.default_rng(14)
ROOT = _RNG.normal(0, 0.3, (SIZE, SIZE)) + np.diag(np.geomspace(0.5, 4, SIZE))
COVARIANCE = ROOT @ ROOT.T
MIDDLE = _RNG.normal(0, 3, SIZE)


def normal(points: Floats) -> Floats:
    away = np.linalg.solve(ROOT, (points - MIDDLE).T)
    return np.asarray(-0.5 * (away**2).sum(axis=0) - 1e6, dtype=np.float64)


def test_a_quadratic_is_found_as_it_is_wherever_its_points_lie() -> None:
    precision = np.diag(np.linspace(0.5, 2, SIZE)) + 0.2 * np.cos(np.add.outer(np.arange(SIZE), np.arange(SIZE)))
    peak = np.array([2.0, -1, 1, 0, 1, -1])
    points = np.random.default_rng(1).normal(0, 1, (3000, SIZE))
    away = points - peak
    slope, curvature = quadratic(points, -0.5 * np.einsum("ki,ij,kj->k", away, precision, away) - 1e6)
    # The guess that it is a standard normal already has the weight of a few points.
    assert curvature == pytest.approx(precision, abs=0.03 * np.abs(precision).max())
    assert slope == pytest.approx(precision @ peak, abs=0.03 * np.abs(precision @ peak).max())


def test_directions_without_points_keep_the_shape_guessed() -> None:
    points = np.random.default_rng(2).normal(0, 1, (400, SIZE))
    points[:, 3:] = 0.0
    _, curvature = quadratic(points, -2.0 * (points**2).sum(axis=1))
    assert np.diag(curvature)[:3] == pytest.approx([4, 4, 4], rel=0.2)
    assert curvature[3:, 3:] == pytest.approx(np.eye(3), abs=1e-9)


def test_a_wrong_guess_is_followed_to_the_peak_and_its_shape() -> None:
    """Ten deviations away, twice too narrow, and nothing known of how the figures move together."""
    start = MIDDLE + ROOT @ np.full(SIZE, 10 / np.sqrt(SIZE))
    guess = np.diag(np.diag(COVARIANCE)) / 4
    rng = np.random.default_rng(3)
    middle, covariance = follow(normal, start, guess, batch=30, rounds=40, enough=0.6, rng=rng)
    assert np.linalg.norm(np.linalg.solve(ROOT, middle - MIDDLE)) < 0.1
    relative = np.linalg.eigvals(np.linalg.solve(COVARIANCE, covariance)).real
    assert relative.min() > 0.8 and relative.max() < 1.25


def test_a_good_guess_is_left_after_one_round() -> None:
    seen: list[int] = []

    def counted(points: Floats) -> Floats:
        seen.append(len(points))
        return normal(points)

    follow(counted, MIDDLE, COVARIANCE, batch=60, rounds=10, enough=0.5, rng=np.random.default_rng(4))
    assert [size for size in seen if size > 1] == [60]


def test_points_outside_the_support_are_left_out() -> None:
    """Half a normal density, cut off one deviation from its peak."""

    def cut(points: Floats) -> Floats:
        return np.where(points[:, 0] > -1, -0.5 * (points**2).sum(axis=1), -np.inf)

    middle, covariance = follow(
        cut, np.full(3, 2.0), np.eye(3), batch=40, rounds=10, enough=0.9, rng=np.random.default_rng(5)
    )
    assert middle == pytest.approx([0, 0, 0], abs=0.05)
    assert covariance == pytest.approx(np.eye(3), abs=0.1)


def test_a_guess_so_wide_that_nothing_is_hit_is_drawn_in() -> None:
    def narrow(points: Floats) -> Floats:
        return np.where(np.abs(points).max(axis=1) < 1, -5 * (points**2).sum(axis=1), -np.inf)

    wide, rng = 1e8 * np.eye(4), np.random.default_rng(7)
    middle, covariance = follow(narrow, np.full(4, 0.2), wide, batch=40, rounds=40, enough=0.6, rng=rng)
    assert np.abs(middle).max() < 0.02
    assert np.diag(covariance) == pytest.approx([0.1] * 4, rel=0.3)


def test_a_bent_ridge_is_followed_by_points_drawn_nearer_where_the_quadratic_leads_nowhere() -> None:
    """Twenty deviations away along a parabola, drawn ten times too wide."""

    def ridge(points: Floats) -> Floats:
        across = np.column_stack([points[:, :1], points[:, 1:] - points[:, :1] ** 2])
        return np.asarray(-50 * (across**2).sum(axis=1), dtype=np.float64)

    for seed in range(3):
        rng = np.random.default_rng(seed)
        middle, _ = follow(ridge, np.array([2, 4.5, 4.5]), np.eye(3), batch=15, rounds=25, enough=0.6, rng=rng)
        assert ridge(middle[None])[0] > -1


def test_a_skewed_density_is_followed_to_where_its_points_carry_weight() -> None:
    def gammas(points: Floats) -> Floats:
        return np.asarray((30 * points - 30 * np.exp(points)).sum(axis=1), dtype=np.float64)

    rng = np.random.default_rng(6)
    middle, covariance = follow(gammas, np.full(4, 2.0), 0.01 * np.eye(4), batch=40, rounds=30, enough=0.6, rng=rng)
    assert np.abs(middle).max() < 0.1
    assert np.sqrt(np.diag(covariance)) == pytest.approx([30**-0.5] * 4, rel=0.2)


def two(points: Floats) -> Floats:
    """A low peak at 0, and one ten higher at 1.2 along the third figure, both of width 0.1."""
    other = points - np.array([0.05, 0, 1.2, -0.05])
    low, high = (-0.5 * (away**2).sum(axis=1) / 0.01 for away in (points, other))
    return np.asarray(np.logaddexp(low, high + 10), dtype=np.float64)


def test_a_higher_peak_along_a_figure_is_seen_from_a_lower_one_and_not_the_other_way() -> None:
    seen = higher(two, np.zeros(4))
    assert seen is not None
    assert seen == pytest.approx([0, 0, 1.2, 0])
    assert higher(two, np.array([0.05, 0, 1.2, -0.05])) is None
