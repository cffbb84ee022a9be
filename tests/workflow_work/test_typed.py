"""What people type becomes figures, or is asked again; never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.election.definition import Form, read_definition
from counterfoil.primitives.cells import FieldState
from counterfoil.primitives.errors import InputError
from counterfoil.workflow.typed import cell, figure, questions
from tests.workflow_work.colluders import ELECTION

SCRIPTS = ("0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९")
SEPARATORS = ("", " ", "\u202f", "\u00a0", "'", ",", ".", "٬")


@given(st.integers(0, 10**12 - 1), st.sampled_from(SCRIPTS), st.sampled_from(SEPARATORS))
@settings(deadline=None, max_examples=200)
def test_a_number_is_read_in_any_digits_and_grouping(number: int, digits: str, separator: str) -> None:
    text = f"{number:,}".replace(",", separator).translate(str.maketrans("0123456789", digits))
    assert figure(text) == number


@pytest.mark.parametrize(
    "text", ["-1", "4.5", "12,34", "1,2345", "1,234.567", "four", "1e3", "²", "1" * 13, "4 12", "٤x"]
)
def test_what_could_mean_two_numbers_or_none_is_asked_again(text: str) -> None:
    with pytest.raises(InputError) as refused:
        figure(text)
    assert refused.value.code == "bad-figure"


def test_nothing_typed_is_not_an_empty_box() -> None:
    with pytest.raises(InputError) as refused:
        cell("", "number")
    assert refused.value.code == "nothing-typed"
    assert cell("", "empty") is FieldState.EMPTY
    with pytest.raises(InputError) as both:
        cell("4", "struck")
    assert both.value.code == "both-typed"


def checked() -> Form:
    plain = {**ELECTION.plain}
    form = {
        "id": "protocol",
        "fields": [{"id": n} for n in ("ballots", "valid", "ada", "bob", "against", "spoilt")],
        "checks": [
            {"id": "sum", "rule": "ada + bob + against == valid", "code": "sum-mismatch"},
            {"id": "paper", "rule": "valid + spoilt == ballots", "code": "sum-mismatch"},
        ],
    }
    return read_definition({**plain, "forms": [form]}).forms[0]


PAPER = {"ballots": 105, "valid": 100, "ada": 60, "bob": 30, "against": 10, "spoilt": 5}


def test_sums_that_come_out_ask_nothing() -> None:
    assert questions(checked(), PAPER) == []


def test_one_cause_gives_one_question_and_the_next_comes_after_it() -> None:
    wrong = {**PAPER, "valid": 110}
    (first,) = questions(checked(), wrong)
    assert (first.check.id, first.left, first.right) == ("sum", 100, 110)
    (second,) = questions(checked(), wrong, [first.answered_as])
    assert second.check.id == "paper"
    assert questions(checked(), wrong, [first.answered_as, second.answered_as]) == []


def test_an_answer_holds_only_for_the_figures_it_was_about() -> None:
    (asked,) = questions(checked(), {**PAPER, "ada": 61})
    (again,) = questions(checked(), {**PAPER, "ada": 62}, [asked.answered_as])
    assert again.left == 102


def test_a_dash_counts_nothing_and_what_cannot_be_read_is_not_checked() -> None:
    assert questions(checked(), {**PAPER, "against": FieldState.STRUCK, "ada": 70}) == []
    assert questions(checked(), {**PAPER, "against": FieldState.ILLEGIBLE, "ada": 7}) == []
