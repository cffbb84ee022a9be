"""Print laid over print: is this page the one of the template, and where does the paper bend away?

A photo that a perspective made flat is compared with the template tile by tile: each tile with print in it looks for
its place within a few pixels, by normalised correlation.

* Where tiles fit says how the paper bends, and a better perspective follows from them (`settled`).
* How well tiles fit where they must then be says whether it is this page (`Fit`): agreement of points alone takes a
  page of the same election with other rows for the right one.
* A tile with lines in one direction slides along them; only tiles with corners say where the paper is.
* Fields and masked areas are left out: what people write differs from sheet to sheet. Once the page is known, the bend
  is followed there too, by straight lines alone (`followed`).
* The template is blurred to the photo's own detail first; a small photo is not a wrong page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.reading.belief import Grey, Ink, Quad
from counterfoil.reading.bending import Bend, Measured, bent
from counterfoil.reading.features import Homography, Points, projected, size_at

SIDE = 1_000
"""Longest side of the flattened page, in pixels."""
TILE = 40
LAST_PLAY = 3
"""Pixels within which a tile looks for its place when the bend is known."""
LEAST_KNOTS = 8
ROUNDS = 3
ENOUGH = 0.85
"""Part of the tiles found at which no further round is worth its time."""
LINE = 31
"""Pixels of the sheet; shorter runs may be strokes."""
NET = 80
"""Distance of the points of the net by which a known page's bend is followed, in pixels of the sheet."""
STIFF = 0.05
FLAT_PX = 0.5
"""Pixels of the sheet by which a tile may be off on a page that lies flat."""
CLOSER = ((8, (6.0, 4.0, 3.0)), (5, (2.5, 1.5)))
"""How far tiles look for their place in each round, and the reaches (`bending`) of its fit, in pixels of the sheet."""
MIN_CORNER = 1e-3
MIN_PRINT = 0.07
"""Standard deviation of darkness from which a tile has print to compare."""
GOOD = 0.55
"""Correlation from which a tile counts as found."""


@dataclass(frozen=True, slots=True)
class Paper:
    """How far paper may bend. All in pixels of the sheet."""

    wide: int
    """Within which a tile looks for its place at first, to every side."""
    near: int
    """The same with the better perspective."""
    reach: float
    """Distance over which the bend found at one tile counts."""


FLAT = Paper(12, 8, 120.0)
BENT = Paper(16, 12, 90.0)
"""A kept copy of a small picture bends by a hundredth of its size (`evidence.turning`)."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A template's page at the size of comparison."""

    width: int
    height: int
    scale: float
    """Pixels here per pixel of the template's picture."""
    dark: Ink
    tiles: NDArray[np.intp]
    """n x 2: left and top of each tile that has print, and nothing but print."""
    firm: NDArray[np.bool_]
    """n: which tiles have one place only."""
    across: NDArray[np.float64]
    """n x 2: the direction across a tile's lines, of length 1."""
    lines: Ink
    """0 to 1: straight lines alone."""
    ruled: NDArray[np.intp]
    """m x 2: left and top of each tile with lines where people write or a mask lies."""
    ruled_firm: NDArray[np.bool_]
    ruled_across: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Placing:
    """Where each point of a page lies in a photo: a perspective, and how the paper bends away from it.

    The bend is known at the `knots` (n x 2, pixels of the template's picture) as `shifts` there, and drawn out between
    them; without knots the paper is flat.
    """

    turn: Homography
    """Template to photo."""
    reach: float
    """Distance in the template over which a knot counts."""
    knots: NDArray[np.float64]
    shifts: NDArray[np.float64]
    bending: Bend | None = None
    """In place of the knots, where the bend was followed closely."""

    def place(self, points: NDArray[np.float64]) -> Quad:
        """Points of the template (n x 2 pixels) in the photo."""
        flat_points = np.asarray(points, np.float64).reshape(-1, 2)
        return projected(self.turn, flat_points + self.bend(flat_points))

    def bend(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shifts at points of the template, in its pixels: moving least squares, near knots counting most.

        A small weight draws each plane towards level, or it would tilt wildly where knots are few.
        """
        if self.bending is not None:
            return self.bending.at(points)
        if len(self.knots) < LEAST_KNOTS:
            return np.zeros_like(points)
        result = np.empty_like(points)
        for start in range(0, len(points), 512):
            part = points[start : start + 512]
            away = (self.knots[None] - part[:, None]) / self.reach
            weight = np.exp(-0.5 * (away**2).sum(axis=2)) + 1e-6
            basis = np.concatenate((np.ones((*away.shape[:2], 1)), away), axis=2)
            normal = np.einsum("pk,pki,pkj->pij", weight, basis, basis)
            normal[:, 0, 0] += 0.2
            normal[:, 1, 1] += 3.0
            normal[:, 2, 2] += 3.0
            right = np.einsum("pk,pki,kd->pid", weight, basis, self.shifts)
            result[start : start + 512] = np.linalg.solve(normal, right)[:, 0]
        return result


@dataclass(frozen=True, slots=True)
class Fit:
    """How the tiles of a page were found in a flattened photo. Only tiles wholly inside the photo are asked."""

    centres: NDArray[np.float64]
    """n x 2 pixels of the sheet."""
    firm: NDArray[np.bool_]
    score: NDArray[np.float32]
    """Correlation of each tile at its best place, -1 to 1."""
    shift: Points
    """n x 2: from where the tile should be to where it was found, in pixels of the sheet."""
    asked: float
    """Part of all tiles that lay inside the photo."""

    @property
    def lies_flat(self) -> bool:
        """Nearly every tile that was found lies where it should: there is no bend left to follow."""
        off = np.linalg.norm(self.shift[self.firm & (self.score >= GOOD)], axis=1)
        return len(off) >= LEAST_KNOTS and float(np.percentile(off, 90)) < FLAT_PX

    @property
    def found(self) -> float:
        """Part of the asked tiles that were found."""
        return float((self.score >= GOOD).mean()) if self.score.size else 0.0

    @property
    def off(self) -> float | None:
        """Median distance by which firm tiles that were found still miss their place, in pixels of the sheet.

        None where too few were found to say.
        """
        good = self.firm & (self.score >= GOOD)
        left = np.linalg.norm(self.shift[good], axis=1)
        return float(np.median(left)) if left.size >= LEAST_KNOTS else None

    @property
    def typical(self) -> float:
        """Median correlation of the asked tiles."""
        return float(np.median(self.score)) if self.score.size else 0.0


def sheet(grey: Grey, hidden: Sequence[Quad]) -> Sheet:
    """The page of a template, with `hidden` areas (fields, masks; pixels of `grey`) left out."""
    height, width = grey.shape
    scale = SIDE / max(height, width)
    size = (round(width * scale), round(height * scale))
    sized = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    dark = darkened(sized.astype(np.uint8, copy=False))
    cover = np.zeros(dark.shape, np.uint8)
    for area in hidden:
        cv2.fillPoly(cover, [np.round(np.asarray(area) * scale).astype(np.int32)], 1)
    cover = cv2.dilate(cover, np.ones((7, 7), np.uint8)).astype(np.uint8, copy=False)
    lines = straight(dark)
    found: tuple[list[_Tile], list[_Tile]] = ([], [])
    cornered = (_cornered(dark), _cornered(lines))
    for top in range(0, size[1] - TILE + 1, TILE):
        for left in range(0, size[0] - TILE + 1, TILE):
            part = (slice(top, top + TILE), slice(left, left + TILE))
            covered = bool(cover[part].any())
            seen = lines if covered else dark
            if float(seen[part].std()) >= MIN_PRINT:
                firm = float(cornered[covered][top + TILE // 2, left + TILE // 2]) >= MIN_CORNER
                found[covered].append(((left, top), firm, _steepest(seen[part])))
    (tiles, firm_tiles, across), (ruled, ruled_firm, ruled_across) = (_columns(part) for part in found)
    return Sheet(*size, scale, dark, tiles, firm_tiles, across, lines, ruled, ruled_firm, ruled_across)


_Tile = tuple[tuple[int, int], bool, NDArray[np.float64]]


def _columns(found: Sequence[_Tile]) -> tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.float64]]:
    return (
        np.array([place for place, _, _ in found], np.intp).reshape(-1, 2),
        np.array([firm for _, firm, _ in found], bool),
        np.array([across for _, _, across in found], np.float64).reshape(-1, 2),
    )


def _cornered(dark: Ink) -> Ink:
    """How much changes in every direction around each pixel."""
    calm = cv2.GaussianBlur(dark, (0, 0), 1.0)
    return np.asarray(cv2.cornerMinEigenVal(calm, blockSize=TILE // 2, ksize=3), np.float32)


def _steepest(dark: Ink) -> NDArray[np.float64]:
    """The direction in which darkness changes most: across the lines of a tile."""
    down, right = np.gradient(dark.astype(np.float64))
    mixed = (right * down).sum()
    tensor = np.array([[(right * right).sum(), mixed], [mixed, (down * down).sum()]])
    return np.asarray(np.linalg.eigh(tensor)[1][:, 1], np.float64)


def straight(dark: Ink) -> Ink:
    """Lines across and down, without what is shorter than `LINE` pixels, such as strokes of a pen."""
    best = np.zeros_like(dark)
    for high, wide in ((1, LINE), (LINE, 1)):
        ridge = np.clip(dark - cv2.blur(dark, (9, 1) if wide == 1 else (1, 9)), 0, None)
        # A line may run aslant by a pixel or two.
        thick = cv2.dilate(ridge, np.ones((3, 3), np.uint8))
        long = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((high, wide), np.uint8))
        best = np.maximum(best, np.minimum(long, ridge))
    best = _blurred(best, 1.0)
    return np.asarray(np.minimum(best / max(0.05, float(np.percentile(best, 98))), 1), np.float32)


def darkened(grey: Grey) -> Ink:
    """Darkness against the paper beside it, 0 to 1, on the scale of the darkest print."""
    small = cv2.resize(grey, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    paper = cv2.GaussianBlur(cv2.dilate(small, np.ones((9, 9), np.uint8)), (0, 0), 4)
    level = cv2.resize(paper, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    dark = np.clip(1 - grey.astype(np.float32) / np.maximum(level, 1), 0, 1)
    top = max(0.1, float(np.percentile(dark[::4, ::4], 99)))
    return np.minimum(dark / top, 1).astype(np.float32)


def settled(photo: Grey, turn: Homography, page: Sheet, paper: Paper) -> tuple[Placing, Fit]:
    """`turn` (template to `photo`) made better by tiles, with the bend of the paper, and how all then fits."""
    placing = flat_placing(turn, page, paper)
    wide = fit(photo, placing, page, paper.wide)
    good = wide.firm & (wide.score >= GOOD)
    if int(good.sum()) >= LEAST_KNOTS:
        there, here = wide.centres[good], wide.centres[good] + wide.shift[good]
        better, _ = cv2.findHomography(there, here, cv2.USAC_MAGSAC, 4.0, maxIters=2_000, confidence=0.999)
        if better is not None:
            grow = np.diag([page.scale, page.scale, 1.0])
            placing = flat_placing(turn @ np.linalg.inv(grow) @ better @ grow, page, paper)
    # Where paper bends much, tiles beside those found come within reach only when the bend of the found is known.
    near = fit(photo, placing, page, paper.near)
    for _ in range(ROUNDS):
        placing = _bent(placing, near, page, paper)
        found = int((near.score >= GOOD).sum())
        if found >= ENOUGH * near.score.size:
            break
        near = fit(photo, placing, page, paper.near)
        if int((near.score >= GOOD).sum()) <= found + 2:
            break
    return placing, fit(photo, placing, page, LAST_PLAY)


def followed(photo: Grey, placing: Placing, before: Fit, page: Sheet) -> tuple[Placing, Fit]:
    """A known page's `placing` with the bend followed closely, and how it fits; the same where that fits no better.

    Args:
        before: how `placing` fits, as `settled` said.
    """
    best = (placing, before)
    if before.lies_flat:
        return best
    size = (page.width / page.scale, page.height / page.scale)
    start: Bend | None = None
    for play, reaches in CLOSER:
        seen, where = flattened(photo, placing, page)
        dark = darkened(seen)
        print_ = _looked_up(dark, _as_seen(placing, page), page.tiles, where, play)
        lines = _looked_up(straight(dark), page.lines, page.ruled, where, play)
        parts = [
            *_measured(placing, page, print_, page.tiles, page.firm, page.across, play),
            *_measured(placing, page, lines, page.ruled, page.ruled_firm, page.ruled_across, play),
        ]
        whole = Measured(
            np.concatenate([part.places for part in parts]),
            np.concatenate([part.along for part in parts]),
            np.concatenate([part.far for part in parts]),
        )
        if len(whole.far) < 4 * LEAST_KNOTS:
            break
        scaled = [reach / page.scale for reach in reaches]
        start = bent(size, NET / page.scale, whole, stiff=STIFF, reaches=scaled, start=start)
        placing = replace(placing, bending=start)
    after = fit(photo, placing, page, LAST_PLAY)
    return (placing, after) if after.found + after.typical > before.found + before.typical else best


def _measured(
    placing: Placing,
    page: Sheet,
    looked: _Looked,
    tiles: NDArray[np.intp],
    firm: NDArray[np.bool_],
    across: NDArray[np.float64],
    play: int,
) -> list[Measured]:
    """What tiles say of the bend: firm ones both ways, others across their lines. In pixels of the template."""
    asked, score, moved = looked
    places = np.asarray((tiles[asked] + TILE / 2) / page.scale, np.float64)
    ways = across[asked]
    good = score >= GOOD
    both = good & firm[asked] & (np.abs(moved).max(axis=1, initial=0) < play - 0.5)
    one = good & ~firm[asked] & (np.abs((moved * ways).sum(axis=1)) < play - 0.5)
    # They were found beside where the present bend puts them.
    shift = np.add(moved / page.scale, placing.bend(places))
    level, upright = np.tile((1.0, 0.0), (int(both.sum()), 1)), np.tile((0.0, 1.0), (int(both.sum()), 1))
    return [
        Measured(places[both], level, shift[both, 0]),
        Measured(places[both], upright, shift[both, 1]),
        Measured(places[one], ways[one], (shift[one] * ways[one]).sum(axis=1)),
    ]


def flat_placing(turn: Homography, page: Sheet, paper: Paper) -> Placing:
    """A page that does not bend."""
    return Placing(turn, paper.reach / page.scale, np.zeros((0, 2)), np.zeros((0, 2)))


def _bent(placing: Placing, near: Fit, page: Sheet, paper: Paper) -> Placing:
    """`placing` with knots where firm tiles were found elsewhere than they should be, as their neighbours were too."""
    good = near.firm & (near.score >= GOOD) & (np.abs(near.shift).max(axis=1, initial=0) < paper.near - 0.5)
    centres, shift = near.centres[good], near.shift[good].astype(np.float64)
    # `near` was found beside where the present bend puts the tiles.
    shift += placing.bend(centres / page.scale) * page.scale
    if len(centres) < LEAST_KNOTS:
        return placing
    away = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    beside = np.argsort(away, axis=1, kind="stable")[:, 1:9]
    usual = np.median(shift[beside], axis=1)
    alike = np.linalg.norm(shift - usual, axis=1) <= 2.5
    if int(alike.sum()) < LEAST_KNOTS:
        return placing
    return replace(placing, knots=centres[alike] / page.scale, shifts=shift[alike] / page.scale)


def flattened(photo: Grey, placing: Placing, page: Sheet) -> tuple[Grey, NDArray[np.bool_]]:
    """The photo as the page lies in the template, and where the photo has something to show."""
    # Places are computed for every sixteenth pixel and drawn out between.
    step = 16
    across = np.arange(0, page.width + step, step, dtype=np.float64)
    down = np.arange(0, page.height + step, step, dtype=np.float64)
    grid = np.stack(np.meshgrid(across, down), axis=2).reshape(-1, 2)
    coarse = placing.place(grid / page.scale).reshape(down.size, across.size, 2).astype(np.float32)
    x, y = np.meshgrid(np.arange(page.width, dtype=np.float32) / step, np.arange(page.height, dtype=np.float32) / step)
    places = np.asarray(cv2.remap(coarse, x, y, cv2.INTER_LINEAR), np.float32)
    seen = cv2.remap(photo, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    height, width = photo.shape
    inside = (places[..., 0] >= 0) & (places[..., 1] >= 0) & (places[..., 0] <= width - 1)
    return seen.astype(np.uint8, copy=False), inside & (places[..., 1] <= height - 1)


def fit(photo: Grey, placing: Placing, page: Sheet, play: int) -> Fit:
    """Looks every tile of the page up in the photo, `play` pixels around where it should be."""
    seen, where = flattened(photo, placing, page)
    asked, scores, shifts = _looked_up(darkened(seen), _as_seen(placing, page), page.tiles, where, play)
    return Fit(
        np.asarray(page.tiles[asked] + TILE / 2, np.float64),
        page.firm[asked],
        scores,
        shifts.astype(np.float32),
        float(asked.mean()) if asked.size else 0.0,
    )


def _as_seen(placing: Placing, page: Sheet) -> Ink:
    """The page's print, as blurred as the photo shows it."""
    middle = np.array([page.width / 2, page.height / 2]) / page.scale
    own = size_at(placing.turn, middle) / page.scale
    return page.dark if own >= 1 else _blurred(page.dark, min(3.0, 0.6 * float(np.sqrt(1 / own**2 - 1)) + 0.3))


_Looked = tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.float64]]
"""Which tiles lay in the photo; of those, the correlation at the best place, and the shift to it."""


def _looked_up(dark: Ink, wanted: Ink, tiles: NDArray[np.intp], where: NDArray[np.bool_], play: int) -> _Looked:
    padded = cv2.copyMakeBorder(dark, play, play, play, play, cv2.BORDER_REPLICATE)
    asked, scores, shifts = np.zeros(len(tiles), bool), [], []
    for index, (left, top) in enumerate(tiles):
        if not where[top : top + TILE, left : left + TILE].all():
            continue
        asked[index] = True
        part = wanted[top : top + TILE, left : left + TILE]
        around = padded[top : top + TILE + 2 * play, left : left + TILE + 2 * play]
        score, dx, dy = 0.0, 0.0, 0.0
        if float(around.std()) >= 1e-3:
            fits = np.asarray(cv2.matchTemplate(around, part, cv2.TM_CCOEFF_NORMED), np.float32)
            _, score, _, (x, y) = cv2.minMaxLoc(fits)
            dx, dy = x - play + _peak(fits[y], x), y - play + _peak(fits[:, x], y)
        scores.append(score)
        shifts.append((dx, dy))
    return asked, np.array(scores, np.float32), np.array(shifts, np.float64).reshape(-1, 2)


def _blurred(dark: Ink, radius: float) -> Ink:
    return np.asarray(cv2.GaussianBlur(dark, (0, 0), radius), np.float32)


def _peak(values: NDArray[np.float32], at: int) -> float:
    """Where between pixels a parabola through the peak and its neighbours has its top, -0.5 to 0.5."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, here, after = (float(value) for value in values[at - 1 : at + 2])
    bend = before - 2 * here + after
    return 0.0 if bend > -1e-6 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))
