"""People at random over the real functions: every step is in the table, nobody works twice on a copy, and a replay of
the record says of each copy what its row says."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from counterfoil.agreement.counts import _no_readings, excluded_copies
from counterfoil.agreement.settle import settle_copies
from counterfoil.primitives.cells import FieldState
from counterfoil.primitives.words import PROBLEMS
from counterfoil.record.entries import encode_entry
from counterfoil.record.replay import replay
from counterfoil.record.state import Replay
from counterfoil.storage import answers, inbox, leases, standing, work
from counterfoil.storage.models import Account, Arrival, Copy, Entry, Judged, Opinion, Standing, Task
from counterfoil.workflow.copy_states import allowed
from tests.server.reading.conftest import PAPER, Hall

STATIONS = ("001", "002")
EXCLUDING = ("problem", "set_aside")


class Walk(RuleBasedStateMachine):
    """Five readers, three arbiters, and what may happen to their work."""

    hall: Hall
    base: Sequence[bytes]

    def __init__(self) -> None:
        super().__init__()
        self.point = transaction.savepoint()
        self.readers = [self.hall.person("reader") for _ in range(5)]
        self.arbiters = [self.hall.person("arbiter") for _ in range(3)]
        self.withdrawals: list[Entry] = []
        self.chance = random.Random(7)  # noqa: S311

    def teardown(self) -> None:
        try:
            self.rebuilding_gives_the_same()
        finally:
            transaction.savepoint_rollback(self.point)

    # --- what happens

    def step(self, event: str, *names: str | None) -> None:
        """Every copy went where the table allows: those named by the event, the others by a decision at most."""
        for name, state in Copy.objects.values_list("copy", "state"):
            before = self.before.get(name)
            if before is None:
                assert state in ("identify", "waiting"), f"a new copy is {state}"
            elif name in names:
                assert allowed(before, event, state), f"{before} --{event}--> {state}"
            else:
                assert before == state or allowed(before, "other_chosen", state), f"{before} became {state} beside"

    def watch(self) -> None:
        self.before = dict(Copy.objects.values_list("copy", "state"))

    @precondition(lambda self: Copy.objects.count() < 4)
    @rule(station=st.sampled_from(STATIONS), lane=st.sampled_from(["organisation", "organisation", "stranger"]))
    def arrive(self, station: str, lane: str) -> None:
        self.watch()
        name = self.hall.arrive(station, lane=lane)
        copy = Copy(**_arrival(name))
        copy.save()
        entry = inbox._entry_of(copy)
        entry.save()
        work.sealed([copy], self.hall.server.election)
        self.step("arrived")

    @rule(data=st.data())
    def a_person_does_the_next_task(self, data: st.DataObject) -> None:
        person = data.draw(st.sampled_from(self.readers + self.arbiters))
        self.watch()
        task = leases.hand_out(person, self.hall.desk)
        if task is None or task.copy is None:
            return
        name = task.copy.pk
        said = Opinion.objects.filter(copy=name, author=person).exists()
        assert not said, "a copy came twice to one person"
        event = self._answer(task, person, data)
        self.step(event, name)

    def _answer(self, task: Task, person: Account, data: st.DataObject) -> str:
        desk, copy = self.hall.desk, task.copy
        assert copy is not None
        if task.kind == "identify":
            if data.draw(st.integers(0, 4)) == 0:
                answers.report(task, person, data.draw(st.sampled_from(["not_a_protocol", "illegible"])), desk)
                return "reported"
            station = data.draw(st.sampled_from([copy.station, copy.station, "001"]))
            answers.identify(task, person, (station, "president", 1), "wall_copy", desk)
            return "identified"
        values: dict[str, Any] = {name: PAPER[name] for name in task.fields}
        if "spoilt" in values and data.draw(st.booleans()):
            values["spoilt"] = data.draw(st.sampled_from([6, FieldState.STRUCK]))
        if "ada" in values and data.draw(st.integers(0, 3)) == 0:
            values["ada"] = 280
            if "bob" in values:
                values["bob"] = 310
        if task.kind == "decide":
            if data.draw(st.integers(0, 5)) == 0:
                entry = answers.decide(task, person, "exclude_copy", "forged", desk)
            else:
                entry = answers.decide(task, person, "settle_fields", "read_again", desk, values=values)
            return "ruled" if entry is None else "decided"
        if data.draw(st.integers(0, 4)) == 0:
            answers.report(task, person, data.draw(st.sampled_from(PROBLEMS)), desk)
            return "reported"
        answers.read(task, person, values, desk)
        return task.kind

    @rule(data=st.data())
    def somebody_gives_a_task_back_or_lets_it_lapse(self, data: st.DataObject) -> None:
        person = data.draw(st.sampled_from(self.readers))
        self.watch()
        task = leases.hand_out(person, self.hall.desk)
        if task is not None and data.draw(st.booleans()):
            leases.give_back(task, person)
        else:
            self.hall.clock.forward(hours=1)
        self.step("nothing")

    @precondition(lambda self: Entry.objects.filter(type="reading", withdrawn=False).exists())
    @rule(data=st.data())
    def a_reading_is_taken_back(self, data: st.DataObject) -> None:
        entry = self._pick(data, Entry.objects.filter(type="reading", withdrawn=False))
        assert entry.author is not None
        self.watch()
        answers.take_back(entry.pk, entry.author, self.hall.desk)
        self.step("reading_withdrawn", entry.copy)

    @rule(data=st.data())
    def a_reader_is_withdrawn(self, data: st.DataObject) -> None:
        reader = data.draw(st.sampled_from(self.readers))
        self.watch()
        said = work.withdraw_reader(reader, self.hall.desk, by=None)
        self.withdrawals += said
        self.step("reading_withdrawn", *Entry.objects.filter(author=reader).values_list("copy", flat=True))

    @precondition(lambda self: self.withdrawals)
    @rule()
    def that_is_taken_back(self) -> None:
        self.watch()
        names = work.restore(self.withdrawals, self.hall.desk, by=None)
        self.withdrawals = []
        self.step("restored", *names)

    @precondition(lambda self: Entry.objects.filter(type="copy", withdrawn=False).exists())
    @rule(data=st.data())
    def a_copy_is_withdrawn(self, data: st.DataObject) -> None:
        if data.draw(st.integers(0, 3)):
            return
        entry = self._pick(data, Entry.objects.filter(type="copy", withdrawn=False))
        self.watch()
        with transaction.atomic():
            work.withdraw([entry], "sender_asked", self.hall.desk, by=None)
            work.refresh([entry.copy], self.hall.desk)
        self.step("withdrawn", entry.copy)

    @precondition(lambda self: Copy.objects.filter(state__in=("problem", "unreadable")).exists())
    @rule(data=st.data())
    def a_problem_was_mistaken(self, data: st.DataObject) -> None:
        found = list(Copy.objects.filter(state__in=("problem", "unreadable")).order_by("pk"))
        copy = found[data.draw(st.integers(0, len(found) - 1))]
        self.watch()
        if any("problem" in e.body for e in Entry.objects.filter(copy=copy.pk, type="reading", withdrawn=False)):
            work.reopen(copy, self.hall.desk, by=None)
        self.step("reading_withdrawn", copy.pk)

    @rule(data=st.data())
    def scrutiny_changes(self, data: st.DataObject) -> None:
        reader = data.draw(st.sampled_from(self.readers))
        self.watch()
        standing.order(reader, data.draw(st.sampled_from(["", "trusted", "watched", "paused"])))
        work.follow_stages(self.hall.desk, most=1000)
        self.step("nothing")

    @rule()
    def a_batch_goes_into_the_log(self) -> None:
        self._number()

    # --- what always holds

    @invariant()
    def nobody_speaks_twice_of_a_copy(self) -> None:
        spoken = Counter(Entry.objects.filter(type="reading", withdrawn=False).values_list("copy", "author"))
        spoken.update(Opinion.objects.filter(withdrawn=False).exclude(kind="skip").values_list("copy", "author"))
        assert all(times == 1 for times in spoken.values())

    @invariant()
    def no_lease_is_on_a_copy_that_its_holder_spoke_of(self) -> None:
        for task in Task.objects.exclude(leased_by=None):
            mine = Entry.objects.filter(copy=task.copy_id, author=task.leased_by, type="reading", withdrawn=False)
            assert not mine.exists()

    @invariant()
    def the_record_says_the_same(self) -> None:
        if not Entry.objects.filter(type="copy", index=None).exists() and not Copy.objects.exists():
            return
        found = self._replayed()
        form, rule_ = found.election.form("protocol"), found.election.agreement
        readings = found.readings.get(form.id)
        if readings is None:
            readings = _no_readings(form.field_ids)
        out = excluded_copies(readings, found.copies, found.decisions, rule_.persons)
        pages = found.copies.select("copy", "page")
        decisions = [d for d in found.decisions if d.action == "settle_fields"]
        settled = settle_copies(readings, pages, form, rule_, decisions, found.certainty)
        agreed = set(settled.filter("agreed")["copy"].to_list())
        there = set(found.copies["copy"].to_list())
        for copy in Copy.objects.all():
            if not Entry.objects.filter(copy=copy.pk, type="copy").exists():
                continue
            assert (copy.state == "withdrawn") == (copy.pk not in there)
            if copy.pk in there:
                assert (copy.state in EXCLUDING) == (copy.pk in out)
                if copy.pk not in out:
                    assert (copy.state in work.AGREED) == (copy.pk in agreed)

    def rebuilding_gives_the_same(self) -> None:
        desk = self.hall.desk
        held = set(Task.objects.exclude(leased_by=None).values_list("copy", flat=True))
        work.follow_stages(desk, most=1000)
        grown = {key: n for key, n in _tasks().items() if key[1] not in held}
        standings = _standings()
        Task.objects.all().delete()
        Judged.objects.all().delete()
        work.rebuild(desk)
        assert {key: n for key, n in _tasks().items() if key[1] not in held} == grown
        assert _standings() == standings

    # --- helpers

    def _pick(self, data: st.DataObject, rows: object) -> Entry:
        found = sorted(rows, key=lambda e: (e.copy, str(e.author_id)))  # type: ignore[call-overload]
        picked: Entry = found[data.draw(st.integers(0, len(found) - 1))]
        return picked

    def _number(self) -> None:
        """Give what waits its place in the record, in any order that batches allow."""
        size = len(self.base)
        while True:
            rows = list(Entry.objects.filter(index=None).order_by("pk"))
            after = size + Entry.objects.filter(index__gte=size).count()
            copies = set(Entry.objects.filter(type="copy").values_list("copy", flat=True))
            ready = [e for e in inbox._ready(rows) if e.copy == "" or e.copy in copies]
            if not ready:
                return
            self.chance.shuffle(ready)
            for place, entry in enumerate(ready):
                entry.index = after + place
                entry.save(update_fields=["index"])

    def _replayed(self) -> Replay:
        self._number()
        rows = list(Entry.objects.filter(index__gte=len(self.base)).order_by("index"))
        indexes = {str(e.pk): e.index or 0 for e in rows}
        said = [encode_entry(inbox._whole(e, e.slot, indexes)) for e in rows]
        return replay([*self.base, *said], self.hall.server.objects.get)


def _arrival(name: str) -> dict[str, Any]:
    arrival = Arrival.objects.get(pk=name)
    values = {f.attname: getattr(arrival, f.attname) for f in Arrival._meta.concrete_fields}
    arrival.delete()
    return values


def _tasks() -> Counter[tuple[object, ...]]:
    rows = Task.objects.filter(gold=False).values_list("kind", "copy", "fields", "priority", "station")
    return Counter((kind, copy, tuple(fields), rank, station) for kind, copy, fields, rank, station in rows)


def _standings() -> set[tuple[object, ...]]:
    rows = Standing.objects.values_list("account", "stage", "fields_right", "fields_wrong", "shared_wrong", "copies")
    return set(rows)


def test_people_at_random_keep_to_the_table_and_the_record_says_the_same(hall: Hall) -> None:
    with hall.server.log(read_only=True) as log:
        base = list(log.entries())
    machine = type("TheWalk", (Walk,), {"hall": hall, "base": base})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
