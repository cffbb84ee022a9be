"""Pages found where they lie, and every other picture refused."""

from __future__ import annotations

import dataclasses
import pickle

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.reading.belief import Rgb
from counterfoil.reading.codes import CodeSeen, read_codes
from counterfoil.reading.crops import crops, field_quads
from counterfoil.reading.register import register
from tests.reading.real_forms import labels, photo, prepared, worst

THIRD = 1 / 3


@pytest.mark.parametrize(
    "form",
    [
        "hn-18118",  # faint
        "id14-1420467",  # 319 pixels wide
        "id14-terbalik",  # upside down
        "id17-2",  # found by the slower points only
        "id19-mock5",  # sideways, part of the sheet outside
        "id19-mock2",  # the sheet small in the picture
        "id15-pek4220",  # partly covered
        "idea-pwp1",
        "ng-05",
    ],
)
def test_real_forms_are_found_with_every_field_within_a_third_of_its_height(form: str) -> None:
    name = labels()[form]["template"]
    found = register(photo(form), [prepared(name)])
    assert found.accepted, found.reason
    assert found.reason is None
    assert (found.template, found.page) == (name, prepared(name).page)
    assert worst(form, found, name) < THIRD
    assert found.residual_px is not None
    assert found.residual_px < 2


def test_a_sheet_cut_off_below_is_found_and_its_lower_fields_are_outside() -> None:
    found = register(photo("id17-6"), [prepared("id2017")])
    assert found.accepted, found.reason
    assert worst("id17-6", found, "id2017") < THIRD
    quads = field_quads(photo("id17-6"), found, prepared("id2017"))
    seen = {crop.name: crop.seen for crop in crops(photo("id17-6"), quads, prepared("id2017"))}
    assert seen["c1"] == 1
    assert {name for name, share in seen.items() if share == 0} == {"invalid", "valid2", "invalid2", "cast2"}


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_it_is_no_matter_which_way_up_a_photo_is(quarters: int) -> None:
    image = np.ascontiguousarray(np.rot90(photo("id14-1420460"), quarters))
    found = register(image, [prepared("id2014p4")])
    assert found.accepted
    assert found.quad is not None
    # The corner named first is the page's own upper left one, wherever it lies.
    nearest = int(np.linalg.norm(found.quad, axis=1).argmin())
    assert nearest == {1: 1, 2: 2, 3: 3}[quarters]


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("id14-1386928", "id2014p4"),  # a narrative page of the same form
        ("id14-1386928", "id2014p1"),
        ("id15-jambi", "id2015-kepri"),  # the same print for another province
        ("id15-kepri", "id2015-jambi"),
        ("ng-05", "ngsta"),  # the same print for another election
        ("ng-10", "nggov"),
        ("id24-h2-a", "id2024h3"),  # the same form with one row less
        ("idea-pwp1", "ideadata"),
        ("hn-18108", "ke34a"),
        ("id17-6", "id2019"),
    ],
)
def test_a_page_of_another_template_is_refused(form: str, name: str) -> None:
    found = register(photo(form), [prepared(name)])
    assert not found.accepted
    assert found.code in ("no-page", "wrong-page")
    assert found.reason


def test_of_several_templates_the_right_one_is_found() -> None:
    pages = [prepared(name) for name in ("ngsta", "id2014p1", "nggov", "hn2025")]
    assert register(photo("ng-05"), pages).template == "nggov"
    assert register(photo("ng-10"), pages).template == "ngsta"


def test_a_mirrored_picture_is_refused_as_mirrored() -> None:
    found = register(np.ascontiguousarray(photo("ng-05")[:, ::-1]), [prepared("nggov")])
    assert (found.accepted, found.code) == (False, "mirrored")


def _beside(left: Rgb, right: Rgb) -> Rgb:
    height = min(left.shape[0], right.shape[0])
    parts = [cv2.resize(one, (round(one.shape[1] * height / one.shape[0]), height)) for one in (left, right)]
    return np.hstack(parts).astype(np.uint8)


@pytest.mark.parametrize(
    ("left", "right", "names"),
    [
        ("id14-ok", "id14p1-kupang1", ["id2014p4", "id2014p1"]),  # two pages of one form
        ("id14-ok", "id14-1634246", ["id2014p4"]),  # two sheets of one page
        ("ng-05", "ng-05", ["nggov"]),
    ],
)
def test_two_pages_in_one_picture_are_refused_as_two(left: str, right: str, names: list[str]) -> None:
    found = register(_beside(photo(left), photo(right)), [prepared(name) for name in names])
    assert (found.accepted, found.code) == (False, "two-pages")


@pytest.mark.parametrize("tone", [0, 127, 255])
def test_a_picture_of_nothing_shows_no_page(tone: int) -> None:
    image = np.full((900, 700, 3), tone, np.uint8)
    image[::7, ::9] ^= 3
    assert register(image, [prepared("nggov")]).code == "no-page"


def test_without_a_template_nothing_is_found() -> None:
    assert register(photo("ng-05"), []).code == "no-template"


def test_a_small_part_of_a_page_is_refused() -> None:
    image = photo("id14-ok")
    found = register(np.ascontiguousarray(image[200:480, 300:824]), [prepared("id2014p4")])
    assert not found.accepted
    assert found.code in ("no-page", "too-little", "wrong-page")


def test_a_code_of_the_page_is_in_harmony_with_its_print() -> None:
    image = photo("idea-pwp1")
    codes = read_codes(image)
    assert register(image, [prepared("ideadata"), prepared("ideapwp")], codes).template == "ideapwp"


def test_an_attacker_who_glues_another_pages_code_on_a_sheet_is_refused() -> None:
    image = photo("idea-pwp1")
    (code,) = read_codes(image)
    foreign = dataclasses.replace(code, payload="010200-01")  # the page with the data of voters
    both = [prepared("ideadata"), prepared("ideapwp")]
    assert register(image, both, [foreign]).code == "other-code"
    assert register(image, [prepared("ideapwp")], [foreign]).code == "other-code"


def test_a_code_beside_the_sheet_is_not_the_sheets() -> None:
    image = photo("idea-pwp1")
    far = CodeSeen("qr", "https://example.org", np.array([[2, 2], [20, 2], [20, 20], [2, 20]], np.float64))
    assert register(image, [prepared("ideapwp")], [far]).accepted


def test_a_refused_page_has_no_fields() -> None:
    refused = register(photo("hn-18108"), [prepared("ke34a")])
    with pytest.raises(ValueError, match="refused"):
        field_quads(photo("hn-18108"), refused, prepared("ke34a"))


def test_the_same_photo_gives_the_same_answer_and_a_prepared_page_can_be_stored() -> None:
    stored = pickle.loads(pickle.dumps(prepared("nggov")))  # noqa: S301 - our own bytes
    first, second = register(photo("ng-05"), [prepared("nggov")]), register(photo("ng-05"), [stored])
    assert first.quad is not None
    assert second.quad is not None
    assert np.array_equal(first.quad, second.quad)
    assert (first.found, first.typical, first.residual_px) == (second.found, second.typical, second.residual_px)


@settings(max_examples=8, deadline=None)
@given(
    corners=st.lists(st.tuples(st.floats(-0.12, 0.12), st.floats(-0.12, 0.12)), min_size=4, max_size=4),
    turn=st.sampled_from([0, 90, 180, 270, 20, -35]),
    size=st.sampled_from([700, 1_000, 1_500]),
    light=st.floats(0.5, 1.0),
)
def test_a_sheet_photographed_from_any_side_is_found_where_it_lies(
    corners: list[tuple[float, float]], turn: int, size: int, light: float
) -> None:
    page = prepared("id2019")
    width, height = page.size
    sheet = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    middle, scale = np.array([size / 2, size * 0.6]), 0.75 * size / height
    angle = np.deg2rad(turn)
    spin = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    there = ((sheet - sheet.mean(axis=0)) * scale * (1 + np.array(corners))) @ spin + middle
    seen = cv2.getPerspectiveTransform(sheet.astype(np.float32), there.astype(np.float32))
    table = (90, 70, 50)
    canvas = (size, round(size * 1.2))
    image = cv2.warpPerspective(page.picture, seen, canvas, flags=cv2.INTER_AREA, borderValue=table)
    shade = np.linspace(light, 1, canvas[0])[None, :, None]
    found = register((image * shade).astype(np.uint8), [page])
    assert found.accepted, found.reason
    for name, quad in field_quads(image.astype(np.uint8), found, page).items():
        place = np.array(page.page.place(name).quad, np.float32).reshape(-1, 1, 2)
        true = cv2.perspectiveTransform(place, seen).reshape(4, 2)
        assert np.linalg.norm(quad - true, axis=1).max() < np.linalg.norm(true[3] - true[0]) * THIRD
