"""A simulated phone: a sensor with a pattern of its own, and an adversary who owns it and looks for it in a picture.

The sensor multiplies light by 1 + K, K normal with `sigma`, before the colour mosaic is filled in; then come shot noise
and the phone's JPEG. The adversary has the phone: its pattern from 40 flat shots, and knows how the recipe turned and
scaled this picture, exactly. Only the bend is not known to him. Pattern and picture are compared by the peak-to-
correlation energy (Goljan, Fridrich, Filler 2009, doi:10.1117/12.805701): above 60 a phone counts as identified.

The camera is simpler than a real one (no processing by the phone), which helps the adversary; real sensors and better
detectors will differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.evidence.picture import encode
from counterfoil.evidence.sanitising import treated
from counterfoil.evidence.turning import drawn_turn, placed
from counterfoil.sandbox import Sandbox

Plane = NDArray[Any]
IDENTIFIED = 60.0
_SHOT_NOISE = 4.0
_FLAT_SHOTS = 40
_SEARCH_PX = 16
_PEAK_PX = 5
_NOISE_VARIANCE = 9.0


class Phone:
    """A phone with its sensor's pattern, from a seed."""

    def __init__(self, seed: int, sigma: float, width: int, height: int) -> None:
        self.draw = np.random.default_rng(seed)
        self.pattern = self._normal(width, height) * np.float32(sigma)
        flat = 180 * (1 + self.pattern + self._normal(width, height) * (_SHOT_NOISE * 1.2 / 180 / _FLAT_SHOTS**0.5))
        seen = cv2.cvtColor(_mosaic_filled(flat), cv2.COLOR_RGB2GRAY)
        self.map: Plane = seen - cv2.blur(seen, (9, 9))
        """What the adversary knows of the pattern."""

    def _normal(self, width: int, height: int) -> Plane:
        return self.draw.standard_normal((height, width), dtype=np.float32)

    def photo(self) -> bytes:
        """A JPEG of a protocol: paper under uneven light, its grain, dark lines of figures."""
        height, width = self.pattern.shape
        light = cv2.resize(
            self.draw.uniform(150, 235, (6, 8)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
        )
        grain = cv2.GaussianBlur(self._normal(width // 2, height // 2), (0, 0), 1.2) * 6
        ink = np.full((height, width), 255, np.uint8)
        for row in range(60):
            text = "".join(str(digit) for digit in self.draw.integers(0, 10, 60))
            cv2.putText(
                ink, text, (width // 20, (row + 1) * height // 62), cv2.FONT_HERSHEY_SIMPLEX, height / 1500, 60,
                max(1, height // 600),
            )  # fmt: skip
        scene = light * (ink / 255) + cv2.resize(grain, (width, height))
        noise = self._normal(width, height) * _SHOT_NOISE * np.sqrt(np.maximum(scene, 1) / 128)
        image = np.clip(_mosaic_filled(scene * (1 + self.pattern) + noise) + 0.5, 0, 255).astype(np.uint8)
        done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, 92))
        assert done
        return data.tobytes()


Recipe = Callable[[Plane, Callable[[int], bytes]], Plane]


def ours(image: Plane, random: Callable[[int], bytes]) -> Plane:
    """The recipe of `sanitise`."""
    return treated(image, random)


def only_halved(image: Plane, _: Callable[[int], bytes]) -> Plane:
    """Half scale and our JPEG, and nothing else."""
    return image


def peak(sandbox: Sandbox, phone: Phone, other: Phone, recipe: Recipe, seed: int) -> float:
    """The adversary's figure for a photo of `phone` under `recipe`, when he looks for the pattern of `other`."""
    (pixels,) = sandbox.pictures(phone.photo())
    upright = np.frombuffer(pixels.rgb, np.uint8).reshape(pixels.height, pixels.width, 3)
    picture = encode(recipe(upright, np.random.default_rng(seed).bytes))
    seen = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    kept = np.asarray(seen, np.float32)
    known: Plane = cv2.resize(other.map, (pixels.width, pixels.height), interpolation=cv2.INTER_AREA)
    if recipe is ours:
        turn = drawn_turn(np.random.default_rng(seed).bytes)
        width, height, back = placed(pixels.width, pixels.height, turn)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        known = cv2.warpAffine(known, back, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return _energy(_residual(kept), known * kept)


def _mosaic_filled(raw: Plane) -> Plane:
    grey = np.clip(raw * 16 + 0.5, 0, 65_535).astype(np.uint16)
    return cv2.cvtColor(grey, cv2.COLOR_BayerBG2RGB).astype(np.float32) / 16


def _residual(grey: Plane) -> Plane:
    """The picture less what a Wiener filter keeps of it, without the means of its rows and columns."""
    mean = cv2.blur(grey, (5, 5))
    variance = np.maximum(cv2.blur(grey * grey, (5, 5)) - mean * mean - _NOISE_VARIANCE, 0)
    rest = grey - mean - (grey - mean) * variance / (variance + _NOISE_VARIANCE)
    rest = rest - rest.mean(0, keepdims=True)
    return np.asarray(rest - rest.mean(1, keepdims=True))


def _energy(rest: Plane, known: Plane) -> float:
    """Peak-to-correlation energy, searched over shifts of up to 16 pixels; negative peaks count as negative."""
    known = known - known.mean()
    correlation = np.fft.irfft2(np.fft.rfft2(rest) * np.conj(np.fft.rfft2(known)), rest.shape)
    moved = np.roll(correlation, (_SEARCH_PX, _SEARCH_PX), (0, 1))
    near = moved[: 2 * _SEARCH_PX, : 2 * _SEARCH_PX]
    y, x = np.unravel_index(int(np.argmax(near)), near.shape)
    away = np.ones(moved.shape, bool)
    away[max(0, y - _PEAK_PX) : y + _PEAK_PX + 1, max(0, x - _PEAK_PX) : x + _PEAK_PX + 1] = False
    return float(math.copysign(near[y, x] ** 2, near[y, x]) / np.mean(moved[away] ** 2))


def identified(sandbox: Sandbox, *, sigma: float, photos: int, width: int, height: int, recipe: Recipe) -> list[float]:
    """The adversary's figure for each of `photos` photos by the phone he holds."""
    phone = Phone(7, sigma, width, height)
    return [peak(sandbox, phone, phone, recipe, seed) for seed in range(photos)]
