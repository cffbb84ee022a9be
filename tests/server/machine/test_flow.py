"""What the machine reads, when the record hears of it, and what it asks people to look at again."""

from __future__ import annotations

import pytest

from counterfoil.bootstrap.jobs import due, read_by_machine
from counterfoil.storage.models import Copy, Entry, MachineReading, Task
from tests.server.machine.conftest import Machines, reading
from tests.server.reading.conftest import PAPER

DISAGREES = {**PAPER, "ada": 318}


def open_tasks(copy: Copy) -> list[tuple[str, list[str]]]:
    """But for the sample of whole pages that is read once more whatever the machine says."""
    tasks = Task.objects.filter(copy=copy).exclude(kind="read")
    return sorted((t.kind, t.fields) for t in tasks)


def test_a_sealed_copy_is_due_until_the_machine_has_read_it(hall: Machines) -> None:
    copy = hall.copy(reading())
    assert read_by_machine in due(hall.server)
    assert hall.machine() == 1
    assert read_by_machine not in due(hall.server)
    row = MachineReading.objects.get(copy=copy)
    assert (row.state, row.template, row.tries) == ("read", "example", 0)
    assert row.taken_until is None


def test_a_worker_rests_when_the_time_was_over_with_the_last_copy(hall: Machines) -> None:
    hall.copy(reading())
    hall.machine()
    hall.reading().goes_on = True  # as a slice leaves it that ended because of the time
    assert read_by_machine not in due(hall.server)
    assert not hall.reading().goes_on


def test_before_people_have_typed_the_record_says_nothing_of_the_machine(hall: Machines) -> None:
    copy = hall.copy(reading())
    hall.machine()
    assert hall.said(copy) == []
    hall.type(copy, PAPER)
    assert hall.said(copy) == []
    hall.type(copy, PAPER)
    (said,) = hall.said(copy)
    assert said["reader"] == "counterfoil-reader@pretend"
    assert said["values"] == PAPER
    assert set(said["probability"].values()) == {999_900}
    assert copy.state == "agreed"


def test_a_machine_that_reads_after_people_is_heard_at_once(hall: Machines) -> None:
    copy = hall.copy(reading())
    hall.type(copy, PAPER)
    hall.type(copy, PAPER)
    assert hall.said(copy) == []
    hall.machine()
    assert len(hall.said(copy)) == 1
    hall.machine()
    assert len(hall.said(copy)) == 1


def test_the_machine_settles_nothing_by_itself_nor_with_one_person(hall: Machines) -> None:
    copy = hall.copy(reading())
    hall.machine()
    hall.type(copy, PAPER)
    assert copy.state == "reading"
    assert Task.objects.filter(copy=copy, kind="read").exists()


def test_a_sure_machine_that_read_another_number_asks_for_a_third_reading_of_that_field_alone(hall: Machines) -> None:
    copy = hall.copy(reading(DISAGREES))
    hall.machine()
    hall.type(copy, PAPER)
    hall.type(copy, PAPER)
    assert copy.state == "agreed", "the count rests on what two persons typed"
    assert open_tasks(copy) == [("third", ["ada"])]


@pytest.mark.parametrize(("p", "outcome"), [(0.9989, "accept"), (0.9999, "suggest"), (1.0, "people")])
def test_a_machine_that_is_not_sure_asks_for_nothing(hall: Machines, p: float, outcome: str) -> None:
    copy = hall.copy(reading(DISAGREES, p=p, outcome=outcome))
    hall.machine()
    hall.type(copy, PAPER)
    hall.type(copy, PAPER)
    assert not Task.objects.filter(copy=copy, kind="third").exists()


def test_a_third_person_who_reads_as_the_two_did_ends_the_doubt(hall: Machines) -> None:
    copy = hall.copy(reading(DISAGREES))
    hall.machine()
    for kind in ("read", "read", "third"):
        hall.type(copy, PAPER, kind)
    assert copy.state == "agreed"
    assert open_tasks(copy) == []


def test_a_third_person_who_reads_as_the_machine_did_brings_the_field_to_an_arbiter(hall: Machines) -> None:
    copy = hall.copy(reading(DISAGREES))
    hall.machine()
    hall.type(copy, PAPER)
    hall.type(copy, PAPER)
    hall.type(copy, DISAGREES, "third")
    assert open_tasks(copy) == [("decide", ["ada"])]


def test_a_dash_for_a_zero_is_no_doubt(hall: Machines) -> None:
    paper = {**PAPER, "against": 0}
    copy = hall.copy(reading({**paper, "against": "struck"}))
    hall.machine()
    hall.type(copy, paper)
    hall.type(copy, paper)
    assert open_tasks(copy) == []


def test_what_the_sums_would_like_is_not_what_the_paper_says(hall: Machines) -> None:
    """An officer's slip: the raw reading enters the record, the repaired one does not."""
    told = reading()
    told["fields"]["ada"] |= {"raw": "811", "value": 310, "p": 0.9, "outcome": "people", "alternatives": [[811, 0.1]]}
    copy = hall.copy(told)
    hall.machine()
    hall.type(copy, PAPER)
    hall.type(copy, PAPER)
    (said,) = hall.said(copy)
    assert said["values"]["ada"] == 811
    assert said["probability"]["ada"] == 100_000
    assert not Task.objects.filter(copy=copy, kind="third").exists()


def test_a_reading_that_organisers_withdrew_does_not_come_back(hall: Machines) -> None:
    from counterfoil.storage import work

    copy = hall.copy(reading())
    hall.machine()
    hall.type(copy, PAPER)
    hall.type(copy, PAPER)
    entry = next(e for e in Entry.objects.filter(copy=copy.pk, type="reading") if "@" in e.body["reader"])
    work.withdraw([entry], "entered_by_mistake", hall.desk, by=None)
    work.refresh([copy.pk], hall.desk)
    assert hall.said(copy) == []


def test_the_record_with_machine_readings_replays_and_counts_as_without(hall: Machines) -> None:
    from counterfoil.agreement.counts import counts
    from counterfoil.record.replay import replay

    copy = hall.copy(reading(DISAGREES))
    hall.machine()
    hall.type(copy, PAPER)
    hall.type(copy, PAPER)
    hall.grow()
    with hall.server.log(read_only=True) as log:
        state = replay(log.entries(), hall.server.objects.get)
    assert state.certainty.height == len(PAPER)
    row = counts(state, "protocol").row(0, named=True)
    assert (row["state"], row["ada"]) == ("confirmed", PAPER["ada"])


def test_a_copy_with_a_sure_machine_waits_behind_one_that_it_could_not_read(hall: Machines) -> None:
    sure = hall.copy(reading(), "001")
    unsure = hall.copy(reading(outcome="people"), "001")
    hall.machine()
    ranks = {t.copy_id: t.priority for t in Task.objects.filter(kind="read").order_by("-number")}
    assert ranks[unsure.pk] < ranks[sure.pk] or _early(sure.station)


def _early(station: str) -> bool:
    from counterfoil.storage.models import Station
    from counterfoil.workflow.priority import SAMPLE_IN_A_HUNDRED, SPREAD_MOST

    return Station.objects.get(pk=station).spread * 100 < SPREAD_MOST * SAMPLE_IN_A_HUNDRED
