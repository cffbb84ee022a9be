"""A form made of a template: the fields, labels, pages and checks of both are one.

* What the definition leaves out, the template says. What the definition says as well must be the same: a form that
  differs from the template its copies are read with would be two forms.
* The one thing a definition may add are languages: the election's labels stand beside the template's.
* In the record a form stands with its fields and checks written out *and* its template, so that whoever reads the
  record need not know what a template is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from counterfoil.election.form_fields import Blank, Check, FormField, Text, refuse_reserved
from counterfoil.election.nodes import Locate, Node
from counterfoil.election.template_format import FormTemplate, read_template_plain
from counterfoil.primitives.errors import InputError


def template_of(node: Node) -> FormTemplate | None:
    """The template of a form, whose `template:` is plain data by now (`resolve` put it there)."""
    if not node.has("template"):
        return None
    inner = node.get("template")
    if not isinstance(inner.value, Mapping):
        raise node.bad("template", "a template, or the name of a template file in the folder of the election")
    return read_template_plain(inner.value, lambda path: inner.locate((*inner.path, *path)))


def fields_of(template: FormTemplate, language: str) -> tuple[FormField, ...]:
    """The template's fields with labels in `language`."""
    return tuple(replace(one, label=_in(one.label, template, language)) for one in template.fields)


def checks_of(template: FormTemplate, language: str) -> tuple[Check, ...]:
    return tuple(replace(one, explanation=_in(one.explanation, template, language)) for one in template.checks)


def title_of(template: FormTemplate, language: str) -> Text:
    return _in(template.title, template, language)


def _in(text: Text, template: FormTemplate, language: str) -> Text:
    """What is printed on a form is there in one language at least; the pages show it rather than nothing."""
    return text if language in text else {language: text[template.languages[0]], **text}


def joined_fields(
    node: Node, template: FormTemplate, given: Sequence[FormField], language: str
) -> tuple[FormField, ...]:
    """The template's fields with the definition's further languages; `given` as the definition wrote them.

    Raises:
        InputError: a field, its order, page, kind, emptiness or label differs.
    """
    fields = fields_of(template, language)
    if node.has("fields"):
        if [one.id for one in given] != [one.id for one in fields]:
            raise node.bad("fields", "the template's fields in its order, or none: " + ", ".join(f.id for f in fields))
        for item, ours, theirs in zip(node.get("fields").items(), given, fields, strict=True):
            for key, mine, other in (
                ("page", ours.page, theirs.page),
                ("kind", ours.kind, theirs.kind),
                ("empty", ours.empty_is_zero, theirs.empty_is_zero),
            ):
                if item.has(key) and mine != other:
                    raise item.bad(key, f"what the template says of {theirs.id}, or nothing")
            if item.has("label"):
                _refuse_other_words(item, "label", ours.label, theirs.label)
        fields = tuple(
            replace(theirs, label={**theirs.label, **ours.label}) if item.has("label") else theirs
            for item, ours, theirs in zip(node.get("fields").items(), given, fields, strict=True)
        )
    refuse_reserved(node, "template", [one.id for one in fields])
    return fields


def joined_checks(node: Node, template: FormTemplate, given: Sequence[Check], language: str) -> tuple[Check, ...]:
    """The template's checks with the definition's further languages.

    Raises:
        InputError: a check is missing, is one more, or says something else.
    """
    checks = checks_of(template, language)
    if not node.has("checks"):
        return checks
    if [one.id for one in given] != [one.id for one in checks]:
        raise node.bad("checks", "the template's checks in its order, or none: " + ", ".join(c.id for c in checks))
    joined = []
    for item, ours, theirs in zip(node.get("checks").items(), given, checks, strict=True):
        if replace(ours, explanation={}) != replace(theirs, explanation={}):
            raise item.bad("rule", f"what the template says of the check {theirs.id}: {theirs.rule.text}")
        words = ours.explanation if item.has("explanation") else {}
        _refuse_other_words(item, "explanation", words, theirs.explanation)
        joined.append(replace(theirs, explanation={**theirs.explanation, **words}))
    return tuple(joined)


def _refuse_other_words(item: Node, key: str, ours: Text, theirs: Text) -> None:
    for language, words in ours.items():
        if theirs.get(language, words) != words:
            raise item.bad(key, f"the template's words in {language}: {theirs[language]!r}, or nothing")


def resolve(plain: Any, locate: Locate, folder: Path) -> tuple[Any, dict[str, FormTemplate]]:
    """The definition with each form's template file read and written out into it, and those templates by form, with
    their pictures.

    Raises:
        InputError: a path that leaves the folder, no such file, or what the template's reader refuses, with the place
            in the template's own file.
    """
    from counterfoil.election.templates import (  # noqa: PLC0415 - YAML, which `verify` starts without
        read_template,
        template_plain,
    )

    if not isinstance(plain, Mapping) or not isinstance(plain.get("forms"), list):
        return plain, {}
    found: dict[str, FormTemplate] = {}
    forms = []
    for node in Node(plain, (), locate).get("forms").items():
        form = node.value
        if isinstance(form, Mapping) and isinstance(form.get("template"), str):
            template = read_template(_inside(node, folder))
            found[str(form.get("id"))] = template
            form = {**form, "template": template_plain(template)}
        forms.append(form)
    return {**plain, "forms": forms}, found


def _inside(node: Node, folder: Path) -> Path:
    file = node.string("template")
    relative = PurePosixPath(file)
    if relative.is_absolute() or ".." in relative.parts or "\\" in file:
        raise node.bad("template", "a template file in this folder")
    path = folder / relative
    if not path.is_file():
        raise InputError(
            node.where("template"),
            expected="a template file that is in this folder",
            found=repr(file)[:80],
            do="put it beside election.yaml",
            code="no-template",
        )
    return path


def written_out(form: Mapping[str, Any], fields: Sequence[FormField], checks: Sequence[Check]) -> dict[str, Any]:
    """A form of the definition with the fields and checks of its template, as the record holds it."""
    return {
        **form,
        "pages": form.get("pages") or max(one.page for one in fields),
        "fields": [_plain_field(one) for one in fields],
        "checks": [_plain_check(one) for one in checks],
    }


def _plain_field(one: FormField) -> dict[str, Any]:
    plain: dict[str, Any] = {"id": one.id, "label": dict(one.label), "page": one.page, "kind": one.kind}
    return {**plain, "empty": "zero"} if one.empty_is_zero else plain


def _plain_check(one: Check) -> dict[str, Any]:
    plain: dict[str, Any] = {"id": one.id, "rule": one.rule.text, "code": one.code, "severity": one.severity.value}
    plain["explanation"] = dict(one.explanation)
    if one.tolerance:
        plain["tolerance"] = one.tolerance
    return {**plain, "blank": one.blank.value} if one.blank is not Blank.UNKNOWN else plain
