"""The pages of the server speak every language whole, and no translation loses or invents a figure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import allauth
import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from django.conf import settings
from django.contrib import auth
from django.test import Client
from django.urls import reverse
from django.utils.translation import gettext, ngettext, override

from counterfoil.bootstrap.server import Server
from counterfoil.web.accounts.words import WORDS
from counterfoil.web.sending.memory import memory
from counterfoil.workflow.sending import NotNow
from tests.server import catalogues
from tests.server.catalogues import LANGUAGES, SOURCES, po_file

OUR_NAMES = {"_", "_l", "gettext", "gettext_lazy", "gettext_noop", "ngettext"}
FORBIDDEN = {
    "ar": "احتيال|تزوير|غش",
    "be": "фальсіф|махляр|падман|жульніц",
    "en": "fraud",
    "es": "fraud|trampa|pucherazo",
    "ru": "фальсиф|мошенни|обман|жульни",
}
SAME_EVERYWHERE = {"Counterfoil", "SHA", "URL", "PDF", "ZIP", "CSV", "XLSX", "JPEG", "PNG", "TIFF", "WebP", "HEIC"}


@pytest.fixture(scope="module")
def messages() -> Catalog:
    return catalogues.template()


def _translations(language: str) -> Iterator[tuple[Message, str, str]]:
    """Each message with the source text and each of its translated forms; what is missing is the matter of one test."""
    for message in catalogues.read(language):
        if not message.id:
            continue
        for form in filter(None, catalogues.forms(message)):
            yield message, _ids(message)[-1], form


def _ids(message: Message) -> tuple[str, ...]:
    return tuple(map(str, message.id)) if isinstance(message.id, list | tuple) else (str(message.id),)


def test_every_language_that_can_be_chosen_has_a_catalogue() -> None:
    assert {code for code, _ in settings.LANGUAGES} == {"en", *LANGUAGES}
    assert {file.name for file in catalogues.LOCALE.iterdir()} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogues_have_the_messages_of_code_and_templates_and_no_others(language: str, messages: Catalog) -> None:
    found = {message.id for message in catalogues.read(language)}
    assert found == {message.id for message in messages}, "python -m tests.server.catalogues brings them up to date"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_is_as_the_command_writes_it(language: str, messages: Catalog) -> None:
    assert catalogues.text(catalogues.updated(language, messages)) == po_file(language).read_bytes()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_file_is_what_the_catalogue_compiles_to(language: str) -> None:
    po = po_file(language)
    assert po.with_suffix(".mo").read_bytes() == catalogues.compiled(po.read_bytes())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_in_every_form(language: str) -> None:
    number, _ = catalogues.PLURALS[language]
    with po_file(language).open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    assert catalogue.num_plurals == number
    assert not catalogue.obsolete
    for message in catalogue:
        if message.id:
            forms = catalogues.forms(message)
            assert len(forms) == (number if message.pluralizable else 1), message.id
            assert all(form.strip() for form in forms), message.id
            assert not message.fuzzy, message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_fills_in_exactly_what_the_source_fills_in(language: str) -> None:
    for _, source, form in _translations(language):
        assert _placeholders(form) == _placeholders(source), form


def _placeholders(text: str) -> list[str]:
    """What is filled in; a percent sign of any other kind would break the text, so it shows up too."""
    return sorted(set(re.findall(r"%\(\w+\)[a-z]|%.?", text)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_adds_no_markup(language: str) -> None:
    for _, source, form in _translations(language):
        assert sorted(re.findall(r"<[^>]*>|[<>]|&\w+;|{[{%]", form)) == sorted(
            re.findall(r"<[^>]*>|[<>]|&\w+;|{[{%]", source)
        ), form


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_begins_and_ends_with_the_same_line_breaks_as_its_source(language: str) -> None:
    for _, source, form in _translations(language):
        assert (form[:1].isspace(), form[-1:].isspace()) == (source[:1].isspace(), source[-1:].isspace()), form


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_no_text_gives_a_verdict(language: str, messages: Catalog) -> None:
    if language == "en":
        texts = [part for message in messages for part in _ids(message)]
    else:
        texts = [form for _, _, form in _translations(language)]
    assert not [text for text in texts if re.search(FORBIDDEN[language], text, re.IGNORECASE)]


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        ("ru", {1: "код", 3: "кода", 11: "кодов", 21: "код"}),
        ("be", {1: "код", 3: "коды", 11: "кодаў", 21: "код"}),
    ],
)
def test_plural_forms_follow_the_count(language: str, forms: dict[int, str]) -> None:
    one, many = "%(left)s recovery code is left.", "%(left)s recovery codes are left."
    with override(language):
        for number, word in forms.items():
            assert word in re.findall(r"\w+", ngettext(one, many, number) % {"left": number}), number


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_sessions_of_a_person_can_have_the_same_word(language: str) -> None:
    with override(language):
        assert len({str(word) for word in WORDS}) == len(WORDS) == 64


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_speaks_the_language_that_the_browser_asks_for(language: str, server: Server) -> None:
    answer = Client().get(reverse("send"), headers={"accept-language": language})
    with override(language):
        title = gettext("Send a photo of a protocol")
    assert title != "Send a photo of a protocol"
    page = answer.content.decode()
    assert title in page
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in page


def test_every_page_offers_the_other_languages_and_what_was_searched_for_goes_nowhere(server: Server) -> None:
    page = Client().get(reverse("send"), {"q": "Mill street"}).content.decode()
    offered = dict(re.findall(r'href="(/language/[^"]*)" lang="(\w+)"', page))
    assert set(offered.values()) == set(LANGUAGES)
    assert not [address for address in offered if "Mill" in address]
    client = Client()
    address = next(address for address, language in offered.items() if language == "be")
    answer = client.get(unescape(address), follow=True)
    assert answer.redirect_chain == [(reverse("send"), 302)]
    assert '<html lang="be"' in answer.content.decode()


def test_a_page_that_is_shown_once_offers_no_way_to_lose_it(server: Server) -> None:
    answer = Client().post(reverse("send_receipt"), {"words": "x"})
    page = answer.content.decode()
    assert "<h1" in page
    assert "/language/" not in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_for_want_of_room_is_said_in_the_language_of_the_page(language: str, server: Server) -> None:
    searches = memory(server.settings).searches
    searches.resize(1.0)
    with pytest.raises(NotNow):
        while True:
            searches.take("busy", "")
    answer = Client().get(reverse("send"), {"q": "Mill street"}, headers={"accept-language": language})
    with override(language):
        text = gettext("Too many searches at this moment. Try again in a few seconds.")
    assert answer.status_code == 503
    assert text in answer.content.decode()


def test_borrowed_messages_are_those_of_the_libraries() -> None:
    homes = [Path(allauth.__file__).parent / "locale", Path(auth.__file__).parent / "locale"]
    known: set[object] = set()
    for home in homes:
        with (home / "en" / "LC_MESSAGES" / "django.po").open("rb") as file:
            known |= {message.id for message in read_po(file)}
    assert set(catalogues.BORROWED) <= known


def test_translating_functions_have_the_names_that_extraction_knows() -> None:
    for file in SOURCES.glob("*/**/*.py"):
        if "publish" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
                names = {alias.asname or alias.name for alias in node.names if "gettext" in alias.name}
                assert names <= OUR_NAMES, file


def test_no_template_has_words_that_cannot_be_translated() -> None:
    for file in (SOURCES / "web" / "templates").glob("**/*.html"):
        text = re.sub(
            r"(?s){% (blocktranslate|comment)\b.*?{% end\1 %}|{#.*?#}|{%.*?%}|{{.*?}}", " ", file.read_text("utf-8")
        )
        spoken = re.findall(r'(?:aria-label|alt|placeholder|title)="([^"]*)"', text)
        shown = re.sub(r"(?s)<(code|style|script)\b.*?</\1>|<[^>]*>", " ", text)
        words = set(re.findall(r"[A-Za-z]{3,}", " ".join([shown, *spoken]).replace("&nbsp;", " ")))
        assert words <= SAME_EVERYWHERE, file
