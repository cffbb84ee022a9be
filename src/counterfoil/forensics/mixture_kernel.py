"""The mixture's likelihood with everything unseen summed out, in machine code.

One station shows n voters, a of them without a ballot, w votes for the leader. Unseen are its class, four counts and
(model qbl) six normal intercepts. All of them leave through one integral, `log_thinned`: the probability of k of n
where each success has probability `lo + span * logistic(h)`, h normal.

* Class 1 is a product of two such integrals: a given n, and w given n and a.
* In classes 2 and 3 the probability of a voter without a ballot is (1 - tau)(1 - m) and that of a vote is
  1 - a/n - (1 - s)(1 - nu)(1 - a/n/(1 - m)), with m and s the two counts over n. (This is the published expression,
  rearranged.) Given both counts all four factors are again the same integral, so the class is a double sum over them.
* The sums run over every count where the terms are narrow, and over every `stride`-th where they are broad (the
  trapezoidal rule, whose error falls exponentially), outward from the largest term until e^-12 of it.

Leaves out: priors, the sampler, and which stations are used.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np

from counterfoil.forensics.arrays import Floats, Ints

F = TypeVar("F", bound=Callable[..., object])

THRESHOLD = 0.7
"""k of the published model: class 2 moves up to this part of the voters, class 3 at least this part."""

NODES = np.array([-2.8569700138728056, -1.3556261799742659, 0.0, 1.3556261799742659, 2.8569700138728056])
LOG_WEIGHTS = np.log([0.011257411327720693, 0.22207592200561266, 8 / 15, 0.22207592200561266, 0.011257411327720693])
FEW_NODES = np.array([-math.sqrt(3.0), 0.0, math.sqrt(3.0)])
LOG_FEW_WEIGHTS = np.log([1 / 6, 2 / 3, 1 / 6])
MANY_NODES, _many_weights = np.polynomial.hermite_e.hermegauss(13)
MANY_NODES[6] = 0.0
LOG_MANY_WEIGHTS = np.log(_many_weights / _many_weights.sum())
"""Gauss-Hermite rules for a standard normal: five points, three where the integrand is narrow, thirteen where broad."""
_NARROW, _BROAD = 0.2, 0.45
"""Standard deviations of the intercept, given the counts, between which five points are enough."""

_LIMIT = 9.0
"""Terms below e^-9 (1e-4) of the largest end a sum."""
_SPACING = 1.3
"""Spacing of a strided sum in standard deviations: error 2 exp(-2 pi^2 / 1.3^2), about 2e-5 for a normal shape."""
_HALVES = 0.2
"""The terms at even and at odd places are two sums of twice the spacing. Where they differ by more than this part of
their total, the spacing is halved: for a normal shape the error of the whole is then below 2 (0.2 / 2)^4."""
_HOPELESS = 30.0
"""A class e^30 less likely than another at a station is not worked out there."""
_EDGE = 32
"""Where a sum ends at 0 or n with terms that still matter, the spacing goes down to n / 32: a cut edge costs half a
spacing's worth of its last term."""
_EVERY = 64
"""Stations of up to so many voters are summed over every count."""
_TINY = 1e-14
COSINES = np.cos(np.pi * np.outer(np.arange(9), (np.arange(9) + 0.5)) / 9)
"""Chebyshev polynomials at the nodes of nine-term series."""


def free(function: F) -> F:
    """Compiled once per machine, and run without Python's lock, so that chains can share the cores."""
    return cast(F, numba.njit(cache=True, nogil=True)(function))


@free
def log_factorials(largest: int) -> Floats:
    """log(0!), ..., log(largest!)."""
    out = np.empty(largest + 1)
    for i in range(largest + 1):
        out[i] = math.lgamma(i + 1.0)
    return out


@free
def _binomial(k: float, n: float, p: float) -> float:
    """k log p + (n - k) log(1 - p); minus infinity where p is no probability."""
    if p < -1e-9 or p > 1 + 1e-9:
        return -np.inf
    p = min(max(p, _TINY), 1 - _TINY)
    return k * math.log(p) + (n - k) * math.log(1 - p)


@free
def log_thinned(k: int, n: int, lo: float, span: float, mean: float, variance: float) -> float:
    """log E[p^k (1 - p)^(n - k)], p = lo + span * logistic(h), h ~ Normal(mean, variance), without the choose(n, k).

    Adaptive Gauss-Hermite rule around the mode of the integrand; exact for variance 0.
    """
    if variance == 0.0:
        return _binomial(k, n, lo + span / (1 + math.exp(-mean)))
    precision = 1 / variance
    hat = 0.5
    if abs(span) > _TINY:
        hat = min(max(((k + 0.5) / (n + 1) - lo) / span, 0.01), 0.99)
    p = min(max(lo + span * hat, 1e-6), 1 - 1e-6)
    slope = span * hat * (1 - hat)
    information = n * slope * slope / (p * (1 - p))
    h = (math.log(hat / (1 - hat)) * information + mean * precision) / (information + precision)
    total = precision
    for _ in range(15):
        s = 1 / (1 + math.exp(-h))
        p = min(max(lo + span * s, 1e-12), 1 - 1e-12)
        slope = span * s * (1 - s)
        within = p * (1 - p)
        expected = n * slope * slope / within + precision
        curved = (k - n * p) * slope / within * ((1 - 2 * p) * slope / within - (1 - 2 * s))
        total = max(expected + curved, 0.3 * expected)
        step = ((k - n * p) / within * slope - (h - mean) * precision) / total
        step = min(max(step, -1.5), 1.5)
        h += step
        if step * step * total < 0.04:
            break
    sd = 1 / math.sqrt(total)
    middle = _binomial(k, n, lo + span / (1 + math.exp(-h))) - 0.5 * (h - mean) ** 2 * precision
    if middle == -np.inf:
        return -np.inf
    nodes, log_weights = NODES, LOG_WEIGHTS
    if sd < _NARROW:
        nodes, log_weights = FEW_NODES, LOG_FEW_WEIGHTS
    elif sd > _BROAD:
        nodes, log_weights = MANY_NODES, LOG_MANY_WEIGHTS
    out = math.exp(log_weights[nodes.size // 2])
    for i in range(nodes.size):
        z = nodes[i]
        if z != 0.0:
            x = h + sd * z
            value = _binomial(k, n, lo + span / (1 + math.exp(-x))) - 0.5 * (x - mean) ** 2 * precision
            out += math.exp(value - middle + 0.5 * z * z + log_weights[i])
    return float(middle + math.log(out * sd * math.sqrt(precision)))


@free
def _part(count: int, n: int) -> float:
    """A count over n; the published model writes .999 for 1 so that 1 - m can be divided by."""
    return 0.999 if count == n else count / n


@free
def _clip(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


@free
def _logistic_moments(lo: float, span: float, mean: float, variance: float, n: int) -> tuple[float, float]:
    """Middle and rough variance of (count over n), the count binomial with probability lo + span * logistic(h)."""
    s = 1 / (1 + math.exp(-mean))
    m = _clip(lo + span * s, 1e-6, 1 - 1e-6)
    slope = span * s * (1 - s)
    return m, slope * slope * variance + m * (1 - m) / n


@free
def _log_count(count: int, n: int, base: float, span: float, h: tuple[float, float], facts: Floats) -> float:
    """log probability of a count of n, binomial with probability base + span * logistic(h)."""
    return float(log_thinned(count, n, base, span, h[0], h[1]) + facts[n] - facts[count] - facts[n - count])


@free
def _fit_votes(w: int, n: int, left: float, nu: tuple[float, float], low: float, high: float, out: Floats) -> None:
    """log E[P(w)] as a Chebyshev series in the logarithm of kappa, over [low, high]; coefficients to `out`."""
    size = out.size
    values = np.empty(size)
    for i in range(size):
        kappa = math.exp(0.5 * (low + high) + 0.5 * (high - low) * math.cos(math.pi * (i + 0.5) / size))
        values[i] = log_thinned(w, n, left - kappa, kappa, nu[0], nu[1])
    for j in range(size):
        total = 0.0
        for i in range(size):
            total += values[i] * COSINES[j, i]
        out[j] = total * (1 if j == 0 else 2) / size


@free
def _series(c: Floats, x: float) -> float:
    """Chebyshev series at x in [-1, 1] (Clenshaw)."""
    after, here = 0.0, 0.0
    for j in range(c.size - 1, 0, -1):
        after, here = here, 2 * x * here - after + c[j]
    return float(x * here - after + c[0])


@free
def _second_count(
    n: int,
    a: int,
    w: int,
    kept: float,
    base: float,
    span: float,
    nu: tuple[float, float],
    stolen: tuple[float, float],
    facts: Floats,
    start: int,
    stride: int,
    cache: Floats,
    series: Floats,
    low: float,
    high: float,
) -> tuple[float, bool]:
    """log of the sum over the second count, given the first; and whether its stride was fine enough.

    `cache` keeps the count's own probabilities, which are the same for each value of the first count.
    """
    middle = cache.shape[1] // 2
    left = 1 - a / n
    log_kept = math.log(kept) if kept > 0 else math.inf
    best, even, odd, edge = -np.inf, 0.0, 0.0, -np.inf
    for direction in (1, -1):
        previous = -np.inf
        j = 0 if direction == 1 else -1
        while abs(j) <= middle:
            count = start + j * stride
            if count < 0 or count > n:
                edge = max(edge, previous)
                break
            if math.isnan(cache[0, middle + j]):
                cache[0, middle + j] = _log_count(count, n, base, span, stolen, facts)
                cache[1, middle + j] = math.log(max(1 - count / n, 1e-300))
            t = log_kept + cache[1, middle + j]
            if low <= t <= high:
                term = cache[0, middle + j] + _series(series, (2 * t - low - high) / (high - low))
            else:
                kappa = (1 - count / n) * kept
                term = cache[0, middle + j] + log_thinned(w, n, left - kappa, kappa, nu[0], nu[1])
            if term > best:
                shrink = math.exp(best - term)
                even, odd, best = even * shrink, odd * shrink, term
            if term > best - 40:
                if j % 2 == 0:
                    even += math.exp(term - best)
                else:
                    odd += math.exp(term - best)
            if term < best - _LIMIT and term <= previous:
                break
            previous = term
            j += direction
    fine = stride == 1 or (
        abs(even - odd) <= _HALVES * (even + odd) and (edge < best - 5 or stride <= max(n // _EDGE, 1))
    )
    return (best + math.log((even + odd) * stride) if best > -np.inf else -np.inf), fine


@free
def _placement(
    n: int,
    a: int,
    w: int,
    base: float,
    span: float,
    tau: tuple[float, float],
    nu: tuple[float, float],
    moved: tuple[float, float],
    stolen: tuple[float, float],
) -> tuple[int, int, int, int, float, float, float]:
    """Where both sums have their largest terms, by normal approximations in logarithms; the sums repair what is off.

    Returns start and stride of the first sum, of the second, the first's usual spacing over its stride, and the range
    of log kappa in which the votes' integral will mostly be asked for (empty where it needs no series).
    """
    alpha, omega = (a + 0.5) / (n + 1), (n - a - w + 0.5) / (n + 1)
    left = 1 - a / n
    m, spread = _logistic_moments(base, span, moved[0], moved[1], n)
    u, var_u = math.log(1 - m), spread / (1 - m) ** 2
    t = 1 / (1 + math.exp(-tau[0]))
    noise = tau[1] * t * t + (1 - alpha) / (n * alpha)
    gain = var_u / (var_u + noise)
    u += gain * (math.log(alpha) - u - math.log(1 - t))
    var_u *= 1 - gain
    v = 1 / (1 + math.exp(-nu[0]))
    s, spread = _logistic_moments(base, span, stolen[0], stolen[1], n)
    z, var_z = math.log(1 - s), spread / (1 - s) ** 2
    share = _clip(1 - omega - alpha, 0.5 / n, 1 - 0.5 / n)
    noise = nu[1] * v * v + share * (1 - share) / (n * omega * omega)
    ratio = _clip(alpha * math.exp(-u), 0.0, 0.95)
    slope = ratio / (1 - ratio)
    gap = math.log(omega) - math.log(1 - ratio) - z - math.log(1 - v)
    gain = var_u * slope / (var_u * slope * slope + var_z + noise)
    u += gain * gap
    var_u *= max(1 - gain * slope, 0.05)
    ratio = _clip(alpha * math.exp(-u), 0.0, 0.95)
    gain = var_z / (var_z + noise)
    z += gain * (math.log(omega) - math.log(1 - ratio) - z - math.log(1 - v))
    var_z *= 1 - gain
    u, z = min(u, 0.0), min(z, 0.0)
    x, y = 1 - math.exp(u), 1 - math.exp(z)
    start, start_s = round(n * x), round(n * y)
    stride = max(1, int(_SPACING * n * (1 - x) * math.sqrt(var_u))) if n > _EVERY else 1
    stride_s = max(1, int(_SPACING * n * (1 - y) * math.sqrt(var_z))) if n > _EVERY else 1
    steep = max(1.0, _SPACING * n * (1 - x) * math.sqrt(var_u) / stride)
    low, high = 1.0, 0.0
    if nu[1] > 0.0:
        high = min(z + 5.5 * math.sqrt(var_z), 0.0) + math.log(left)
        far = _clip(alpha * math.exp(-(u - 5.5 * math.sqrt(var_u))), 0.0, 0.98)
        near = alpha * math.exp(-min(u + 5.5 * math.sqrt(var_u), 0.0))
        high = min(high, min(z + 5.5 * math.sqrt(var_z), 0.0) + math.log(max(1 - near, 0.02)) + 0.02)
        low = max(z - 5.5 * math.sqrt(var_z) + math.log(1 - far), high - 2.0)
    return start, stride, start_s, stride_s, steep, low, high


@free
def log_class(  # noqa: PLR0912 - two walks and their two remedies share a dozen running values
    n: int,
    a: int,
    w: int,
    base: float,
    span: float,
    tau: tuple[float, float],
    nu: tuple[float, float],
    moved: tuple[float, float],
    stolen: tuple[float, float],
    facts: Floats,
    cache: Floats,
    series: Floats,
    floor: float,
) -> float:
    """log P(a, w) in a class whose two counts have probabilities base + span * logistic(h), without the two chooses.

    Each pair is mean and variance of h: turnout, vote, first count (ballots made), second count (votes moved). Where
    the answer lies far below `floor` it is not worked out, and a value below it is returned.
    """
    start, stride, start_s, stride_s, steep, low, high = _placement(n, a, w, base, span, tau, nu, moved, stolen)
    if _hopeless(n, a, w, base, span, tau, moved, facts, start, stride, steep, floor):
        return floor - _HOPELESS
    if low < high:
        _fit_votes(w, n, 1 - a / n, nu, low, high, series)
    while True:
        cache[:] = np.nan
        best, even, odd, edge, fine = -np.inf, 0.0, 0.0, -np.inf, True
        for direction in (1, -1):
            previous = -np.inf
            j = 0 if direction == 1 else -1
            while fine:
                count = start + j * stride
                if count < 0 or count > n:
                    edge = max(edge, previous)
                    break
                part = _part(count, n)
                kept = 1 - a / n / (1 - part)
                second, ok = _second_count(
                    n, a, w, kept, base, span, nu, stolen, facts, start_s, stride_s, cache, series, low, high
                )
                term = (
                    _log_count(count, n, base, span, moved, facts)
                    + log_thinned(a, n, 0.0, 1 - part, -tau[0], tau[1])
                    + second
                )
                if term > best:
                    shrink = math.exp(best - term)
                    even, odd, best = even * shrink, odd * shrink, term
                if term > best - 40:
                    fine = ok or term < best - 5
                    if j % 2 == 0:
                        even += math.exp(term - best)
                    else:
                        odd += math.exp(term - best)
                if term < best - _LIMIT and term <= previous:
                    break
                if j != 0 and best + 2 * (steep * (term - previous)) ** 2 + _HOPELESS < floor:
                    return best
                previous = term
                j += direction
        if not fine:
            stride_s = max(1, stride_s // 2)
        elif stride > 1 and (
            abs(even - odd) > _HALVES * (even + odd) or (edge > best - 5 and stride > max(n // _EDGE, 1))
        ):
            stride = max(1, stride // 2)
        else:
            return best + math.log((even + odd) * stride)


@free
def _hopeless(
    n: int,
    a: int,
    w: int,
    base: float,
    span: float,
    tau: tuple[float, float],
    moved: tuple[float, float],
    facts: Floats,
    start: int,
    stride: int,
    steep: float,
    floor: float,
) -> bool:
    """Whether the class cannot come near the floor even if its votes fitted perfectly.

    Two terms give the fall d of the sum over the first count per usual spacing. A normal peak seen so is d^2/3.4
    higher; 2 d^2 and e^30 leave room for everything that is not normal.
    """
    if floor == -np.inf:
        return False
    perfect = _binomial(w, n, w / n)
    values = np.empty(2)
    for i in range(2):
        count = min(start + i * stride, n) if start + stride <= n else max(start - i * stride, 0)
        values[i] = _log_count(count, n, base, span, moved, facts) + log_thinned(
            a, n, 0.0, 1 - _part(count, n), -tau[0], tau[1]
        )
    d = steep * (values[1] - values[0])
    return bool(max(values[0], values[1]) + perfect + 2 * d * d + _HOPELESS < floor)


@free
def log_stations(n: Ints, a: Ints, w: Ints, theta: Floats, log_pi: Floats, facts: Floats, out: Floats) -> float:
    """log P(a, w) of every station in each of the three classes, to `out` (stations x 3); the mixture's sum returned.

    Args:
        theta: six means, then six variances of the intercepts (turnout, vote, m and s of class 2, m and s of class 3).
        log_pi: logarithms of the three classes' shares.
    """
    cache = np.empty((2, 513))
    series = np.empty(COSINES.shape[0])
    tau, nu = (theta[0], theta[6]), (theta[1], theta[7])
    whole = 0.0
    for i in range(n.size):
        left = 1 - a[i] / n[i]
        out[i, 0] = log_thinned(a[i], n[i], 0.0, 1.0, -tau[0], tau[1]) + log_thinned(
            w[i], n[i], 0.0, left, nu[0], nu[1]
        )
        best = out[i, 0] + log_pi[0]
        for k in (1, 2):
            base, span = (0.0, THRESHOLD) if k == 1 else (THRESHOLD, 1 - THRESHOLD)
            moved, stolen = (theta[2 * k], theta[2 * k + 6]), (theta[2 * k + 1], theta[2 * k + 7])
            out[i, k] = log_class(
                n[i], a[i], w[i], base, span, tau, nu, moved, stolen, facts, cache, series, best - log_pi[k]
            )
            best = max(best, out[i, k] + log_pi[k])
        total = 0.0
        for k in range(3):
            total += math.exp(out[i, k] + log_pi[k] - best)
        chooses = 2 * facts[n[i]] - facts[a[i]] - facts[n[i] - a[i]] - facts[w[i]] - facts[n[i] - w[i]]
        for k in range(3):
            out[i, k] += chooses
        whole += best + math.log(total) + chooses
    return whole
