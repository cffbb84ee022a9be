"""The API for organisers: the same rules as the pages."""

from __future__ import annotations

import json
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.storage import tokens
from counterfoil.storage.models import Account, Entry
from tests.server.conftest import Person


def call(account: Account, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    word = tokens.make("test", account=account)
    answer = Client().generic(
        method,
        f"/api/v1/{path}",
        json.dumps(body or {}).encode(),
        content_type="application/json",
        HTTP_AUTHORIZATION=f"Bearer {word}",
    )
    return answer.status_code, answer.json() if answer.content else None


FREEZE = {"action": "freeze", "payload": {"what": ["intake"], "text": {"en": "The disk is full."}}}


def test_a_proposal_needs_a_second_person_and_a_token_makes_nobody_two(server: Server, person: Person) -> None:
    ann, bea = person("organiser", name="ann"), person("organiser", name="bea")
    status, made = call(ann, "POST", "proposals/new", FREEZE)
    assert (status, made["state"]) == (201, "open")
    status, refused = call(ann, "POST", f"proposals/{made['id']}/approve")
    assert (status, refused["code"]) == (409, "own-proposal")
    status, approved = call(bea, "POST", f"proposals/{made['id']}/approve")
    assert (status, approved["state"], approved["decided_by"]) == (200, "approved", "bea")
    status, again = call(bea, "POST", f"proposals/{made['id']}/approve")
    assert (status, again["code"]) == (409, "already-decided")
    assert Entry.objects.filter(type="notice", body__kind="froze").count() == 1


def test_an_upload_is_a_draft_until_its_author_has_seen_the_preview(server: Server, person: Person) -> None:
    ann, bea = person("organiser", name="ann"), person("organiser", name="bea")
    table = b"area,item,value\nXX,ada,1000\nXX,bob,700\n"
    word = tokens.make("test", account=ann)
    given = {
        "kind": "official",
        "contest": "president",
        "snapshot": "second",
        "announced_at": "2026-03-03",
        "source_name": "Second announcement",
        "file": SimpleUploadedFile("official.csv", table),
    }
    answer = Client().post("/api/v1/imports", given, HTTP_AUTHORIZATION=f"Bearer {word}")
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["state"], made["payload"]["preview"]["rows"]) == ("draft", 2)
    assert call(bea, "POST", f"imports/{made['id']}/confirm")[0] == 404
    status, sent = call(ann, "POST", f"imports/{made['id']}/confirm")
    assert (status, sent["state"]) == (200, "open"), "figures stand in the record: a second person approves"


def test_settings_change_all_or_none(server: Server, person: Person) -> None:
    ann = person("organiser")
    before = call(ann, "GET", "settings")[1]
    status, error = call(ann, "POST", "settings/change", {"values": {"copies_enough": 5, "lease_s": 1}})
    assert (status, error["code"]) == (422, "bad-setting")
    assert call(ann, "GET", "settings")[1] == before
    assert call(ann, "POST", "settings/change", {"values": {"copies_enough": 5}})[1]["copies_enough"] == 5


def test_who_is_taken_out_loses_their_token_too(server: Server, person: Person) -> None:
    ann, lee = person("organiser", name="ann"), person("reader", name="lee")
    word = tokens.make("lee's", account=lee)
    assert call(ann, "POST", f"people/{lee.pk}/take-out")[0] == 204
    assert Client().get("/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {word}").status_code == 401
