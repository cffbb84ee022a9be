"""Drawing a layout in Chromium: with a pointer, snapped to the printed lines, by keyboard, and not at all without
scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from counterfoil.bootstrap.server import Server
from counterfoil.simulate.blank import blank_form
from counterfoil.simulate.sheets import random_sheet
from counterfoil.storage import layouts as store
from counterfoil.storage.models import Account, Layout
from tests.server.conftest import Person
from tests.server.organise.test_layouts import FIELDS, drawn
from tests.server.organise.world import means
from tests.server.windows import browser, clean, fits, window

__all__ = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("transactional_db")]
AsPerson = Callable[[Account], Client]


@pytest.fixture
def ann(person: Person) -> Account:
    return person("organiser", name="ann")


def draw(page: Page, left: float, top: float, right: float, bottom: float) -> None:
    """Press, move and let go, in pixels of the page's picture."""
    place = page.locator("figure.layout svg").first
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box is not None
    scale = box["width"] / 600
    page.mouse.move(box["x"] + left * scale, box["y"] + top * scale)
    page.mouse.down()
    page.mouse.move(box["x"] + right * scale, box["y"] + (top + bottom) / 2 * scale)
    page.mouse.move(box["x"] + right * scale, box["y"] + bottom * scale)
    page.mouse.up()


def saved(page: Page) -> None:
    page.locator("#layout button", has_text="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()


def test_all_boxes_of_a_column_are_drawn_in_one_stroke_and_lie_on_the_printed_lines(
    browser: Browser, live_server: LiveServer, server: Server, ann: Account, as_person: AsPerson
) -> None:
    made = drawn(server, ann, whole=False)
    with window(browser, live_server, as_person(ann), width=1100) as page:
        page.set_viewport_size({"width": 1100, "height": 1700})  # the whole picture can be pointed at
        page.goto(f"{live_server.url}/organise/layouts/{made.pk}/")
        page.wait_for_function("document.querySelector('figure.layout image') && document.readyState === 'complete'")
        page.get_by_label("Boxes below each other in one stroke").fill(str(len(FIELDS)))
        page.get_by_label("Squares for digits").fill("3")
        draw(page, 408, 109, 531, 513)  # the true column is 401, 101 to 538, 521
        expect(page.locator("figure.layout polygon.field")).to_have_count(len(FIELDS))
        clean(page, "layout-drawn-en-1100")
        saved(page)
    template = store.template_of(Layout.objects.get())
    assert template.unplaced == ()
    assert set(template.boxes.values()) == {3}
    for row, one in enumerate(template.pages[0].fields):
        left, top = one.quad[0]
        right, bottom = one.quad[2]
        assert abs(left - 401.5) <= 3, one
        assert abs(right - 538.5) <= 3, one
        assert abs(top - (101.5 + 60 * row)) <= 3, one
        assert abs(bottom - (161.5 + 60 * row)) <= 3, one


def test_areas_codes_and_the_sheet_are_drawn_and_what_is_chosen_moves_by_keys_and_goes_away(
    browser: Browser, live_server: LiveServer, server: Server, ann: Account, as_person: AsPerson
) -> None:
    made = drawn(server, ann)
    with window(browser, live_server, as_person(ann), width=1100) as page:
        page.set_viewport_size({"width": 1100, "height": 1700})  # the whole picture can be pointed at
        page.goto(f"{live_server.url}/organise/layouts/{made.pk}/")
        for what, corners in (
            ("mask", (60, 600, 540, 700)),
            ("code", (500, 10, 580, 90)),
            ("sheet", (10, 10, 590, 790)),
            ("mask", (60, 720, 200, 780)),
        ):
            page.get_by_label("What you draw").select_option(what)
            draw(page, *corners)
        page.locator("#layout button", has_text="Remove").click()
        page.get_by_label("What you draw").select_option("none")
        page.get_by_label("The box").select_option("ada")
        page.locator("figure.layout svg").press("ArrowRight")
        page.locator("figure.layout svg").press("ArrowDown")
        saved(page)
    page_ = store.template_of(Layout.objects.get()).pages[0]
    assert len(page_.masks) == 1
    assert [abs(a - b) <= 2 for a, b in zip(page_.masks[0][0], (60, 600), strict=True)] == [True, True]
    assert [code.kind for code in page_.codes] == ["qr"]
    assert page_.outline is not None
    assert page_.place("ada").quad[0] == (402, 342)


def test_a_corner_is_pulled_with_the_pointer(
    browser: Browser, live_server: LiveServer, server: Server, ann: Account, as_person: AsPerson
) -> None:
    made = drawn(server, ann)
    with window(browser, live_server, as_person(ann), width=1100) as page:
        page.set_viewport_size({"width": 1100, "height": 1700})  # the whole picture can be pointed at
        page.goto(f"{live_server.url}/organise/layouts/{made.pk}/")
        page.get_by_label("What you draw").select_option("none")
        page.get_by_label("The box").select_option("voters")
        expect(page.locator("figure.layout circle")).to_have_count(4)
        draw(page, 538, 161, 520, 150)
        saved(page)
    corner = store.template_of(Layout.objects.get()).pages[0].place("voters").quad[2]
    assert abs(corner[0] - 520) <= 2
    assert abs(corner[1] - 150) <= 2


@pytest.mark.parametrize(("language", "width", "script"), [("en", 360, False), ("ar", 360, True), ("be", 1100, True)])
def test_pages_of_layouts_are_accessible_and_fit(
    browser: Browser,
    live_server: LiveServer,
    server: Server,
    ann: Account,
    as_person: AsPerson,
    language: str,
    width: int,
    script: bool,
) -> None:
    made = drawn(server, ann)
    with window(browser, live_server, as_person(ann), language=language, width=width, script=script) as page:
        for name, address in (("layouts", ""), ("layout", f"{made.pk}/")):
            page.goto(f"{live_server.url}/organise/layouts/{address}")
            if name == "layout":
                assert page.locator("#layout").is_visible() is script
                expect(page.locator("figure.layout polygon.field")).to_have_count(len(FIELDS))
            if script:  # axe is a script
                clean(page, f"{name}-{language}-{width}")
            else:
                fits(page, f"{name}-{language}-{width}")


def test_a_layout_is_tried_without_scripts(
    browser: Browser, live_server: LiveServer, server: Server, ann: Account, as_person: AsPerson
) -> None:
    form = blank_form(2)
    made = store.take(form.template, lambda data: data, ann, means(server))
    sheet = random_sheet(form.template, 3, words=form.words)
    with window(browser, live_server, as_person(ann), script=False) as page:
        page.goto(f"{live_server.url}/organise/layouts/{made.pk}/")
        page.get_by_label("Photos of filled forms").set_input_files(
            {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": sheet.picture}
        )
        page.get_by_role("button", name="Try", exact=True).click()
        expect(page.get_by_text("was found")).to_be_visible()
        fits(page, "layout-try-en-360")
