"""Every language is complete, and no translation loses or invents a figure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import unescape

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from counterfoil.election.definition import FINDING_CODES
from counterfoil.publish.model import Publication
from counterfoil.publish.pages import pages
from counterfoil.publish.pages.catalogues import compile_po, load_catalogue
from tests.publish_pages import worlds
from tests.publish_pages.extraction import FOLDER, messages

LANGUAGES = ("be", "es", "ru")


def _catalogue(language: str) -> Catalog:
    with (FOLDER / "locale" / language / "LC_MESSAGES" / "counterfoil.po").open("rb") as file:
        return read_po(file, abort_invalid=True)


def _placeholders(text: str) -> set[str]:
    """Names that are filled in; a percent sign of any other kind would break the text, so it shows up too."""
    return {name or other for name, other in re.findall(r"%(?:\((\w+)\)s|(.?))", text)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_and_none_is_left_over(language: str) -> None:
    catalogue = _catalogue(language)
    translated = {m.id: m for m in catalogue if m.id}
    assert set(messages()) == {tuple(i) if isinstance(i, list | tuple) else i for i in translated}
    for message in translated.values():
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(forms) and not message.fuzzy, message.id
        assert len(forms) == (catalogue.num_plurals if message.pluralizable else 1), message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_agree_in_every_form(language: str) -> None:
    for message in _catalogue(language):
        if not message.id:
            continue
        source = message.id[1] if isinstance(message.id, tuple) else message.id
        for form in message.string if isinstance(message.string, tuple) else (message.string,):
            assert _placeholders(str(form)) == _placeholders(str(source)), message.id


def test_every_message_that_pages_ask_for_can_be_extracted(small: Publication, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[str] = set()
    original = worlds.Pseudo.gettext

    def remember(self: worlds.Pseudo, message: str) -> str:
        asked.add(message)
        return original(self, message)

    monkeypatch.setattr(worlds.Pseudo, "gettext", remember)
    for _ in pages(small, catalogues=worlds.catalogues):
        pass
    known = {text for message in messages() for text in ([message] if isinstance(message, str) else message)}
    assert len(asked) > 200
    assert asked <= known


def test_no_source_text_is_left_on_a_page_of_another_language(site: Mapping[str, bytes], small: Publication) -> None:
    replay = small.results.replay
    data = json.dumps(worlds.plain()) + replay.areas.write_csv() + replay.stations.write_csv() + " ".join(FINDING_CODES)
    names = set(re.findall("[A-Za-z]{3,}", data)) | {
        *"final test wall English reader html Station was moved csv data SVG".split()
    }
    for path in (
        "index.html",
        "areas/XX.html",
        "findings.html",
        "coverage.html",
        "stations/d2.html",
        "press.html",
        "map.html",
    ):
        text = unescape(re.sub("<[^>]*>", " ", site[f"{worlds.PSEUDO}/{path}"].decode()))
        assert set(re.findall("[A-Za-z]{3,}", text)) <= names, path


def test_a_fuzzy_translation_is_not_shown() -> None:
    messages_ = compile_po(b'msgid "a"\nmsgstr "b"\n\n#, fuzzy\nmsgid "c"\nmsgstr "d"\n')
    assert (messages_.gettext("a"), messages_.gettext("c")) == ("b", "c")


@pytest.mark.parametrize(
    ("language", "one", "few", "many"),
    [("ru", "1 запись", "3 записи", "11 записей"), ("be", "1 запіс", "3 запісы", "11 запісаў")],
)
def test_plural_forms_follow_the_count(language: str, one: str, few: str, many: str) -> None:
    ngettext = load_catalogue(language).messages.ngettext
    assert [ngettext("%(n)s entry", "%(n)s entries", n) % {"n": n} for n in (1, 3, 11)] == [one, few, many]
