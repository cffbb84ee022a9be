"""What the pages say: no bare share, unknown is never 0, and sentences that hold by addition."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.publish.model import Publication
from counterfoil.publish.pages import pages
from counterfoil.publish.pages.numbers import NumberFormat
from tests.publish_pages.html import Element
from tests.publish_pages.worlds import PSEUDO, catalogues, publication
from tests.world import World, definition

BASES = {"valid", "ballots_cast", "registered", "stations"}


def _section(tree: Element, station: str) -> Element:
    return tree.find("section", id=station)[0]


def test_no_percentage_stands_without_base_and_coverage(trees: Mapping[str, Element]) -> None:
    seen = 0
    for path, tree in trees.items():
        number = (
            catalogues(PSEUDO) if path.startswith(PSEUDO) else catalogues(path[:2] if path[2:3] == "/" else "en")
        ).numbers
        for element in tree.walk():
            own = "".join(child for child in element.children if isinstance(child, str))
            if "%" not in own or element.tag in ("style", "script", "title"):
                continue
            carrier = next((e for e in element.up() if "data-coverage" in e.attributes), None)
            assert carrier is not None and carrier.attributes["data-base"] in BASES, (path, own)
            counted, expected = map(int, carrier.attributes["data-coverage"].split("/"))
            said = re.sub("[\u2068\u2069]", "", carrier.text)
            assert number.whole(counted) in said and number.whole(expected) in said, (path, said)
            seen += 1
    assert seen > 100


def test_a_press_picture_carries_base_and_coverage_in_its_text(site: Mapping[str, bytes]) -> None:
    pictures = [data.decode() for path, data in site.items() if path.startswith("press/") and path.endswith(".svg")]
    assert len(pictures) == 4
    for picture in pictures:
        said = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", picture))
        assert re.search(r"\d+ of \d+ stations", said)
        assert "data-base=" in picture and "valid votes" in said


def test_what_stands_in_a_box_is_said_and_never_shown_as_nought(trees: Mapping[str, Element]) -> None:
    struck = _section(trees["stations/d2.html"], "b1").find("table")[0]
    rows = {
        row.find("th")[0].text: [cell.text for cell in row.find("td")] for row in struck.find("tr") if row.find("td")
    }
    assert rows["Bob <b>Brown</b>"][0] == "struck out"
    assert rows["Cem Çelik"][0] == "a word"
    unknown = _section(trees["stations/d2.html"], "b2").find("table")[0]
    rows = {
        row.find("th")[0].text: [cell.text for cell in row.find("td")] for row in unknown.find("tr") if row.find("td")
    }
    assert rows["Bob <b>Brown</b>"] == ["illegible"]
    assert rows["Cem Çelik"] == ["empty"]
    assert rows["valid"] == ["not stated"]


@pytest.mark.parametrize(
    ("page", "station", "state"),
    [
        ("d1", "0001", "confirmed"),
        ("d2", "b5", "disputed"),
        ("d2", "b4", "read"),
        ("d2", "b6", "received"),
        ("r2", "s2", "missing"),
    ],
)
def test_a_station_says_its_state(trees: Mapping[str, Element], page: str, station: str, state: str) -> None:
    section = _section(trees[f"stations/{page}.html"], station)
    assert section.find("b", class_=f"st {state}")[0].text == state.capitalize()


def test_a_check_that_does_not_hold_shows_formula_both_sides_and_difference(trees: Mapping[str, Element]) -> None:
    text = _section(trees["stations/d1.html"], "0004").find("ul", class_="broken")[0].text
    assert "ada + bob + cem == valid" in text
    assert "left side 321, right side 322, difference -1" in text


def test_official_and_reports_stand_beside_the_protocol(trees: Mapping[str, Element]) -> None:
    table = _section(trees["stations/d1.html"], "0002").find("table")[0]
    assert [e.text for e in table.find("th")][:4] == ["box of the protocol", "protocol", "announced", "difference"]
    assert [e.text for e in table.find("tr")[1].find("td")] == ["154", "128", "26"]
    reported = _section(trees["stations/d1.html"], "0070")
    assert "40" in reported.find("table")[0].text


def test_at_most_a_hundred_stations_stand_on_a_page(trees: Mapping[str, Element]) -> None:
    assert [len(trees[f"stations/{p}.html"].find("section", class_="s")) for p in ("d1", "d1-2")] == [100, 20]


def test_the_start_page_gives_contradictions_first_then_bounds_then_the_remainder(trees: Mapping[str, Element]) -> None:
    first = trees["index.html"].find("ul", class_="follows")[0]
    kinds = [item.attributes["class"] for item in first.find("li")]
    assert kinds == sorted(kinds, key=["contradiction", "bounds", "remainder", "lead", "match"].index)
    assert set(kinds) == {"contradiction", "bounds", "remainder", "lead", "match"}


def test_the_remainder_is_said_per_station_on_both_sides(trees: Mapping[str, Element]) -> None:
    said = [item.text for item in trees["index.html"].find("li", class_="remainder")]
    # 14,000 announced, 11,860 counted in 63 of 137 stations: 2,140 left for 74; 11,860 / 63 = 188.25
    assert any(
        "the uncounted 74 stations would have to show 28.9 votes each; the counted 63 show 188.3 each" in s
        for s in said
    )


def test_the_direction_of_bias_stands_beside_what_is_counted(trees: Mapping[str, Element]) -> None:
    for path in ("index.html", "areas/r1.html", "reader.html"):
        counted = [p.text for p in trees[path].find("p") if "are confirmed" in p.text]
        assert counted and all("which way the missing ones would move it is not known" in text for text in counted), (
            path
        )


def test_a_count_that_matches_says_so() -> None:
    world = World(definition(languages=["en"]))
    world.table("areas", "area,parent,name\nXX,,Xland")
    world.stations("s1", "s2", registered=100)
    world.table("readings", "station,ada,bob,valid,ballots_cast,registered\ns1,1,2,3,3,100\ns2,5,5,10,10,100")
    world.official("area,item,value\nXX,ada,6\nXX,bob,7\nXX,valid,13")
    site = dict(pages(publication(world, changes=False)))
    text = site["index.html"].decode()
    assert text.count("They match") == 2
    assert "Every station is in." in text
    assert "Addition alone shows no contradiction" in text


def test_nothing_counted_yet_reads_without_any_share(small: Publication) -> None:
    world = World(definition(languages=["en"]))
    world.table("areas", "area,parent,name\nXX,,Xland")
    world.stations("s1", "s2")
    site = dict(pages(publication(world, changes=False)))
    assert b"0 of 2 stations" in site["index.html"]
    assert b"No announced figure" in site["press.html"]


def test_every_finding_has_rule_numbers_flip_set_innocent_explanations_and_entries(
    trees: Mapping[str, Element],
) -> None:
    page = trees["findings.html"]
    article = page.find("article")[0]
    facts = {e.find("dt")[0].text: e.find("dd")[0].text for e in article.find("dl")[0].find("div")}
    assert "flip set: fewest stations whose removal reverses it" in facts
    assert any("entry-" in a.attributes["href"] for a in article.find("a"))
    group = next(e for e in article.up() if e.attributes.get("class") == "rule")
    assert len(group.find("details")[0].find("li")) >= 1
    assert "method.html#" in str([a.attributes["href"] for a in group.find("a")])


def test_a_page_of_changes_names_stations_that_are_gone_without_a_dead_link(trees: Mapping[str, Element]) -> None:
    rows = {row.find("th")[0].text: row for row in trees["changes.html"].find("table")[0].find("tr") if row.find("td")}
    assert not rows["gone"].find("a") and rows["0001"].find("a")
    assert "ab" * 32 in trees["changes.html"].text


@given(st.integers(-(10**12), 10**12), st.sampled_from(["en", "ru", "be", "es", "de", "fr-CH"]))
def test_whole_numbers_are_written_as_the_language_writes_them(value: int, language: str) -> None:
    assert NumberFormat(language).whole(value) == format_decimal(value, locale=language.replace("-", "_"))


@pytest.mark.parametrize(
    ("language", "text"), [("en", "66.67%"), ("ru", "66,67\xa0%"), ("es", "66,67\xa0%"), ("no-such-tag", "66.67%")]
)
def test_a_percentage_is_rounded_half_to_even_from_the_exact_fraction(language: str, text: str) -> None:
    assert NumberFormat(language).percent(Fraction(2, 3)) == text
    assert NumberFormat("en").percent(Fraction(1, 8), 0) == "12%"
    assert NumberFormat("en").fraction(Fraction(-1, 4), 1) == "-0.2"


def test_a_station_without_a_reading_shows_only_what_others_say_of_it(trees: Mapping[str, Element]) -> None:
    table = _section(trees["stations/r2.html"], "s1").find("table")[0]
    assert [e.text for e in table.find("tr")[0].find("th")] == ["box of the protocol", "reports"]
    assert [[e.text for e in row.walk() if e.tag in ("th", "td")] for row in table.find("tr")[1:]] == [
        ['Ada "A" Abbott', "2,000"]
    ]
    assert "not stated" not in _section(trees["stations/r2.html"], "s1").text


def test_the_formula_of_a_check_stands_once_above_its_stations(trees: Mapping[str, Element]) -> None:
    group = next(e for e in trees["findings.html"].find("section", class_="rule") if "sum-mismatch" in e.text)
    assert group.text.count("ada + bob + cem == valid") == 1
    row = next(row for row in group.find("table")[0].find("tr") if "0004" in row.text)
    assert [cell.text.strip() for cell in row.find("td")] == ["321", "322", "-1", "sum", "3"]
