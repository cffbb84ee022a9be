"""From a photo to outcomes: what is certain, what is left to people, and that nothing is made up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from counterfoil.election.templates import read_template
from counterfoil.primitives.errors import InputError
from counterfoil.reading.belief import Belief, Candidate, State
from counterfoil.reading.confidence import Calibration, Outcome
from counterfoil.reading.given import read_outlines
from counterfoil.reading.joint import Rule
from counterfoil.reading.reader import Reader
from counterfoil.reading.sheet import FieldReading, Observed, conclude

FORMS = Path(__file__).parents[3] / "shared" / "data" / "forms"
SLIP = "ke-030157078100101"
TEMPLATES = Path(__file__).parents[1] / "forms"
SURE = Calibration(accept=0.5, weights={"bias": 4.0})


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader([read_template(TEMPLATES / "id2014p4.yaml")])


def _poisoned(source: Path, target: Path) -> Path:
    """The same outlines and rules; everything that says what the figures are is wrong."""
    plain = json.loads(source.read_bytes())
    for form in plain["forms"]:
        form["notes"] = form["station"] = "999"
        for figure in form["figures"].values():
            figure |= {"raw": "999", "value": 999, "mark": "cross", "note": "999"}
        for rule in form["rules"]:
            rule["holds"] = not rule["holds"]
    target.write_text(json.dumps(plain))
    return target


def test_what_a_labels_file_says_of_the_figures_is_never_read(reader: Reader, tmp_path: Path) -> None:
    labels = FORMS / "indonesia" / "labels.json"
    photo = (FORMS / "indonesia" / "id14-1420465.jpg").read_bytes()
    honest = reader.read_given(photo, read_outlines(labels, "id14-1420465")).to_dict()
    poisoned = reader.read_given(photo, read_outlines(_poisoned(labels, tmp_path / "p.json"), "id14-1420465")).to_dict()
    assert honest | {"seconds": 0} == poisoned | {"seconds": 0}
    assert {name: field["value"] for name, field in honest["fields"].items()} == {
        "c1": 148,
        "c2": 217,
        "valid": 365,
        "invalid": 0,
    }
    assert honest["fields"]["invalid"]["state"] == "struck"


def test_a_photo_of_the_page_is_read_by_its_template(reader: Reader) -> None:
    found = reader.read((FORMS / "indonesia" / "id14-1420460.jpg").read_bytes()).to_dict()
    assert found["page"]["accepted"]
    assert (found["page"]["template"], found["page"]["page"]) == ("id2014p4", 1)
    assert {name: field["value"] for name, field in found["fields"].items()}["valid"] == 275
    assert set(found) == {"page", "codes", "fields", "broken_rules", "seconds"}
    keys = {"raw", "value", "state", "p", "alternatives", "outcome"}
    assert all(set(field) == keys for field in found["fields"].values())
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_an_officers_slip_is_reported_and_kept(reader: Reader) -> None:
    """88, 7, 0 and 1, valid 97: the officer's own mistake."""
    outlines = read_outlines(FORMS / "kenya" / "labels.json", SLIP)
    found = reader.read_given((FORMS / "kenya" / f"{SLIP}.png").read_bytes(), outlines)
    assert [rule.to_dict() for rule in found.broken_rules] == [
        {"parts": ["odinga", "ruto", "waihiga", "wajackoyah"], "total": "valid", "sum": 96, "written": 97}
    ]
    assert all(found.fields[name].outcome is not Outcome.ACCEPT for name in found.broken_rules[0].parts)


def test_a_slip_beside_a_figure_that_is_hard_to_read_is_reported_too(reader: Reader) -> None:
    """c1 028, c2 087 in thin ink, valid 111."""
    outlines = read_outlines(FORMS / "indonesia" / "labels.json", "id14-1420463")
    found = reader.read_given((FORMS / "indonesia" / "id14-1420463.jpg").read_bytes(), outlines)
    (broken,) = found.broken_rules
    assert (broken.total, broken.written) == ("valid", 111)
    assert all(found.fields[name].outcome is not Outcome.ACCEPT for name in ("c1", "c2", "valid"))


def test_a_page_of_another_form_is_refused_without_figures(reader: Reader) -> None:
    found = reader.read((FORMS / "kenya" / "ke-033177088100101.jpg").read_bytes())
    assert not found.accepted
    assert found.reason
    assert found.to_dict()["fields"] == {}


@pytest.mark.parametrize("what", ["black", "tiny", "no picture"])
def test_what_can_not_be_read_is_refused_without_figures(reader: Reader, what: str) -> None:
    size = 200 if what == "tiny" else 1_000
    picture = np.zeros((size, size, 3), np.uint8)
    if what == "tiny":
        picture[::7] = 255
    data = b"no picture" if what == "no picture" else cv2.imencode(".png", picture)[1].tobytes()
    found = reader.read(data).to_dict()
    assert not found["page"]["accepted"]
    assert found["page"]["reason"]
    assert found["fields"] == {}


def test_the_same_photo_gives_the_same_answer(reader: Reader) -> None:
    photo = (FORMS / "indonesia" / "id14-1420467.jpg").read_bytes()
    outlines = read_outlines(FORMS / "indonesia" / "labels.json", "id14-1420467")
    again = Reader().read_given(photo, outlines)
    assert reader.read_given(photo, outlines).to_dict() | {"seconds": 0} == again.to_dict() | {"seconds": 0}


@pytest.mark.parametrize(
    "broken",
    [
        b"no json",
        b"{}",
        b'{"forms": [{"id": "x"}]}',
        b'{"forms": [{"id": "x", "figures": {"a": {"quad": [1, 2]}}}]}',
        b'{"forms": [{"id": "x", "figures": {}, "rules": [{"parts": ["a"], "total": "b"}]}]}',
        b'{"forms": [{"id": "x", "figures": {}, "rules": [{"parts": 3}]}]}',
        b'{"forms": [{"id": "y", "figures": {}}]}',
    ],
)
def test_a_labels_file_of_another_shape_is_refused_with_its_place(tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "labels.json"
    path.write_bytes(broken)
    with pytest.raises(InputError, match=r"labels\.json"):
        read_outlines(path, "x")


# From beliefs to outcomes


def _seen(name: str, digits: tuple[str, float], line: tuple[str, float], **signs: float) -> Observed:
    def belief(reader: str, said: tuple[str, float], signs: dict[str, float]) -> Belief:
        text, p = said
        state = State.NUMBER if text.isdigit() else State.EMPTY if not text else State.WORD
        value = int(text) if text.isdigit() else None if not text else 0
        return Belief(reader, (Candidate(text, state, value, p),), signs)

    return Observed(name, (belief("digits", digits, signs), belief("line", line, {"digit_px": 40.0})), 1.0)


def _torn(name: str, first: int, second: int, p: float) -> Observed:
    """Both readers give the first so much, and the second the rest."""
    said = (
        Candidate(str(first), State.NUMBER, first, p),
        Candidate(str(second), State.NUMBER, second, 1 - p),
    )
    return Observed(name, tuple(Belief(reader, said, {"digit_px": 40.0}) for reader in ("digits", "line")), 1.0)


def _conclude(*observed: Observed, rules: tuple[Rule, ...] = ()) -> dict[str, FieldReading]:
    return conclude(observed, rules, SURE)[0]


SHEET = (
    _seen("a", ("10", 0.99), ("10", 0.99)),
    _seen("b", ("5", 0.99), ("5", 0.99)),
    _seen("t", ("15", 0.99), ("15", 0.99)),
)
SUM = (Rule(("a", "b"), "t"),)


def test_figures_that_two_readers_see_and_a_rule_confirms_are_accepted() -> None:
    assert {field.outcome for field in _conclude(*SHEET, rules=SUM).values()} == {Outcome.ACCEPT}


def test_without_a_rule_over_it_nothing_is_accepted() -> None:
    found = _conclude(*SHEET)
    assert {(field.outcome, field.why) for field in found.values()} == {
        (Outcome.SUGGEST, "no rule of the form confirms it")
    }


def test_without_a_rule_or_by_one_reader_nothing_is_said_to_be_nearly_certain() -> None:
    most = SURE.most_unconfirmed
    assert max(field.p for field in _conclude(*SHEET).values()) <= most
    confirmed = replace(SURE, weights={"bias": 12.0})
    alone = _seen("a", ("10", 0.999), ("70", 0.6))
    assert conclude((alone, *SHEET[1:]), SUM, confirmed)[0]["a"].p <= most
    assert conclude(SHEET, SUM, confirmed)[0]["a"].p > most


def test_an_empty_field_is_never_accepted_for_a_sum_is_the_same_with_a_0() -> None:
    empty = _seen("b", ("", 0.99), ("", 0.99))
    total = _seen("t", ("10", 0.99), ("10", 0.99))
    found = _conclude(SHEET[0], empty, total, rules=SUM)
    assert (found["a"].outcome, found["t"].outcome) == (Outcome.ACCEPT, Outcome.ACCEPT)
    assert (found["b"].state, found["b"].outcome) == (State.EMPTY, Outcome.SUGGEST)


def test_a_sum_that_holds_only_by_what_hardly_anybody_sees_confirms_no_field() -> None:
    """Both readers see 74 as 79; what makes the sum hold is a 7 that would have to be a 2."""
    forced = Observed(
        "b",
        tuple(
            Belief(
                name, (Candidate("7", State.NUMBER, 7, 0.96), Candidate("2", State.NUMBER, 2, 0.03)), {"digit_px": 40.0}
            )
            for name in ("digits", "line")
        ),
        1.0,
    )
    found = _conclude(
        _seen("a", ("79", 0.9999), ("79", 0.9999)), forced, _seen("t", ("81", 0.9999), ("81", 0.9999)), rules=SUM
    )
    assert found["b"].value == 2
    assert Outcome.ACCEPT not in {field.outcome for field in found.values()}


@pytest.mark.parametrize(("clear", "accepted"), [(0.9, True), (0.7, False)])
def test_a_sum_that_only_repeats_a_figure_confirms_it_only_where_both_are_clear(clear: float, accepted: bool) -> None:
    """180 read as 80 in both places, beside a 0: the same hand is misread twice."""
    none, total = _seen("b", ("0", 0.99), ("0", 0.99)), _seen("t", ("80", 0.99), ("80", 0.99))
    found = _conclude(_torn("a", 80, 180, clear), none, total, rules=SUM)
    assert found["a"].seen.merged > 0.7
    assert (found["t"].outcome is Outcome.ACCEPT) is accepted


@pytest.mark.parametrize(("p", "outcome"), [(0.6, Outcome.ACCEPT), (0.5, Outcome.SUGGEST)])
def test_what_is_accepted_was_read_and_not_computed(p: float, outcome: Outcome) -> None:
    found = _conclude(_torn("a", 10, 70, p), *SHEET[1:], rules=SUM)
    assert (found["a"].value, found["a"].outcome, found["b"].outcome) == (10, outcome, Outcome.ACCEPT)


def test_what_a_reader_hardly_names_it_does_not_name_though_it_names_nothing_else() -> None:
    found = _conclude(_seen("a", ("10", 0.999), ("10", 0.015)), *SHEET[1:], rules=SUM)["a"]
    assert (found.value, found.outcome, found.why) == (10, Outcome.SUGGEST, "only one reader is sure")


def test_writing_that_runs_out_of_its_field_is_not_suggested_without_a_rule() -> None:
    cut = Observed("a", tuple(replace(b, signs={**b.signs, "cut": 0.8}) for b in SHEET[0].beliefs), 1.0)
    assert _conclude(cut)["a"].outcome is Outcome.PEOPLE
    assert _conclude(cut, *SHEET[1:], rules=SUM)["a"].outcome is Outcome.ACCEPT


@pytest.mark.parametrize(("free", "outcome"), [(1.0, Outcome.PEOPLE), (0.0, Outcome.SUGGEST)])
def test_a_cross_beside_digits_is_a_mark_of_an_unused_box_only_where_there_are_boxes(
    free: float, outcome: Outcome
) -> None:
    said = Candidate("X8", State.NUMBER, 8, 0.99)
    one = Observed("a", tuple(Belief(n, (said,), {"digit_px": 40.0, "free": free}) for n in ("digits", "line")), 1.0)
    assert _conclude(one)["a"].outcome is outcome


def test_where_one_reader_alone_is_sure_nothing_is_accepted() -> None:
    unsure = _seen("a", ("10", 0.999), ("70", 0.6))
    found = _conclude(unsure, *SHEET[1:], rules=SUM)
    assert found["a"].value == 10
    assert found["a"].outcome is not Outcome.ACCEPT


@pytest.mark.parametrize(("third", "accepted"), [(("10", 0.9), True), (("70", 0.9), False), (("", 0.9), False)])
def test_two_of_three_readers_are_enough_and_one_is_not(third: tuple[str, float], accepted: bool) -> None:
    torn = _seen("a", ("10", 0.999), ("70", 0.3))
    other = replace(_seen("a", third, ("", 0.0)).beliefs[0], reader="recurrent")
    found = _conclude(replace(torn, beliefs=(*torn.beliefs, other)), *SHEET[1:], rules=SUM)["a"]
    assert found.value == 10
    assert (found.outcome is Outcome.ACCEPT) is accepted


@pytest.mark.parametrize(("second", "accepted"), [(0.35, True), (0.2, False)])
def test_a_reader_that_holds_the_answer_for_nearly_as_likely_as_another_names_it_too(
    second: float, accepted: bool
) -> None:
    torn = Belief(
        "line",
        (Candidate("70", State.NUMBER, 70, 0.6), Candidate("10", State.NUMBER, 10, second)),
        {"digit_px": 40.0},
    )
    found = _conclude(Observed("a", (SHEET[0].beliefs[0], torn), 1.0), *SHEET[1:], rules=SUM)["a"]
    assert found.value == 10
    assert (found.outcome is Outcome.ACCEPT) is accepted


def test_a_figure_that_arithmetic_prefers_goes_to_people_and_both_are_kept() -> None:
    torn = Observed(
        "a",
        tuple(
            Belief(reader, (Candidate("70", State.NUMBER, 70, 0.55), Candidate("10", State.NUMBER, 10, 0.44)))
            for reader in ("digits", "line")
        ),
        1.0,
    )
    found = _conclude(torn, *SHEET[1:], rules=SUM)["a"]
    assert (found.raw, found.value, found.outcome) == ("70", 10, Outcome.PEOPLE)


def test_a_broken_rule_is_reported_and_its_fields_are_not_accepted() -> None:
    wrong = _seen("t", ("25", 0.999), ("25", 0.999))
    fields, broken = conclude((*SHEET[:2], wrong), SUM, SURE)
    assert [(rule.sum, rule.written) for rule in broken] == [(15, 25)]
    assert fields["t"].value == 25
    assert all(field.outcome is not Outcome.ACCEPT for field in fields.values())


@pytest.mark.parametrize("sign", ["struck", "over"])
def test_a_sign_struck_out_or_written_over_goes_to_people(sign: str) -> None:
    marked = _seen("a", ("10", 0.99), ("10", 0.99), **{sign: 0.6})
    assert _conclude(marked, *SHEET[1:], rules=SUM)["a"].outcome is Outcome.PEOPLE


def test_words_go_to_people() -> None:
    found = _conclude(_seen("a", ("nil", 0.99), ("nil", 0.99)))["a"]
    assert (found.state, found.value, found.outcome) == (State.WORD, 0, Outcome.PEOPLE)


def test_a_field_outside_the_picture_is_absent_and_never_empty() -> None:
    outside = Observed("a", (), 0.2)
    found = _conclude(outside, *SHEET[1:], rules=SUM)
    assert (found["a"].state, found["a"].value, found["a"].outcome) == (State.ABSENT, None, Outcome.PEOPLE)
    assert found["t"].outcome is not Outcome.ACCEPT


def test_a_field_cut_by_the_edge_goes_to_people() -> None:
    cut = Observed("a", SHEET[0].beliefs, 0.8)
    assert _conclude(cut, *SHEET[1:], rules=SUM)["a"].outcome is Outcome.PEOPLE


def test_what_no_reader_can_name_is_illegible() -> None:
    found = _conclude(_seen("a", ("10", 0.001), ("70", 0.001)))["a"]
    assert (found.state, found.value, found.raw, found.outcome) == (State.ILLEGIBLE, None, "?", Outcome.PEOPLE)


@pytest.mark.parametrize(
    ("digit_px", "rules", "outcome"),
    [(5.0, SUM, Outcome.PEOPLE), (8.0, SUM, Outcome.ACCEPT), (8.0, (), Outcome.PEOPLE), (10.0, (), Outcome.SUGGEST)],
)
def test_writing_that_is_too_small_goes_to_people(digit_px: float, rules: tuple[Rule, ...], outcome: Outcome) -> None:
    small = Observed("a", tuple(Belief(b.reader, b.candidates, {"digit_px": digit_px}) for b in SHEET[0].beliefs), 1.0)
    assert _conclude(small, *SHEET[1:], rules=rules)["a"].outcome is outcome


@pytest.mark.parametrize("mark", ["struck", "over"])
@pytest.mark.parametrize(
    ("networks", "outcome"), [((0.6, 0.6), Outcome.PEOPLE), ((0.6, 0.01), Outcome.ACCEPT), ((0.6,), Outcome.PEOPLE)]
)
def test_what_both_networks_see_struck_or_written_over_goes_to_people(
    mark: str, networks: tuple[float, ...], outcome: Outcome
) -> None:
    line = SHEET[0].beliefs[-1]
    own = zip(("digits", "recurrent"), networks, strict=False)
    beliefs = [Belief(name, line.candidates, {mark: p}) for name, p in own]
    marked = Observed("a", (*beliefs, line), 1.0)
    assert _conclude(marked, *SHEET[1:], rules=SUM)["a"].outcome is outcome
