"""The boxes of a form on a page: what was typed comes in as text, goes to cells, and comes back with what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from counterfoil.election.definition import Form
from counterfoil.primitives.cells import Cell, FieldState
from counterfoil.primitives.errors import InputError
from counterfoil.web.reading.desk import STATES
from counterfoil.web.texts import local
from counterfoil.workflow.typed import cell

MOST_CHARACTERS = 40
_ERRORS = {
    "nothing-typed": _("Type the number, or choose what stands there instead."),
    "both-typed": _("Type a number or choose a state, not both."),
    "bad-figure": _("Type a whole number of at most 12 digits."),
}


@dataclass(frozen=True, slots=True)
class Box:
    """One box. `text` and `state` are what this person typed, never what anybody else did."""

    id: str
    label: str
    text: str = ""
    state: str = "number"
    error: str | Promise = ""


def boxes(form: Form, fields: Sequence[str], typed: Mapping[str, str] | None = None) -> list[Box]:
    """Boxes of these fields in the form's order. `typed`: `f-<field>` and `s-<field>` as they were sent."""
    typed = typed or {}
    return [
        Box(
            f.id,
            local(f.label),
            typed.get(f"f-{f.id}", "")[:MOST_CHARACTERS],
            state if (state := typed.get(f"s-{f.id}", "number")) in STATES else "number",
        )
        for f in form.fields
        if f.id in fields
    ]


def typed_of(data: QueryDict, fields: Sequence[str]) -> dict[str, str]:
    """What a draft keeps of a form that was sent."""
    names = [f"{prefix}-{name}" for name in fields for prefix in ("f", "s")]
    return {name: str(data[name])[:MOST_CHARACTERS] for name in names if data.get(name)}


def as_typed(values: Mapping[str, int | str]) -> dict[str, str]:
    """An entry's values as they would have been typed."""
    typed = {}
    for name, value in values.items():
        if isinstance(value, int):
            typed[f"f-{name}"] = str(value)
        else:
            typed[f"s-{name}"] = value
    return typed


def cells(found: Sequence[Box]) -> tuple[dict[str, Cell], list[Box]]:
    """The cells, and the boxes with what is wrong with them; cells are whole only if no box has an error."""
    values: dict[str, Cell] = {}
    checked = []
    for box in found:
        try:
            values[box.id] = cell(box.text, box.state)
            checked.append(box)
        except InputError as error:
            checked.append(Box(box.id, box.label, box.text, box.state, _ERRORS[error.code]))
    return values, checked


def state_word(value: Cell) -> str | Promise:
    """A cell as people read it."""
    return STATES[value.value] if isinstance(value, FieldState) else str(value)
