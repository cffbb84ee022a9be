"""What every answer carries, errors too, and what never reaches a disk."""

from __future__ import annotations

import io
import logging
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import clear_url_caches, path

from counterfoil.bootstrap.server import Server
from counterfoil.web import permissions, urls
from counterfoil.web.permissions import ENTRANCE, PUBLIC, VIEWS
from tests.server.test_permissions import addresses

ALWAYS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
CANARY = {
    "REMOTE_ADDR": "203.0.113.77",
    "REMOTE_PORT": "54321",
    "HTTP_X_FORWARDED_FOR": "203.0.113.77",
    "HTTP_X_REAL_IP": "203.0.113.77",
    "HTTP_FORWARDED": "for=203.0.113.77",
    "HTTP_CF_CONNECTING_IP": "203.0.113.77",
    "HTTP_USER_AGENT": "CanaryPhone/11.7",
    "HTTP_SEC_CH_UA_MODEL": "CanaryPhone",
    "HTTP_X_DEVICE": "CanaryPhone",
    "HTTP_REFERER": "http://localhost/from/canaryplace?q=canaryplace",
    "HTTP_ACCEPT_LANGUAGE": "en, x-canarytongue;q=0.5",
    "HTTP_COOKIE": "tracker=canarycookie",
}
PLANTED = ("203.0.113.77", "CanaryPhone", "canaryplace", "canarytongue", "canarycookie", "canaryname", "canaryfield")


def _get(address: str) -> HttpResponse:
    client = Client(raise_request_exception=False)
    return client.get(address)  # type: ignore[return-value]


def test_each_answer_of_each_public_address_carries_the_headers(server: Server) -> None:
    for name, address in addresses():
        if VIEWS.get(name) in (PUBLIC, ENTRANCE):
            answer = _get(address)
            for header, value in ALWAYS.items():
                assert answer.headers.get(header) == value, (name, header)
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "http" not in policy
            assert "ETag" not in answer.headers or "no-store" not in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("canaryfield"), 500), (OperationalError("canaryfield"), 503)]
)
def test_an_error_page_tells_nothing_and_is_logged_without_values(
    server: Server, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def broken(request: HttpRequest) -> HttpResponse:
        secret = "canaryname"  # noqa: F841, S105 - a local that must not be shown
        raise error

    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    logging.getLogger("counterfoil.web").addHandler(handler)
    try:
        answer = _broken(monkeypatch, broken)
    finally:
        logging.getLogger("counterfoil.web").removeHandler(handler)
    assert answer.status_code == status
    assert ("Retry-After" in answer.headers) == (status == 503)
    for header, value in ALWAYS.items():
        assert answer.headers.get(header) == value
    text = answer.content.decode() + lines.getvalue()
    assert type(error).__name__ in lines.getvalue()
    for word in ("canaryfield", "canaryname", "Traceback", "/send/"):
        assert word not in text


def _broken(monkeypatch: pytest.MonkeyPatch, view: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    """The answer of an address whose view raises."""
    monkeypatch.setattr(urls, "urlpatterns", [*urls.urlpatterns, path("broken/", view, name="broken")])
    monkeypatch.setattr(permissions, "VIEWS", {**VIEWS, "broken": PUBLIC})
    clear_url_caches()
    try:
        return _get("/broken/")
    finally:
        clear_url_caches()


@pytest.mark.parametrize(("address", "status"), [("/nowhere/", 404), ("/send/%00", 404)])
def test_what_is_not_there_has_a_page_of_ours(server: Server, address: str, status: int) -> None:
    answer = _get(address)
    assert answer.status_code == status
    assert "Content-Security-Policy" in answer.headers
    assert address not in answer.content.decode()


def test_attack_by_a_forged_host_is_refused(server: Server) -> None:
    client = Client(raise_request_exception=False)
    for host in ("evil.example", "localhost.evil.example", "localhost@evil.example"):
        answer = client.get("/account/login/", headers={"host": host})
        assert answer.status_code == 400
        assert "evil" not in answer.content.decode()
    answer = client.get("/account/login/", headers={"x-forwarded-host": "evil.example"})
    assert answer.status_code == 200
    assert "evil" not in answer.content.decode()


def test_a_picture_opened_as_a_page_runs_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("image/jpeg", "image/svg+xml"):
        answer = _broken(monkeypatch, lambda request, kind=kind: HttpResponse(b"<svg/>", content_type=kind))  # type: ignore[misc]
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


class _AllText(logging.Handler):
    """Everything that any logger is told, formatted and with its arguments."""

    def __init__(self) -> None:
        super().__init__(level=0)
        self.text: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        shown = not any(isinstance(h, logging.NullHandler) for h in _handlers(record.name))
        if shown:
            self.text.append(f"{record.getMessage()} {record.exc_text or ''}")


def _handlers(name: str) -> Iterator[logging.Handler]:
    logger: logging.Logger | None = logging.getLogger(name)
    while logger is not None:
        yield from logger.handlers
        logger = logger.parent if logger.propagate else None


@pytest.mark.usefixtures("transactional_db")
def test_canary_nothing_of_a_sender_reaches_a_disk_the_cache_or_a_log(
    server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    heard = _AllText()
    logging.getLogger().addHandler(heard)
    before = _temporary()
    try:
        for name, address in addresses():
            if VIEWS.get(name) not in (PUBLIC, ENTRANCE):
                continue
            for method in ("GET", "POST"):
                client = Client(raise_request_exception=False)
                if method == "GET":
                    answer = client.get(address, **CANARY)  # type: ignore[arg-type]
                else:
                    photo = io.BytesIO(b"\xff\xd8\xff canaryfield")
                    photo.name = "canaryname.jpg"
                    fields = {"photo": photo, "login": "canaryfield", "password": "canaryfield"}
                    answer = client.post(address, fields, **CANARY)  # type: ignore[arg-type]
                assert answer.status_code < 500, (name, method)
    finally:
        logging.getLogger().removeHandler(heard)
    places = {
        "log": "\n".join(heard.text).encode(),
        "terminal": "".join(capfd.readouterr()).encode(),
        "cache": pickle.dumps(getattr(cache, "_cache", {})),
        "database": b"".join(_database()),
        "files": b"".join(p.read_bytes() for p in server.settings.folder.rglob("*") if p.is_file()),
        "names": "\n".join(str(p) for p in tmp_path.rglob("*")).encode(),
        "temporary": b"".join(Path(p).read_bytes() for p in _temporary() - before if Path(p).is_file()),
    }
    found = [(place, word) for place, data in places.items() for word in PLANTED if word.encode() in data]
    assert found == []


def _database() -> Iterator[bytes]:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - names of the schema
            for row in cursor.fetchall():
                yield repr([bytes(c) if isinstance(c, memoryview) else c for c in row]).encode()


def _temporary() -> set[str]:
    found = set()
    for folder in {"/tmp", "/dev/shm", os.environ.get("TMPDIR", "/tmp")}:  # noqa: S108 - looked at, not used
        found |= {entry.path for entry in os.scandir(folder)}
    return found


def test_a_sender_s_headers_are_gone_before_any_view(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def view(request: HttpRequest) -> HttpResponse:
        seen.update({k: v for k, v in request.META.items() if isinstance(v, str) and not k.startswith("wsgi")})
        return HttpResponse()

    client = Client()
    monkeypatch.setattr(
        "tests.server.test_headers._get",
        lambda address: client.get(address, **CANARY),  # type: ignore[arg-type]
    )
    _broken(monkeypatch, view)
    assert seen["REMOTE_ADDR"] == "0.0.0.0"  # noqa: S104 - stands for everybody
    assert seen["HTTP_REFERER"] == "http://localhost/"
    values = " ".join(value for name, value in seen.items() if name != "HTTP_COOKIE")
    assert not [word for word in PLANTED if word in values]
    assert django_settings.MIDDLEWARE[0] == "counterfoil.web.middleware.ForgetTheSender"
