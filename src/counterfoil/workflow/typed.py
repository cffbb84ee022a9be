"""What a reader typed, to cells; and the form's checks as questions, asked only once the whole form is typed.

Rules:

* A figure may be typed in any decimal digits (٤١٢, ۴۱۲, ४१२) and with separators between groups of three, as it stands
  on the paper. Whatever could mean two numbers is asked again, never guessed.
* A box with nothing typed and no state chosen is not `empty`: the reader is asked.
* A check never refuses. Of checks that share a field only the first is asked: one message per cause.

>>> figure("1 ٢٣٤")
1234
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from counterfoil.election.definition import Blank, Check, Form
from counterfoil.primitives.cells import Cell, FieldState
from counterfoil.primitives.errors import InputError

MOST_DIGITS = 12
_SEPARATORS = " \u00a0\u2009\u202f'’,.٬،"
"""Between groups of three; a comma or dot too, because a protocol has no fractions."""
_GROUPED = re.compile(rf"[0-9]{{1,3}}([{re.escape(_SEPARATORS)}])[0-9]{{3}}(?:\1[0-9]{{3}})*")
_NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Question:
    """A check that does not come out: what the paper is asked about. `left` and `right`: both sides as typed."""

    check: Check
    left: int
    right: int
    answered_as: str
    """The figures it was asked about; an answer to other figures is none."""


def figure(text: str) -> int:
    """A whole number as somebody typed it.

    Raises:
        InputError: no number, a sign, a fraction, or more than 12 digits (`bad-figure`).
    """
    plain = "".join(_digit(c) for c in unicodedata.normalize("NFC", text.strip()))
    if _GROUPED.fullmatch(plain):
        plain = re.sub(r"[^0-9]", "", plain)
    if not plain.isascii() or not plain.isdecimal() or len(plain.lstrip("0")) > MOST_DIGITS:
        raise InputError(
            "a box of the form",
            expected=f"a whole number of at most {MOST_DIGITS} digits",
            found=repr(text[:40]),
            do="type the digits only, or choose what stands there instead",
            code="bad-figure",
        )
    return int(plain)


def _digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def cell(text: str, state: str) -> Cell:
    """One box: what was typed and the state that was chosen (`number` or "" where none was).

    Raises:
        InputError: neither (`nothing-typed`), both (`both-typed`), or no figure (`bad-figure`).
    """
    text = text.strip()
    if state in ("", _NUMBER):
        if not text:
            raise InputError(
                "a box of the form", expected="a figure, or what stands there instead", found="", code="nothing-typed"
            )
        return figure(text)
    if text:
        raise InputError("a box of the form", expected="a figure or a state", found="both", code="both-typed")
    return FieldState(state)


def questions(
    form: Form, values: Mapping[str, Cell], answered: Collection[str] = (), *, asked: Iterable[str] = ()
) -> list[Question]:
    """The checks of the form that these figures do not meet, but for those that were answered.

    Args:
        answered: `answered_as` of questions that the reader has answered with yes.
        asked: the fields that this reader was asked for; a check over others is not made.
    """
    known = set(asked) or set(values)
    open_now: list[Question] = []
    causes: set[str] = set()
    for check in form.checks:
        if not known.issuperset(check.rule.fields):
            continue
        sides = _sides(form, check, values)
        if sides is None or check.rule.holds(sides[0] - sides[1], check.tolerance):
            continue
        said = f"{check.id}:" + ",".join(str(values[f]) for f in check.rule.fields)
        if said in answered:
            continue
        if not causes.intersection(check.rule.fields):
            open_now.append(Question(check, sides[0], sides[1], said))
        causes.update(check.rule.fields)
    return open_now


def _sides(form: Form, check: Check, values: Mapping[str, Cell]) -> tuple[int, int] | None:
    """Both sides, as the count takes them; None where a figure is unknown."""
    counted: dict[str, int] = {}
    for field in form.fields:
        value = values.get(field.id)
        if isinstance(value, int):
            counted[field.id] = value
        elif field.kind == "votes" and (
            value in (FieldState.STRUCK, FieldState.WORD) or (value is FieldState.EMPTY and field.empty_is_zero)
        ):
            counted[field.id] = 0
    used = check.rule.fields
    unknown = [name for name in used if name not in counted]
    if unknown and check.blank is Blank.UNKNOWN:
        return None
    for side in (check.rule.left, check.rule.right):
        if side and not any(name in counted for name in side):
            return None
    return check.rule.sides(counted)
