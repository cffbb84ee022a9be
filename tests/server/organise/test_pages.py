"""Every page of the organisers opens, in each language, and says what stands and what is missing."""

from __future__ import annotations

import pytest
from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.storage.models import Dispute, LookAlike, Standing
from tests.server.conftest import Clock, Person
from tests.server.organise.world import bring, grow, read

PAGES = (
    "/work/",
    "/organise/",
    "/organise/proposals/",
    "/organise/audit/",
    "/organise/settings/",
    "/organise/set-up/",
    "/organise/import/?kind=areas",
    "/organise/import/?kind=official",
    "/organise/import/?kind=readings",
    "/organise/import/?kind=election",
    "/organise/snapshots/",
    "/organise/notices/",
    "/organise/freeze/",
    "/organise/disputes/",
    "/organise/copies/",
    "/organise/form-masks/",
    "/organise/withdraw/",
    "/organise/missing/",
    "/organise/missing/?area=NORTH",
    "/organise/ageing/",
    "/organise/look-alikes/",
    "/organise/readers/",
    "/organise/branches/",
    "/organise/handover/",
    "/organise/packs/",
    "/organise/packs/?q=School",
)


@pytest.fixture
def organiser(server: Server, clock: Clock, person: Person, as_person: object) -> Client:
    """A browser of an organiser, with something to see on every page."""
    copy = bring(server)
    other = bring(server, "002")
    LookAlike.objects.create(one=copy, other=other, kind="same", distance=3)
    reader = person("reader")
    Standing.objects.create(account=reader, stage="watched", fields_right=90, fields_wrong=10)
    read(server, copy, reader, voters=1200)
    Dispute.objects.create(station="001", contest="president", reason="figures_differ", slot=server.slot)
    grow(server, clock.forward)
    return as_person(person("organiser"))  # type: ignore[operator, no-any-return]


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_page_opens(organiser: Client, language: str) -> None:
    organiser.cookies["language"] = language
    for address in PAGES:
        answer = organiser.get(address)
        assert answer.status_code == 200, (address, answer.content)
        text = answer.content.decode()
        assert "<h1" in text
        assert f'lang="{language}"' in text
        assert "<script>" not in text and "style=" not in text
    copy = LookAlike.objects.get().one
    for address in (f"/organise/copies/{copy.copy}/", f"/organise/disputes/{Dispute.objects.get().pk}/"):
        assert organiser.get(address).status_code == 200
    assert organiser.get(f"/organise/copies/{copy.copy}/picture")["Content-Type"] == "image/jpeg"
