"""What the digits network is given of a field: views of one height, at several scales, paper made 0 and ink 1.

Each view has two channels: darkness against the paper around, and where the field is (1 inside its outline, 0 in the
margin). Training goes through the same functions. Leaves out where crops come from (`crops`) and the network.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.reading.belief import Grey, Rgb

VIEW_HEIGHT = 48
VIEW_WIDTH = 384
STRIDE = 4
"""Pixels of a view for one step of the network."""
Floats = NDArray[np.float32]

_WEIGHTS = np.array([0.65, 0.30, 0.05], np.float32)
_LEAST_CONTRAST = 0.2


def grey_of(image: Rgb) -> Grey:
    """Mostly red: yellow and red print fades, blue and black pens stay."""
    grey: Grey = np.clip(image.astype(np.float32) @ _WEIGHTS + 0.5, 0, 255).astype(np.uint8)
    return grey


def darkness(grey: Grey, margin: int) -> Floats:
    """0 paper to 1 the darkest of the field, whatever the light; at least a fifth of black counts as dark, so that
    noise on an empty field stays noise."""
    small = cv2.resize(grey, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    paper = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8), borderType=cv2.BORDER_REPLICATE)
    paper = cv2.GaussianBlur(paper, (0, 0), 4)
    level = cv2.resize(paper, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    dark = np.clip(1 - grey.astype(np.float32) / np.maximum(level, 20), 0, 1)
    inside = dark[margin : dark.shape[0] - margin, margin : dark.shape[1] - margin]
    most = float(np.quantile(inside[::2, ::2], 0.99)) if inside.size else 0.0
    out: Floats = np.power(np.clip(dark / max(most, _LEAST_CONTRAST), 0, 1), 0.75).astype(np.float32)
    return out


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a crop, in its pixels."""

    left: float
    top: float
    right: float
    bottom: float


def view(dark: Floats, margin: int, window: Window, stretch: float = 1.0) -> Floats:
    """2 x `VIEW_HEIGHT` x width: the window, scaled, sideways `stretch` times more; at most `VIEW_WIDTH` wide (a wider
    one is squeezed)."""
    scale = VIEW_HEIGHT / (window.bottom - window.top)
    steps = round((window.right - window.left) * scale * stretch / STRIDE)
    width = int(np.clip(steps * STRIDE, 4 * STRIDE, VIEW_WIDTH))
    across = width / (window.right - window.left)
    if scale < 1:
        dark = np.asarray(cv2.GaussianBlur(dark, (0, 0), 0.4 / scale), np.float32)
    matrix = np.array([[across, 0, -window.left * across], [0, scale, -window.top * scale]], np.float64)
    matrix[:, 2] += 0.5 * np.array([across - 1, scale - 1])
    seen = cv2.warpAffine(dark, matrix, (width, VIEW_HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    inside = np.zeros((VIEW_HEIGHT, width), np.float32)
    x0, x1 = (margin - window.left) * across, (dark.shape[1] - margin - window.left) * across
    y0, y1 = (margin - window.top) * scale, (dark.shape[0] - margin - window.top) * scale
    inside[max(0, round(y0)) : max(0, round(y1)), max(0, round(x0)) : max(0, round(x1))] = 1
    return np.stack([seen.astype(np.float32), inside])


def whole(dark: Floats) -> Window:
    """The crop with its margins."""
    return Window(0, 0, dark.shape[1], dark.shape[0])


def inner(dark: Floats, margin: int) -> Window:
    """The field with a quarter of its margins."""
    m = margin * 0.75
    return Window(m, m, dark.shape[1] - m, dark.shape[0] - m)


def around(dark: Floats, margin: int, top: float, bottom: float, left: float, right: float, room: float) -> Window:
    """Rows and columns with `room` times their height around them, not so narrow that a wide field gets squeezed."""
    high = max((bottom - top) * (1 + 2 * room), 28.0)
    left, right = max(left - high, margin * 0.5), min(right + high, dark.shape[1] - margin * 0.5)
    high = min(max(high, (right - left) * VIEW_HEIGHT / VIEW_WIDTH), float(dark.shape[0]))
    middle = float(np.clip((top + bottom) / 2, high / 2, dark.shape[0] - high / 2))
    return Window(left, middle - high / 2, right, middle + high / 2)
