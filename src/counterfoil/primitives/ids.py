"""One id type per thing, so that they cannot be mixed, and the one rule for what an id may look like."""

from __future__ import annotations

import re
from typing import NewType

from counterfoil.primitives.errors import InputError

AreaId = NewType("AreaId", str)
StationId = NewType("StationId", str)
ContestId = NewType("ContestId", str)
OptionId = NewType("OptionId", str)
FieldId = NewType("FieldId", str)
FormId = NewType("FormId", str)
CopyId = NewType("CopyId", str)
"""The salted commitment of a copy: 64 hex digits."""
SnapshotId = NewType("SnapshotId", str)
EntryIndex = NewType("EntryIndex", int)
"""Position of an entry in the record, from 0."""

_ID = re.compile(r"[^\s/\\<>\"'&?#%:*|,;\x00-\x1f\x7f\ud800-\U0010ffff]{1,100}")


def check_id(text: str, *, where: str, what: str = "an id") -> str:
    """`text` if it can be an id: 1 to 100 characters, no space and none of / \\ < > " ' & ? # % : * | , ;

    Ids become file names, link targets and cells that a spreadsheet opens, so the rule is one for all of them; refused
    too are a leading . - = + or @ (hidden files, options, formulas) and a double underscore (kept for state columns).
    """
    if not _ID.fullmatch(text) or text[0] in ".-=+@" or "__" in text:
        raise InputError(
            where,
            expected=f"{what} of 1 to 100 characters without spaces or / \\ < > \" ' & ? # % : * | , ; or __, "
            "not starting with . - = + or @",
            found=repr(text),
            code="bad-id",
        )
    return text
