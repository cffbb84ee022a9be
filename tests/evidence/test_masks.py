"""A mask is black pixels in a new picture; degenerate ones are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.evidence import Mask, Region, apply_mask, decode
from counterfoil.evidence.picture import encode
from counterfoil.primitives.canonical import sha256_hex
from counterfoil.primitives.errors import InputError

NOISE = encode(np.random.default_rng(3).integers(0, 256, (240, 320, 3)).astype(np.uint8))
edges = st.integers(0, 1_000_000)


def masked(mask: Mask) -> tuple[bytes, np.ndarray[Any, np.dtype[np.uint8]]]:
    done = apply_mask(NOISE, mask, sha256=sha256_hex(NOISE))
    assert done.sha256 == sha256_hex(done.picture)
    return done.picture, decode(done.picture, sha256=done.sha256)


@settings(deadline=None, max_examples=40)
@given(edges, edges, edges, edges)
def test_under_a_rectangle_nothing_is_left_and_beside_it_all(left: int, top: int, right: int, bottom: int) -> None:
    left, right, top, bottom = min(left, right), max(left, right), min(top, bottom), max(top, bottom)
    if (right - left) * (bottom - top) < 4_000_000:
        return
    _, image = masked(Mask((Region.rectangle(left, top, right, bottom),)))
    rows = slice(round(top * 240 / 1e6), round(bottom * 240 / 1e6))
    columns = slice(round(left * 320 / 1e6), round(right * 320 / 1e6))
    # What JPEG leaves of an edge beside noise lies in its outermost 8 x 8 blocks, and is an echo of the outside.
    inner = image[rows, columns][16:-16, 16:-16]
    assert inner.size == 0 or inner.max() <= 2
    outside = np.ones(image.shape[:2], bool)
    outside[max(0, rows.start - 17) : rows.stop + 17, max(0, columns.start - 17) : columns.stop + 17] = False
    if outside.any():
        untouched = decode(NOISE, sha256=sha256_hex(NOISE))[outside].astype(int)
        assert np.abs(image[outside].astype(int) - untouched).mean() < 12


def test_two_pictures_that_differ_only_under_the_mask_become_the_same_bytes() -> None:
    """Attack: recover a masked name from what the encoder left around it."""
    page = np.full((240, 320, 3), 230, np.uint8)
    with_name = page.copy()
    with_name[100:110, 100:180] = 10
    mask = Mask((Region.rectangle(250_000, 333_333, 625_000, 533_333),))
    done = []
    for image in (page, with_name):
        picture = encode(image)
        done.append(apply_mask(picture, mask, sha256=sha256_hex(picture)).picture)
    assert done[0] == done[1]


def test_a_polygon_covers_its_inside() -> None:
    _, image = masked(Mask((Region(((100_000, 100_000), (900_000, 100_000), (500_000, 900_000))),)))
    assert image[100:110, 155:165].max() <= 2
    assert image[200:, :60].std() > 30


def test_a_self_crossing_polygon_covers_both_its_halves() -> None:
    _, image = masked(Mask((Region(((100_000, 100_000), (900_000, 900_000), (900_000, 200_000), (100_000, 900_000))),)))
    assert image[115:125, 40:56].max() <= 2
    assert image[110:130, 272:280].max() <= 2


@pytest.mark.parametrize(
    "corners",
    [
        [],
        [[1, 1], [500_000, 500_000]],
        [[1, 1], [1, 1], [1, 1]],
        [[0, 0], [500_000, 500_000], [1_000_000, 1_000_000]],  # a line
        [[500_000, 0], [500_000, 1_000_000], [500_001, 1_000_000], [500_001, 0]],  # a hair
        [[0, 0], [1_000_001, 0], [0, 1_000_000]],
        [[-1, 0], [1_000_000, 0], [0, 1_000_000]],
        [[0, 0], [0.5, 0], [0, 1]],
        [[0, 0], [True, 0], [0, 1_000_000]],
        [[0, 0, 0], [1_000_000, 0, 0], [0, 1_000_000, 0]],
        [[0, 0], [1_000_000, 0], [0, 1_000_000]] * 40,
        "corners",
        None,
    ],
)
def test_a_region_that_hides_nothing_or_lies_outside_is_refused(corners: Any) -> None:
    with pytest.raises(InputError) as refused:
        Mask.from_data({"nothing_to_hide": False, "regions": [corners]})
    assert refused.value.code == "bad-mask"


@pytest.mark.parametrize(
    "data",
    [
        {"nothing_to_hide": False, "regions": []},
        {"nothing_to_hide": True, "regions": [[[0, 0], [9_000, 0], [0, 900_000]]]},
        {"regions": []},
        {"nothing_to_hide": 1, "regions": []},
        {"nothing_to_hide": True, "regions": [], "note": "x"},
        [],
    ],
)
def test_an_empty_mask_must_say_that_somebody_looked(data: Any) -> None:
    with pytest.raises(InputError):
        Mask.from_data(data)


def test_nothing_to_hide_is_a_mask_of_its_own_and_still_encodes_anew() -> None:
    mask = Mask((), nothing_to_hide=True)
    picture, _ = masked(mask)
    assert picture != NOISE
    assert Mask.parse(mask.canonical()) == mask


def test_a_mask_survives_its_record_and_its_id_is_its_own() -> None:
    draw = np.random.default_rng(2)
    ids = set()
    for _ in range(50):
        regions = tuple(
            Region(tuple((int(draw.integers(1_000_001)), int(draw.integers(1_000_001))) for _ in range(3)))
            for _ in range(2)
        )
        mask = Mask(regions)
        assert Mask.parse(mask.canonical()) == mask
        ids.add(mask.id)
    assert len(ids) == 50


def test_a_picture_that_was_changed_on_disk_is_not_masked_but_refused() -> None:
    with pytest.raises(InputError) as refused:
        apply_mask(NOISE[:-1] + b"\0", Mask((), nothing_to_hide=True), sha256=sha256_hex(NOISE))
    assert refused.value.code == "picture-changed"
