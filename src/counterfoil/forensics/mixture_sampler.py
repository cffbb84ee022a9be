"""Draws from a posterior that costs milliseconds to seconds per point and has no gradient at hand.

* Random-walk chains from scattered starts on a small random part of the stations find where the posterior lies
  (adaptive Metropolis, Haario, Saksman, Tamminen 2001, https://doi.org/10.2307/3318737).
* On growing parts, up to all stations, a Student t is fitted to it by importance sampling, with weights flattened
  until enough points carry them (adaptive importance sampling, Bugallo et al. 2017,
  https://doi.org/10.1109/MSP.2017.2699226). Nothing of these two steps is kept but the fitted t.
* Chains then propose from that t (independence Metropolis), and now and then a small step instead, so that a chain in
  a tail the t is too thin for gets out. The rule does not change while they run, so they draw from the posterior
  itself and not from the approximation; how well they do is read from R-hat and effective size.

Leaves out: the posterior, and what the draws mean.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from counterfoil.forensics.arrays import Bools, Floats

LogPosterior = Callable[[Floats, int], float]
"""Log density at a point, from the first so many stations."""

FIRST_PART = 250
_GROWTH = 5
_DEGREES = 5.0
_WALK_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Proposal:
    """A Student t with five degrees of freedom: middle and the lower triangle of its scale."""

    middle: Floats
    lower: Floats

    @classmethod
    def fitted(cls, middle: Floats, covariance: Floats) -> Proposal:
        jitter = 1e-9 * np.diag(np.maximum(np.diag(covariance), 1e-12))
        return cls(middle, np.asarray(np.linalg.cholesky(covariance + jitter), dtype=np.float64))

    def draw(self, count: int, rng: Generator) -> Floats:
        z = rng.standard_normal((count, self.middle.size))
        stretch = np.sqrt(_DEGREES / rng.chisquare(_DEGREES, count))
        return self.middle + (z * stretch[:, None]) @ self.lower.T

    def log_density(self, points: Floats) -> Floats:
        """Up to a constant that is the same for all points of this proposal."""
        z = np.linalg.solve(self.lower, (points - self.middle).T)
        shape = -0.5 * (_DEGREES + self.middle.size) * np.log1p((z**2).sum(axis=0) / _DEGREES)
        return np.asarray(shape - np.log(np.diag(self.lower)).sum(), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Draws:
    """chains x draws x dimensions, the part of proposals taken, and how often the posterior was evaluated."""

    points: Floats
    accepted: float
    evaluations: int


class _Counted:
    """The posterior over many points at once, on as many threads as asked for, in the order of the points."""

    def __init__(self, log_posterior: LogPosterior, threads: int) -> None:
        self._one = log_posterior
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self.evaluations = 0

    def __call__(self, points: Floats, part: int) -> Floats:
        self.evaluations += len(points)
        if self._pool is None:
            return np.array([self._one(point, part) for point in points])
        return np.array(list(self._pool.map(lambda point: self._one(point, part), points)))

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()


def _walk(target: _Counted, starts: Floats, part: int, steps: int, rng: Generator) -> tuple[Floats, Floats]:
    """Adaptive Metropolis from scattered starts; middle and covariance of the second half of the chains.

    Chains whose usual density is e^size below the best one's are on side peaks and left out.
    """
    chains, size = starts.shape
    at, value = starts.copy(), target(starts, part)
    seen, values = np.empty((steps, chains, size)), np.empty((steps, chains))
    lower, scale = 0.3 * np.eye(size), np.ones(chains)
    for step in range(steps):
        if step >= 100 and step % 50 == 0:
            recent = seen[step // 2 : step]
            # Spread within the chains: between them it would be the distance of starts or of side peaks.
            recent = (recent - recent.mean(axis=0)).reshape(-1, size)
            lower = np.asarray(np.linalg.cholesky(np.cov(recent.T) + 1e-8 * np.eye(size)), dtype=np.float64)
        move = rng.standard_normal((chains, size)) @ lower.T
        proposed = at + 2.38 / np.sqrt(size) * scale[:, None] * move
        new = target(proposed, part)
        rate = np.exp(np.minimum(new - value, 0.0))
        take = rng.random(chains) < rate
        at[take], value[take] = proposed[take], new[take]
        scale *= np.exp((rate - 0.25) / np.sqrt(step + 1))
        seen[step], values[step] = at, value
    # A chain stuck on a side peak would stretch the shape over empty space between the peaks.
    level = np.median(values[steps // 2 :], axis=0)
    kept = seen[steps // 2 :, level > level.max() - size].reshape(-1, size)
    return kept.mean(axis=0), np.cov(kept.T)


def _fit(target: _Counted, proposal: Proposal, part: int, batch: int, rounds: int, rng: Generator) -> Proposal:
    """Moves a t onto the posterior by importance sampling, round by round."""
    size = proposal.middle.size
    for _ in range(rounds):
        points = proposal.draw(batch, rng)
        log_weights = target(points, part) - proposal.log_density(points)
        log_weights -= log_weights.max()
        power = 1.0
        while (carried := _carried(power * log_weights)) < min(3 * size, batch / 3) and power > 1e-4:
            power *= 0.8
        weights = np.exp(power * log_weights)
        weights /= weights.sum()
        middle = weights @ points
        spread = (points - middle).T @ (weights[:, None] * (points - middle)) / (1 - (weights**2).sum())
        # Few points carry the weights early on: keep part of the old shape, or the new one would be singular.
        keep = size / (size + carried)
        old = proposal.lower @ proposal.lower.T
        proposal = Proposal.fitted(middle, (1 - keep) * spread + keep * old)
        if power == 1.0 and carried > 0.35 * batch:
            break
    return proposal


def _carried(log_weights: Floats) -> float:
    weights = np.exp(log_weights - log_weights.max())
    return float(weights.sum() ** 2 / (weights**2).sum())


def sample(
    log_posterior: LogPosterior,
    starts: Floats,
    stations: int,
    *,
    draws: int,
    walk: int,
    threads: int,
    rng: Generator,
) -> Draws:
    """Runs the three steps of the module.

    Args:
        log_posterior: called with a point and a number of stations.
        starts: chains x dimensions, scattered.
        stations: how many there are.
        draws: kept per chain; a tenth more is run before.
        walk: steps per chain of the first search.
        threads: how many points are worked on at once; the draws do not depend on it.
    """
    target = _Counted(log_posterior, threads)
    chains, size = starts.shape
    part = min(stations, FIRST_PART)
    middle, covariance = _walk(target, starts, part, walk, rng)
    proposal = Proposal.fitted(middle, covariance)
    while True:
        proposal = _fit(target, proposal, part, 12 * size, 8 if part < stations else 12, rng)
        if part == stations:
            break
        grown = min(part * _GROWTH, stations)
        # Twice the width that the larger part will have: its middle lies up to a few widths away.
        proposal = Proposal(proposal.middle, proposal.lower * min(1.0, 2 * np.sqrt(part / grown)))
        part = grown
    # What importance sampling saw little of, long tails above all, chains of this t find; a second t is fitted to them.
    pilot, _ = _metropolis(target, proposal, 3 * chains, stations, 60, draws // 4 + 30, rng)
    seen = pilot.reshape(-1, size)
    proposal = Proposal.fitted(seen.mean(axis=0), np.cov(seen.T))
    points, accepted = _metropolis(target, proposal, chains, stations, max(draws // 10, 20), draws, rng)
    target.close()
    return Draws(points, accepted, target.evaluations)


def _metropolis(
    target: _Counted, proposal: Proposal, chains: int, part: int, lead: int, draws: int, rng: Generator
) -> tuple[Floats, float]:
    """Chains that propose from the t or take a small step; the draws after the lead, and the part taken."""
    size = proposal.middle.size
    at = proposal.draw(5 * chains, rng)
    value = target(at, part)
    # Scattered starts, but none where the posterior is 0: a chain could not leave from there.
    possible = np.flatnonzero(np.isfinite(value))[:chains]
    at, value = at[possible], value[possible]
    density = proposal.log_density(at)
    kept = np.empty((chains, draws, size))
    taken = 0
    for step in range(lead + draws):
        walks = rng.random(chains) < _WALK_SHARE
        step_scale = np.exp(rng.uniform(-2.0, 0.0, chains)) * 2.38 / np.sqrt(size)
        near = at + step_scale[:, None] * (rng.standard_normal((chains, size)) @ proposal.lower.T)
        proposed = np.where(walks[:, None], near, proposal.draw(chains, rng))
        new = target(proposed, part)
        new_density = proposal.log_density(proposed)
        correction = np.where(walks, 0.0, density - new_density)
        take: Bools = np.log(rng.random(chains)) < new - value + correction
        at[take], value[take], density[take] = proposed[take], new[take], new_density[take]
        if step >= lead:
            kept[:, step - lead] = at
            taken += int(take.sum())
    return kept, taken / (draws * chains)
