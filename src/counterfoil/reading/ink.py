"""What a pen left in a field: darkness against the paper, without printed lines, on a scale that the sheet itself sets.

All functions work on a canvas: one field, upright and flat, `FIELD_PX` high, with `MARGIN_PX` around it.

* Darkness is measured against the paper beside it, so shadow and tinted paper do not count.
* Print in light colours (yellow dots, pink watermarks) is bright in red light, and blue and black pens are dark in it.
* A printed line (`lines`) is taken out only where no stroke crosses it.
* What is faint on a sheet of strong strokes (guide digits, the next sheet shining through) is no ink; where all strokes
  are faint, they are the ink.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.reading.belief import Box, Grey, Ink, Rgb
from counterfoil.reading.layout import MARGIN_PX

NOISE = 0.05
"""Darkness below which nothing is told from paper."""
DEEP_PX = 26
"""Rows (or columns) of the field from which a mark is the field's own; tails of neighbours are shorter."""
CRUMB_PX = 110
"""Area; the smallest digit has three times as much."""
Mask = NDArray[np.bool_]
Path = NDArray[np.intp]
"""For every row (or column) of a canvas, the place of a line across."""


@dataclass(frozen=True, slots=True)
class Darkness:
    """0 paper to 1 black, twice: in any light (prints of all colours) and in the light that shows pens."""

    any_light: Ink
    pen: Ink


def darkness(image: Rgb) -> Darkness:
    """How much darker than the paper beside it each pixel is."""
    red, green, blue = (_against_paper(image[:, :, channel]) for channel in range(3))
    # A red pen is bright in red light too; print in strong red is rarer than a red pen is.
    reddish = image[:, :, 0].astype(np.int16) - image[:, :, 1]
    pen = np.where(reddish > 90, np.minimum(green, blue), red)
    return Darkness(np.maximum(np.maximum(red, green), blue), pen.astype(np.float32, copy=False))


def _against_paper(channel: Grey) -> Ink:
    height, width = channel.shape
    small = cv2.resize(channel, (max(2, width // 4), max(2, height // 4)), interpolation=cv2.INTER_AREA)
    paper = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    paper = cv2.GaussianBlur(cv2.medianBlur(paper, 5), (0, 0), 3)
    level = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    return np.clip(1 - channel.astype(np.float32) / np.maximum(level, 1), 0, 1).astype(np.float32, copy=False)


def without_lines(pen: Ink, across: Sequence[Path], down: Sequence[Path]) -> Ink:
    """`pen` without printed lines; where a stroke crosses a line it stays.

    Two rounds: the first leaves dots where lines cross each other, because there each looks like a stroke to the other.
    """
    result = pen
    for _ in range(2):
        before, result = result, result.copy()
        for path in across:
            _erase(result.T, before.T, path)
        for path in down:
            _erase(result, before, path)
    near = np.zeros(pen.shape, np.uint8)
    for path in across:
        near[path, np.arange(path.size)] = 1
    for path in down:
        near[np.arange(path.size), path] = 1
    return _without_crumbs(result, cv2.dilate(near, np.ones((15, 15), np.uint8)) > 0)


def _without_crumbs(ink: Ink, near: Mask) -> Ink:
    """What is left of a line where lines met: small, and all of it beside a line."""
    marks, labels, stats, _ = cv2.connectedComponentsWithStats((ink > NOISE).astype(np.uint8), connectivity=8)
    area = stats[:, cv2.CC_STAT_AREA]
    beside = np.bincount(labels[near], minlength=marks)
    crumbs = (area <= CRUMB_PX) & (beside >= 0.9 * area)
    crumbs[0] = False
    return np.asarray(np.where(crumbs[labels], 0, ink), np.float32)


def _erase(result: Ink, pen: Ink, path: Path) -> None:
    """Takes one path out of `result`; both are changed along rows, `path` gives the column."""
    height, width = pen.shape
    reach = 7
    columns = path[:, None] + np.arange(-reach, reach + 1)
    inside = (columns >= 0) & (columns < width)
    values = np.where(inside, pen[np.arange(height)[:, None], np.clip(columns, 0, width - 1)], 0)
    middle = np.median(values, axis=0)
    # The line's own profile, seen where nothing crosses it: its darkness and thickness.
    line = middle > max(NOISE / 2, middle.max() * 0.3)
    left = reach
    while left > reach - 5 and line[left - 1]:
        left -= 1
    right = reach
    while right < reach + 5 and line[right + 1]:
        right += 1
    # A stroke shows beside the line, on both sides of it; one side alone touches it and ends there.
    floor = max(NOISE, float(middle[reach]) * 0.5)
    beside_left = values[:, max(0, left - 3) : max(0, left - 1)].max(axis=1, initial=0) > floor
    beside_right = values[:, right + 2 : right + 4].max(axis=1, initial=0) > floor
    # A slanted stroke leaves on one side some rows below where it came in on the other.
    slant = np.ones((2 * (right - left + 1) + 1, 1), np.uint8)
    crossing = (_grown(beside_left, slant) & beside_right) | (beside_left & _grown(beside_right, slant))
    between = _grown(crossing, np.ones((right - left + 3, 1), np.uint8))
    rows = np.flatnonzero(~between)
    for column in range(max(0, left - 2), min(2 * reach, right + 2) + 1):
        at = columns[rows, column]
        good = (at >= 0) & (at < width)
        result[rows[good], at[good]] = 0


def without_print(pen: Ink, print_: Ink) -> Ink:
    """What ink lets through on top of print: both take their part of the light, so 1 - pen = (1 - ink) (1 - print)."""
    return np.clip((pen - print_) / np.maximum(1 - print_, 0.2), 0, 1).astype(np.float32, copy=False)


def _grown(rows: Mask, by: NDArray[np.uint8]) -> Mask:
    return np.asarray(cv2.dilate(rows.astype(np.uint8)[:, None], by)[:, 0] > 0)


def print_over(template: Ink, photo: Ink) -> Ink:
    """Darkness of print as `photo` shows it, from the same field of a blank template.

    Moved by up to 3 pixels to where it fits best, made as dark as it is in the photo, and a pixel wider: print that
    stays at an edge would pass for a stroke.
    """
    play = 3
    inner = template[play:-play, play:-play]
    if float(inner.std()) < 1e-3 or float(photo.std()) < 1e-3:
        return np.zeros_like(photo)
    scores = cv2.matchTemplate(photo, inner, cv2.TM_CCOEFF_NORMED)
    _, _, _, (x, y) = cv2.minMaxLoc(scores)
    move = np.array([[1, 0, x - play], [0, 1, y - play]], np.float32)
    size = (photo.shape[1], photo.shape[0])
    moved = cv2.warpAffine(template, move, size, borderMode=cv2.BORDER_REPLICATE)
    strong = moved > max(0.1, 0.5 * float(np.percentile(moved, 99)))
    # Of print under ink the photo is darker; the lower half of all shows print alone.
    share = float(np.median(photo[strong] / moved[strong])) if strong.any() else 1.0
    wide = cv2.dilate(moved, np.ones((3, 3), np.uint8))
    return np.asarray(np.clip(wide * min(share * 1.1, 2.0), 0, 0.95), np.float32)


def level(inks: Sequence[Ink]) -> float:
    """Darkness of a typical stroke over all fields of a sheet; strokes of one sheet come mostly from one pen."""
    marks = [ink[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX] for ink in inks]
    dark = np.concatenate([mark[mark > NOISE].ravel() for mark in marks]) if marks else np.zeros(0, np.float32)
    if dark.size < 50:
        return 0.5
    return float(max(np.percentile(dark, 85), 2 * NOISE))


def scaled(pen: Ink, typical: float) -> Ink:
    """Ink on the sheet's own scale: 0 below a fifth of a typical stroke, 1 from nine tenths on."""
    low = max(NOISE * 0.8, 0.2 * typical)
    return np.asarray(np.clip((pen - low) / max(0.9 * typical - low, 0.02), 0, 1), np.float32)


def own_marks(ink: Ink) -> Ink:
    """Without marks that belong to the neighbours: little of them lies in the field, and near its edge.

    A mark that reaches far into the field is one of its own that touches something outside, and only loses that.
    """
    marks, labels = cv2.connectedComponents((ink > 0.25).astype(np.uint8), connectivity=8)
    if marks <= 1:
        return ink
    inner = (slice(MARGIN_PX, -MARGIN_PX), slice(MARGIN_PX, -MARGIN_PX))
    whole = np.bincount(labels.ravel(), weights=ink.ravel(), minlength=marks)
    within = np.bincount(labels[inner].ravel(), weights=ink[inner].ravel(), minlength=marks)
    # Of what comes in over the canvas's edge, more lies outside than is seen.
    over_rows = np.zeros(marks, bool)
    over_rows[labels[[0, -1]]] = True
    over_columns = np.zeros(marks, bool)
    over_columns[labels[:, [0, -1]]] = True
    foreign = (within < whole / 3) | ((over_rows | over_columns) & (within < whole / 2))
    foreign[0] = False
    outside = np.ones(ink.shape, bool)
    outside[inner] = False
    gone = np.zeros(ink.shape, bool)
    for mark in np.flatnonzero(foreign):
        its = labels == mark
        # A long dash that leads into the field is low, but reaches far along it.
        axis = 0 if over_columns[mark] and not over_rows[mark] else 1
        deep = int(its[inner].any(axis=axis).sum()) >= DEEP_PX
        gone |= (its & outside) if deep else its
    near = cv2.dilate(gone.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.asarray(np.where(gone | (near & (labels == 0)), 0, ink), np.float32)


def central(ink: Ink, margin: int) -> Ink:
    """The ink of strokes whose centre lies in the field: figures float over their line, tails come in from others."""
    strong = np.asarray(ink > 0.35, np.uint8)
    count, labels, stats, centres = cv2.connectedComponentsWithStats(strong, connectivity=8)
    high, wide = ink.shape
    keep = np.zeros(count, bool)
    for number in range(1, count):
        x, y = centres[number]
        area = stats[number, cv2.CC_STAT_AREA]
        inside = margin * 0.8 <= y <= high - margin * 0.8 and margin * 0.6 <= x <= wide - margin * 0.6
        keep[number] = inside and area >= 14
    near = cv2.dilate(np.asarray(keep[labels], np.uint8), np.ones((3, 3), np.uint8))
    return np.asarray(np.where(near > 0, ink, 0), np.float32)


def ink_box(ink: Ink, margin: int) -> Box | None:
    """Top, bottom, left and right of the field's own ink; None where there is none."""
    kept = central(ink, margin) > 0.35
    if not kept.any():
        return None
    rows, columns = np.flatnonzero(kept.any(axis=1)), np.flatnonzero(kept.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
