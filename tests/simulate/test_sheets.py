"""Simulated sheets: the truth is where the ink is, rules say what figures say, all chance comes from the seed."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp
from numpy.typing import NDArray

from counterfoil.election.templates import picture_of, read_template_bytes, write_template_zip
from counterfoil.primitives.cells import FieldState
from counterfoil.reading.given import read_outlines
from counterfoil.simulate.blank import BlankForm, Layout, blank_form, payload
from counterfoil.simulate.chance import random_figures
from counterfoil.simulate.hand import Hand
from counterfoil.simulate.sheets import PLAIN, Sheet, Style, fill, random_sheet, side_by_side
from counterfoil.simulate.wear import Fold, Wear
from counterfoil.simulate.writing import Person, Problem

FREE = next(number for number in range(99) if Layout.of(number).boxes is None)
BOXED = next(number for number in range(99) if Layout.of(number).boxes == 3 and Layout.of(number).code == "qr")
TAGGED = next(number for number in range(99) if Layout.of(number).code == "apriltag")

WEARS = {
    "flat": Wear("none", fill=1.0),
    "askew": Wear(tilt_degrees=4, perspective=0.05),
    "folded": Wear(folds=(Fold(0.45, 0.03, shrink=0.03), Fold(0.5, upright=True, shrink=0.02))),
    "curled": Wear("wall", curl=0.025),
    "turned": Wear("dark", quarters=3, tilt_degrees=-2),
    "mirrored and cut": Wear(mirrored=True, cut=(0.02, 0.01, 0.0, 0.03)),
    "hurried": Wear(
        "cloth", shadow=0.4, uneven=0.3, glare=0.3, defocus_px=1.2, motion_px=3, noise=6, stripes=0.2, quality=50
    ),
    "on a screen": Wear("screen", moire=0.1, fill=0.8),
}


@pytest.fixture(scope="module")
def boxed() -> BlankForm:
    return blank_form(BOXED)


@pytest.fixture(scope="module")
def free() -> BlankForm:
    return blank_form(FREE)


def pixels(sheet: Sheet) -> NDArray[np.uint8]:
    read = cv2.imdecode(np.frombuffer(sheet.picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert read is not None
    return np.asarray(read, np.uint8)


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others(boxed: BlankForm) -> None:
    first = random_sheet(boxed.template, 5, words=boxed.words)
    assert random_sheet(blank_form(BOXED).template, 5, words=boxed.words) == first
    assert random_sheet(boxed.template, 6, words=boxed.words).picture != first.picture


@pytest.mark.parametrize("wear", WEARS.values(), ids=list(WEARS))
def test_the_ink_of_a_figure_lies_inside_the_outline_that_the_truth_states(boxed: BlankForm, wear: Wear) -> None:
    style = Style(width=900, wear=wear)
    empty, full = (fill(boxed.template, values, seed=3, style=style) for values in ({}, {"c1": 888}))
    ink = cv2.absdiff(pixels(empty), pixels(full)) > 60
    rows, columns = np.nonzero(ink)
    assert len(rows) > 30
    inside = np.zeros(ink.shape, np.uint8)
    cv2.fillConvexPoly(inside, np.round(full.fields["c1"].quad).astype(np.int32), 1)
    assert inside[rows, columns].mean() > 0.95
    middle = np.array((columns.mean(), rows.mean()))
    corners = np.array(full.fields["c1"].quad)
    assert np.linalg.norm(middle - corners.mean(axis=0)) < 0.15 * np.linalg.norm(corners[0] - corners[2])


def test_the_homography_is_the_way_from_the_template_to_the_photo_of_a_flat_sheet(boxed: BlankForm) -> None:
    sheet = fill(boxed.template, {"c1": 4}, seed=1, style=Style(wear=WEARS["askew"]))
    place = np.array(boxed.template.pages[0].place("c1").quad)
    seen = cv2.perspectiveTransform(place[None], np.array(sheet.homography))[0]
    assert np.abs(seen - np.array(sheet.fields["c1"].quad)).max() < 0.02


def test_a_slip_stands_on_the_paper_and_breaks_a_rule_and_without_one_all_rules_hold(boxed: BlankForm) -> None:
    for seed in range(6):
        honest = random_sheet(boxed.template, seed, slips=0, problems=0, width=400)
        assert honest.slip is None
        assert all(rule.holds is not False for rule in honest.rules)
        slipped = random_sheet(boxed.template, seed, slips=1, problems=0, width=400)
        assert slipped.slip is not None
        known = [rule.holds for rule in slipped.rules if slipped.slip in (*rule.parts, rule.total)]
        assert False in known or None in known  # None: a blank was put for none beside it
        for rule in slipped.rules:
            values = [slipped.fields[name].value for name in rule.parts]
            if None not in values:
                assert rule.holds is (sum(v or 0 for v in values) == slipped.fields[rule.total].value)


def test_figures_of_a_form_with_sums_over_sums_obey_all_of_them() -> None:
    template = blank_form(FREE, pages=2).template
    for seed in range(40):
        figures, slip = random_figures(template, np.random.default_rng(seed))
        assert slip is None
        assert all(sum(figures[part] for part in rule.parts) == figures[rule.total] for rule in template.sums)


def test_a_field_outside_the_picture_is_absent_whatever_was_written_there(boxed: BlankForm) -> None:
    whole = fill(boxed.template, {"c1": 12, "cast": 345}, seed=2)
    share = 1 - (whole.fields["c1"].quad[3][1] + 5) / whole.height
    cut = fill(boxed.template, {"c1": 12, "cast": 345}, seed=2, style=Style(wear=Wear(cut=(0, 0, 0, share))))
    assert (cut.fields["c1"].value, cut.fields["c1"].state) == (12, None)
    assert (cut.fields["cast"].value, cut.fields["cast"].state) == (None, FieldState.ABSENT)
    assert cut.fields["cast"].seen == 0.0
    assert cut.height < whole.height


@pytest.mark.parametrize("problem", Problem)
@pytest.mark.parametrize("number", [BOXED, FREE])
def test_every_problem_changes_its_field_and_no_other_and_only_what_cannot_be_told_has_no_value(
    number: int, problem: Problem
) -> None:
    template = blank_form(number).template
    style = Style(width=700, person=Person(Hand.of(np.random.default_rng(1)), unused="empty"), wear=Wear(noise=0))
    plain = fill(template, {"c1": 37, "c2": 5}, seed=9, style=style)
    sheet = fill(template, {"c1": 37, "c2": 5}, seed=9, style=style, problems={"c1": problem})
    truth = sheet.fields["c1"]
    assert truth.problem is problem
    assert sheet.fields["c2"] == plain.fields["c2"]
    rows, _ = np.nonzero(cv2.absdiff(pixels(sheet), pixels(plain)) > 15)
    if problem is not Problem.STAMP and (number == BOXED or problem is not Problem.CROSSES):
        top, bottom = truth.quad[0][1], truth.quad[2][1]
        assert rows.min() > top - (bottom - top)
        assert rows.max() < bottom + (bottom - top)
    expected = {Problem.OVERWRITTEN: None, Problem.STRUCK: None, Problem.WORD: 0, Problem.DASH: 0}.get(problem, 37)
    assert truth.value == expected
    assert (truth.state is None) == (expected == 37)


def test_nobody_voted_for_it_is_written_in_each_officers_way_and_blank_is_not_zero(boxed: BlankForm) -> None:
    found = {}
    for seed in range(60):
        truth = fill(boxed.template, {"c1": 0}, seed=seed, style=Style(width=300)).fields["c1"]
        found[truth.state] = truth.value
    assert found == {None: 0, FieldState.STRUCK: 0, FieldState.WORD: 0, FieldState.EMPTY: None}


def test_a_qr_code_says_the_station_and_an_april_tag_the_page(boxed: BlankForm) -> None:
    sheet = fill(boxed.template, {}, seed=1, payload=payload("0815", 1), style=Style(wear=WEARS["askew"]))
    (code,) = zxingcpp.read_barcodes(pixels(sheet))
    found = boxed.template.pages[0].codes[0].match(code.text)
    assert found is not None and found["station"] == "0815"
    tagged = blank_form(TAGGED, pages=2).template
    detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h10))
    for page in tagged.pages:
        seen = fill(tagged, {}, seed=1, page=page.name, style=Style(wear=WEARS["askew"]))
        _, ids, _ = detector.detectMarkers(pixels(seen))
        assert ids.tolist() == [[100 + page.number]]


@pytest.mark.parametrize("pages", [1, 2])
def test_blank_forms_are_templates_with_pictures_and_rules_in_many_layouts(pages: int) -> None:
    seen = set()
    for number in range(12):
        template = blank_form(number, pages=pages).template
        assert read_template_bytes(write_template_zip(template)) == template
        assert {rule.check for rule in template.sums} >= {"options", "votes"}
        seen |= {picture_of(page) for page in template.pages}
    assert len(seen) == 12 * pages


def test_labels_of_a_sheet_are_read_as_those_of_real_forms(free: BlankForm, tmp_path: Path) -> None:
    sheet = random_sheet(free.template, 11, words=free.words)
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"schema": "counterfoil-forms/1", "forms": [sheet.labels("one")]}))
    outlines = read_outlines(path, "one")
    assert set(outlines.quads) == {name for name, one in sheet.fields.items() if one.state is not FieldState.ABSENT}
    assert outlines.rules


def test_a_photo_of_a_telephone_has_twelve_megapixels_and_two_sheets_fit_in_one(free: BlankForm) -> None:
    large = fill(free.template, {"c1": 41}, seed=4, style=Style(width=3000, ratio=4 / 3))
    assert (large.width, large.height) == (3000, 4000)
    small = fill(free.template, {"c1": 41}, seed=4)
    both = cv2.imdecode(np.frombuffer(side_by_side([small, small]), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert both is not None
    assert both.shape == (small.height, 2 * small.width)
    assert PLAIN.width == small.width
