"""The API for readers and arbiters: two type, the copy is agreed; nobody sees what another typed."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.test import Client
from PIL import Image

from counterfoil.bootstrap.server import Server
from counterfoil.storage import inbox, tokens, work
from counterfoil.storage.arrivals import Door, Sender, receive
from counterfoil.storage.models import Account, Branch, Copy, Entry, Head
from counterfoil.workflow.sending import Claim
from tests.server.conftest import Clock, Person

VALUES = {"voters": 1200, "ballots": 810, "spoilt": 10, "valid": 800, "ada": 450, "bob": 330, "against": "struck"}


@pytest.fixture
def copy(server: Server, clock: Clock) -> Copy:
    """A copy of an organisation, sealed: nobody needs to identify it."""
    out = io.BytesIO()
    Image.effect_noise((700, 900), 60).convert("RGB").save(out, "JPEG")
    branch = Branch.objects.create(name="Observers", kind="organisation")
    door = Door(server.sandbox, server.intake, server.pepper, server.slot)
    claim = Claim("001", "president", 1, "wall_copy")
    receive(door, out.getvalue(), claim, sender=Sender("organisation", branch))
    clock.forward(minutes=10)
    election = server.election
    inbox.seal(
        clock(),
        600,
        server.intake,
        server.pictures,
        lambda copies: work.sealed(copies, election, server.slot),
        Head.objects.get(),
    )
    return Copy.objects.get()


def call(account: Account, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    word = tokens.make("test", account=account)
    answer = Client().generic(
        method,
        f"/api/v1/{path}",
        b"" if body is None else __import__("json").dumps(body).encode(),
        content_type="application/json",
        HTTP_AUTHORIZATION=f"Bearer {word}",
    )
    is_json = answer.content and answer.headers["Content-Type"].startswith("application/json")
    return answer.status_code, answer.json() if is_json else answer


def test_two_readers_type_the_same_and_the_copy_is_agreed(copy: Copy, person: Person) -> None:
    for name in ("ann", "bea"):
        reader = person("reader", name=name)
        status, task = call(reader, "POST", "tasks/next")
        assert (status, task["kind"], task["read"]) == (200, "read", {})
        status, answer = call(reader, "POST", f"tasks/{task['id']}/reading", {"values": VALUES})
        assert (status, answer) == (201, {"recorded_later": True})
    copy.refresh_from_db()
    assert copy.state == "agreed"
    assert Entry.objects.filter(type="reading", copy=copy.pk).count() == 2


def test_only_an_arbiter_sees_what_was_read_and_no_names(copy: Copy, person: Person) -> None:
    typed = (("ann", 450), ("bea", 430), ("cia", 410), ("dan", 400), ("eva", 390))
    for name, ada in typed:  # each new reader is asked only for what is open, until an arbiter has to look
        reader = person("reader", name=name)
        status, task = call(reader, "POST", "tasks/next")
        if status == 204:
            break
        assert task["read"] == {}
        values = {field: ({**VALUES, "ada": ada})[field] for field in task["fields"]}
        assert call(reader, "POST", f"tasks/{task['id']}/reading", {"values": values})[0] == 201
    read = sorted(e.body["values"]["ada"] for e in Entry.objects.filter(type="reading", copy=copy.pk))
    status, task = call(person("arbiter", name="fay"), "POST", "tasks/next")
    assert (status, task["kind"]) == (200, "decide")
    assert task["read"] == {"ada": read}
    ruling = {"action": "settle_fields", "reason": "read_again", "values": {"ada": 450}}
    status, _ = call(Account.objects.get(username="fay"), "POST", f"tasks/{task['id']}/decision", ruling)
    assert status == 201


def test_somebody_else_s_task_does_not_exist_for_others(copy: Copy, person: Person) -> None:
    ann, bea = person("reader", name="ann"), person("reader", name="bea")
    _, task = call(ann, "POST", "tasks/next")
    for method, path in (("GET", ""), ("GET", "/picture"), ("POST", "/back")):
        assert call(bea, method, f"tasks/{task['id']}{path}")[0] == 404
    assert call(bea, "POST", f"tasks/{task['id']}/reading", {"values": VALUES})[0] == 404
    assert not Entry.objects.filter(type="reading", copy=copy.pk).exists()
    status, answer = call(ann, "GET", f"tasks/{task['id']}/picture")
    assert (status, answer.headers["Content-Type"]) == (200, "image/jpeg")


def test_an_auditor_has_no_tasks_and_cannot_decide(copy: Copy, person: Person) -> None:
    auditor = person("auditor")
    assert call(auditor, "POST", "tasks/next")[0] == 204
    nobody = "00000000-0000-0000-0000-000000000000"
    status, answer = call(auditor, "POST", f"tasks/{nobody}/decision", {"action": "settle_fields", "reason": "forged"})
    assert (status, answer["code"]) == (403, "not-your-role")


def test_a_figure_that_is_none_is_refused_and_the_task_stays(copy: Copy, person: Person) -> None:
    reader = person("reader")
    _, task = call(reader, "POST", "tasks/next")
    for wrong in (-1, 10**12, 1.5, "many"):
        assert call(reader, "POST", f"tasks/{task['id']}/reading", {"values": {**VALUES, "ada": wrong}})[0] == 422
    assert call(reader, "GET", f"tasks/{task['id']}")[0] == 200
