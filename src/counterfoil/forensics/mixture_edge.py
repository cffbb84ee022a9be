"""The mixture's likelihood of model qbl at stations where single counts matter.

`mixture_smooth` takes the first count of classes 2 and 3, the voters whose ballots were not made, as a smooth figure.
Where hardly anybody stayed away, or nearly every ballot was for the leader, the likelihood turns within a few counts,
and the published vote probability 1 - a/n - (1 - s)(1 - nu) c, c = 1 - a/j, holds a part that the tables leave out:
with j such voters left, c is 0 at j = a and below 0 under it. There the sum over j is taken as it is written.

* j runs over every count where it is small, and over every few where terms are broad. Which, does not depend on the
  parameters, so the sum is smooth in them.
* P(j): against the density of the probability of j by a Gauss-Jacobi rule of its beta distribution; where the density
  is the narrower of the two, over the normal intercept by the trapezoidal rule.
* P(a | j) and P(w | j): Gauss rules against tables as in `mixture_smooth`, for w one rule on each side of q = 0.
  P(a | j) over the normal intercept, too, where a is so small that it says little.

Leaves out: which stations are large enough for tables (`mixture_smooth.LEAST_VOTERS`), priors, the sampler.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from counterfoil.forensics.arrays import Bools, Floats, Ints
from counterfoil.forensics.mixture_kernel import THRESHOLD, free
from counterfoil.forensics.mixture_smooth import (
    INVERSE_SIZES,
    LOWEST,
    PER_UNIT,
    SIZE,
    Tables,
    gauss,
    look_up,
    measure,
)

_FEW, _NEAR = 9, 2.0
"""Up to so many voters without a ballot where three in four voted for the leader; other votes within so many standard
deviations of none."""
_CLOSE, _RELATIVE, _OF_SPREAD = 0.04, 0.1, 1.2
"""Steps of j: the first part of it near a, the second above, but at most so many deviations of a count of its size."""
_STEP = 0.7
"""Spacing of the trapezoidal rule over an intercept in its standard deviations: where the rest of the integrand leaves
half a standard deviation of it, the error is 2 exp(-2 pi^2 (0.5 / 0.7)^2), below 1e-4."""
Z = np.arange(-7, 8) * _STEP
Z_WEIGHTS = np.exp(-0.5 * Z**2) / np.exp(-0.5 * Z**2).sum()
NODES, BETA_NODES = 11, 5
_WIDER = 0.6
"""Width of what j says over the intercept's deviation from which the trapezoidal rule takes over."""

_NOTHING, _HOPELESS = -45.0, -90.0
"""Logarithms of probabilities that add nothing: of j, and of a given j."""


def at_the_edge(n: Ints, a: Ints, w: Ints) -> Bools:
    """Stations whose sum over j is taken here."""
    others = n - a - w
    few = (a <= _FEW) & (a + others <= n // 4)
    return np.asarray(few | (others <= _NEAR * np.sqrt(a + others)), dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Edges:
    """Stations and their counts j. Arrays of stations, of stations x `NODES`, or of all counts (x `BETA_NODES`)."""

    n: Ints
    left: Floats
    first: Ints
    """Where each station's counts begin; one more at the end."""
    log_p: Floats
    p_weight: Floats
    log_q: Floats
    q_weight: Floats
    log_under: Floats
    """As `log_q`, for -q."""
    under_weight: Floats
    at_none: Floats
    """P(w) where q = 0."""
    j: Floats
    log_part: Floats
    """log of j / n, or of .001 for 0."""
    ways: Floats
    """log of n choose j."""
    step: Floats
    """Counts that each one stands for, over n + 1."""
    log_x: Floats
    x_weight: Floats


def edges(n: Ints, a: Ints, w: Ints) -> Edges:
    """What of these stations does not depend on the parameters."""
    left, none = a / n, np.zeros(n.size)
    choose = gammaln(n + 1.0) - gammaln(w + 1.0) - gammaln(n - w + 1.0)
    log_p, p_weight = _rule(a, n - a, none, np.ones(n.size), 1.0)
    log_q, q_weight = _rule(n - w, w, left, np.ones(n.size), 1.0)
    log_under, under_weight = _rule(n - w, w, none, left, -1.0)
    inside = np.where(left > 0, left, 0.5)
    at_none = np.exp(choose + (n - w) * np.log(inside) + w * np.log1p(-inside))
    at_none = np.where(left > 0, at_none, (w == n).astype(np.float64))
    counts = [_counts(int(size), int(absent)) for size, absent in zip(n, a, strict=True)]
    many = np.array([c[0].size for c in counts], dtype=np.int64)
    j = np.concatenate([c[0] for c in counts]) if counts else np.empty(0)
    step = np.concatenate([c[1] for c in counts]) if counts else np.empty(0)
    of = np.repeat(n, many)
    x, mass = _beta_rules(j + 1, of - j + 1)
    return Edges(
        n,
        left,
        np.concatenate([[0], np.cumsum(many)]),
        log_p,
        p_weight,
        log_q,
        q_weight,
        log_under,
        under_weight,
        at_none,
        j,
        np.log(np.where(j > 0, j / of, 0.001)),
        gammaln(of + 1.0) - gammaln(j + 1.0) - gammaln(of - j + 1.0),
        step,
        np.log(x),
        mass / x / (of + 1.0)[:, None],
    )


def _rule(k: Ints, rest: Ints, low: Floats, high: Floats, sign: float) -> tuple[Floats, Floats]:
    """Logarithms of the distances from `low` (from `high` downward for sign -1) and weights over them.

    Weights times a density of the logarithm add up to P(k of k + rest).
    """
    logs, weights = np.full((k.size, NODES), -np.inf), np.zeros((k.size, NODES))
    some = np.flatnonzero(high > low)
    for start in range(0, some.size, 4096):
        rows = some[start : start + 4096]
        x, mass, log_scale = measure(k[rows], rest[rows], low[rows], high[rows])
        away = x - low[rows, None] if sign > 0 else high[rows, None] - x
        at, weight = gauss(away, mass, NODES)
        at = np.maximum(at, 1e-300)
        logs[rows], weights[rows] = np.log(at), weight / at * np.exp(log_scale)[:, None]
    return logs, weights


def _counts(n: int, a: int) -> tuple[Floats, Floats]:
    """Counts j at which the sum is taken, and how many each stands for."""
    at = [max(0, math.floor(a - 5 * math.sqrt(a)) - 3)]
    while at[-1] < n:
        here = at[-1]
        step = min((_CLOSE if here < 2 * a else _RELATIVE) * here, _OF_SPREAD * math.sqrt(here * (1 - here / n)))
        at.append(min(here + max(1, int(step)), n))
    j = np.array(at, dtype=np.float64)
    gaps = np.diff(j)
    stands = np.zeros(j.size)
    stands[:-1] += 0.5 * gaps
    stands[1:] += 0.5 * gaps
    # Both ends are counts themselves, not the middle of a cut interval.
    stands[0] += 0.5
    stands[-1] += 0.5
    return j, stands


def _beta_rules(alpha: Floats, beta: Floats) -> tuple[Floats, Floats]:
    """Gauss rules for beta distributions: points and masses, each rows x `BETA_NODES` (Golub and Welsch 1969)."""
    # Jacobi polynomials on (-1, 1) with exponents beta - 1 and alpha - 1.
    a, b = beta - 1, alpha - 1
    jacobi = np.zeros((alpha.size, BETA_NODES, BETA_NODES))
    both = a + b
    for k in range(BETA_NODES):
        at = 2 * k + both
        jacobi[:, k, k] = (b - a) / (both + 2) if k == 0 else (b * b - a * a) / (at * (at + 2))
        if k > 0:
            odd = 1.0 if k == 1 else (k + both) / (at - 1)
            off = 4 * k * (k + a) * (k + b) / (at * at * (at + 1)) * odd
            jacobi[:, k - 1, k] = jacobi[:, k, k - 1] = np.sqrt(off)
    values, vectors = np.linalg.eigh(jacobi)
    return np.clip(0.5 * (1 + values), 1e-300, 1.0), vectors[:, 0, :] ** 2


@free
def _chance_table(mean: float, variance: float, base: float, span: float, out: Floats) -> None:
    """Density of log x, x = 1 - base - span logistic(h), at LOWEST, LOWEST + 1/PER_UNIT, ..., 0."""
    scale = 1 / math.sqrt(2 * math.pi * variance)
    for i in range(out.size):
        x = math.exp(LOWEST + i / PER_UNIT)
        above, below = x - (1 - base - span), 1 - base - x
        if above < 1e-12 or below < 1e-12:
            out[i] = 0.0
        else:
            h = math.log(below / above)
            out[i] = scale * math.exp(-0.5 * (h - mean) ** 2 / variance) * x * span / (above * below)


@free
def _absent(a: int, n: int, ways: float, log_part: float, stayed: Floats, log_stayed: Floats) -> float:
    """P(a of n) where each has probability e^log_part (1 - tau), by the trapezoidal rule over turnout's intercept."""
    p, part = 0.0, math.exp(log_part)
    for g in range(Z.size):
        chance = min(part * stayed[g], 1 - 1e-12)
        log = ways + a * (log_part + log_stayed[g])
        # A logarithm is below its tangent: what is hopeless with that one need not be worked out.
        if log - (n - a) * chance > _HOPELESS:
            p += Z_WEIGHTS[g] * math.exp(log + (n - a) * math.log1p(-chance))
    return p


@free
def _log_edges(  # noqa: PLR0912, PLR0915 - two rules for each of three probabilities share a dozen running values
    n: Ints,
    lefts: Floats,
    first: Ints,
    log_p: Floats,
    p_weight: Floats,
    log_q: Floats,
    q_weight: Floats,
    log_under: Floats,
    under_weight: Floats,
    at_none: Floats,
    j: Floats,
    log_part: Floats,
    ways: Floats,
    step: Floats,
    log_x: Floats,
    x_weight: Floats,
    theta: Floats,
    log_pi: Floats,
    tables: Tables,
    out: Floats,
) -> float:
    turnout, vote, votes, _ = tables
    chance = np.empty((2, SIZE))
    chances = np.empty((2, 2, Z.size))
    for k in range(2):
        base, span = (0.0, THRESHOLD) if k == 0 else (THRESHOLD, 1 - THRESHOLD)
        mean, variance = theta[2 + 2 * k], theta[8 + 2 * k]
        _chance_table(mean, variance, base, span, chance[k])
        for g in range(Z.size):
            x = 1 - base - span / (1 + math.exp(-mean - math.sqrt(variance) * Z[g]))
            x = min(max(x, 1e-12), 1 - 1e-12)
            chances[k, 0, g], chances[k, 1, g] = math.log(x), math.log1p(-x)
    stayed = 1 / (1 + np.exp(theta[0] + math.sqrt(theta[6]) * Z))
    log_stayed = np.log(np.maximum(stayed, 1e-300))
    whole = 0.0
    for i in range(n.size):
        log_c, absent = math.log(1 - lefts[i]), round(n[i] * lefts[i])
        plainly = 1 / math.sqrt(absent + 1.0) > _WIDER * math.sqrt(theta[6])
        of_absent = math.lgamma(n[i] + 1.0) - math.lgamma(absent + 1.0) - math.lgamma(n[i] - absent + 1.0)
        made, moved = 0.0, 0.0
        for m in range(NODES):
            made += p_weight[i, m] * look_up(turnout, log_p[i, m])
            moved += q_weight[i, m] * look_up(vote, log_q[i, m] - log_c)
        out[i, 0] = made * moved
        out[i, 1] = out[i, 2] = 0.0
        r = 0
        while r < INVERSE_SIZES.size - 2 and 1 / n[i] > INVERSE_SIZES[r + 1]:
            r += 1
        blend = (1 / n[i] - INVERSE_SIZES[r]) / (INVERSE_SIZES[r + 1] - INVERSE_SIZES[r])
        for at in range(first[i], first[i + 1]):
            of_turnout, c = -1.0, 1 - lefts[i] * math.exp(-log_part[at])
            for k in range(2):
                base, span = (0.0, THRESHOLD) if k == 0 else (THRESHOLD, 1 - THRESHOLD)
                x = (j[at] + 1) / (n[i] + 2)
                logistic = min(max((1 - base - x) / span, 0.05), 0.95)
                width = math.sqrt(x * (1 - x) / (n[i] + 3)) / (span * logistic * (1 - logistic))
                p = 0.0
                if width > _WIDER * math.sqrt(theta[8 + 2 * k]):
                    for g in range(Z.size):
                        log = ways[at] + j[at] * chances[k, 0, g] + (n[i] - j[at]) * chances[k, 1, g]
                        if log > _NOTHING:
                            p += Z_WEIGHTS[g] * math.exp(log)
                else:
                    for m in range(BETA_NODES):
                        p += x_weight[at, m] * look_up(chance[k], log_x[at, m])
                if p < 1e-20:
                    continue
                if of_turnout < 0:
                    of_turnout = 0.0
                    if plainly:
                        of_turnout = _absent(absent, n[i], of_absent, log_part[at], stayed, log_stayed)
                    for m in range(0 if plainly else NODES):
                        of_turnout += p_weight[i, m] * look_up(turnout, log_p[i, m] - log_part[at])
                if of_turnout == 0.0:
                    break
                # P(w) is at most 1.
                if step[at] * p * of_turnout < 1e-7 * out[i, k + 1]:
                    continue
                of_votes = 0.0
                if abs(c) < 1e-9:
                    of_votes = at_none[i]
                else:
                    log_c = math.log(abs(c))
                    for m in range(NODES):
                        log, weight = log_q[i, m], q_weight[i, m]
                        if c < 0:
                            log, weight = log_under[i, m], under_weight[i, m]
                        below = look_up(votes[k, r], log - log_c)
                        of_votes += weight * (below + blend * (look_up(votes[k, r + 1], log - log_c) - below))
                out[i, k + 1] += step[at] * p * of_turnout * of_votes
        total = 0.0
        for k in range(3):
            total += math.exp(log_pi[k]) * out[i, k]
            out[i, k] = math.log(max(out[i, k], 1e-300))
        whole += math.log(max(total, 1e-300))
    return whole


def log_edges(of: Edges, stations: int, theta: Floats, tables: Tables, log_pi: Floats) -> tuple[float, Floats]:
    """The log likelihood of the first so many stations, and log P(a, w) of each in each class (stations x 3).

    Args:
        theta: six means, then six variances, as in `mixture_kernel.log_stations`; no variance is 0.
        tables: those of theta.
    """
    out = np.empty((stations, 3))
    if stations == 0:
        return 0.0, out
    value = _log_edges(
        of.n[:stations],
        of.left,
        of.first,
        of.log_p,
        of.p_weight,
        of.log_q,
        of.q_weight,
        of.log_under,
        of.under_weight,
        of.at_none,
        of.j,
        of.log_part,
        of.ways,
        of.step,
        of.log_x,
        of.x_weight,
        theta,
        log_pi,
        tables,
        out,
    )
    return value, out
