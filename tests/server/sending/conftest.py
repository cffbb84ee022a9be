"""A sender: a browser that never had a cookie."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.web.sending import memory, tmpfs


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Budgets and used tokens of one test are nothing to the next."""
    memory._kept.clear()
    yield
    memory._kept.clear()
    for top in list(tmpfs._held):
        tmpfs.release(top)
        shutil.rmtree(top)


Send = Callable[..., HttpResponse]


def token_of(answer: Any) -> str:
    found = re.search(r'name="token" value="([^"]+)"', answer.content.decode())
    assert found, answer.content.decode()
    return found[1]


@pytest.fixture
def send(server: Server) -> Send:
    """Open the form of a station and send photos: `send(jpeg(1), station="001", receipt="on")`."""

    def sending(*photos: bytes, station: str = "001", client: Client | None = None, **fields: str) -> HttpResponse:
        browser = client or Client()
        address = f"/send/to/{station}/"
        token = fields.pop("token", None) or token_of(browser.get(address))
        named = [SimpleUploadedFile("IMG_canary-name.jpg", photo, "image/jpeg") for photo in photos]
        data = {"kind": "wall_copy", "contest": "president", "token": token, "photo-1": named, **fields}
        return browser.post(address, data)  # type: ignore[return-value]

    return sending
