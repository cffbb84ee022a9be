"""One field cut out of a photo, upright, with every other field covered: what a third reader sees.

Corners are (right, down) in millionths of the photo, as the field is read: top left, top right, bottom right, bottom
left. The cut has a margin, for hands write over the lines; what else stands there is covered with grey, and so is what
lies outside the photo.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.evidence.picture import Image, encode

WHOLE = 1_000_000
LEAST_HEIGHT, MOST_WIDTH = 120, 1600
"""Pixels of the cut: small fields are enlarged for the eye, not beyond a screen."""
ASIDE, ABOVE = 0.6, 0.35
"""Margin on each side, in heights of the field."""
OVER = 0.12
"""So far beyond its outline a field may write, in its heights, before what lies there counts as another field's."""
COVER = 190
GAP = 12

Corners = Sequence[tuple[int, int]]


def is_field(corners: Corners, width: int, height: int) -> bool:
    """Whether something can be cut out along these corners: convex, going round to the right, a few pixels large, and
    at least half inside the photo."""
    quad = _pixels(corners, width, height)
    turns = [_turn(quad[i], quad[(i + 1) % 4], quad[(i + 2) % 4]) for i in range(4)]
    if min(turns) <= 0 or min(_sides(quad)) < 3:
        return False
    inside = np.clip(quad, 0, [width, height]).astype(np.float32)
    return bool(cv2.contourArea(inside) >= 0.5 * cv2.contourArea(quad.astype(np.float32)))


def cut(image: Image, corners: Corners, others: Iterable[Corners]) -> Image:
    """The field along `corners`, upright; `others` are covered where they are not the field itself.

    The corners are such as `is_field` takes.
    """
    height, width = image.shape[:2]
    quad = _pixels(corners, width, height)
    across, along, _, _ = _sides(quad)
    scale = min(max(1.0, LEAST_HEIGHT / along), MOST_WIDTH / (across + 2 * ASIDE * along))
    tall, wide = along * scale, across * scale
    left, top = ASIDE * tall, ABOVE * tall
    size = (max(8, round(wide + 2 * left)), max(8, round(tall + 2 * top)))
    to = np.array([[left, top], [left + wide, top], [left + wide, top + tall], [left, top + tall]], np.float32)
    way = cv2.getPerspectiveTransform(quad.astype(np.float32), to)
    paper = (COVER, COVER, COVER)
    field = cv2.warpPerspective(image, way, size, flags=cv2.INTER_CUBIC, borderValue=paper)
    cover = np.zeros((size[1], size[0]), np.uint8)
    for other in others:
        there = cv2.perspectiveTransform(_pixels(other, width, height)[None].astype(np.float32), way)[0]
        if np.isfinite(there).all():
            cv2.fillConvexPoly(cover, np.clip(there, -10_000, 10_000).astype(np.int32), 255)
    own = OVER * tall
    cover = cv2.dilate(cover, np.ones((max(1, round(own)) * 2 + 1,) * 2, np.uint8)).astype(np.uint8, copy=False)
    first, last = to[0] - own, to[2] + own
    cover[max(0, int(first[1])) : int(last[1]) + 1, max(0, int(first[0])) : int(last[0]) + 1] = 0
    field[cover > 0] = COVER
    return field.astype(np.uint8, copy=False)


def below_each_other(fields: Sequence[Image]) -> Image:
    """Several cuts as one picture, from top to bottom."""
    width = max(field.shape[1] for field in fields)
    rows: list[Image] = []
    for field in fields:
        row = np.full((field.shape[0] + GAP, width, 3), COVER, np.uint8)
        row[: field.shape[0], : field.shape[1]] = field
        rows.append(row)
    return np.vstack(rows)


def as_jpeg(image: Image) -> bytes:
    """Encoded the one way in which every picture is (`evidence.picture`)."""
    return encode(image)


def _pixels(corners: Corners, width: int, height: int) -> NDArray[np.float64]:
    return np.array(corners, np.float64) * [width / WHOLE, height / WHOLE]


def _sides(quad: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Mean width, mean height, then the smaller of each: lengths in pixels."""
    top, right, bottom, left = (float(np.hypot(*(quad[(i + 1) % 4] - quad[i]))) for i in range(4))
    return (top + bottom) / 2, (left + right) / 2, min(top, bottom), min(left, right)


def _turn(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> float:
    return float((b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]))
