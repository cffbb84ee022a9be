"""The mixture's likelihood of model qbl as a handful of table look-ups per station, smooth in the parameters.

`mixture_kernel` walks through the counts of each station; this module gets the same figure from what a station's
figures say about two probabilities, worked out once for all parameters.

* a successes of n say of the probability p of a voter without a ballot: Beta(a + 1, n - a + 1). w votes say of
  q = (1 - s)(1 - nu) c, c = 1 - (a/n)/(1 - m): (a/n + q)^(n - w) (1 - a/n - q)^w on (0, 1 - a/n). Both are replaced by
  Gauss rules of three to nine points (Stieltjes procedure, Golub and Welsch 1969,
  https://doi.org/10.1090/S0025-5718-69-99647-1), exact against any polynomial of twice that degree.
* What is integrated against them are the densities of (1 - tau)(1 - m) and of (1 - s)(1 - nu) c: tables of log(1 - tau)
  and, for each class, of log((1 - s)(1 - nu)), made once per parameter point.
* Left is one sum per class over the first count: over its normal intercept the trapezoidal rule in a variable that
  moves with the logarithm of the voters left, and for the binomial noise around it a rule of three points. Nothing is
  cut or chosen by the parameters, so the sum is smooth in them. Even steps of the intercept would not do: in a fit to
  a whole country intercepts vary so widely that stations fall between the points.

It needs densities that are not much narrower than what one station says (`spread`), and stations of `LEAST_VOTERS`;
what has less goes to `mixture_kernel`. Counts left at or below a (c <= 0) are not looked at, and few points stand for
many counts: stations where either matters go to `mixture_edge`. Elsewhere, against enumeration of stations of 64 to
1,322 voters, the logarithm of a likelihood is within .004 for classes 1 and 2. For class 3, whose counts of ballots
left are small, it is within .05 where that class matters, up to .14 below 110 voters.

Leaves out: priors, the sampler, model bl, stations at the edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from counterfoil.forensics.arrays import Floats, Ints
from counterfoil.forensics.mixture_kernel import THRESHOLD, free

MOST_NODES = 9
_GRID_NODES, _GRID_WEIGHTS = np.polynomial.legendre.leggauss(64)
_WIDE = 8.0
"""Standard deviations covered to each side by the grid the Gauss rules are made on."""

LOWEST = -11.0
"""Lower end of the tables: probabilities of e^-11; below, a density counts as 0."""
PER_UNIT = 128
SIZE = round(-LOWEST * PER_UNIT) + 1
FARTHEST, MADE, MOVED = 4.9, (14, 20), 32
"""Deviations of h_3 to h_6 that are looked at, and points there: for counts in classes 2 and 3, and for votes."""
_PER_DEVIATION, _MADE_WIDTH, _MOVED_WIDTH, _TINY = 1.0, 0.45, 0.25, 0.004
"""One point for each deviation, and one for each so much of the logarithm of what is left: of voters, of votes. What is
integrated is smooth on that scale by the spread of turnout, and of the vote, between stations. Parts left below the
last one need no such points."""
INVERSE_SIZES = 1 / np.array([np.inf, 3000, 1500, 900, 600, 420, 300, 220, 160, 120, 90, 64])
"""1/n at which tables are made; straight lines between them keep a density from going below 0."""
LEAST_VOTERS = 64
"""Smaller stations are left to `mixture_kernel`, which sums over each of their counts."""
_WIDTHS = np.array([0.5, 0.8, 1.2])
"""Widths of what a station says, over the narrowest density asked for, up to which 3, 5 and 7 points are enough."""


Tables = tuple[Floats, Floats, Floats, Floats]
"""Those of `make_tables`."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What each station says, as Gauss rules. Arrays of stations x `MOST_NODES`, or of stations."""

    n: Ints
    left: Floats
    """a / n."""
    nodes: Ints
    """How many nodes are used, of both rules."""
    log_p: Floats
    p_weight: Floats
    """Weight over p: a density of log p against a measure of p."""
    log_q: Floats
    q_weight: Floats
    log_scale: Floats
    """log of P(a | p) P(w | q) integrated over p and q."""


def gauss(x: Floats, mass: Floats, count: int) -> tuple[Floats, Floats]:
    """Gauss rules of `count` points for discrete measures: rows of points and of masses that sum to 1."""
    middle = (x * mass).sum(axis=1, keepdims=True)
    scale = np.sqrt(((x - middle) ** 2 * mass).sum(axis=1, keepdims=True))
    t = (x - middle) / scale
    jacobi = np.zeros((x.shape[0], count, count))
    before, here = np.zeros_like(t), np.ones_like(t)
    norm = np.ones(x.shape[0])
    for k in range(count):
        jacobi[:, k, k] = (t * here * here * mass).sum(axis=1)
        after = (t - jacobi[:, k, k, None]) * here - (0 if k == 0 else norm[:, None]) * before
        norm = np.sqrt((after * after * mass).sum(axis=1))
        if k + 1 < count:
            jacobi[:, k, k + 1] = jacobi[:, k + 1, k] = norm
            before, here = here, after / norm[:, None]
    values, vectors = np.linalg.eigh(jacobi)
    return middle + scale * values, vectors[:, 0, :] ** 2


def rules(n: Ints, a: Ints, w: Ints, spread: float) -> Rules:
    """The Gauss rules of stations with n voters, a of them without a ballot, and w votes for the leader.

    Args:
        spread: the smallest standard deviation of the intercepts of turnout and vote that they will be used with.
    """
    size = n.size
    left = a / n
    log_p, log_q = np.zeros((size, MOST_NODES)), np.zeros((size, MOST_NODES))
    p_weight, q_weight = np.zeros((size, MOST_NODES)), np.zeros((size, MOST_NODES))
    nodes, log_scale = np.zeros(size, dtype=np.int64), np.zeros(size)
    for first in range(0, size, 4096):
        rows = slice(first, first + 4096)
        ones = np.ones(a[rows].size)
        p, p_mass, _ = measure(a[rows], n[rows] - a[rows], 0 * ones, ones)
        q, q_mass, log_q_scale = measure(n[rows] - w[rows], w[rows], left[rows], ones)
        q = q - left[rows, None]
        width = np.maximum(_logistic_width(p, p_mass), _logistic_width(q / (1 - left[rows, None]), q_mass))
        nodes[rows] = 3 + 2 * np.digitize(width, _WIDTHS * spread)
        log_scale[rows] = log_q_scale - np.log(n[rows] + 1.0)
        for count in np.unique(nodes[rows]):
            mine = np.flatnonzero(nodes[rows] == count)
            for x, mass, logs, weights in ((p, p_mass, log_p, p_weight), (q, q_mass, log_q, q_weight)):
                at, weight = gauss(x[mine], mass[mine], int(count))
                logs[first + mine, :count] = np.log(at)
                weights[first + mine, :count] = weight / at
    return Rules(n, left, nodes, log_p, p_weight, log_q, q_weight, log_scale)


def measure(k: Ints, rest: Ints, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats]:
    """P(k of k + rest | x) as masses on a fine grid of x in (low, high), and the logarithm of its integral."""
    n = k + rest
    middle = (k + 1) / (n + 2)
    sd = np.sqrt(middle * (1 - middle) / (n + 3))
    edge = 16 / (n + 2)
    # Where all of it lies outside, the end next to it is what counts.
    start = np.clip(middle - _WIDE * sd - edge, low, high - 0.05 * (high - low))
    end = np.clip(middle + _WIDE * sd + edge, low + 0.05 * (high - low), high)
    half = 0.5 * (end - start)[:, None]
    x = start[:, None] + half * (1 + _GRID_NODES)
    log = k[:, None] * np.log(x) + rest[:, None] * np.log1p(-x)
    top = log.max(axis=1, keepdims=True)
    mass = np.exp(log - top) * _GRID_WEIGHTS * half
    whole = mass.sum(axis=1, keepdims=True)
    choose = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(rest + 1.0)
    return x, mass / whole, top[:, 0] + np.log(whole[:, 0]) + choose


def _logistic_width(x: Floats, mass: Floats) -> Floats:
    inside = np.clip(x, 1e-12, 1 - 1e-12)
    logit = np.log(inside) - np.log1p(-inside)
    middle = (logit * mass).sum(axis=1, keepdims=True)
    return np.asarray(np.sqrt(((logit - middle) ** 2 * mass).sum(axis=1)), dtype=np.float64)


@free
def _logistic_table(mean: float, variance: float, out: Floats) -> None:
    """Density of log(1 - logistic(h)), h ~ Normal(mean, variance), at LOWEST, LOWEST + 1/PER_UNIT, ..., 0."""
    scale = 1 / math.sqrt(2 * math.pi * variance)
    out[-1] = 0.0
    for i in range(out.size - 1):
        x = LOWEST + i / PER_UNIT
        rest = -math.expm1(x)  # logistic(h)
        h = math.log(rest) - x
        out[i] = scale * math.exp(-0.5 * (h - mean) ** 2 / variance) / rest


@free
def look_up(table: Floats, x: float) -> float:
    """Linear interpolation; 0 outside the table."""
    place = (x - LOWEST) * PER_UNIT
    if place < 0.0 or place >= SIZE - 1:
        return 0.0
    i = int(place)
    return float(table[i] + (place - i) * (table[i + 1] - table[i]))


def _noise_rules(points: int) -> Floats:
    """Gauss rules for Bin(n, p) / n (Krawtchouk polynomials): sizes x logits of p x (points, then weights).

    Points in standard deviations from p.
    """
    p, inverse = 1 / (1 + np.exp(-_LOGITS))[None, :], INVERSE_SIZES[:, None]
    jacobi = np.zeros((INVERSE_SIZES.size, _LOGITS.size, points, points))
    for k in range(points):
        jacobi[..., k, k] = k * (1 - 2 * p) * np.sqrt(inverse / (p * (1 - p)))
        if k + 1 < points:
            jacobi[..., k, k + 1] = jacobi[..., k + 1, k] = np.sqrt((k + 1) * (1 - k * inverse))
    values, vectors = np.linalg.eigh(jacobi)
    return np.concatenate([values, vectors[..., 0, :] ** 2], axis=-1)


_LOGITS = np.linspace(-9, 9, 361)
THREE, FOUR = _noise_rules(3), _noise_rules(4)


@free
def _noise(table: Floats, p: float, out: Floats) -> None:
    """A row of the table at p, by straight lines between the logits."""
    logit = math.log(p / (1 - p))
    place = min(max((logit - _LOGITS[0]) / (_LOGITS[1] - _LOGITS[0]), 0.0), _LOGITS.size - 1.001)
    k = int(place)
    for j in range(out.size):
        out[j] = table[k, j] + (place - k) * (table[k + 1, j] - table[k, j])


@free
def _intercept(
    mean: float, variance: float, base: float, span: float, width: float, kept: Floats, weights: Floats
) -> None:
    """Points of x = 1 - base - span logistic(h), h ~ Normal(mean, variance), and weights, for what is smooth in log x.

    The trapezoidal rule in t = z - log(x + tiny) / width: even in h where x hardly moves, in log x where it does. Its
    places move with the parameters and are never added or left out, so sums over them are smooth.
    """
    sd = math.sqrt(variance)
    ends = np.empty(2)
    for side in range(2):
        z = FARTHEST if side else -FARTHEST
        x = max(1 - base - span / (1 + math.exp(-mean - sd * z)), 0.0)
        ends[side] = z / _PER_DEVIATION - math.log(x + _TINY) / width
    low, whole = -FARTHEST, 0.0
    z = low
    for g in range(kept.size):
        t = ends[0] + (ends[1] - ends[0]) * g / (kept.size - 1)
        high = FARTHEST
        slope = 1.0
        for _ in range(60):
            part = 1 / (1 + math.exp(-mean - sd * z))
            x = max(1 - base - span * part, 0.0)
            away = z / _PER_DEVIATION - math.log(x + _TINY) / width - t
            slope = 1 / _PER_DEVIATION + span * part * (1 - part) * sd / (x + _TINY) / width
            if away > 0:
                high = z
            else:
                low = z
            step = away / slope
            if abs(step) < 1e-11:
                break
            # A step that leaves where the place must be is cut to the middle.
            z = z - step if low < z - step < high else 0.5 * (low + high)
        kept[g] = min(max(1 - base - span / (1 + math.exp(-mean - sd * z)), 1e-12), 1 - 1e-12)
        weights[g] = math.exp(-0.5 * z * z) / slope
        whole += weights[g]
        low = z
    weights /= whole


@free
def _votes_table(votes: Floats, kept: Floats, weights: Floats, out: Floats) -> None:
    """Density of log((1 - s)(1 - nu)) for each of INVERSE_SIZES, from that of log(1 - nu) and the points of 1 - s."""
    out[:] = 0.0
    rule = np.empty(8)
    first, last = 0, votes.size - 1
    while votes[first] < 1e-30 and first < last:
        first += 1
    for r in range(INVERSE_SIZES.size):
        for g in range(kept.size):
            p = kept[g]
            _noise(FOUR[r], p, rule)
            sd = math.sqrt(p * (1 - p) * INVERSE_SIZES[r])
            for side in range(4):
                one = p + sd * rule[side]
                if one <= 1e-4:
                    continue
                part = weights[g] * rule[4 + side]
                place = -math.log(min(one, 1.0)) * PER_UNIT
                k = int(place)
                upper = part * (place - k)
                lower = part - upper
                start = max(first - k - 1, 0)
                # Slices without index arithmetic, so that the compiler adds several at once.
                into, here = out[r, start : votes.size - k - 1], votes[start + k : votes.size - 1]
                above = votes[start + k + 1 :]
                for j in range(into.size):
                    into[j] += lower * here[j] + upper * above[j]


@free
def _counts_table(kept: Floats, weights: Floats, out: Floats) -> None:
    """For each of INVERSE_SIZES, the first count's noise around each of `kept` by three points of (1 - m).

    To `out` (sizes x kept x 9): logarithms of the points, one over the points, weights.
    """
    rule = np.empty(6)
    for r in range(INVERSE_SIZES.size):
        for g in range(kept.size):
            _noise(THREE[r], kept[g], rule)
            sd = math.sqrt(kept[g] * (1 - kept[g]) * INVERSE_SIZES[r])
            for side in range(3):
                # The published model writes .999 for m = 1.
                one = min(max(kept[g] + sd * rule[side], 0.001), 1.0)
                out[r, g, side], out[r, g, 3 + side] = math.log(one), 1 / one
                out[r, g, 6 + side] = rule[3 + side] * weights[g]


@free
def _class(
    i: int,
    left: float,
    counts: Floats,
    turnout: Floats,
    votes: Floats,
    r: int,
    blend: float,
    nodes: int,
    log_p: Floats,
    p_weight: Floats,
    log_q: Floats,
    q_weight: Floats,
) -> float:
    """P(a, w) of one station in class 2 or 3, over `log_scale`."""
    total = 0.0
    low, high = counts[r], counts[r + 1]
    for g in range(low.shape[0]):
        for side in range(3):
            c = 1 - left * (low[g, 3 + side] + blend * (high[g, 3 + side] - low[g, 3 + side]))
            if c <= 0.0:
                continue
            log_kept = low[g, side] + blend * (high[g, side] - low[g, side])
            first = 0.0
            for j in range(nodes):
                first += p_weight[i, j] * look_up(turnout, log_p[i, j] - log_kept)
            if first == 0.0:
                continue
            log_c = math.log(c)
            second = 0.0
            for j in range(nodes):
                place = (log_q[i, j] - log_c - LOWEST) * PER_UNIT
                if place < 0.0 or place >= SIZE - 1:
                    continue
                k = int(place)
                f = place - k
                below = votes[r, k] + f * (votes[r, k + 1] - votes[r, k])
                above = votes[r + 1, k] + f * (votes[r + 1, k + 1] - votes[r + 1, k])
                second += q_weight[i, j] * (below + blend * (above - below))
            part = low[g, 6 + side] + blend * (high[g, 6 + side] - low[g, 6 + side])
            total += part * first * second
    return total


@free
def make_tables(theta: Floats) -> Tables:
    """Densities of log(1 - tau) and log(1 - nu), and for classes 2 and 3 the tables of votes and of counts.

    Args:
        theta: six means, then six variances, as in `mixture_kernel.log_stations`; no variance is 0.
    """
    turnout, vote = np.empty(SIZE), np.empty(SIZE)
    _logistic_table(theta[0], theta[6], turnout)
    _logistic_table(theta[1], theta[7], vote)
    votes = np.empty((2, INVERSE_SIZES.size, SIZE))
    counts = np.zeros((2, INVERSE_SIZES.size, max(MADE), 9))
    counts[:, :, :, 3:6] = 1.0  # the shorter of both ends in points without weight
    for k in range(2):
        base, span = (0.0, THRESHOLD) if k == 0 else (THRESHOLD, 1 - THRESHOLD)
        kept, weights = np.empty(MADE[k]), np.empty(MADE[k])
        _intercept(theta[2 + 2 * k], theta[8 + 2 * k], base, span, _MADE_WIDTH, kept, weights)
        _counts_table(kept, weights, counts[k])
        unmoved, weights = np.empty(MOVED), np.empty(MOVED)
        _intercept(theta[3 + 2 * k], theta[9 + 2 * k], base, span, _MOVED_WIDTH, unmoved, weights)
        _votes_table(vote, unmoved, weights, votes[k])
    return turnout, vote, votes, counts


@free
def _log_smooth(
    n: Ints,
    lefts: Floats,
    nodes: Ints,
    log_p: Floats,
    p_weight: Floats,
    log_q: Floats,
    q_weight: Floats,
    log_scale: Floats,
    tables: Tables,
    log_pi: Floats,
    out: Floats,
) -> float:
    turnout, vote, votes, counts = tables
    whole = 0.0
    for i in range(n.size):
        x = 1 / n[i]
        r = 0
        while r < INVERSE_SIZES.size - 2 and x > INVERSE_SIZES[r + 1]:
            r += 1
        blend = (x - INVERSE_SIZES[r]) / (INVERSE_SIZES[r + 1] - INVERSE_SIZES[r])
        first, second = 0.0, 0.0
        log_c = math.log(1 - lefts[i])
        for j in range(nodes[i]):
            first += p_weight[i, j] * look_up(turnout, log_p[i, j])
            second += q_weight[i, j] * look_up(vote, log_q[i, j] - log_c)
        out[i, 0] = first * second
        for k in range(2):
            out[i, k + 1] = _class(
                i,
                lefts[i],
                counts[k, :, : MADE[k]],
                turnout,
                votes[k],
                r,
                blend,
                nodes[i],
                log_p,
                p_weight,
                log_q,
                q_weight,
            )
        total = 0.0
        for k in range(3):
            total += math.exp(log_pi[k]) * out[i, k]
            out[i, k] = math.log(max(out[i, k], 1e-300)) + log_scale[i]
        whole += math.log(max(total, 1e-300)) + log_scale[i]
    return whole


def log_smooth(of: Rules, stations: int, tables: Tables, log_pi: Floats) -> tuple[float, Floats]:
    """The log likelihood of the first so many stations, and log P(a, w) of each in each class (stations x 3)."""
    out = np.empty((stations, 3))
    value = _log_smooth(
        of.n[:stations],
        of.left[:stations],
        of.nodes[:stations],
        of.log_p[:stations],
        of.p_weight[:stations],
        of.log_q[:stations],
        of.q_weight[:stations],
        of.log_scale[:stations],
        tables,
        log_pi,
        out,
    )
    return value, out
