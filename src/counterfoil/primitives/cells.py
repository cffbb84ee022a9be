"""What one box of a protocol can hold: a number, or a named state. Unknown is never 0.

A *cell* is `int | FieldState`. In tables a cell is text: digits, a state's word, or nothing. Nothing in a **table**
means that the source does not state it (`absent`); only a person who looked at the paper can say `empty`.
"""

from __future__ import annotations

import enum
import re

from counterfoil.primitives.errors import InputError


class FieldState(enum.StrEnum):
    """The five ways a field can hold no number (design, section 4.1)."""

    EMPTY = "empty"
    """The box is blank on the paper."""
    STRUCK = "struck"
    """A dash or a cross was put instead of a figure."""
    WORD = "word"
    """A word such as "nil" was written."""
    ILLEGIBLE = "illegible"
    """There is something, and it cannot be read; a printed figure that was crossed out too."""
    ABSENT = "absent"
    """Outside the picture, page missing, or not stated by the source."""


Cell = int | FieldState
STATES = ("number", *(state.value for state in FieldState))
"""Values of the `<field>__state` columns of frames, in a fixed order."""
STATE_SUFFIX = "__state"

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,11})")
"""At most 12 digits: a million stations of it still add up within 64 bits, so no sum can wrap around unseen."""


def parse_cell(text: str, *, where: str, negative: bool = False) -> Cell:
    """One table cell. `negative=True` keeps a negative figure that stands in the source (it is marked later).

    Raises:
        InputError: anything but an integer without separators, a state's word, or nothing.
    """
    text = text.strip()
    if text == "":
        return FieldState.ABSENT
    if _NUMBER.fullmatch(text):
        value = int(text)
        if value >= 0 or negative:
            return value
        raise InputError(where, expected="a number of votes, 0 or more", found=text, code="negative-votes")
    try:
        return FieldState(text)
    except ValueError:
        raise InputError(
            where,
            expected="a whole number without separators, or one of " + ", ".join(FieldState),
            found=repr(text),
            code="bad-cell",
        ) from None


def cell_text(cell: Cell) -> str:
    """The table form of a cell: `parse_cell(cell_text(c)) == c`."""
    return "" if cell is FieldState.ABSENT else str(cell)
