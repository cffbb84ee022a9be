"""Who gets which task, for how long, and what they never see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.test import Client
from django.urls import reverse

from counterfoil.storage import answers, leases, standing, work
from counterfoil.storage.models import Account, Copy, Entry, Opinion, Standing, Station, Task
from tests.server.reading.conftest import PAPER, Hall

AsPerson = Callable[[Account], Client]


def read(hall: Hall, reader: Account, **changed: Any) -> None:
    task = hall.task(reader)
    values = {name: {**PAPER, **changed}[name] for name in task.fields}
    answers.read(task, reader, values, hall.desk)


def rule(hall: Hall, arbiter: Account, values: dict[str, Any]) -> Entry | None:
    return answers.decide(hall.task(arbiter), arbiter, "settle_fields", "read_again", hall.desk, values=values)


def trusted(hall: Hall, number: int) -> list[Account]:
    found = hall.readers(number)
    for reader in found:
        standing.order(reader, "trusted")
    return found


def agreed_copy(hall: Hall, station: str, **changed: Any) -> Copy:
    (copy,) = hall.copies(station)
    for reader in trusted(hall, 2):
        read(hall, reader, **changed)
    for reader in trusted(hall, 1):  # one in twenty is read once more
        if Task.objects.filter(copy=copy).exists():
            read(hall, reader, **changed)
    copy.refresh_from_db()
    assert copy.state == "agreed"
    return copy


def test_nobody_gets_a_copy_twice_in_whatever_kind(hall: Hall) -> None:
    hall.copies("001")
    (one,) = hall.readers(1)
    read(hall, one)
    assert leases.hand_out(one, hall.desk) is None


def test_a_copy_of_which_five_people_say_different_things_goes_to_somebody_who_decides(
    hall: Hall, as_person: AsPerson
) -> None:
    hall.copies("", lane="stranger")
    said = [("001", 1), ("002", 1), ("003", 1), ("004", 1), ("005", 1)]
    for reader, (station, page) in zip(hall.readers(len(said)), said, strict=True):
        place = (station, "president", page)
        answers.identify(hall.task(reader, "identify"), reader, place, "wall_copy", hall.desk)
    assert [task.kind for task in Task.objects.all()] == ["place"]
    assert leases.hand_out(hall.person("reader"), hall.desk) is None
    client = as_person(hall.person("arbiter"))
    assert "Photos of which people say different things" in client.get(reverse("work")).content.decode()
    task = client.post(reverse("work_next"))["Location"]
    assert "What you say decides" in client.get(task).content.decode()
    assert client.post(task, {"station": "003", "contest": "president", "page": "1"}).status_code == 302
    copy = Copy.objects.get()
    assert (copy.station, copy.state) == ("003", "waiting")
    assert {task.kind for task in Task.objects.all()} == {"read"}


def test_a_lease_that_lapsed_goes_to_somebody_else_without_what_was_typed(hall: Hall) -> None:
    (copy,) = hall.copies("001")
    one, two, three = hall.readers(3)
    task = hall.task(one)
    leases.save_draft(task, {"typed": {"f-ada": "310"}}, hall.desk)
    hall.task(two)
    assert leases.hand_out(three, hall.desk) is None
    hall.clock.forward(minutes=16)
    leases.save_draft(hall.task(two), {}, hall.desk)
    got = hall.task(three)
    assert (got.pk, got.draft, got.copy_id) == (task.pk, {}, copy.pk)
    assert leases.hand_out(one, hall.desk) is None


def test_autosave_keeps_the_task(hall: Hall) -> None:
    hall.copies("001")
    one, two, three = hall.readers(3)
    task = hall.task(one)
    hall.task(two)
    hall.clock.forward(minutes=10)
    leases.save_draft(task, {"typed": {}}, hall.desk)
    hall.clock.forward(minutes=10)
    got = leases.hand_out(three, hall.desk)
    assert got is not None
    assert got.pk != task.pk


def test_two_readers_of_one_branch_are_kept_apart_where_there_is_another_copy(hall: Hall) -> None:
    hall.copies("001", "002")
    root, other = hall.person("organiser"), hall.person("organiser")
    first, second = hall.person("reader", by=root), hall.person("reader", by=root)
    stranger = hall.person("reader", by=other)
    task = hall.task(first)
    copy = task.copy_id
    read(hall, first)
    assert hall.task(second).copy_id != copy
    for _ in range(2):
        read(hall, stranger)
    assert Entry.objects.filter(copy=copy, author=stranger).exists()


def test_the_early_sample_comes_first_then_the_larger_register(hall: Hall) -> None:
    Station.objects.update(spread=2**24 - 1)
    Station.objects.filter(pk="004").update(spread=1)
    names = {hall.arrive(station): station for station in ("003", "001", "004")}
    hall.grow()
    (reader,) = hall.readers(1)
    order: list[tuple[str | None, str]] = []
    for _ in range(3):
        best = Task.objects.filter(leased_by=None).exclude(copy__in=[c for c, _ in order]).order_by("priority")[0]
        order.append((best.copy_id, names[best.copy_id or ""]))
    assert [station for _, station in order] == ["004", "001", "003"]
    assert reader


def test_readings_that_make_another_winner_go_to_two_arbiters_who_must_agree(hall: Hall) -> None:
    (copy,) = hall.copies("001")
    one, two = hall.readers(2)
    read(hall, one)
    read(hall, two, ada=280, bob=310)
    assert Task.objects.filter(kind="decide").count() == 2
    assert not Task.objects.filter(kind="third").exists()
    rulings = {"ada": 310, "bob": 280}
    arbiters = [hall.person("arbiter") for _ in range(3)]
    assert rule(hall, arbiters[0], rulings) is None
    assert rule(hall, arbiters[1], {"ada": 280, "bob": 310}) is None
    copy.refresh_from_db()
    assert copy.state == "disputed"
    assert rule(hall, arbiters[2], rulings) is not None
    copy.refresh_from_db()
    assert copy.state == "arbitrated"
    hall.grow()
    hall.grow()
    assert Entry.objects.get(type="decision").index is not None


def test_agreed_copies_that_differ_go_to_arbiters_who_choose_one(hall: Hall, as_person: AsPerson) -> None:
    copies = [agreed_copy(hall, "001"), agreed_copy(hall, "001", ada=280, bob=310)]
    assert Task.objects.get(number=1, kind="decide").station == "001"
    chosen = sorted(c.pk for c in copies)[0]
    for _ in range(2):
        client = as_person(hall.person("arbiter"))
        task = client.post(reverse("work_next"))["Location"]
        page = client.get(task)
        assert page.status_code == 200
        assert client.get(task + "photo/1").status_code == 200
        assert client.get(task + "photo/2").status_code == 404
        assert client.post(task, {"action": "choose_copy:0", "reason": "forged"}).status_code == 422
        assert client.post(task, {"action": "choose_copy:0", "reason": "signed_copy"}).status_code == 302
    assert Entry.objects.get(type="decision").body["copy"] == chosen
    assert sorted(Copy.objects.values_list("state", flat=True)) == ["agreed", "set_aside"]
    assert not Task.objects.filter(kind="decide").exists()


def test_problems_are_answers_and_a_new_photo_of_the_page_solves_one(hall: Hall) -> None:
    (copy,) = hall.copies("001")
    for reader in hall.readers(2):
        answers.report(hall.task(reader), reader, "page_missing", hall.desk)
    copy.refresh_from_db()
    assert copy.state == "unreadable"
    assert not Task.objects.exists()
    assert list(work.open_problems()) == [copy]
    hall.copies("001")
    assert not work.open_problems().exists()


def test_a_problem_that_was_mistaken_is_reopened(hall: Hall) -> None:
    (copy,) = hall.copies("001")
    for reader in hall.readers(2):
        answers.report(hall.task(reader), reader, "not_a_protocol", hall.desk)
    copy.refresh_from_db()
    assert copy.state == "problem"
    work.reopen(copy, hall.desk, by=None)
    copy.refresh_from_db()
    assert copy.state == "waiting"
    assert Task.objects.filter(kind="read").count() == 2


def test_known_answers_are_mixed_in_judge_the_reader_and_stay_out_of_the_record(hall: Hall) -> None:
    copy = agreed_copy(hall, "001")
    leases.make_gold([(copy, PAPER)])
    (reader,) = hall.readers(1)
    desk = hall.desk
    always = type(desk)(desk.state, desk.now, desk.slot, desk.pseudonyms, gold_every=1)
    task = leases.hand_out(reader, always)
    assert task is not None
    assert task.gold
    before = Entry.objects.count()
    answers.read(task, reader, {**PAPER, "ada": 1}, desk)
    assert Entry.objects.count() == before
    kept = Standing.objects.get(account=reader)
    assert (kept.gold_right, kept.gold_wrong) == (6, 1)
    assert leases.hand_out(reader, always) is None


def test_a_paused_reader_gets_no_task_and_their_work_goes_back_to_the_queue(hall: Hall) -> None:
    copy = agreed_copy(hall, "001")
    entry = Entry.objects.filter(copy=copy.pk, type="reading").first()
    assert entry is not None
    assert entry.author is not None
    standing.order(entry.author, "paused")
    hall.copies("002")
    assert leases.hand_out(entry.author, hall.desk) is None
    withdrawals = work.withdraw_reader(entry.author, hall.desk, by=None)
    copy.refresh_from_db()
    assert copy.state in ("reading", "agreed")
    stands = Entry.objects.filter(copy=copy.pk, type="reading", withdrawn=False)
    assert entry not in stands
    work.restore(withdrawals, hall.desk, by=None)
    copy.refresh_from_db()
    assert copy.state == "agreed"


def test_a_copy_of_a_watched_reader_is_read_once_more(hall: Hall) -> None:
    copy = agreed_copy(hall, "001")
    entry = Entry.objects.filter(copy=copy.pk, type="reading").first()
    assert entry is not None
    assert entry.author is not None
    before = Entry.objects.filter(copy=copy.pk, type="reading").count()
    standing.order(entry.author, "watched")
    assert work.follow_stages(hall.desk) >= 1
    assert Task.objects.filter(copy=copy, kind="read").exists() == (before == 2)
    assert work.follow_stages(hall.desk) == 0


def test_no_answer_to_a_reader_holds_what_somebody_else_typed(hall: Hall, as_person: AsPerson) -> None:
    """Attack: a volunteer looks for another reader's figures, to copy or to contradict them."""
    odd = {name: 770_001 + n * 7 for n, name in enumerate(PAPER)}
    hall.copies("001", "002")
    (first,) = hall.readers(1)
    for _ in range(2):
        read(hall, first, **odd)
    leases.save_draft(hall.task(hall.person("reader")), {"typed": {"f-ada": "880001"}}, hall.desk)
    client = as_person(hall.person("reader"))
    task = client.post(reverse("work_next"))["Location"]
    seen = [client.get(task), client.get(reverse("work")), client.post(task, {}), client.get(task + "draft")]
    seen.append(client.post(task + "draft", {"f-ada": "1"}))
    seen.append(client.post(task, {f"f-{n}": "3" for n in PAPER}))
    seen.append(client.get(client.post(reverse("work_next"))["Location"]))
    for answer in seen:
        text = answer.content.decode("utf-8", "replace")
        assert "8800" not in text
        assert not any(str(value) in text.replace(",", "").replace("\u202f", "") for value in odd.values())
    for kind in Task.objects.values_list("kind", flat=True):
        assert kind in ("read", "third", "decide")


def test_the_start_page_says_what_waits_and_what_to_do_next(hall: Hall, as_person: AsPerson) -> None:
    hall.copies("001")
    client = as_person(hall.person("reader"))
    page = client.get(reverse("work")).content.decode()
    assert "Protocols to read:" in page
    assert reverse("work_next") in page
    client.post(reverse("work_next"))
    assert "Go on where you were" in client.get(reverse("work")).content.decode()


def test_a_moved_copy_stands_anew_and_the_old_one_is_withdrawn_in_the_record(hall: Hall) -> None:
    (copy,) = hall.copies("002", lane="stranger")
    for reader in hall.readers(2):
        answers.identify(hall.task(reader), reader, ("001", "president", 1), "wall_copy", hall.desk)
    moved = Copy.objects.get(moved_from=copy)
    assert (moved.station, moved.state, moved.picture) == ("001", "waiting", copy.picture)
    assert moved.salt != copy.salt
    hall.grow()
    hall.grow()
    assert Entry.objects.filter(type="withdrawal", index__isnull=False).count() == 1
    assert Entry.objects.filter(type="copy", index__isnull=False).count() == 2


def test_colluders_who_gave_a_task_back_never_get_its_copy_again(hall: Hall) -> None:
    """Attack: two colluders ask and give back until they hold the same photo."""
    hall.copies("001")
    (one,) = hall.readers(1)
    leases.give_back(hall.task(one), one, hall.desk)
    assert leases.hand_out(one, hall.desk) is None
    assert Opinion.objects.get(kind="skip").author == one
