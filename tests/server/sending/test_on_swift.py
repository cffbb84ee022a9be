"""The same server with its pictures and its site in a real Swift: two settings, nothing else is different."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.conf import settings as django_settings

from counterfoil.bootstrap import jobs
from counterfoil.bootstrap.server import Server
from counterfoil.bootstrap.server import server as current
from counterfoil.cli.web import WebReader
from counterfoil.storage.models import Arrival, Copy, Head
from counterfoil.storage.objects import bucket as bucket_module
from counterfoil.verify import verify_folder
from tests.server.conftest import Clock
from tests.server.sending.conftest import Send
from tests.server.sending.photos import jpeg
from tests.servers.swift import KEY, SwiftServer


@pytest.fixture
def public(swift: SwiftServer) -> str:
    """The bucket of the site."""
    return swift.create_bucket(public=True)


@pytest.fixture
def on_swift(
    server: Server, clock: Clock, swift: SwiftServer, public: str, settings: object, monkeypatch: pytest.MonkeyPatch
) -> Server:
    monkeypatch.setattr(bucket_module, "ATTEMPTS", 1)  # a sender waits less
    for name in ("objects", "site"):
        for part, value in (("id", KEY), ("secret", swift.secret)):
            path = server.settings.keys / f"{name}.{part}"
            path.write_text(value, "ascii")
            path.chmod(0o600)
    private = f"s3+{swift.endpoint}/{swift.create_bucket()}/election"
    assert django_settings.COUNTERFOIL is server.settings
    settings.COUNTERFOIL = replace(  # type: ignore[attr-defined]
        server.settings, objects=private, site_objects=f"s3+{swift.endpoint}/{public}"
    )
    found = current()
    found.now = clock
    return found


def test_a_photo_goes_through_the_bucket_and_the_site_is_verified_in_its_own(
    on_swift: Server, send: Send, clock: Clock, swift: SwiftServer, public: str
) -> None:
    assert send(jpeg()).status_code == 200
    picture = Arrival.objects.get().picture
    assert list(on_swift.intake.names()) == [picture]
    clock.forward(minutes=10)
    jobs.grow_now(on_swift)
    clock.forward(minutes=10)
    jobs.grow_now(on_swift)
    assert list(on_swift.intake.names()) == []
    assert list(on_swift.pictures.names()) == [Copy.objects.get().picture] == [picture]
    assert not [path for path in on_swift.settings.private.rglob("*") if path.name == picture]
    jobs.mirror_now(on_swift)
    report = verify_folder(WebReader(swift.address(public)))
    assert report.holds, report.first_failure
    assert report.size == Head.objects.get().size
    assert not [item for item in swift.client().list_objects_v2(Bucket=public)["Contents"] if picture in item["Key"]]


def test_while_the_bucket_is_away_a_sender_is_asked_to_come_again_and_nothing_is_kept(
    on_swift: Server, send: Send, swift: SwiftServer
) -> None:
    assert list(on_swift.intake.names()) == []
    swift.stop()
    try:
        answer = send(jpeg())
        assert answer.status_code == 503
        assert "Retry-After" in answer.headers
        assert not Arrival.objects.exists()
    finally:
        swift.start()
    assert send(jpeg()).status_code == 200
    assert list(on_swift.intake.names()) == [Arrival.objects.get().picture]
