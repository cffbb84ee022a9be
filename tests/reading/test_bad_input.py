"""Pictures that are no clean photo of one page of a known form: a clear outcome each, and never a figure made up."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from counterfoil.primitives.cells import FieldState
from counterfoil.reading.reader import PageReading, Reader
from counterfoil.simulate.blank import blank_form
from counterfoil.simulate.sheets import Sheet, Style, fill, side_by_side
from counterfoil.simulate.wear import Wear
from tests.reading.simulated import FIGURES, read, reader, right, sheet, wrongly_accepted

CALM = Wear(noise=2.0, defocus_px=0.4, tilt_degrees=1.0, perspective=0.01)


def refused(seen: PageReading) -> str:
    """The reason for which nothing was read; what is printed has no figure anywhere."""
    printed = json.loads(json.dumps(seen.to_dict()))
    assert printed["page"]["accepted"] is False
    assert printed["fields"] == {}
    assert printed["broken_rules"] == []
    reason = printed["page"]["reason"]
    assert isinstance(reason, str)
    assert reason.endswith(".")
    return reason


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert done
    return bytes(data)


def grey(one: Sheet) -> NDArray[np.uint8]:
    pixels = cv2.imdecode(np.frombuffer(one.picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert pixels is not None
    return np.asarray(pixels, np.uint8)


def test_without_any_template_nothing_is_read() -> None:
    refused(Reader([]).read(sheet("boxed", 21).picture))


def test_a_sheet_of_another_form_is_refused() -> None:
    refused(reader("guides").read(sheet("boxed", 21).picture))
    refused(Reader([blank_form(3).template, blank_form(5).template]).read(sheet("boxed", 21).picture))


@pytest.mark.parametrize("name", ["boxed", "free", "dots"])
def test_of_forms_with_the_same_tables_and_candidates_the_right_one_is_found(name: str) -> None:
    seen = reader("boxed", "free", "dots").read(sheet(name, 21).picture)
    assert (seen.accepted, seen.template) == (True, f"small-{name}")


def test_a_page_of_the_form_that_the_template_does_not_have_is_refused() -> None:
    two = blank_form(7, pages=2).template
    second = fill(two, {"c1": 41, "valid": 41}, seed=21, page="2", style=Style(wear=CALM))
    refused(Reader([replace(two, pages=two.pages[:1], fields=two.fields[:4], checks=())]).read(second.picture))


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_page_upside_down_or_sideways_is_read_all_the_same(quarters: int) -> None:
    one = sheet("boxed", 21, wear=replace(CALM, quarters=quarters))
    seen = read("boxed", one)
    assert seen.accepted, seen.reason
    assert {name: field.value for name, field in seen.fields.items()} == FIGURES
    assert np.abs(np.asarray(seen.quad) - np.array(one.quad)).max() < 0.02 * one.height


def test_a_mirrored_page_is_refused_and_told_so() -> None:
    reason = refused(read("boxed", sheet("boxed", 21, wear=replace(CALM, mirrored=True))))
    assert "mirrored" in reason


@pytest.mark.parametrize("cut", [(0, 0, 0, 0.5), (0, 0.2, 0, 0), (0, 0, 0.4, 0), (0, 0, 0, 0.78)])
def test_of_a_part_of_a_page_only_what_is_in_the_picture_is_read(cut: tuple[float, float, float, float]) -> None:
    one = sheet("boxed", 21, wear=replace(CALM, cut=cut))
    seen = read("boxed", one)
    if not seen.accepted:
        refused(seen)
        return
    for name, truth in one.fields.items():
        field = seen.fields[name]
        if truth.state is FieldState.ABSENT:
            assert (str(field.state), field.value, field.alternatives) == ("absent", None, ())
    assert wrongly_accepted(one, seen) == []


def test_two_pages_in_one_photo_are_refused_so_that_no_figures_are_mixed() -> None:
    pair = [sheet("boxed", 21), sheet("boxed", 22, figures={"ada": 1, "bob": 2, "cyd": 3, "valid": 6})]
    refused(reader("boxed").read(side_by_side(pair)))


def test_a_form_beside_another_form_gives_its_own_figures_or_none() -> None:
    other = sheet("free", 22, figures={"ada": 111, "bob": 222, "cyd": 333, "valid": 666})
    one = sheet("boxed", 21)
    seen = reader("boxed").read(side_by_side([one, other]))
    if not seen.accepted:
        refused(seen)
    else:
        assert {field.value for field in seen.fields.values()} <= {*FIGURES.values(), None}


@pytest.mark.parametrize("strength", [0.06, 0.14])
def test_a_photographed_screen_is_read_right_or_left_to_people(strength: float) -> None:
    wear = Wear("screen", moire=strength, fill=0.8, warmth=-0.4, perspective=0.03, defocus_px=0.5)
    one = sheet("boxed", 21, wear=wear)
    seen = read("boxed", one)
    if not seen.accepted:
        refused(seen)
        return
    assert wrongly_accepted(one, seen) == []
    read_right = right(one, seen, list(one.fields))
    assert {name for name, field in seen.fields.items() if field.outcome != "people"} <= set(read_right)


def test_a_picture_of_200_pixels_is_refused() -> None:
    small = cv2.resize(grey(sheet("boxed", 21)), (150, 200), interpolation=cv2.INTER_AREA)
    reason = refused(reader("boxed").read(jpeg(np.asarray(small, np.uint8))))
    assert "150 x 200 pixels" in reason


def test_a_picture_of_100_megapixels_is_refused() -> None:
    large = cv2.resize(grey(sheet("boxed", 21)), (8600, 11700), interpolation=cv2.INTER_NEAREST)
    assert large.size > 100_000_000
    refused(reader("boxed").read(jpeg(np.asarray(large, np.uint8))))


def test_attack_a_small_file_that_claims_100_megapixels_is_refused_by_its_header() -> None:
    data = bytearray(sheet("boxed", 21).picture)
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = (11_700).to_bytes(2, "big") + (8_600).to_bytes(2, "big")
    refused(reader("boxed").read(bytes(data)))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_black_grey_or_white_picture_is_refused(level: int) -> None:
    refused(reader("boxed").read(jpeg(np.full((1200, 900, 3), level, np.uint8))))


def test_noise_a_table_and_a_blurred_page_are_refused() -> None:
    rng = np.random.default_rng(3)
    refused(reader("boxed").read(jpeg(rng.integers(0, 256, (1200, 900, 3), dtype=np.uint8))))
    wood = np.repeat(rng.integers(80, 160, (1200, 1), dtype=np.uint8), 900, axis=1)
    refused(reader("boxed").read(jpeg(np.stack([wood, wood, wood // 2], axis=-1))))
    blurred = cv2.GaussianBlur(grey(sheet("boxed", 21)), (0, 0), 12)
    refused(reader("boxed").read(jpeg(np.asarray(blurred, np.uint8))))


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0", b"PK\x03\x04 no picture", b"%PDF-1.7"], ids=repr)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    refused(reader("boxed").read(data))


def test_a_picture_cut_off_while_sending_is_refused_or_read_as_far_as_it_goes() -> None:
    one = sheet("boxed", 21)
    seen = reader("boxed").read(one.picture[: len(one.picture) // 3])
    if not seen.accepted:
        refused(seen)
    else:
        assert wrongly_accepted(one, seen) == []


def test_a_blank_form_has_no_figures() -> None:
    seen = read("boxed", sheet("boxed", 21, figures={}))
    assert seen.accepted
    assert {str(field.state) for field in seen.fields.values()} == {"empty"}
    assert {field.value for field in seen.fields.values()} == {None}
