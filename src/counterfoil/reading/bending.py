"""How paper bends away from a perspective: a smooth field of shifts, fitted to what was found in places, `bent`.

* The field is a cubic B-spline over an even net of points (`Bend`). It may tilt and stretch freely; what it is drawn
  back from is curving, by second differences of the net.
* A place may be known in one direction only: a piece of a line says how far it lies across itself, not along.
* What disagrees with all others counts little: weights by distance from the field so far (Geman and McClure 1985),
  narrower from round to round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bend:
    """Shifts over a page. Places and shifts in pixels of the template's picture."""

    step: float
    """Distance of the net's points."""
    shifts: Floats
    """rows x columns x 2; the net begins one step left of and above the page."""

    def at(self, points: Floats) -> Floats:
        """Shifts at `points` (n x 2); outside the net as at its edge."""
        return _basis(points, self.step, self.shifts.shape[:2]) @ self.shifts.reshape(-1, 2)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found: at `places` (n x 2) the shift along each direction of `along` (n x 2, of length 1) is `far`."""

    places: Floats
    along: Floats
    far: Floats


def bent(
    size: tuple[float, float],
    step: float,
    found: Measured,
    *,
    stiff: float,
    reaches: Sequence[float],
    start: Bend | None = None,
) -> Bend:
    """The field over a page of `size` (width, height) that fits `found`.

    Args:
        stiff: what a second difference of the net costs, beside a measurement missed by as much.
        reaches: of each round: pixels by which a measurement that is missed counts a quarter.
        start: a field that the first round takes for about right; None: no shift.
    """
    shape = (int(np.ceil(size[1] / step)) + 3, int(np.ceil(size[0] / step)) + 3)
    basis = _basis(found.places, step, shape)
    smooth = stiff * _curving(*shape)
    shifts = np.zeros((shape[0] * shape[1], 2)) if start is None else start.shifts.reshape(-1, 2)
    for reach in reaches:
        missed = ((basis @ shifts) * found.along).sum(axis=1) - found.far
        shifts = _solved(basis, found, 1 / (1 + (missed / reach) ** 2) ** 2, smooth)
    return Bend(step, shifts.reshape(*shape, 2))


def _solved(basis: Floats, found: Measured, weight: Floats, smooth: Floats) -> Floats:
    """Shifts of all points of the net, n x 2, by least squares."""
    count = basis.shape[1]
    normal = np.empty((2, count, 2, count))
    right = np.empty((2, count))
    for one in (0, 1):
        for other in range(one, 2):
            both = weight * found.along[:, one] * found.along[:, other]
            part = basis.T @ (basis * both[:, None])
            normal[one, :, other], normal[other, :, one] = part, part
        normal[one, :, one] += smooth
        right[one] = basis.T @ (weight * found.along[:, one] * found.far)
    whole = normal.reshape(2 * count, 2 * count)
    # A breath of cost on every shift: a field of which nothing is known does not move.
    whole[np.diag_indices(2 * count)] += 1e-6
    return np.asarray(np.linalg.solve(whole, right.ravel()).reshape(2, count).T, np.float64)


def _basis(places: Floats, step: float, shape: tuple[int, ...]) -> Floats:
    """n x points of the net, row by row: what each counts at each place."""
    rows, columns = shape
    result = np.zeros((len(places), rows, columns))
    each = np.arange(len(places))
    (left, across), (top, down) = _cubic(places[:, 0], step, columns), _cubic(places[:, 1], step, rows)
    for below in range(4):
        for beside in range(4):
            result[each, top + below, left + beside] = down[:, below] * across[:, beside]
    return result.reshape(len(places), rows * columns)


def _cubic(places: Floats, step: float, points: int) -> tuple[NDArray[np.intp], Floats]:
    """The first of the four points that count at each place, and by how much each (n x 4)."""
    at = np.clip(places / step, 0, points - 3 - 1e-9)
    first = np.floor(at).astype(np.intp)
    t = at - first
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    return first, np.stack(weights, axis=1) / 6


def _curving(rows: int, columns: int) -> Floats:
    """Sum of squared second differences of the net, across, down and mixed twice, as a matrix over its points."""
    level = np.kron(np.eye(rows), np.diff(np.eye(columns), n=2, axis=0))
    upright = np.kron(np.diff(np.eye(rows), n=2, axis=0), np.eye(columns))
    mixed = np.kron(np.diff(np.eye(rows), axis=0), np.diff(np.eye(columns), axis=0))
    return np.asarray(level.T @ level + upright.T @ upright + 2 * mixed.T @ mixed, np.float64)
