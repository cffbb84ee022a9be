"""A server in one process with a small election, a clock that tests set, and persons of every role."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.bootstrap.server import server as current
from counterfoil.config.settings import Settings
from counterfoil.storage.models import Account
from counterfoil.web.permissions import FACTOR
from counterfoil.workflow.folder import init

EVENING = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)


class Clock:
    """The time, as tests move it."""

    def __init__(self) -> None:
        self.time = EVENING

    def __call__(self) -> datetime:
        return self.time

    def forward(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(tmp_path: Path, db: None, clock: Clock, settings: object) -> Iterator[Server]:
    """A server of the example election, open, with an empty work state. Batches of ten minutes."""
    folder = tmp_path / "election"
    init(folder)
    (folder / "transcripts.csv").write_text(
        (folder / "transcripts.csv").read_text("utf-8").split("\n")[0] + "\n", "utf-8"
    )
    base: Settings = django_settings.COUNTERFOIL
    settings.COUNTERFOIL = replace(base, folder=folder, batch_s=600)  # type: ignore[attr-defined]
    found = current()
    found.now = clock
    found.open_election()
    yield found
    shutil.rmtree(folder, ignore_errors=True)


Person = Callable[..., Account]


@pytest.fixture
def person(server: Server) -> Person:
    """Make an account: `person("reader")`, `person("reader", name="lee")`."""

    def make(*roles: str, name: str = "") -> Account:
        number = Account.objects.count() + 1
        return Account.objects.create_account(name or f"{'-'.join(roles)[:30] or 'nobody'}-{number}", list(roles))

    return make


@pytest.fixture
def as_person() -> Callable[[Account], Client]:
    """A browser in which this person is logged in, second factor and all."""

    def login(account: Account) -> Client:
        client = Client()
        client.force_login(account, backend="allauth.account.auth_backends.AuthenticationBackend")
        session = client.session
        session[FACTOR] = str(account.pk)
        session.save()
        return client

    return login
