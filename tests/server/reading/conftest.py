"""Copies that came in, and people who work on them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Sequence

import pytest

from counterfoil.bootstrap.server import Server
from counterfoil.storage import inbox, leases, work
from counterfoil.storage.models import Account, Arrival, Batch, Copy, Head, Task
from counterfoil.storage.work import Desk
from tests.server.conftest import Clock

JPEG = b"\xff\xd8\xff\xe0 a picture"
FIELDS = ("voters", "ballots", "spoilt", "valid", "ada", "bob", "against")
PAPER = {"voters": 900, "ballots": 605, "spoilt": 5, "valid": 600, "ada": 310, "bob": 280, "against": 10}


class Hall:
    """A server with copies and people. Nobody gets known answers unless a test says so."""

    def __init__(self, server: Server, clock: Clock) -> None:
        self.server, self.clock, self.people = server, clock, 0

    @property
    def desk(self) -> Desk:
        at = self.server
        return Desk(at.state(), at.now(), at.slot, at.pseudonyms, lease_s=900, gold_every=0)

    def person(self, *roles: str, by: Account | None = None) -> Account:
        self.people += 1
        return Account.objects.create_account(f"{'-'.join(roles)}-{self.people}", list(roles), invited_by=by)

    def readers(self, number: int) -> list[Account]:
        return [self.person("reader") for _ in range(number)]

    def arrive(self, station: str = "001", *, lane: str = "organisation", page: int = 1, picture: bytes = JPEG) -> str:
        """A copy was acknowledged; its name once `grow` has sealed it."""
        sha = self.server.intake.put(picture + uuid.uuid4().bytes)
        name = hashlib.sha256(uuid.uuid4().bytes).hexdigest()
        Arrival.objects.create(
            copy=name,
            salt="00" * 32,
            picture=sha["sha256"],
            width=900,
            height=1200,
            exact=uuid.uuid4().hex,
            station=station,
            contest="president",
            page=page,
            kind="wall_copy",
            lane=lane,
            slot=self.server.slot,
        )
        return name

    def copies(self, *stations: str, lane: str = "organisation") -> list[Copy]:
        names = [self.arrive(station, lane=lane) for station in stations]
        self.grow()
        return [Copy.objects.get(pk=name) for name in names]

    def grow(self) -> None:
        """A batch is over, and goes into the log."""
        self.clock.forward(minutes=10)
        while self._grow() is not None:
            pass

    def _grow(self) -> Batch | None:
        head, at = Head.objects.get(), self.server
        batch = inbox.seal(at.now(), at.settings.batch_s, at.intake, at.pictures, self._sealed, head)
        if batch is not None:
            with at.log() as log:
                inbox.put_into_log(batch, log, head)
        return batch

    def _sealed(self, copies: Sequence[Copy]) -> None:
        work.sealed(copies, self.server.election)

    def task(self, account: Account, *kinds: str) -> Task:
        found = leases.hand_out(account, self.desk, kinds)
        assert found is not None, "nothing to do"
        return found


@pytest.fixture
def hall(server: Server, clock: Clock) -> Hall:
    return Hall(server, clock)


Make = Callable[..., Account]
