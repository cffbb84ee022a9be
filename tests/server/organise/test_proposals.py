"""Proposals as rows: applied once, by a second person, with its line in the audit log; each attack changes nothing."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.primitives.errors import CounterfoilError, Refusal
from counterfoil.storage import audit, organise, running
from counterfoil.storage.models import Account, Audit, Entry, Proposal
from tests.server.conftest import Clock, Person
from tests.server.organise.world import bring, grow, means

REASON = {"what": ["publication"], "text": {"en": "The network is cut."}}


@pytest.fixture
def team(server: Server, person: Person) -> tuple[Account, Account]:
    return person("organiser", name="ann"), person("organiser", name="ben")


def frozen() -> dict[str, Any]:
    found: dict[str, Any] = running.get("frozen")
    return found


def test_one_proposes_another_approves_and_it_happens_once(server: Server, team: tuple[Account, Account]) -> None:
    ann, ben = team
    made = organise.propose("freeze", REASON, ann, means(server))
    assert not frozen()
    organise.decide(made.pk, "approve", ben, means(server))
    made.refresh_from_db()
    assert (made.state, made.decided_by) == ("approved", ben)
    assert frozen()["what"] == ["publication"]
    assert Entry.objects.filter(type="notice", body__kind="froze").count() == 1
    assert [line.action for line in Audit.objects.order_by("number")][-1] == "approve"
    assert audit.verify().whole


def test_attack_an_organiser_approves_their_own_proposal(server: Server, team: tuple[Account, Account]) -> None:
    ann, _ = team
    made = organise.propose("freeze", REASON, ann, means(server))
    for act in ("approve", "refuse"):
        with pytest.raises(Refusal, match="proposer"):
            organise.decide(made.pk, act, ann, means(server))
    assert not frozen()
    assert Proposal.objects.get().state == "open"


def test_attack_a_reader_and_an_organiser_whose_access_ended_approve(
    server: Server, team: tuple[Account, Account], person: Person
) -> None:
    ann, ben = team
    made = organise.propose("freeze", REASON, ann, means(server))
    ben.is_active = False
    ben.save()
    for who in (person("reader"), person("auditor"), ben):
        with pytest.raises(Refusal, match="organiser"):
            organise.decide(made.pk, "approve", who, means(server))
    assert not frozen()


def test_attack_replay_of_an_approval_does_nothing_again(server: Server, team: tuple[Account, Account]) -> None:
    ann, ben = team
    made = organise.propose("freeze", REASON, ann, means(server))
    organise.decide(made.pk, "approve", ben, means(server))
    entries, lines = Entry.objects.count(), Audit.objects.count()
    for act in ("approve", "refuse"):
        with pytest.raises(Refusal, match="open"):
            organise.decide(made.pk, act, ben, means(server))
    with pytest.raises(Refusal):
        organise.decide(made.pk, "take_back", ann, means(server))
    assert (Entry.objects.count(), Audit.objects.count()) == (entries, lines)


def test_attack_a_puppet_invited_by_the_proposer_approves(server: Server, team: tuple[Account, Account]) -> None:
    ann, ben = team
    puppet = Account.objects.create_account("puppet", ["organiser"], invited_by=ben)
    made = organise.propose("freeze", REASON, ben, means(server))
    with pytest.raises(Refusal, match="invite"):
        organise.decide(made.pk, "approve", puppet, means(server))
    organise.decide(made.pk, "approve", ann, means(server))
    assert frozen()


def test_what_no_longer_holds_is_outdated_and_nothing_is_done(
    server: Server, clock: Clock, team: tuple[Account, Account]
) -> None:
    ann, ben = team
    one = organise.propose("freeze", REASON, ann, means(server))
    other = organise.propose("freeze", {**REASON, "text": {"en": "Another reason."}}, ann, means(server))
    organise.decide(one.pk, "approve", ben, means(server))
    notices = Entry.objects.filter(type="notice").count()
    assert organise.decide(other.pk, "approve", ben, means(server)).state == "outdated"
    assert Entry.objects.filter(type="notice").count() == notices


def test_a_failure_while_it_is_applied_leaves_it_open_and_nothing_said(
    server: Server, team: tuple[Account, Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, ben = team
    made = organise.propose("freeze", REASON, ann, means(server))
    entries = Entry.objects.count()

    def broken(name: str, new: object, by: object) -> None:
        raise OSError("disk")

    monkeypatch.setattr(running, "put", broken)
    with pytest.raises(OSError, match="disk"):
        organise.decide(made.pk, "approve", ben, means(server))
    made.refresh_from_db()
    assert (made.state, Entry.objects.count()) == ("open", entries)


def test_an_unknown_proposal_is_refused(server: Server, team: tuple[Account, Account]) -> None:
    with pytest.raises(Refusal, match="found none"):
        organise.decide(uuid.uuid4(), "approve", team[1], means(server))


@pytest.mark.django_db(transaction=True)
def test_attack_two_organisers_press_approve_at_the_same_moment(
    transactional_db: None, server: Server, person: Person
) -> None:
    ann, others = person("organiser"), [person("organiser") for _ in range(4)]
    made = organise.propose("freeze", REASON, ann, means(server))
    given = means(server)
    start, outcomes = threading.Barrier(len(others)), []

    def press(who: Account) -> None:
        try:
            start.wait()
            while True:
                try:
                    organise.decide(made.pk, "approve", who, given)
                    break
                except OperationalError:  # the tests' SQLite lies in memory, where a locked table is an error at once
                    if connection.vendor != "sqlite":
                        raise
            outcomes.append("approved")
        except CounterfoilError as error:
            outcomes.append(error.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press, args=(who,)) for who in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["already-decided"] * 3 + ["approved"], connection.vendor
    assert Entry.objects.filter(type="notice", body__kind="froze").count() == 1
    assert audit.verify().whole


def test_the_page_of_the_proposer_has_no_button_to_approve_and_its_post_is_refused(
    server: Server, team: tuple[Account, Account], as_person: object
) -> None:
    ann, ben = team
    made = organise.propose("freeze", REASON, ann, means(server))
    address = f"/organise/proposals/{made.pk}/"
    own: Client = as_person(ann)  # type: ignore[operator]
    assert b'value="approve"' not in own.get(address).content
    answer = own.post(address, {"act": "approve"}, follow=True)
    assert b"You proposed this yourself" in answer.content
    assert not frozen()
    second: Client = as_person(ben)  # type: ignore[operator]
    assert b'value="approve"' in second.get(address).content
    second.post(address, {"act": "approve"})
    assert frozen()


def test_attack_readers_and_coordinators_reach_no_decision_by_its_address(
    server: Server, clock: Clock, team: tuple[Account, Account], person: Person, as_person: object
) -> None:
    copy = bring(server)
    grow(server, clock.forward)
    made = organise.propose("freeze", REASON, team[0], means(server))
    for role in ("reader", "arbiter", "sender_coordinator", "auditor"):
        client: Client = as_person(person(role))  # type: ignore[operator]
        for address, post in (
            (f"/organise/proposals/{made.pk}/", {"act": "approve"}),
            (f"/organise/copies/{copy.copy}/", {"nothing_to_hide": "yes"}),
            (f"/organise/copies/{copy.copy}/purge", {"sure": "yes"}),
            ("/organise/withdraw/", {"entry": str(Entry.objects.filter(type="copy").get().pk), "reason": "forged"}),
            ("/organise/freeze/", {"what": "intake", "text.en": "x"}),
            ("/organise/notices/", {"kind": "announced", "text.en": "x"}),
            ("/organise/handover/end", {"account": str(team[1].pk)}),
            ("/organise/settings/", {"lease_s": "60"}),
        ):
            assert client.post(address, post).status_code == 403, (role, address)
        assert client.get(f"/organise/copies/{copy.copy}/picture").status_code == 403
    assert Proposal.objects.count() == 1 and not frozen()
    assert Account.objects.get(pk=team[1].pk).is_active


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("freeze", {}),
        ("freeze", {**REASON, "more": 1}),
        ("freeze", {"what": "publication", "text": {"en": "x"}}),
        ("freeze", {"what": ["publication"], "text": {"en": 5}}),
        ("release", {"copy": ["a"], "mask": {}, "mask_id": "x"}),
        ("release", {"copy": "a", "mask": "x", "mask_id": "x"}),
        ("withdraw", {"entries": ["not-a-key"], "reason": "forged"}),
        ("withdraw", {"entries": [], "reason": "forged"}),
        ("exclude", {"station": "001", "contest": "president", "reason": "because"}),
        ("exclude", {"station": "999", "contest": "president", "reason": "forged"}),
        ("roles", {"account": "1", "roles": ["reader"]}),
        ("invalidate_reader", {"account": str(uuid.uuid4())}),
        ("revoke_branch", {"branch": "x", "reason": "forged"}),
        ("import_tables", {"body": {"type": "release", "object": {}}, "preview": {}}),
        ("import_tables", {"body": {"type": "withdrawal"}, "preview": {}}),
    ],
)
def test_attack_a_payload_that_no_page_sends_is_refused_before_anybody_sees_it(
    server: Server, team: tuple[Account, Account], action: str, payload: dict[str, Any]
) -> None:
    with pytest.raises(CounterfoilError):
        organise.propose(action, payload, team[0], means(server))
    assert not Proposal.objects.exists()


def test_a_station_is_left_out_by_two_and_stays_out_in_the_count(
    server: Server, clock: Clock, team: tuple[Account, Account]
) -> None:
    bring(server)
    grow(server, clock.forward)
    payload = {"station": "001", "contest": "president", "reason": "cannot_be_settled"}
    made = organise.propose("exclude", payload, team[0], means(server))
    organise.decide(made.pk, "approve", team[1], means(server))
    grow(server, clock.forward)
    entry = Entry.objects.get(type="decision")
    assert (entry.body["action"], entry.body["reason"]) == ("exclude_station", "cannot_be_settled")
    assert entry.refers == [str(Entry.objects.get(type="copy").pk)]
