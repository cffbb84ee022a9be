"""Volume: what must stay small stays small, and says what it leaves out."""

from __future__ import annotations

import pytest

from counterfoil.publish.pages import pages
from counterfoil.publish.pages.catalogues import load_catalogue
from counterfoil.publish.pages.plan import Plan
from counterfoil.publish.pages.reader import MAX_BYTES, chosen_area
from counterfoil.publish.pages.view import Tongue, View
from tests.publish_pages.html import read
from tests.publish_pages.worlds import large_world, publication


@pytest.fixture(scope="module")
def large() -> dict[str, bytes]:
    """24,000 stations: more than the map draws one by one, more than fit into the reader."""
    return dict(pages(publication(large_world(24_000, options=4), changes=False)))


def test_the_reader_stays_below_its_limit_and_names_the_one_area_it_holds(large: dict[str, bytes]) -> None:
    data = large["reader.html"]
    assert len(data) <= MAX_BYTES
    text = data.decode()
    assert "Stations of Region 0" in text
    assert "Only the stations of this area are in this file." in text
    assert text.count('<tr><th scope="row">00') == 5_000


def test_the_reader_chooses_the_largest_area_that_fits() -> None:
    plan = Plan(publication(large_world(1_050, options=2), changes=False))
    tongue = Tongue("en", "", load_catalogue("en"))
    view = View(plan, tongue, (tongue,))
    assert [chosen_area(view, most) for most in (1_050, 1_049, 60, 10)] == ["XX", "d0", "d10", "XX"]


def test_the_map_is_gridded_above_its_limit_and_says_so(large: dict[str, bytes]) -> None:
    assert b"A mark stands for all stations of a small square" in large["map.html"]
    assert len(large["map.html"]) < 500_000


def test_the_findings_page_links_to_the_rest_of_a_long_list(large: dict[str, bytes]) -> None:
    page = read(large["findings.html"])
    own = [p for p in large if p.startswith("findings/")]
    assert own
    for path in own:
        assert any(a.attributes["href"] == path for a in page.find("a"))
    assert any(a.attributes["href"] == "data/findings.csv" for a in page.find("a"))
