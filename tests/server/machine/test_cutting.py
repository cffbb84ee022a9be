"""A field cut out of a photo: upright, with what stands beside it covered."""

from __future__ import annotations

import numpy as np
import pytest

from counterfoil.evidence.crop import COVER, LEAST_HEIGHT, MOST_WIDTH, Corners, below_each_other, cut, is_field
from counterfoil.evidence.picture import Image

SIZE = 1000
"""Of the photo, so that a pixel is a thousand millionths."""
OWN, ABOVE, BELOW, ASIDE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)


def box(left: int, top: int, right: int, bottom: int) -> Corners:
    return [(x * 1000, y * 1000) for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))]


FIELDS = {OWN: box(400, 500, 600, 550), ABOVE: box(400, 450, 600, 500), BELOW: box(400, 550, 600, 600)}
FIELDS |= {ASIDE: box(600, 500, 800, 550)}


def sheet() -> Image:
    image = np.full((SIZE, SIZE, 3), 255, np.uint8)
    for colour, corners in FIELDS.items():
        (left, top), _, (right, bottom), _ = ((x // 1000, y // 1000) for x, y in corners)
        image[top:bottom, left:right] = colour
    return image


def share(image: Image, colour: tuple[int, int, int]) -> float:
    return float((np.abs(image.astype(int) - colour).max(axis=2) < 40).mean())


def test_fields_that_touch_it_are_covered_and_its_own_edge_is_not() -> None:
    found = cut(sheet(), FIELDS[OWN], [corners for colour, corners in FIELDS.items() if colour != OWN])
    assert share(found, OWN) > 0.35
    assert share(found, (COVER, COVER, COVER)) > 0.2
    for other in (ABOVE, BELOW, ASIDE):
        assert share(found, other) < 0.08, "what a figure may reach beyond its line, and no more"
    bare = cut(sheet(), FIELDS[OWN], [])
    assert share(bare, ABOVE) > 0.08


def test_a_small_field_is_enlarged_and_a_wide_one_is_not_beyond_a_screen() -> None:
    assert cut(sheet(), box(400, 500, 440, 510), []).shape[0] >= LEAST_HEIGHT
    assert cut(sheet(), box(0, 500, 1000, 505), []).shape[1] <= MOST_WIDTH


def test_a_field_upside_down_is_turned() -> None:
    image = sheet()
    image[500:550, 400:420] = (0, 0, 0)
    corners = list(FIELDS[OWN])
    found = cut(image, [corners[2], corners[3], corners[0], corners[1]], [])
    black = np.argwhere(found.max(axis=2) < 60)[:, 1]
    assert black.mean() > found.shape[1] / 2, "the left edge of the field stands on the right"


@pytest.mark.parametrize(
    ("corners", "why"),
    [
        (box(400, 500, 400, 550), "no width"),
        (list(reversed(box(400, 500, 600, 550))), "going round to the left: mirrored"),
        ([(0, 0), (500_000, 500_000), (0, 500_000), (500_000, 0)], "crossing itself"),
        (box(1200, 500, 1400, 550), "outside the photo"),
        (box(900, 500, 1200, 550), "less than half inside"),
    ],
)
def test_corners_that_make_no_field_are_known(corners: Corners, why: str) -> None:
    assert not is_field(corners, SIZE, SIZE), why


def test_several_cuts_stand_below_each_other() -> None:
    one = cut(sheet(), FIELDS[OWN], [])
    both = below_each_other([one, one])
    assert both.shape[0] > 2 * one.shape[0]
    assert share(both, OWN) > 0.3
