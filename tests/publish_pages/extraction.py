"""Every message of the pages, taken from code and templates, as translators' tools would take them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_from_dir

import counterfoil.publish.pages as package

Message = str | tuple[str, str]
FOLDER = Path(package.__file__).parent
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "N_": None,
    "say": None,
    "ngettext": (1, 2),
    "plural": (1, 2),
}


def messages() -> dict[Message, str]:
    """Message ids (a pair where there is a plural) with the file they stand in first."""
    found: dict[Message, str] = {}
    for message, where in _extracted():
        found.setdefault(message, where)
    return found


def _extracted() -> Iterator[tuple[Message, str]]:
    methods = [("**.py", "python"), ("templates/**.html", "jinja2.ext.babel_extract")]
    for file, _line, message, _comments, _context in extract_from_dir(FOLDER, methods, keywords=KEYWORDS):
        if isinstance(message, str):
            yield message, file
        else:
            yield (message[0], message[1]), file
