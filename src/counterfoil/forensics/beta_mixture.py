"""Mixtures of beta-binomial distributions: the smooth shape of rates over stations of different sizes.

Fitted by expectation-maximisation with moments in place of the likelihood's maximum: a station of hundreds of ballots
says far more about its own rate than the mixture does, so the mixture needs to be right in shape, not in the last
digit. Components are added from one to five until the mixture's histogram and the observed one correlate at .99
(Rozenas 2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln
from scipy.stats import beta

from counterfoil.forensics.arrays import Floats, Ints

MOST_COMPONENTS, ENOUGH_CORRELATION = 5, 0.99
FITTED_ON = 4_000
"""Stations the mixture is fitted on; more do not change its shape."""
_ROUNDS, _EDGES = 100, np.linspace(0.0, 1.0, 51)


@dataclass(frozen=True, slots=True)
class BetaMixture:
    """Weights and the two parameters of each component; `correlation` of its histogram with the observed one."""

    weight: Floats
    alpha: Floats
    beta: Floats
    correlation: float

    def posterior(self, k: Ints, n: Ints) -> Floats:
        """P(component | k of n), stations by components."""
        log = np.log(self.weight) + betaln(k[:, None] + self.alpha, (n - k)[:, None] + self.beta)
        log -= betaln(self.alpha, self.beta)
        log -= log.max(axis=1, keepdims=True)
        out: Floats = np.exp(log)
        out /= out.sum(axis=1, keepdims=True)
        return out


def fit(k: Ints, n: Ints, stream: np.random.Generator) -> BetaMixture:
    """Fits rates k/n with as few components as describe their histogram. n > 0 throughout."""
    if k.size > FITTED_ON:
        rows = np.sort(stream.choice(k.size, FITTED_ON, replace=False))
        k, n = k[rows], n[rows]
    best = _fit(k, n, 1)
    for components in range(2, MOST_COMPONENTS + 1):
        if best.correlation > ENOUGH_CORRELATION:
            break
        tried = _fit(k, n, components)
        best = max(best, tried, key=lambda m: m.correlation)
    return best


def _fit(k: Ints, n: Ints, components: int) -> BetaMixture:
    rate = k / n
    start = np.quantile(rate, (np.arange(components) + 0.5) / components)
    closest = np.abs(rate[:, None] - start).argmin(axis=1)
    share = np.eye(components)[closest] * 0.9 + 0.1 / components
    mixture = _moments(rate, n, share)
    for _ in range(_ROUNDS):
        again = mixture.posterior(k, n)
        done = float(np.abs(again - share).max()) < 1e-3
        share, mixture = again, _moments(rate, n, again)
        if done:
            break
    cdf = beta.cdf(_EDGES[:, None], mixture.alpha, mixture.beta) @ mixture.weight
    observed = np.histogram(rate, bins=_EDGES)[0] / rate.size
    modelled = np.diff(cdf)
    spread = modelled.std() * observed.std()
    correlation = float(np.corrcoef(modelled, observed)[0, 1]) if spread > 0 else 0.0
    return BetaMixture(mixture.weight, mixture.alpha, mixture.beta, correlation)


def _moments(rate: Floats, n: Ints, share: Floats) -> BetaMixture:
    """Beta parameters with the weighted mean and variance of the rates, less what counting adds to the variance."""
    weight = share.sum(axis=0) + 1e-12
    mean = np.clip(rate @ share / weight, 1e-4, 1 - 1e-4)
    variance = ((rate[:, None] - mean) ** 2 * share).sum(axis=0) / weight
    counting = (1 / n) @ share / weight
    unit = variance / (mean * (1 - mean))
    between = np.clip((unit - counting) / (1 - np.minimum(counting, 0.5)), 1e-4, 0.9)
    size = 1 / between - 1
    return BetaMixture(weight / weight.sum(), mean * size, (1 - mean) * size, 0.0)


class Redraw:
    """Stations drawn again around themselves: component by posterior weight, then their own beta distribution."""

    def __init__(self, mixture: BetaMixture, k: Ints, n: Ints) -> None:
        self.mixture, self.k, self.n = mixture, k, n
        self.edges = np.cumsum(mixture.posterior(k, n), axis=1)[:, :-1]

    def parameters(self, stream: np.random.Generator) -> tuple[Floats, Floats]:
        """Both parameters of each station's beta distribution."""
        part = np.zeros(self.k.size, dtype=np.int64)
        if self.edges.shape[1]:
            part = (stream.random(self.k.size)[:, None] > self.edges).sum(axis=1)
        return self.k + self.mixture.alpha[part], self.n - self.k + self.mixture.beta[part]

    def rates(self, stream: np.random.Generator) -> Floats:
        """One rate per station."""
        out: Floats = stream.beta(*self.parameters(stream))
        return out
