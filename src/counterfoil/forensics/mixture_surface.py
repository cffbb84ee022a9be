"""The peak of a log density and the shape around it, from its values at scattered points.

A log posterior of many observations is nearly a quadratic where it counts. So one is fitted to its values at points
drawn around a first guess; its peak and curvature say where to draw the next ones. Unlike curvature from differences at
one point it uses every observation, sees the density as wide as it is drawn from, and makes nothing of the last digits.
Points of earlier rounds stay in the fit, those below the best with less weight. Where its
peak and all places on the way there lie lower, and hardly a point carries weight, the next are drawn nearer.

A density of many figures may have several peaks, and which of them is the highest can change with the observations.
`higher` looks far out along each figure for a place above the peak, from where to follow anew.

Leaves out: any claim that the density is a quadratic, or that no peak lies off the lines looked along. How many of a
round's points carry the weights of importance sampling tells the first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from counterfoil.forensics.arrays import Floats
from counterfoil.forensics.mixture_proposal import NORMAL_DEGREES, Proposal, carried

_log = logging.getLogger(__name__)

_FADES, _KEPT = 0.1, 1.5
"""A point's weight in the fit is e^(-0.1 x how far it is below the best), or less steep where else fewer than half of
the points, or than this many for each figure fitted, would count."""
_TIED = 5.0
"""Weight of the guess that the shape is right already, in points."""
_REACH, _CUTS = 4.0, 5
"""The longest step in deviations (in fourteen dimensions points lie three to five from the middle), and how many are
tried, each half as long, where it leads down."""
_MOST = 4.0
"""By how much one round may flatten or sharpen a direction's curvature."""
_LOCAL = 0.1
"""Part that a round's points are worth, below which a step that leads nowhere makes the cloud smaller."""
_FAR = np.array([0.15, 0.3, 0.5, 0.8, 1.2, 1.7, 2.3])

Density = Callable[[Floats], Floats]
"""A logarithm of it at each of some points (rows); minus infinity where there is none."""


def quadratic(z: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Slope at 0, and minus the second derivatives, of the quadratic through values at points (rows) around 0.

    Where points do not tell, the second derivatives are those of a standard normal density.
    """
    size = z.shape[1]
    i, j = np.triu_indices(size)
    rows = np.column_stack([np.ones(len(z)), z, z[:, i] * z[:, j] * np.where(i == j, 0.5, 1.0)])
    below = values - values.max()
    fades, least = _FADES, min(0.5 * len(z), _KEPT * rows.shape[1])
    while carried(2 * fades * below) < least:
        fades *= 0.8
    weight = np.exp(fades * below)
    tie = np.sqrt(_TIED) * np.eye(rows.shape[1])[1 + size :]
    rest = weight * (below + 0.5 * (z**2).sum(axis=1))
    found = np.linalg.lstsq(
        np.concatenate([rows * weight[:, None], tie]), np.concatenate([rest, np.zeros(len(tie))]), rcond=None
    )[0]
    second = np.zeros((size, size))
    second[i, j] = second[j, i] = found[1 + size :]
    return found[1 : 1 + size], np.eye(size) - second


def _step(slope: Floats, roots: Floats, reach: float) -> Floats:
    """The highest point of a quadratic within reach; where that is near, a step along the slope and not to the peak."""
    low, high = 0.0, float(np.linalg.norm(slope)) / reach
    if np.linalg.norm(slope / roots) <= reach:
        return slope / roots
    for _ in range(50):
        more = 0.5 * (low + high)
        low, high = (more, high) if np.linalg.norm(slope / (roots + more)) > reach else (low, more)
    return slope / (roots + high)


def follow(
    density: Density, middle: Floats, covariance: Floats, *, batch: int, rounds: int, enough: float, rng: Generator
) -> tuple[Floats, Floats]:
    """Middle and covariance of the density around a peak.

    Args:
        middle, covariance: a first guess.
        batch: points a round.
        rounds: at most.
        enough: the part of a round's points that weights are worth at which the guess is good; they still mend it.
    """
    points, values = np.empty((0, middle.size)), np.empty(0)
    height = float(density(middle[None])[0])
    for turn in range(rounds):
        proposal = Proposal.single(middle, covariance, NORMAL_DEGREES)
        new = proposal.draw(batch, rng)
        found = density(new)
        some = np.isfinite(found)
        if not some.any():
            # So wide that nothing is hit.
            covariance = covariance / _MOST
            continue
        worth = carried(found - proposal.log_density(new)) / batch
        points, values = np.concatenate([points, new[some]]), np.concatenate([values, found[some]])
        lower = np.linalg.cholesky(covariance)
        slope, curvature = quadratic(np.linalg.solve(lower, (points - middle).T).T, values)
        roots, vectors = np.linalg.eigh(curvature)
        roots = np.clip(roots, 1 / _MOST, _MOST)
        slope = vectors.T @ slope
        length = float(np.linalg.norm(slope / roots))
        for cut in range(_CUTS):
            there = middle + lower @ (vectors @ _step(slope, roots, _REACH / 2**cut))
            if (value := float(density(there[None])[0])) > height:
                middle, height = there, value
                break
        else:
            if worth < _LOCAL:
                # The quadratic does not hold as far as points were drawn: nearer ones say more.
                roots = np.full_like(roots, _MOST)
        _log.info("round %d: %d points worth %.2f, peak %.2f away, at %.1f", turn + 1, batch, worth, length, height)
        wider = lower @ (vectors / np.sqrt(roots))
        covariance = np.asarray(wider @ wider.T, dtype=np.float64)
        if worth > enough:
            break
    return middle, covariance


def higher(density: Density, middle: Floats) -> Floats | None:
    """The highest place far out along one figure that is above the middle, or none."""
    lines = np.concatenate([sign * far * np.eye(middle.size) for far in _FAR for sign in (-1, 1)])
    values = density(np.concatenate([middle[None], middle + lines]))
    best = int(np.argmax(values))
    return None if best == 0 else np.asarray(middle + lines[best - 1], dtype=np.float64)
