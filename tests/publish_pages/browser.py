"""Chromium for the tests: pages from the folder itself (file:), every request written down, and axe's findings."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = 360
"""Width in CSS pixels of a cheap phone."""
PATIENCE_MS = 60_000
"""Far more than a page needs to change; only one that never does meets it."""


@dataclass
class Seen:
    """What a page did: requests, and messages of its scripts or of the policy."""

    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium where there is one, else the one that came with playwright."""
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_MS)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, file: Path, *, script: bool = True, width: int = PHONE) -> Iterator[tuple[Page, Seen]]:
    """`file` in a fresh context of `width` pixels."""
    context = browser.new_context(java_script_enabled=script, viewport={"width": width, "height": 800})
    seen = Seen()
    try:
        page = context.new_page()
        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("console", lambda message: seen.problems.append(message.text))
        page.on("pageerror", lambda error: seen.problems.append(str(error)))
        page.goto(file.as_uri())
        yield page, seen
    finally:
        context.close()


def taken_px(page: Page) -> int:
    """Width in CSS pixels that the content takes, the whole page loaded: until then there may be no document at all."""
    page.wait_for_load_state()
    return int(page.evaluate("document.documentElement.scrollWidth"))


def violations(page: Page) -> list[str]:
    """Rules of WCAG 2.2 A and AA that axe sees broken, with the first element."""
    page.wait_for_load_state()  # a click waits for the answer, not for the whole page
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    result = Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}, "preload": False})
    return [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in result.response["violations"]]
