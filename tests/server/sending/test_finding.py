"""Finding the station: by code, by words of the address in any order, by the tree of areas, page by page."""

from __future__ import annotations

import pytest
from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.storage import search, senders
from counterfoil.storage.models import Area, Station


@pytest.fixture
def town(server: Server) -> Server:
    """One area with 120 stations, besides the election's own."""
    area = Area.objects.create(pk="town", name="Нижний Город", parent_id="XX")
    Station.objects.bulk_create(
        Station(pk=f"T-{n:03}", area=area, name=f"Школа № {n}", search=f"T-{n:03} Школа № {n} Нижний Город".casefold())
        for n in range(120)
    )
    search.build()
    return server


def ids(typed: str) -> list[str]:
    return [station.pk for station in senders.find(typed)]


def test_a_whole_code_leads_straight_to_its_form(town: Server) -> None:
    assert Client().get("/send/", {"q": " T-007 "}).headers["Location"] == "/send/to/T-007/"


def test_words_are_found_in_any_order_by_their_beginnings_in_any_script_and_case(town: Server) -> None:
    assert ids("шк 17") == ["T-017"]
    assert ids("НИЖНИЙ 42 школа") == ["T-042"]
    assert ids("школа") == [f"T-{n:03}" for n in sorted(int(one[2:]) for one in ids("школа"))]
    assert len(ids("школа")) == senders.FOUND
    assert ids("T-01")[:3] == ["T-010", "T-011", "T-012"]
    assert ids("нет такой улицы") == []


@pytest.mark.parametrize(
    "typed", ['"', "*", "a AND", "NOT x", "(", "x:*", "' OR 1=1 --", "\x00", "%", "🙂", "a" * 300, "& | !", "NEAR(a b)"]
)
def test_what_is_typed_is_never_part_of_the_question_to_the_database(town: Server, typed: str) -> None:
    assert Client().get("/send/", {"q": typed}).status_code in (200, 302)
    assert Client().get("/send/area/", {"areas": typed}).status_code in (200, 404)


def test_a_name_that_no_database_holds_is_not_found(town: Server) -> None:
    for path in ("to/%00/", "area/%00/", "dispute/a%00b/", "figures/%00/"):
        assert Client().get(f"/send/{path}").status_code == 404


def test_the_tree_shows_all_of_an_area_page_by_page(town: Server) -> None:
    seen: list[str] = []
    after = ""
    while True:
        level = senders.level("town", after_station=after)
        assert level is not None and len(level.stations) <= senders.PAGE
        seen += [station.pk for station in level.stations]
        after = level.next_station
        if not after:
            break
    assert seen == [f"T-{n:03}" for n in range(120)]
    page = Client().get("/send/area/town/").content.decode()
    assert "Нижний Город" in page and "?stations=T-049" in page
    assert [area.pk for area in level.line] == ["XX"]
