"""The exact distribution of a number of hits, each with its own probability.

Answers: point probabilities, quantile and tail of a sum of independent Bernoulli variables. Exact by a tree of
convolutions; no simulation, no normal curve.

* Far tails are computed under an exponentially tilted distribution whose mean is the observed count, so that a
  probability of 1e-50 has as many right digits as one of 0.1.
"""

from __future__ import annotations

import numpy as np

from counterfoil.forensics.arrays import Floats

_LEAF = 128


def distribution(probabilities: Floats) -> Floats:
    """P(count = 0..n) for n independent hits. Absolute error below 1e-14."""
    q = np.asarray(probabilities, dtype=np.float64)
    leaves = 1
    while leaves * _LEAF < q.size:
        leaves *= 2
    padded = np.zeros(leaves * _LEAF)
    padded[: q.size] = q
    blocks = padded.reshape(leaves, _LEAF).T.copy()
    table = np.zeros((_LEAF + 1, leaves))
    table[0] = 1.0
    for i in range(_LEAF):
        table[1 : i + 2] = table[1 : i + 2] * (1.0 - blocks[i]) + table[: i + 1] * blocks[i]
        table[0] *= 1.0 - blocks[i]
    rows = np.ascontiguousarray(table.T)
    while rows.shape[0] > 1:
        length = 2 * rows.shape[1] - 1
        size = 1 << (length - 1).bit_length()
        spectrum = np.fft.rfft(rows, size, axis=1)
        rows = np.fft.irfft(spectrum[0::2] * spectrum[1::2], size, axis=1)[:, :length]
    out: Floats = np.maximum(rows[0][: q.size + 1], 0.0)
    return out


def quantile(probabilities: Floats, level: float) -> int:
    """The smallest count whose cumulative probability reaches `level`."""
    return int(np.searchsorted(np.cumsum(distribution(probabilities)), level))


def upper_tail(probabilities: Floats, count: int) -> float:
    """P(at least `count` hits)."""
    q = np.asarray(probabilities, dtype=np.float64)
    certain = int(np.count_nonzero(q >= 1.0))
    q = q[(q > 0.0) & (q < 1.0)]
    count -= certain
    if count <= 0:
        return 1.0
    if count > q.size:
        return 0.0
    if count <= q.sum():
        return float(distribution(q)[count:].sum())
    theta = _tilt(q, count)
    weight = 1.0 - q + q * np.exp(theta)
    tilted = distribution(q * np.exp(theta) / weight)
    k = np.arange(count, q.size + 1)
    log_scale = np.log(weight).sum() - theta * k
    return float(min(1.0, (tilted[count:] * np.exp(log_scale)).sum()))


def _tilt(q: Floats, count: int) -> float:
    """The tilt whose mean number of hits is `count`; bisection, because the mean rises with the tilt."""
    target = min(count, q.size - 0.5)
    low, high = 0.0, 1.0
    while (q * np.exp(high) / (1.0 - q + q * np.exp(high))).sum() < target and high < 500.0:
        low, high = high, 2.0 * high
    for _ in range(60):
        middle = 0.5 * (low + high)
        if (q * np.exp(middle) / (1.0 - q + q * np.exp(middle))).sum() < target:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
