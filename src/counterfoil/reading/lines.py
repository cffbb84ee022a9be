"""Printed lines and guide digits in fields of one size, found without a template: `Printed`, `printed`.

A sheet prints the same frame around every field of a column; people write something else in each. So fields of one size
are laid over each other, and what stands in the same place in nearly all of them is print.

* `stack` is fields x height x width: darkness in any light (`ink.darkness`), all canvases of one size.
* A line is a path over the whole field that moves at most a pixel at each step (paper curls) and stays dark.
* A line in the inner of a field is believed only where the fields laid over each other show it, or, for a lone field,
  where lines in even distances make boxes of the whole field: a tall 1 is no line.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.reading.belief import Ink
from counterfoil.reading.layout import FIELD_PX, MARGIN_PX

ACROSS_COVER = 0.72
"""Part of a path along the field that must be dark: a row's line is crossed by strokes, and may end between boxes."""
SECOND_COVER = 0.85
"""The same for a second line beside the first."""
ROUGH_PX = 2.5
"""By how much a line may leave its curve: half its thickness."""
SMOOTH_SHARE = 0.85
DOWN_COVER = 0.8
LINE_COVERS = ((9, 0.7), (2, 0.86), (1, 0.9))
"""The same for the mean over at least so many fields, where a line between boxes is looked for: strokes that stand in
the same place in a few fields reach 0.8, in many they do not (docs/reading.md)."""
OWN_COVER = 0.55
"""What each field must then show of a line that all share."""
SURE_COVER = 0.92
MOST_BOXES = 6
TILT_PX = 24
"""A tilted row's line may come this far into the field at one end; half way stand dashes that people draw."""
EDGE_PX = 13
"""A line of the frame is looked for this far from the outline's side."""
EVEN = 0.13
"""Part of a box by which a line may miss its even place: outlines are drawn by hand."""
GUIDES_FROM = 9
"""Boxes of one size from which on print inside them (guide digits) can be told from writing."""

_REACH = 5
Paths = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Printed:
    """Print in a stack of fields; `across` and `down` hold one entry per line: which field, and its path."""

    boxes: int | None
    across: list[tuple[int, Paths]]
    """Field, and y for every column."""
    down: list[tuple[int, Paths]]
    """Field, and x for every row."""


def printed(stack: Ink, boxes: int | None) -> Printed:
    """Lines of the frames and between boxes. `boxes`: where the number is known, it is not looked for."""
    fields, height, width = stack.shape
    strong_down = _ridges(stack, axis=2)
    strong_across = _ridges(stack, axis=1)
    rows, columns = slice(MARGIN_PX, height - MARGIN_PX), slice(MARGIN_PX, width - MARGIN_PX)
    across: list[tuple[int, Paths]] = []
    reach = MARGIN_PX + TILT_PX
    for low, high, edge in ((0, reach, MARGIN_PX), (height - reach, height, height - MARGIN_PX)):
        window = strong_across[:, low:high].transpose(0, 2, 1).copy()
        for least in (ACROSS_COVER, SECOND_COVER):
            paths, cover = _seams(window, columns)
            for field in np.flatnonzero(cover >= least):
                near = abs(float(paths[field][columns].mean()) + low - edge) <= MARGIN_PX
                if near and _smooth(paths[field], columns):
                    across.append((int(field), paths[field] + low))
            _blot(window, paths)
    shared = _shared(strong_down, rows)
    if boxes is None:
        boxes = _boxes(shared, width, fields)
    down: list[tuple[int, Paths]] = []
    for x, own in _down_places(shared, width, fields, boxes):
        low, high = max(0, x - _REACH), min(width, x + _REACH + 1)
        paths, cover = _seams(strong_down[:, :, low:high], rows)
        for field in np.flatnonzero(cover >= own):
            if _smooth(paths[field], rows):
                down.append((int(field), paths[field] + low))
    return Printed(boxes, across, down)


def _ridges(stack: Ink, axis: int) -> Ink:
    """0 to 1: how clearly each pixel is darker than what lies to both sides; gaps of dotted lines closed."""
    result = np.empty_like(stack)
    for field, dark in enumerate(stack):
        calm = cv2.GaussianBlur(dark, (3, 3), 0)
        # Lines are 2 to 10 pixels thick here: small photos are enlarged.
        ridge = np.maximum.reduce(
            [calm - (np.roll(calm, far, axis - 1) + np.roll(calm, -far, axis - 1)) / 2 for far in (4, 8)]
        )
        grain = float(np.median(np.abs(ridge))) * 1.5
        # A little more where it is darkest: paths shall run along the middle of a thick line.
        strength = (np.clip(ridge / max(0.03, 3 * grain), 0, 1) + 0.1 * calm).astype(np.float32)
        along = np.ones((9, 1) if axis == 2 else (1, 9), np.uint8)
        result[field] = cv2.morphologyEx(strength, cv2.MORPH_CLOSE, along)
    return result


def _shared(strong: Ink, rows: slice) -> NDArray[np.float32]:
    """For every column, the part of the rows that is dark there in the mean of all fields, two pixels of play."""
    wide = np.stack([cv2.dilate(field, np.ones((1, 5), np.uint8)) for field in strong])
    mean = np.minimum(wide[:, rows], 1).mean(axis=0)
    return np.asarray(mean.mean(axis=0), np.float32)


def _least(fields: int) -> float:
    return next(cover for many, cover in LINE_COVERS if fields >= many)


def _boxes(shared: NDArray[np.float32], width: int, fields: int) -> int | None:
    """The number of boxes of one width whose inner lines are all there; of several, the most boxes."""
    least = _least(fields)
    scores: dict[int, float] = {}
    inner = width - 2 * MARGIN_PX
    for boxes in range(2, MOST_BOXES + 1):
        # A box for a digit is about as high as wide; under two fifths of that, or over three times, it is none.
        if not 0.4 <= inner / boxes / FIELD_PX <= 3:
            continue
        reach = max(3, round(inner / boxes * EVEN))
        places = [round(MARGIN_PX + inner * part / boxes) for part in range(1, boxes)]
        scores[boxes] = min(float(shared[x - reach : x + reach + 1].max()) for x in places)
    good = [boxes for boxes, score in scores.items() if score >= least and score >= max(scores.values()) - 0.1]
    # One line in the middle may be strokes of digits that stand in the same place in a few fields.
    return max((boxes for boxes in good if boxes > 2 or (fields > 2 and scores[2] >= SURE_COVER)), default=None)


def _down_places(shared: NDArray[np.float32], width: int, fields: int, boxes: int | None) -> list[tuple[int, float]]:
    """Where lines down may be, and how much of one each field must show."""
    edges = (MARGIN_PX, width - MARGIN_PX)
    sides = [x for x in _peaks(shared, DOWN_COVER) if min(abs(x - edge) for edge in edges) <= EDGE_PX]
    sides += [edge for edge in edges if all(abs(edge - x) > 5 for x in sides)]
    places = [(x, DOWN_COVER) for x in sides]
    if boxes is not None:
        box = (width - 2 * MARGIN_PX) / boxes
        peaks = _peaks(shared, _least(fields))
        near = [x for x in peaks if abs((x - MARGIN_PX) / box - round((x - MARGIN_PX) / box)) <= EVEN + 0.02]
        return places + [(x, OWN_COVER) for x in near]
    # Boxes that begin or end elsewhere than the outline: at least four lines, all in one distance.
    peaks = _peaks(shared, SURE_COVER)
    steps = np.diff(peaks)
    if len(peaks) >= 4 and float(np.ptp(steps)) <= 0.1 * float(steps.mean()):
        places += [(x, DOWN_COVER) for x in peaks]
    return places


def _peaks(shared: NDArray[np.float32], least: float) -> list[int]:
    """Places of lines, from left to right, more than 5 pixels apart."""
    line = shared.copy()
    found: list[int] = []
    while line.size and float(line.max()) >= least and len(found) < 4 * MOST_BOXES:
        highest = np.flatnonzero(line >= line.max() - 0.01)
        # The middle of the plateau that two pixels of play make.
        first = highest[0]
        run = highest[highest - first == np.arange(highest.size)]
        x = int(run[len(run) // 2])
        found.append(x)
        line[max(0, x - 5) : x + 6] = 0
    return sorted(found)


def _seams(strong: Ink, along: slice) -> tuple[Paths, NDArray[np.float64]]:
    """The darkest path from the first row to the last of each field, and the part of it, in `along`, that is dark.

    Dynamic programming over all fields at once; a step aside costs a little, so ties go straight on.
    """
    fields, height, width = strong.shape
    came = np.zeros((height, fields, width), np.int8)
    edged = np.full((fields, width + 2), -1e3, np.float32)
    total = edged[:, 1:-1]
    total[:] = strong[:, 0]
    for row in range(1, height):
        aside = edged - np.float32(0.05)
        left, right = aside[:, :-2], aside[:, 2:]
        best = np.maximum(left, right)
        came[row] = (total < best) * (1 - 2 * (left >= right))
        total[:] = np.maximum(total, best) + strong[:, row]
    paths = np.zeros((fields, height), np.intp)
    paths[:, -1] = total.argmax(axis=1)
    every = np.arange(fields)
    for row in range(height - 1, 0, -1):
        paths[:, row - 1] = paths[:, row] + came[row, every, paths[:, row]]
    values = np.take_along_axis(strong, paths[:, :, None], axis=2)[:, along, 0]
    return paths, (values > 0.5).mean(axis=1)


def _smooth(path: Paths, along: slice) -> bool:
    """Whether it runs as printed lines do, straight or in one bend; tops of digits in a row go up and down."""
    places = path[along].astype(np.float64)
    where = np.linspace(-1, 1, places.size)
    basis = np.stack((np.ones_like(where), where, where**2), axis=1)
    good = np.ones(places.size, bool)
    for _ in range(3):
        curve = basis @ np.linalg.lstsq(basis[good], places[good], rcond=None)[0]
        off = np.abs(places - curve)
        good = off <= max(ROUGH_PX, float(np.median(off)))
    return bool((off <= ROUGH_PX).mean() >= SMOOTH_SHARE)


def _blot(window: Ink, paths: Paths) -> None:
    """Takes found paths out of `window`, so that the next line can be found."""
    columns = np.arange(window.shape[2])
    window[np.abs(columns[None, None, :] - paths[:, :, None]) <= 4] = 0


def guides(stack: Ink, boxes: int) -> Ink | None:
    """Darkness of print that stands in every box, for one field, or None where there are too few boxes to tell.

    The lower quartile over all boxes: only what is dark in three boxes of four counts, so no digit does.
    """
    fields, height, width = stack.shape
    if fields * boxes < GUIDES_FROM:
        return None
    edges = np.linspace(MARGIN_PX, width - MARGIN_PX, boxes + 1)
    size = int(edges[1] - edges[0])
    starts = [round(edge) for edge in edges[:-1]]
    cells = np.concatenate([stack[:, :, start : start + size] for start in starts])
    cell = np.quantile(cells, 0.25, axis=0)
    print_ = np.zeros((height, width), np.float32)
    for start in starts:
        print_[:, start : start + size] = cell
    return cv2.dilate(print_, np.ones((3, 3), np.uint8)).astype(np.float32, copy=False)
