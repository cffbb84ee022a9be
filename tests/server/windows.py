"""Somebody who is logged in, before a window of Chromium on the server under test.

With COUNTERFOIL_SHOTS=FOLDER each page that is looked at is kept there as a picture.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from tests.publish_pages.browser import PHONE, chromium, taken_px, violations

SHOTS = os.environ.get("COUNTERFOIL_SHOTS", "")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@contextmanager
def window(
    browser: Browser,
    live_server: LiveServer,
    client: Client,
    *,
    script: bool = True,
    language: str = "en",
    width: int = PHONE,
) -> Iterator[Page]:
    """A page with the session of `client`. Fails at the end on a request to elsewhere or an error of a script."""
    context = browser.new_context(java_script_enabled=script, viewport={"width": width, "height": 740})
    cookies = [("session", client.cookies["session"].value), ("language", language)]
    context.add_cookies([{"name": n, "value": v, "url": live_server.url} for n, v in cookies])
    page = context.new_page()
    strange: list[str] = []
    page.on("request", lambda one: strange.append(one.url) if not one.url.startswith(live_server.url) else None)
    page.on("pageerror", lambda error: strange.append(str(error)))
    try:
        yield page
        assert strange == []
    finally:
        context.close()


def fits(page: Page, name: str) -> None:
    """Nothing is wider than the window."""
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)
    assert taken_px(page) <= page.evaluate("window.innerWidth"), page.url


def clean(page: Page, name: str) -> None:
    """Nothing of WCAG A and AA is broken, and nothing is wider than the window. Needs scripts: axe is one."""
    fits(page, name)
    assert violations(page) == [], page.url
