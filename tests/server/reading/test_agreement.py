"""Two persons type a copy, and the count follows; what they differ on goes on."""

from __future__ import annotations

from counterfoil.agreement import counts
from counterfoil.record.replay import replay
from counterfoil.storage import answers
from counterfoil.storage.models import Copy, Task
from tests.server.reading.conftest import PAPER, Hall


def state(hall: Hall, station: str = "001") -> dict[str, object]:
    with hall.server.log(read_only=True) as log:
        found = counts(replay(log.entries(), hall.server.objects.get), "protocol")
    return next(row for row in found.iter_rows(named=True) if row["station"] == station)


def test_two_readers_type_the_same_and_the_station_is_confirmed(hall: Hall) -> None:
    (copy,) = hall.copies("001")
    assert Copy.objects.get().state == "waiting"
    assert Task.objects.filter(kind="read").count() == 2
    one, two = hall.readers(2)
    for reader in (one, two):
        answers.read(hall.task(reader), reader, PAPER, hall.desk)
    copy.refresh_from_db()
    assert copy.state == "agreed"
    hall.grow()
    assert state(hall)["state"] == "confirmed"
    assert state(hall)["ada"] == 310


def test_a_field_that_differs_goes_to_a_third_reader_who_is_asked_only_that(hall: Hall) -> None:
    (copy,) = hall.copies("001")
    one, two, three = hall.readers(3)
    answers.read(hall.task(one), one, PAPER, hall.desk)
    answers.read(hall.task(two), two, {**PAPER, "spoilt": 50}, hall.desk)
    copy.refresh_from_db()
    assert copy.state == "disputed"
    task = hall.task(three)
    assert (task.kind, task.fields) == ("third", ["spoilt"])
    answers.read(task, three, {"spoilt": 5}, hall.desk)
    copy.refresh_from_db()
    assert copy.state == "agreed"
    hall.grow()
    assert state(hall)["spoilt"] == 5
