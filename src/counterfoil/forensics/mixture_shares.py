"""Moves of the class shares with all other figures held, at a hundredth of a likelihood's cost.

Once a station's likelihood is known in each of the three classes, any shares cost one weighted sum per station and no
table. So between two likelihoods the shares take a walk of their own (Metropolis within Gibbs). It draws from the
posterior of the shares given the rest, and so leaves the posterior of everything as it is, whatever its number of
steps.

Leaves out: how far a step goes (`mixture_sampler`), and the prior of anything else.
"""

from __future__ import annotations

import math

import numpy as np

from counterfoil.forensics.arrays import Floats
from counterfoil.forensics.mixture_kernel import free

FARTHEST = 30.0
"""Logits of the ratios beyond which the posterior counts as 0."""
_AT_ONCE = 16
"""Factors multiplied before a logarithm is taken: each lies between e^-30 and 3."""


@free
def log_shares(relative: Floats, two: float, three: float) -> float:
    """What the log posterior owes to the shares, up to a constant.

    Args:
        relative: stations x 3, likelihood in each class over that of the likeliest one.
        two, three: logits of r_2 and r_3; the shares are proportional to (1, r_2, r_3), both uniform on (0, 1).
    """
    if abs(two) > FARTHEST or abs(three) > FARTHEST:
        return -np.inf
    r, s = 1 / (1 + math.exp(-two)), 1 / (1 + math.exp(-three))
    whole, product, waiting = 0.0, 1.0, 0
    for i in range(relative.shape[0]):
        product *= relative[i, 0] + r * relative[i, 1] + s * relative[i, 2]
        waiting += 1
        if waiting == _AT_ONCE:
            whole += math.log(product)
            product, waiting = 1.0, 0
    whole += math.log(product)
    # Uniform ratios have density r (1 - r) on the logit scale.
    prior = math.log(r) + math.log(s) - math.log1p(math.exp(two)) - math.log1p(math.exp(three))
    return float(whole - relative.shape[0] * math.log(1 + r + s) + prior)


@free
def walk(by_class: Floats, start: Floats, steps: Floats, levels: Floats) -> tuple[Floats, float]:
    """Where the logits of r_2 and r_3 are after a walk, and how much the log posterior has gained by it.

    Args:
        by_class: stations x 3, log likelihood in each class.
        start: both logits.
        steps: what each step would add, steps x 2.
        levels: logarithm of a uniform number for each step.
    """
    relative = np.empty(by_class.shape)
    for i in range(by_class.shape[0]):
        best = max(by_class[i, 0], by_class[i, 1], by_class[i, 2])
        for k in range(3):
            relative[i, k] = math.exp(by_class[i, k] - best)
    at = start.copy()
    before = here = log_shares(relative, at[0], at[1])
    for j in range(steps.shape[0]):
        two, three = at[0] + steps[j, 0], at[1] + steps[j, 1]
        new = log_shares(relative, two, three)
        if levels[j] < new - here:
            at[0], at[1], here = two, three, new
    return at, here - before
