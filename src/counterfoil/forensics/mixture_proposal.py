"""A mixture of Student t distributions: what chains propose from.

Fitted to points by expectation-maximisation (Peel and McLachlan 2000, https://doi.org/10.1023/A:1008981510081) with
five degrees of freedom, thick enough for the tails of what it stands for, or ten where many stations make it nearly
normal (in fourteen dimensions five waste a third of the points on a normal target, ten a fifth). Three components
follow a bend that one cannot; more of them chase single points (tried up to eight).

Leaves out: where the points come from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.special import logsumexp

from counterfoil.forensics.arrays import Floats

DEGREES, NORMAL_DEGREES = 5.0, 20.0
COMPONENTS = 3
_ROUNDS = 60
_PULL = 5.0
"""Points' worth of the whole cloud's shape in each component, so that none collapses."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Weights, middles (components x dimensions), lower triangles of the scales, degrees of freedom."""

    weights: Floats
    middles: Floats
    lowers: Floats
    degrees: float = DEGREES

    @classmethod
    def single(cls, middle: Floats, covariance: Floats, degrees: float = DEGREES) -> Proposal:
        """One component with this middle and scale."""
        return cls(np.ones(1), middle[None, :], _lower(covariance)[None], degrees)

    @classmethod
    def fitted(cls, points: Floats, weights: Floats, rng: Generator, degrees: float = DEGREES) -> Proposal:
        """Fitted to points x dimensions, with weights that sum to 1."""
        whole = np.cov(points.T, aweights=weights)
        middles = points[rng.choice(len(points), COMPONENTS, replace=False, p=weights)]
        carried = 1 / float((weights**2).sum())
        now = cls(np.full(COMPONENTS, 1 / COMPONENTS), middles, np.array([_lower(whole)] * COMPONENTS), degrees)
        size = points.shape[1]
        for _ in range(_ROUNDS):
            logs, squares = now._each(points)
            share = np.exp(logs - logsumexp(logs, axis=1, keepdims=True)) * (carried * weights[:, None])
            pull = share * (degrees + size) / (degrees + squares)
            middles = (pull.T @ points) / pull.sum(axis=0)[:, None]
            lowers = []
            for j in range(COMPONENTS):
                away = points - middles[j]
                spread = (away.T @ (pull[:, j, None] * away) + _PULL * whole) / (share[:, j].sum() + _PULL)
                lowers.append(_lower(spread))
            now = cls(share.sum(axis=0) / carried, middles, np.array(lowers), degrees)
        return now

    @property
    def size(self) -> int:
        """Dimensions."""
        return int(self.middles.shape[1])

    def middle(self) -> Floats:
        return np.asarray(self.weights @ self.middles, dtype=np.float64)

    def covariance(self) -> Floats:
        """The scales, averaged, and what the middles differ by."""
        away = self.middles - self.middle()
        within = sum(w * lower @ lower.T for w, lower in zip(self.weights, self.lowers, strict=True))
        return np.asarray(within + away.T @ (self.weights[:, None] * away), dtype=np.float64)

    def draw(self, count: int, rng: Generator) -> Floats:
        which = rng.choice(self.weights.size, count, p=self.weights / self.weights.sum())
        z = (
            rng.standard_normal((count, self.size))
            * np.sqrt(self.degrees / rng.chisquare(self.degrees, count))[:, None]
        )
        moved = np.einsum("kij,kj->ki", self.lowers[which], z)
        return np.asarray(self.middles[which] + moved, dtype=np.float64)

    def log_density(self, points: Floats) -> Floats:
        """Up to a constant that is the same for all points and all proposals of this size."""
        return np.asarray(logsumexp(self._each(points)[0], axis=1), dtype=np.float64)

    def _each(self, points: Floats) -> tuple[Floats, Floats]:
        """Log density under each component with its weight, and squared distances: points x components."""
        logs, squares = np.empty((2, len(points), self.weights.size))
        for j in range(self.weights.size):
            z = np.linalg.solve(self.lowers[j], (points - self.middles[j]).T)
            squares[:, j] = (z**2).sum(axis=0)
            logs[:, j] = math.log(max(self.weights[j], 1e-300)) - np.log(np.diag(self.lowers[j])).sum()
            logs[:, j] -= 0.5 * (self.degrees + self.size) * np.log1p(squares[:, j] / self.degrees)
        return logs, squares


def carried(log_weights: Floats) -> float:
    """How many equal weights these are worth."""
    return float(np.exp(2 * logsumexp(log_weights) - logsumexp(2 * log_weights)))


def _lower(covariance: Floats) -> Floats:
    jitter = 1e-9 * np.diag(np.maximum(np.diag(covariance), 1e-12))
    return np.asarray(np.linalg.cholesky(covariance + jitter), dtype=np.float64)
