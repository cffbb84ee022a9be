"""Sending in real Chromium: with and without scripts, on a phone, right to left, without a network."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from counterfoil.bootstrap.server import Server
from counterfoil.storage.models import Arrival
from tests.publish_pages.browser import ARGUMENTS, PATIENCE_MS, PHONE, taken_px, violations
from tests.server.sending.photos import jpeg

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("transactional_db", "server")]
PAGES = (
    "/send/",
    "/send/?q=school",
    "/send/area/",
    "/send/to/001/",
    "/send/receipt/",
    "/send/dispute/001/",
    "/send/figures/001/",
    "/send/queue/",
)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        expect.set_options(timeout=PATIENCE_MS)
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    found = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
    yield found
    found.close()


@contextmanager
def phone(
    browser: Browser, live: LiveServer, *, watched: bool = True, **options: Any
) -> Iterator[tuple[Page, list[str]]]:
    """A phone that never had a cookie. Fails on a request to elsewhere, and (if watched) on any script error."""
    given: dict[str, Any] = {
        "viewport": {"width": PHONE, "height": 740},
        "base_url": live.url,
        "locale": "en",
        **options,
    }
    context = browser.new_context(**given)
    problems = watching(context, live.url, watched=watched)
    try:
        yield context.new_page(), problems
        assert context.cookies() == []
        assert problems == []
    finally:
        context.close()


def watching(context: BrowserContext, url: str, *, watched: bool = True) -> list[str]:
    problems: list[str] = []
    here = urlsplit(url).netloc
    local = ("blob:", "data:", "about:")

    def asked(address: str) -> None:
        if not address.startswith(local) and urlsplit(address).netloc != here:
            problems.append(address)

    context.on("request", lambda request: asked(request.url))
    if watched:
        context.on("console", lambda message: problems.append(message.text))
        context.on("weberror", lambda error: problems.append(str(error.error)))
    return problems


def photo(folder: Path, seed: int = 1, size: tuple[int, int] = (1500, 2000)) -> Path:
    file = folder / f"IMG_{seed}.jpg"
    file.write_bytes(jpeg(seed, size))
    return file


@pytest.mark.parametrize("language", ["en", "ar"])
def test_pages_fit_a_phone_and_are_accessible_in_both_directions(
    browser: Browser, live_server: LiveServer, language: str
) -> None:
    with phone(browser, live_server, locale=language) as (page, _):
        for path in PAGES:
            page.goto(path)
            assert page.evaluate("document.dir") == ("rtl" if language == "ar" else "ltr"), path
            assert violations(page) == [], path
            assert taken_px(page) <= PHONE, path


def test_without_scripts_a_photo_is_found_a_station_for_sent_and_looked_up(
    browser: Browser, live_server: LiveServer, tmp_path: Path
) -> None:
    with phone(browser, live_server, java_script_enabled=False) as (page, _):
        page.goto("/send/")
        page.fill("#q", "001")
        page.click("text=Find the station")
        expect(page).to_have_url(re.compile("/send/to/001/$"))
        page.set_input_files("#photo-1", [photo(tmp_path, 1), photo(tmp_path, 2)])
        assert not page.is_checked("[name=receipt]")
        page.check("[name=receipt]")
        page.click("button:has-text('Send')")
        expect(page.locator("h1")).to_have_text("Received, thank you")
        words = page.locator(".receipt").inner_text()
        assert len(words.split()) == 6
        assert Arrival.objects.count() == 2
        page.goto("/send/receipt/")
        page.fill("#words", words)
        page.click("button:has-text('Open')")
        expect(page.locator(".card")).to_have_count(2)


def test_with_scripts_the_photo_is_made_small_in_the_page_and_comes_in_the_same_way(
    browser: Browser, live_server: LiveServer, tmp_path: Path
) -> None:
    with phone(browser, live_server) as (page, _):
        sent: list[int] = []
        page.on("request", lambda request: sent.append(len(request.post_data_buffer or b"")))
        page.goto("/send/to/001/")
        page.set_input_files("#photo-1", photo(tmp_path, 1, (3000, 4000)))
        page.check("[name=small]")
        page.check("[name=receipt]")
        page.click("button:has-text('Send')")
        expect(page.locator("#queue-status")).to_have_text("Everything was received.")
        assert len(page.locator("#receipts .receipt").inner_text().split()) == 6
        assert violations(page) == []
        assert sum(sent) < 700_000 < (tmp_path / "IMG_1.jpg").stat().st_size
        arrival = Arrival.objects.get()
        assert (arrival.station, arrival.kind, arrival.receipt != "") == ("001", "wall_copy", True)
        assert max(arrival.width, arrival.height) <= 1250
        page.click("text=I have the words")
        expect(page.locator("#receipts .receipt")).to_have_count(0)
        until_forgotten(page)


def stored(page: Page) -> list[Any]:
    """What lies in the queue: states and sizes."""
    return page.evaluate(  # type: ignore[no-any-return]
        "async () => (await CounterfoilQueue.items()).map(item => [item.state, item.sealed.byteLength])"
    )


def until_forgotten(page: Page) -> None:
    """Wait until nothing lies in the queue: what the page shows may be ahead of its database. (Not by
    `wait_for_function`: it works under our policy only if what it waits for has come already.)"""
    limit = time.monotonic() + PATIENCE_MS / 1000
    while (left := stored(page)) != []:
        assert time.monotonic() < limit, left
        page.wait_for_timeout(50)


def test_photos_taken_without_a_network_survive_a_closed_browser_and_go_when_it_is_back(
    playwright: Playwright, live_server: LiveServer, tmp_path: Path
) -> None:
    profile = tmp_path / "profile"
    with reopened(playwright, profile, live_server) as page:
        page.goto("/send/queue/")
        page.click("#keep")
        expect(page.locator("#queue-status")).to_have_text("This page now opens without a network.")
        page.context.set_offline(True)
        page.goto("/send/")  # any page of the sender: the kept one answers
        expect(page.locator("h1")).to_have_text("Take photos now, send later")
        page.fill("#station", "001")
        page.set_input_files("#photo-1", photo(tmp_path, 3))
        page.click("button:has-text('Send, now')")
        expect(page.locator("#queue-status")).to_contain_text("There is no network")
        assert [state for state, _ in stored(page)] == ["waiting"]
    assert not Arrival.objects.exists()
    assert_sealed(profile)
    with reopened(playwright, profile, live_server) as page:
        page.goto("/send/queue/")
        expect(page.locator("#queue-status")).to_have_text("Everything was received.")
        until_forgotten(page)
        page.goto("/send/queue/")  # as it is when the browser sent by itself, before the page was opened
        expect(page.locator("#queue-status")).to_have_text("Everything was received.")
    assert Arrival.objects.get().station == "001"


@contextmanager
def reopened(playwright: Playwright, profile: Path, live: LiveServer) -> Iterator[Page]:
    """A browser with a profile on the disk: closed, and opened again with what it kept."""
    context = playwright.chromium.launch_persistent_context(
        profile,
        executable_path=shutil.which("chromium"),
        args=ARGUMENTS,
        viewport={"width": PHONE, "height": 740},
        base_url=live.url,
        locale="en",
    )
    problems = watching(context, live.url, watched=False)
    try:
        yield context.pages[0]
        assert problems == []
    finally:
        context.close()


def assert_sealed(profile: Path) -> None:
    """Nothing of the photo or of what was said about it can be read from the browser's files."""
    written = [file.read_bytes() for file in (profile / "Default" / "IndexedDB").rglob("*") if file.is_file()]
    assert any(len(data) > 50_000 for data in written)
    for data in written:
        assert b"\xff\xd8\xff" not in data and b"wall_copy" not in data and b'"001"' not in data


def test_forgetting_leaves_no_queue_no_key_no_pages_and_no_worker(
    browser: Browser, live_server: LiveServer, tmp_path: Path
) -> None:
    with phone(browser, live_server, watched=False) as (page, _):
        page.goto("/send/queue/")
        page.click("#keep")
        expect(page.locator("#queue-status")).to_have_text("This page now opens without a network.")
        page.context.set_offline(True)
        page.set_input_files("#photo-1", photo(tmp_path, 4))
        page.click("button:has-text('Send, now')")
        expect(page.locator("#queue-status")).to_contain_text("There is no network")
        assert page.evaluate(LEFT) != [0, 0, 0]
        page.click("#forget")
        expect(page.locator("#queue-status")).to_have_text("Everything here was deleted.")
        page.context.set_offline(False)
        assert page.evaluate(LEFT) == [0, 0, 0]
    assert not Arrival.objects.exists()


LEFT = """async () => [
  (await indexedDB.databases()).length, (await caches.keys()).length,
  (await navigator.serviceWorker.getRegistrations()).length]"""


def test_an_upload_that_the_network_cut_goes_on_where_it_was(
    browser: Browser, live_server: LiveServer, tmp_path: Path
) -> None:
    with phone(browser, live_server, watched=False) as (page, _):
        page.goto("/send/to/001/")
        patches: list[str] = []

        def cut(route: Any) -> None:
            patches.append(route.request.headers.get("upload-offset", ""))
            if len(patches) == 2:
                route.abort("connectionreset")
            else:
                route.continue_()

        page.route("**/send/tus/*", lambda route: cut(route) if route.request.method == "PATCH" else route.continue_())
        page.set_input_files("#photo-1", photo(tmp_path, 5, (1900, 2000)))
        page.click("button:has-text('Send')")
        expect(page.locator("#queue-status")).to_contain_text("tried again")
        page.evaluate("window.dispatchEvent(new Event('online'))")
        expect(page.locator("#queue-status")).to_have_text("Everything was received.")
        assert patches[1] == patches[2] != "0"
    assert Arrival.objects.count() == 1


def test_a_photo_that_is_not_taken_says_why_in_the_queue(
    browser: Browser, live_server: LiveServer, tmp_path: Path
) -> None:
    bad = tmp_path / "photo.jpg"
    bad.write_bytes(b"GIF89a" + bytes(500))
    with phone(browser, live_server, watched=False) as (page, _):
        page.goto("/send/to/001/")
        page.set_input_files("#photo-1", bad)
        page.click("button:has-text('Send')")
        expect(page.locator("#queue li")).to_contain_text("this is a GIF")
        page.click("text=Remove")
        until_forgotten(page)


def test_a_fresh_visit_puts_nothing_on_the_phone(browser: Browser, live_server: LiveServer, server: Server) -> None:
    with phone(browser, live_server) as (page, _):
        for path in PAGES:
            page.goto(path)
        assert page.evaluate(LEFT) == [0, 0, 0]
        assert page.evaluate("localStorage.length + sessionStorage.length") == 0
