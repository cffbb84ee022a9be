"""People at random over the real functions: every step is in the table, nobody works twice on a copy, and a replay of
the record says of each copy what its row says."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
from django.db import transaction
from django.db.models import QuerySet
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from counterfoil.agreement.counts import _no_readings, counts, excluded_copies
from counterfoil.agreement.settle import settle_copies
from counterfoil.primitives.cells import FieldState
from counterfoil.primitives.words import PROBLEMS
from counterfoil.record.entries import encode_entry
from counterfoil.record.replay import replay
from counterfoil.record.state import Replay
from counterfoil.storage import answers, inbox, jobs, leases, standing, stations, work
from counterfoil.storage.models import Account, Arrival, Copy, Entry, Judged, Opinion, Standing, Task
from counterfoil.workflow.copy_states import allowed
from tests.server.reading.conftest import PAPER, Hall

STATIONS = ("001", "002")
EXCLUDING = ("problem", "set_aside")
MOST_COPIES = 5
# Who gets which task is chance: what is drawn must not depend on it.
WHO, WHAT = st.integers(0, 39), st.integers(0, 10_000)


class Walk(RuleBasedStateMachine):
    """Eight readers, four arbiters, and what may happen to their work."""

    hall: Hall
    base: Sequence[bytes]

    def __init__(self) -> None:
        super().__init__()
        self.point = transaction.savepoint()
        self.readers = [self.hall.person("reader") for _ in range(8)]
        self.arbiters = [self.hall.person("arbiter") for _ in range(4)]
        self.withdrawals: list[Entry] = []
        self.seen: set[tuple[str, str, str]] = set()
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
            self.seen.add((before or "", event, state))
            if before is None:
                assert state in ("identify", "waiting", "set_aside"), f"a new copy is {state}"
            elif name in names:
                assert allowed(before, event, state), f"{before} --{event}--> {state}"
            else:
                assert before == state or allowed(before, "other_chosen", state), f"{before} became {state} beside"

    def watch(self) -> None:
        self.before = dict(Copy.objects.values_list("copy", "state"))

    @initialize()
    def two_copies_came(self) -> None:
        self.arrive("001", "organisation")
        self.arrive("001", "organisation")

    @rule(station=st.sampled_from(STATIONS), lane=st.sampled_from(["organisation", "organisation", "stranger"]))
    def arrive(self, station: str, lane: str) -> None:
        if Copy.objects.exclude(state="withdrawn").count() >= MOST_COPIES:
            return
        self.watch()
        copy = Copy(**_arrival(self.hall.arrive(station, lane=lane)))
        copy.save()
        inbox._entry_of(copy).save()
        work.sealed([copy], self.hall.server.election)
        self.step("arrived")

    @rule(steps=st.lists(st.tuples(WHO, WHAT), min_size=3, max_size=12))
    def people_do_their_next_tasks(self, steps: list[tuple[int, int]]) -> None:
        for who, what in steps:
            self._next_task([*self.readers, *self.arbiters][who % 12], _mixed(what))

    def _next_task(self, person: Account, what: int) -> None:
        self.watch()
        task = leases.hand_out(person, self.hall.desk)
        if task is None:
            return
        if task.copy is None:
            names = stations.copies_of(task.station, task.contest, self.hall.desk)
            action = ("choose_copy", "choose_copy", "exclude_copy", "exclude_station")[what % 4]
            copy = None if action == "exclude_station" else names[what % len(names)]
            answers.decide_station(task, person, action, "signed_copy", self.hall.desk, copy=copy)
            self.step("other_chosen", *names)
            return
        name = task.copy.pk
        assert not Opinion.objects.filter(copy=name, author=person).exists(), "a copy came twice to one person"
        self.step(self._answer(task, task.copy, person, what), name)

    def _answer(self, task: Task, copy: Copy, person: Account, what: int) -> str:
        desk = self.hall.desk
        if task.kind in ("identify", "place"):
            if what % 5 == 0:
                answers.report(task, person, ("not_a_protocol", "illegible")[what // 5 % 2], desk)
                return "reported"
            station = "001" if what % 3 == 0 else copy.station
            answers.identify(task, person, (station, "president", 1), "wall_copy", desk)
            return "identified"
        values: dict[str, Any] = {name: PAPER[name] for name in task.fields}
        if "spoilt" in values and what % 2:
            values["spoilt"] = 6 if what % 3 else FieldState.STRUCK
        if "ada" in values and what % 7 == 0:
            values["ada"] = 280
            if "bob" in values:
                values["bob"] = 310
        if task.kind == "decide":
            if what % 5 == 0:
                entry = answers.decide(task, person, "exclude_copy", "forged", desk)
            else:
                entry = answers.decide(task, person, "settle_fields", "read_again", desk, values=values)
            return "ruled" if entry is None else "decided"
        if what % 5 == 0:
            answers.report(task, person, PROBLEMS[what // 5 % len(PROBLEMS)], desk)
            return "reported"
        answers.read(task, person, values, desk)
        return task.kind

    @rule(who=WHO, back=st.booleans())
    def somebody_gives_a_task_back_or_lets_it_lapse(self, who: int, back: bool) -> None:
        person = self.readers[who % 8]
        self.watch()
        task = leases.hand_out(person, self.hall.desk)
        if task is not None and back:
            leases.give_back(task, person, self.hall.desk)
        else:
            self.hall.clock.forward(hours=1)
        self.step("nothing")

    @rule(what=WHAT)
    def a_reading_is_taken_back(self, what: int) -> None:
        entry = _pick(Entry.objects.filter(type="reading", withdrawn=False), what)
        if entry is None or entry.author is None:
            return
        self.watch()
        answers.take_back(entry.pk, entry.author, self.hall.desk)
        self.step("reading_withdrawn", entry.copy)

    @rule(who=WHO, what=WHAT)
    def a_reader_is_withdrawn(self, who: int, what: int) -> None:
        if what % 4:
            return
        reader = self.readers[who % 8]
        self.watch()
        self.withdrawals += work.withdraw_reader(reader, self.hall.desk, by=None)
        self.step("reading_withdrawn", *Entry.objects.filter(author=reader).values_list("copy", flat=True))

    @rule()
    def that_is_taken_back(self) -> None:
        self.watch()
        names = work.restore(self.withdrawals, self.hall.desk, by=None)
        self.withdrawals = []
        self.step("restored", *names)

    @rule(what=WHAT)
    def a_copy_is_withdrawn(self, what: int) -> None:
        entry = _pick(Entry.objects.filter(type="copy", withdrawn=False), what)
        if entry is None or what % 5:
            return
        self.watch()
        with transaction.atomic():
            work.withdraw([entry], "sender_asked", self.hall.desk, by=None)
            work.refresh([entry.copy], self.hall.desk)
        self.step("withdrawn", entry.copy)

    @rule(often=st.booleans())
    def problems_were_mistaken(self, often: bool) -> None:
        if not often:
            return
        for copy in Copy.objects.filter(state__in=("problem", "unreadable")):
            if any("problem" in e.body for e in Entry.objects.filter(copy=copy.pk, type="reading", withdrawn=False)):
                self.watch()
                work.reopen(copy, self.hall.desk, by=None)
                self.step("reading_withdrawn", copy.pk)

    @rule(who=WHO, stage=st.sampled_from(["", "trusted", "watched", "paused"]))
    def scrutiny_changes(self, who: int, stage: str) -> None:
        self.watch()
        standing.order(self.readers[who % 8], stage)
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
            if copy.state == "identify":  # nobody knows yet whether a decision on this station concerns it
                assert copy.pk not in agreed
            elif copy.pk in there:
                assert (copy.state in EXCLUDING) == (copy.pk in out)
                if copy.pk not in out:
                    assert (copy.state in work.AGREED) == (copy.pk in agreed)

        station_states = dict(counts(found, form.id).select("station", "state").iter_rows())
        for station in STATIONS:
            asked = Task.objects.filter(copy=None, station=station).exists()
            assert asked == (station_states.get(station) == "disputed"), f"{station}: {station_states.get(station)}"

    def rebuilding_gives_the_same(self) -> None:
        desk = self.hall.desk
        held = set(Task.objects.exclude(leased_by=None).values_list("copy", flat=True))
        while jobs.stages_are_due():  # as the worker does: copies made again can change whom they watch
            work.follow_stages(desk)
        grown = {key: n for key, n in _tasks().items() if key[1] not in held}
        standings = _standings()
        Task.objects.all().delete()
        Judged.objects.all().delete()
        work.rebuild(desk)
        assert {key: n for key, n in _tasks().items() if key[1] not in held} == grown
        assert _standings() == standings

    # --- helpers

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


def _mixed(number: int) -> int:
    """Small numbers are drawn more often than others; here each remainder is as likely."""
    return number * 2_654_435_761 >> 9


def _pick(rows: QuerySet[Entry], what: int) -> Entry | None:
    found = sorted(rows, key=lambda e: (e.copy, str(e.author_id)))
    return found[what % len(found)] if found else None


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


CORE = {
    ("identify", "identified", "waiting"),
    ("waiting", "read", "reading"),
    ("waiting", "reported", "reading"),
    ("reading", "read", "agreed"),
    ("reading", "read", "disputed"),
    ("disputed", "third", "agreed"),
    ("disputed", "ruled", "disputed"),
    ("disputed", "decided", "arbitrated"),
    ("agreed", "read", "agreed"),
}
"""What walks must have seen before they end; who gets which task is chance, so they go on until then."""
DAYS, MOST_WALKS = 60, 40
"""A walk may come to where nobody may do anything more: then another one begins."""


def test_a_long_seeded_walk_sees_the_life_of_copies(hall: Hall) -> None:
    chance = random.Random(11)  # noqa: S311
    seen: set[tuple[str, str, str]] = set()
    for _ in range(MOST_WALKS):
        seen |= _walked(hall, chance)
        if seen >= CORE:
            break
    assert seen >= CORE, CORE - seen


def _walked(hall: Hall, chance: random.Random) -> set[tuple[str, str, str]]:
    """Some days; what they have seen."""
    walk = _walk(hall)

    def number() -> int:
        return chance.randrange(10_000)

    try:
        walk.two_copies_came()
        for _ in range(DAYS):
            match chance.choices(range(9), (30, 12, 3, 3, 1, 2, 1, 2, 2))[0]:
                case 0:
                    walk.people_do_their_next_tasks(steps=[(number(), number()) for _ in range(6)])
                case 1:
                    walk.arrive(station=chance.choice(STATIONS), lane=chance.choice(["organisation", "stranger"]))
                case 2:
                    walk.somebody_gives_a_task_back_or_lets_it_lapse(who=number(), back=chance.random() < 0.5)
                case 3:
                    walk.a_reading_is_taken_back(what=number())
                case 4:
                    walk.a_reader_is_withdrawn(who=number(), what=0)
                case 5:
                    walk.that_is_taken_back()
                case 6:
                    walk.a_copy_is_withdrawn(what=5 * number())
                case 7:
                    walk.problems_were_mistaken(often=True)
                case _:
                    walk.scrutiny_changes(who=number(), stage=chance.choice(["", "trusted", "watched"]))
            walk.nobody_speaks_twice_of_a_copy()
            walk.no_lease_is_on_a_copy_that_its_holder_spoke_of()
            walk.the_record_says_the_same()
        return set(walk.seen)
    finally:
        walk.teardown()


def _walk(hall: Hall) -> Any:  # its rules are wrapped without types
    return _machine(hall)()


def _machine(hall: Hall) -> type[Walk]:
    with hall.server.log(read_only=True) as log:
        return type("TheWalk", (Walk,), {"hall": hall, "base": list(log.entries())})


def test_people_at_random_keep_to_the_table_and_the_record_says_the_same(hall: Hall) -> None:
    run_state_machine_as_test(
        _machine(hall),
        settings=settings(
            max_examples=6,
            stateful_step_count=20,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
