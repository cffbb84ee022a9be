"""The forensics page: what it says where there is enough data, and where there is not."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil import workflow
from counterfoil.election.recipes import apply_recipe
from counterfoil.forensics.arrays import Floats
from counterfoil.forensics.battery import TESTS
from counterfoil.forensics.comb import combs
from counterfoil.forensics.integers import hits
from counterfoil.forensics.stations import stations
from counterfoil.publish.pages import pages
from counterfoil.publish.pages.forensics_drawings import shades
from counterfoil.publish.pages.forensics_map import residual_class
from counterfoil.publish.pages.forensics_texts import TEXTS
from tests.publish_pages.html import read
from tests.publish_pages.worlds import publication
from tests.world import World, definition

BELARUS = Path(__file__).parents[2] / "../shared/data/belarus-2020"


@pytest.fixture(scope="module")
def belarus(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    folder = tmp_path_factory.mktemp("belarus") / "f"
    apply_recipe("belarus-2020", BELARUS, folder)
    made = workflow.count(folder).publication
    assert made is not None
    return {path: data.decode() for path, data in pages(made) if path.endswith("forensics.html")}


def test_the_page_of_belarus_shows_the_known_figures_with_placebos(belarus: Mapping[str, str]) -> None:
    tree = read(belarus["forensics.html"].encode())
    rows = {row.find("th")[0].text: row for row in tree.find("table", class_="tests")[0].find("tr") if row.find("td")}
    row = next(row for title, row in rows.items() if title.startswith("Whole percentages"))
    assert "366 of 1,299 stations" in row.text
    assert "chance gives 246.4 (z = 8.48; share alone 6.51, turnout alone 7.64)" in row.text
    assert [cell.text.strip() for cell in row.find("td")][1:] == ["< 0.0001", "z = 0.03", "z = 2.73", "z = 0.67"]
    assert "stands out" in row.find("th")[0].text
    assert all("stands out" not in title for title in rows if not title.startswith("Whole") and "not" not in title)


def test_pictures_come_before_tables_and_everything_is_called_exploratory(belarus: Mapping[str, str]) -> None:
    page = belarus["forensics.html"]
    assert page.index("Exploratory") < page.index("<svg") < page.index('<table class="tests"')
    assert len(re.findall(r'<svg class="cloud"', page)) == 8
    assert "213 stations on a whole percentage" in page and "199 stations on a whole percentage" in page
    assert "seed 20120901" in page


def test_a_refused_test_stands_there_with_its_reason(belarus: Mapping[str, str]) -> None:
    tree = read(belarus["forensics.html"].encode())
    assert "No clean peak is left to measure from" in tree.find("ul")[-1].text


def test_every_language_gives_the_same_figures(belarus: Mapping[str, str]) -> None:
    assert set(belarus) == {"forensics.html", "ru/forensics.html", "be/forensics.html"}
    pictures = [re.findall(r'<path class="h\d" d="[^"]*"', page) for page in belarus.values()]
    assert pictures[0] == pictures[1] == pictures[2]
    assert "8,48" in belarus["ru/forensics.html"] and "8,48" in belarus["be/forensics.html"]


def test_a_small_election_says_only_that_there_is_not_enough_data() -> None:
    world = World(definition(languages=["en"]))
    world.table("areas", "area,parent,name\nXX,,Xland")
    world.stations("s1", "s2", registered=100)
    world.table("readings", "station,ada,bob,valid,ballots_cast,registered\ns1,1,2,3,3,100\ns2,5,5,10,10,100")
    page = dict(pages(publication(world, changes=False)))["forensics.html"].decode()
    assert "There is not enough data for the tests" in page
    assert "<svg" not in page and "<table" not in page


def test_nothing_counted_yet_is_not_enough_data_either() -> None:
    world = World(definition(languages=["en"]))
    world.table("areas", "area,parent,name\nXX,,Xland")
    world.stations("s1", "s2")
    page = dict(pages(publication(world, changes=False)))["forensics.html"].decode()
    assert "There is not enough data for the tests" in page


def test_every_test_of_the_battery_has_its_words() -> None:
    assert {test.key for test in TESTS} == set(TEXTS)


@given(st.lists(st.tuples(st.integers(100, 3000), st.integers(1, 95), st.integers(1, 95)), min_size=20, max_size=60))
@settings(deadline=None, max_examples=25)
def test_the_middle_step_of_a_comb_is_the_number_of_hits_of_the_test(rows: list[tuple[int, int, int]]) -> None:
    registered = np.array([n for n, _, _ in rows])
    cast = np.maximum(registered * np.array([t for _, t, _ in rows]) // 100, 1)
    leader = cast * np.array([s for _, _, s in rows]) // 100
    made = combs(stations(registered=registered, cast=cast, leader=leader))
    assert made.turnout.observed[4] == np.count_nonzero(hits(cast, registered))
    assert made.share.observed[4] == np.count_nonzero(hits(leader, cast))
    assert made.turnout.observed.sum() == made.share.observed.sum() == len(rows)


def test_both_edges_of_the_window_belong_to_the_middle_step() -> None:
    registered, cast = np.full(40, 2000), np.array([1001, 999] * 20)  # 50.05 and 49.95 percent
    made = combs(stations(registered=registered, cast=cast, leader=cast // 3))
    assert made.turnout.observed[4] == np.count_nonzero(hits(cast, registered)) == 40


@given(st.integers(1, 10**6))
@settings(deadline=None, max_examples=60)
def test_shades_cover_every_number_of_stations_once(most: int) -> None:
    cells: Floats = np.array([[0.0, float(most)]])
    ranges = shades(cells).ranges()
    assert ranges[0][0] == 1 and ranges[-1][1] == most
    assert all(low <= high for low, high in ranges)
    assert all(a[1] + 1 == b[0] for a, b in itertools.pairwise(ranges))


def test_every_station_with_coordinates_is_on_the_map_of_shares_or_counted_beside_it(
    belarus: Mapping[str, str],
) -> None:
    page = belarus["forensics.html"]
    drawn = page[page.index("Share beside that of the area") : page.index("All tests")]
    legend = sum(int(n.replace(",", "")) for n in re.findall(r": ([0-9,]+)</li>", drawn))
    absent = re.search(r"<p>([0-9]+) stations have no coordinates", drawn)
    assert legend + int(absent[1] if absent else 0) == 1335
    assert legend > 1000


def test_residuals_are_sorted_by_points_from_the_share_of_their_area() -> None:
    # Area 0 has a share of one half over all of its stations, whatever area 1 does.
    cast = np.array([100, 100, 100, 100, 100, 100, 100])
    leader = np.array([50, 56, 44, 75, 25, 90, 90])
    areas = ["a", "a", "a", "a", "a", "b", "b"]
    made = stations(registered=cast * 2, cast=cast, leader=leader, areas=areas)
    assert residual_class(made).tolist() == [0, 2, 1, 4, 3, 0, 0]
    assert residual_class(stations(cast=[0, 10, 10], leader=[0, 5, 5])).tolist() == [-1, 0, 0]
    assert residual_class(stations(leader=[1, 2])).tolist() == [-1, -1]
