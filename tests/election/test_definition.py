"""A definition is strict: what has two meanings or none is refused with its place."""

from __future__ import annotations

import pytest

from counterfoil.election.definition import Election, read_definition
from counterfoil.election.yaml_source import read_yaml
from counterfoil.primitives.errors import InputError
from tests.election.conftest import YAML

BASE = YAML[: YAML.index("tables:")]


def read(text: str) -> Election:
    plain, locate = read_yaml(text.encode(), "election.yaml")
    return read_definition(plain, locate)


def test_several_contests_may_stand_on_one_sheet_and_have_a_runoff() -> None:
    second = (
        "  - {id: runoff, form: protocol, round: 2, runoff_of: president, base: {kind: valid, official: valid},\n"
        "     options: [{id: ada, withdrawn: true}, {id: bob, name: {en: Bob, be: Боб}}]}\n"
    )
    election = read(BASE.replace("forms:", second + "forms:"))
    runoff = election.contest("runoff")
    assert (runoff.round, runoff.runoff_of, runoff.form) == (2, "president", "protocol")
    assert [o.withdrawn for o in runoff.options] == [True, False]
    assert dict(runoff.options[1].name) == {"en": "Bob", "be": "Боб"}


def test_the_plain_definition_that_goes_into_the_record_names_no_file() -> None:
    election = read(YAML)
    assert not {"tables", "entries"} & election.plain.keys()
    assert read_definition(election.plain) == election


REFUSED = {
    ("date: 2026-03-01", "date: 2026-02-30"): (
        "election.yaml, line 5, column 1: expected date: a date such as 2026-03-01, found '2026-02-30'."
    ),
    ("languages: [en, be]", "languages: [en, belarusian!]"): (
        "election.yaml, line 6, column 1: expected languages: language tags such as en, be, pt-BR, found "
        "['en', 'belarusian!']."
    ),
    ("languages: [en, be]", "languages: [en, en]"): (
        "election.yaml, line 6, column 1: expected each id once, found en twice."
    ),
    ("official: valid", "official: vaild"): (
        "election.yaml, line 10, column 25: expected official: a role or a field of the form: registered, "
        "ballots_cast, valid, invalid, ada, bob, found 'vaild'."
    ),
    ("{id: bob, name: Bob}", "{id: bob, field: ada}"): (
        "election.yaml, line 11, column 47: expected field: a field that ada does not use, found 'ada'."
    ),
    ("{id: bob, name: Bob}", "{id: registered, field: bob}"): (
        "election.yaml, line 11, column 38: expected id: another id, as registered is an item of official figures, "
        "found 'registered'."
    ),
    ("{id: bob, name: Bob}", "{id: others, field: bob}"): (
        "election.yaml, line 11, column 5: expected ids that are no column of ours, found others; give it another id "
        "and keep the name as its label."
    ),
    ("{id: valid, kind: total}", "{id: reader, kind: total}"): (
        "election.yaml, line 15, column 5: expected ids that are no column of ours, found reader; give it another id "
        "and keep the name as its label."
    ),
    ("form: protocol", "form: sheet"): (
        "election.yaml, line 9, column 5: expected form: the id of one of the forms: protocol, found 'sheet'."
    ),
    ("rule: ada + bob == valid", "rule: ada + eve == valid"): (
        "election.yaml, line 16, column 24: expected a field of the form: ada, bob, registered, valid, found 'eve' in "
        "the rule 'ada + eve == valid'."
    ),
    ("title: {en: An example, be: Прыклад}", "title: {be: Прыклад}"): (
        "election.yaml, line 3, column 1: expected title: a text in en, the election's first language, found "
        "{'be': 'Прыклад'}."
    ),
    ("counterfoil: 1", "counterfoil: 2"): (
        "election.yaml, line 1, column 1: expected counterfoil: 1, the format this version reads, found 2."
    ),
    ("{id: bob, name: Bob}", "{id: bob, name: no, kind: cand}"): (
        "election.yaml, line 11, column 57: expected kind: one of candidate, list, answer, against_all, invalid, found "
        "'cand'."
    ),
    ("country: XX", "country: 12"): (
        "election.yaml, line 4, column 1: expected country: a text (put figures in quotes), found 12."
    ),
    ("country: XX", "country: XX\nmin_cell: 0"): (
        "election.yaml, line 5, column 1: expected min_cell: a whole number of 1 or more, found 0."
    ),
}


@pytest.mark.parametrize("change", REFUSED)
def test_a_definition_that_does_not_fit_is_refused_with_its_place(change: tuple[str, str]) -> None:
    assert change[0] in BASE
    with pytest.raises(InputError) as caught:
        read(BASE.replace(*change))
    assert str(caught.value) == REFUSED[change]
