"""Checks of what was set: names, https, batches, secrets in the wrong place, Django's own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

from django.core.checks import WARNING
from django.core.checks import run_checks as django_checks

from counterfoil.config.settings import FILE, Settings

LOCAL = ("localhost", "127.0.0.1", "::1")
BATCH_S = 600
_WITHOUT_HTTPS = frozenset(f"security.W{number:03d}" for number in (4, 10, 11, 12, 16, 17))
"""Django's codes about HSTS and secure cookies: on localhost and onion services there is no https."""


def _local(name: str) -> bool:
    return name in LOCAL or name.endswith(".localhost")


def hosts(settings: Settings, now: datetime) -> Iterator[str]:
    for name in settings.hosts:
        if "*" in name or name.startswith(".") or ":" in name or "/" in name or name != name.lower() or not name:
            yield f"{name!r} is no plain name"


def https(settings: Settings, now: datetime) -> Iterator[str]:
    clear = [name for name in settings.hosts if not _local(name) and not name.endswith(".onion")]
    if clear and not settings.https:
        yield f"{', '.join(clear)} without https"
    if settings.https and not settings.behind_proxy:
        yield "https, but no proxy is trusted to say so (behind_proxy): the server itself speaks no TLS"


def listens(settings: Settings, now: datetime) -> Iterator[str]:
    if settings.host not in LOCAL:
        yield f"listens on {settings.host}"


def onion(settings: Settings, now: datetime) -> Iterator[str]:
    if not any(name.endswith(".onion") for name in settings.hosts):
        yield "no onion name"


def rehearsal(settings: Settings, now: datetime) -> Iterator[str]:
    if settings.rehearsal:
        yield "a rehearsal"


def batches(settings: Settings, now: datetime) -> Iterator[str]:
    if settings.batch_s < BATCH_S:
        yield f"batches of {settings.batch_s} s"


def no_secret(settings: Settings, now: datetime) -> Iterator[str]:
    path = settings.folder / FILE
    values = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    for name in ("database", "objects", "site_objects"):
        for where, text in ((FILE, str(values.get(name, ""))), ("the settings", str(getattr(settings, name)))):
            if urlsplit(text).password:
                yield f"a password in `{name}` of {where}"
                break


def django(settings: Settings, now: datetime) -> Iterator[str]:
    for message in django_checks(include_deployment_checks=True):
        if (
            message.level >= WARNING
            and not message.is_silenced()
            and (settings.https or message.id not in _WITHOUT_HTTPS)
        ):
            yield f"{message.id or 'django'}: {message.msg}"
