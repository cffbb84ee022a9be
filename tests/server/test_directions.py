"""From right to left a code of a station keeps its order, whatever script stands around it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.template import engines
from django.utils import translation

from counterfoil import web

TEMPLATES = Path(web.__file__).parent / "templates"
WITH = re.compile(r"\{% blocktranslate[^%]*\bwith ([^%]*)%\}")


@pytest.mark.parametrize(("language", "shown"), [("en", "01-02-0003"), ("ar", "\u206801-02-0003\u2069")])
def test_a_code_in_a_sentence_is_isolated_where_the_page_goes_from_right_to_left(language: str, shown: str) -> None:
    with translation.override(language):
        assert engines["django"].from_string("{{ code|in_sentence }}").render({"code": "01-02-0003"}) == shown


def test_what_is_isolated_is_still_escaped() -> None:
    with translation.override("ar"):
        assert "&lt;b&gt;" in engines["django"].from_string("{{ code|in_sentence }}").render({"code": "<b>"})


def test_every_sentence_with_a_station_isolates_its_code() -> None:
    given = [
        (path.name, word)
        for path in TEMPLATES.rglob("*.html")
        for words in WITH.findall(path.read_text("utf-8"))
        for word in words.split()
        if re.match(r"(code|station)=", word)
    ]
    assert given
    assert [one for one in given if not one[1].endswith("|in_sentence")] == []
