"""Stations close for strangers when enough copies agree, and open again when one that was read says another thing."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.bootstrap.server import Server
from counterfoil.storage import branches, closing, inbox
from counterfoil.storage.models import Account, Copy, Opinion, Station
from tests.server.conftest import Clock, Person
from tests.server.sending.conftest import Send
from tests.server.sending.photos import jpeg
from tests.server.test_inbox import put

FIGURES = {"voters": 1200, "ballots": 810, "spoilt": 10, "valid": 800, "ada": 450, "bob": 330, "against": 20}


@pytest.fixture
def copies(server: Server, send: Send, clock: Clock, person: Person) -> list[Copy]:
    """Two copies of strangers and one of an invited sender, in the record."""
    coordinator = person("sender_coordinator")
    branch = branches.make_branch("North", "invited", coordinator)
    (code,) = branches.draw_codes(branch, 1, 5, coordinator, pepper=server.pepper)
    for seed, given in enumerate(({}, {}, {"code": code})):
        assert send(jpeg(seed), **given).status_code == 200
    clock.forward(minutes=10)
    put(server)
    Copy.objects.update(identified=True)
    return list(Copy.objects.order_by("lane", "copy"))


def read(server: Server, copy: Copy, person: Person, **changed: int) -> None:
    """Two persons type the same."""
    for number in range(2):
        author: Account = person("reader")
        body: dict[str, Any] = {
            "type": "reading",
            "copy": copy.copy,
            "reader": f"{number}{author.pk.hex[:15]}",
            "values": {**FIGURES, **changed},
        }
        inbox.say(body, slot=server.slot, author=author)
        place = {"station": "001", "contest": "president", "page": 1, "kind": copy.kind}
        Opinion.objects.create(kind="identify", copy=copy, author=author, body=place)
    Copy.objects.filter(pk=copy.pk).update(state="agreed")


def closed(server: Server) -> bool:
    closing.refresh(["001"], server.election)
    return Station.objects.get(pk="001").closed_for_strangers


def test_three_that_agree_close_a_station_only_with_one_of_an_invited_sender_among_them(
    server: Server, copies: list[Copy], person: Person
) -> None:
    for copy in copies:
        assert not closed(server)
        read(server, copy, person)
    assert closed(server)
    Copy.objects.update(lane="stranger", branch=None)
    assert not closed(server)


def test_one_that_says_another_thing_opens_it_again(server: Server, copies: list[Copy], person: Person) -> None:
    for copy in copies[:2]:
        read(server, copy, person)
    read(server, copies[2], person, ada=451, bob=329)
    assert not closed(server)
