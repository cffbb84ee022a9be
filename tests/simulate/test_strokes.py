"""Drawn fields: the same seed draws the same, the truth is what was written, and it stands where it is said to."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from counterfoil.simulate import glyphs
from counterfoil.simulate.lessons import chunk, sample_field
from counterfoil.simulate.pen import Style
from counterfoil.simulate.strokes import draw_field, value_of
from counterfoil.simulate.written import SIGNS


def test_a_seed_draws_the_same_field_every_time() -> None:
    first, again = (sample_field(np.random.default_rng(4), None) for _ in range(2))
    assert np.array_equal(first.ink, again.ink)
    assert np.array_equal(first.printed, again.printed)
    assert first.raw == again.raw


def test_lessons_of_one_number_are_the_same_and_of_another_differ() -> None:
    first, again, other = chunk(3, 1, None, size=8), chunk(3, 1, None, size=8), chunk(3, 2, None, size=8)
    assert np.array_equal(first[0].x, again[0].x)
    assert np.array_equal(first[0].signs, again[0].signs)
    assert first[0].x.shape != other[0].x.shape or not np.array_equal(first[0].x, other[0].x)


def test_lessons_say_where_each_sign_stands() -> None:
    for batch in chunk(5, 0, None, size=64):
        starts = np.concatenate([[0], np.cumsum(batch.lengths)])
        for row, (start, end) in enumerate(itertools.pairwise(starts)):
            marked = [int(mark) for mark in batch.marks[row] if mark > 0]
            said = batch.signs[start:end].tolist()
            assert len(marked) <= len(said)  # two signs may share a step
            assert set(marked) <= set(said)
        assert batch.x.min() >= 0
        assert batch.x.max() <= 1


def test_each_digit_in_its_box_has_ink_there_and_an_empty_box_has_none() -> None:
    style = Style(boxes="grid", neighbours=0.0, rows=False)
    drawn = draw_field(np.random.default_rng(1), "_28", style, width=3.0, boxes=3)
    left, right = drawn.margin, drawn.ink.shape[1] - drawn.margin
    boxes = np.array_split(drawn.ink[:, left:right], 3, axis=1)
    ink = [float((box > 0.5).mean()) for box in boxes]
    assert ink[0] == 0
    assert min(ink[1:]) > 0.01
    assert drawn.signs == "28"
    assert drawn.value == 28
    assert all(left + (i + 1) * 64 < x < left + (i + 2) * 64 for i, x in enumerate(drawn.places))


def test_printed_lines_are_never_ink() -> None:
    drawn = draw_field(np.random.default_rng(1), "", Style(neighbours=0.0, guides="eight"), width=3.0, boxes=3)
    assert drawn.ink.max() == 0
    assert drawn.printed.max() > 0.2
    assert drawn.value is None


def _rows_of_ink(style: Style, text: str = "128") -> tuple[float, float]:
    drawn = draw_field(np.random.default_rng(3), text, style, width=4.0, place="right")
    rows = np.flatnonzero((drawn.ink > 0.5).any(axis=1))
    return float(rows[0]) / 64, float(rows[-1]) / 64


def test_a_hand_that_floats_writes_all_rows_lower_or_higher() -> None:
    level = _rows_of_ink(Style(neighbours=0.0, size=0.4))
    low = _rows_of_ink(Style(neighbours=0.0, size=0.4, rise=0.3))
    high = _rows_of_ink(Style(neighbours=0.0, size=0.4, rise=-0.3))
    assert low[0] - level[0] == pytest.approx(0.3, abs=0.03)
    assert level[0] - high[0] == pytest.approx(0.3, abs=0.03)
    plain = draw_field(np.random.default_rng(3), "", Style(neighbours=1.0, size=0.6, column=True), width=4.0)
    moved = draw_field(np.random.default_rng(3), "", Style(neighbours=1.0, size=0.6, rise=0.35), width=4.0)
    field = slice(plain.margin, -plain.margin)
    assert (moved.ink[field] > 0.5).sum() > 4 * (plain.ink[field] > 0.5).sum()  # the row above comes in
    assert moved.signs == ""
    assert moved.value is None


def test_other_rows_stand_in_the_column_of_the_figure() -> None:
    far = []
    for seed in range(12):
        style = Style(neighbours=1.0, size=0.6, column=True, rows=False, shift=(0.0, 0.3))
        drawn = draw_field(np.random.default_rng(seed), "27", style, width=8.0, place="anywhere")
        others = np.flatnonzero((drawn.ink[: drawn.margin] > 0.5).any(axis=0))
        far.append(float(np.abs(others[:, None] - np.array(drawn.places)).min()))
    assert max(far) < 64


def test_letters_of_the_next_column_are_ink_and_no_part_of_the_truth() -> None:
    style = Style(neighbours=0.0, rows=False, marks={"beside": 0.8})
    drawn = draw_field(np.random.default_rng(4), "211", style, width=3.5, boxes=3)
    right = round((3.5 - 0.8) * 64) + drawn.margin
    assert (drawn.ink[:, right:] > 0.5).any()
    assert max(drawn.places) < right
    assert (drawn.signs, drawn.value) == ("211", 211)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("007", 7),
        ("XX7", 7),
        ("__2", 2),
        ("2__", 2),
        ("XXX", 0),
        ("-", 0),
        ("n", 0),
        ("", None),
        ("1?", None),
        ("w", None),
    ],
)
def test_the_number_meant(text: str, value: int | None) -> None:
    assert value_of(text) == value


def test_every_sign_can_be_drawn() -> None:
    for sign in SIGNS:
        drawn = draw_field(np.random.default_rng(2), sign, Style(neighbours=0.0), width=3.0, place="anywhere")
        assert drawn.ink.max() > 0.5, sign
        assert drawn.signs == sign


@pytest.mark.parametrize("script", list(glyphs.SCRIPTS))
def test_ten_digits_of_each_script_differ(script: str) -> None:
    rng = np.random.default_rng(3)
    seen = set()
    for digit in "0123456789":
        style = Style(script=script, neighbours=0.0, rows=False)
        drawn = draw_field(rng, digit, style, width=1.5, place="anywhere")
        seen.add((drawn.ink > 0.5).tobytes())
    assert len(seen) == 10
