"""Where the election's rule takes a sure machine as the second voice: with one person, for fields that it accepted, and
never before that person typed. The server and the record's replay say the same."""

from __future__ import annotations

import pytest

from counterfoil.agreement.counts import counts
from counterfoil.record.replay import replay
from counterfoil.storage.models import Copy, Task
from tests.server.machine.conftest import Machines, reading
from tests.server.reading.conftest import PAPER


@pytest.fixture
def agreement() -> str:
    return "{persons: 2, machine_second: true}"


def replayed(hall: Machines) -> tuple[str, int | None]:
    """The station's state in the count, and the leader's votes."""
    hall.grow()
    with hall.server.log(read_only=True) as log:
        state = replay(log.entries(), hall.server.objects.get)
    row = counts(state, "protocol").row(0, named=True)
    return row["state"], row["ada"]


def test_one_person_and_a_sure_machine_that_read_the_same_agree(hall: Machines) -> None:
    copy = hall.copy(reading())
    hall.machine()
    assert hall.said(copy) == []
    assert copy.state == "waiting"
    hall.type(copy, PAPER)
    assert len(hall.said(copy)) == 1
    assert copy.state == "agreed"
    assert replayed(hall) == ("confirmed", PAPER["ada"])


@pytest.mark.parametrize("told", [reading(outcome="suggest"), reading(p=0.99), reading({**PAPER, "bob": 281})])
def test_a_machine_that_is_not_sure_or_differs_is_no_second_voice(hall: Machines, told: object) -> None:
    copy = hall.copy(told)
    hall.machine()
    hall.type(copy, PAPER)
    assert copy.state == "reading"
    assert Task.objects.filter(copy=copy, kind="read").count() == 1
    assert replayed(hall) == ("read", None)


def test_a_machine_and_nobody_settle_nothing(hall: Machines) -> None:
    copy = hall.copy(reading())
    hall.machine()
    copy = Copy.objects.get(pk=copy.pk)
    assert (copy.state, hall.said(copy)) == ("waiting", [])
    assert replayed(hall) == ("received", None)


def test_two_persons_settle_what_the_machine_read_otherwise(hall: Machines) -> None:
    copy = hall.copy(reading({**PAPER, "bob": 281}))
    hall.machine()
    hall.type(copy, PAPER)
    hall.type(copy, PAPER)
    assert replayed(hall)[0] in ("confirmed", "read")
    copy.refresh_from_db()
    assert (copy.state == "agreed") == (replayed(hall)[0] == "confirmed")
