"""Figures that were told: organisers see them, the ones without a photo first; no tally ever does."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.storage.models import Account, Entry, WithdrawalRequest
from counterfoil.storage.reports import take_figures
from counterfoil.storage.senders import station
from tests.server.conftest import Person
from tests.server.organise.world import bring
from tests.server.sending.conftest import token_of

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


def test_figures_that_a_coordinator_typed_are_found_from_the_missing_station_and_listed(
    server: Server, person: Person, as_person: AsPerson
) -> None:
    client = as_person(person("sender_coordinator"))
    place = station("001")
    assert place is not None
    assert "/send/told/001/" in client.get(f"/organise/missing/?area={place.area_id}").content.decode()
    form = client.get("/send/told/001/")
    assert "Log out" in form.content.decode(), "who works here keeps the way back to it"
    fields = {"token": token_of(form), "contest": "president", "f.ada": "450"}
    assert client.post("/send/told/001/", fields).status_code == 200
    told = client.get("/organise/told/")
    assert told.status_code == 200
    assert "a coordinator" in told.content.decode()


def test_the_wish_of_a_sender_stands_on_the_start_page_until_it_is_proposed(
    server: Server, person: Person, as_person: AsPerson
) -> None:
    person("organiser")
    client = as_person(person("organiser"))
    assert "asks that a photo is taken out" not in client.get("/work/").content.decode()
    WithdrawalRequest.objects.create(copy=bring(server, "001").copy, slot=server.slot)
    page = client.get("/work/").content.decode()
    assert "1 sender asks that a photo is taken out" in page
    assert "/send/wishes/" in page


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
