"""Black areas over what must not be published: a copy's number, a name, a signature, a hand.

A mask is a list of regions in millionths of the picture's width and height, drawn by hand or given once for the form.
It becomes black pixels in a newly encoded picture, never a layer over one; only such a picture may be released. The
release entry names the mask by its id, the hash of its canonical form, so that two people can confirm the same one.

* a region is a polygon of 3 to 100 corners; a rectangle is one of 4;
* every corner lies within the picture; an area that covers nothing is refused: somebody meant to hide something there;
* an empty mask is a decision too ("looked at, nothing to hide") and must say so: `nothing_to_hide`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np

from counterfoil.evidence.picture import decode, encode
from counterfoil.primitives.canonical import canonical, parse, sha256_hex
from counterfoil.primitives.errors import InputError

WHOLE = 1_000_000
"""A corner at the right or lower edge."""
MAX_CORNERS = 100
MAX_REGIONS = 200
LEAST_AREA = 4
"""Millionths x millionths of the picture, in units of a millionth of its area: 2 x 2 pixels of a 1,000 x 1,000 one."""

Corner = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Region:
    """One black polygon. Corners are (x, y) in millionths of width and height, from the upper left."""

    corners: tuple[Corner, ...]

    def __post_init__(self) -> None:
        if not 3 <= len(self.corners) <= MAX_CORNERS:
            raise _bad(f"3 to {MAX_CORNERS} corners", f"{len(self.corners)}")
        for corner in self.corners:
            for value in corner:
                if not 0 <= value <= WHOLE:
                    raise _bad(f"corners of 0 to {WHOLE:,} millionths", f"{value}")
        if len(set(self.corners)) < 3 or abs(self._twice_area()) < 2 * LEAST_AREA * WHOLE:
            raise _bad("an area that covers something", "a point, a line or next to nothing")

    @classmethod
    def rectangle(cls, left: int, top: int, right: int, bottom: int) -> Self:
        """A rectangle by its edges, in millionths."""
        return cls(((left, top), (right, top), (right, bottom), (left, bottom)))

    def _twice_area(self) -> int:
        """Shoelace formula."""
        ends = (*self.corners[1:], self.corners[0])
        return sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in zip(self.corners, ends, strict=True))


@dataclass(frozen=True, slots=True)
class Mask:
    """All regions of one picture. Empty only where a person looked and said so."""

    regions: tuple[Region, ...]
    nothing_to_hide: bool = False

    def __post_init__(self) -> None:
        if len(self.regions) > MAX_REGIONS:
            raise _bad(f"at most {MAX_REGIONS} regions", f"{len(self.regions)}")
        if bool(self.regions) == self.nothing_to_hide:
            raise _bad("regions, or the word that there is nothing to hide", "both" if self.regions else "neither")

    def data(self) -> dict[str, Any]:
        """The mask as a value of canonical JSON: {"nothing_to_hide": ..., "regions": [[[x, y], ...], ...]}."""
        return {
            "nothing_to_hide": self.nothing_to_hide,
            "regions": [[list(corner) for corner in region.corners] for region in self.regions],
        }

    def canonical(self) -> bytes:
        """The bytes that are kept, and that `id` is the hash of."""
        return canonical(self.data())

    @property
    def id(self) -> str:
        """SHA-256 of the canonical form, as 64 hex digits: what a `release` entry names as its mask."""
        return sha256_hex(self.canonical())

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """A mask from its canonical bytes."""
        return cls.from_data(parse(data))

    @classmethod
    def from_data(cls, value: object) -> Self:
        """A mask from a JSON value as `data` gives it; refuses unknown keys and anything that is no whole number."""
        if not isinstance(value, Mapping) or set(value) != {"nothing_to_hide", "regions"}:
            raise _bad("an object with nothing_to_hide and regions", f"{value!r:.60}")
        said, regions = value["nothing_to_hide"], value["regions"]
        if not isinstance(said, bool) or not isinstance(regions, list):
            raise _bad("yes or no, and a list of regions", f"{value!r:.60}")
        return cls(tuple(Region(_corners(region)) for region in regions), said)


@dataclass(frozen=True, slots=True)
class Masked:
    """A picture that may be released, and the mask that made it."""

    picture: bytes
    sha256: str
    mask: Mask


def apply_mask(picture: bytes, mask: Mask, *, sha256: str) -> Masked:
    """A newly encoded picture with black where the mask lies. `sha256` is that of the sanitised picture.

    Regions are widened by one pixel on every side: half a pixel of a name is not left at an edge.
    """
    image = decode(picture, sha256=sha256)
    height, width = image.shape[:2]
    cover = np.zeros((height, width), np.uint8)
    for region in mask.regions:
        corners = np.array([[round(x * width / WHOLE), round(y * height / WHOLE)] for x, y in region.corners], np.int32)
        cv2.fillPoly(cover, [corners], 255)
    # JPEG smears colour over 2 x 2 pixels; the block under a covered pixel goes as a whole.
    image[cv2.dilate(cover, np.ones((3, 3), np.uint8)) > 0] = 0
    masked = encode(image)
    return Masked(masked, sha256_hex(masked), mask)


def _corners(value: object) -> tuple[Corner, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise _bad("a list of corners", f"{value!r:.60}")
    corners: list[Corner] = []
    for corner in value:
        if not isinstance(corner, Sequence) or len(corner) != 2 or not all(type(number) is int for number in corner):
            raise _bad("corners as [x, y] in whole millionths", f"{corner!r:.60}")
        corners.append((corner[0], corner[1]))
    return tuple(corners)


def _bad(expected: str, found: str) -> InputError:
    return InputError("the mask", expected=expected, found=found, do="draw it again", code="bad-mask")
