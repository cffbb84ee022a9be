"""People who collude, against the rules of tasks, agreement and standing: the real rules, without a database.

`python -m tests.workflow_work.colluders [--photos 1000] [--seeds 3]` prints the table of docs/reading-at-work.md.

Every reader asks in turn at random; what they get follows the rules of `storage.leases` (a window of 32, other
branches first, then chance, nobody twice). Colluders type the same wrong values, and arbiters are honest. A reader who
comes to `paused` is withdrawn by the organisers, as they are asked to. Leaves out: colluding arbiters and organisers,
colluders who know which answers are known.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from counterfoil.election.definition import Election, read_definition
from counterfoil.primitives.cells import Cell
from counterfoil.record.state import Decision
from counterfoil.workflow.standing import Tally, gold_due, stage
from counterfoil.workflow.work import SUSPECT, Answer, Need, Ruling, Said, Work, work

FIELDS = ("voters", "ballots", "valid", "ada", "bob", "against")
HONEST_ERROR = 0.005
"""Share of fields that an honest person mistypes."""
WINDOW = 32
GOLD_EVERY = 20

ELECTION: Election = read_definition(
    {
        "counterfoil": 1,
        "id": "colluders",
        "title": "Colluders",
        "country": "XX",
        "date": "2026-03-01",
        "contests": [
            {
                "id": "president",
                "form": "protocol",
                "base": {"kind": "valid", "official": "valid"},
                "options": [{"id": "ada"}, {"id": "bob"}, {"id": "against"}],
            }
        ],
        "forms": [{"id": "protocol", "fields": [{"id": name} for name in FIELDS]}],
    }
)


@dataclass
class Reader:
    """One person. `colludes`: the copies on which they type what was agreed among them; None: honest."""

    id: str
    branch: str
    colludes: frozenset[str] | None
    touched: set[str] = field(default_factory=set)
    marks: dict[str, list[tuple[bool, bool]]] = field(default_factory=dict)
    stage: str = "new"


@dataclass
class Photo:
    """One copy with the truth, the lie, and what was said of it."""

    name: str
    truth: Mapping[str, Cell]
    lie: Mapping[str, Cell]
    answers: dict[str, Mapping[str, Cell]] = field(default_factory=dict)
    rulings: list[Ruling] = field(default_factory=list)
    decided: dict[str, Cell] = field(default_factory=dict)
    found: Work = field(default_factory=lambda: Work("waiting"))


@dataclass(frozen=True)
class Outcome:
    """What came out. `most_wrong`: wrong copies that the count accepted at any one time."""

    wrong: int
    most_wrong: int
    agreed: int
    unfinished: int
    readings: int
    rulings: int
    caught: int
    honest_stopped: int


class World:
    """`share` of the readers collude; `targets`: the share of photos on which they do."""

    def __init__(self, seed: int, photos: int, *, share: float, one_branch: bool, targets: float, people: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a simulation
        names = [f"{self.chance.getrandbits(256):064x}" for _ in range(photos)]
        self.photos = {name: self._photo(name) for name in names}
        aims = frozenset(name for name in names if self.chance.random() < targets)
        bad = round(people * share)
        self.readers = {
            f"r{n}": Reader(f"r{n}", "bad" if one_branch and n < bad else f"b{n % 8}", aims if n < bad else None)
            for n in range(people)
        }
        self.always = targets == 1
        self.readings = self.rulings = self.most_wrong = 0
        self.wrong_now: set[str] = set()
        for photo in self.photos.values():
            self._look(photo)

    def _photo(self, name: str) -> Photo:
        ada, bob, against = (self.chance.randrange(20, 700) for _ in range(3))
        valid = ada + bob + against
        truth = {"voters": 2500, "ballots": valid, "valid": valid, "ada": ada, "bob": bob, "against": against}
        moved = min(ada, 60) if self.chance.random() < 0.5 else ada - 1
        return Photo(name, truth, {**truth, "ada": ada - moved, "bob": bob + moved})

    def run(self) -> Outcome:
        idle = 0
        while idle < 3 * len(self.readers):
            reader = self.chance.choice(list(self.readers.values()))
            idle = 0 if self._turn(reader) else idle + 1
            self._decide_all()
        agreed = [p for p in self.photos.values() if p.found.agreed]
        return Outcome(
            wrong=len(self.wrong_now),
            most_wrong=self.most_wrong,
            agreed=len(agreed),
            unfinished=len(self.photos) - len(agreed),
            readings=self.readings,
            rulings=self.rulings,
            caught=sum(r.stage == "paused" for r in self.readers.values() if r.colludes is not None),
            honest_stopped=sum(r.stage == "paused" for r in self.readers.values() if r.colludes is None),
        )

    def _turn(self, reader: Reader) -> bool:
        """One person asks for a task and does it; False where there is none."""
        if reader.stage == "paused":
            return False
        if gold_due(reader.stage, GOLD_EVERY, self.chance.randrange(1_000_000)):
            cheats = reader.colludes is not None and self.always
            reader.marks.setdefault(f"gold{len(reader.marks)}", []).extend(
                (not cheats or name not in ("ada", "bob"), False) for name in FIELDS
            )
            self._rate(reader)
        task = self._next(reader)
        if task is None:
            return False
        photo, need = task
        self._answer(photo, reader, need)
        return True

    def _next(self, reader: Reader) -> tuple[Photo, Need] | None:
        open_now: list[tuple[Photo, Need]] = []
        for photo in self.photos.values():
            need = next((n for n in photo.found.needs if n.kind in ("read", "third")), None)
            if need is not None and photo.name not in reader.touched:
                open_now.append((photo, need))
                if len(open_now) == WINDOW:
                    break
        others = [t for t in open_now if all(self.readers[r].branch != reader.branch for r in t[0].answers)]
        return self.chance.choice(others or open_now) if open_now else None

    def _answer(self, photo: Photo, reader: Reader, need: Need) -> None:
        self.readings += 1
        reader.touched.add(photo.name)
        paper = photo.lie if reader.colludes is not None and photo.name in reader.colludes else photo.truth
        typed = {name: paper[name] for name in need.fields}
        if reader.colludes is None:
            for name in typed:
                if self.chance.random() < HONEST_ERROR:
                    typed[name] = int(paper[name]) + self.chance.choice((-10, -1, 1, 9, 90))
        photo.answers[reader.id] = typed
        self._look(photo)

    def _look(self, photo: Photo) -> None:
        """State, needs and marks of a photo again; then the stages of its readers."""
        answers = [Answer(r, values, stage=self.readers[r].stage) for r, values in photo.answers.items()]
        said = Said(
            photo.name, ("001", "president", 1), answers, self._decisions(photo), rulings=photo.rulings, certain=True
        )
        photo.found = work(said, ELECTION)
        settled = photo.found.settled
        if photo.found.agreed and any(settled[f] != photo.truth[f] for f in FIELDS):
            self.wrong_now.add(photo.name)
        else:
            self.wrong_now.discard(photo.name)
        self.most_wrong = max(self.most_wrong, len(self.wrong_now))
        for reader, values in list(photo.answers.items()):
            if reader not in photo.answers:  # withdrawn meanwhile
                continue
            marks = []
            for name, value in values.items():
                others = [v[name] for r, v in photo.answers.items() if r != reader and name in v]
                if name in settled and others:
                    marks.append((value == settled[name], value != settled[name] and value in others))
            self.readers[reader].marks[photo.name] = marks
            self._rate(self.readers[reader])

    def _decisions(self, photo: Photo) -> list[Decision]:
        if not photo.decided:
            return []
        plain = {f: int(v) for f, v in photo.decided.items()}
        return [Decision(1, "001", "protocol", "settle_fields", "read_again", photo.name, plain, ())]

    def _rate(self, reader: Reader) -> None:
        flat = [mark for marks in reader.marks.values() for mark in marks]
        tally = Tally(
            sum(m[0] for m in flat),
            sum(not m[0] for m in flat),
            sum(m[1] for m in flat),
            sum(bool(marks) for marks in reader.marks.values()),
        )
        before, (reader.stage, _) = reader.stage, stage(tally)
        if reader.stage == "paused":
            self._withdraw(reader)
        elif (before in SUSPECT) != (reader.stage in SUSPECT):
            for photo in self.photos.values():
                if reader.id in photo.answers:
                    self._look(photo)

    def _withdraw(self, reader: Reader) -> None:
        theirs = [p for p in self.photos.values() if reader.id in p.answers]
        for photo in theirs:
            del photo.answers[reader.id]
        for photo in theirs:
            self._look(photo)

    def _decide_all(self) -> None:
        for photo in self.photos.values():
            while any(n.kind == "decide" for n in photo.found.needs):
                need = next(n for n in photo.found.needs if n.kind == "decide")
                self.rulings += need.persons
                photo.decided.update({f: photo.truth[f] for f in need.fields})
                self._look(photo)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.workflow_work.colluders", description=__doc__)
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    say = sys.stdout.write
    say("| colluders | on | seed | wrong at the end | most at one time | agreed | readings | rulings | caught | ")
    say("honest stopped |\n")
    say("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
    for who, one_branch, targets, share in (
        ("none", False, 0.0, 0.0),
        ("30 %, one branch", True, 1.0, 0.3),
        ("30 %, one branch", True, 0.05, 0.3),
        ("30 %, every branch", False, 1.0, 0.3),
        ("30 %, every branch", False, 0.2, 0.3),
        ("30 %, every branch", False, 0.05, 0.3),
    ):
        for seed in range(given.seeds):
            world = World(seed, given.photos, share=share, one_branch=one_branch, targets=targets, people=40)
            o = world.run()
            say(
                f"| {who} | {targets:.0%} of photos | {seed} | {o.wrong} | {o.most_wrong} | {o.agreed} | {o.readings} "
                f"| {o.rulings} | {o.caught} of {round(40 * share)} | {o.honest_stopped} |\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
