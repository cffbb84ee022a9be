"""The pages in a browser, from the folder itself: readable at 360 px, right to left, with and without scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from counterfoil.publish.pages import pages
from tests.publish_pages.browser import chromium, opened, taken_px, violations
from tests.publish_pages.worlds import PSEUDO, catalogues, publication, small_world

pytestmark = pytest.mark.browser

TYPES = (
    "index.html areas/XX.html areas/d2.html stations/d2.html findings.html map.html coverage.html "
    "method.html data.html check.html changes.html press.html reader.html 404.html"
).split()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def folder(site: Mapping[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _written(site, tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with few stations: axe looks at every element of a page."""
    files = dict(pages(publication(small_world(schools=12)), catalogues=catalogues))
    return _written(files, tmp_path_factory.mktemp("short"))


def _written(files: Mapping[str, bytes], top: Path) -> Path:
    for path, data in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_bytes(data)
    return top


@pytest.mark.parametrize("language", ["", f"{PSEUDO}/"], ids=["ltr", "rtl"])
@pytest.mark.parametrize("path", TYPES)
def test_a_page_is_accessible_and_fits_a_phone(browser: Browser, short: Path, path: str, language: str) -> None:
    with opened(browser, short / (language + path)) as (page, seen):
        assert violations(page) == []
        assert taken_px(page) <= 360
        assert seen.problems == []
        assert all(url.startswith((short.as_uri(), "data:")) for url in seen.requests)


@pytest.mark.parametrize("path", TYPES)
def test_a_page_reads_without_scripts(browser: Browser, folder: Path, path: str) -> None:
    with opened(browser, folder / path, script=False) as (page, seen):
        assert page.locator("main h1").first.is_visible()
        assert len(page.locator("main").inner_text()) > 100
        assert page.locator("main button:visible, main input:visible").count() == 0
        assert all(url.startswith((folder.as_uri(), "data:")) for url in seen.requests)


def test_following_a_link_to_a_station_marks_it(browser: Browser, folder: Path) -> None:
    with opened(browser, folder / "stations/d1.html") as (page, _):
        page.goto((folder / "stations/d1.html").as_uri() + "#0004")
        mark = "getComputedStyle(document.getElementById('{}')).outlineStyle"
        assert page.evaluate(mark.format("0004")) == "solid"
        assert page.evaluate(mark.format("0005")) == "none"


def test_a_table_can_be_searched_and_sorted(browser: Browser, folder: Path) -> None:
    with opened(browser, folder / "stations/d1.html") as (page, _):
        page.locator("input[type=search]").fill("0042")
        assert page.locator("section.s:visible").count() == 1
    with opened(browser, folder / "areas/XX.html") as (page, _):
        table = page.locator("table.sort").first
        table.locator("th button").nth(2).click()  # expected, largest first
        assert table.locator("tbody th").first.inner_text() == "North & East"
        table.locator("th button").nth(2).click()
        assert table.locator("tbody th").first.inner_text() == "Abroad"


def test_the_map_zooms_and_comes_back(browser: Browser, folder: Path) -> None:
    with opened(browser, folder / "map.html") as (page, _):
        svg = page.locator("figure.map svg").first
        whole = svg.get_attribute("viewBox")
        page.locator(".zoom button").nth(0).click()
        assert svg.get_attribute("viewBox") != whole
        page.locator(".zoom button").nth(1).click()
        assert [float(x) for x in (svg.get_attribute("viewBox") or "").split()] == [
            float(x) for x in (whole or "").split()
        ]


def _results(browser: Browser, file: Path) -> list[tuple[str, str]]:
    with opened(browser, file) as (page, seen):
        assert seen.problems == []
        return [(item.get_attribute("class") or "", item.inner_text()) for item in page.locator(".result").all()]


def test_the_reader_recomputes_sums_and_proof_and_says_that_they_match(browser: Browser, folder: Path) -> None:
    results = _results(browser, folder / "reader.html")
    assert len(results) == 3  # the proof, and the sums of both contests
    assert all(kind == "result ok" and text.endswith(("matches", "match")) for kind, text in results)


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ('<tr><th scope="row">0001<td>Confirmed<td>150', '<tr><th scope="row">0001<td>Confirmed<td>151', 1),
        ("<td>11,860</td>", "<td>11,960</td>", 1),
        ("&#34;type&#34;:&#34;table&#34;", "&#34;type&#34;:&#34;tables&#34;", 0),
        ('data-index="19"', 'data-index="18"', 0),
    ],
    ids=["a station", "a sum", "the entry", "its index"],
)
def test_the_reader_shows_a_figure_that_was_changed(
    browser: Browser, folder: Path, tmp_path: Path, old: str, new: str, wrong: int
) -> None:
    text = (folder / "reader.html").read_text("utf-8")
    assert text.count(old) >= 1
    changed = tmp_path / "reader.html"
    changed.write_text(text.replace(old, new, 1), "utf-8")
    kinds = [kind for kind, _ in _results(browser, changed)]
    assert [i for i, kind in enumerate(kinds) if kind == "result bad"] == [wrong]


def test_the_reader_shows_a_root_hash_that_was_changed(browser: Browser, folder: Path, tmp_path: Path) -> None:
    text = (folder / "reader.html").read_text("utf-8")
    at = text.index('id="__root"')
    digit = text.index(">", at) + 1
    changed = tmp_path / "reader.html"
    changed.write_text(text[:digit] + ("0" if text[digit] != "0" else "1") + text[digit + 1 :], "utf-8")
    assert _results(browser, changed)[0] == ("result bad", "inclusion proof recomputed: DOES NOT match")
