"""Uploads: previewed row by row, confirmed, and never able to block the record."""

from __future__ import annotations

import io
from importlib.resources import files
from typing import Any

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.bootstrap.server import Server
from counterfoil.election.definition import read_definition
from counterfoil.election.preview import Status
from counterfoil.election.yaml_source import read_yaml
from counterfoil.primitives.errors import CounterfoilError, InputError, Refusal
from counterfoil.storage import imports, organise, running
from counterfoil.storage.models import Account, Entry, Proposal, Station
from counterfoil.workflow.imports import ImportPreview, Standing, Upload, read_upload
from counterfoil.workflow.verify import verify
from tests.server.conftest import Clock, Person
from tests.server.organise.world import bring, grow, means, read

STATIONS = (
    "station,area,name,kind,registered,latitude,longitude\n"
    "001,NORTH,School 1,town,1200,50.10,20.10\n"
    "002,NORTH,New library,town,900,50.20,20.30\n"
    "003,SOUTH,Village hall,village,400,49.10,20.20\n"
    "005,SOUTH,School 5,village,250,49.00,20.40\n"
)
AREAS = "area,parent,name,kind,deadline\nXX,,Exampleland,country,\nNORTH,XX,Northern region,region,2026-03-04\n"
OFFICIAL = "station,ada,bob,against\n001,450,330,20\n002,301,289,10\n"
SOURCE = {"name": "The authority"}


@pytest.fixture
def team(server: Server, person: Person) -> tuple[Account, Account]:
    return person("organiser", name="ann"), person("organiser", name="ben")


def preview(server: Server, kind: str, text: str, **more: Any) -> ImportPreview:
    upload = Upload(kind=kind, data=text.encode(), source=SOURCE, **more)
    return read_upload(upload, imports.standing(means(server)), server.pseudonyms, server.slot)


def draft(server: Server, kind: str, text: str, by: Account, **more: Any) -> Proposal:
    found = preview(server, kind, text, **more)
    server.objects.put(found.data)
    return organise.propose("import_tables", imports.payload(found), by, means(server), draft=True)


def official(name: str) -> dict[str, str]:
    return {"contest": "president", "snapshot": name, "announced_at": "2026-03-03", "unit": "station"}


def test_a_preview_counts_new_changed_and_missing_rows_and_names_their_rows(server: Server) -> None:
    found = preview(server, "stations", STATIONS)
    assert found.status is Status.CHANGED
    assert (found.added.count, found.changed.count, found.missing.count) == (1, 1, 1)
    assert found.added.first == ((5, "005"),)
    assert found.changed.first == ((3, "002"),)
    assert found.missing.first == ((None, "004"),)
    assert found.body is not None and found.body["replaces"] == 2
    assert not Proposal.objects.exists()


def test_a_file_that_says_what_stands_changes_nothing(server: Server) -> None:
    standing = imports.standing(means(server))
    index = next(i for i, entry in standing.tables.items() if entry["kind"] == "stations")
    source = standing.tables[index]["source"]
    upload = Upload(kind="stations", data=standing.data[index], source=source)
    found = read_upload(upload, standing, server.pseudonyms, server.slot)
    assert (found.status, found.body) == (Status.SAME, None)


@given(st.lists(st.sampled_from(["001", "002", "003", "004", "005", "006", "007"]), unique=True, min_size=1))
@settings(deadline=None, max_examples=15)
def test_every_row_is_counted_once(stations: list[str]) -> None:
    rows = "".join(f"{s},NORTH\n" for s in stations)
    found = read_upload(Upload(kind="stations", data=f"station,area\n{rows}".encode()), STANDING, b"k" * 32, SLOT)
    before = {"001", "002", "003", "004"}
    assert found.added.count == len(set(stations) - before)
    assert found.missing.count == len(before - set(stations))
    assert found.rows == len(stations)


def _standing() -> Standing:
    plain, _ = read_yaml(_example().encode(), "election.yaml")
    data = {1: b"area,parent\nNORTH,XX\nXX,\n", 2: b"station,area\n001,NORTH\n002,NORTH\n003,NORTH\n004,NORTH\n"}
    tables = {i: {"kind": kind, "name": kind, "object": {}} for i, kind in ((1, "areas"), (2, "stations"))}
    return Standing(read_definition({k: v for k, v in plain.items() if k not in ("tables", "entries")}), tables, data)


def _example() -> str:
    return files("counterfoil.workflow").joinpath("example/election.yaml").read_text("utf-8")


STANDING = _standing()
SLOT = "2026-03-01T20:00Z"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("station,area\n001,EAST\n", "line 2, column area"),
        ("station,area\n001,NORTH\n001,NORTH\n", "line 3"),
        ("station,area,colour\n001,NORTH,red\n", "colour"),
        ("", "empty"),
        ("station,area,registered\n001,NORTH,many\n", "column registered"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place_and_nothing_is_kept(server: Server, text: str, found: str) -> None:
    with pytest.raises(InputError, match=found):
        preview(server, "stations", text)
    assert not Proposal.objects.exists()


def test_setting_up_needs_one_person_until_something_is_counted(
    server: Server, clock: Clock, person: Person, team: tuple[Account, Account]
) -> None:
    ann, ben = team
    Entry.objects.filter(type="table", body__kind__in=("official", "reports")).delete()
    made = draft(server, "stations", STATIONS, ann)
    assert organise.confirm_import(made.pk, ann, means(server)).state == "approved"
    grow(server, clock.forward)
    assert Station.objects.filter(pk="005").exists()
    bring(server, "005")
    grow(server, clock.forward)
    made = draft(server, "stations", STATIONS.replace("250", "260"), ann)
    assert organise.confirm_import(made.pk, ann, means(server)).state == "open"
    assert organise.decide(made.pk, "approve", ben, means(server)).state == "approved"
    grow(server, clock.forward, publish=True)
    assert Station.objects.get(pk="005").registered == 260
    assert verify(server.settings.site).holds


def test_a_draft_is_its_authors_alone(server: Server, team: tuple[Account, Account], as_person: object) -> None:
    ann, ben = team
    made = draft(server, "stations", STATIONS, ann)
    other: Client = as_person(ben)  # type: ignore[operator]
    assert other.get(f"/organise/proposals/{made.pk}/").status_code == 404
    assert other.post(f"/organise/proposals/{made.pk}/", {"act": "open"}).status_code == 404
    with pytest.raises(Refusal):
        organise.confirm_import(made.pk, ben, means(server))


def test_a_snapshot_stands_beside_the_earlier_ones_for_ever(
    server: Server, clock: Clock, team: tuple[Account, Account]
) -> None:
    ann, ben = team
    for name, text in (("second", OFFICIAL), ("third", OFFICIAL.replace("301", "310"))):
        made = draft(server, "official", text, ann, **official(name))
        organise.confirm_import(made.pk, ann, means(server))
        organise.decide(made.pk, "approve", ben, means(server))
        grow(server, clock.forward, publish=True)
    told = imports.snapshots(means(server))
    assert [one["snapshot"] for one in told] == ["third", "second", "first"]
    assert [one["compared"] for one in told] == [True, False, False]
    assert told[0]["entries"][0][1] in {p.name for p in (server.settings.site / "objects").rglob("*")}
    assert verify(server.settings.site).holds
    preview_again = preview(server, "official", OFFICIAL, **official("fourth"))
    assert (preview_again.against, preview_again.changed.count) == ("third", 1)
    with pytest.raises(InputError, match="never changes"):
        preview(server, "official", OFFICIAL, **official("third"))


def test_attack_stations_with_copies_cannot_vanish(server: Server, clock: Clock, team: tuple[Account, Account]) -> None:
    bring(server, "004")
    grow(server, clock.forward)
    with pytest.raises(Refusal, match="004"):
        draft(server, "stations", STATIONS, team[0])


def test_attack_two_versions_of_one_table_in_one_batch_would_block_the_record(
    server: Server, clock: Clock, team: tuple[Account, Account]
) -> None:
    ann, ben = team
    one, other = draft(server, "stations", STATIONS, ann), draft(server, "stations", STATIONS + "006,SOUTH,,,,,\n", ben)
    organise.confirm_import(one.pk, ann, means(server))
    organise.decide(one.pk, "approve", ben, means(server))
    with pytest.raises(Refusal, match="waits for its batch"):
        organise.confirm_import(other.pk, ben, means(server))
    other.refresh_from_db()
    assert other.state == "draft"
    grow(server, clock.forward, publish=True)
    with pytest.raises(Refusal, match="another version"):
        organise.confirm_import(other.pk, ben, means(server))
    assert verify(server.settings.site).holds


def test_an_import_that_was_overtaken_is_outdated(server: Server, clock: Clock, team: tuple[Account, Account]) -> None:
    ann, ben = team
    late = draft(server, "stations", STATIONS.replace("1200", "1300"), ann)
    organise.confirm_import(late.pk, ann, means(server))
    early = draft(server, "stations", STATIONS, ben)
    organise.confirm_import(early.pk, ben, means(server))
    organise.decide(early.pk, "approve", ann, means(server))
    grow(server, clock.forward)
    assert organise.decide(late.pk, "approve", ben, means(server)).state == "outdated"


def test_areas_that_stations_need_cannot_vanish(server: Server) -> None:
    with pytest.raises(InputError, match="SOUTH"):
        preview(server, "areas", AREAS)


def test_a_new_definition_names_what_it_changes_and_is_replayed_with_all_readings(
    server: Server, clock: Clock, team: tuple[Account, Account], person: Person
) -> None:
    ann, ben = team
    copy = bring(server)
    read(server, copy, person("reader"), voters=1200, ada=450)
    grow(server, clock.forward)
    found = preview(server, "election", _example().replace("tolerance: 0", "tolerance: 3"))
    assert [key for _, key in found.changed.first] == ["tolerance"]
    made = draft(server, "election", _example().replace("tolerance: 0", "tolerance: 3"), ann)
    organise.confirm_import(made.pk, ann, means(server))
    organise.decide(made.pk, "approve", ben, means(server))
    grow(server, clock.forward, publish=True)
    assert server.election.tolerance_votes == 3
    assert verify(server.settings.site).holds
    lost = _example().replace("- {id: voters, kind: total", "- {id: people, kind: total").replace(
        "registered: voters", "registered: people").replace("ballots <= voters", "ballots <= people")  # fmt: skip
    with pytest.raises(CounterfoilError, match="voters"):
        draft(server, "election", lost, ann)
    unused = _example()
    for gone in ("      - {id: against, label: {en: Against all}}\n", " + against"):
        unused = unused.replace(gone, "")
    unused = unused.replace("      - {id: against, name: Against all, kind: against_all}\n", "")
    with pytest.raises(Refusal, match="protocol/against"):
        draft(server, "election", unused, ann)
    with pytest.raises(InputError, match="example-2026"):
        preview(server, "election", _example().replace("id: example-2026", "id: other-2026"))


def test_the_whole_way_by_the_pages(
    server: Server, clock: Clock, team: tuple[Account, Account], as_person: object
) -> None:
    ann: Client = as_person(team[0])  # type: ignore[operator]
    ben: Client = as_person(team[1])  # type: ignore[operator]
    running.put("phase", "intake_open", team[0])
    file = io.BytesIO(OFFICIAL.replace(",", ";").encode())
    post = {"kind": "official", "file": file, "source.name": "The authority", "delimiter": ";", **official("night")}
    answer = ann.post("/organise/import/", post, follow=True)
    text = answer.content.decode()
    made = Proposal.objects.get()
    assert made.state == "draft" and "A second organiser has to approve" in text
    ann.post(f"/organise/proposals/{made.pk}/", {"act": "open"})
    ben.post(f"/organise/proposals/{made.pk}/", {"act": "approve"})
    grow(server, clock.forward)
    assert "night" in ann.get("/organise/snapshots/").content.decode()


def test_a_wrong_upload_says_why_on_the_page(server: Server, team: tuple[Account, Account], as_person: object) -> None:
    ann: Client = as_person(team[0])  # type: ignore[operator]
    bad = {"kind": "stations", "file": io.BytesIO(b"station,area\n001,EAST\n"), "source.name": "x"}
    answer = ann.post("/organise/import/", bad)
    assert answer.status_code == 400
    assert "line 2, column area" in answer.content.decode()
    assert ann.post("/organise/import/", {"kind": "stations", "source.name": "x"}).status_code == 400
