"""The bundled recogniser as a second reader: strings, what they mean, and what it sees in drawn fields."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.reading.belief import Belief, Candidate, Crop, Grey, State
from counterfoil.reading.ink import ink_box
from counterfoil.reading.line import (
    _SYMBOLS,
    Answer,
    LineReader,
    _packed,
    meaning,
    probability,
    zero_word,
)

MARGIN = 16


def _crop(text: str, width: int = 240, left: int = 60) -> Crop:
    image = np.full((64 + 2 * MARGIN, width + 2 * MARGIN, 3), 235, np.uint8)
    cv2.putText(image, text, (MARGIN + left, MARGIN + 50), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (30, 30, 60), 3, cv2.LINE_AA)
    ink = np.clip((235 - image.min(axis=2).astype(np.float32)) / 180, 0, 1)
    ink = ink.astype(np.float32)
    return Crop("field", image, ink, MARGIN, None, 1.0, 64.0, ink_box(ink, MARGIN))


@pytest.fixture(scope="module")
def reader() -> LineReader:
    return LineReader()


@pytest.mark.parametrize("text", ["158", "1", "0", "2047"])
def test_a_figure_is_read_wherever_it_stands_in_a_wide_field(reader: LineReader, text: str) -> None:
    found = reader.read([_crop(text, width=400, left=20), _crop(text, width=400, left=250)])
    assert [belief.best.value for belief in found if belief.best] == [int(text)] * 2


def test_an_empty_field_is_empty_and_never_a_figure(reader: LineReader) -> None:
    best = reader.read([_crop("", width=300)])[0].best
    assert best is not None
    assert (best.state, best.value) == (State.EMPTY, None)


def test_a_word_for_none_is_a_word(reader: LineReader) -> None:
    best = reader.read([_crop("NIL")])[0].best
    assert best is not None
    assert (best.state, best.value, best.raw) == (State.WORD, 0, "nil")


def test_fields_do_not_change_each_others_reading(reader: LineReader) -> None:
    one, two, three = _crop("158"), _crop("77", width=500), _crop("4", width=90, left=20)
    alone = [reader.read([crop])[0] for crop in (one, two, three)]
    together = reader.read([one, two, three])
    for a, b in zip(alone, together, strict=True):
        assert [(c.raw, c.value) for c in a.candidates[:3]] == [(c.raw, c.value) for c in b.candidates[:3]]
        assert a.candidates[0].p == pytest.approx(b.candidates[0].p, abs=1e-4)


def test_where_another_reader_says_the_same_the_other_views_are_not_looked_at(
    reader: LineReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    recognise = LineReader._recognise

    def counted(self: LineReader, lines: Sequence[Grey]) -> list[Answer]:
        asked.append(len(lines))
        return recognise(self, lines)

    monkeypatch.setattr(LineReader, "_recognise", counted)

    def beside(value: int, p: float, **signs: float) -> Belief:
        return Belief("digits", (Candidate(str(value), State.NUMBER, value, p),), signs)

    crop = _crop("158")
    whole = reader.read([crop])[0]
    assert asked == [1, 1, 1]
    asked.clear()
    first = reader.read([crop], [[beside(158, 0.99)]])[0]
    assert asked == [1]
    assert first.best is not None
    assert first.best.value == 158
    for other in (beside(159, 0.99), beside(158, 0.3), beside(158, 0.99, struck=0.3)):
        asked.clear()
        assert reader.read([crop], [[other]])[0] == whole
        assert asked == [1, 1, 1]
    asked.clear()
    assert reader.read([crop], [[beside(159, 0.99), beside(158, 0.99)]])[0] == first
    assert asked == [1]


def test_digits_that_stand_far_apart_are_brought_together_in_the_view_of_the_ink() -> None:
    crop = _crop("", width=500)
    for place, digit in enumerate("111"):
        cv2.putText(
            crop.image, digit, (MARGIN + 40 + 180 * place, MARGIN + 50), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (0, 0, 0), 3
        )
    crop.ink[:] = np.clip((235 - crop.image.min(axis=2).astype(np.float32)) / 180, 0, 1)
    guide = np.s_[MARGIN + 10 : MARGIN + 50, MARGIN + 130 : MARGIN + 134]
    crop.ink[guide] = 0.3
    packed = _packed(crop.ink, MARGIN)
    assert packed.shape[1] < 0.4 * crop.ink.shape[1]
    assert cv2.connectedComponents(np.asarray(packed < 200, np.uint8))[0] - 1 == 3


def test_the_package_that_brings_the_model_is_never_imported() -> None:
    code = (
        "import sys; from counterfoil.reading.line import LineReader; LineReader(); sys.exit('rapidocr' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.floats(0.01, 1), min_size=4, max_size=4), min_size=1, max_size=5))
def test_a_strings_probability_is_that_of_all_its_paths(rows: list[list[float]]) -> None:
    scores = np.zeros((len(rows), 1 + len(_SYMBOLS)))
    scores[:, :4] = [[value / sum(row) for value in row] for row in rows]  # blank, 0, 1, 2
    paths: dict[str, float] = {}
    for path in itertools.product(range(4), repeat=len(rows)):
        kept = [sign for place, sign in enumerate(path) if sign and (place == 0 or path[place - 1] != sign)]
        text = "".join(_SYMBOLS[sign - 1] for sign in kept)
        paths[text] = paths.get(text, 0.0) + float(np.prod([scores[at, sign] for at, sign in enumerate(path)]))
    assert probability(scores, list(paths)) == pytest.approx(list(paths.values()))


@pytest.mark.parametrize(
    ("text", "raw", "state", "value"),
    [
        ("158", "158", State.NUMBER, 158),
        ("X07", "X07", State.NUMBER, 7),
        ("-161", "161", State.NUMBER, 161),
        ("0--", "0", State.NUMBER, 0),
        ("XXX", "XXX", State.STRUCK, 0),
        ("-", "-", State.STRUCK, 0),
        ("", "", State.EMPTY, None),
        ("5-1", "5-1", State.ILLEGIBLE, None),
    ],
)
def test_what_a_string_means(text: str, raw: str, state: State, value: int | None) -> None:
    said = meaning(text)
    assert (said.raw, said.state, said.value) == (raw, state, value)


@pytest.mark.parametrize(("text", "word"), [("NIL", "nil"), ("N1L", "nil"), ("none", "none"), ("CERO", "cero")])
def test_words_for_none_are_known_with_a_letter_misread(text: str, word: str) -> None:
    assert zero_word(text) == word


@pytest.mark.parametrize("text", ["", "110", "17", "DELAPAN", "Yes", "l"])
def test_other_words_and_figures_are_no_word_for_none(text: str) -> None:
    assert zero_word(text) is None


def test_ink_of_the_neighbours_is_not_the_fields() -> None:
    ink = np.zeros((96, 200), np.float32)
    ink[0:14, 50:60] = 1
    assert ink_box(ink, MARGIN) is None
    ink[40:60, 90:110] = 1
    assert ink_box(ink, MARGIN) == (40, 60, 90, 110)
