"""Where did the votes of one election go in the next? A regression of shares over territories.

Rows of the result are the options of the first election (and, if given, not voting), columns those of the second;
each row sums to 1. It is an ecological regression: it describes territories and says nothing about any voter, and it
is wrong where the flows themselves differ between territories.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import nnls

from counterfoil.forensics import plotting
from counterfoil.forensics.arrays import Column, Floats, columns
from counterfoil.forensics.results import Method, Reference, Result, Sample
from counterfoil.primitives.errors import InputError, Refusal

METHOD = Method(
    name="Flow regression",
    question="Which flows between options, the same everywhere, describe both elections best?",
    null="none: a description. Flows are taken to be the same in every territory.",
    minimum="ten territories per option of the first election.",
    innocent=("flows that differ between territories show up as flows that never were",),
    references=(
        Reference(
            "Goodman: Ecological regressions and behavior of individuals. Am. Soc. Rev. 18(6), 1953.", "10.2307/2088121"
        ),
    ),
)
BOOTSTRAPS = 200
SUM_WEIGHT = 1e5
"""Weight of "each row sums to 1" beside the data; the sums then hold to about 1e-10."""


@dataclass(frozen=True)
class Flows(Result):
    """`matrix[i, j]`: part of option i's voters that went to option j, at least 0, each row summing to 1.

    `unconstrained`: plain least squares. `low`, `high`: 95 % of bootstraps over territories. `r2`: part of the
    variance of the second election's shares that is described.
    """

    method = METHOD
    first: tuple[str, ...]
    second: tuple[str, ...]
    matrix: Floats
    unconstrained: Floats
    low: Floats
    high: Floats
    r2: float
    seed: int

    def measured(self) -> str:
        parts = [
            f"{self.matrix[i, j]:.0%} of {name} to {self.second[j]} ({self.low[i, j]:.0%} to {self.high[i, j]:.0%})"
            for i, name in enumerate(self.first)
            for j in (int(self.matrix[i].argmax()),)
        ]
        return f"the flows that describe both elections best are {'; '.join(parts)}."

    def plot(self) -> Figure:
        """The matrix as grouped bars, one group per option of the first election."""
        return plotting.groups(
            list(self.first), 100 * self.matrix, self.second, xlabel="where they went, % of each option before"
        )


def flows(first: Mapping[str, Column], second: Mapping[str, Column], *, seed: int = 1) -> Flows:
    """Constrained least squares of the second election's shares on the first's, over territories.

    Args:
        first, second: votes (or people) per option, one column of territories each; shares are taken of the sum of a
            row's options, so give not voting as an option if it is meant to be one.
        seed: of the bootstrap.

    Raises:
        InputError: a column is no column of counts, lengths differ, a territory without votes.
        Refusal: fewer than ten territories per option, or options of the first election that do not vary independently.
    """
    a = np.stack(list(columns(**first).values()), axis=1).astype(np.float64)
    b = np.stack(list(columns(**second).values()), axis=1).astype(np.float64)
    if a.shape[0] != b.shape[0]:
        raise InputError("second", expected=f"{a.shape[0]} territories as in the first", found=str(b.shape[0]))
    if a.shape[0] < 10 * a.shape[1]:
        raise Refusal(
            (
                f"{METHOD.name}: expected at least {10 * a.shape[1]} territories for {a.shape[1]} options, "
                f"found {a.shape[0]}."
            ),
            code="too-few-territories",
        )
    for name, table in (("first", a), ("second", b)):
        empty = np.flatnonzero(table.sum(axis=1) == 0)
        if empty.size:
            raise InputError(f"{name}, row {empty[0]}", expected="votes", found="none in this territory")
    x, y = a / a.sum(axis=1, keepdims=True), b / b.sum(axis=1, keepdims=True)
    if np.linalg.cond(x) > 1e8:
        raise Refusal(
            (
                f"{METHOD.name}: expected options whose shares vary independently, found columns that "
                "determine each other."
            ),
            code="no-variation",
        )
    matrix = _constrained(x, y)
    stream = np.random.default_rng(seed)
    again = []
    for _ in range(BOOTSTRAPS):
        rows = stream.integers(0, x.shape[0], x.shape[0])
        again.append(_constrained(x[rows], y[rows]))
    low, high = np.quantile(np.stack(again), (0.025, 0.975), axis=0)
    residual, spread = y - x @ matrix, y - y.mean(axis=0)
    return Flows(
        sample=Sample(x.shape[0], {}, "territories"),
        warnings=(),
        first=tuple(first),
        second=tuple(second),
        matrix=matrix,
        unconstrained=np.linalg.lstsq(x, y, rcond=None)[0],
        low=low,
        high=high,
        r2=float(1 - np.square(residual).sum() / np.square(spread).sum()),
        seed=seed,
    )


def _constrained(x: Floats, y: Floats) -> Floats:
    """Least squares with non-negative rows summing to 1: one non-negative problem in all cells, reduced by QR."""
    options, targets = x.shape[1], y.shape[1]
    q, r = np.linalg.qr(x)
    scale = SUM_WEIGHT * float(np.abs(r).max())
    sums = scale * np.kron(np.eye(options), np.ones((1, targets)))
    system = np.concatenate([np.kron(r, np.eye(targets)), sums])
    target = np.concatenate([(q.T @ y).ravel(), np.full(options, scale)])
    solution, _ = nnls(system, target)
    cells = solution.reshape(options, targets)
    out: Floats = cells / cells.sum(axis=1, keepdims=True)
    return out
