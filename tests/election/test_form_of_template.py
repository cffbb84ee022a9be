"""A form that is made of a template: one source for fields, labels, pages and checks, and no way to disagree."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from counterfoil.election.definition import Election, read_definition
from counterfoil.election.folder import load_folder, load_templates
from counterfoil.election.templates import read_template, template_plain, write_template_zip
from counterfoil.primitives.canonical import canonical, parse
from counterfoil.primitives.errors import InputError

from .conftest import YAML
from .template_world import FRONT, plain, write_folder

FORM = YAML[YAML.index("forms:") : YAML.index("tables:")]
OF_TEMPLATE = "forms:\n  - {id: protocol, template: sheet.template.zip}\n"


@pytest.fixture
def made(folder: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """The example election, its form made of the template; `made("forms: ...")` says it otherwise."""

    def write(forms: str = OF_TEMPLATE) -> Path:
        found = folder(election_yaml=YAML.replace(FORM, forms))
        (found / "sheet.template.zip").write_bytes(write_template_zip(read_template(write_folder(tmp_path / "made"))))
        return found

    return write


def test_a_form_of_a_template_has_its_fields_labels_pages_and_checks(made: Callable[..., Path]) -> None:
    given = load_folder(made())
    form = given.election.form("protocol")
    assert form.field_ids == ("ada", "bob", "valid", "registered")
    assert (form.pages, form.title["be"]) == (2, "Аркуш")
    assert form.fields[1].label == {"en": "Bob Dale", "be": "Боб Дэйл"}
    assert [(f.page, f.kind, f.empty_is_zero) for f in form.fields][3] == (2, "total", True)
    assert [(c.id, c.rule.text, c.code) for c in form.checks][1] == (
        "most",
        "valid <= registered",
        "turnout-over-register",
    )
    assert form.template is not None
    assert form.template.pages[0].place("ada").boxes == 3
    assert given.templates["protocol"].pages[0].picture.data == FRONT
    assert load_templates(made())["protocol"] == given.templates["protocol"]


def test_the_record_has_form_and_geometry_as_plain_data_and_the_same_election_comes_out_of_it(
    made: Callable[..., Path],
) -> None:
    election = load_folder(made()).election
    kept = parse(canonical(election.plain))
    again = read_definition(kept)
    assert canonical(again.plain) == canonical(election.plain)
    assert again.forms == election.forms
    form = kept["forms"][0]
    assert [one["id"] for one in form["fields"]] == ["ada", "bob", "valid", "registered"]
    assert [one["rule"] for one in form["checks"]] == ["ada + bob == valid", "valid <= registered"]
    assert form["template"]["pages"][0]["picture"]["file"] == "page-1.png"
    assert "sheet.template.zip" not in repr(kept)


def _with(**form: Any) -> Election:
    """The example's definition with this form of the template, as the record would hold it."""
    template = template_plain(_template())
    base = {"id": "protocol", "template": template, **form}
    return read_definition(
        {
            "counterfoil": 1,
            "id": "x",
            "title": {"en": "X", "be": "Х"},
            "country": "XX",
            "date": "2026-03-01",
            "languages": ["en", "be", "ru"],
            "contests": [
                {
                    "id": "president",
                    "form": "protocol",
                    "base": {"kind": "valid", "official": "valid"},
                    "options": [{"id": "ada"}, {"id": "bob"}],
                }
            ],
            "forms": [base],
        }
    )


def _template() -> Any:

    with tempfile.TemporaryDirectory() as name:
        return read_template(write_folder(Path(name)))


FIELDS: list[dict[str, Any]] = [{"id": "ada"}, {"id": "bob"}, {"id": "valid"}, {"id": "registered"}]


def test_what_a_definition_says_beside_its_template_may_repeat_it_and_add_languages() -> None:
    fields = copy.deepcopy(FIELDS)
    fields[0] |= {"label": {"en": "Ada Hill", "ru": "Ада Хилл"}, "page": 1, "kind": "votes"}
    form = _with(fields=fields, checks=copy.deepcopy(plain()["checks"]), pages=3).form("protocol")
    assert form.fields[0].label == {"en": "Ada Hill", "ru": "Ада Хилл"}
    assert form.pages == 3


@pytest.mark.parametrize(
    ("form", "word"),
    [
        ({"fields": FIELDS[:3]}, "in its order"),
        ({"fields": [FIELDS[1], FIELDS[0], *FIELDS[2:]]}, "in its order"),
        ({"fields": [{"id": "ada", "kind": "total"}, *FIELDS[1:]]}, "kind"),
        ({"fields": [{"id": "ada", "page": 2}, *FIELDS[1:]]}, "page"),
        ({"fields": [{"id": "ada", "empty": "zero"}, *FIELDS[1:]]}, "empty"),
        ({"fields": [{"id": "ada", "label": "Eve"}, *FIELDS[1:]]}, "Ada Hill"),
        ({"checks": plain()["checks"][:1]}, "checks in its order"),
        ({"checks": [{"id": "sum", "rule": "ada == valid"}, plain()["checks"][1]]}, "ada \\+ bob == valid"),
        ({"checks": [{**plain()["checks"][0], "tolerance": 1}, plain()["checks"][1]]}, "ada \\+ bob == valid"),
        ({"pages": 1}, "2 or more"),
    ],
)
def test_a_definition_that_disagrees_with_its_template_is_refused(form: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word):
        _with(**copy.deepcopy(form))


def test_a_field_of_a_template_that_is_called_like_a_column_of_ours_makes_no_form(tmp_path: Path) -> None:
    value = plain()
    value["fields"][3]["id"] = "cast"
    value["pages"][1]["places"] = {"cast": value["pages"][1]["places"]["registered"]}
    value["checks"].pop()
    template = read_template(write_folder(tmp_path, value))
    with pytest.raises(InputError) as caught:
        _with(template=template_plain(template))
    assert caught.value.code == "reserved-id"


@pytest.mark.parametrize(
    ("name", "word"),
    [("../sheet.template.zip", "in this folder"), ("/etc/hostname", "in this folder"), ("none.zip", "in this folder")],
)
def test_attack_a_template_outside_the_folder_is_not_read(name: str, word: str, made: Callable[..., Path]) -> None:
    folder = made(f"forms:\n  - {{id: protocol, template: {name}}}\n")
    (folder.parent / "sheet.template.zip").write_bytes((folder / "sheet.template.zip").read_bytes())
    with pytest.raises(InputError, match=word) as caught:
        load_folder(folder)
    assert "election.yaml, line" in str(caught.value)


def test_a_mistake_in_the_template_names_the_template(made: Callable[..., Path], tmp_path: Path) -> None:
    folder = made("forms:\n  - {id: protocol, template: made/template.yaml}\n")
    value = plain()
    value["fields"][0]["boxes"] = 0
    write_folder(tmp_path / "made", value)
    with pytest.raises(InputError, match=r"template\.yaml, line 8"):
        load_folder(folder)
