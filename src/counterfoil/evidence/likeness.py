"""How far two pictures are the same shot: looked up by fingerprint, then measured on the pictures.

Protocols of one election look alike: the same form, filled in differently. So a near fingerprint is only a reason to
look. `likeness` lays one picture over the other and compares them tile by tile, ink by ink:

* two photos of a sheet, or of two sheets, differ in perspective and light: nothing fits, or only in places;
* the same shot again, re-encoded, scaled, turned or cropped, fits everywhere;
* a shot in which figures were changed fits everywhere but there, and so do two flat scans of one form: the tiles that
  differ are counted.

It is a measurement; what follows from it, a person decides. Look-alikes are linked; none is ever dropped for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.evidence.fingerprints import NEAR_BITS, Fingerprint
from counterfoil.evidence.picture import Image

Id = TypeVar("Id", bound=Hashable)

LEAST_SHARED_WORDS = 3
COMMON_WORD = 50
"""A word that more copies have than this is printed on the form, or rain: it says nothing."""


class FingerprintIndex(Protocol[Id]):
    """What must be answered of the copies that were compared before."""

    def near(self, whole: int, *, at_most: int) -> Mapping[Id, int]:
        """Every copy whose `Fingerprint.whole` differs by at most so many bits, and by how many it does."""
        ...

    def with_words(self, words: Iterable[int], *, at_most: int) -> Mapping[Id, int]:
        """Copies by how many of these words they have, of the words that at most `at_most` copies have."""
        ...


class MemoryIndex:
    """An index in memory: for folders, and as the reference that a database's answers are tested against."""

    def __init__(self) -> None:
        self._prints: dict[Hashable, Fingerprint] = {}
        self._words: dict[int, set[Hashable]] = {}

    def add(self, copy: Hashable, print_: Fingerprint) -> None:
        """Enters a copy."""
        self._prints[copy] = print_
        for word in print_.words:
            self._words.setdefault(word, set()).add(copy)

    def near(self, whole: int, *, at_most: int) -> dict[Hashable, int]:
        """See FingerprintIndex."""
        bits = {copy: (print_.whole ^ whole).bit_count() for copy, print_ in self._prints.items()}
        return {copy: differ for copy, differ in bits.items() if differ <= at_most}

    def with_words(self, words: Iterable[int], *, at_most: int) -> dict[Hashable, int]:
        """See FingerprintIndex."""
        found = (self._words.get(word, set()) for word in words)
        return dict(Counter(copy for copies in found if len(copies) <= at_most for copy in copies))


def candidates(print_: Fingerprint, index: FingerprintIndex[Id]) -> list[Id]:
    """Copies worth laying beside this one, the nearest first: near as a whole, or with rare words in common."""
    near = index.near(print_.whole, at_most=NEAR_BITS)
    shared = {
        copy: words
        for copy, words in index.with_words(print_.words, at_most=COMMON_WORD).items()
        if words >= LEAST_SHARED_WORDS
    }
    by_nearness = sorted(near, key=lambda copy: (near[copy], str(copy)))
    by_words = sorted(shared.keys() - near.keys(), key=lambda copy: (-shared[copy], str(copy)))
    return [*by_nearness, *by_words]


class Kind(StrEnum):
    """What was measured."""

    SAME = "same"
    """The same shot, all of it."""
    PART = "part"
    """One is a part of the other, or both are parts of one shot."""
    DIFFERS = "differs"
    """Laid over each other they fit, but for some tiles: a changed copy of one shot, or two flat scans of one form."""
    OTHER = "other"
    """Nothing to say: another shot, or another sheet."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """`tiles` of the common area have something on them; `equal` of them fit. `overlap`: millionths of the larger."""

    kind: Kind
    overlap: int
    tiles: int
    equal: int


OTHER = Likeness(Kind.OTHER, 0, 0, 0)

MILLION = 1_000_000
_SIDE = 1_000
_FEATURES = 1_500
_RATIO = 0.8  # Lowe 2004, doi:10.1023/B:VISI.0000029664.99615.94, section 7.1
_LEAST_INLIERS = 25
_REACH_PX = 8
"""How far tile and place may lie apart: both pictures were bent by up to 6 of 2,000 pixels."""
_TILE_PX = 50
_LEAST_CONTRAST = 12.0
_SMOOTH_PX = 1.2
_EQUAL_CORRELATION = 0.75
_SAME_SHARE = 0.97
"""Measured on 50 forms: scans of one form, filled in differently, fit in up to 95 % of tiles. It errs to `differs`."""
_FITTING_SHARE = 0.6
_WHOLE_OVERLAP = 0.9

Grey = NDArray[np.uint8]


def likeness(first: Image, second: Image) -> Likeness:
    """How far two sanitised pictures (`picture.decode`) are the same shot. Takes about 0.2 seconds."""
    one, two = _grey(first), _grey(second)
    matrix = _laid_over(one, two)
    if matrix is None:
        return OTHER
    height, width = two.shape
    moved = np.asarray(cv2.warpAffine(one, matrix, (width, height)), np.uint8)
    covered = np.asarray(cv2.warpAffine(np.full_like(one, 255), matrix, (width, height)), np.uint8)
    scale = float(np.hypot(matrix[0, 0], matrix[0, 1]))
    common = int(np.count_nonzero(covered))
    overlap = common / max(two.size, one.size * scale**2)
    tiles, equal = _fitting(moved, two, covered)
    if tiles == 0 or equal < _FITTING_SHARE * tiles:
        return OTHER
    kind = Kind.DIFFERS if equal < _SAME_SHARE * tiles else Kind.SAME if overlap >= _WHOLE_OVERLAP else Kind.PART
    return Likeness(kind, min(MILLION, round(overlap * MILLION)), tiles, equal)


def _grey(image: Image) -> Grey:
    scale = min(1.0, _SIDE / max(image.shape[:2]))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), _SMOOTH_PX), np.uint8)


def _laid_over(one: Grey, two: Grey) -> NDArray[np.float64] | None:
    """Turn, scale and shift that take `one` onto `two`, or None. No perspective: one shot has none against itself."""
    finder = cv2.ORB.create(nfeatures=_FEATURES, fastThreshold=5)
    points_one, found_one = finder.detectAndCompute(one, None)
    points_two, found_two = finder.detectAndCompute(two, None)
    if len(points_one) < _LEAST_INLIERS or len(points_two) < _LEAST_INLIERS:
        return None
    pairs = cv2.BFMatcher.create(cv2.NORM_HAMMING).knnMatch(found_one, found_two, k=2)
    good = [best for best, *rest in pairs if rest and best.distance < _RATIO * rest[0].distance]
    if len(good) < _LEAST_INLIERS:
        return None
    here = np.array([points_one[match.queryIdx].pt for match in good], np.float32)
    there = np.array([points_two[match.trainIdx].pt for match in good], np.float32)
    cv2.setRNGSeed(1)  # the same pictures give the same answer
    matrix, inliers = cv2.estimateAffinePartial2D(here, there, method=cv2.RANSAC, ransacReprojThreshold=_REACH_PX / 2)
    if matrix is None or int(np.count_nonzero(inliers)) < _LEAST_INLIERS:
        return None
    return np.asarray(matrix, np.float64)


def _fitting(moved: Grey, two: Grey, covered: Grey) -> tuple[int, int]:
    """Tiles with something on them in the common area, and how many of those find themselves in the other picture."""
    tiles = equal = 0
    height, width = two.shape
    for top in range(_REACH_PX, height - _TILE_PX - _REACH_PX, _TILE_PX):
        for left in range(_REACH_PX, width - _TILE_PX - _REACH_PX, _TILE_PX):
            around = np.s_[top - _REACH_PX : top + _TILE_PX + _REACH_PX, left - _REACH_PX : left + _TILE_PX + _REACH_PX]
            tile = two[top : top + _TILE_PX, left : left + _TILE_PX]
            if float(tile.std()) < _LEAST_CONTRAST or not covered[around].all():
                continue
            tiles += 1
            equal += float(cv2.matchTemplate(moved[around], tile, cv2.TM_CCOEFF_NORMED).max()) >= _EQUAL_CORRELATION
    return tiles, equal
