"""Roles and standing of people, branches of senders, and the lists of what is missing."""

from __future__ import annotations

import pytest
from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.primitives.errors import Refusal
from counterfoil.storage import branches, organise, overview, standing
from counterfoil.storage.models import Account, Arrival, Branch, Copy, Entry, LookAlike, Proposal, Session, Task
from counterfoil.workflow.roles import FOUR_EYES
from tests.server.conftest import Clock, Person
from tests.server.organise.world import bring, grow, means, read


@pytest.fixture
def team(server: Server, person: Person) -> tuple[Account, Account]:
    return person("organiser", name="ann"), person("organiser", name="ben")


def test_every_action_that_needs_two_persons_can_be_applied_and_no_other_is_a_proposal() -> None:
    assert sorted(organise.ACTIONS) == sorted(FOUR_EYES)


def test_roles_change_by_two_persons_and_end_the_sessions_of_the_old_ones(
    server: Server, team: tuple[Account, Account], person: Person, as_person: object
) -> None:
    reader = person("reader")
    theirs: Client = as_person(reader)  # type: ignore[operator]
    ann: Client = as_person(team[0])  # type: ignore[operator]
    ann.post("/organise/roles/", {"account": str(reader.pk), "role": ["reader", "arbiter"]})
    made = Proposal.objects.get()
    reader.refresh_from_db()
    assert reader.roles == ["reader"]
    ben: Client = as_person(team[1])  # type: ignore[operator]
    assert "arbiter" in ben.get(f"/organise/proposals/{made.pk}/").content.decode()
    ben.post(f"/organise/proposals/{made.pk}/", {"act": "approve"})
    reader.refresh_from_db()
    assert reader.roles == ["reader", "arbiter"]
    assert not Session.objects.filter(account=reader).exists()
    assert theirs.get("/work/").status_code == 302


def test_attack_a_role_that_does_not_exist_or_none_is_refused(
    server: Server, team: tuple[Account, Account], person: Person, as_person: object
) -> None:
    ann: Client = as_person(team[0])  # type: ignore[operator]
    for roles in ([], ["root"]):
        ann.post("/organise/roles/", {"account": str(team[1].pk), "role": roles})
    assert not Proposal.objects.exists()


def test_readings_of_a_person_are_sent_back_by_two(
    server: Server, clock: Clock, team: tuple[Account, Account], person: Person
) -> None:
    reader = person("reader")
    copy = bring(server)
    read(server, copy, reader, voters=1)
    grow(server, clock.forward)
    made = organise.propose("invalidate_reader", {"account": str(reader.pk)}, team[0], means(server))
    organise.decide(made.pk, "approve", team[1], means(server))
    assert Entry.objects.get(type="reading").withdrawn
    assert Task.objects.filter(copy=copy).exists(), "others do it again"
    with pytest.raises(Refusal, match="found none"):
        organise.propose("invalidate_reader", {"account": str(reader.pk)}, team[0], means(server))


def test_an_organiser_sets_how_closely_to_look_and_takes_it_back(
    server: Server, team: tuple[Account, Account], person: Person, as_person: object
) -> None:
    reader = person("reader")
    standing.order(reader, "")
    client: Client = as_person(team[0])  # type: ignore[operator]
    address = f"/organise/readers/{reader.pk}/stage"
    client.post(address, {"stage": "paused"})
    assert standing.stage_of(reader) == "paused"
    assert "set by an organiser" in client.get("/organise/readers/").content.decode()
    client.post(address, {"stage": "adored"})
    assert standing.stage_of(reader) == "paused"
    client.post(address, {"stage": ""})
    assert standing.stage_of(reader) == "new"
    auditor: Client = as_person(person("auditor"))  # type: ignore[operator]
    assert auditor.get("/organise/readers/").status_code == 200
    assert auditor.post(address, {"stage": "paused"}).status_code == 403


def test_a_branch_is_taken_back_by_two_with_every_copy_that_came_through_it(
    server: Server, clock: Clock, team: tuple[Account, Account], person: Person, as_person: object
) -> None:
    coordinator: Client = as_person(person("sender_coordinator"))  # type: ignore[operator]
    coordinator.post("/organise/branches/", {"name": "North", "kind": "invited"})
    branch = Branch.objects.get()
    codes = coordinator.post(f"/organise/branches/{branch.pk}/codes", {"count": "3", "uses": "6"}).content.decode()
    assert codes.count('<code dir="ltr">') == 3 and branch.codes.count() == 3
    copy = bring(server)
    Copy.objects.filter(pk=copy.pk).update(branch=branch)
    grow(server, clock.forward)
    coordinator.post(f"/organise/branches/{branch.pk}/revoke", {"reason": "forged"})
    made = Proposal.objects.get(action="revoke_branch")
    assert not Branch.objects.get().revoked
    organise.decide(made.pk, "approve", team[0], means(server))
    assert Branch.objects.get().revoked
    assert Entry.objects.get(type="copy").withdrawn
    assert branches.copies_of([branch]) == []


def test_the_list_of_missing_stations_counts_what_waits_too(server: Server, clock: Clock) -> None:
    assert {one.area.pk: one.missing for one in overview.missing_by_area()} == {"NORTH": 2, "SOUTH": 2}
    copy = bring(server, "001")
    grow(server, clock.forward)
    fields = {f.attname: getattr(copy, f.attname) for f in Arrival._meta.concrete_fields}
    Arrival.objects.create(**{**fields, "copy": "b" * 64, "station": "003"})
    found = overview.missing_by_area()
    assert {one.area.pk: (one.missing, one.received) for one in found} == {"NORTH": (1, 1), "SOUTH": (1, 1)}
    assert {one.deadline for one in found} == {"2026-03-04"}
    stations, count = overview.missing_stations("NORTH")
    assert ([one.pk for one in stations], count) == (["002"], 1)
    assert overview.received_count() == len(overview.received()) == 2
    Copy.objects.update(state="withdrawn")
    assert overview.missing_stations("NORTH")[1] == 2


def test_each_stage_tells_how_many_wait_and_how_long_the_oldest_does(server: Server, clock: Clock) -> None:
    copy = bring(server)
    grow(server, clock.forward)
    Task.objects.create(kind="read", copy=copy)
    clock.forward(hours=5)
    stages = {stage.name: stage for stage in overview.ageing(clock())}
    assert (stages["read"].count, stages["read"].hours, stages["read"].oldest) == (1, 5, copy.slot)
    assert (stages["release"].count, stages["batch"].count, stages["decide"].count) == (1, 0, 0)


def test_only_look_alikes_under_different_stations_are_listed(server: Server) -> None:
    one, same, other = bring(server, "001"), bring(server, "001", "x"), bring(server, "002")
    LookAlike.objects.create(one=one, other=same, kind="same", distance=0)
    LookAlike.objects.create(one=one, other=other, kind="differs", distance=4)
    pairs, count = overview.look_alikes()
    assert count == 1 and pairs[0].other == other


def test_the_same_shot_comes_before_two_flat_pictures_of_one_form_which_are_no_alarm(
    server: Server, person: Person
) -> None:
    one, flat, shot = bring(server, "001"), bring(server, "002"), bring(server, "003")
    LookAlike.objects.create(one=one, other=flat, kind="differs", distance=1)
    assert overview.waiting(person("organiser")).apart == 0
    LookAlike.objects.create(one=one, other=shot, kind="same", distance=5)
    pairs, count = overview.look_alikes()
    assert [pair.other for pair in pairs] == [shot, flat] and count == 2
    assert overview.waiting(person("organiser")).apart == 1
