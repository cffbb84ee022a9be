"""The templates of this folder are those of the labelled forms: every form type, its fields, its rules, its codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from counterfoil.election.templates import FormTemplate, picture_of, read_template, read_template_bytes
from counterfoil.election.templates import write_template_zip as pack
from tests.forms import make_forms

TYPES = sorted(path.stem for path in make_forms.HERE.glob("*.yaml"))


def _forms() -> Iterator[dict[str, Any]]:
    for path in sorted(make_forms.FORMS.glob("*/labels.json")):
        yield from json.loads(path.read_text(encoding="utf-8"))["forms"]


def _template(name: str) -> FormTemplate:
    return read_template(make_forms.HERE / f"{name}.yaml")


def test_every_form_type_of_the_labels_has_a_template_of_its_name() -> None:
    assert {form["template"] for form in _forms()} - {"other"} <= set(TYPES)
    for name in TYPES:
        assert _template(name).name == name


@pytest.mark.parametrize("name", TYPES)
def test_a_template_has_the_fields_and_rules_of_its_sheets(name: str) -> None:
    found = _template(name)
    sheets = [form for form in _forms() if form["template"] == name]
    named = {key for form in sheets for key in form["figures"]}
    assert named <= {one.id for one in found.fields}
    rules = {(tuple(rule["parts"]), rule["total"]) for form in sheets for rule in form["rules"]}
    assert rules <= {(one.parts, one.total) for one in found.sums}
    for form in sheets:
        said = [code.match(one["text"]) for one in form["codes"] for code in found.pages[0].codes]
        assert len(said) == len(form["codes"])
        for group in said:
            assert group is not None
            assert group.get("station", "") in form["station"] + "".join(one["text"] for one in form["codes"])


@pytest.mark.parametrize("name", TYPES)
def test_a_template_goes_through_the_one_file_form_with_its_pictures(name: str) -> None:
    found = _template(name)
    again = read_template_bytes(pack(found))
    assert [page.fields for page in again.pages] == [page.fields for page in found.pages]
    assert picture_of(again.pages[0]) == picture_of(found.pages[0])


def test_only_sheets_without_figures_count_as_blank() -> None:
    for name in TYPES:
        page = _template(name).pages[0]
        assert page.picture.filled == (not page.picture.file.startswith("indonesia/templates/"))
        assert page.masks or name in ("idpek", "kecrop"), name  # these show no names and no signatures


def test_the_files_are_those_that_the_maker_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in make_forms.HERE.glob("*.yaml")}
    monkeypatch.setattr(make_forms, "HERE", tmp_path)
    monkeypatch.setattr(make_forms, "BELOW", str(make_forms.FORMS))
    make_forms.main(None)
    after = {
        path.name: path.read_bytes().replace(str(make_forms.FORMS).encode(), b"../../../shared/data/forms")
        for path in tmp_path.glob("*.yaml")
    }
    assert after == before
