"""Passkeys in real Chromium: the link of the first run, log-in without a name, on a phone, under the strict policy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.models import Authenticator
from django.test import Client
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from counterfoil.bootstrap.organiser import first_organiser_link
from counterfoil.bootstrap.server import Server
from counterfoil.storage.models import Account, Session
from counterfoil.web.permissions import FACTOR
from tests.publish_pages.browser import PHONE, taken_px, violations
from tests.server.accounts.conftest import PASSWORD, App
from tests.server.conftest import Person
from tests.server.windows import browser

__all__ = ["browser"]

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("transactional_db")]


@contextmanager
def phone(
    browser: Browser, server: LiveServer, *, script: bool = True, verified: bool = True, locale: str = "en"
) -> Iterator[Page]:
    """A page that can hold passkeys (CDP's virtual authenticator), and that fails on any request to elsewhere, any
    script error and any breach of the policy. `verified`: whether its device asks who holds it."""
    context = browser.new_context(
        java_script_enabled=script, viewport={"width": PHONE, "height": 740}, locale=locale, base_url=server.url
    )
    problems: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    here = urlsplit(server.url).netloc
    page.on("request", lambda r: None if urlsplit(r.url).netloc == here else problems.append(r.url))
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": verified,
                "isUserVerified": verified,
                "automaticPresenceSimulation": True,
            }
        },
    )
    try:
        yield page
        assert problems == []
    finally:
        context.close()


def healthy(page: Page) -> None:
    """axe finds nothing, and nothing is wider than the phone."""
    assert violations(page) == []
    assert taken_px(page) <= PHONE


def test_the_first_organiser_makes_a_passkey_and_logs_in_with_it_alone(
    browser: Browser, live_server: LiveServer, server: Server
) -> None:
    link = first_organiser_link(server)
    assert link is not None
    with phone(browser, live_server) as page:
        page.goto(urlsplit(link).path)
        healthy(page)
        page.get_by_role("button", name="Go on").click()
        page.wait_for_url("**/account/keys/")
        healthy(page)
        page.get_by_role("link", name="Add a passkey").click()
        healthy(page)
        page.get_by_role("button", name="Make the passkey").click()
        page.wait_for_url("**/account/keys/")
        healthy(page)
        assert first_organiser_link(server) is None
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url("**/account/login/")
        assert not Session.objects.filter(account__isnull=False).exists()
        healthy(page)
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url("**/work/")
        page.goto("/account/people/")
        healthy(page)
        page.get_by_label("Reader").check()
        page.get_by_role("button", name="Make a link").click()
        page.get_by_text("It is shown this once.").wait_for()
        healthy(page)
    assert Account.objects.get().roles == ["organiser"]


def test_adding_a_passkey_later_asks_again_who_it_is(browser: Browser, live_server: LiveServer, server: Server) -> None:
    link = first_organiser_link(server)
    assert link is not None
    with phone(browser, live_server) as page:
        page.goto(urlsplit(link).path)
        page.get_by_role("button", name="Go on").click()
        page.goto("/account/passkeys/add/")
        page.get_by_role("button", name="Make the passkey").click()
        page.wait_for_url("**/account/keys/")
        page.goto("/account/password/first/")
        page.wait_for_url("**/again/passkey/**")
        healthy(page)
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url("**/account/password/first/")
        healthy(page)


def test_a_page_that_was_tampered_with_makes_no_passkey_without_finger_face_or_pin(
    browser: Browser, live_server: LiveServer, server: Server
) -> None:
    link = first_organiser_link(server)
    assert link is not None
    with phone(browser, live_server, verified=False) as page:
        page.goto(urlsplit(link).path)
        page.get_by_role("button", name="Go on").click()
        page.goto("/account/passkeys/add/")
        page.evaluate(
            "const o = document.getElementById('passkey-options'); const d = JSON.parse(o.textContent);"
            "d.creation_options.publicKey.authenticatorSelection.userVerification = 'discouraged';"
            "o.textContent = JSON.stringify(d)"
        )
        page.get_by_role("button", name="Make the passkey").click()
        page.get_by_text("Incorrect code").wait_for()
    assert not Authenticator.objects.exists()


def test_without_javascript_a_password_with_a_code_does(
    browser: Browser, live_server: LiveServer, server: Server, app: App
) -> None:
    link = first_organiser_link(server)
    assert link is not None
    with phone(browser, live_server, script=False) as page:
        page.goto(urlsplit(link).path)
        name = page.get_by_label("Name").input_value()
        page.get_by_role("button", name="Go on").click()
        page.get_by_role("link", name="Set up a password with codes").click()
        for field in page.locator("input[type=password]").all():
            field.fill(PASSWORD)
        page.get_by_role("button", name="Save").click()
        key = page.locator("code.secret").inner_text()
        page.locator("input[name=code]").fill(app(key))
        page.get_by_role("button", name="Turn on").click()
        page.get_by_text("They are shown this once.").wait_for()
        page.get_by_role("link", name="To my keys").click()
        page.get_by_role("button", name="Log out").click()
        page.locator("input[name=login]").fill(name)
        page.locator("input[name=password]").fill(PASSWORD)
        page.get_by_role("button", name="Next: the code").click()
        page.locator("input[name=code]").fill(app(key, 1))
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/work/")


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_each_page_holds_on_a_phone_in_both_directions(
    browser: Browser, live_server: LiveServer, server: Server, person: Person, locale: str
) -> None:
    account = person("organiser", name="heron-258")
    account.set_password(PASSWORD)
    account.save()
    client = Client()
    client.force_login(account, backend="allauth.account.auth_backends.AuthenticationBackend")
    session = client.session
    session[FACTOR] = str(account.pk)
    session.update(
        {AUTHENTICATION_METHODS_SESSION_KEY: [{"method": "password", "at": time.time(), "reauthenticated": True}]}
    )
    session[f"{AUTHENTICATION_METHODS_SESSION_KEY}_user"] = str(account.pk)
    session.save()
    with phone(browser, live_server, locale=locale) as page:
        pages = ["/account/login/", "/account/inactive/"]
        for path in pages:
            page.goto(path)
            healthy(page)
        page.context.add_cookies(
            [{"name": "session", "value": client.cookies["session"].value, "url": live_server.url}]
        )
        pages = [
            "/account/keys/", "/account/people/", "/account/logout/", "/account/again/", "/account/password/",
            "/account/one-time-codes/", "/account/passkeys/add/", "/account/recovery-codes/new/",
            "/account/tokens/new/",
        ]  # fmt: skip
        for path in pages:
            answer = page.goto(path)
            assert answer is not None
            assert (answer.status, urlsplit(page.url).path) == (200, path)
            assert page.evaluate("document.dir") == ("rtl" if locale == "ar" else "ltr")
            healthy(page)
