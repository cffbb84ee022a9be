"""Figures that were told: organisers see them, the ones without a photo first; no tally ever does."""

from __future__ import annotations

from counterfoil.bootstrap.server import Server
from counterfoil.storage.models import Entry
from counterfoil.storage.reports import take_figures
from counterfoil.storage.senders import station
from tests.server.conftest import Person


def test_told_figures_are_listed_for_organisers_and_are_no_entry_of_the_record(
    server: Server, person: Person, as_person: object
) -> None:
    before = Entry.objects.count()
    for code in ("001", "002"):
        place = station(code)
        assert place is not None
        take_figures(place, "president", {"ada": "450"}, election=server.election, lane="invited", slot=server.slot)
    page = as_person(person("organiser")).get("/organise/told/")  # type: ignore[operator]
    assert page.status_code == 200
    text = page.content.decode()
    assert "Ada Example: 450" in text
    assert "somebody with a code" in text
    assert Entry.objects.count() == before
