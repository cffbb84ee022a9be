"""The folder as a whole: the same bytes every time, every link leads somewhere, nothing is asked of anybody else."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

import pytest

from counterfoil.publish.data import data_files
from counterfoil.publish.model import Publication
from counterfoil.publish.pages import pages
from counterfoil.record.layout import OBJECTS, RECORD, object_path, published_paths
from tests.publish_pages.html import Element
from tests.publish_pages.worlds import PSEUDO, catalogues, plain, publication, small_world
from tests.world import World, definition

LANGUAGES = ("", "ru/", f"{PSEUDO}/")
ONE = (
    "index.html findings.html map.html coverage.html method.html data.html check.html changes.html press.html "
    "404.html reader.html "
    "areas/XX.html areas/d1.html stations/d1.html stations/d1-2.html press/president-XX-ada.svg"
).split()


def test_every_page_type_is_there_in_every_language(site: Mapping[str, bytes]) -> None:
    for folder in LANGUAGES:
        assert {folder + path for path in ONE} <= site.keys()
    assert {"assets/site.css", "assets/site.js"} <= site.keys()


def test_the_same_publication_gives_the_same_bytes(site: Mapping[str, bytes]) -> None:
    again = dict(pages(publication(small_world()), catalogues=catalogues))
    assert list(again) == list(site)
    assert again == site


def test_every_link_is_relative_and_leads_to_a_file_and_an_anchor(
    site: Mapping[str, bytes], trees: Mapping[str, Element], small: Publication
) -> None:
    others = {path for path, _ in data_files(small)} | {"check.py", "record/manifest"}
    others |= {OBJECTS + object_path(sha256) for sha256 in small.results.replay.objects}
    others |= {RECORD + path for path in published_paths(small.record.checkpoints)} | {"record/log.vkey"}
    anchors = {path: {e.attributes["id"] for e in tree.walk() if "id" in e.attributes} for path, tree in trees.items()}
    seen = 0
    for path, tree in trees.items():
        for element in tree.walk():
            target = element.attributes.get("href") or element.attributes.get("src")
            if target is None or target == "data:,":
                continue
            parts = urlsplit(target)
            assert not parts.scheme and not parts.netloc and not parts.path.startswith("/"), (path, target)
            file = (
                posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(parts.path))) if parts.path else path
            )
            assert file in site or file in others, (path, target)
            if parts.fragment:
                assert unquote(parts.fragment) in anchors[file], (path, target)
            seen += 1
    assert seen > 1_000


def test_ids_stand_once_on_a_page(trees: Mapping[str, Element]) -> None:
    for path, tree in trees.items():
        ids = [e.attributes["id"] for e in tree.walk() if "id" in e.attributes]
        assert len(ids) == len(set(ids)), path


def test_nothing_is_asked_of_a_third_party(site: Mapping[str, bytes]) -> None:
    for path, data in site.items():
        found = re.findall(rb"(?:https?:)?//[\w.-]+\.\w+", data.replace(b"http://www.w3.org/2000/svg", b""))
        assert not found, (path, found)


def test_scripts_and_styles_are_files_under_a_policy_but_in_the_reader(trees: Mapping[str, Element]) -> None:
    for path, tree in trees.items():
        policy = tree.find("meta", http_equiv="Content-Security-Policy") or [
            e for e in tree.find("meta") if e.attributes.get("http-equiv") == "Content-Security-Policy"
        ]
        assert "default-src 'none'" in policy[0].attributes["content"], path
        assert "unsafe" not in policy[0].attributes["content"], path
        if path.endswith("reader.html"):
            continue
        assert all("src" in e.attributes for e in tree.find("script")), path
        assert not tree.find("style"), path
        assert not any("style" in e.attributes or any(a.startswith("on") for a in e.attributes) for e in tree.walk()), (
            path
        )


def test_the_page_for_addresses_without_a_page_needs_no_script(trees: Mapping[str, Element]) -> None:
    for folder in LANGUAGES:
        assert not trees[folder + "404.html"].find("script")
        assert trees[folder + "index.html"].find("script")


def test_a_page_says_its_language_and_direction_and_links_the_others(trees: Mapping[str, Element]) -> None:
    expected = {"": ("en", "ltr"), "ru/": ("ru", "ltr"), f"{PSEUDO}/": (PSEUDO, "rtl")}
    for folder, (language, direction) in expected.items():
        for page in ONE[:-1]:
            html = trees[folder + page].find("html")[0]
            assert (html.attributes["lang"], html.attributes["dir"]) == (language, direction)
            if page != "reader.html":
                linked = {
                    e.attributes["hreflang"] for e in trees[folder + page].find("a") if "hreflang" in e.attributes
                }
                assert linked == {"en", "ru", PSEUDO} - {language}


def test_names_from_outside_are_escaped(site: Mapping[str, bytes], trees: Mapping[str, Element]) -> None:
    for path, tree in trees.items():
        assert not tree.find("b", class_="x") and b"<b>Brown" not in site[path], path
    assert "Bob <b>Brown</b>" in trees["index.html"].text
    assert "<Hall> 1" in trees["stations/d2.html"].text
    assert b"Bob &lt;b&gt;Brown&lt;/b&gt;" in site["press/president-XX-bob.svg"]


def test_ids_that_differ_in_case_alone_get_different_file_names() -> None:
    world = World(definition(languages=["en"]))
    world.table("areas", "area,parent,name\nXX,,X\na,XX,small\nA,XX,large\na-2,XX,second")
    rows = [f"s{i},a,1" for i in range(101)]
    world.table("stations", "station,area,registered\n" + "\n".join(rows))
    world.table("readings", "station,ada,bob,valid,ballots_cast,registered\ns1,1,2,3,3,9")
    paths = [path for path, _ in pages(publication(world, changes=False))]
    assert len({path.casefold() for path in paths}) == len(paths)
    assert "stations/a-2.html" in paths


def test_a_language_without_a_catalogue_reads_in_english_and_says_so() -> None:
    world = small_world(plain(languages=["tlh"], title={"tlh": "Title"}, **_single_language("tlh")))
    site = dict(pages(publication(world)))
    assert b'<html lang="en" dir="ltr"' in site["index.html"]
    assert b"What is counted" in site["index.html"]


def _single_language(language: str) -> dict[str, object]:
    base = plain()
    for contest in base["contests"]:
        contest["title"] = {language: "C"}
        for option in contest["options"]:
            option["name"] = {language: option["id"]}
    return {"contests": base["contests"]}


@pytest.mark.parametrize("word", ["fraud", "falsif", "rigged"])
def test_no_page_passes_a_verdict(site: Mapping[str, bytes], word: str) -> None:
    assert not any(word.encode() in data.lower() for data in site.values())


def test_each_page_of_a_simulated_election_says_that_nothing_is_real(trees: Mapping[str, Element]) -> None:
    site = dict(pages(publication(small_world(plain(simulated=True))), catalogues=catalogues))
    for path, data in site.items():
        if path.endswith(".html"):
            says = "нет ничего настоящего" if path.startswith("ru/") else "nothing here is real"
            assert says in data.decode("utf-8") or path.startswith(PSEUDO), path
            assert b'class="simulated"' in data, path
    assert not any(e.attributes.get("class") == "simulated" for tree in trees.values() for e in tree.walk())
