"""A rehearsal's papers, what its people do with them, and its score. Pure: no server, no clock.

Answers: which photos are there and which of them are forged; what an honest reader, a reader who errs and one of a
group who lie together type; which rules the server must have kept. Leaves out sending and reading
(`bootstrap.rehearse`).

Rules:

* The papers are the truth: a published figure is wrong if no true paper of its station says so.
* Honest readers err as often as in `simulate`, each in a way of their own: two of them never make the same error, so
  that every wrong figure in the publication is the server's doing.
* Those who lie together type the same wrong figures, and the sums hold.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from counterfoil.simulate.readers import DIGIT_WRONG, FIGURES, TRANSPOSED
from counterfoil.simulate.truth import Planted, Truth
from counterfoil.workflow.rehearsal_folder import FOLDER, make_rehearsal

OFFICIAL = "official.json"
"""In `rehearsal/`: the tables that wait to be uploaded, as election.yaml would name them."""
FORGED = ("forged_beside_true", "forged_alone")
FORGED_COPIES = 2
"""Forged copies at each such station; they stand last there (`simulate.readers`)."""
ERRS = DIGIT_WRONG + TRANSPOSED
LEAST_ACKNOWLEDGED = 0.99
"""Of the photos of invited senders, while the flood lasts."""


def make_election(folder: Path, *, stations: int, seed: int) -> None:
    """The folder of a rehearsal whose official figures wait beside it, in `rehearsal/`.

    Raises:
        InputError: something stands in `folder`, or fewer than 20 stations.
    """
    make_rehearsal(folder, stations=stations, seed=seed, template=False)
    definition = yaml.safe_load((folder / "election.yaml").read_text("utf-8"))
    held = [table for table in definition["tables"] if table["kind"] == "official"]
    definition["tables"] = [table for table in definition["tables"] if table["kind"] != "official"]
    for table in held:
        (folder / table["file"]).rename(folder / FOLDER / table["file"])
    (folder / FOLDER / OFFICIAL).write_text(json.dumps(held), "utf-8")
    text = yaml.safe_dump(definition, sort_keys=False, allow_unicode=True, width=110)
    (folder / "election.yaml").write_text(text, "utf-8")


@dataclass(frozen=True, slots=True)
class Paper:
    """One photo that somebody sends. `number` is the mark on it; `values` what stands in the boxes, as cells."""

    number: int
    station: str
    contest: str
    kind: str
    values: Mapping[str, str]
    forged: bool


def plan(folder: Path) -> tuple[list[Paper], Truth]:
    """What will be sent, and what was planted."""
    truth = Truth.load(folder / FOLDER / "truth.json")
    return papers(folder / FOLDER / "transcripts.csv", truth), truth


def papers(transcripts: Path, truth: Truth) -> list[Paper]:
    """Every protocol among the simulated copies, in the order of stations; pictures that are none are left out."""
    rows = pl.read_csv(transcripts, infer_schema=False).filter(pl.col("problem").is_null())
    fields = rows.columns[rows.columns.index("problem") + 1 :]
    forged_at = {planted.where for planted in truth.planted if planted.problem in FORGED}
    found: list[Paper] = []
    for (station,), group in rows.sort("copy").group_by(["station"], maintain_order=True):
        labels = group["copy"].unique(maintain_order=True).to_list()
        for place, label in enumerate(labels):
            typed = group.filter(pl.col("copy") == label)
            values = {name: _most(typed[name].drop_nulls().to_list()) for name in fields}
            kind = "wall_copy" if place % 2 == 0 else "agents_copy"
            forged = station in forged_at and place >= len(labels) - FORGED_COPIES
            found.append(Paper(len(found) + 1, str(station), typed["contest"][0], kind, values, forged))
    return found


def _most(values: Sequence[str]) -> str:
    return Counter(values).most_common(1)[0][0]


def cell(text: str) -> int | str:
    """A box as the API takes it: a number or the word of its state."""
    return int(text) if text.isdecimal() else text


def typed_honestly(paper: Paper, fields: Sequence[str], reader: int, rng: random.Random) -> dict[str, int | str]:
    """What an honest person types who errs now and then; `reader`: 0 to 8, how their errors look."""
    values = {name: cell(paper.values[name]) for name in fields}
    for name, value in values.items():
        if isinstance(value, int) and rng.random() < ERRS:
            values[name] = value // 10 * 10 + (value + 1 + reader % 9) % 10
    return values


def typed_together(paper: Paper, fields: Sequence[str]) -> dict[str, int | str]:
    """What each of a group who lie together types: a third of the leader's votes goes to who is second."""
    values = {name: cell(text) for name, text in paper.values.items()}
    votes = {name: v for name, v in values.items() if name not in FIGURES and isinstance(v, int)}
    if len(votes) > 1:
        first, second, *_ = sorted(votes, key=lambda name: (-votes[name], name))
        moved = max(20, votes[first] // 3)
        values |= {first: max(0, votes[first] - moved), second: votes[second] + min(moved, votes[first])}
    return {name: values[name] for name in fields}


def wrong_figures(published: pl.DataFrame, true: Sequence[Paper]) -> list[str]:
    """Figures of `results_wide` that no true paper of the station says: "station field: found"."""
    said: dict[str, dict[str, set[str]]] = {}
    for paper in true:
        boxes = said.setdefault(paper.station, {})
        for name, text in paper.values.items():
            boxes.setdefault(name, set()).add(text)
    wrong = []
    for row in published.filter(pl.col("state") == "confirmed").iter_rows(named=True):
        for column, value in row.items():
            name = column.removeprefix("field.")
            if name == column or name.endswith(".state") or value is None:
                continue
            if str(value) not in said.get(row["station"], {}).get(name, set()):
                wrong.append(f"{row['station']} {name}: {value}")
    return wrong


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold, and what was seen."""

    name: str
    holds: bool
    seen: str


@dataclass(frozen=True)
class Rehearsed:
    """All that a rehearsal measured. Times in seconds; None: nothing to measure."""

    stations: int
    seed: int
    wall_s: float
    planted_found: tuple[Planted, ...]
    planted_missed: tuple[Planted, ...]
    planted_invisible: int
    wrong_accepted: tuple[str, ...]
    """In the last publication."""
    wrong_for_a_while: int
    """Different wrong figures in any publication before it: forged copies and lies until somebody found out."""
    acknowledged: int
    lost: tuple[str, ...]
    invited_sent: int
    invited_acknowledged: int
    invited_at_first_try: int
    troll_copies: int
    troll_copies_left: int
    flood: Mapping[str, int]
    """Answers to the flood by status; "0": no answer."""
    impolite: int
    """Refusals without a time to come again, and answers that are faults of the server."""
    readings: int
    lies: int
    arbitrated: int
    released: bool
    withdrawn: bool
    answered: bool
    verified: bool
    to_published_s: float | None
    """Median over stations: from the first acknowledged photo of a true paper to its figures in the publication."""
    six_numbers: Mapping[str, int]
    stopped_by: str = ""
    """What was not finished in the time that was given."""
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def rules(self) -> tuple[Rule, ...]:
        share = self.invited_acknowledged / self.invited_sent if self.invited_sent else 0.0
        refused = sum(count for status, count in self.flood.items() if status in ("429", "503"))
        planted = len(self.planted_found) + len(self.planted_missed)
        missed = ", ".join(f"{p.problem} at {p.where}" for p in self.planted_missed[:5])
        return (
            Rule("planted errors found", not self.planted_missed, f"{len(self.planted_found)} of {planted} {missed}"),
            Rule("no wrong figure accepted", not self.wrong_accepted, "; ".join(self.wrong_accepted[:5]) or "none"),
            Rule("nothing acknowledged is lost", not self.lost, f"{len(self.lost)} of {self.acknowledged}"),
            Rule(
                "invited senders get through the flood",
                share >= LEAST_ACKNOWLEDGED,
                f"{self.invited_acknowledged} of {self.invited_sent}, {self.invited_at_first_try} at the first try",
            ),
            Rule(
                "the flood is refused politely",
                refused > 0 and self.impolite == 0,
                f"{refused} refused with a time to come again, {self.impolite} otherwise",
            ),
            Rule(
                "forged photos are taken out",
                self.troll_copies > 0 and self.troll_copies_left == 0,
                f"{self.troll_copies - self.troll_copies_left} of {self.troll_copies}",
            ),
            Rule("a copy is released by two persons", self.released, "released" if self.released else "not released"),
            Rule(
                "a copy is withdrawn by two persons", self.withdrawn, "withdrawn" if self.withdrawn else "still there"
            ),
            Rule("a stranger's dispute is answered", self.answered, "answered" if self.answered else "open"),
            Rule(
                "the publication follows from its record", self.verified, "verified" if self.verified else "it does not"
            ),
            Rule("everything was finished", not self.stopped_by, self.stopped_by or "finished"),
        )

    @property
    def passed(self) -> bool:
        return all(rule.holds for rule in self.rules)

    def lines(self) -> list[str]:
        """The score as a table in plain text."""
        rows = [f"{'holds ' if rule.holds else 'BROKEN'}  {rule.name:<40} {rule.seen.strip()}" for rule in self.rules]
        median = "-" if self.to_published_s is None else f"{self.to_published_s:.1f} s"
        numbers = "  ".join(f"{name} {value}" for name, value in self.six_numbers.items())
        return [
            f"Rehearsal: {self.stations} stations, seed {self.seed}, {self.wall_s:.0f} s",
            *rows,
            "",
            f"stations: {numbers}",
            f"from a photo to the published count, median: {median}",
            f"{self.readings} readings, {self.lies} of them lies; {self.arbitrated} rulings of arbiters",
            f"wrong figures published for a while, until they were found: {self.wrong_for_a_while}",
            f"planted, but no arithmetic can show it: {self.planted_invisible}",
            f"answers to the flood: {', '.join(f'{status} x {n}' for status, n in sorted(self.flood.items()))}",
        ]

    def data(self) -> dict[str, Any]:
        """The same as plain data."""
        plain = {name: value for name, value in asdict(self).items() if not name.startswith("planted_")}
        return {
            "passed": self.passed,
            "rules": [asdict(rule) for rule in self.rules],
            "planted": {
                "found": [asdict(p) for p in self.planted_found],
                "missed": [asdict(p) for p in self.planted_missed],
                "invisible": self.planted_invisible,
            },
            **plain,
        }
