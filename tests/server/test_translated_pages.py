"""In each language, pages fit a cheap phone and axe finds nothing: longer words and right to left included."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from counterfoil.bootstrap.server import Server
from counterfoil.storage.models import Account
from tests.publish_pages.browser import PHONE
from tests.server.catalogues import LANGUAGES
from tests.server.conftest import Person
from tests.server.windows import browser, clean

__all__ = ["browser"]

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("transactional_db")]
OF_SENDERS = ("/send/", "/send/to/001/", "/send/queue/", "/send/dispute/001/", "/account/login/")
OF_ORGANISERS = (
    "/work/",
    "/organise/",
    "/organise/set-up/",
    "/organise/freeze/",
    "/organise/readers/",
    "/account/keys/",
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_of_a_language_fit_a_phone_and_are_accessible(
    browser: Browser,
    live_server: LiveServer,
    server: Server,
    person: Person,
    as_person: Callable[[Account], Client],
    language: str,
) -> None:
    context = browser.new_context(viewport={"width": PHONE, "height": 740}, locale=language)
    try:
        page = context.new_page()
        client = as_person(person("organiser", "reader"))
        for paths in (OF_SENDERS, OF_ORGANISERS):
            for path in paths:
                answer = page.goto(live_server.url + path)
                assert answer is not None
                assert answer.status == 200, path
                assert page.locator("html").get_attribute("lang") == language
                clean(page, f"{language}{path.replace('/', '-')}")
            cookie = client.cookies["session"].value
            context.add_cookies([{"name": "session", "value": cookie, "url": live_server.url}])
    finally:
        context.close()
