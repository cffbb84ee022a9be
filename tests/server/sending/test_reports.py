"""Without a photo: figures that were told stay apart; a station is disputed from fixed lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.storage import running
from counterfoil.storage.models import Account, Arrival, Dispute, Entry, PhoneFigures
from counterfoil.workflow.sending import DISPUTE_REASONS
from tests.server.conftest import Person
from tests.server.sending.conftest import token_of


def figures(typed: dict[str, str]) -> dict[str, Any]:
    return dict(typed)


def post(address: str, browser: Client | None = None, **fields: object) -> Any:
    browser = browser or Client()
    token = token_of(browser.get(address))
    return browser.post(address, {"token": token, "contest": "president", **fields})


def test_figures_of_a_coordinator_are_kept_apart_from_protocols(
    server: Server, person: Person, as_person: Callable[[Account], Client]
) -> None:
    client = as_person(person("sender_coordinator"))
    answer = post("/send/told/001/", client, **figures({"f.ada": "4 50", "f.bob": "٣٣", "f.valid": ""}))
    assert answer.status_code == 200
    told = PhoneFigures.objects.get()
    assert (told.values, told.lane, told.slot) == ({"ada": 450, "bob": 33}, "coordinator", "2026-03-01T20:00Z")
    assert not Arrival.objects.exists()
    assert not Entry.objects.filter(index=None).exists()


def test_strangers_tell_figures_only_where_organisers_allow_it(server: Server) -> None:
    assert post("/send/figures/001/", **figures({"f.ada": "1"})).status_code == 422
    assert not PhoneFigures.objects.exists()
    running.put("figures_from_strangers", True, None)
    assert post("/send/figures/001/", **figures({"f.ada": "1"})).status_code == 200
    assert PhoneFigures.objects.get().lane == "stranger"


def test_a_figure_that_is_no_number_is_refused_with_what_was_typed(server: Server) -> None:
    running.put("figures_from_strangers", True, None)
    answer = post("/send/figures/001/", **figures({"f.ada": "12x", "f.bob": "77"}))
    text = answer.content.decode()
    assert "Ada Example must be a whole number" in text and 'value="77"' in text
    assert not PhoneFigures.objects.exists()


def test_a_stranger_disputes_a_station_by_a_reason_of_the_list(server: Server) -> None:
    answer = post("/send/dispute/001/", reason="figures_differ", field=["ada", "nonsense"], receipt="on")
    assert answer.status_code == 200
    found = Dispute.objects.get()
    assert (found.station, found.reason, found.fields, found.closed) == ("001", "figures_differ", ["ada"], False)
    assert found.receipt
    assert not Client().cookies


def test_a_dispute_holds_no_free_text(server: Server) -> None:
    answer = post("/send/dispute/001/", reason="the chairman of the commission did it", text="and his name is")
    assert answer.status_code == 422
    assert not Dispute.objects.exists()
    form = Client().get("/send/dispute/001/").content.decode()
    assert "<textarea" not in form and 'type="text"' not in form
    assert all(f'value="{reason}"' in form for reason in DISPUTE_REASONS)
