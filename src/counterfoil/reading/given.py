"""Outlines of a photo's fields from a labels file: where the figures stand, and which sums the form has.

What the file says of the figures themselves is never looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from counterfoil.primitives.errors import InputError
from counterfoil.reading.belief import Quad
from counterfoil.reading.joint import Rule


@dataclass(frozen=True, slots=True)
class Outlines:
    """Where the fields of one photo are."""

    id: str
    template: str
    quads: Mapping[str, Quad]
    rules: tuple[Rule, ...]


def read_outlines(path: Path, form_id: str) -> Outlines:
    """The outlines and rules of the form `form_id` in a labels file.

    Raises:
        InputError: no such file, not JSON of this shape, no form with this id, or a rule over a field without outline.
    """
    where = str(path)
    try:
        whole = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(
            where, expected="a JSON file with outlines", found=str(error)[:100], code="no-labels"
        ) from None
    forms = whole.get("forms") if isinstance(whole, dict) else None
    if not isinstance(forms, list):
        raise InputError(where, expected="a list `forms`", found="none", code="bad-labels")
    for form in forms:
        if isinstance(form, dict) and form.get("id") == form_id:
            return _outlines(form, form_id, where)
    raise InputError(
        where, expected=f"a form with the id {form_id!r}", found="none", do="see the ids in the file", code="no-form"
    )


def _outlines(form: Mapping[str, Any], form_id: str, where: str) -> Outlines:
    place = f"{where}, form {form_id}"
    figures = form.get("figures")
    if not isinstance(figures, dict):
        raise InputError(place, expected="`figures` with an outline each", found="none", code="bad-labels")
    quads = {name: _quad(figure, f"{place}, field {name}") for name, figure in figures.items()}
    rules = []
    for rule in form.get("rules") or ():
        try:
            found = Rule(tuple(str(part) for part in rule["parts"]), str(rule["total"]))
        except (TypeError, KeyError):
            raise InputError(
                place, expected="rules with `parts` and `total`", found="others", code="bad-labels"
            ) from None
        for name in found.fields:
            if name not in quads:
                raise InputError(place, expected=f"an outline of {name!r}, of a rule", found="none", code="bad-labels")
        rules.append(found)
    return Outlines(form_id, str(form.get("template", "")), quads, tuple(rules))


def _quad(figure: Any, place: str) -> Quad:
    given = figure.get("quad") if isinstance(figure, dict) else None
    try:
        quad = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        quad = np.empty(0)
    if quad.shape != (4, 2) or not np.isfinite(quad).all():
        raise InputError(
            place, expected="`quad`, four corners of two numbers", found="another shape", code="bad-labels"
        )
    return quad
