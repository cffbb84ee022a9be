"""The organisers' pages in Chromium: on a phone and a desk, right to left, with and without scripts, under axe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from counterfoil.bootstrap.server import Server
from counterfoil.evidence import Mask as Regions
from counterfoil.evidence import Region
from counterfoil.storage import branches, imports, organise, releases, running
from counterfoil.storage.models import Account, Copy, Dispute, Entry, LookAlike, Proposal, Standing
from tests.server.conftest import Clock, Person
from tests.server.organise.test_imports import OFFICIAL, STATIONS, draft, official
from tests.server.organise.world import bring, grow, means, read
from tests.server.windows import browser, clean, window

__all__ = ["browser"]

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("transactional_db")]
AsPerson = Callable[[Account], Client]


class Count:
    """Something to see on every page."""

    def __init__(self, server: Server, clock: Clock, person: Person) -> None:
        self.server = server
        self.ann, self.ben = person("organiser", name="ann"), person("organiser", name="ben")
        self.copy, other = bring(server, "001"), bring(server, "002")
        reader = person("reader", name="heron-201")
        for text, station in (("x", "003"), ("y", "001")):
            bring(server, station, text)
        read(server, self.copy, reader, voters=1200, ballots=810, spoilt=10, valid=790, ada=450, bob=330, against=20)
        Standing.objects.create(account=reader, stage="watched", fields_right=190, fields_wrong=7, gold_right=12)
        LookAlike.objects.create(one=self.copy, other=other, kind="same", distance=3)
        self.dispute = Dispute.objects.create(
            station="001", contest="president", reason="figures_differ", slot=server.slot
        )
        grow(server, clock.forward)
        branch = branches.make_branch("Choir of the north", "invited", self.ann, quota=300)
        branches.make_branch("Second voices", "invited", self.ann, parent=branch)
        self.draft = draft(server, "stations", STATIONS, self.ann)
        made = draft(server, "official", OFFICIAL, self.ben, **official("night"))
        self.official = organise.confirm_import(made.pk, self.ben, means(server))
        mask = Regions((Region.rectangle(0, 0, 300_000, 200_000),))
        payload = releases.draw(other, mask, self.ben, means(server))
        self.release = organise.propose("release", payload, self.ben, means(server))
        frozen = {"what": ["publication"], "text": {"en": "The network is cut; we go on when it is back."}}
        self.freeze = organise.propose("freeze", frozen, self.ben, means(server))
        organise.give_notice("announced", {"en": "The count begins again at noon."}, self.ann, means(server))
        running.put("form_masks", {"protocol:1": [[[0, 0], [200000, 0], [200000, 100000], [0, 100000]]]}, self.ann)

    def addresses(self) -> dict[str, str]:
        return {
            "work": "/work/",
            "home": "/organise/",
            "proposals": "/organise/proposals/",
            "draft": f"/organise/proposals/{self.draft.pk}/",
            "official": f"/organise/proposals/{self.official.pk}/",
            "release": f"/organise/proposals/{self.release.pk}/",
            "freeze-proposal": f"/organise/proposals/{self.freeze.pk}/",
            "audit": "/organise/audit/",
            "settings": "/organise/settings/",
            "set-up": "/organise/set-up/",
            "upload": "/organise/import/?kind=official",
            "snapshots": "/organise/snapshots/",
            "notices": "/organise/notices/",
            "freeze": "/organise/freeze/",
            "disputes": "/organise/disputes/",
            "dispute": f"/organise/disputes/{self.dispute.pk}/",
            "copies": "/organise/copies/",
            "copy": f"/organise/copies/{self.copy.copy}/",
            "form-masks": "/organise/form-masks/",
            "withdraw": "/organise/withdraw/?station=001",
            "missing": "/organise/missing/",
            "missing-area": "/organise/missing/?area=SOUTH",
            "ageing": "/organise/ageing/",
            "look-alikes": "/organise/look-alikes/",
            "readers": "/organise/readers/",
            "roles": "/organise/roles/",
            "branches": "/organise/branches/",
            "handover": "/organise/handover/",
            "packs": "/organise/packs/?q=School",
        }


@pytest.fixture
def count(server: Server, clock: Clock, person: Person) -> Count:
    return Count(server, clock, person)


@pytest.mark.slow
@pytest.mark.parametrize(("language", "width"), [("en", 1100), ("ar", 360)])
def test_every_page_is_accessible_and_fits(
    browser: Browser, live_server: LiveServer, count: Count, as_person: AsPerson, language: str, width: int
) -> None:
    with window(browser, live_server, as_person(count.ann), language=language, width=width) as page:
        for name, address in count.addresses().items():
            page.goto(live_server.url + address)
            clean(page, f"{name}-{language}-{width}")


def test_a_mask_is_drawn_with_a_pointer_and_becomes_the_public_picture(
    browser: Browser, live_server: LiveServer, count: Count, as_person: AsPerson
) -> None:
    running.put("form_masks", {}, count.ann)
    with window(browser, live_server, as_person(count.ann), width=800) as page:
        page.goto(f"{live_server.url}/organise/copies/{count.copy.copy}/")
        page.get_by_role("button", name="Draw: press and move on the photo").click()
        box = page.locator(".mask canvas").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.1 * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.3 * box["height"], steps=4)
        page.mouse.up()
        expect(page.locator("input[name=left-0]")).to_have_value("10.00")
        expect(page.locator("input[name=bottom-0]")).to_have_value("30.00")
        clean(page, "mask-drawn")
        page.get_by_role("button", name="Propose the release").click()
        expect(page.locator("img.photo")).to_be_visible()
        clean(page, "mask-proposed")
        expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    made = Proposal.objects.get(action="release", payload__copy=count.copy.copy)
    with window(browser, live_server, as_person(count.ben)) as page:
        page.goto(f"{live_server.url}/organise/proposals/{made.pk}/")
        page.get_by_role("button", name="Approve").click()
        expect(page.locator(".messages")).to_contain_text("Approved")
    assert Copy.objects.get(pk=count.copy.pk).released


def test_without_scripts_an_import_is_previewed_proposed_and_approved(
    browser: Browser, live_server: LiveServer, count: Count, as_person: AsPerson, tmp_path: Path
) -> None:
    file = tmp_path / "figures.csv"
    file.write_text("area,item,value\nXX,ada,800\nXX,bob,1200\n", "utf-8")
    Proposal.objects.filter(action="import_tables").update(state="refused")
    with window(browser, live_server, as_person(count.ann), script=False) as page:
        page.goto(f"{live_server.url}/organise/import/?kind=official")
        page.set_input_files("input[type=file]", file)
        page.fill("input[name=snapshot]", "final")
        page.fill("input[name=announced_at]", "2026-03-05")
        page.fill("input[name='source.name']", "The authority")
        page.get_by_role("button", name="Show what would change").click()
        expect(page.get_by_role("row", name="Changed")).to_contain_text("XX ada")
        page.get_by_role("button", name="Propose it").click()
        expect(page.locator("main")).to_contain_text("waits for a second person")
        address = page.url
    with window(browser, live_server, as_person(count.ben), script=False) as page:
        page.goto(address)
        page.get_by_role("button", name="Approve").click()
        expect(page.locator(".messages")).to_contain_text("Approved")
    assert Entry.objects.filter(type="table", body__snapshot="final").count() == 1
    assert imports.published_figures()
