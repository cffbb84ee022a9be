"""What signs in a row mean: a number, nothing, none, a word, or not to be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.reading.belief import State
from counterfoil.reading.digits import meaning
from counterfoil.simulate.strokes import value_of
from counterfoil.simulate.written import SIGNS


@pytest.mark.parametrize(
    ("signs", "state", "value", "raw"),
    [
        ("", State.EMPTY, None, ""),
        ("007", State.NUMBER, 7, "007"),
        ("XX7", State.NUMBER, 7, "XX7"),
        ("-161", State.NUMBER, 161, "-161"),
        ("-51-", State.NUMBER, 51, "-51-"),
        ("/27", State.NUMBER, 27, "27"),
        ("12w", State.NUMBER, 12, "12"),
        ("XXX", State.STRUCK, 0, "XXX"),
        ("-", State.STRUCK, 0, "-"),
        ("/", State.STRUCK, None, "?"),
        ("n", State.WORD, 0, "nil"),
        ("w", State.WORD, None, "word"),
        ("1?", State.ILLEGIBLE, None, "1?"),
        ("1X6", State.ILLEGIBLE, None, "1X6"),
        ("n0", State.NUMBER, 0, "0"),
        ("n02", State.ILLEGIBLE, None, "nil02"),  # a word that means none makes no votes
    ],
)
def test_signs_mean(signs: str, state: State, value: int | None, raw: str) -> None:
    assert meaning(signs) == (state, value, raw)


@given(st.text("X-nw/", max_size=5))
def test_attack_marks_without_a_digit_never_make_votes(signs: str) -> None:
    assert not meaning(signs)[1]


@given(st.text(SIGNS, max_size=6))
def test_a_number_is_its_digits_in_their_order_and_nothing_else(signs: str) -> None:
    state, value, raw = meaning(signs)
    digits = "".join(sign for sign in signs if sign.isdigit())
    if state is State.NUMBER:
        assert value == int(digits)
        assert "".join(sign for sign in raw if sign.isdigit()) == digits
    elif value is not None:
        assert value == 0
        assert not digits
    if "?" in signs:
        assert value is None


@given(st.text("0123456789X-_n", max_size=5).filter(lambda text: "X" not in text.strip("X-_n0")))
def test_reader_and_synthesis_give_leading_marks_one_meaning(text: str) -> None:
    signs = text.replace("_", "")
    state, value, _ = meaning(signs)
    if state is not State.ILLEGIBLE:
        assert value == value_of(text)
