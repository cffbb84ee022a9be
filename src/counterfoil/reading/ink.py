"""What a pen left in a field: darkness against the paper, without printed lines, on a scale that the sheet itself sets.

All functions work on a canvas: one field, upright and flat, `FIELD_PX` high, with `MARGIN_PX` around it.

* Darkness is measured against the paper beside it, so shadow and tinted paper do not count.
* Print in light colours (yellow dots, pink watermarks) is bright in red light, and blue and black pens are dark in it.
* A printed line is a path over the whole field that stays dark; it is taken out only where no stroke crosses it.
* What is faint on a sheet of strong strokes (guide digits, the next sheet shining through) is no ink; where all strokes
  are faint, they are the ink.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.reading.belief import Grey, Ink, Rgb

FIELD_PX = 64
MARGIN_PX = 16
MAX_WIDTH_PX = 640
NOISE = 0.05
"""Darkness below which nothing is told from paper."""
LINE_COVER = 0.85
"""Part of a path that must be dark before it is a printed line."""
DOTTED_COVER = 0.5
"""The same for lines between boxes where all of them lie in even distances, as dotted ones do."""
MOST_BOXES = 6

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


@dataclass(frozen=True, slots=True)
class Lines:
    """Printed lines of one canvas: `across` give y for every column, `down` give x for every row."""

    across: tuple[Path, ...]
    down: tuple[Path, ...]
    boxes: int | None
    """Even boxes that the lines `down` make; None where they make none."""


def printed_lines(dark: Ink) -> Lines:
    """The lines of the frame (near the field's edges) and between boxes."""
    height, width = dark.shape
    inner = slice(MARGIN_PX, width - MARGIN_PX)
    rows = slice(MARGIN_PX, height - MARGIN_PX)
    strong = _strong(dark)
    across = []
    for low, high in ((0, MARGIN_PX + 15), (height - MARGIN_PX - 15, height)):
        across += _paths(strong[low:high].T, slice(inner.start, inner.stop), LINE_COVER, apart=6, offset=low)
    down = _paths(strong, rows, LINE_COVER, apart=6, offset=0)
    boxes = _even(strong, rows, inner)
    if boxes is not None:
        at = [MARGIN_PX + (inner.stop - inner.start) * part / boxes for part in range(1, boxes)]
        reach = max(3, round((inner.stop - inner.start) / boxes * 0.15))
        for x in at:
            low = max(0, round(x) - reach)
            found = _paths(strong[:, low : round(x) + reach + 1], rows, DOTTED_COVER, apart=6, offset=low)
            down += [path for path in found if all(np.abs(path - other).mean() > 3 for other in down)]
    return Lines(tuple(across), tuple(down), boxes)


def _strong(dark: Ink) -> Ink:
    """1 where it is clearly darker than the grain of the paper, rising from 0."""
    grain = float(np.median(np.abs(dark - np.median(dark)))) * 1.5
    least = max(NOISE, 4 * grain)
    return np.clip(dark / least - 0.5, 0, 1).astype(np.float32, copy=False)


def _paths(strong: Ink, along: slice, cover: float, *, apart: int, offset: int) -> list[Path]:
    """Dark paths from the first row to the last that move at most one pixel a row, best first, `apart` from each other.

    `along` are the rows over which darkness is asked for. Dynamic programming; ties go straight on.
    """
    height, width = strong.shape
    if width < 3:
        return []
    total = np.zeros((height, width), np.float32)
    came = np.zeros((height, width), np.int8)
    total[0] = strong[0]
    for row in range(1, height):
        before = total[row - 1]
        left = np.concatenate(([-1.0], before[:-1])) - 0.05
        right = np.concatenate((before[1:], [-1.0])) - 0.05
        best = np.stack((before, left, right))
        step = best.argmax(axis=0)
        came[row] = np.array((0, -1, 1), np.int8)[step]
        total[row] = best.max(axis=0) + strong[row]
    found: list[Path] = []
    ends = np.argsort(-total[-1], kind="stable")
    taken = np.zeros(width, bool)
    for end in ends:
        if total[-1][end] < cover * (along.stop - along.start) * 0.5:
            break
        if taken[max(0, end - apart) : end + apart + 1].any():
            continue
        path = np.zeros(height, np.intp)
        path[-1] = end
        for row in range(height - 1, 0, -1):
            path[row - 1] = path[row] + came[row, path[row]]
        dark = strong[np.arange(height), path]
        if float((dark[along] > 0.5).mean()) >= cover and float(np.ptp(path[along])) <= max(6, height * 0.12):
            taken[end] = True
            if all(np.abs(path + offset - other).mean() > 2 for other in found):
                found.append(path + offset)
    return found


def _even(strong: Ink, rows: slice, inner: slice) -> int | None:
    """How many boxes of one width there are: all lines between them must be there."""
    width = inner.stop - inner.start
    best: tuple[float, int] | None = None
    for boxes in range(2, MOST_BOXES + 1):
        # A box for a digit is about as high as wide; twice as narrow, or wider than three heights, it is none.
        if not 0.4 <= width / boxes / FIELD_PX <= 3:
            continue
        reach = max(3, round(width / boxes * 0.13))
        least = 1.0
        for part in range(1, boxes):
            x = inner.start + width * part / boxes
            low = max(0, round(x) - reach)
            found = _paths(strong[:, low : round(x) + reach + 1], rows, DOTTED_COVER, apart=2, offset=low)
            if not found:
                least = 0.0
                break
            dark = strong[np.arange(strong.shape[0]), found[0]][rows]
            least = min(least, float((dark > 0.5).mean()))
        if least >= DOTTED_COVER and (best is None or least > best[0] + 0.05):
            best = (least, boxes)
    return None if best is None else best[1]


def without_lines(pen: Ink, lines: Lines) -> Ink:
    """`pen` without printed lines. Where a stroke crosses a line, or runs along it, what is thicker than it stays."""
    result = pen.copy()
    for path in lines.across:
        _erase(result.T, pen.T, path)
    for path in lines.down:
        _erase(result, pen, path)
    return result


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
    while left > 0 and line[left - 1]:
        left -= 1
    right = reach
    while right < 2 * reach and line[right + 1]:
        right += 1
    # A stroke shows beside the line, on both sides of it; one side alone touches it and ends there.
    floor = max(NOISE, float(middle[reach]) * 0.5)
    beside_left = values[:, max(0, left - 2) : left].max(axis=1, initial=0) > floor
    beside_right = values[:, right + 1 : right + 3].max(axis=1, initial=0) > floor
    crossing = beside_left & beside_right
    crossing = cv2.dilate(crossing.astype(np.uint8)[:, None], np.ones((3, 1), np.uint8))[:, 0] > 0
    rows = np.flatnonzero(~crossing)
    for column in range(max(0, left - 1), min(2 * reach, right + 1) + 1):
        at = columns[rows, column]
        good = (at >= 0) & (at < width)
        result[rows[good], at[good]] = 0


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
    return np.clip((pen - low) / max(0.9 * typical - low, 0.02), 0, 1).astype(np.float32, copy=False)


def own_marks(ink: Ink) -> Ink:
    """Without marks that belong to the neighbours: those of which less than a third lies in the field."""
    marks, labels = cv2.connectedComponents((ink > 0.25).astype(np.uint8), connectivity=8)
    if marks <= 1:
        return ink
    whole = np.bincount(labels.ravel(), weights=ink.ravel(), minlength=marks)
    inner = (slice(MARGIN_PX, -MARGIN_PX), slice(MARGIN_PX, -MARGIN_PX))
    within = np.bincount(labels[inner].ravel(), weights=ink[inner].ravel(), minlength=marks)
    foreign = within < whole / 3
    foreign[0] = False
    cover = cv2.dilate(foreign[labels].astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.where(cover & ~((labels > 0) & ~foreign[labels]), 0, ink).astype(np.float32, copy=False)
