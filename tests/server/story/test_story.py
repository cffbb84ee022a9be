"""The whole story, on phones, against a running server: from the first organiser's link to a publication that verifies.

With COUNTERFOIL_PICTURES=docs/pictures the pictures of the documentation are made again.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.server.reading.paper import photo
from tests.server.running.material import ROOT, Running, environment
from tests.server.story.people import PATIENCE_S, Phone, Town

pytestmark = pytest.mark.browser

PAPERS = {
    "001": {"voters": 1200, "ballots": 810, "spoilt": 10, "valid": 800, "ada": 450, "bob": 330, "against": 20},
    "002": {"voters": 900, "ballots": 605, "spoilt": 5, "valid": 600, "ada": 310, "bob": 280, "against": 10},
}
SWAPPED = {**PAPERS["001"], "ada": 330, "bob": 450}
SLIPPED = {**PAPERS["002"], "spoilt": 6, "ballots": 606}
OFFICIAL = "station,ada,bob,against\n001,450,330,20\n002,280,310,10\n"


@pytest.fixture
def photos(tmp_path: Path) -> dict[str, Path]:
    for station, values in PAPERS.items():
        (tmp_path / f"{station}.jpg").write_bytes(photo(values, station))
    return {station: tmp_path / f"{station}.jpg" for station in PAPERS}


def test_strangers_send_readers_read_arbiters_decide_and_anybody_can_check_the_site(
    running: Running, browser: Browser, photos: dict[str, Path], tmp_path: Path
) -> None:
    town = Town(running, browser)
    first, second, readers, arbiters = a_team_gathers(town)
    two_strangers_send(town, photos)
    somebody_says_what_the_photos_show(second)
    two_readers_type_and_one_errs(readers[0], readers[1])
    a_third_reads_only_what_differs(readers[2])
    two_arbiters_decide_who_won(arbiters)
    official_figures_come(first, second, tmp_path)
    the_site_shows_count_and_comparison(town)
    town.nothing_left()
    anybody_verifies(running)


def a_team_gathers(town: Town) -> tuple[Phone, Phone, list[Phone], list[Phone]]:
    """The first organiser by the link on the terminal, all others by invitations; each makes their own keys."""
    first = town.phone()
    first.join(town.first_link(), "heron")
    first.go("/organise/")
    first.look("organiser-start")
    first.go("/organise/set-up/")
    others = []
    for name, role in (
        ("otter", "organiser"),
        ("reader-one", "reader"),
        ("reader-two", "reader"),
        ("reader-three", "reader"),
        ("arbiter-one", "arbiter"),
        ("arbiter-two", "arbiter"),
    ):
        link = first.invite(role)
        person = town.phone()
        person.join(link, name)
        others.append(person)
    first.go("/organise/freeze/")
    second, *rest = others
    return first, second, rest[:3], rest[3:]


def two_strangers_send(town: Town, photos: dict[str, Path]) -> None:
    """One without scripts, one with; both pages also from right to left."""
    plain = town.phone(script=False)
    plain.go("/send/")
    plain.page.fill("#q", "001")
    plain.press("Find the station")
    plain.page.set_input_files("#photo-1", photos["001"])
    plain.page.check("[name=receipt]")
    plain.press("Send")
    plain.says("Received, thank you")
    plain.look("sent")
    words = plain.page.locator(".receipt").inner_text()
    assert len(words.split()) == 6

    modern = town.phone()
    modern.go("/send/to/002/")
    modern.look("send")
    modern.page.set_input_files("#photo-1", photos["002"])
    modern.page.get_by_role("button", name="Send", exact=True).click()
    expect(modern.page.locator("#queue-status")).to_have_text("Everything was received.")
    modern.look()

    arabic = town.phone(language="ar")
    for path in ("/send/", "/send/to/001/", "/send/receipt/"):
        arabic.go(path)
    arabic.page.fill("#words", words)
    arabic.page.locator("main form button").first.click()
    expect(arabic.page.locator(".card")).to_have_count(1)
    arabic.look()


def somebody_says_what_the_photos_show(organiser: Phone) -> None:
    """Nobody believes a sender: a person who does not read them says which stations they are of."""
    for _ in PAPERS:
        task(organiser, "What does the photo show?")
        organiser.page.locator("#find").fill("School 1" if "001" not in done(organiser) else "Library")
        organiser.press("Search")
        organiser.press("That is it")
        if organiser.page.get_by_role("heading", name="The sender said something else").is_visible():
            organiser.page.locator("button[value=claim]").click()
            organiser.look()


def done(phone: Phone) -> set[str]:
    """Stations whose photo was identified."""
    return {row["station"] for row in phone.town.published("copies")}


def two_readers_type_and_one_errs(right: Phone, errs: Phone) -> None:
    """The second swaps two columns on one paper and slips on the other."""
    for number, (reader, papers) in enumerate(((right, PAPERS), (errs, {"001": SWAPPED, "002": SLIPPED}))):
        for _ in papers:
            task(reader, "Type what the paper says")
            reader.look("read" if number == 0 else "")
            reader.type_all(papers[reader.station()])
        reader.says("Nothing to do now")
        reader.look()


def a_third_reads_only_what_differs(reader: Phone) -> None:
    """In Arabic, once; then what is asked is typed."""
    task(reader, "Type only this")
    reader.look("third-reading")
    context = reader.page.context
    context.add_cookies([{"name": "language", "value": "ar", "url": reader.town.address}])
    reader.language = "ar"
    reader.go(reader.page.url)
    context.clear_cookies(name="language")
    reader.language = "en"
    reader.go(reader.page.url)
    reader.type_all(PAPERS["002"])
    reader.says("Nothing to do now")


def two_arbiters_decide_who_won(arbiters: list[Phone]) -> None:
    """Columns that are swapped change who won there: one arbiter is not enough."""
    for number, arbiter in enumerate(arbiters):
        task(arbiter, "What does the paper say?")
        for name in ("450", "330"):
            arbiter.page.locator("fieldset").nth(0 if name == "450" else 1).get_by_label(name, exact=True).check()
        arbiter.page.get_by_label("Reason").select_option("read_again")
        arbiter.look("decide" if number == 0 else "")
        arbiter.press("Decide")
        arbiter.says("Nothing to do now")


def task(phone: Phone, heading: str) -> None:
    """The next task; the worker may still have to seal what it comes from."""
    expect(phone.page.locator("body")).to_be_visible()
    limit = time.monotonic() + PATIENCE_S
    while time.monotonic() < limit:
        phone.page.goto("/work/next")
        if phone.page.locator("h1").inner_text() == heading:
            break
        phone.page.wait_for_timeout(500)
    phone.says(heading)
    phone.look()


def official_figures_come(first: Phone, second: Phone, tmp_path: Path) -> None:
    """One organiser uploads and sees what would change; another approves."""
    file = tmp_path / "official.csv"
    file.write_text(OFFICIAL, "utf-8")
    first.go("/organise/import/?kind=official")
    page = first.page
    page.set_input_files("input[type=file]", file)
    page.fill("input[name=snapshot]", "final")
    page.fill("input[name=announced_at]", "2026-03-03")
    page.get_by_label("of stations").check()
    page.fill("input[name='source.name']", "The authority")
    first.press("Show what would change")
    first.press("Propose it")
    expect(page.locator("main")).to_contain_text("waits for a second person")
    second.go(page.url)
    second.press("Approve")
    expect(second.page.locator(".messages")).to_contain_text("Approved")


def the_site_shows_count_and_comparison(town: Town) -> None:
    """Station 001 agrees with the authority; at 002 two columns are swapped."""
    town.until_published("comparison", station="001", snapshot="final", state="confirmed", comparison="equal")
    town.until_published("comparison", station="002", snapshot="final", comparison="columns_swapped")
    counted = {row["station"]: row for row in town.published("results_wide")}
    for station, values in PAPERS.items():
        assert {name: int(counted[station][f"field.{name}"]) for name in values} == values
    public = town.phone()
    public.go("/")
    public.look("site")
    expect(public.page.locator("main")).to_contain_text("The protocols of 2 of 4 stations (50.0%) are confirmed.")
    public.go("/findings.html")
    expect(public.page.get_by_role("heading", name="Two columns are swapped")).to_be_visible()
    public.press("002")
    public.look("comparison")


def anybody_verifies(running: Running) -> None:
    """`counterfoil verify` over the network, every page rendered again."""
    address = f"http://127.0.0.1:{running.port}/"
    checked = subprocess.run(
        [sys.executable, "-m", "counterfoil", "verify", "--pages", address],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
