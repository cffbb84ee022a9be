"""People before a browser: each has a phone of their own, and every page that they meet is looked at.

`Phone.look` holds for each page: axe finds nothing of WCAG A and AA, nothing is wider than the phone, its direction is
that of the language, no request went to anywhere but the server, no script and no policy was broken.
"""

from __future__ import annotations

import csv
import io
import os
import re
import time
import urllib.error
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.publish_pages.browser import taken_px, violations
from tests.server.running.material import Running

PHONE: ViewportSize = {"width": 360, "height": 740}
PASSWORD = "otter kettle quartz meadow"  # noqa: S105 - of test accounts
PICTURES = os.environ.get("COUNTERFOIL_PICTURES", "")
PATIENCE_S = 300
"""Far more than a batch and its publication need; only what hangs meets it."""
_PRESSED: tuple[Literal["button", "link"], ...] = ("button", "link")
_SCHEMES = ("blob:", "data:", "about:")


class Town:
    """The server, the browser, and who is there."""

    def __init__(self, running: Running, browser: Browser) -> None:
        self.running, self.browser = running, browser
        self.address = f"http://localhost:{running.port}"
        self.phones: list[Phone] = []

    def phone(self, *, script: bool = True, language: str = "en") -> Phone:
        """A phone that never was here."""
        made = Phone(self, script=script, language=language)
        self.phones.append(made)
        return made

    def first_link(self) -> str:
        """What the terminal shows to whoever started the server."""
        found = re.search(r"http://localhost:\d+(/account/invitation/\S+)", self.running.said())
        assert found, self.running.said()
        return found[1]

    def published(self, table: str) -> list[dict[str, str]]:
        """The rows of a table of the publication."""
        try:
            text = self.running.get(f"/data/{table}.csv").decode("utf-8")
        except urllib.error.HTTPError:
            return []
        return list(csv.DictReader(io.StringIO(text)))

    def until_published(self, table: str, **row: str) -> None:
        """Wait until a row of the publication says this."""
        limit = time.monotonic() + PATIENCE_S
        while not any(row.items() <= one.items() for one in self.published(table)):
            assert time.monotonic() < limit, (row, self.published(table), self.running.said())
            time.sleep(0.3)

    def nothing_left(self) -> None:
        """No phone asked anybody else, and nothing was broken on any."""
        for phone in self.phones:
            assert phone.strange == []
            assert [said for said in phone.problems if "422" not in said] == []
            phone.page.context.close()


class Phone:
    """One person's browser."""

    def __init__(self, town: Town, *, script: bool, language: str) -> None:
        self.town, self.script, self.language = town, script, language
        context = town.browser.new_context(
            java_script_enabled=script, viewport=PHONE, locale=language, base_url=town.address, reduced_motion="reduce"
        )
        self.page: Page = context.new_page()
        self.strange: list[str] = []
        self.problems: list[str] = []
        context.on("request", lambda request: self._asked(request.url))
        context.on("console", lambda message: self.problems.append(message.text))
        context.on("weberror", lambda error: self.problems.append(str(error.error)))

    def _asked(self, address: str) -> None:
        if not address.startswith(_SCHEMES) and urlsplit(address).netloc != urlsplit(self.town.address).netloc:
            self.strange.append(address)

    def go(self, path: str) -> None:
        self.page.goto(path)
        self.look()

    def press(self, name: str) -> None:
        """A button or a link, then the page that follows."""
        button, link = (self.page.get_by_role(role, name=name, exact=True) for role in _PRESSED)
        with self.page.expect_navigation():
            button.or_(link).first.click()
        self.look()

    def look(self, picture: str = "") -> None:
        """The page holds; with `picture` it is kept for the documentation."""
        page = self.page
        assert taken_px(page) <= PHONE["width"], page.url
        assert page.evaluate("document.dir") == ("rtl" if self.language == "ar" else "ltr"), page.url
        if self.script:  # axe is a script
            assert violations(page) == [], page.url
        if picture and PICTURES:
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(PICTURES) / f"{picture}.jpg", type="jpeg", quality=72)

    def says(self, heading: str) -> None:
        expect(self.page.locator("h1")).to_have_text(heading)

    # ---- accounts

    def join(self, link: str, name: str) -> None:
        """Open an invitation, choose a name, a password and codes of an app."""
        page = self.page
        self.go(link)
        page.get_by_label("Name").fill(name)
        self.press("Go on")
        self.press("Set up a password with codes")
        for box in page.locator("input[type=password]").all():
            box.fill(PASSWORD)
        self.press("Save")
        key = page.locator("code.secret").inner_text()
        page.locator("input[name=code]").fill(str(format_hotp_value(hotp_value(key, int(time.time()) // 30))))
        self.press("Turn on")
        expect(page.get_by_text("They are shown this once.")).to_be_visible()

    def invite(self, *roles: str) -> str:
        """The path of a link for somebody with these roles."""
        self.go("/account/people/")
        self.says("People")
        for role in roles:
            self.page.locator(f"input[name=roles][value={role}]").check()
        self.press("Make a link")
        found = re.search(r"/account/invitation/[\w-]+", self.page.locator("main").inner_text())
        assert found, self.page.locator("main").inner_text()
        return found[0]

    # ---- work

    def type_all(self, values: Mapping[str, object]) -> None:
        """From the first to the last box of the screen, Enter after each."""
        boxes = [self.page.locator("[data-box]").nth(n).get_attribute("data-box") or "" for n in range(self._boxes())]
        for box in boxes:
            self.page.keyboard.type(str(values[box]))
            self.page.keyboard.press("Enter")
        if self.page.locator(".questions").is_visible():
            self.look()
            for question in self.page.locator(".questions input[type=checkbox]").all():
                question.check()
            self.page.locator("[data-submit]").click()

    def _boxes(self) -> int:
        return self.page.locator("[data-box]").count()

    def station(self) -> str:
        """Of the task on the screen."""
        found = re.search(r"Station (\d+)", self.page.locator("main").inner_text())
        assert found
        return found[1]
