"""The catalogues of the server's pages (`src/counterfoil/web/locale`): extraction, update, compiling.

`python -m tests.server.catalogues` takes every message from code and templates, brings each `django.po` up to date and
compiles it into the `django.mo` beside it; it prints how many messages are left in each language (`... catalogues es`:
in that one only). Messages of all layers stand in one catalogue; only the publication has its own
(`tests.publish_pages.extraction`). Needs GNU gettext.

- Django's `makemessages` reads a scratch copy: it writes files between the sources.
- A message whose English changed loses its translation: a similar text is never kept as a guess.
- Neither file holds a time or the name of a program: the same texts give the same bytes.
- Files are named at each message, without lines: a catalogue changes when texts change, not when code moves.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
from io import BytesIO, StringIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.core.management import call_command
from django.core.management.commands import makemessages

import counterfoil

SOURCES = Path(counterfoil.__file__).parent
LOCALE = SOURCES / "web" / "locale"
LANGUAGES = ("ar", "be", "es", "ru")
"""English is the source."""
_SLAVIC = "(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2)"
PLURALS = {
    "ar": (6, "(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5)"),
    "be": (3, _SLAVIC),
    "es": (2, "(n != 1)"),
    "ru": (3, _SLAVIC),
}
"""Unicode CLDR's rules for whole numbers; for Spanish without the form for millions, which no page needs."""
BORROWED = (
    "Authenticator code",
    "Be patient, you are sending too many requests.",
    "Code",
    "Current Password",
    "Incorrect code.",
    "Incorrect password.",
    "Invalid login.",
    "Invalid or expired key.",
    "New Password",
    "New Password (again)",
    "Password",
    "Password (again)",
    "Please type your current password.",
    "The new value must be different from the current one.",
    "The username and/or password you specified are not correct.",
    "This account is currently inactive.",
    "This password is too common.",
    "Too many failed login attempts. Try again later.",
    "Use a security key",
    "Use authenticator app or code",
    "Use your password",
    "Username",
    "You cannot deactivate two-factor authentication.",
    "You cannot generate recovery codes without having two-factor authentication enabled.",
    "You must type the same password each time.",
)
"""Labels and errors of allauth and Django that reach our pages: they do not speak all of our languages themselves."""
_OWN_PAGES = "publish"


class _Extract(makemessages.Command):
    xgettext_options = makemessages.Command.xgettext_options + ["--keyword=_l"]  # noqa: RUF005 - as its base


def template() -> Catalog:
    """Every message of the sources as they stand, without translations, sorted by file."""
    if not settings.configured:
        settings.configure()
    with tempfile.TemporaryDirectory(prefix="counterfoil-messages-") as scratch:
        ignore = shutil.ignore_patterns(_OWN_PAGES, "locale", "static", "__pycache__")
        copy = Path(shutil.copytree(SOURCES, Path(scratch) / "counterfoil", ignore=ignore))
        (copy / "locale").mkdir()
        with contextlib.chdir(copy):
            call_command(_Extract(), locale=["en"], extensions=["html", "txt", "py"], stdout=StringIO())
        with (copy / "locale" / "en" / "LC_MESSAGES" / "django.po").open("rb") as file:
            found = read_po(file, ignore_obsolete=True)
    for text_ in BORROWED:
        found.add(text_, locations=[("allauth", 0)])
    return found


def po_file(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def read(language: str) -> Catalog:
    """The catalogue of a language; an empty one where there is none yet."""
    catalogue = Catalog()
    if po_file(language).exists():
        with po_file(language).open("rb") as file:
            catalogue = read_po(file, locale=language, abort_invalid=True, ignore_obsolete=True)
    return catalogue


def updated(language: str, messages: Catalog) -> Catalog:
    """`messages` with the translations that the catalogue has for exactly these texts."""
    known = read(language)
    number, rule = PLURALS[language]
    new = Catalog(locale=language, fuzzy=False)
    vars(new).update(_num_plurals=number, _plural_expr=rule)
    for message in messages:
        if not message.id:
            continue
        old = known.get(message.id, message.context)
        new.add(
            message.id,
            old.string if old else ("",) * number if message.pluralizable else "",
            locations=sorted({(file, 0) for file, _ in message.locations}),
            flags=message.flags - {"fuzzy"},
            auto_comments=message.auto_comments,
            context=message.context,
        )
    return new


def text(catalogue: Catalog) -> bytes:
    """The .po file of a catalogue."""
    number, rule = catalogue.num_plurals, catalogue.plural_expr
    head = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {catalogue.locale}\\n"\n'
        '"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: nplurals={number}; plural={rule};\\n"\n\n'
    )
    body = BytesIO()
    write_po(body, catalogue, width=110, omit_header=True, include_lineno=False)
    return head.encode() + body.getvalue().strip() + b"\n"


def compiled(po: bytes) -> bytes:
    """The .mo file that a .po file compiles to; `CalledProcessError` where a form or a placeholder is broken."""
    command = ["msgfmt", "--check", "--no-hash", "--endianness=little", "--output-file=-", "-"]
    return subprocess.run(command, input=po, capture_output=True, check=True).stdout


def forms(message: Message) -> tuple[str, ...]:
    """The translation of a message, in each plural form where it has some; "" is missing."""
    found = message.string
    return tuple(map(str, found)) if isinstance(found, list | tuple) else (str(found or ""),)


def untranslated(catalogue: Catalog) -> int:
    return sum(not all(forms(message)) for message in catalogue if message.id)


def main() -> None:
    messages = template()
    for language in sys.argv[1:] or LANGUAGES:
        catalogue = updated(language, messages)
        file = po_file(language)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text(catalogue))
        file.with_suffix(".mo").write_bytes(compiled(file.read_bytes()))
        sys.stdout.write(f"{language}: {len(catalogue)} messages, {untranslated(catalogue)} without a translation\n")


if __name__ == "__main__":
    main()
