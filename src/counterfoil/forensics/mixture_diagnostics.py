"""Whether chains of draws agree: rank-normalised split R-hat and effective sample sizes.

Vehtari, Gelman, Simpson, Carpenter, Buerkner, Bayesian Analysis 16(2), 2021, https://doi.org/10.1214/20-BA1221:
R-hat is the larger of the bulk's (eq. 14) and the folded draws' (which sees chains of different width); the effective
sample size sums autocorrelations by Geyer's initial monotone sequence (section 3.2).

Leaves out: any judgement; the paper's limit 1.01 is applied where a result is made.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from counterfoil.forensics.arrays import Floats


def _split(draws: Floats) -> Floats:
    """Chains x draws to twice as many half chains."""
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, draws.shape[1] - half :]])


def _normal_scores(draws: Floats) -> Floats:
    rank = rankdata(draws, method="average").reshape(draws.shape)
    return np.asarray(ndtri((rank - 0.375) / (draws.size + 0.25)), dtype=np.float64)


def _plain_rhat(chains: Floats) -> float:
    length = chains.shape[1]
    within = float(chains.var(axis=1, ddof=1).mean())
    between = length * float(chains.mean(axis=1).var(ddof=1))
    if within == 0.0:
        return 1.0 if between == 0.0 else float("inf")
    return float(np.sqrt((length - 1) / length + between / within / length))


def rhat(draws: Floats) -> float:
    """Rank-normalised split R-hat of one quantity.

    Args:
        draws: chains x draws, at least 2 x 8.
    """
    chains = _split(draws)
    folded = np.abs(chains - np.median(chains))
    return max(_plain_rhat(_normal_scores(chains)), _plain_rhat(_normal_scores(folded)))


def effective_size(draws: Floats) -> float:
    """Bulk effective sample size: independent draws that would know the middle of the distribution as well.

    Args:
        draws: chains x draws, at least 2 x 8.
    """
    chains = _normal_scores(_split(draws))
    count, length = chains.shape
    centred = chains - chains.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(centred, 2 * length, axis=1)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :length] / length
    within = float(covariance[:, 0].mean() * length / (length - 1))
    if within == 0.0:
        return float("nan")
    total = within * (length - 1) / length + float(chains.mean(axis=1).var(ddof=1))
    rho = 1 - (within - covariance.mean(axis=0) * length / (length - 1)) / total
    rho[0] = 1.0
    pairs = rho[: length - length % 2].reshape(-1, 2).sum(axis=1)
    positive = int(np.argmax(pairs <= 0)) if (pairs <= 0).any() else pairs.size
    time = max(-1 + 2 * float(np.minimum.accumulate(pairs[:positive]).sum()), 1 / np.log10(count * length))
    return float(count * length / time)
