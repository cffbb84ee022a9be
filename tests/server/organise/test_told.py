"""Figures that were told: organisers see them, the ones without a photo first; no tally ever does."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.storage.models import Account, Entry
from counterfoil.storage.reports import take_figures
from counterfoil.storage.senders import station
from tests.server.conftest import Person
from tests.server.organise.world import bring

AsPerson = Callable[[Account], Client]


def test_told_figures_are_listed_for_organisers_and_are_no_entry_of_the_record(
    server: Server, person: Person, as_person: AsPerson
) -> None:
    before = Entry.objects.count()
    for code in ("001", "002"):
        place = station(code)
        assert place is not None
        take_figures(place, "president", {"ada": "450"}, election=server.election, lane="invited", slot=server.slot)
    page = as_person(person("organiser")).get("/organise/told/")
    assert page.status_code == 200
    text = page.content.decode()
    assert "Ada Example: 450" in text
    assert "somebody with a code" in text
    assert Entry.objects.count() == before


def test_stations_with_figures_but_no_photo_are_on_the_start_page_and_among_the_missing(
    server: Server, person: Person, as_person: AsPerson
) -> None:
    place = station("001")
    assert place is not None
    take_figures(place, "president", {"ada": "450"}, election=server.election, lane="invited", slot=server.slot)
    client = as_person(person("organiser"))
    assert "Of 1 station there are figures but no photo" in client.get("/work/").content.decode()
    assert "Figures without a photo" in client.get(f"/organise/missing/?area={place.area_id}").content.decode()
    bring(server, "001")
    assert "there are figures but no photo" not in client.get("/work/").content.decode()


def test_an_organiser_who_is_alone_is_told_so_and_two_are_not(
    server: Server, person: Person, as_person: AsPerson
) -> None:
    client = as_person(person("organiser"))
    assert "There is only one organiser" in client.get("/work/").content.decode()
    assert "There is only one organiser" not in as_person(person("auditor")).get("/work/").content.decode()
    person("organiser")
    assert "There is only one organiser" not in client.get("/work/").content.decode()
