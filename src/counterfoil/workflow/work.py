"""What one copy says so far, and what people still have to do with it. Pure: rows come in, tasks and a state go out.

The state is never stored as truth: it follows from what was said of the copy by the functions that the count uses
(`agreement.settle`, `agreement.counts`), so that a page can't call agreed what the publication calls open. What may
follow what: `workflow.copy_states`.

Rules:

* `persons` different persons type the whole page (two, if the election does not say otherwise). A field on which they
  differ goes to one more person at a time, who is asked only that field; with two voices more than `persons` it goes to
  an arbiter.
* Some copies get one whole reading more than the count asks for: a random few (`CHECKED_IN_A_THOUSAND`), those that
  only new readers read, and those with a reader whose work is looked at closely. If that reading differs it goes on
  like a dispute, although the count has accepted the copy meanwhile.
* Readings that make different options the winner go to two arbiters, even where a third reader has settled the field.
* Where persons settled a field and a machine is sure of another number, one more person is asked that field, who sees
  neither. If that person reads what the machine read it goes to an arbiter; else it stays as it was settled.
* A problem is an answer: `persons` persons who report the same one settle it. Answers that scatter go to an arbiter.
* A copy is identified when its sender's claim and one person agree, or `IDENTIFY_VOICES` persons on anything else; when
  `MOST_IDENTIFY` persons contradict each other, an arbiter or organiser says where it belongs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from counterfoil.agreement.counts import agreed_problems, excluded_copies
from counterfoil.agreement.settle import STATE_CODES, settle_copies
from counterfoil.election.definition import Contest, Election, Form
from counterfoil.primitives.cells import STATE_SUFFIX, Cell, FieldState
from counterfoil.record.state import STATE_TYPE, Decision
from counterfoil.workflow.machine import contradicts

CHECKED_IN_A_THOUSAND = 50
"""Share of agreed copies that one more person reads as a sample of how good agreement is."""
IDENTIFY_VOICES = 2
MOST_IDENTIFY = 5
"""After so many persons who scatter, an arbiter says what a copy shows."""
MORE_VOICES = 2
"""Voices beyond `persons` that a field in dispute gets before it goes to an arbiter."""
SUSPECT = ("watched", "reviewed", "paused")
"""Stages of readers whose copies get one more reading."""

AGREED = ("agreed", "arbitrated")
"""States in which the count rests on the copy."""

Place = tuple[str, str, int]
"""station, contest, page"""


@dataclass(frozen=True, slots=True)
class Answer:
    """One reading that stands. `reader`: the same for all that one person said of this copy; `stage`: that person's."""

    reader: str
    values: Mapping[str, Cell]
    problem: str | None = None
    stage: str = "trusted"
    machine: bool = False
    certainty: Mapping[str, int] = field(default_factory=dict)
    """Of a machine: millionths by field."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one person said that a copy shows."""

    person: str
    place: Place
    ruling: bool = False
    """Asked because the others contradict each other: this decides."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one arbiter ruled; it waits until enough arbiters ruled the same."""

    person: str
    action: str
    values: Mapping[str, Cell]
    copy: str | None = None

    @property
    def what(self) -> tuple[str, str | None, tuple[tuple[str, Cell], ...]]:
        return self.action, self.copy, tuple(sorted(self.values.items()))


@dataclass(frozen=True)
class Said:
    """All that stands of one copy. `claim`: where its entry, or its sender, puts it; station "" if nobody said."""

    copy: str
    claim: Place
    answers: Sequence[Answer] = ()
    decisions: Sequence[Decision] = ()
    """Those of its station and form, in the record's order."""
    seen: Sequence[Seen] = ()
    rulings: Sequence[Ruling] = ()
    sure: Mapping[str, Cell] = field(default_factory=dict)
    """What a machine read of the fields that it is sure of (`workflow.machine`)."""
    certain: bool = False
    """An organisation that knows its stations sent it, or it was moved: nobody needs to identify it."""
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """So many persons are needed for this. `fields`: those that they are asked; none where they say what it shows."""

    kind: str
    fields: tuple[str, ...] = ()
    persons: int = 1


@dataclass(frozen=True)
class Work:
    """What follows for the copy."""

    state: str
    needs: tuple[Need, ...] = ()
    settled: Mapping[str, Cell] = field(default_factory=dict)
    """Fields of the page that the count has settled."""
    disputed: tuple[str, ...] = ()
    problem: str | None = None
    move_to: Place | None = None
    """Enough persons say that it belongs there."""

    @property
    def agreed(self) -> bool:
        return self.state in AGREED


def fields_of(form: Form, page: int) -> tuple[str, ...]:
    """The fields of one page, in the form's order."""
    return tuple(f.id for f in form.fields if f.page == page)


def work(said: Said, election: Election) -> Work:
    """The copy's state and what it needs."""
    if said.withdrawn:
        return Work("withdrawn")
    place, missing = _identified(said)
    if place is None:
        problem = _unidentifiable(said, election.agreement.persons)
        if problem is not None:
            return Work("unreadable" if problem == "illegible" else "problem", problem=problem)
        return Work("identify", (Need("identify", persons=missing) if missing else Need("place"),))
    if place != said.claim:
        return Work("identify", move_to=place)
    if not said.answers and not said.decisions:  # thousands of these come in one batch
        fields = fields_of(election.form(election.contest(place[1]).form), place[2])
        return Work("waiting", (Need("read", fields, election.agreement.persons),) if fields else ())
    return _Page(said, election).work()


def _identified(said: Said) -> tuple[Place | None, int]:
    """Where the copy belongs, once enough persons say so; else how many more are asked, 0 when too many were."""
    if said.certain:
        return said.claim, 0
    voices = Counter(seen.place for seen in said.seen)
    ruled = [seen.place for seen in said.seen if seen.ruling]
    if ruled:
        return ruled[-1], 0
    if said.claim[0]:
        voices[said.claim] += 1
    best = voices.most_common(2)
    if best and best[0][1] >= IDENTIFY_VOICES and (len(best) == 1 or best[1][1] < best[0][1]):
        return best[0][0], 0
    if len(said.seen) >= MOST_IDENTIFY:
        return None, 0
    return None, max(1, IDENTIFY_VOICES - max(voices.values(), default=0))


def _unidentifiable(said: Said, persons: int) -> str | None:
    """The problem that enough persons report of a copy that nobody can place."""
    reporters: dict[str, set[str]] = {}
    for answer in said.answers:
        if answer.problem in ("not_a_protocol", "illegible", "duplicate") and not answer.machine:
            reporters.setdefault(answer.problem, set()).add(answer.reader)
    return next((problem for problem, people in sorted(reporters.items()) if len(people) >= persons), None)


class _Page:
    """An identified copy."""

    def __init__(self, said: Said, election: Election) -> None:
        self.said, self.rule = said, election.agreement
        self.contest: Contest = election.contest(said.claim[1])
        self.form = election.form(self.contest.form)
        self.fields = fields_of(self.form, said.claim[2])
        self.answers = [a for a in said.answers if not a.machine]
        frame = answers_frame(said, self.form)
        copies = pl.DataFrame({"copy": [said.copy], "station": [said.claim[0]]})
        self.out = said.copy in excluded_copies(frame, copies, said.decisions, self.rule.persons)
        self.problems = agreed_problems(frame, self.rule.persons)["problem"].to_list()
        self.settled, self.agreed = self._settle(frame)
        ruled = [d for d in said.decisions if d.action == "settle_fields" and d.copy == said.copy]
        self.decided = {f for d in ruled for f in d.values}

    def _settle(self, frame: pl.DataFrame) -> tuple[dict[str, Cell], bool]:
        pages = pl.DataFrame({"copy": [self.said.copy], "page": [self.said.claim[2]]})
        ruled = [d for d in self.said.decisions if d.action == "settle_fields" and d.copy == self.said.copy]
        rows = settle_copies(frame, pages, self.form, self.rule, ruled, certainty_frame(self.said))
        if not rows.height:
            return {}, False
        row = rows.row(0, named=True)
        return {f: cell_of(row[f]) for f in self.fields if row[f] is not None}, row["agreed"]

    def work(self) -> Work:
        excluding = [p for p in self.problems if p not in ("illegible", "page_missing")]
        if self.out:
            return Work("problem" if excluding else "set_aside", problem=excluding[0] if excluding else None)
        needs = self._needs()
        disputed = tuple(f for f in self.fields if f not in self.settled and self._voices(f) >= self.rule.persons)
        if self.agreed:
            state = "arbitrated" if self.decided & set(self.fields) else "agreed"
        elif self.problems:
            return Work("unreadable", settled=self.settled, problem=self.problems[0])
        elif disputed:
            state = "disputed"
        else:
            state = "reading" if self.answers else "waiting"
        return Work(state, tuple(needs), self.settled, disputed)

    def _voices(self, name: str) -> int:
        return len({a.reader for a in self.answers if name in a.values})

    def _dissent(self, name: str) -> int:
        return len({a.reader for a in self.answers if name in a.values and a.values[name] != self.settled[name]})

    def _needs(self) -> list[Need]:
        if self._scattered():
            return self._decide(self.fields)
        missing = self._whole_missing()
        if missing and not self.agreed:
            return [Need("read", self.fields, missing)]
        third, arbiter = self._contested()
        if self._winners() > 1:
            arbiter += [f for f in third if f not in arbiter]
            arbiter += [f for f in self._option_fields() if self._differs(f) and f not in arbiter]
            third = []
        if arbiter:
            return self._decide(tuple(f for f in self.fields if f in arbiter))
        if third:
            return [Need("third", tuple(third))]
        return [Need("read", self.fields, missing)] if missing else []

    def _decide(self, fields: tuple[str, ...]) -> list[Need]:
        most = max(Counter(r.what for r in self.said.rulings).values(), default=0)
        return [Need("decide", fields, max(1, self.arbiters - most))]

    def _scattered(self) -> bool:
        """Problems and readings that lead to nothing: everybody says something else."""
        return (
            not self.agreed
            and len(self.answers) >= self.rule.persons + MORE_VOICES
            and any(a.problem for a in self.answers)
            and len(self._whole()) < self.rule.persons
        )

    def _whole(self) -> list[Answer]:
        return [a for a in self.answers if a.problem is None and all(f in a.values for f in self.fields)]

    def _whole_missing(self) -> int:
        """How many whole readings are still needed."""
        persons, whole = self.rule.persons, self._whole()
        if not self.fields:
            return 0
        if len(whole) < persons:
            return 0 if self.agreed else persons - len(whole)
        if len(whole) >= persons + MORE_VOICES or not self.agreed or self.decided:
            return 0
        sound = [a for a in whole if a.stage not in SUSPECT]
        unproven = all(a.stage == "new" for a in sound) or is_checked(self.said.copy)
        return int(len(sound) < persons or (unproven and len(whole) == persons))

    def _contested(self) -> tuple[list[str], list[str]]:
        """Fields for one more reader, fields for an arbiter."""
        third, arbiter = [], []
        persons, extra = self.rule.persons, len(self._whole()) > self.rule.persons
        for name in self.fields:
            if name in self.decided:
                continue
            voices = self._voices(name)
            if name not in self.settled:
                if voices >= persons + MORE_VOICES:
                    arbiter.append(name)
                elif voices >= persons:
                    third.append(name)
                continue
            dissent = self._dissent(name)
            if self._doubted(name):
                if voices <= persons:
                    third.append(name)
                    continue
                if dissent and any(a.values.get(name) == self.said.sure[name] for a in self.answers):
                    arbiter.append(name)
                    continue
            if extra and dissent and voices - dissent <= persons:
                (third if voices < persons + MORE_VOICES and dissent == 1 else arbiter).append(name)
        return third, arbiter

    def _doubted(self, name: str) -> bool:
        """Whether a machine that is sure read another number than the one that persons settled."""
        sure = self.said.sure.get(name)
        return sure is not None and contradicts(sure, self.settled[name])

    def _option_fields(self) -> list[str]:
        return [o.field for o in self.contest.options if o.field in self.fields]

    def _differs(self, name: str) -> bool:
        return name not in self.decided and len({a.values[name] for a in self.answers if name in a.values}) > 1

    def _winners(self) -> int:
        """How many different winners the readings give, once fields that are decided are left as they are."""
        options = self._option_fields()
        if len(options) < 2 or not any(self._differs(f) for f in options):
            return 1
        fixed = {f: self.settled[f] for f in self.decided if f in self.settled}
        found = set()
        for answer in self.answers:
            known = {**self.settled, **answer.values, **fixed}
            if all(f in known for f in options):
                found.add(winner({f: known[f] for f in options}))
        return len(found)

    @cached_property
    def arbiters(self) -> int:
        """Two where the readings give different winners, else one."""
        return 2 if self._winners() > 1 else 1


def winner(votes: Mapping[str, Cell]) -> tuple[str, ...]:
    """The options with most votes; a dash or a word is no vote. Several: a tie; none: nothing was read."""
    numbers = {name: cell if isinstance(cell, int) else 0 for name, cell in votes.items()}
    most = max(numbers.values(), default=0)
    return tuple(sorted(name for name, number in numbers.items() if number == most and number > 0))


def is_checked(copy: str) -> bool:
    """Whether the copy is in the sample that is read once more. Its name is random, and no reader sees it."""
    return int(copy[:8], 16) % 1000 < CHECKED_IN_A_THOUSAND


def ruled(rulings: Iterable[Ruling], needed: int) -> Ruling | None:
    """The ruling that `needed` arbiters agree on, if there is one."""
    by_what: dict[Any, set[str]] = {}
    first: dict[Any, Ruling] = {}
    for ruling in rulings:
        by_what.setdefault(ruling.what, set()).add(ruling.person)
        first.setdefault(ruling.what, ruling)
    enough = [what for what, persons in by_what.items() if len(persons) >= needed]
    return first[enough[0]] if len(enough) == 1 else None


def arbiters_needed(said: Said, election: Election) -> int:
    """How many arbiters must rule the same on this copy."""
    return _Page(said, election).arbiters


def answers_frame(said: Said, form: Form, first: int = 0) -> pl.DataFrame:
    """The answers as the values frame that the count works on; `first`: the number of the first one."""
    schema: dict[str, Any] = {
        "entry": pl.Int64,
        "copy": pl.String,
        "reader": pl.String,
        "machine": pl.Boolean,
        "problem": pl.String,
    }
    for name in form.field_ids:
        schema |= {name: pl.Int64, name + STATE_SUFFIX: STATE_TYPE}
    rows = []
    for number, answer in enumerate(said.answers, first):
        row: list[Any] = [number, said.copy, answer.reader, answer.machine, answer.problem]
        for name in form.field_ids:
            cell = answer.values.get(name)
            row += [None, None] if cell is None else [cell, "number"] if isinstance(cell, int) else [None, str(cell)]
        rows.append(row)
    return pl.DataFrame(rows, schema=schema, orient="row")


def certainty_frame(said: Said, first: int = 0) -> pl.DataFrame:
    """How sure machines were: entry, field, millionths; entries are numbered as in `answers_frame`."""
    machines = [(number, answer.certainty) for number, answer in enumerate(said.answers, first) if answer.machine]
    return pl.DataFrame(
        [(number, name, millionths) for number, sure in machines for name, millionths in sure.items()],
        schema={"entry": pl.Int64, "field": pl.String, "millionths": pl.Int64},
        orient="row",
    )


_STATES_BY_CODE = {code: FieldState(state) for state, code in STATE_CODES.items()}


def cell_of(code: int) -> Cell:
    """The cell of a code of `agreement.settle`."""
    return _STATES_BY_CODE.get(code, code)


def cells_of(values: Mapping[str, Any]) -> dict[str, Cell]:
    """The cells of an entry's `values`."""
    return {name: FieldState(value) if isinstance(value, str) else int(value) for name, value in values.items()}
