"""Fields cut out: what is ink and what is print, how much of a field is seen, and fields moved onto their lines."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from counterfoil.reading.belief import Crop, Quad, Rgb
from counterfoil.reading.crops import crops, crops_given, field_quads
from counterfoil.reading.layout import FIELD_PX, MARGIN_PX
from counterfoil.reading.register import register
from tests.reading.real_forms import photo, prepared, quads

INNER = (slice(MARGIN_PX, -MARGIN_PX), slice(MARGIN_PX, -MARGIN_PX))
BLUE, FAINT, BLACK = (40, 50, 140), (200, 200, 204), (30, 30, 30)
LEFT, TOP, WIDE, HIGH = 60, 40, 180, 50
Colour = tuple[int, int, int]


def _sheet(rows: int, *, lines: Colour = BLACK, boxes: int = 3, paper: int = 232) -> tuple[Rgb, dict[str, Quad]]:
    """Rows of printed boxes, one below the other, and their outlines."""
    image = np.full((TOP * 2 + rows * HIGH, 320, 3), paper, np.uint8)
    outlines: dict[str, Quad] = {}
    for row in range(rows):
        top, bottom = TOP + row * HIGH, TOP + (row + 1) * HIGH
        cv2.rectangle(image, (LEFT, top), (LEFT + WIDE, bottom), lines, 2)
        for box in range(1, boxes):
            x = LEFT + box * WIDE // boxes
            cv2.line(image, (x, top), (x, bottom), lines, 2)
        corners = [[LEFT, top], [LEFT + WIDE, top], [LEFT + WIDE, bottom], [LEFT, bottom]]
        outlines[f"row{row}"] = np.array(corners, np.float64)
    return image, outlines


def _write(image: Rgb, row: int, text: str, colour: Colour = BLUE, x: int = LEFT + 16, step: int = 60) -> None:
    for index, letter in enumerate(text):
        place = (x + index * step, TOP + row * HIGH + 38)
        cv2.putText(image, letter, place, cv2.FONT_HERSHEY_SIMPLEX, 1.1, colour, 3, cv2.LINE_AA)


def _ink(crop: Crop) -> float:
    return float(crop.ink[INNER].sum())


def test_a_crop_has_the_agreed_size() -> None:
    image, outlines = _sheet(3)
    for crop in crops_given(image, outlines):
        assert crop.margin_px == MARGIN_PX
        assert crop.image.shape == (FIELD_PX + 2 * MARGIN_PX, round(FIELD_PX * WIDE / HIGH) + 2 * MARGIN_PX, 3)
        assert crop.ink.shape == crop.image.shape[:2]
        assert crop.ink.dtype == np.float32
        assert crop.ink.min() >= 0
        assert crop.ink.max() <= 1
        assert crop.height_px == pytest.approx(HIGH)


def test_printed_boxes_are_counted_and_are_no_ink() -> None:
    image, outlines = _sheet(4)
    _write(image, 0, "405")
    written, *empty = crops_given(image, outlines)
    assert written.boxes == 3
    assert _ink(written) > 400
    assert all(_ink(crop) < 20 for crop in empty)


def test_a_tall_1_in_a_single_field_is_no_line() -> None:
    image, outlines = _sheet(1, boxes=1)
    cv2.line(image, (LEFT + 88, TOP + 1), (LEFT + 90, TOP + HIGH - 1), BLUE, 3)
    (crop,) = crops_given(image, outlines)
    assert crop.boxes is None
    assert _ink(crop) > 150


def test_the_same_figure_in_every_row_is_no_print() -> None:
    image, outlines = _sheet(5)
    for row in range(5):
        _write(image, row, "111", x=LEFT + 18 + 3 * (row % 3))
    assert all(_ink(crop) > 300 for crop in crops_given(image, outlines))


def test_a_stroke_that_crosses_a_line_stays_whole() -> None:
    image, outlines = _sheet(3)
    cv2.line(image, (LEFT + 40, TOP + 10), (LEFT + 85, TOP + 40), BLUE, 4)
    crossed = crops_given(image, outlines)[0]
    # Gaps of a pixel or two are closed as a blurred eye does.
    whole = cv2.morphologyEx((crossed.ink > 0.3).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    marks, _, stats, _ = cv2.connectedComponentsWithStats(whole)
    assert marks >= 2
    # Drawn 45 pixels wide on a field of 50: 57 of the crop's pixels, in one piece.
    assert stats[1:, cv2.CC_STAT_WIDTH].max() >= 50


def test_faint_strokes_are_full_ink_on_a_sheet_of_faint_strokes() -> None:
    image, outlines = _sheet(3)
    _write(image, 1, "208", FAINT)
    assert crops_given(image, outlines)[1].ink.max() > 0.9


def test_faint_marks_are_no_ink_beside_strong_strokes() -> None:
    image, outlines = _sheet(3, boxes=1)
    _write(image, 0, "208", BLACK)
    _write(image, 1, "888", (214, 214, 214))
    strong, faint, _ = crops_given(image, outlines)
    assert _ink(faint) < 0.1 * _ink(strong)


def test_yellow_dots_and_pink_watermarks_are_no_ink() -> None:
    image, outlines = _sheet(3, lines=(235, 225, 60))
    cv2.circle(image, (LEFT + 90, TOP + HIGH + 25), 18, (250, 205, 205), 5)
    _write(image, 0, "7")
    written, marked, empty = crops_given(image, outlines)
    assert written.boxes == 3
    assert max(_ink(marked), _ink(empty)) < 0.1 * _ink(written)


def test_a_red_pen_is_ink() -> None:
    image, outlines = _sheet(3)
    _write(image, 0, "53", (200, 30, 40))
    assert _ink(crops_given(image, outlines)[0]) > 300


def test_shadow_is_no_ink() -> None:
    image, outlines = _sheet(3)
    _write(image, 0, "405")
    dark = np.ones(image.shape[1], np.float32)
    dark[100:] = 0.45
    shaded = (image * cv2.blur(dark[None, :], (25, 1))[:, :, None]).astype(np.uint8)
    written, *empty = crops_given(shaded, outlines)
    assert _ink(written) > 300
    assert all(_ink(crop) < 0.1 * _ink(written) for crop in empty)


def test_a_tail_from_the_row_above_is_not_this_rows() -> None:
    image, outlines = _sheet(2, boxes=1)
    cv2.line(image, (LEFT + 90, TOP + 8), (LEFT + 90, TOP + HIGH + 8), BLUE, 3)
    above, below = crops_given(image, outlines)
    assert _ink(above) > 100
    assert _ink(below) < 0.1 * _ink(above)


@pytest.mark.parametrize(("cut", "share"), [(TOP + HIGH // 2, 0.5), (TOP + HIGH, 1.0), (TOP - 10, 0.0)])
def test_the_part_of_a_field_inside_the_picture_is_told(cut: int, share: float) -> None:
    image, outlines = _sheet(1)
    (crop,) = crops_given(np.ascontiguousarray(image[:cut]), outlines)
    assert crop.seen == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("quad", [[[5, 5]] * 4, [[5, 5], [50, 5], [50, 5.5], [5, 5.5]]])
def test_an_outline_of_nothing_is_seen_as_nothing(quad: list[list[float]]) -> None:
    image, _ = _sheet(1)
    (crop,) = crops_given(image, {"point": np.array(quad, np.float64)})
    assert crop.seen == 0


@pytest.mark.parametrize(
    ("form", "boxes"),
    [
        ("hn-18118", 3),
        ("id14-1420467", 3),
        ("id19-dpr-pdi", 3),
        ("idea-dpr1", 3),
        ("ng-05", None),
        ("ke-030157078100101", None),
    ],
)
def test_boxes_of_real_forms_are_found_and_none_where_there_are_none(form: str, boxes: int | None) -> None:
    assert {crop.boxes for crop in crops_given(photo(form), quads(form))} == {boxes}


def test_print_of_a_blank_template_is_taken_away() -> None:
    form = prepared("id2019")
    width, height = form.size
    image = cv2.resize(form.picture, (width * 3 // 5, height * 3 // 5), interpolation=cv2.INTER_AREA).astype(np.uint8)
    found = register(image, [form])
    place = np.array(form.page.place("c1").quad) * 0.6
    x, y = place.mean(axis=0).astype(int)
    cv2.line(image, (x, y - 15), (x, y + 15), BLUE, 3)
    one, *others = crops(image, field_quads(image, found, form), form)
    assert _ink(one) > 100
    assert all(_ink(crop) < 0.2 * _ink(one) for crop in others)


def test_fields_of_bent_paper_are_moved_onto_their_lines() -> None:
    form = prepared("id2019")
    height, width = form.picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    wave = 26 * np.sin(y / height * 5)  # pixels, of fields that are 90 high
    image = cv2.remap(form.picture, x, y - wave, cv2.INTER_LINEAR, borderValue=(235, 235, 235)).astype(np.uint8)
    found = register(image, [form])
    assert found.accepted, found.reason
    for name, quad in field_quads(image, found, form).items():
        place = np.array(form.page.place(name).quad, np.float64)
        rows = np.arange(height)
        for corner, printed in zip(quad, place, strict=True):
            moved = rows[np.abs(rows - wave[:, 0] - printed[1]).argmin()]
            assert abs(corner[0] - printed[0]) < 8
            assert abs(corner[1] - moved) < 8
