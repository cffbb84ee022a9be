"""The reader itself in the flow of the server: sheets as hands fill them, sent in earnest, read in the jail, seen by
people in Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from counterfoil.bootstrap.server import Server
from counterfoil.reading import handed
from counterfoil.simulate.blank import BlankForm, Printed
from counterfoil.simulate.drawing import draw_protocol, paper_form
from counterfoil.storage import machine
from counterfoil.storage.arrivals import Door, receive
from counterfoil.storage.models import Account, Copy, Task
from counterfoil.workflow.machine import READER, MachineRead
from counterfoil.workflow.sending import Claim
from tests.server.conftest import Clock
from tests.server.machine.conftest import CHECKS, TOTALS, Machines, serve
from tests.server.reading.conftest import FIELDS, PAPER
from tests.server.reading.paper import LABELS
from tests.server.windows import browser, clean, window

__all__ = ["browser"]

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("transactional_db")]
AsPerson = Callable[[Account], Client]
STATION = "002"


@pytest.fixture
def form() -> BlankForm:
    printed = [Printed(name, LABELS[name], "total" if name in TOTALS else "votes") for name in FIELDS]
    return paper_form("Protocol of the polling station", printed, CHECKS)


@pytest.fixture
def server(tmp_path: Path, form: BlankForm, clock: Clock, settings: object) -> Iterator[Server]:
    found = serve(tmp_path / "election", form.template, clock, settings, (handed.MODULE, *handed.PACKAGES))
    yield found
    found.close()
    shutil.rmtree(found.settings.folder, ignore_errors=True)


def send(hall: Machines, form: BlankForm, values: Mapping[str, int], *, claimed: str, seed: int) -> Copy:
    """A stranger photographs the protocol of `STATION` and says that it is of `claimed`."""
    photo = draw_protocol(form, {n: str(v) for n, v in values.items()}, seed=seed, station=STATION)
    at = hall.server
    door = Door(at.sandbox, at.intake, at.pepper, at.slot, at.templates)
    (received,) = receive(door, photo, Claim(claimed, "president", 1, "wall_copy"))
    hall.grow()
    return Copy.objects.get(pk=received.copy)


def read(copy: Copy) -> MachineRead:
    found = machine.found(copy)
    assert found is not None
    return found


def test_a_sheet_is_read_in_the_jail_and_people_see_only_what_they_may(
    browser: Browser, live_server: LiveServer, hall: Machines, form: BlankForm, as_person: AsPerson
) -> None:
    sent = send(hall, form, PAPER, claimed="001", seed=11)
    assert ["station", STATION] in sent.printed, "read when it came in"
    assert hall.machine() == 1
    found = read(sent)
    assert found.accepted
    assert ("station", STATION) in found.codes
    accepted = {name: one.cell for name, one in found.fields.items() if one.outcome == "accept"}
    assert accepted.items() <= PAPER.items(), "nothing that is accepted is wrong"
    for _ in range(2):  # the code fills in the station that the paper names, not the one that was claimed
        with window(browser, live_server, as_person(hall.person("reader"))) as page:
            page.goto(f"{live_server.url}/work/next")
            expect(page.get_by_role("radio")).to_be_checked()
            assert page.get_by_role("radio").get_attribute("value") == STATION
            clean(page, "identify-by-code")
            page.get_by_role("button", name="That is it").click()
            page.get_by_role("button", name=f"{STATION}").click()
    Task.objects.update(leased_by=None, leased_until=None)  # the browsers went on to the next task
    copy = Copy.objects.get(moved_from=sent)
    assert copy.station == STATION
    assert hall.machine() == 1
    assert read(copy) == found
    hall.type(copy, PAPER)
    hall.type(copy, {**PAPER, "ada": 319})
    with window(browser, live_server, as_person(hall.person("reader"))) as page:
        page.goto(f"{live_server.url}/work/next")
        expect(page.locator("h1")).to_have_text("Type only this")
        expect(page.locator("img")).to_have_count(1)
        assert page.locator("img").evaluate("i => i.complete && i.naturalWidth > 100 && i.naturalHeight < 400")
        clean(page, "third-cut")
        page.keyboard.type("310")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Saved.")).to_be_visible()
    copy.refresh_from_db()
    assert copy.state == "agreed"
    (said,) = hall.said(copy)
    assert said["reader"].startswith(f"{READER}@")
    with window(browser, live_server, as_person(hall.person("organiser"))) as page:
        page.goto(f"{live_server.url}/organise/machine/")
        clean(page, "machine-only")
