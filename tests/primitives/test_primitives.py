"""Canonical bytes, cells, ids and shares."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.primitives.canonical import MAX_INTEGER, canonical, parse
from counterfoil.primitives.cells import FieldState, cell_text, parse_cell
from counterfoil.primitives.errors import InputError, RecordError
from counterfoil.primitives.ids import check_id
from counterfoil.primitives.shares import Base, Bias, Coverage, Share, decimal6, percent

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(max_codepoint=0xD7FF))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_canonical_bytes_read_back_as_the_same_value(value: Any) -> None:
    data = canonical(value)
    assert parse(data) == value
    assert canonical(parse(data)) == data


@pytest.mark.parametrize(
    "data",
    [
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":NaN}',
        b'{"a":1,"a":2}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"a":9007199254740993}',
        b'{"a":01}',
        b'{"a":-0}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b"{" * 100_000,
        b"[" * 100_000,
        b'{"a":1}\n',
        b"",
    ],
)
def test_bytes_that_are_not_canonical_are_refused(data: bytes) -> None:
    with pytest.raises(RecordError):
        parse(data)


@pytest.mark.parametrize("value", [1.5, 2**53, -(2**53), {1: 2}, {"\U0001f600": 1}, {"a": b"x"}, ["\ud800"]])
def test_values_without_a_canonical_form_are_refused(value: Any) -> None:
    with pytest.raises((RecordError, UnicodeEncodeError)):
        canonical(value)


def test_keys_are_sorted_and_control_characters_escaped_as_rfc_8785_says() -> None:
    assert canonical({"\r": 1, "1": 2, "\x80": 3, "ö": 4, "a": '\x1f\b"\\\u20ac/'}) == (
        '{"\\r":1,"1":2,"a":"\\u001f\\b\\"\\\\€/","\x80":3,"ö":4}'.encode()
    )


@settings(max_examples=200, deadline=None)
@given(st.integers(1 - 10**12, 10**12 - 1) | st.sampled_from(list(FieldState)))
def test_a_cell_survives_its_table_form(cell: Any) -> None:
    assert parse_cell(cell_text(cell), where="test", negative=True) == cell


@pytest.mark.parametrize("text", ["1.5", "1,200", "1 200", "+5", "007", "½", "٣", "-3", "zero", "1e3", "9" * 16])
def test_what_is_no_number_of_votes_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^table\.csv line 3: expected"):
        parse_cell(text, where="table.csv line 3")


def test_nothing_in_a_table_is_absent_and_never_zero() -> None:
    assert parse_cell("", where="test") is FieldState.ABSENT


@pytest.mark.parametrize("text", ["", "a b", "a/b", "..", "-x", "a__b", "a<b", "a" * 101, "a\x00", "\U0001f600"])
def test_ids_that_would_break_a_file_name_or_link_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        check_id(text, where="test")


def test_a_share_has_one_text_and_it_names_base_coverage_and_bias() -> None:
    share = Share(1, 3, Base.VALID, Coverage(2, 5), Bias.TOO_HIGH)
    text = "33.33 % of 3 (valid), 2 of 5 stations, the stations counted may overstate it"
    assert str(share) == repr(share) == f"{share}" == text
    with pytest.raises(TypeError):
        format(share, ".2f")
    with pytest.raises(TypeError):
        float(share)  # type: ignore[arg-type]


def test_a_share_of_nothing_does_not_exist() -> None:
    with pytest.raises(ValueError, match="base above 0"):
        Share(0, 0, Base.VALID, Coverage(0, 5))


@settings(max_examples=200, deadline=None)
@given(st.fractions())
def test_six_decimals_are_the_nearest(value: Fraction) -> None:
    text = decimal6(value)
    assert text is not None
    assert abs(Fraction(text) - value) <= Fraction(1, 2_000_000)


def test_shown_figures() -> None:
    assert decimal6(None) is None
    assert (decimal6(Fraction(-1, 3)), percent(Fraction(2, 3)), percent(Fraction(1, 200), 0)) == (
        "-0.333333",
        "66.67 %",
        "0 %",
    )
