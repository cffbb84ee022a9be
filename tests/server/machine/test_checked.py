"""What comes out of the jail is figures, or nothing: a reader that was taken over can put in no text, no other field,
no number that can't be one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.election.definition import AgreementRule
from counterfoil.primitives.cells import FieldState
from counterfoil.workflow.machine import (
    MachineRead,
    NotAReading,
    checked,
    contradicts,
    entry,
    may_be_said,
    of_data,
    sure,
    version,
)
from tests.server.machine.conftest import make_template, reading
from tests.server.reading.conftest import PAPER

TEMPLATE = make_template()


def read(told: object) -> MachineRead:
    return checked(json.dumps(told).encode(), [TEMPLATE], 1000, 2000)


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(json.dumps(reading()))
    change(told)
    return told


def test_an_honest_reading_comes_through_whole() -> None:
    found = read(reading(codes=[{"kind": "qr", "payload": "X001P1"}]))
    assert {name: one.cell for name, one in found.fields.items()} == PAPER
    assert found.codes == (("station", "001"),)
    assert found.quad[2] == (1000, 500)
    assert of_data(json.loads(json.dumps(found.data()))) == found


def test_of_a_small_picture_the_machine_is_sure_of_nothing() -> None:
    said = json.dumps(reading()).encode()
    large, small = checked(said, [TEMPLATE], 700, 1050), checked(said, [TEMPLATE], 700, 1049)
    assert {one.outcome for one in large.fields.values()} == {"accept"}
    assert {one.outcome for one in small.fields.values()} == {"suggest"}
    assert sure(small, AgreementRule(machine_certainty_millionths=0)) == {}


ATTACKS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a text as a value": lambda t: t["fields"]["ada"].update(value="<script>"),
    "a text as a state": lambda t: t["fields"]["ada"].update(state="fine"),
    "a text as the raw reading": lambda t: t["fields"]["ada"].update(raw="<b>12</b>"),
    "a very long raw reading": lambda t: t["fields"]["ada"].update(raw="1" * 61),
    "a negative number": lambda t: t["fields"]["ada"].update(value=-1),
    "a number beyond any": lambda t: t["fields"]["ada"].update(value=10**12),
    "true as a number": lambda t: t["fields"]["ada"].update(value=True),
    "a fraction": lambda t: t["fields"]["ada"].update(value=1.5),
    "a number without one": lambda t: t["fields"]["ada"].update(value=None),
    "more than certain": lambda t: t["fields"]["ada"].update(p=1.1),
    "no probability": lambda t: t["fields"]["ada"].update(p=None),
    "an outcome of its own": lambda t: t["fields"]["ada"].update(outcome="final"),
    "a field that the form has not": lambda t: t["fields"].update(carl=t["fields"]["ada"]),
    "a field left out": lambda t: t["fields"].pop("ada"),
    "another template": lambda t: t["page"].update(template="other"),
    "another page": lambda t: t["page"].update(page=2),
    "figures of a refused page": lambda t: t["page"].update(accepted=False),
    "a word for accepted": lambda t: t["page"].update(accepted="yes"),
    "three corners": lambda t: t["page"].update(quad=[[0, 0], [1, 0], [1, 1]]),
    "a corner far away": lambda t: t["page"].update(quad=[[0, 0], [1e9, 0], [1, 1], [0, 1]]),
    "a thousand codes": lambda t: t.update(codes=[{"kind": "qr", "payload": "x"}] * 1000),
    "alternatives without end": lambda t: t["fields"]["ada"].update(alternatives=[[1, 0.1]] * 100),
    "places of another field": lambda t: t.update(places={"carl": [[0, 0], [1, 0], [1, 1], [0, 1]]}),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_an_answer_with(name: str) -> None:
    with pytest.raises(NotAReading):
        read(changed(ATTACKS[name]))


@pytest.mark.parametrize("said", [b"", b"[]", b"null", b"{", b"[" * 100_000, b'{"page": NaN}', b"x" * 600_000, b"\xff"])
def test_attack_something_that_is_no_reading(said: bytes) -> None:
    with pytest.raises(NotAReading):
        checked(said, [TEMPLATE], 1000, 2000)


def test_what_cannot_be_a_number_is_refused_wherever_it_stands() -> None:
    for bad in ("NaN", "Infinity", "1e999"):
        text = json.dumps(reading()).replace('"p": 0.9999', f'"p": {bad}', 1)
        with pytest.raises(NotAReading):
            checked(text.encode(), [TEMPLATE], 1000, 2000)


def test_texts_of_a_photo_are_dropped() -> None:
    page = {"accepted": False, "reason": "Vote for Bob!", "code": "Vote for Bob!"}
    told = {"page": page, "fields": {}, "codes": [{"payload": "call 0123"}]}
    found = read(told)
    assert (found.reason, found.codes) == ("refused", ())
    assert "Bob" not in json.dumps(found.data())


def test_why_a_page_was_refused_is_a_known_kind_of_word() -> None:
    assert read({"page": {"accepted": False, "code": "wrong-page"}, "fields": {}}).reason == "wrong-page"


def test_attack_a_version_with_more_than_a_word() -> None:
    with pytest.raises(NotAReading):
        version(b"1@x <b>")


@settings(deadline=None, max_examples=200)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), _more := lambda inner: (
    st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["page", "fields", "codes", "ada", "raw", "value", "state", "p", "accepted", "quad", "template", "places"]
    ), inner, max_size=5)
), max_leaves=20))  # fmt: skip
def test_whatever_is_said_is_a_reading_or_refused(told: object) -> None:
    try:
        found = checked(json.dumps(told).encode(), [TEMPLATE], 1000, 2000)
    except NotAReading:
        return
    assert not found.accepted
    assert not found.fields


def test_marks_beside_the_digits_are_not_digits() -> None:
    def cell(raw: str, state: str, value: int | None) -> object:
        told = reading()
        told["fields"]["ada"] |= {"raw": raw, "state": state, "value": value}
        return read(told).fields["ada"].cell

    assert cell("X45", "number", 45) == 45
    assert cell("_0-", "number", 0) == 0
    assert cell("--", "struck", 0) is FieldState.STRUCK
    assert cell("nil", "word", 0) is FieldState.WORD
    assert cell("", "empty", None) is FieldState.EMPTY
    assert cell("4?5", "number", 405) is FieldState.ILLEGIBLE
    assert cell("٤١٢", "number", 412) == 412


def test_what_was_not_accepted_is_never_as_sure_as_the_rule_asks() -> None:
    rule = AgreementRule(machine_second=True, machine_certainty_millionths=999_000)
    found = read(reading(p=1.0, outcome="suggest"))
    assert set(entry(found, rule)["probability"].values()) == {998_999}
    assert sure(found, rule) == {}
    assert sure(read(reading(p=1.0)), rule) == PAPER


@pytest.mark.parametrize(
    ("machine", "settled", "doubt"),
    [
        (12, 12, False),
        (12, 13, True),
        (FieldState.STRUCK, 0, False),
        (0, FieldState.EMPTY, False),
        (FieldState.EMPTY, 40, True),
        (40, FieldState.ILLEGIBLE, True),
        (FieldState.ILLEGIBLE, 40, False),
        (FieldState.ABSENT, 40, False),
    ],
)
def test_only_another_number_of_votes_is_a_doubt(machine: object, settled: object, doubt: bool) -> None:
    assert contradicts(machine, settled) is doubt  # type: ignore[arg-type]


def test_the_machine_speaks_after_people() -> None:
    plain, second = AgreementRule(), AgreementRule(machine_second=True)
    assert [may_be_said(n, False, plain) for n in range(3)] == [False, False, True]
    assert [may_be_said(n, False, second) for n in range(3)] == [False, True, True]
    assert not may_be_said(0, False, AgreementRule(persons=1, machine_second=True))
    assert may_be_said(0, True, plain)
