"""Pictures of written signs thinned to the middle of their strokes, as short segments that any pen can draw anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from counterfoil.simulate.glyphs import Glyph


def _thinning_tables() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each of 256 neighbourhoods (bit i: neighbour i, clockwise from above): is the middle taken away?"""
    n = (np.arange(256)[:, None] >> np.arange(8) & 1).astype(bool)
    count = n.sum(axis=1)
    turns = (~n & np.roll(n, -1, axis=1)).sum(axis=1)
    edge = (count >= 2) & (count <= 6) & (turns == 1)
    first = edge & ~(n[:, 0] & n[:, 2] & n[:, 4]) & ~(n[:, 2] & n[:, 4] & n[:, 6])
    second = edge & ~(n[:, 0] & n[:, 2] & n[:, 6]) & ~(n[:, 0] & n[:, 4] & n[:, 6])
    return first, second


def thinned(pictures: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Zhang and Suen, "A fast parallel algorithm for thinning digital patterns", CACM 27 (1984), on a stack at once."""
    p = np.pad(pictures, ((0, 0), (1, 1), (1, 1))).astype(np.uint8)
    steps = [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)]
    h, w = pictures.shape[1:]
    tables = _thinning_tables()
    code = np.empty(pictures.shape, np.uint8)
    while True:
        before = int(p.sum())
        for table in tables:
            code[:] = 0
            for bit, (dy, dx) in enumerate(steps):
                code |= p[:, 1 + dy : 1 + dy + h, 1 + dx : 1 + dx + w] << np.uint8(bit)
            p[:, 1:-1, 1:-1][table[code]] = 0
        if int(p.sum()) == before:
            return p[:, 1:-1, 1:-1].astype(bool)


def traced(picture: NDArray[np.bool_]) -> Glyph:
    """The middle of the strokes of a picture, in heights of the picture: for glyphs that come from fonts."""
    return list(segments(thinned(picture[None])[0], float(picture.shape[0])))


def segments(thin: NDArray[np.bool_], unit: float | None = None) -> NDArray[np.float32]:
    """Neighbouring pixels of a thinned picture as segments, evened out twice, scaled by `unit` pixels or to the unit
    box."""
    ys, xs = np.nonzero(thin)
    if len(xs) < 2:
        return np.array([[[0.5, 0.0], [0.5, 1.0]] if unit is None else [[0.5, 0.5], [0.5, 0.52]]], np.float32)
    index = np.full((thin.shape[0] + 2, thin.shape[1] + 2), -1)
    index[ys + 1, xs + 1] = np.arange(len(xs))
    pairs = []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        other = index[ys + 1 + dy, xs + 1 + dx]
        has = other >= 0
        if dy and dx:  # a diagonal beside a corner pixel would make a small triangle
            has &= (index[ys + 1 + dy, xs + 1] < 0) & (index[ys + 1, xs + 1 + dx] < 0)
        pairs.append(np.stack([np.arange(len(xs))[has], other[has]], axis=1))
    links = np.concatenate(pairs)
    points = np.stack([xs, ys], axis=1).astype(np.float32)
    for _ in range(2):
        total, number = points.copy(), np.ones(len(points), np.float32)
        for a, b in ((0, 1), (1, 0)):
            np.add.at(total, links[:, a], points[links[:, b]])
            np.add.at(number, links[:, a], 1)
        points = total / number[:, None]
    low, high = points.min(axis=0), points.max(axis=0)
    size = unit or max(float((high - low).max()), 1.0)
    points = (points - (low + high) / 2) / size + 0.5
    return np.asarray(points[links], np.float32)
