"""The tabled likelihood of `mixture_smooth` as whole-array operations, for a graphics processor through JAX.

The same rules, tables and sums; only the loop over stations is written for arrays. The functions take their array
module as an argument: NumPy, with which the tests hold it to the compiled loop, or `jax.numpy`, which the extra
`counterfoil[gpu]` brings. On a processor without a graphics card the compiled loop is faster.

Leaves out: stations too small for tables, model bl; they stay on the processor (`mixture`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from counterfoil.forensics.arrays import Floats, Ints
from counterfoil.forensics.mixture_smooth import INVERSE_SIZES, LOWEST, PER_UNIT, SIZE, Rules, make_tables
from counterfoil.primitives.errors import Refusal

CHUNK = 8_192
"""Stations worked on at once: some 30 MB for each array of the sum."""

LogLikelihood = Callable[[int, Floats, Floats], float]
"""From the first so many stations, theta and the logarithms of the three shares."""


def _at(xp: Any, table: Any, places: Any) -> Any:
    """Linear interpolation; 0 outside the table."""
    place = (places - LOWEST) * PER_UNIT
    inside = (place >= 0) & (place < SIZE - 1)
    left = xp.clip(place, 0, SIZE - 2).astype(np.int64)
    found = table(left) + (place - left) * (table(left + 1) - table(left))
    return xp.where(inside, found, 0.0)


def log_sum(xp: Any, part: tuple[Any, ...], tables: tuple[Any, ...], log_pi: Any) -> Any:
    """The mixture's log likelihood of some stations.

    Args:
        part: a/n, log p and its weights, log q and its weights, log scale, row of INVERSE_SIZES, place behind that row.
        tables: those of `make_tables`.
    """
    left, log_p, p_weight, log_q, q_weight, log_scale, row, blend = part
    turnout, vote, votes, counts = tables
    log_c = xp.log1p(-left)[:, None]
    first = (p_weight * _at(xp, lambda i: turnout[i], log_p)).sum(axis=1)
    second = (q_weight * _at(xp, lambda i: vote[i], log_q - log_c)).sum(axis=1)
    total = xp.exp(log_pi[0]) * first * second
    for k in range(2):
        low, high = counts[k][row], counts[k][row + 1]
        rule = (low + blend[:, None, None] * (high - low)).reshape(left.shape[0], -1, 3, 3)
        log_kept, inverse, weight = rule[:, :, 0], rule[:, :, 1], rule[:, :, 2]
        c = 1 - left[:, None, None] * inverse
        log_c = xp.log(xp.maximum(c, 1e-300))
        made = p_weight[:, None, None] * _at(xp, lambda i: turnout[i], log_p[:, None, None] - log_kept[..., None])

        def of_votes(i: Any, table: Any = votes[k]) -> Any:
            at = row[:, None, None, None]
            return table[at, i] + blend[:, None, None, None] * (table[at + 1, i] - table[at, i])

        moved = q_weight[:, None, None] * _at(xp, of_votes, log_q[:, None, None] - log_c[..., None])
        terms = weight * made.sum(axis=-1) * moved.sum(axis=-1)
        total = total + xp.exp(log_pi[k + 1]) * xp.where(c > 0, terms, 0.0).sum(axis=(1, 2))
    return (xp.log(xp.maximum(total, 1e-300)) + log_scale).sum()


def parts(of: Rules) -> tuple[Floats | Ints, ...]:
    """The columns that `log_sum` takes."""
    inverse = 1 / of.n
    row = np.clip(np.searchsorted(INVERSE_SIZES, inverse) - 1, 0, INVERSE_SIZES.size - 2)
    blend = (inverse - INVERSE_SIZES[row]) / (INVERSE_SIZES[row + 1] - INVERSE_SIZES[row])
    return of.left, of.log_p, of.p_weight, of.log_q, of.q_weight, of.log_scale, row.astype(np.int64), blend


def on_device(of: Rules, device: str) -> LogLikelihood:
    """The likelihood on a device of JAX ("gpu", "cpu"), with the stations' rules kept there.

    Raises:
        Refusal: the extra is not installed, or JAX has no such device.
    """
    try:
        jax: Any = importlib.import_module("jax")
    except ImportError as error:
        raise Refusal(
            'device: expected the extra for graphics processors, found none; pip install "counterfoil[gpu]".',
            code="extra-missing",
        ) from error
    # Single precision would lose the digits in which two likelihoods of a national election differ.
    jax.config.update("jax_enable_x64", True)
    try:
        place = jax.devices(device)[0]
    except RuntimeError as error:
        raise Refusal(f"device: expected {device} in JAX, found none.", code="no-device") from error
    summed = jax.jit(lambda part, tables, log_pi: log_sum(jax.numpy, part, tables, log_pi))
    columns = [jax.device_put(column, place) for column in parts(of)]

    def likelihood(stations: int, theta: Floats, log_pi: Floats) -> float:
        tables = tuple(jax.device_put(table, place) for table in make_tables(theta))
        at = jax.device_put(log_pi, place)
        whole = 0.0
        for first in range(0, stations, CHUNK):
            rows = slice(first, min(first + CHUNK, stations))
            whole += float(summed(tuple(column[rows] for column in columns), tables, at))
        return whole

    return likelihood
