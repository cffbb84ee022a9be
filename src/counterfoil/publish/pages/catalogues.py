"""The languages of the pages: catalogues (`locale/<language>/LC_MESSAGES/counterfoil.po`), compiled in memory.

English is the source and has no catalogue. A language without a catalogue gets English text, and the page says
`lang="en"`; names from the election definition still come in the language that was asked for.
"""

from __future__ import annotations

import contextlib
import gettext
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from counterfoil.publish.pages.numbers import NumberFormat

SOURCE = "en"
DOMAIN = "counterfoil"


@dataclass(frozen=True)
class Catalogue:
    """Everything that depends on the language of a page. `direction` is `ltr` or `rtl`."""

    language: str
    direction: str
    name: str
    """Of the language that was asked for, in itself."""
    messages: gettext.NullTranslations
    numbers: NumberFormat


LoadCatalogue = Callable[[str], Catalogue]


@lru_cache(maxsize=32)
def load_catalogue(language: str) -> Catalogue:
    """The catalogue of a language tag; English where there is none for it or its base language."""
    for tag in (language, language.split("-", 1)[0]):
        file = resources.files("counterfoil.publish.pages") / "locale" / tag / "LC_MESSAGES" / f"{DOMAIN}.po"
        if file.is_file():
            return _catalogue(tag, language, compile_po(file.read_bytes()))
    return _catalogue(SOURCE, language, gettext.NullTranslations())


def compile_po(text: bytes) -> gettext.GNUTranslations:
    """A .po file, compiled without touching the disk. Fuzzy messages are left out."""
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(text), abort_invalid=True))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _catalogue(language: str, asked: str, messages: gettext.NullTranslations) -> Catalogue:
    direction = "ltr"
    name = asked
    with contextlib.suppress(UnknownLocaleError, ValueError):
        direction = Locale.parse(language, sep="-").text_direction
        name = Locale.parse(asked, sep="-").display_name or asked
    return Catalogue(language, direction, name, messages, NumberFormat(language))
