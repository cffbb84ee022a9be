"""From a flat written sheet to the photo of it: folds, curl, perspective, light, screen, blur, noise, JPEG.

What it answers: the photo, and where each point of the sheet lies in it, to a fraction of a pixel. It leaves out what
stands on the sheet (`simulate.sheets`).

* `Wear` says what happened; 0 means that it did not. `photograph` depends on sheet, wear and generator only.
* The way of a point: bent on the sheet (curl, folds), seen by the camera (a homography), then the photo as a whole
  mirrored, turned by quarters, cut. `Lie.of` follows it, so that the truth is where the ink is.
* Lengths are shares of the sheet's or photo's width, so that a photo looks alike at every size; blur and noise are in
  pixels and levels of a photo of 1000 pixels width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""Height x width x 3, red green blue."""
Points = NDArray[np.float64]
"""... x 2, pixels; (0, 0) is the middle of the first pixel."""

_GRID = 16
"""Pixels between two points of the coarse map that the warp is worked out on."""
_LIGHT = 8
"""Light is worked out on a picture so many times smaller."""
_NOISE_TILE = 389
_AT_1000 = 1000.0


@dataclass(frozen=True, slots=True)
class Fold:
    """A crease right across the sheet."""

    at: float
    """Where, as a share of the height (of the width if `upright`)."""
    slope: float = 0.0
    upright: bool = False
    shrink: float = 0.015
    """How much shorter the part beyond looks, being tilted away."""
    shade: float = 0.08
    """How much darker the part beyond is."""


@dataclass(frozen=True, slots=True)
class Wear:
    """What happened to a sheet between the pen and the file."""

    surface: str = "table"
    """What it lies on: `table`, `cloth`, `dark`, `wall`, `screen` (a photo of a screen), `none` (a scan)."""
    fill: float = 0.92
    """How much of the photo the sheet takes, along the tighter side."""
    tilt_degrees: float = 0.0
    perspective: float = 0.0
    """Shift of the corners, as a share of the sheet's size."""
    curl: float = 0.0
    """Greatest shift by a sheet that is not flat, as a share of its width."""
    folds: tuple[Fold, ...] = ()
    shadow: float = 0.0
    """Darkness of a shadow cast across, 0 to 1."""
    uneven: float = 0.0
    """Fall of the light from one side of the photo to the other, 0 to 1."""
    glare: float = 0.0
    """Strength of a reflection, 1: white at its middle."""
    warmth: float = 0.0
    """-1 blue, 1 yellow light."""
    moire: float = 0.0
    """Strength of the stripes of a screen."""
    defocus_px: float = 0.0
    motion_px: float = 0.0
    noise: float = 2.0
    """Standard deviation, in levels of 255."""
    stripes: float = 0.0
    """Strength of the light lines that a worn printer or scanner leaves."""
    quality: int = 85
    """Of the JPEG."""
    mirrored: bool = False
    quarters: int = 0
    """Turns by 90 degrees to the left."""
    cut: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Shares taken off the finished photo: left, top, right, bottom."""


@dataclass(frozen=True, slots=True)
class Lie:
    """How a sheet lies in the photo."""

    homography: Points
    """3 x 3: photo <- sheet, for a flat sheet; with mirroring, turning and cutting."""
    size: tuple[int, int]
    """Height and width of the sheet, in its pixels."""
    curl: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    folds: tuple[Fold, ...] = ()

    def of(self, points: Points) -> Points:
        """Where points of the sheet are in the photo."""
        bent = points + _bend(points, self.size, self.curl, self.folds)
        return _project(self.homography, bent)


@dataclass(frozen=True, slots=True)
class Photo:
    """The finished picture and where the sheet is in it."""

    pixels: Picture
    lie: Lie


def photograph(
    sheet: Picture, wear: Wear, rng: np.random.Generator, *, width: int, ratio: float | None = None
) -> Photo:
    """The photo of one sheet.

    Args:
        sheet: flat, upright.
        width: of the photo in pixels, before it is turned and cut.
        ratio: height by width of the photo; None: as the sheet's.
    """
    high, wide = sheet.shape[:2]
    size = (round(width * (ratio or high / wide)), width)
    seen = _homography((high, wide), size, wear, rng)
    curl = _curl(wide, wear.curl, rng)
    flat = Lie(seen, (high, wide), curl, wear.folds)
    scale = float(np.sqrt(abs(np.linalg.det(seen[:2, :2]))))
    lit: Picture = _on_the_sheet(sheet, wear, rng)
    if scale < 0.75:  # so that fine print does not alias
        lit = as_picture(cv2.GaussianBlur(lit, (0, 0), 0.45 / scale))
    photo = _surface(size, wear.surface, rng)
    _drop_shadow(photo, flat.of(_corners(high, wide)), wear)
    at = _looked_up(flat, size)
    seen_on = cv2.remap(lit, at[0], at[1], cv2.INTER_LINEAR, dst=photo, borderMode=cv2.BORDER_TRANSPARENT)
    pixels = _camera(as_picture(seen_on), wear, rng)
    move, pixels = _as_a_whole(pixels, wear)
    return Photo(pixels, Lie(move @ seen, (high, wide), curl, wear.folds))


def as_picture(pixels: NDArray[Any]) -> Picture:
    """What OpenCV gives back, as the kind of array that it is."""
    return np.asarray(pixels, np.uint8)


def encode(pixels: Picture, quality: int) -> bytes:
    """As JPEG."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"expected a picture that can be a JPEG, found {pixels.shape}")
    return bytes(data)


# Where points go


def _corners(high: float, wide: float) -> Points:
    return np.array([(0, 0), (wide - 1, 0), (wide - 1, high - 1), (0, high - 1)], np.float64)


def _project(homography: Points, points: Points) -> Points:
    """Points by a homography."""
    with_one = np.concatenate((points, np.ones((*points.shape[:-1], 1))), axis=-1) @ homography.T
    projected: Points = with_one[..., :2] / with_one[..., 2:]
    return projected


def _homography(sheet: tuple[int, int], photo: tuple[int, int], wear: Wear, rng: np.random.Generator) -> Points:
    (high, wide), (tall, broad) = sheet, photo
    corners = _corners(high, wide)
    centred = corners - corners.mean(axis=0)
    tilt = np.deg2rad(wear.tilt_degrees)
    turned = centred @ np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    spread = turned.max(axis=0) - turned.min(axis=0)
    target = turned * wear.fill * min(broad / spread[0], tall / spread[1])
    away = rng.uniform(-1, 1, (4, 2)) * wear.perspective * np.abs(target).max()
    room = np.array((broad, tall)) * (1 - wear.fill) * 0.25
    target += away + rng.uniform(-1, 1, 2) * room + (broad / 2, tall / 2)
    return np.asarray(cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32)), np.float64)


def _curl(wide: int, strength: float, rng: np.random.Generator) -> tuple[float, ...]:
    """Amplitude in x and y (pixels), phase and pace of the wave."""
    x, y = rng.uniform(-0.5, 0.5), rng.choice((-1.0, 1.0))
    phase, pace = rng.uniform(0, 0.6), rng.uniform(0.8, 1.3)
    return float(x * strength * wide), float(y * strength * wide), float(phase), float(pace)


def _bend(points: Points, size: tuple[int, int], curl: tuple[float, ...], folds: tuple[Fold, ...]) -> Points:
    """The shift of points of the sheet, in its pixels."""
    high, wide = size
    u, v = points[..., 0] / wide, points[..., 1] / high
    across, along, phase, pace = curl
    shift = np.zeros_like(points)
    if across or along:  # held at the edges, lifted between
        shift[..., 0] += across * np.sin(np.pi * (v * pace + phase)) * (0.6 + 0.4 * u)
        shift[..., 1] += along * np.sin(np.pi * (u * pace + phase)) * (1.2 - 0.5 * v)
    for fold in folds:
        beyond = np.maximum(0.0, _beyond(u, v, fold))
        if fold.upright:
            shift[..., 0] -= fold.shrink * beyond * wide
            shift[..., 1] += 0.4 * fold.shrink * beyond * high
        else:
            shift[..., 1] -= fold.shrink * beyond * high
            shift[..., 0] += 0.4 * fold.shrink * beyond * wide
    return shift


def _beyond(u: Points, v: Points, fold: Fold) -> Points:
    """How far behind the crease, as a share of the sheet; below 0: before it."""
    return u - fold.at - fold.slope * (v - 0.5) if fold.upright else v - fold.at - fold.slope * (u - 0.5)


def _looked_up(flat: Lie, photo: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """For each pixel of the photo the point of the sheet that it shows."""
    tall, broad = photo
    xs = np.arange(-_GRID, broad + 2 * _GRID, _GRID, dtype=np.float64)
    ys = np.arange(-_GRID, tall + 2 * _GRID, _GRID, dtype=np.float64)
    grid = np.stack(np.meshgrid(xs, ys), axis=-1)
    bent = _project(np.asarray(np.linalg.inv(flat.homography), np.float64), grid)
    at = bent
    for _ in range(6 if any(flat.curl[:2]) or flat.folds else 0):  # the shift is small and smooth: this settles fast
        at = bent - _bend(at, flat.size, flat.curl, flat.folds)
    coarse = at.astype(np.float32)
    places = (np.arange(count, dtype=np.float32) / _GRID + 1 for count in (broad, tall))
    x, y = np.meshgrid(*places)
    fine = np.asarray(cv2.remap(coarse, x, y, cv2.INTER_LINEAR), np.float32)
    return np.ascontiguousarray(fine[..., 0]), np.ascontiguousarray(fine[..., 1])


def _as_a_whole(pixels: Picture, wear: Wear) -> tuple[Points, Picture]:
    """Mirrored, turned, cut: the homography of it and the picture."""
    move = np.eye(3)
    tall, broad = pixels.shape[:2]
    if wear.mirrored:
        move = np.array([[-1, 0, broad - 1], [0, 1, 0], [0, 0, 1.0]]) @ move
        pixels = pixels[:, ::-1]
    for _ in range(wear.quarters % 4):
        move = np.array([[0, 1, 0], [-1, 0, pixels.shape[1] - 1], [0, 0, 1.0]]) @ move
        pixels = np.rot90(pixels)
    tall, broad = pixels.shape[:2]
    left, top, right, bottom = wear.cut
    x0, y0 = round(left * broad), round(top * tall)
    pixels = pixels[y0 : tall - round(bottom * tall), x0 : broad - round(right * broad)]
    move = np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1.0]]) @ move
    return move, np.ascontiguousarray(pixels)


# Light and dirt


def _on_the_sheet(sheet: Picture, wear: Wear, rng: np.random.Generator) -> Picture:
    """Shade of folds and curl, stripes of a worn printer: what bends with the paper."""
    high, wide = sheet.shape[:2]
    if not (wear.folds or wear.curl or wear.stripes):
        return sheet
    rows, columns = high // 2, wide // 2
    v, u = np.meshgrid(
        np.linspace(0, 1, rows, dtype=np.float32), np.linspace(0, 1, columns, dtype=np.float32), indexing="ij"
    )
    gain = np.ones((rows, columns), np.float32)
    for fold in wear.folds:
        beyond = _beyond(u.astype(np.float64), v.astype(np.float64), fold).astype(np.float32)
        gain *= 1 - fold.shade * np.exp(-np.maximum(beyond, 0) * 4) * (beyond > 0)
        gain *= 1 - 0.28 * np.exp(-((beyond / 0.0016) ** 2)) + 0.12 * np.exp(-(((beyond + 0.003) / 0.002) ** 2))
    if wear.curl:
        gain *= 1 - min(0.25, wear.curl * 5) * (0.5 + 0.5 * np.sin(np.pi * (u * 2.1 + rng.uniform(0, 2))))
    if wear.stripes:
        lines = rng.random(rows) < 0.05
        gain *= 1 + wear.stripes * cv2.GaussianBlur(lines.astype(np.float32), (1, 3), 0)[:, :1]
    return _times(sheet, gain)


def _times(pixels: Picture, gain: NDArray[np.float32]) -> Picture:
    """Light: a smaller picture of factors, of 1 or 3 channels."""
    large = cv2.resize(gain, (pixels.shape[1], pixels.shape[0]), interpolation=cv2.INTER_LINEAR)
    if large.ndim == 2:
        large = cv2.merge((large, large, large))
    return as_picture(cv2.multiply(pixels, large, dtype=cv2.CV_8U))


def _soft(gain: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(gain, (0, 0), sigma), np.float32)


def _surface(size: tuple[int, int], kind: str, rng: np.random.Generator) -> Picture:
    """What lies under the sheet and around it."""
    tall, broad = size
    small = (max(2, tall // 4), max(2, broad // 4))
    base = {"table": (150, 112, 78), "cloth": (118, 124, 132), "dark": (44, 42, 44), "wall": (196, 190, 172)}
    if kind == "none":
        return np.full((tall, broad, 3), 250, np.uint8)
    if kind == "screen":
        photo = np.full((tall, broad, 3), 26, np.uint8)
        photo[: tall // 16] = (52, 52, 58)
        return photo
    colour = np.array(base[kind], np.float32) * rng.uniform(0.7, 1.2) + rng.normal(0, 8, 3).astype(np.float32)
    grain = rng.standard_normal(small, dtype=np.float32)
    if kind == "table":  # long fibres
        sigma, strength = (24.0, 1.1), 60
    elif kind == "cloth":
        sigma, strength = (1.0, 1.0), 14
    else:
        sigma, strength = (12.0, 12.0), 60
    relief = cv2.GaussianBlur(grain, (0, 0), sigmaX=sigma[0], sigmaY=sigma[1]) * strength
    if rng.random() < 0.5:
        relief = cv2.resize(relief.T, (small[1], small[0]))
    rough = np.clip(colour + np.asarray(relief)[..., None], 0, 255).astype(np.uint8)
    photo = as_picture(cv2.resize(rough, (broad, tall), interpolation=cv2.INTER_LINEAR))
    for _ in range(int(rng.integers(0, 3))):  # other papers, boards, telephones
        centre, spread = rng.uniform(0, 1, 2) * (broad, tall), rng.uniform(0.15, 0.5) * broad
        turn = rng.uniform(0, np.pi) + np.arange(4) * np.pi / 2
        thing = centre + spread * np.stack((np.cos(turn), 1.3 * np.sin(turn)), axis=-1)
        shade = [int(c) for c in rng.integers(30, 240, 3)]
        cv2.fillConvexPoly(photo, np.round(thing).astype(np.int32), shade, cv2.LINE_AA)
    return photo


def _drop_shadow(photo: Picture, corners: Points, wear: Wear) -> None:
    """Darken what is beside the sheet, in place."""
    if wear.surface in {"none", "screen"}:
        return
    tall, broad = photo.shape[:2]
    small = np.ones((tall // _LIGHT + 1, broad // _LIGHT + 1), np.float32)
    moved = np.round((corners + 0.006 * broad) / _LIGHT).astype(np.int32)
    cv2.fillConvexPoly(small, moved, 0.45)
    photo[:] = _times(photo, _soft(small, max(0.6, 0.006 * broad / _LIGHT)))


def _camera(photo: Picture, wear: Wear, rng: np.random.Generator) -> Picture:
    """Light of the room, lens, sensor."""
    tall, broad = photo.shape[:2]
    per_px = broad / _AT_1000
    photo = _times(photo, _light((tall, broad), wear, rng))
    if wear.glare:
        photo = _glare(photo, wear.glare, rng)
    if wear.moire:
        photo = _moire(photo, wear.moire, rng)
    if wear.motion_px:
        photo = as_picture(cv2.filter2D(photo, -1, _motion(wear.motion_px * per_px, rng)))
    if wear.defocus_px:
        photo = as_picture(cv2.GaussianBlur(photo, (0, 0), max(0.3, wear.defocus_px * per_px)))
    if wear.noise:
        photo = _noise(photo, wear.noise, rng)
    return photo


def _light(size: tuple[int, int], wear: Wear, rng: np.random.Generator) -> NDArray[np.float32]:
    rows, columns = size[0] // _LIGHT + 1, size[1] // _LIGHT + 1
    v, u = np.meshgrid(
        np.linspace(0, 1, rows, dtype=np.float32), np.linspace(0, 1, columns, dtype=np.float32), indexing="ij"
    )
    gain = np.ones((rows, columns), np.float32)
    way = rng.uniform(0, 2 * np.pi)
    if wear.uneven:
        side = (np.cos(way) * (u - 0.5) + np.sin(way) * (v - 0.5)) / 1.4 + 0.5
        gain *= 1 - wear.uneven * side.astype(np.float32)
    if wear.shadow:  # of a hand or a telephone: a polygon with a soft edge, from one side
        mask = np.zeros((rows, columns), np.float32)
        x, top, bottom = rng.uniform(0.25, 0.75), rng.uniform(-0.3, 0.25), rng.uniform(0.6, 1.3)
        lean = rng.uniform(-0.2, 0.2)
        shape = np.array([(x + lean, top), (1.3, top - 0.1), (1.3, bottom + 0.1), (x - lean, bottom)]) * (columns, rows)
        if rng.random() < 0.5:
            shape[:, 0] = columns - shape[:, 0]
        cv2.fillPoly(mask, [np.round(shape).astype(np.int32)], 1.0)
        gain *= 1 - wear.shadow * _soft(mask, max(1.0, rng.uniform(0.008, 0.04) * columns))
    warm = np.array((1 + 0.06 * wear.warmth, 1.0, 1 - 0.2 * wear.warmth), np.float32)
    return np.asarray(gain[..., None] * (warm / warm.max()), np.float32)


def _glare(photo: Picture, strength: float, rng: np.random.Generator) -> Picture:
    tall, broad = photo.shape[:2]
    rows, columns = tall // _LIGHT + 1, broad // _LIGHT + 1
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    cx, cy = rng.uniform(0.2, 0.8) * columns, rng.uniform(0.2, 0.8) * rows
    a, b = rng.uniform(0.08, 0.25) * columns, rng.uniform(0.05, 0.18) * columns
    spot = np.exp(-(((x - cx) / a) ** 2 + ((y - cy) / b) ** 2)) * strength
    light = cv2.resize(spot.astype(np.float32), (broad, tall), interpolation=cv2.INTER_LINEAR)
    return as_picture(cv2.add(photo, np.asarray(cv2.merge((light, light, light))) * 235, dtype=cv2.CV_8U))


def _moire(photo: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """The dots of a screen against the dots of a sensor: fine lines, and wide coloured bands that bend."""
    tall, broad = photo.shape[:2]
    y, x = np.mgrid[0:tall, 0:broad].astype(np.float32)
    bend = rng.uniform(0.2, 0.6) / broad
    curved = x + bend * (y - tall / 2) ** 2 / 6 + rng.uniform(-0.3, 0.3) * y
    fine = np.sin(x * np.float32(2 * np.pi / rng.uniform(2.3, 3.4))) * np.sin(
        y * np.float32(2 * np.pi / rng.uniform(2.3, 3.4))
    )
    band = np.float32(2 * np.pi / (rng.uniform(0.03, 0.12) * broad))
    waves = [np.sin(curved * band + np.float32(phase)) for phase in rng.uniform(0, 2 * np.pi) + np.arange(3) * 1.4]
    gain = 1 + np.float32(strength) * (0.55 * np.stack(waves, axis=-1) + 0.6 * fine[..., None])
    return as_picture(cv2.multiply(photo, gain.astype(np.float32), dtype=cv2.CV_8U))


def _motion(length: float, rng: np.random.Generator) -> NDArray[np.float32]:
    size = max(3, int(length) | 1)
    kernel = np.zeros((size, size), np.float32)
    way, middle = rng.uniform(0, np.pi), (size - 1) / 2
    reach = np.array((np.cos(way), np.sin(way))) * length / 2
    ends = [tuple(round(float(c)) for c in (middle + sign * reach) * 16) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_AA, shift=4)
    return kernel / max(1.0, float(kernel.sum()))


def _noise(photo: Picture, deviation: float, rng: np.random.Generator) -> Picture:
    tall, broad = photo.shape[:2]
    tile = rng.standard_normal((_NOISE_TILE, _NOISE_TILE, 3), dtype=np.float32) * deviation
    tile += rng.standard_normal((_NOISE_TILE, _NOISE_TILE, 1), dtype=np.float32) * deviation * 0.7
    times = (tall // _NOISE_TILE + 1, broad // _NOISE_TILE + 1, 1)
    level = np.tile(np.round(tile).astype(np.int16), times)[:tall, :broad]
    return as_picture(cv2.add(photo, level, dtype=cv2.CV_8U))
