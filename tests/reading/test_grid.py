"""Pages with hardly any print, known by the lines of their table."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from counterfoil.reading.grid import MIN_ALIKE, grid, laid
from counterfoil.reading.register import register
from tests.reading.real_forms import labels, photo, prepared, quads

THIRD = 1 / 3
CUTS = [
    "ke-033177088100101",
    "ke-033177088100401",  # cut close on the left
    "ke-033177088100701",  # faint
    "ke-033177088101101",  # faint and blurred
    "ke-033177088101401",  # of another height, with lines of another table above
]


@pytest.mark.parametrize("form", CUTS)
def test_cut_outs_of_a_table_are_found_with_every_row_in_its_place(form: str) -> None:
    page = prepared("kecrop")
    found = register(photo(form), [page])
    assert found.accepted, found.reason
    assert found.placing is not None
    for name, quad in quads(form).items():
        place = found.placing.place(np.array(page.page.place(name).quad, np.float64))
        high = float(np.linalg.norm(quad[3] - quad[0]))
        # How far a field reaches to the left was drawn by eye: no line is printed there.
        assert np.abs(place - quad)[:, 1].max() < THIRD * high
        assert np.abs(place - quad)[1:3, 0].max() < THIRD * high


def test_upside_down_rows_are_counted_from_their_own_top() -> None:
    page = prepared("kecrop")
    image = photo(CUTS[0])
    height, width = image.shape[:2]
    found, turned = register(image, [page]), register(np.ascontiguousarray(image[::-1, ::-1]), [page])
    assert found.quad is not None
    assert turned.quad is not None
    assert np.abs(turned.quad - ([width, height] - found.quad)).max() < 10


@pytest.mark.parametrize("form", CUTS[:1])
def test_a_mirrored_table_is_refused_though_it_has_nearly_the_same_lines(form: str) -> None:
    assert not register(np.ascontiguousarray(photo(form)[:, ::-1]), [prepared("kecrop")]).accepted


@pytest.mark.parametrize("form", ["id14-1625232", "hn-18108"])
def test_tables_of_other_forms_are_refused(form: str) -> None:
    """The first is the one whose lines fit best."""
    found = register(photo(form), [prepared("kecrop")])
    assert not found.accepted
    assert found.code in ("no-page", "wrong-page", "too-little")


def test_only_pages_with_hardly_any_print_are_known_by_lines() -> None:
    assert prepared("kecrop").grid is not None
    assert all(prepared(name).grid is None for name in ("id2015-kepri", "hn2025", "nggov", "id2024h3"))
    assert "kecrop" in {entry["template"] for entry in labels().values()}


def test_a_table_of_even_rows_only_has_no_one_place() -> None:
    """Nothing but rows in even distances: which of them is the first can't be said."""
    sheet = np.full((1000, 500), 235, np.uint8)
    for y in range(20, 1000, 60):
        cv2.line(sheet, (0, y), (499, y), 60, 2)
    page = grid(sheet, [])
    assert laid(np.roll(sheet, 25, axis=0), page) is None


def test_lines_that_the_page_does_not_have_count_against_it() -> None:
    """A table with columns of its own between the rows that fit."""
    image = cv2.cvtColor(prepared("kecrop").picture, cv2.COLOR_RGB2GRAY).astype(np.uint8)
    page = prepared("kecrop").grid
    assert page is not None
    same = laid(image, page)
    assert same is not None
    assert same.alike > 0.9 > MIN_ALIKE
    for x in range(40, 500, 25):
        cv2.line(image, (x, 0), (x, image.shape[0]), 40, 3)
    assert laid(image, page) is None
