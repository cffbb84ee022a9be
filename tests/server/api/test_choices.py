"""The API where copies of a station differ, and where something is taken out: what the pages do, programs do too."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.storage.models import Account, Copy, Entry
from tests.server.api.test_work import call
from tests.server.reading.conftest import PAPER, Hall, hall
from tests.server.reading.test_tasks import agreed_copy

__all__ = ["hall"]


@pytest.fixture
def differing(hall: Hall) -> list[Copy]:
    """Two agreed copies of a station that make different options the winner: two arbiters are needed."""
    return sorted((agreed_copy(hall, "001"), agreed_copy(hall, "001", ada=280, bob=310)), key=lambda copy: copy.pk)


def next_task(arbiter: Account) -> dict[str, Any]:
    status, task = call(arbiter, "POST", "tasks/next")
    assert status == 200
    return dict(task)


def test_an_arbiter_sees_the_copies_that_differ_and_two_choose_one(hall: Hall, differing: list[Copy]) -> None:
    choice = {"action": "choose_copy", "reason": "signed_copy", "copy_id": differing[0].pk}
    for recorded in (False, True):
        arbiter = hall.person("arbiter")
        task = next_task(arbiter)
        assert (task["kind"], task["station"]) == ("decide", "001")
        assert [one["copy_id"] for one in task["choices"]] == [copy.pk for copy in differing]
        assert {one["values"]["ada"] for one in task["choices"]} == {PAPER["ada"], 280}
        for number, expected in ((0, 200), (1, 200), (2, 404), (-1, 404)):
            assert call(arbiter, "GET", f"tasks/{task['id']}/picture?number={number}")[0] == expected
        status, said = call(arbiter, "POST", f"tasks/{task['id']}/decision", choice)
        assert (status, said) == (201, {"recorded_later": recorded})
    assert Entry.objects.get(type="decision").body["copy"] == differing[0].pk


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "settle_fields", "reason": "read_again", "values": {"ada": 1}},
        {"action": "choose_copy", "reason": "signed_copy"},
        {"action": "choose_copy", "reason": "signed_copy", "copy_id": "00" * 32},
        {"action": "choose_copy", "reason": "forged", "copy_id": "-"},
    ],
)
def test_a_ruling_that_names_none_of_the_copies_is_refused(
    hall: Hall,
    differing: list[Copy],
    wrong: dict[str, Any],
) -> None:
    arbiter = hall.person("arbiter")
    task = next_task(arbiter)
    assert call(arbiter, "POST", f"tasks/{task['id']}/decision", wrong)[0] == 422
    assert next_task(arbiter)["id"] == task["id"]
    assert not Entry.objects.filter(type="decision").exists()


def test_entries_that_can_be_withdrawn_are_found_by_copy_and_are_for_organisers(hall: Hall) -> None:
    copy = agreed_copy(hall, "001")
    organiser = hall.person("organiser")
    status, found = call(organiser, "GET", f"entries?copy_id={copy.pk}")
    assert status == 200
    assert {one["type"] for one in found} == {"copy", "reading"}
    (entry,) = [one["id"] for one in found if one["type"] == "copy"]
    payload = {"action": "withdraw", "payload": {"entries": [entry], "reason": "forged"}}
    status, made = call(organiser, "POST", "proposals/new", payload)
    assert (status, made["state"]) == (201, "open")
    assert call(hall.person("organiser"), "POST", f"proposals/{made['id']}/approve")[0] == 200
    assert [one["type"] for one in call(organiser, "GET", f"entries?copy_id={copy.pk}")[1]] == ["reading"] * len(
        found[1:]
    )
    assert call(hall.person("reader"), "GET", "entries")[0] == 403
