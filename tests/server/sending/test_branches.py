"""Invited senders: printed codes, quotas, and a branch that is taken back with everything below it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.primitives.errors import Refusal
from counterfoil.storage import branches, organise
from counterfoil.storage.models import Account, Arrival, Branch, Code, Copy, Entry, Proposal
from counterfoil.web.organise.common import means
from counterfoil.workflow.codes import hash_invitation
from tests.server.conftest import Clock, Person
from tests.server.sending.conftest import Send
from tests.server.sending.photos import jpeg
from tests.server.test_inbox import put

As = Callable[[Account], Client]


@pytest.fixture
def coordinator(person: Person) -> Account:
    return person("sender_coordinator")


def draw(server: Server, branch: Branch, by: Account, uses: int = 1) -> str:
    return branches.draw_codes(branch, 1, uses, by, pepper=server.pepper)[0]


def test_a_code_lets_in_as_invited_in_any_spelling_and_is_used_up(
    server: Server, send: Send, coordinator: Account
) -> None:
    branch = branches.make_branch("North", "invited", coordinator)
    code = draw(server, branch, coordinator)
    assert send(jpeg(1), code=" " + code.lower().replace("-", " ").replace("0", "o")).status_code == 200
    arrival = Arrival.objects.get()
    assert (arrival.lane, arrival.branch) == ("invited", branch)
    assert Code.objects.get().uses_left == 0
    answer = send(jpeg(2), code=code)
    assert "not known or used up" in answer.content.decode()
    assert sorted(Arrival.objects.values_list("lane", flat=True)) == ["invited", "stranger"]


def test_codes_are_shown_once_and_kept_only_as_hashes(server: Server, coordinator: Account, as_person: As) -> None:
    branch = branches.make_branch("North", "invited", coordinator)
    client = as_person(coordinator)
    answer = client.post(f"/organise/branches/{branch.pk}/codes", {"count": "30", "uses": "2"})
    codes = re.findall(r"<code dir=\"ltr\">([0-9A-Z-]{19})</code>", answer.content.decode())
    assert len(set(codes)) == 30
    rows = list(Code.objects.values_list("code_hash", flat=True))
    assert not any(code in str(rows) for code in codes)
    assert codes[0] not in client.get("/organise/branches/").content.decode()
    assert [hash_invitation(code, server.pepper) for code in codes] != sorted(rows)


def test_a_quota_ends_a_branch_and_what_was_not_received_uses_nothing(
    server: Server, send: Send, coordinator: Account
) -> None:
    branch = branches.make_branch("North", "invited", coordinator, quota=1)
    code = draw(server, branch, coordinator, uses=9)
    answer = send(jpeg(1), jpeg(2), b"nothing", code=code)
    text = " ".join(answer.content.decode().split())
    assert "Photo 1: Received" in text and "Photo 2: Not received: this invitation is used up" in text
    branch.refresh_from_db()
    assert (branch.sent, Code.objects.get().uses_left) == (1, 8)


def test_revoking_a_branch_takes_out_all_copies_of_it_and_of_the_branches_below(
    server: Server, send: Send, clock: Clock, coordinator: Account, person: Person
) -> None:
    top = branches.make_branch("North", "invited", coordinator)
    below = branches.make_branch("North 2", "invited", coordinator, parent=top)
    other = branches.make_branch("South", "invited", coordinator)
    codes = {one: draw(server, one, coordinator, uses=9) for one in (top, below, other)}
    for number, code in enumerate(codes.values()):
        send(jpeg(number), code=code)
    clock.forward(minutes=10)
    put(server)
    send(jpeg(7), code=codes[below])  # waits for its batch when the branch is taken back
    one, two = person("organiser"), person("organiser")
    proposal = organise.propose("revoke_branch", branches.revocation(top, "forged"), one, means(), reason="forged")
    assert Copy.objects.filter(state="withdrawn").count() == 0
    organise.decide(proposal.pk, "approve", two, means())
    assert Proposal.objects.get().state == "approved"
    clock.forward(minutes=10)
    put(server)
    assert branches.sweep_revoked(server.slot) == 1
    assert branches.sweep_revoked(server.slot) == 0
    gone = Copy.objects.filter(state="withdrawn")
    assert {copy.branch for copy in gone} == {top, below} and gone.count() == 3
    assert Entry.objects.filter(type="withdrawal", body__reason="forged").count() == 3
    assert Copy.objects.get(branch=other).state != "withdrawn"
    send(jpeg(8), code=codes[top])
    assert Arrival.objects.get().lane == "stranger"


def test_one_organiser_alone_takes_no_branch_back(
    server: Server, coordinator: Account, person: Person, as_person: As
) -> None:
    branch = branches.make_branch("North", "invited", coordinator)
    organiser = person("organiser")
    as_person(organiser).post(f"/organise/branches/{branch.pk}/revoke", {"reason": "forged"})
    with pytest.raises(Refusal):
        organise.decide(Proposal.objects.get().pk, "approve", organiser, means())
    branch.refresh_from_db()
    assert not branch.revoked
