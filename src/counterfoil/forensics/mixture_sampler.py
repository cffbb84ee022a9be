"""Draws from a posterior that costs milliseconds to seconds per point and has no gradient at hand.

* Climbs from scattered starts on a part of the stations find the peaks (L-BFGS on differences); all are reported.
* A crowd of walkers on that part takes its steps from the distances between walkers (differential evolution Markov
  chain, ter Braak 2006, https://doi.org/10.1007/s11222-006-8769-1), starting from all peaks.
* Around the highest peak a single Student t is shaped by quadratics through values at scattered points
  (`mixture_surface`). Where it reaches nearly all of the crowd it is what chains propose from.
* Elsewhere several t are fitted to where the crowd settles, and mended by importance sampling, with weights flattened
  until enough points carry them (adaptive importance sampling, Bugallo et al. 2017,
  https://doi.org/10.1109/MSP.2017.2699226).
* With more stations than that part, the single t is followed onto larger and larger parts. Which of several peaks is
  the highest can change with the stations, so it is looked for far out along each figure. Nothing of all this is kept
  but the last t.
* Chains, scattered anew, then propose from the fit (independence Metropolis), and now and then a small step instead, so
  that a chain in a tail the fit is too thin for gets out. Between two such steps the first two coordinates walk on
  their own where that costs next to nothing (`Shares`). The rule does not change while they run, so they draw from the
  posterior itself and not from the approximation; how well they do is read from R-hat and effective size.

Leaves out: the posterior, and what the draws mean.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.random import Generator
from scipy.optimize import minimize
from scipy.special import logsumexp

from counterfoil.forensics.arrays import Bools, Floats
from counterfoil.forensics.mixture_diagnostics import rhat
from counterfoil.forensics.mixture_proposal import DEGREES, NORMAL_DEGREES, Proposal, carried
from counterfoil.forensics.mixture_surface import follow, higher

_log = logging.getLogger(__name__)
CHAINS_START = "chains start"
"""Said on the log when the search is over, for those who time the two apart."""

LogPosterior = Callable[[Floats, int], float]
"""Log density at a point, from the first so many stations."""

CLIMB_PART = 250
"""Stations the peaks are looked for on."""
CROWD_PART = 1_250
"""Stations the crowd walks on: so many that larger parts are close to normal."""
_GROWTH = 5
_LONGEST, _STOP = 8, 1.008
"""Chains are doubled in length until R-hat is below, up to eight times what was asked for."""
LOOK_PART = 31_250
"""Stations up to which higher peaks are looked for."""
_BATCH, _ROUNDS, _PEAKS = 5, 15, 4
"""Points per dimension, and rounds at most, in which a larger part's peak and shape are followed; peaks at most."""
_WALK_SHARE, _WALK_SHARE_OF_ONE = 0.35, 0.1
"""Small steps among the proposals, where several t are fitted and where one is."""
_FEW_LEFT = 0.97
"""Part of the crowd's walkers that one t must reach to be enough."""
_CROWD_PER_DIMENSION = 14
SHARE_STEPS = 25
"""Steps of the shares by themselves between two likelihoods; together they cost a tenth of one."""
_ENOUGH, _ENOUGH_OF_ONE, _ENOUGH_OF_FEW = 0.45, 0.6, 0.7
"""Part of the drawn points that the weights should be worth, of several t, of one, and of one on the crowd's part."""
_MORE_OF_FEW = 2
_SIGNS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
_WIDTH = 1e-3
"""Of the differences that stand for a gradient."""


@dataclass(frozen=True, slots=True)
class Draws:
    """chains x draws x dimensions, the part of proposals taken, how often the posterior was evaluated, the peaks."""

    points: Floats
    accepted: float
    evaluations: int
    peaks: tuple[tuple[Floats, float], ...]
    """Different points where climbs ended on the first part of the stations, and their log density, best first."""


@dataclass(frozen=True, slots=True)
class Shares:
    """The first two coordinates' own moves, with all others held.

    `by_class`: a point's log density and what `walk` needs of it. `walk`: of that, both coordinates, steps and
    logarithms of uniform numbers makes the coordinates after the walk and the gain in log density.
    """

    by_class: Callable[[Floats, int], tuple[float, Floats]]
    walk: Callable[[Floats, Floats, Floats, Floats], tuple[Floats, float]]


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

    def by_class(self, shares: Shares, points: Floats, part: int) -> list[tuple[float, Floats]]:
        self.evaluations += len(points)
        if self._pool is None:
            return [shares.by_class(point, part) for point in points]
        return list(self._pool.map(lambda point: shares.by_class(point, part), points))

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()


def _climb(target: _Counted, start: Floats, lower: Floats, part: int, steps: int, width: float) -> tuple[Floats, float]:
    """The highest point reached from `start`, in coordinates where `lower` is the unit."""
    size = start.size
    offsets = width * np.concatenate([np.zeros((1, size)), np.eye(size), -np.eye(size)])

    def value(y: Floats) -> tuple[float, Floats]:
        found = target(start + (y + offsets) @ lower.T, part)
        # A point outside the posterior's support is a wall, not a slope.
        found = np.where(np.isfinite(found), found, -1e12)
        return -float(found[0]), -(found[1 : size + 1] - found[size + 1 :]) / (2 * width)

    # Ends when a step gains less than about a hundredth.
    level = max(abs(float(target(start[None], part)[0])), 1.0)
    options = {"maxiter": steps, "ftol": 0.01 / level, "gtol": 1e-3}
    ended = minimize(value, np.zeros(size), jac=True, method="L-BFGS-B", options=options)
    return start + np.asarray(ended.x, dtype=np.float64) @ lower.T, -float(ended.fun)


def _peaks(target: _Counted, starts: Floats, part: int) -> tuple[tuple[Floats, float], ...]:
    """Where climbs from each start end, best first; one of several closer than a tenth in every coordinate."""
    size = starts.shape[1]
    found = sorted((_climb(target, start, np.eye(size), part, 100, _WIDTH) for start in starts), key=lambda p: -p[1])
    kept: list[tuple[Floats, float]] = []
    for point, height in found:
        if all(np.abs(point - other).max() > 0.1 for other, _ in kept):
            kept.append((point, height))
    return tuple(kept)


def _precision(target: _Counted, at: Floats, part: int) -> Floats:
    """Minus the second differences of the log density at a point."""
    size = at.size
    # Each direction's step makes about the same difference, so that its curvature is neither noise nor far away.
    step = np.full(size, 0.01)
    here = float(target(at[None], part)[0])
    for _ in range(3):
        fall = here - 0.5 * (target(at + np.diag(step), part) + target(at - np.diag(step), part))
        fall = np.where(np.isfinite(fall), np.clip(fall, 1e-3, 1e3), 1e3)
        step = np.clip(step * np.clip(0.3 / fall, 0.05, 20) ** 0.5, 1e-3, 0.7)
    pairs = [(i, j) for i in range(size) for j in range(i + 1, size)]
    corners = [s * step[i] * np.eye(size)[i] + t * step[j] * np.eye(size)[j] for i, j in pairs for s, t in _SIGNS]
    values = target(at + np.array(corners), part).reshape(-1, 4)
    ends = np.concatenate([at + np.diag(step), at - np.diag(step)])
    curvature = np.diag((target(ends, part).reshape(2, size).sum(axis=0) - 2 * here) / step**2)
    for (i, j), corner in zip(pairs, values, strict=True):
        mixed = (corner[0] - corner[1] - corner[2] + corner[3]) / (4 * step[i] * step[j])
        curvature[i, j] = curvature[j, i] = mixed if math.isfinite(mixed) else 0.0
    return -np.where(np.isfinite(curvature), curvature, -1.0)


def _root(precision: Floats) -> Floats:
    """A matrix whose product with its transpose is the covariance; flat directions reach 1."""
    roots, vectors = np.linalg.eigh(precision)
    return np.asarray(vectors / np.sqrt(np.maximum(roots, 1.0)), dtype=np.float64)


def _grown(target: _Counted, at: Floats, covariance: Floats, times: float) -> Floats:
    """The covariance on so many times as many stations; the prior's part of the curvature does not grow."""
    prior = _precision(target, at, 0)
    root = _root(prior + (np.linalg.inv(covariance) - prior) * times)
    return np.asarray(root @ root.T, dtype=np.float64)


def _crowd(target: _Counted, peaks: tuple[tuple[Floats, float], ...], part: int, sweeps: int, rng: Generator) -> Floats:
    """Where walkers from all peaks settle: those of the second half of their sweeps."""
    size = peaks[0][0].size
    count = 2 * (_CROWD_PER_DIMENSION * size // 2)
    at = np.empty((count, size))
    for i, (peak, _) in enumerate(peaks):
        mine = np.arange(i, count, len(peaks))
        high, _ = _climb(target, peak, 0.1 * np.eye(size), part, 30, 10 * _WIDTH)
        at[mine] = high + rng.standard_normal((mine.size, size)) @ _root(_precision(target, high, part)).T
    value = target(at, part)
    seen = []
    for sweep in range(sweeps):
        for half in (0, 1):
            mine, others = np.arange(half, count, 2), np.arange(1 - half, count, 2)
            first, second = rng.choice(others, mine.size), rng.choice(others, mine.size)
            scale = 2.38 / math.sqrt(2 * size) * rng.choice([0.25, 0.5, 1.0], mine.size)
            # A full step now and then carries a walker from one peak to another.
            scale = np.where(rng.random(mine.size) < 0.1, 1.0, scale)
            proposed = at[mine] + scale[:, None] * (at[first] - at[second])
            proposed += 1e-3 * rng.standard_normal(proposed.shape)
            new = target(proposed, part)
            take: Bools = np.isfinite(new) & (np.log(rng.random(mine.size)) + value[mine] < new)
            at[mine[take]], value[mine[take]] = proposed[take], new[take]
        if sweep < sweeps // 2 and sweep % 5 == 4:
            # Walkers left on a side peak, or outside, go to where the others are; nothing of this half is kept.
            lost = np.flatnonzero(~(value > np.median(value) - 2 * size))
            found = rng.choice(np.flatnonzero(value > np.median(value) - 2 * size), lost.size)
            at[lost], value[lost] = at[found], value[found]
        if sweep >= sweeps // 2:
            seen.append(at.copy())
    return np.concatenate(seen)


def _followed(target: _Counted, middle: Floats, covariance: Floats, part: int, rng: Generator) -> tuple[Floats, Floats]:
    """The peak on so many stations and the covariance there, of the highest peak that is seen from it."""
    density = partial(target, part=part)
    # Where points cost little, more of them make a better shape.
    times, enough = (_MORE_OF_FEW, _ENOUGH_OF_FEW) if part <= CROWD_PART else (1, _ENOUGH_OF_ONE)
    for _ in range(_PEAKS):
        middle, covariance = follow(
            density, middle, covariance, batch=times * _BATCH * middle.size, rounds=_ROUNDS, enough=enough, rng=rng
        )
        above = higher(density, middle) if part <= LOOK_PART else None
        if above is None:
            break
        _log.info("a higher peak on %d stations", part)
        middle = above
    return middle, covariance


def _within(seen: Floats, middle: Floats, covariance: Floats) -> bool:
    """Whether nearly all of some draws lie where a normal density's would."""
    away = np.linalg.solve(np.linalg.cholesky(covariance), (seen - middle).T)
    return bool((np.linalg.norm(away, axis=0) < math.sqrt(middle.size) + 3).mean() > _FEW_LEFT)


def _fit(target: _Counted, proposal: Proposal, part: int, batch: int, rounds: int, rng: Generator) -> Proposal:
    """Moves the proposal onto the posterior by importance sampling, round by round."""
    size = proposal.size
    points, log_weights = np.empty((0, size)), np.empty(0)
    for _ in range(rounds):
        new = proposal.draw(batch, rng)
        new_weights = target(new, part) - proposal.log_density(new)
        good = carried(new_weights) > _ENOUGH * batch
        _log.info("%d points on %d stations, worth %.0f", batch, part, carried(new_weights))
        # Rounds that were far off would only add noise.
        if carried(new_weights) > 0.1 * batch:
            points, log_weights = np.concatenate([points, new]), np.concatenate([log_weights, new_weights])
        else:
            points, log_weights = new, new_weights
        power = 1.0
        while (count := carried(power * log_weights)) < 4 * size and power > 1e-4:
            power *= 0.8
        weights = np.exp(power * log_weights - logsumexp(power * log_weights))
        if count > 20 * size and proposal.degrees == DEGREES:
            proposal = Proposal.fitted(points, weights, rng, proposal.degrees)
        else:
            middle = weights @ points
            spread = (points - middle).T @ (weights[:, None] * (points - middle)) / (1 - (weights**2).sum())
            # Few points carry the weights early on: keep part of the old shape, or the new one would be singular.
            keep = size / (size + count)
            proposal = Proposal.single(middle, (1 - keep) * spread + keep * proposal.covariance(), proposal.degrees)
        if good:
            break
    return proposal


def sample(
    log_posterior: LogPosterior,
    starts: Floats,
    stations: int,
    *,
    draws: int,
    chains: int,
    sweeps: int,
    threads: int,
    rng: Generator,
    shares: Shares | None = None,
) -> Draws:
    """Runs the steps of the module.

    Args:
        log_posterior: called with a point and a number of stations.
        starts: climbs x dimensions, scattered.
        stations: how many there are.
        draws: kept per chain, up to eight times as many where they do not agree; a tenth more is run before.
        sweeps: of the crowd; half of them are looked at.
        threads: how many points are worked on at once; the draws do not depend on it.
        shares: moves of the first two coordinates by themselves, if there are any.
    """
    target = _Counted(log_posterior, threads)
    size = starts.shape[1]
    peaks = _peaks(target, starts, min(stations, CLIMB_PART))
    part = min(stations, CROWD_PART)
    seen = _crowd(target, peaks, part, sweeps, rng)
    middle, covariance = _followed(target, seen.mean(axis=0), np.cov(seen.T), part, rng)
    if one := stations > part or _within(seen, middle, covariance):
        proposal = Proposal.single(middle, covariance, NORMAL_DEGREES)
    else:
        proposal = Proposal.fitted(seen, np.full(len(seen), 1 / len(seen)), rng)
        proposal = _fit(target, proposal, part, 60 * size, 5, rng)
    _log.info("%d peaks, proposal placed on %d stations after %d likelihoods", len(peaks), part, target.evaluations)
    while part < stations:
        grown = min(part * _GROWTH, stations)
        middle, covariance = _followed(target, middle, _grown(target, middle, covariance, grown / part), grown, rng)
        proposal = Proposal.single(middle, covariance, NORMAL_DEGREES)
        _log.info("%d stations followed after %d likelihoods", grown, target.evaluations)
        part = grown
    walks = _WALK_SHARE_OF_ONE if one else _WALK_SHARE
    chain = _Chains(target, proposal, chains, stations, walks, shares, rng)
    _log.info(CHAINS_START)
    chain.run(max(draws // 10, 20))
    points = chain.run(draws)
    while (worst := max(rhat(points[..., i]) for i in range(size))) > _STOP and points.shape[1] < _LONGEST * draws:
        _log.info("%d draws a chain, largest R-hat %.4f: twice as many", points.shape[1], worst)
        points = np.concatenate([points, chain.run(points.shape[1])], axis=1)
    _log.info("%d draws a chain, largest R-hat %.4f, %d likelihoods", points.shape[1], worst, target.evaluations)
    target.close()
    return Draws(points, chain.taken / chain.proposed, target.evaluations, peaks)


class _Chains:
    """Chains that propose from the fit or take a small step; they start scattered, and go on where they stopped."""

    def __init__(
        self,
        target: _Counted,
        proposal: Proposal,
        chains: int,
        part: int,
        walks: float,
        shares: Shares | None,
        rng: Generator,
    ) -> None:
        self._target, self._proposal, self._part, self._walks, self._rng = target, proposal, part, walks, rng
        self._shares = shares
        covariance = proposal.covariance()
        self._lower = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
        # The shares' own spread with all else held, times what suits two dimensions.
        alone = np.linalg.inv(np.linalg.inv(covariance)[:2, :2])
        self._alone = np.asarray(2.38 / math.sqrt(2) * np.linalg.cholesky(alone), dtype=np.float64)
        at = proposal.draw(10 * chains, rng)
        value, classes = self._worked(at)
        # None where the posterior is 0: a chain could not leave from there.
        possible = np.flatnonzero(np.isfinite(value))[:chains]
        self._at, self._value = at[possible], value[possible]
        self._classes = [classes[i] for i in possible]
        self._density = proposal.log_density(self._at)
        self.taken, self.proposed = 0, 0

    def _worked(self, points: Floats) -> tuple[Floats, list[Floats]]:
        """Log densities, and what the shares' moves need of each; nothing of it where they have none."""
        if self._shares is None:
            return self._target(points, self._part), [np.empty((0, 3))] * len(points)
        found = self._target.by_class(self._shares, points, self._part)
        return np.array([value for value, _ in found]), [classes for _, classes in found]

    def run(self, steps: int) -> Floats:
        """chains x steps x dimensions."""
        chains, size = self._at.shape
        rng = self._rng
        kept = np.empty((chains, steps, size))
        for step in range(steps):
            walks: Bools = np.asarray(rng.random(chains) < self._walks, dtype=np.bool_)
            # Along one direction of any length a step is taken as often in fourteen dimensions as in two.
            direction = rng.standard_normal((chains, size))
            direction /= np.linalg.norm(direction, axis=1, keepdims=True)
            length = rng.standard_normal(chains) * np.exp(rng.uniform(-1.0, 1.5, chains))
            near = self._at + length[:, None] * (direction @ self._lower.T)
            proposed = np.where(walks[:, None], near, self._proposal.draw(chains, rng))
            new, classes = self._worked(proposed)
            new_density = self._proposal.log_density(proposed)
            correction = np.where(walks, 0.0, self._density - new_density)
            take: Bools = np.asarray(np.log(rng.random(chains)) < new - self._value + correction, dtype=np.bool_)
            self._at[take], self._value[take], self._density[take] = proposed[take], new[take], new_density[take]
            for i in np.flatnonzero(take):
                self._classes[i] = classes[i]
            if self._shares is not None:
                self._move_shares(self._shares)
            kept[:, step] = self._at
            self.taken += int(take.sum())
            self.proposed += chains
        return kept

    def _move_shares(self, shares: Shares) -> None:
        for i, classes in enumerate(self._classes):
            steps = self._rng.standard_normal((SHARE_STEPS, 2)) @ self._alone.T
            levels = np.log(self._rng.random(SHARE_STEPS))
            self._at[i, :2], gained = shares.walk(classes, self._at[i, :2], steps, levels)
            self._value[i] += gained
        self._density = self._proposal.log_density(self._at)
