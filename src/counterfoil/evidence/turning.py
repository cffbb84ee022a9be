"""The random turn and bend that part a picture from the sensor that took it.

A sensor's pattern is found by laying its map over the picture, pixel on pixel. A turn and a scale can be searched for;
a bend as paper has it, of a few pixels and different in every picture, leaves no place where more than a small part of
the map fits at once (the idea of Entrieri and Kirchner 2016, "Patch-based desynchronization of digital camera sensor
fingerprints"). Figures, and what it does not promise: docs/evidence.md.

* turn: 0.4 to 0.9 degrees to either side; bend: up to 0.3 % of the longer side, at least 3 and at most 6 pixels,
  changing over 300;
* nothing is cut off: the canvas grows, and is then held to 2,000 pixels; new corners repeat the edge;
* what is drawn is thrown away with the call.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.evidence.picture import Image

MAX_SIDE = 2_000
LEAST_TURN_DEG, MOST_TURN_DEG = 0.4, 0.9
LEAST_BEND_PX, MOST_BEND_PX = 3.0, 6.0
BEND_SHARE = 0.003
"""Of the longer side."""
BEND_OVER_PX = 300
_STEP = 8

Plane = NDArray[np.float32]


def bend_px(width: int, height: int) -> float:
    """By how much each place is moved at most, along each axis."""
    return min(MOST_BEND_PX, max(LEAST_BEND_PX, BEND_SHARE * max(width, height)))


def placed(width: int, height: int, degrees: float) -> tuple[int, int, NDArray[np.float64]]:
    """New width and height, and the 2x3 matrix that takes a place in the new picture to one in the old."""
    sine, cosine = abs(math.sin(math.radians(degrees))), math.cos(math.radians(degrees))
    bend = bend_px(width, height)
    wide, high = width * cosine + height * sine + 2 * bend, width * sine + height * cosine + 2 * bend
    scale = min(1.0, MAX_SIDE / max(wide, high))
    new_width, new_height = math.floor(wide * scale), math.floor(high * scale)
    matrix = np.array(cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, scale), np.float64)
    matrix[:, 2] += (new_width - width) / 2, (new_height - height) / 2
    return new_width, new_height, np.asarray(cv2.invertAffineTransform(matrix), np.float64)


def drawn_turn(random: Callable[[int], bytes]) -> float:
    """Degrees, uniform over both sides."""
    drawn = int.from_bytes(random(8), "big")
    turn = LEAST_TURN_DEG + (drawn >> 1) / (1 << 63) * (MOST_TURN_DEG - LEAST_TURN_DEG)
    return turn if drawn & 1 else -turn


def turned_and_bent(image: Image, random: Callable[[int], bytes]) -> Image:
    """`image` with a random turn and bend. `random(n)` gives n unpredictable bytes."""
    height, width = image.shape[:2]
    new_width, new_height, back = placed(width, height, drawn_turn(random))
    most = bend_px(width, height)
    # Places are computed for every eighth pixel and drawn out between: exact for the turn, near enough for the bend.
    across = _places(new_width)
    down = _places(new_height)[:, None]
    x, y = (
        _drawn_out(_bend(across.size, down.size, most, random) + row[0] * across + row[1] * down + row[2])[
            _STEP : _STEP + new_height, _STEP : _STEP + new_width
        ]
        for row in back
    )
    moved = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return moved.astype(np.uint8, copy=False)


def _places(size: int) -> NDArray[np.float64]:
    """The middles of blocks of eight pixels over `size` pixels, and of one block more on either side."""
    return np.asarray((np.arange(-1, size // _STEP + 2) + 0.5) * _STEP - 0.5, np.float64)


def _drawn_out(coarse: NDArray[np.float64]) -> Plane:
    height, width = coarse.shape
    size = (width * _STEP, height * _STEP)
    return np.asarray(cv2.resize(coarse.astype(np.float32), size, interpolation=cv2.INTER_LINEAR), np.float32)


def _bend(across: int, down: int, most: float, random: Callable[[int], bytes]) -> Plane:
    """Pixels by which each block is moved along one axis: random at the knots, smooth between them."""
    # One knot beyond each edge, so that the rim bends as the middle does.
    knots = (round(down * _STEP / BEND_OVER_PX) + 3, round(across * _STEP / BEND_OVER_PX) + 3)
    drawn = np.frombuffer(random(2 * knots[0] * knots[1]), ">u2").reshape(knots)
    bend = (drawn.astype(np.float32) / 65_535 * 2 - 1) * most
    return np.asarray(cv2.resize(bend, (across, down), interpolation=cv2.INTER_CUBIC), np.float32)
