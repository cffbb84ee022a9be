"""Pages with hardly any print, found by the lines of their table alone: `grid`, `laid`.

A cut-out of a table has no text to know it by. Its lines across and down are drawn out of both pictures, as two maps,
and laid over each other: coarsely for every place, size and turn (by Fourier transform), then line by line.

* Both ways are counted: lines of the page that the photo has, and lines of the photo that the page has. A foreign table
  has lines too many or too few.
* Rows lie in even distances, so a table fits a row higher nearly as well. The next best place must be clearly worse.
* Lines across that leave the picture do not say how wide they are: as wide as high, but for a little (`_STIFF`).
* Such a page must fill most of the photo, and most of it must be seen: nothing else tells a table within a page.
* What people write in fields is left out on the side of the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from counterfoil.reading.alignment import darkened
from counterfoil.reading.belief import Grey, Ink, Quad
from counterfoil.reading.features import Homography, implausible, projected

SIDE = 500
"""Longest side of both pictures while lines are laid over each other, in pixels."""
MIN_ALIKE = 0.66
"""Right cut-outs reach 0.71 and more, any page of another form at most 0.56 (docs/reading.md)."""
MIN_APART = 0.015
"""By which the next best place must be worse."""
MIN_SEEN = 0.5
"""Part of the page's lines that must lie in the photo."""
MIN_FILLED = 0.45
"""Part of the photo that the page must cover."""

_COARSE = 0.4
_SIZES = np.geomspace(0.75, 1.35, 9)
_TURNS_DEG = (-8.0, -4.0, 0.0, 4.0, 8.0)
_LINE_PX = 31
_TILTS = np.deg2rad(np.arange(-12, 12.1, 2))
_SIDE_STEP = 3
_TRIED = 8
_PLACES_EACH = 3
_APART_PX = 14
_OTHER_PX = 20
_REACHES = (12, 10, 8, 6, 4, 4)
_ON = 0.35
"""Strength from which a pixel counts as part of a line."""
_NEAR = 3
_STIFF = (0.003, 0.02, 0.01, 0.02)
"""By how much each step may make a table wider than high, slanted, and seen from the side (two ways), in parts of
its size: strokes drawn aslant through unused rows would pull it narrow."""
_FIELD_LEFT_OUT = (0.96, 0.8)
"""Part of a field's width and height that is left out; its lines stay."""

_RIGHT, _DOWN = np.array([1.0, 0.0]), np.array([0.0, 1.0])

Maps = tuple[Ink, Ink]
"""Lines across and lines down, 0 to 1."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Grid:
    """A page's lines."""

    scale: float
    """Pixels here per pixel of the page's picture."""
    lines: Maps
    keep: Ink
    """0 where people write."""
    points: tuple[Quad, Quad]
    """n x 2: pixels in the middle of lines across, and of lines down."""

    @property
    def size(self) -> tuple[int, int]:
        return self.keep.shape[1], self.keep.shape[0]


@dataclass(frozen=True, slots=True)
class Laid:
    """A page's lines laid over a photo's."""

    turn: Homography
    """Page's picture to photo."""
    alike: float
    """0 to 1, of both counts together."""
    seen: float
    """Part of the page's lines that lies in the photo."""
    off: NDArray[np.float64]
    """Distance of each line's pixel found from its place, in pixels of the photo."""


def grid(grey: Grey, fields: Sequence[Quad]) -> Grid:
    """Lines of a page outside of what is written into its `fields` (pixels of `grey`)."""
    scale, (across, down) = _maps(grey)
    keep = np.ones(across.shape, np.float32)
    for field in fields:
        quad = np.asarray(field, np.float64) * scale
        middle = quad.mean(axis=0)
        inner = middle + (quad - middle) * np.array(_FIELD_LEFT_OUT)
        cv2.fillPoly(keep, [np.round(inner).astype(np.int32)], 0.0)
    lines = (across * keep, down * keep)
    return Grid(scale, lines, keep, (_middles(lines[0], 0), _middles(lines[1], 1)))


def laid(photo: Grey, page: Grid) -> Laid | None:
    """Where the page lies in the photo, whichever way up, or None where its lines don't say so clearly.

    A table is nearly its own mirror image, so every way up is tried, and mirrored too; a mirrored picture has no place.
    """
    scale, upright = _maps(photo)
    height, width = upright[0].shape
    back = np.diag([1 / scale, 1 / scale, 1.0])
    tries: list[tuple[Laid, bool]] = []
    rest = [0.0]
    for mirrored in (False, True):
        lines = (upright[0][:, ::-1], upright[1][:, ::-1]) if mirrored else upright
        for turned_lines, turned in _quarters(lines, width, height):
            found, other = _best(page, turned_lines)
            rest.append(other)
            if found is not None:
                tries.append((replace(found, turn=turned @ found.turn), mirrored))
    if not tries:
        return None
    tries.sort(key=lambda one: -one[0].alike)
    (best, mirrored), others = tries[0], [found.alike for found, _ in tries[1:]]
    clear = best.alike - max(*rest, *others) >= MIN_APART
    if mirrored or not clear or best.alike < MIN_ALIKE or best.seen < MIN_SEEN:
        return None
    turn = back @ best.turn @ np.diag([page.scale, page.scale, 1.0])
    return Laid(turn / turn[2, 2], best.alike, best.seen, best.off / scale)


def _quarters(upright: Maps, width: int, height: int) -> Iterator[tuple[Maps, Homography]]:
    """The maps as they are, upside down and on either side, each with what carries its pixels back."""
    w, h = width - 1, height - 1
    backs = {
        0: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        2: [[-1, 0, w], [0, -1, h], [0, 0, 1]],
        1: [[0, -1, w], [1, 0, 0], [0, 0, 1]],
        3: [[0, 1, 0], [-1, 0, h], [0, 0, 1]],
    }
    for quarter, turned in backs.items():
        across, down = upright if quarter % 2 == 0 else upright[::-1]
        lines = np.ascontiguousarray(np.rot90(across, quarter)), np.ascontiguousarray(np.rot90(down, quarter))
        yield lines, np.array(turned, np.float64)


def _best(page: Grid, lines: Maps) -> tuple[Laid | None, float]:
    """The best place one way up, in pixels of the maps, and how good the best place beside it is."""
    size = (lines[0].shape[1], lines[0].shape[0])
    tries = [_judged(page, _refined(page, turn, lines), lines) for turn in _coarse(page, lines)]
    tries = [tried for tried in tries if implausible(tried.turn, page.size, size) is None]
    if not tries:
        return None, 0.0
    best = max(tries, key=lambda tried: tried.alike)
    middle = np.array([page.size], np.float64) / 2
    here = projected(best.turn, middle)
    others = [tried.alike for tried in tries if np.abs(projected(tried.turn, middle) - here).max() > _OTHER_PX]
    return best, max(others, default=0.0)


def _maps(grey: Grey) -> tuple[float, Maps]:
    """Scale, and lines; both kinds on the scale of the picture's own clearest lines."""
    scale = SIDE / max(grey.shape)
    # Looked at in twice the size first, or thin lines go under in the paper.
    how = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_CUBIC
    large = cv2.resize(grey, None, fx=2 * scale, fy=2 * scale, interpolation=how).astype(np.uint8, copy=False)
    dark = np.asarray(np.clip(darkened(large) * 2, 0, 1), np.float32)
    small = np.asarray(cv2.resize(dark, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.float32)
    across, down = _across(small), np.ascontiguousarray(_across(np.ascontiguousarray(small.T)).T)
    return scale, (_clear(across), _clear(down))


def _across(dark: Ink) -> Ink:
    """How much darker a piece of a nearly level line through each pixel is than what runs beside it."""
    calm = cv2.GaussianBlur(dark, (0, 0), 0.7)
    best = np.zeros_like(dark)
    for tilt in _TILTS:
        along = cv2.filter2D(calm, -1, _line(float(tilt)), borderType=cv2.BORDER_REPLICATE)
        padded = np.pad(along, ((_SIDE_STEP, _SIDE_STEP), (0, 0)), mode="edge")
        beside = np.maximum(padded[: -2 * _SIDE_STEP], padded[2 * _SIDE_STEP :])
        best = np.maximum(best, along - beside)
    return np.asarray(best, np.float32)


def _line(tilt: float) -> Ink:
    """A kernel: the mean along a line."""
    half = _LINE_PX // 2
    step = np.array([np.cos(tilt), np.sin(tilt)]) * half
    kernel = np.zeros((_LINE_PX, _LINE_PX), np.float32)
    start, end = (tuple(round((half + sign * float(part)) * 16) for part in step) for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_AA, 4)
    high = int(np.ceil(abs(step[1]))) + 1
    rows = kernel[half - high : half + high + 1]
    return np.asarray(rows / rows.sum(), np.float32)


def _clear(lines: Ink) -> Ink:
    least = max(0.03, 0.2 * float(np.percentile(lines, 99.5)))
    return np.asarray(np.clip((lines - least) / least, 0, 1), np.float32)


def _fat(lines: Ink, radius: float) -> Ink:
    """Lines with play to either side."""
    return np.asarray(np.minimum(1, cv2.GaussianBlur(lines, (0, 0), radius) * (1.5 * radius)), np.float32)


def _middles(lines: Ink, axis: int) -> Quad:
    """n x 2: x and y of pixels that are darker than both their neighbours across the line."""
    calm = cv2.GaussianBlur(lines, (0, 0), 1)
    top = (calm >= np.roll(calm, 1, axis)) & (calm > np.roll(calm, -1, axis)) & (lines > 0.4)
    y, x = np.nonzero(top)
    return np.stack((x, y), axis=1).astype(np.float64)


def _coarse(page: Grid, lines: Maps) -> list[Homography]:
    """The most promising places, all sizes and turns, each clearly apart from the others; best first."""
    across, down = (_small(_fat(part, 3)) for part in lines)
    own = [_small(_fat(part, 3)) for part in page.lines] + [_small(page.keep)]
    height, width = across.shape
    shape = (scipy.fft.next_fast_len(int(height * 1.9), True), scipy.fft.next_fast_len(int(width * 2.1), True))

    def there(values: Ink) -> NDArray[np.complex64]:
        return np.asarray(scipy.fft.rfft2(values, shape), np.complex64)

    photo = there(across), there(down), there(across**2 + down**2), there(np.ones_like(across))
    found: list[tuple[float, Homography]] = []
    for size in _SIZES:
        for degrees in _TURNS_DEG:
            matrix, (high, wide) = _turned(own[0].shape, float(size), degrees)
            common_most = min(high, height) * min(wide, width)
            if high > shape[0] or wide > shape[1] or common_most < MIN_FILLED * height * width:
                continue
            level, upright, keep = (np.asarray(cv2.warpAffine(part, matrix, (wide, high)), np.float32) for part in own)
            kept = np.conj(there(keep))
            both = np.conj(there(level)) * photo[0] + np.conj(there(upright)) * photo[1]
            mine = np.conj(there(level**2 + upright**2)) * photo[3]
            common, ours, theirs, area = (
                scipy.fft.irfft2(part, shape) for part in (both, mine, kept * photo[2], kept * photo[3])
            )
            alike = 2 * common / (ours + theirs + 10)
            alike[(area < MIN_FILLED * height * width) | (area < MIN_SEEN * float(keep.sum()))] = 0
            for _ in range(_PLACES_EACH):
                y, x = (int(part) for part in np.unravel_index(int(alike.argmax()), alike.shape))
                score = float(alike[y, x])
                if score <= 0:
                    break
                placed = np.vstack((matrix, (0.0, 0.0, 1.0)))
                placed[:2, 2] += (x if x <= width else x - shape[1], y if y <= height else y - shape[0])
                grow = np.diag([1 / _COARSE, 1 / _COARSE, 1.0])
                found.append((score, grow @ placed @ np.linalg.inv(grow)))
                rows, columns = np.arange(y - 6, y + 7) % shape[0], np.arange(x - 6, x + 7) % shape[1]
                alike[np.ix_(rows, columns)] = 0
    return _apart(page, found)


def _small(values: Ink) -> Ink:
    how = cv2.INTER_AREA
    return np.asarray(cv2.resize(values, None, fx=_COARSE, fy=_COARSE, interpolation=how), np.float32)


def _turned(shape: tuple[int, ...], size: float, degrees: float) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """What turns and sizes a picture, moved so that all of it is seen; and the height and width it then has."""
    matrix = np.array(cv2.getRotationMatrix2D((0, 0), degrees, size), np.float64)
    corners = np.array([[0, 0], [shape[1], 0], [shape[1], shape[0]], [0, shape[0]]]) @ matrix[:, :2].T
    matrix[:, 2] = -corners.min(axis=0)
    wide, high = np.ceil(np.ptp(corners, axis=0)).astype(int)
    return matrix, (int(high), int(wide))


def _apart(page: Grid, found: list[tuple[float, Homography]]) -> list[Homography]:
    width, height = page.size
    marks = np.array([[width / 2, height * part] for part in (0.2, 0.5, 0.8)])
    chosen: list[Homography] = []
    places: list[Quad] = []
    for _, turn in sorted(found, key=lambda one: -one[0]):
        place = projected(turn, marks)
        if all(np.abs(place - other).max() > _APART_PX for other in places):
            chosen.append(turn)
            places.append(place)
        if len(chosen) == _TRIED:
            break
    return chosen


def _refined(page: Grid, turn: Homography, lines: Maps) -> Homography:
    """`turn` moved, line by line, to where the photo's lines are: least squares on distances across each line."""
    calm = [np.asarray(cv2.GaussianBlur(part, (0, 0), 1), np.float32) for part in lines]
    middle, unit = np.array(page.size, np.float64) / 2, max(page.size) / 2
    for reach in _REACHES:
        rows, offs = [np.diag([0.0] * 4 + [1 / part for part in _STIFF])], [np.zeros(8)]
        for axis in (0, 1):
            points = page.points[axis][::3]
            found = _beside(turn, points, axis, calm[axis], reach)
            good = found.inside & (found.strength > 0.3)
            points, normal, off = points[good], found.normal[good], found.off[good]
            if not len(points):
                continue
            here = projected(turn, points)
            right = (normal * (projected(turn, points + _RIGHT) - here)).sum(axis=1) * unit
            below = (normal * (projected(turn, points + _DOWN) - here)).sum(axis=1) * unit
            x, y = ((points - middle) / unit).T
            one, none = np.ones_like(x), np.zeros_like(x)
            # Moved along; size; turn; moved down; wider than high; slanted; two ways of perspective.
            along = np.stack((one, x, -y, none, x, y, -x * x, -x * y), axis=1)
            down = np.stack((none, y, x, one, -y, x, -x * y, -y * y), axis=1)
            weight = np.sqrt(1 / (1 + (off / 2) ** 2) / 10)
            rows.append((right[:, None] * along + below[:, None] * down) * weight[:, None])
            offs.append(off * weight)
        by = np.linalg.lstsq(np.vstack(rows), np.concatenate(offs), rcond=None)[0]
        moved = np.array(
            [[1 + by[1] + by[4], by[5] - by[2], by[0]], [by[2] + by[5], 1 + by[1] - by[4], by[3]], [by[6], by[7], 1]]
        )
        norm = np.array([[1 / unit, 0, -middle[0] / unit], [0, 1 / unit, -middle[1] / unit], [0, 0, 1]])
        turn = turn @ np.linalg.inv(norm) @ moved @ norm
        turn = turn / turn[2, 2]
    return turn


@dataclass(frozen=True, slots=True)
class _Beside:
    """For each of n points of a page's lines: the photo's line beside it."""

    normal: Quad
    """n x 2: across the line, in the photo."""
    off: NDArray[np.float64]
    """How far along `normal`."""
    strength: Ink
    inside: Mask


def _beside(turn: Homography, points: Quad, axis: int, lines: Ink, reach: int) -> _Beside:
    here = projected(turn, points)
    along = projected(turn, points + (_RIGHT if axis == 0 else _DOWN)) - here
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    normal = np.stack((-along[:, 1], along[:, 0]), axis=1)
    steps = np.arange(-reach, reach + 0.1, 0.5)
    places = (here[:, None] + steps[None, :, None] * normal[:, None]).astype(np.float32)
    strength = np.zeros((len(points), len(steps)), np.float32)
    if len(points):
        strength = np.asarray(cv2.remap(lines, places[..., 0], places[..., 1], cv2.INTER_LINEAR), np.float32)
    near = (strength * np.exp(-0.5 * (steps / (0.8 * reach)) ** 2)).argmax(axis=1)
    return _Beside(normal, steps[near], strength[np.arange(len(near)), near], _within(here, lines.shape))


def _within(points: Quad, shape: tuple[int, ...]) -> Mask:
    """Which points lie in a picture, two pixels from its edge or more."""
    return np.asarray(((points >= 2) & (points < np.array([shape[1], shape[0]]) - 2)).all(axis=1), np.bool_)


def _judged(page: Grid, turn: Homography, lines: Maps) -> Laid:
    """How well both fit: the harmonic mean of what each has of the other's lines."""
    ours, inside, offs = 0, 0, []
    theirs, around = 0, 0
    back = np.asarray(np.linalg.inv(turn), np.float64)
    for axis in (0, 1):
        found = _beside(turn, page.points[axis], axis, _fat(lines[axis], 1.2), _NEAR)
        there = found.inside & (found.strength > _ON)
        ours, inside = ours + int(there.sum()), inside + int(found.inside.sum())
        offs.append(np.abs(found.off[there]))
        places = projected(back, _middles(lines[axis], axis))
        places = places[_within(places, page.keep.shape)].astype(np.intp)
        x, y = places[page.keep[places[:, 1], places[:, 0]] > 0.5].T
        wide = cv2.dilate(_fat(page.lines[axis], 1.5), np.ones((5, 5), np.uint8))
        theirs, around = theirs + int((wide[y, x] > _ON).sum()), around + len(x)
    all_points = sum(len(points) for points in page.points)
    first, second = ours / max(inside, 1), theirs / max(around, 1)
    alike = 2 * first * second / max(first + second, 1e-9)
    return Laid(turn, alike, inside / max(all_points, 1), np.concatenate(offs))
