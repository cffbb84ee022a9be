"""Fields seen from straight above: the measures of an outline, and the picture inside it made flat."""

from __future__ import annotations

import cv2
import numpy as np

from counterfoil.reading.belief import Quad, Rgb
from counterfoil.reading.layout import FIELD_PX, MARGIN_PX, MAX_WIDTH_PX

LEAST_SIDE = 2.0
"""Pixels; an outline with a shorter side holds nothing."""


def field_height(quad: Quad) -> float:
    """Mean length of the left and right side, in pixels."""
    corners = np.asarray(quad, np.float64)
    return float(np.linalg.norm(corners[[3, 2]] - corners[[0, 1]], axis=1).mean())


def canvas_width(quad: Quad) -> int:
    """Width of the field in its crop, in pixels of the crop."""
    corners = np.asarray(quad, np.float64)
    wide = float(np.linalg.norm(corners[[1, 2]] - corners[[0, 3]], axis=1).mean())
    return int(np.clip(round(FIELD_PX * wide / max(field_height(quad), LEAST_SIDE)), FIELD_PX // 4, MAX_WIDTH_PX))


def canvas_corners(width: int, margin: int = MARGIN_PX) -> Quad:
    """The field's corners in its canvas."""
    right, bottom = margin + width, margin + FIELD_PX
    return np.array([[margin, margin], [right, margin], [right, bottom], [margin, bottom]], np.float64)


def flattened(image: Rgb, quad: Quad, width: int, margin: int = MARGIN_PX) -> Rgb:
    """The field and its margin as seen from straight above; what lies outside the picture repeats its edge."""
    # Reduced in two steps: bending reads four pixels for one, and would jump over the rest.
    over = int(np.clip(np.ceil(field_height(quad) / FIELD_PX), 1, 6))
    corners = canvas_corners(width, margin) * over
    # Places in outlines are edges of pixels, places in cv2 are their middles.
    turn = cv2.getPerspectiveTransform((corners - 0.5).astype(np.float32), np.asarray(quad, np.float32) - 0.5)
    size = ((width + 2 * margin) * over, (FIELD_PX + 2 * margin) * over)
    flags = cv2.WARP_INVERSE_MAP | (cv2.INTER_LINEAR if over > 1 else cv2.INTER_CUBIC)
    large = cv2.warpPerspective(image, turn, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    if over == 1:
        return large.astype(np.uint8, copy=False)
    small = cv2.resize(large, (size[0] // over, size[1] // over), interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False)


def seen(image: Rgb, quad: Quad) -> float:
    """The part of the field's area inside the picture, 0 to 1."""
    height, width = image.shape[:2]
    corners = np.asarray(quad, np.float64)
    if np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1).min() < LEAST_SIDE:
        return 0.0
    whole = polygon_area(corners)
    return float(min(1.0, polygon_area(inside(corners, width, height)) / max(whole, LEAST_SIDE**2)))


def inside(polygon: Quad, width: float, height: float) -> Quad:
    """The part of a convex polygon within 0 to `width` and 0 to `height` (Sutherland and Hodgman 1974)."""
    points = polygon
    for axis, limit, side in ((0, 0.0, 1), (0, width, -1), (1, 0.0, 1), (1, height, -1)):
        kept: list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = []
        for here, ahead in zip(points, np.roll(points, -1, axis=0), strict=True):
            now, then = side * (here[axis] - limit), side * (ahead[axis] - limit)
            if now >= 0:
                kept.append(here)
            if (now < 0) != (then < 0):
                kept.append(here + (ahead - here) * (now / (now - then)))
        points = np.array(kept, np.float64).reshape(-1, 2)
    return points


def polygon_area(polygon: Quad) -> float:
    """Unsigned, by the shoelace formula."""
    if len(polygon) < 3:
        return 0.0
    ahead = np.roll(polygon, -1, axis=0)
    return float(abs((polygon[:, 0] * ahead[:, 1] - ahead[:, 0] * polygon[:, 1]).sum()) / 2)
