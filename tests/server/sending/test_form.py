"""The form: without script, account, cookie or session, each photo acknowledged or refused by itself."""

from __future__ import annotations

import re

from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.storage.models import Arrival
from tests.server.sending.conftest import Send, token_of
from tests.server.sending.photos import jpeg


def test_a_photo_comes_in_without_script_account_cookie_or_session(server: Server, send: Send) -> None:
    client = Client()
    answer = send(jpeg(), client=client)
    assert answer.status_code == 200, answer.content.decode()
    assert "Received, thank you" in answer.content.decode()
    arrival = Arrival.objects.get()
    assert (arrival.station, arrival.contest, arrival.page, arrival.kind) == ("001", "president", 1, "wall_copy")
    assert (arrival.lane, arrival.receipt, arrival.slot) == ("stranger", "", "2026-03-01T20:00Z")
    assert server.intake.has(arrival.picture)
    assert not client.cookies


def test_of_several_photos_each_is_received_or_refused_by_its_number(send: Send) -> None:
    answer = send(jpeg(1), b"GIF89a" + bytes(100), jpeg(2))
    text = " ".join(answer.content.decode().split())
    assert answer.status_code == 200
    assert "Some were received" in text
    assert re.search(r"Photo 1: Received", text) and re.search(r"Photo 3: Received", text)
    assert re.search(r"Photo 2: Not received: this is a GIF", text)
    assert Arrival.objects.count() == 2


def test_the_same_photo_again_is_received_like_any_other_so_that_a_seized_phone_tells_nothing(send: Send) -> None:
    first, again, other = send(jpeg(1)), send(jpeg(1)), send(jpeg(2))
    assert first.content == again.content == other.content
    assert Arrival.objects.count() == 3
    assert len({arrival.copy for arrival in Arrival.objects.all()}) == 3


def test_a_form_is_good_once_and_again_only_when_nothing_was_received(send: Send) -> None:
    client = Client()
    token = token_of(client.get("/send/to/001/"))
    assert send(b"no picture", token=token).status_code == 422
    assert send(jpeg(1), token=token).status_code == 200
    assert send(jpeg(2), token=token).status_code == 409
    assert Arrival.objects.count() == 1


def test_a_forged_form_of_another_site_is_refused(send: Send) -> None:
    assert send(jpeg(1), token="00" * 16 + ".99999999999." + "00" * 32).status_code == 409
    assert send(jpeg(1), token="x")  # noqa: S106 - none.status_code == 409
    assert not Arrival.objects.exists()


def test_a_station_that_the_sender_does_not_know_is_no_reason_to_refuse(send: Send) -> None:
    assert send(jpeg(1), station="-").status_code == 200
    assert Arrival.objects.get().station == ""
