"""The audit log: what was done stands there; what was changed in it shows."""

from __future__ import annotations

import pytest
from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.storage import audit, running
from counterfoil.storage.models import Audit, Setting
from tests.server.conftest import Person


@pytest.fixture
def log(server: Server, person: Person) -> list[Audit]:
    organiser = person("organiser")
    return [audit.note(organiser, "did", f"thing {n}", {"n": n}) for n in range(5)]


def test_a_log_that_nobody_touched_is_whole(log: list[Audit]) -> None:
    found = audit.verify()
    assert (found.whole, found.lines, found.digest) == (True, 5, log[-1].digest)


@pytest.mark.parametrize("field", ["action", "subject", "detail", "at", "actor"])
def test_attack_a_line_that_was_rewritten_shows(log: list[Audit], field: str) -> None:
    changed = {
        "action": "else",
        "subject": "else",
        "detail": {"n": 9},
        "at": log[0].at,
        "actor": None,
    }[field]
    if field == "at":
        Audit.objects.filter(pk=log[2].pk).update(at=log[2].at.replace(year=2020))
    else:
        Audit.objects.filter(pk=log[2].pk).update(**{field: changed})
    assert audit.verify().broken == log[2].pk


def test_attack_a_dropped_line_shows(log: list[Audit]) -> None:
    log[1].delete()
    assert audit.verify().broken == log[2].pk


def test_attack_cutting_off_the_newest_lines_shows(log: list[Audit]) -> None:
    Audit.objects.filter(number__gt=log[2].number).delete()
    found = audit.verify()
    assert found.broken is None and found.missing and not found.whole


def test_a_line_is_written_only_if_what_it_tells_of_happened(server: Server, person: Person) -> None:
    organiser = person("organiser")
    running.put("lease_s", 600, organiser)
    before = Audit.objects.count()
    running.put("lease_s", 600, organiser)
    assert Audit.objects.count() == before
    assert Audit.objects.order_by("-number")[0].detail == {"before": 900, "after": 600}


def test_auditors_read_the_log_and_its_alarm_and_can_change_nothing(
    log: list[Audit], person: Person, as_person: object
) -> None:
    client: Client = as_person(person("auditor"))  # type: ignore[operator]
    assert "thing 4" in client.get("/organise/audit/").content.decode()
    for address in ("/organise/audit/", "/organise/settings/", "/organise/notices/", "/organise/freeze/"):
        assert client.post(address, {"lease_s": "60"}).status_code in (403, 405), address
    Setting.objects.filter(pk=audit.HEAD).update(value={"count": 4, "digest": log[3].digest})
    assert 'role="alert"' in client.get("/organise/audit/").content.decode()
