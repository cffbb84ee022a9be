"""Readers and an arbiter in Chromium: from a photo to an agreed protocol, on a phone, with and without scripts."""

from __future__ import annotations

import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from counterfoil.storage import answers, leases, standing
from counterfoil.storage.models import Account, Copy, Entry
from tests.server.reading.conftest import PAPER, Hall
from tests.server.reading.paper import photo
from tests.server.windows import browser, clean, fits, window

__all__ = ["browser"]

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("transactional_db")]
AsPerson = Callable[[Account], Client]
KEY_MS = 40


class Seat:
    """One person before one browser."""

    def __init__(self, page: Page, at: str, *, script: bool) -> None:
        self.page, self.at, self.script = page, at, script
        self.problems: list[str] = []
        page.on("console", lambda message: self.problems.append(message.text))

    def next(self) -> None:
        self.page.goto(f"{self.at}/work/next")

    def clean(self, name: str) -> None:
        """Nothing of WCAG A and AA is broken, nothing is wider than the phone, no script complains."""
        (clean if self.script else fits)(self.page, name)
        # A 422 is how a form says that something is missing; Chromium notes it.
        assert [p for p in self.problems if "422" not in p] == []


@contextmanager
def seat(
    browser: Browser,
    live_server: LiveServer,
    client: Client,
    *,
    script: bool = True,
    language: str = "en",
    width: int = 360,
) -> Iterator[Seat]:
    with window(browser, live_server, client, script=script, language=language, width=width) as page:
        yield Seat(page, live_server.url, script=script)


def type_all(page: Page, values: Mapping[str, object], delay: float = 0) -> None:
    """From the first to the last box, with Enter between; where the page begins, once it does."""
    expect(page.locator("input:focus")).to_be_visible()
    for value in values.values():
        page.keyboard.type(str(value), delay=delay)
        page.keyboard.press("Enter")


def prove(*readers: Account) -> None:
    """They have read enough that two of them are believed without a third."""
    for reader in readers:
        standing.order(reader, "trusted")


def test_three_readers_and_an_arbiter_settle_a_photo(
    browser: Browser, live_server: LiveServer, hall: Hall, as_person: AsPerson
) -> None:
    readers, arbiter = hall.readers(4), hall.person("arbiter")
    prove(*readers)
    name = hall.arrive("001", picture=photo(PAPER))
    hall.grow()
    typed = [PAPER, {**PAPER, "spoilt": 6, "ballots": 606}]
    for number, values in enumerate(typed):
        with seat(browser, live_server, as_person(readers[number])) as at:
            at.next()
            expect(at.page.locator("[data-image]")).to_be_visible()
            at.clean(f"read-{number}")
            type_all(at.page, values)
            expect(at.page.locator("h1")).to_have_text("Nothing to do now")
            at.clean(f"nothing-{number}")
    assert Copy.objects.get(pk=name).state == "disputed"
    for reader, spoilt in ((readers[2], 7), (readers[3], 8)):
        with seat(browser, live_server, as_person(reader)) as at:
            at.next()
            expect(at.page.locator("h1")).to_have_text("Type only this")
            expect(at.page.locator("[data-box]")).to_have_count(2)
            at.clean("third")
            type_all(at.page, {"ballots": 600 + spoilt, "spoilt": spoilt})
            expect(at.page.locator("h1")).to_have_text("Nothing to do now")
    with seat(browser, live_server, as_person(arbiter)) as at:
        at.next()
        expect(at.page.locator("h1")).to_have_text("What does the paper say?")
        assert at.page.locator("fieldset").nth(1).locator("bdi").all_inner_texts() == ["5", "6", "7", "8"]
        at.clean("decide")
        at.page.locator("fieldset").nth(0).get_by_label("605", exact=True).check()
        at.page.locator("fieldset").nth(1).get_by_label("5", exact=True).check()
        at.page.get_by_label("Reason").select_option("read_again")
        at.page.get_by_role("button", name="Decide").click()
        expect(at.page.locator("h1")).to_have_text("Nothing to do now")
    assert Copy.objects.get(pk=name).state == "arbitrated"
    decision = Entry.objects.get(type="decision")
    assert decision.body["values"] == {"ballots": 605, "spoilt": 5}


def test_a_protocol_is_read_without_scripts_right_to_left(
    browser: Browser, live_server: LiveServer, hall: Hall, as_person: AsPerson
) -> None:
    (reader,) = hall.readers(1)
    name = hall.arrive("001", picture=photo(PAPER))
    hall.grow()
    with seat(browser, live_server, as_person(reader), script=False, language="ar") as at:
        at.next()
        assert at.page.locator("html").get_attribute("dir") == "rtl"
        at.clean("read-rtl-plain")
        digits = {
            field: str(value).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")) for field, value in PAPER.items()
        }
        for field, value in digits.items():
            if field != "spoilt":
                at.page.locator(f"[name=f-{field}]").fill(value)
        at.page.locator("[data-submit]").click()
        expect(at.page.locator("[aria-invalid=true]")).to_have_count(1)
        at.clean("read-rtl-error")
        at.page.locator("[name=s-spoilt]").select_option("struck")
        at.page.locator("[data-submit]").click()
        at.clean("nothing-rtl")
    values = Entry.objects.get(copy=name, type="reading").body["values"]
    assert values == {**PAPER, "spoilt": "struck"}


def test_every_page_of_a_reader_is_accessible_right_to_left(
    browser: Browser, live_server: LiveServer, hall: Hall, as_person: AsPerson
) -> None:
    (reader,) = hall.readers(1)
    hall.arrive("001", picture=photo(PAPER))
    hall.grow()
    with seat(browser, live_server, as_person(reader), language="ar") as at:
        at.next()
        at.clean("read-rtl")
        type_all(at.page, {**PAPER, "ada": 301})
        expect(at.page.locator(".questions")).to_be_visible()
        at.clean("question-rtl")
        hall.arrive("", lane="stranger", picture=photo(PAPER))
        hall.grow()
        at.page.keyboard.press("Space")
        at.page.locator("[data-submit]").click()
        at.page.locator("#find").fill("001")
        at.page.keyboard.press("Enter")
        expect(at.page.locator("input[name=station]")).to_be_visible()
        at.clean("identify-rtl")


def test_states_have_a_key_each_sums_are_asked_about_and_the_last_one_is_undone(
    browser: Browser, live_server: LiveServer, hall: Hall, as_person: AsPerson
) -> None:
    (reader,) = hall.readers(1)
    hall.arrive("001", picture=photo(PAPER))
    hall.grow()
    with seat(browser, live_server, as_person(reader)) as at:
        at.next()
        page = at.page
        for key in ("e", "-", "w", "i", "a"):
            page.keyboard.press(key)
        chosen = page.locator("[data-box] select")
        assert [chosen.nth(n).input_value() for n in range(5)] == ["empty", "struck", "word", "illegible", "absent"]
        page.keyboard.press("ArrowUp")
        for _ in range(5):
            page.keyboard.press("ArrowUp")
        type_all(page, {**PAPER, "voters": 12900, "ada": 301})
        expect(page.get_by_role("heading", name="Is that what the paper says?")).to_be_visible()
        expect(page.locator("[name=f-voters]")).to_have_value("12\u202f900")
        at.clean("question")
        page.keyboard.press("Space")
        page.locator("[data-submit]").click()
        expect(page.locator("h1")).to_have_text("Nothing to do now")
        page.get_by_role("button", name="Undo my last one").click()
        assert page.locator("[name=f-ada]").input_value() == "301"


def test_what_was_typed_is_kept_when_the_browser_closes(
    browser: Browser, live_server: LiveServer, hall: Hall, as_person: AsPerson
) -> None:
    (reader,) = hall.readers(1)
    hall.arrive("001", picture=photo(PAPER))
    hall.grow()
    client = as_person(reader)
    with seat(browser, live_server, client) as at:
        at.next()
        at.page.keyboard.type("900")
        expect(at.page.locator("[data-lost]")).to_have_text("Kept.")
    with seat(browser, live_server, client) as at:
        at.next()
        assert at.page.locator("[name=f-voters]").input_value() == "900"


def test_the_photo_is_enlarged_moved_turned_and_made_clearer(
    browser: Browser, live_server: LiveServer, hall: Hall, as_person: AsPerson
) -> None:
    (reader,) = hall.readers(1)
    hall.arrive("001", picture=photo(PAPER))
    hall.grow()
    with seat(browser, live_server, as_person(reader), width=1280) as at:
        at.next()
        image, page = at.page.locator("[data-image]"), at.page
        page.get_by_role("button", name="Larger").click()
        page.get_by_role("button", name="Turn right").click()
        page.locator("[data-range=contrast]").fill("150")
        page.locator("[data-range=skew]").fill("-2")
        page.locator("[data-frame]").focus()
        page.keyboard.press("ArrowDown")
        style = image.evaluate("(i) => [i.style.transform, i.style.filter]")
        assert style == ["translate(0px, -60px) rotate(88deg) scale(1.4)", "contrast(150%)"]
        at.clean("wide")
        page.get_by_role("button", name="As it was").click()
        assert image.evaluate("(i) => i.style.filter") == ""


def test_what_a_photo_shows_is_said_before_the_senders_word_is_seen(
    browser: Browser, live_server: LiveServer, hall: Hall, as_person: AsPerson
) -> None:
    readers = hall.readers(2)
    name = hall.arrive("002", lane="stranger", picture=photo(PAPER, "001"))
    hall.grow()
    for number, reader in enumerate(readers):
        with seat(browser, live_server, as_person(reader), script=number == 0) as at:
            at.next()
            assert "Library" not in at.page.locator("main").inner_text()
            at.clean("identify")
            at.page.locator("#find").fill("001")
            at.page.get_by_role("button", name="Search").click()
            expect(at.page.get_by_role("button", name="That is it")).to_be_visible()
            at.clean("identify-found")
            at.page.get_by_role("button", name="That is it").click()
            expect(at.page.get_by_role("heading", name="The sender said something else")).to_be_visible()
            at.clean("identify-claim")
            with at.page.expect_navigation():
                at.page.locator("button[value=chosen]").click()
    assert Copy.objects.get(pk=name).state == "withdrawn"
    moved = Copy.objects.get(moved_from=name)
    assert (moved.station, moved.state) == ("001", "waiting")


def test_a_scripted_typist_needs_seconds_for_a_protocol(
    browser: Browser, live_server: LiveServer, hall: Hall, as_person: AsPerson, capsys: pytest.CaptureFixture[str]
) -> None:
    (reader,) = hall.readers(1)
    for station in ("001", "002", "003", "004") * 2:
        hall.arrive(station, picture=photo(PAPER, station))
    hall.grow()
    times = []
    with seat(browser, live_server, as_person(reader)) as at:
        at.next()
        for _ in range(8):
            began = time.perf_counter()
            here = at.page.url
            type_all(at.page, PAPER, delay=KEY_MS)
            at.page.wait_for_url(re.compile(rf"^(?!{re.escape(here)}$)"))
            times.append(time.perf_counter() - began)
    with capsys.disabled():
        sys.stdout.write(
            f"\nmedian time per protocol of 7 boxes: {statistics.median(times):.2f} s, {KEY_MS} ms per key\n"
        )
    assert Entry.objects.filter(type="reading", author=reader).count() == 8


@pytest.mark.parametrize(("language", "script", "width"), [("en", True, 1100), ("ar", True, 360), ("ar", False, 360)])
def test_papers_that_differ_lie_beside_each_other_and_one_is_chosen(
    browser: Browser,
    live_server: LiveServer,
    hall: Hall,
    as_person: AsPerson,
    language: str,
    script: bool,
    width: int,
) -> None:
    said = (PAPER, {**PAPER, "ada": 320, "bob": 270})
    for values in said:
        hall.arrive("001", picture=photo(values))
        hall.grow()
        for _ in range(3):  # one in twenty is read once more
            reader = hall.person("reader")
            prove(reader)
            if (task := leases.hand_out(reader, hall.desk)) is not None:
                answers.read(task, reader, {field: values[field] for field in task.fields}, hall.desk)
    client = as_person(hall.person("arbiter"))
    with seat(browser, live_server, client, script=script, language=language, width=width) as at:
        at.next()
        expect(at.page.locator("section.card img")).to_have_count(2)
        for photo_shown in at.page.locator("section.card img").all():
            photo_shown.scroll_into_view_if_needed()
            assert photo_shown.evaluate("async (i) => (await i.decode(), i.naturalWidth)") > 0 or not script
        at.clean(f"choose-{language}-{width}-{script}")
        at.page.locator("form .go button").click()
        expect(at.page.locator("[role=alert]")).to_have_count(1)
        at.clean(f"choose-error-{language}-{width}-{script}")
        at.page.locator("[value='choose_copy:0']").check()
        at.page.locator("#reason").select_option("signed_copy")
        at.page.locator("form .go button").click()
        at.page.wait_for_url("**/work/next")
    decision = Entry.objects.get(type="decision").body
    assert (decision["action"], decision["reason"]) == ("choose_copy", "signed_copy")
