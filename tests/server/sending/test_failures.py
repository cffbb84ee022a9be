"""When something is broken the sender is told clearly, nothing is half, and the same form can be sent again."""

from __future__ import annotations

import io
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.sandbox import Code
from counterfoil.sandbox.refusals import code_of, refused_numbers
from counterfoil.storage import closing, running
from counterfoil.storage.models import Arrival, Copy, Station
from counterfoil.web.sending import guard
from counterfoil.web.sending.answers import _AGAIN, _REFUSED
from counterfoil.web.sending.memory import memory
from tests.server.sending.conftest import Send, token_of
from tests.server.sending.photos import drawn, jpeg


@contextmanager
def nothing_larger_than(size: int) -> Iterator[None]:
    """The system refuses to write larger files: what a full disk is to a program."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def broken_database(word: str) -> Iterator[None]:
    """Every statement with this word fails, as when the server is gone."""

    def failing(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if word in sql:
            raise OperationalError("gone")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(failing):
        yield


def test_a_full_disk_is_told_and_nothing_is_half(server: Server, send: Send) -> None:
    client = Client()
    token = token_of(client.get("/send/to/001/"))
    out = io.BytesIO()
    drawn(1).save(out, "JPEG", quality=3)
    small = out.getvalue()  # what is kept of it is larger
    with nothing_larger_than(len(small)):
        answer = send(small, token=token)
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    assert "could not write it down. Keep it and send it again" in answer.content.decode()
    assert not Arrival.objects.exists() and list(server.intake.names()) == []
    assert send(jpeg(1), token=token).status_code == 200


def test_a_system_without_memory_is_told_and_nothing_is_half(server: Server, send: Send) -> None:
    with nothing_larger_than(1000):  # the decoder is handed the photo in a file of memory
        answer = send(jpeg(1))
    assert answer.status_code == 503 and "Keep it and send it again" in answer.content.decode()
    assert not Arrival.objects.exists()


def test_a_database_that_fails_in_the_middle_is_told_and_nothing_is_half(server: Server, send: Send) -> None:
    client = Client()
    token = token_of(client.get("/send/to/001/"))
    with broken_database('INSERT INTO "storage_arrival"'):
        answer = send(jpeg(1), token=token)
    assert answer.status_code == 503
    assert "Not received" in answer.content.decode()
    assert not Arrival.objects.exists()
    assert send(jpeg(1), token=token).status_code == 200


def test_a_database_that_is_gone_is_told_on_every_page(server: Server) -> None:
    with broken_database("SELECT"):
        for path in ("/send/?q=school", "/send/area/", "/send/to/001/"):
            answer = Client().get(path)
            assert answer.status_code == 503, path
            assert "cannot write anything down" in answer.content.decode()


def test_too_many_photos_at_once_are_asked_to_come_again(server: Server, send: Send) -> None:
    running.put("strangers_per_minute", 1, None)
    assert send(jpeg(1)).status_code == 200
    answer = send(jpeg(2))
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    assert "too many photos are coming in" in answer.content.decode()


def test_a_body_larger_than_all_photos_may_be_is_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MAX_BODY_BYTES", 1000)
    answer = Client().generic("POST", "/send/to/001/", b"x" * 2000, content_type="text/plain")
    assert answer.status_code == 413
    assert "Send fewer at once" in answer.content.decode()


def test_a_file_over_25_mb_is_refused_by_its_number_and_the_others_come_in(server: Server, send: Send) -> None:
    answer = send(b"\xff\xd8\xff" + bytes(25_000_000), jpeg(1))
    text = " ".join(answer.content.decode().split())
    assert "Photo 1: Not received: the file is larger than 25 MB" in text and "Photo 2: Received" in text


def test_a_form_that_is_cut_off_is_told(server: Server) -> None:
    answer = Client().generic(
        "POST", "/send/to/001/", b"--x\r\nContent-Disp", content_type="multipart/form-data; boundary=x" + "y" * 300
    )
    assert answer.status_code in (400, 409)
    assert not Arrival.objects.exists()


def test_every_way_in_which_a_file_is_refused_has_its_sentence() -> None:
    assert {code_of(Code(number)) for number in refused_numbers()} <= set(_REFUSED)
    assert not set(_REFUSED) & set(_AGAIN)


def test_a_frozen_intake_takes_nothing_and_says_so(server: Server, send: Send) -> None:
    running.put("frozen", {"what": ["intake"]}, None)
    answer = send(jpeg(1))
    assert answer.status_code == 503 and "take no photos for now" in answer.content.decode()


def test_a_station_that_closed_takes_from_strangers_only_what_differs(server: Server, send: Send) -> None:
    Station.objects.filter(pk="001").update(closed_for_strangers=True)
    answer = send(jpeg(1))
    assert answer.status_code == 422
    assert "enough copies of this station agree already" in answer.content.decode()
    assert send(jpeg(1), differs="on").status_code == 200
    assert send(jpeg(1), station="002").status_code == 200


def test_a_flood_at_one_station_does_not_stop_another(server: Server, send: Send) -> None:
    running.put("station_per_batch", 2, None)
    assert [send(jpeg(seed)).status_code for seed in range(3)] == [200, 200, 503]
    assert send(jpeg(9), station="002").status_code == 200


def test_under_flood_a_stranger_waits_longer_or_works(server: Server, send: Send) -> None:
    running.put("flood", True, None)
    running.put("strangers_per_minute", 10, None)
    memory(server.settings).idle.resize(1)
    assert [send(jpeg(seed)).status_code for seed in range(2)] == [200, 503]


def test_nobody_closes_a_station_that_nobody_read(server: Server, send: Send) -> None:
    closing.refresh(["001"], server.election)
    assert not Station.objects.get(pk="001").closed_for_strangers
    assert not Copy.objects.exists()


@pytest.mark.parametrize("path", ["/send/to/nothing/", "/send/area/nothing/", "/send/dispute/nothing/"])
def test_what_does_not_exist_is_not_found(server: Server, path: str) -> None:
    assert Client().get(path).status_code == 404
