"""Nothing of a sender stays: not on a disk, not in a log, not in the order of anything."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from PIL import Image

from counterfoil.bootstrap.server import Server
from counterfoil.storage import running
from counterfoil.storage.models import Arrival, Copy, Entry
from counterfoil.web.sending.door import take
from counterfoil.workflow.sending import Claim
from tests.server.conftest import Clock
from tests.server.sending.conftest import Send, token_of
from tests.server.sending.photos import drawn, jpeg
from tests.server.test_inbox import put

CANARIES = (
    "203.0.113.77",
    "CanaryBrowser",
    "canary-name",
    "CanaryOwner",
    "CanaryPhone",
    "CanarySerial",
    "canary.example",
)


def marked(seed: int) -> bytes:
    """A photo as a phone writes it: who, what, where and when."""
    exif = Image.Exif()
    for tag, value in {
        0x010F: "CanaryPhone",
        0x013B: "CanaryOwner",
        0x9003: "2026:03:01 19:58:07",
        0xA431: "CanarySerial",
    }.items():
        exif[tag] = value
    out = io.BytesIO()
    drawn(seed).save(out, "JPEG", quality=90, exif=exif, comment=b"CanaryOwner was here")
    return out.getvalue()


def written(folder: Path) -> bytes:
    """Everything that lies on the disk, and every table of the database."""
    files = [str(path).encode() + path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    rows = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - our own tables
            rows.append(repr(cursor.fetchall()).encode())
    return b"\n".join([*files, *rows])


def test_nothing_of_a_sender_is_on_the_disk_in_the_database_or_in_a_log(
    server: Server, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    running.put("figures_from_strangers", True, None)
    client = Client(
        REMOTE_ADDR="203.0.113.77",
        HTTP_X_FORWARDED_FOR="203.0.113.77",
        HTTP_USER_AGENT="CanaryBrowser/1.0",
        HTTP_REFERER="https://canary.example/path",
        HTTP_FORWARDED="for=203.0.113.77",
    )
    originals = []
    for seed in range(3):
        original = marked(seed)
        originals.append(original)
        assert b"CanarySerial" in original
        photo = SimpleUploadedFile("canary-name.jpg", original, "image/jpeg")
        token = token_of(client.get("/send/to/001/"))
        said = {"token": token, "contest": "president", "kind": "wall_copy", "photo-1": photo, "receipt": "on"}
        answer = client.post("/send/to/001/", said)
        assert answer.status_code == 200
        assert not answer.cookies
    refused = SimpleUploadedFile("canary-name.pdf", b"%PDF-1.4 CanaryOwner", "application/pdf")
    client.post(
        "/send/to/001/",
        {"token": token_of(client.get("/send/to/001/")), "contest": "president", "kind": "other", "photo-1": refused},
    )
    client.post(
        "/send/figures/001/",
        {"token": token_of(client.get("/send/figures/001/")), "contest": "president", "f.ada": "7"},
    )
    client.post(
        "/send/dispute/001/",
        {"token": token_of(client.get("/send/dispute/001/")), "contest": "president", "reason": "wrong_station"},
    )
    assert not client.cookies
    for moment in ("waiting", "sealed"):
        found = written(server.settings.folder) + "".join(capfd.readouterr()).encode()
        for canary in CANARIES:
            assert canary.encode() not in found, (moment, canary)
        for original in originals:
            assert original[200:260] not in found
        assert b"2026:03:01" not in found and b"19:58:07" not in found
        clock.forward(minutes=10)
        put(server)
    assert not _django_sessions()


def _django_sessions() -> list[object]:
    with connection.cursor() as cursor:
        tables = [one for one in connection.introspection.table_names(cursor) if "session" in one]
        found: list[object] = []
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - our own tables
            found += cursor.fetchall()
    return found


def test_no_row_and_no_file_holds_a_finer_time_than_the_slot(server: Server, send: Send, clock: Clock) -> None:
    clock.forward(minutes=3, seconds=17)
    send(jpeg(1), receipt="on")
    arrival = Arrival.objects.get()
    values = [str(getattr(arrival, field.attname)) for field in Arrival._meta.concrete_fields]
    assert arrival.slot == "2026-03-01T20:00Z"
    assert not any("20:03" in value or value == "17" for value in values)
    assert not [field for field in Arrival._meta.fields if "Time" in field.get_internal_type()]


def test_a_public_page_for_senders_sets_no_cookie_and_needs_no_session(server: Server) -> None:
    client = Client()
    paths = ("", "?q=001", "area/", "to/001/", "to/-/", "receipt/", "dispute/001/", "figures/001/", "queue/", "sw.js")
    for path in (*paths, "manifest.webmanifest"):
        answer = client.get(f"/send/{path}", follow=True)
        assert answer.status_code == 200, path
        assert "Set-Cookie" not in answer.headers and not client.cookies
        assert answer.headers["Cache-Control"] == "no-store"
        assert "ETag" not in answer.headers
        text = answer.content.decode()
        assert "csrfmiddlewaretoken" not in text
    client.cookies["session"] = "a" * 32
    assert client.get("/send/to/001/").status_code == 200


CLAIM = Claim("001", "president", 1, "wall_copy")
COPIES = 200
"""So that 0.3 is four times what chance gives."""


def correlation(one: list[int], other: list[int]) -> float:
    """Spearman's, of two orders without ties."""
    n = len(one)
    return 1 - 6 * sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) / (n * (n * n - 1))


def test_the_order_of_arrival_is_in_no_order_that_stays(
    server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 photos in one batch: rows, entries, names and times of files (those that cannot be set, too) are in another
    order than they came in. The
    shuffle is drawn from a fixed seed here, so that the measure is the same each time."""
    from counterfoil.storage import inbox

    monkeypatch.setattr(inbox, "_random", random.Random(5))  # noqa: S311 - the test's own
    monkeypatch.setattr("counterfoil.storage.arrivals.sanitise", quick())
    running.put("station_per_batch", 1000, None)
    came = [take(number.to_bytes(2, "big"), CLAIM)[0].copy for number in range(COPIES)]
    clock.forward(minutes=10)
    put(server)
    picture = dict(Copy.objects.values_list("copy", "picture"))
    files = {
        path.name: path.stat().st_ctime_ns
        for path in (server.settings.private / "pictures").rglob("*")
        if path.is_file()
    }
    with connection.cursor() as cursor:
        hidden = "rowid" if connection.vendor == "sqlite" else "ctid"
        cursor.execute(f"SELECT copy FROM storage_copy ORDER BY {hidden}")  # noqa: S608 - a fixed word
        rows = [row[0] for row in cursor.fetchall()]
    orders = {
        "rows": rows,
        "record": list(
            Entry.objects.filter(type="copy", copy__in=came).order_by("index").values_list("copy", flat=True)
        ),
        "entries": list(Entry.objects.filter(copy__in=came).values_list("copy", flat=True)),
        "files": sorted(came, key=lambda copy: files[picture[copy]]),
        "names": sorted(came, key=lambda copy: picture[copy]),
        "copies": sorted(came),
    }
    for name, order in orders.items():
        assert abs(correlation(list(range(COPIES)), [order.index(copy) for copy in came])) < 0.3, name
    inbox.Tidier().tidy(server.intake)
    assert list(server.intake.names()) == []


def quick() -> Callable[..., object]:
    """Stands for the sandbox: many pictures without as many decodings. Everything behind it is real."""
    from counterfoil.evidence import Fingerprint, Sanitised
    from counterfoil.primitives.canonical import sha256_hex

    def sanitise(data: bytes, *_: object, **__: object) -> list[Sanitised]:
        picture = b"\xff\xd8\xff" + os.urandom(30) + data
        return [Sanitised(picture, sha256_hex(picture), 100, 100, 1, Fingerprint(int.from_bytes(data, "big"), ()))]

    return sanitise
