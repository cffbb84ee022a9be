"""What organisers say in public: notices, phases, freezes that are never silent, answers to disputes."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from counterfoil.bootstrap.jobs import site_is_due
from counterfoil.bootstrap.server import Server
from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.storage import inbox, organise, running
from counterfoil.storage.models import Account, Dispute, Entry
from tests.server.conftest import Clock, Person
from tests.server.organise.world import bring, grow, means

WHY = {"en": "The network is cut."}


@pytest.fixture
def team(server: Server, person: Person) -> tuple[Account, Account]:
    return person("organiser", name="ann"), person("organiser", name="ben")


def freeze(server: Server, team: tuple[Account, Account], *what: str) -> None:
    made = organise.propose("freeze", {"what": list(what), "text": WHY}, team[0], means(server))
    organise.decide(made.pk, "approve", team[1], means(server))


def test_a_frozen_publication_first_says_why_then_stands_still_then_goes_on(
    server: Server, clock: Clock, team: tuple[Account, Account]
) -> None:
    grow(server, clock.forward, publish=True)
    freeze(server, team, "publication")
    grow(server, clock.forward)
    assert site_is_due(server), "the notice is not published yet"
    grow(server, clock.forward, publish=True)
    shown = (server.settings.site / "changes.html").read_text("utf-8")
    bring(server)
    grow(server, clock.forward)
    assert not site_is_due(server)
    freeze(server, team)
    assert running.get("frozen") == {}
    grow(server, clock.forward)
    assert site_is_due(server)
    assert shown == (server.settings.site / "changes.html").read_text("utf-8")
    kinds = [e.body["kind"] for e in Entry.objects.filter(type="notice").order_by("index")]
    assert kinds[-2:] == ["froze", "explained"]


def test_a_frozen_intake_is_told_and_both_together_are_the_phase(server: Server, team: tuple[Account, Account]) -> None:
    running.put("phase", "intake_open", team[0])
    freeze(server, team, "intake")
    assert running.intake_frozen()
    assert running.get("phase") == "intake_open"
    freeze(server, team, "intake", "publication")
    assert running.get("phase") == "frozen"
    freeze(server, team)
    assert (running.get("phase"), running.intake_frozen()) == ("intake_open", False)


def test_a_freeze_without_a_reason_and_one_that_changes_nothing_are_refused(
    server: Server, team: tuple[Account, Account]
) -> None:
    with pytest.raises(InputError, match="text"):
        organise.propose("freeze", {"what": ["intake"], "text": {}}, team[0], means(server))
    with pytest.raises(Refusal, match="same"):
        organise.propose("freeze", {"what": [], "text": WHY}, team[0], means(server))


def test_each_phase_is_said_in_the_record_and_none_is_skipped(server: Server, team: tuple[Account, Account]) -> None:
    with pytest.raises(Refusal, match="phase"):
        organise.set_phase("objection_window", WHY, team[0], means(server))
    entry = organise.set_phase("intake_open", {"en": "Polls have closed."}, team[0], means(server))
    assert running.get("phase") == "intake_open"
    assert entry.body == {"type": "notice", "kind": "announced", "text": {"en": "Polls have closed."}}
    with pytest.raises(Refusal):
        organise.set_phase("frozen", WHY, team[0], means(server))


@pytest.mark.parametrize(
    ("kind", "text"),
    [("froze", {"en": "x"}), ("rumour", {"en": "x"}), ("announced", {"en": "  "}), ("announced", {"ru": "x"}),
     ("announced", {"en": "x" * 4001})],
)  # fmt: skip
def test_what_is_no_notice_is_refused(
    server: Server, team: tuple[Account, Account], kind: str, text: dict[str, str]
) -> None:
    before = Entry.objects.count()
    with pytest.raises(InputError):
        organise.give_notice(kind, text, team[0], means(server))
    assert Entry.objects.count() == before


@pytest.fixture
def dispute(server: Server, clock: Clock) -> Dispute:
    bring(server)
    grow(server, clock.forward)
    return Dispute.objects.create(station="001", contest="president", reason="figures_differ", slot=server.slot)


def test_an_answer_stands_in_the_record_with_what_it_rests_on(
    server: Server, clock: Clock, team: tuple[Account, Account], dispute: Dispute, as_person: object
) -> None:
    client: Client = as_person(team[0])  # type: ignore[operator]
    post = {"by": "notice", "kind": "explained", "text.en": "Both copies say 450."}
    client.post(f"/organise/disputes/{dispute.pk}/", post)
    dispute.refresh_from_db()
    assert dispute.closed and dispute.answer is not None
    grow(server, clock.forward)
    with server.log(read_only=True) as log:
        last = json.loads(list(log.entries())[-1])
    copy = Entry.objects.get(type="copy")
    assert last["rests_on"] == [copy.index] and last["text"] == {"en": "Both copies say 450."}


def test_attack_answering_twice_says_nothing_again(
    server: Server, team: tuple[Account, Account], dispute: Dispute
) -> None:
    organise.answer(dispute, "explained", WHY, team[0], means(server))
    before = Entry.objects.count()
    with pytest.raises(Refusal, match="answered"):
        organise.answer(dispute, "corrected", WHY, team[1], means(server))
    assert Entry.objects.count() == before


def test_an_arbiters_decision_answers_only_a_dispute_about_its_own_station(
    server: Server, team: tuple[Account, Account], dispute: Dispute, person: Person, as_person: object
) -> None:
    body = {"type": "decision", "contest": "president", "action": "exclude_station", "reason": "cannot_be_settled"}
    other = inbox.say({**body, "station": "002"}, slot=server.slot)
    with pytest.raises(Refusal, match="about this station"):
        organise.answer_by_decision(dispute, other, team[0], means(server))
    right = inbox.say({**body, "station": "001"}, slot=server.slot)
    arbiter: Client = as_person(person("arbiter"))  # type: ignore[operator]
    arbiter.post(f"/organise/disputes/{dispute.pk}/", {"by": "decision", "decision": str(right.pk)})
    dispute.refresh_from_db()
    assert dispute.answer == right
