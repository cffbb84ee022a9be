"""Registered fields moved onto their printed lines: paper curls between the places where print was found.

The field with much around it is laid over the same part of the template, and moved by what makes their lines meet.

* Only straight lines are compared: what was written on either sheet does not pull.
* Where lines run one way only, the field moves across them and not along.
* Ends of a wide field move on their own. Where no line is found, or the gain is small, nothing moves.
"""

from __future__ import annotations

import cv2
import numpy as np

from counterfoil.reading.belief import Ink, Quad, Rgb
from counterfoil.reading.flat import canvas_corners, canvas_width, flattened
from counterfoil.reading.ink import darkness
from counterfoil.reading.layout import FIELD_PX

AROUND_PX = 40
"""Of the canvas, on every side of the field; the play below must leave a field's lines inside."""
PLAY_PX = 20
"""A third of the field's height; further off it would be the next row."""
LINE_PX = 33
"""Shorter runs are strokes, not lines."""
MIN_SCORE = 0.35
NEAR_BEST = 0.96
"""Places this near to the best score are as good; of these the nearest counts."""
MIN_GAIN = 0.03
WIDE = 3.0
"""Width by height from which both ends move on their own."""


def lines_around(template: Rgb, quad: Quad) -> Ink:
    """Printed lines of a field and of what is around it, in the template's picture."""
    return _lines(flattened(template, quad, canvas_width(quad), AROUND_PX))


def snapped(image: Rgb, quad: Quad, wanted: Ink) -> Quad:
    """`quad` (pixels of `image`) moved so that printed lines meet those of `lines_around` the field's own."""
    width = wanted.shape[1] - 2 * AROUND_PX
    seen = _lines(flattened(image, quad, width, AROUND_PX))
    corners = canvas_corners(width, AROUND_PX)
    if width / FIELD_PX >= WIDE:
        middle = wanted.shape[1] // 2
        left = _shift(seen[:, :middle], wanted[:, :middle])
        right = _shift(seen[:, middle:], wanted[:, middle:])
        shifts = np.stack((left, right, right, left))
    else:
        shifts = np.tile(_shift(seen, wanted), (4, 1))
    if not shifts.any():
        return quad
    back = cv2.getPerspectiveTransform(corners.astype(np.float32), np.asarray(quad, np.float32))
    moved = cv2.perspectiveTransform((corners + shifts).reshape(-1, 1, 2), back)
    return np.asarray(moved.reshape(4, 2), np.float64)


def _lines(canvas: Rgb) -> Ink:
    """Straight lines across and down, a little blurred, so that lines a pixel apart still meet."""
    dark = darkness(canvas).any_light
    # A line against what lies beside it; a grey bar is none.
    across = dark - cv2.blur(dark, (1, 13))
    down = dark - cv2.blur(dark, (13, 1))
    long_across = cv2.morphologyEx(np.clip(across, 0, None), cv2.MORPH_OPEN, np.ones((1, LINE_PX), np.uint8))
    long_down = cv2.morphologyEx(np.clip(down, 0, None), cv2.MORPH_OPEN, np.ones((LINE_PX, 1), np.uint8))
    both = cv2.GaussianBlur(np.maximum(long_across, long_down), (0, 0), 1.5)
    return np.asarray(np.minimum(both / max(0.05, float(np.percentile(both, 98))), 1), np.float32)


def _shift(seen: Ink, wanted: Ink) -> Quad:
    """By how much the lines of `wanted` must move to lie on those of `seen`, in pixels of the canvas."""
    inner = wanted[PLAY_PX:-PLAY_PX, PLAY_PX:-PLAY_PX]
    if float(inner.std()) < 0.02 or float(seen.std()) < 0.02:
        return np.zeros(2)
    scores = cv2.matchTemplate(seen, inner, cv2.TM_CCOEFF_NORMED)
    best, still = float(scores.max()), float(scores[PLAY_PX, PLAY_PX])
    if best < MIN_SCORE or best - still < MIN_GAIN:
        return np.zeros(2)
    y, x = np.nonzero(scores >= NEAR_BEST * best)
    away = np.hypot(x - PLAY_PX, y - PLAY_PX)
    nearest = int(away.argmin())
    return np.array([x[nearest] - PLAY_PX, y[nearest] - PLAY_PX], np.float64)
