"""What imports of other formats share: the parts of an election, written as a folder.

Formats of authorities say what is voted on and where; none says what the paper form looks like. So the form that an
import writes is a proposal: one field per option and a total. It is meant to be read and mended before the first
protocol is typed.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from counterfoil.election.folder import load_folder
from counterfoil.election.staging import staged_folder, write_definition
from counterfoil.primitives.ids import check_id

Rows = list[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class ImportedOption:
    id: str
    name: Mapping[str, str]
    kind: str = "candidate"
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class ImportedContest:
    id: str
    title: Mapping[str, str]
    options: tuple[ImportedOption, ...]
    base: str = "valid"
    """`valid` or `ballots_cast`: the total that the proposed form has beside the options."""
    votes_per_ballot: int = 1


@dataclass
class ImportedElection:
    """The parts as an import collects them."""

    id: str
    title: Mapping[str, str]
    country: str
    date: str
    languages: list[str]
    contests: list[ImportedContest] = field(default_factory=list)
    areas: Rows = field(default_factory=list)
    stations: Rows = field(default_factory=list)
    tables: list[tuple[dict[str, Any], Rows]] = field(default_factory=list)
    """Further items of `tables:` with their rows."""
    source: Mapping[str, str] = field(default_factory=dict)
    expected_stations: int | None = None


@dataclass(frozen=True, slots=True)
class ImportResult:
    folder: Path
    rows: Mapping[str, int]
    notes: tuple[str, ...]
    """What the file does not say or what was left out, in sentences."""

    def lines(self) -> list[str]:
        """The same for a terminal."""
        return [
            f"imported to {self.folder}",
            *(f"  wrote {file}: {rows} rows" for file, rows in self.rows.items()),
            *(f"  note: {note}" for note in self.notes),
        ]


def write_import(made: ImportedElection, to: Path, maker: str, notes: Sequence[str]) -> ImportResult:
    """Writes the folder, whole or not at all, after reading it back like any other.

    Raises:
        InputError: what `load_folder` refuses; a folder that holds something else.
    """
    tables: list[tuple[dict[str, Any], Rows]] = []
    if made.areas:
        tables.append(({"kind": "areas", "file": "areas.csv"}, made.areas))
    if made.stations:
        tables.append(({"kind": "stations", "file": "stations.csv"}, made.stations))
    tables += made.tables
    rows: dict[str, int] = {}
    with staged_folder(to, maker) as staged:
        listed = []
        for item, table in tables:
            _write_rows(staged / item["file"], table)
            rows[item["file"]] = len(table)
            listed.append({**item, "source": dict(made.source)})
        write_definition(staged, maker, {**_definition(made), "tables": listed})
        load_folder(staged)
    form = "the form is a proposal: one field per option and a total; compare it with the paper before anyone types"
    return ImportResult(to, rows, (*notes, form))


def _definition(made: ImportedElection) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "counterfoil": 1,
        "id": made.id,
        "title": dict(made.title),
        "country": made.country,
        "date": made.date,
        "languages": made.languages,
    }
    if made.expected_stations is not None:
        plain["expected_stations"] = made.expected_stations
    plain["contests"] = [
        {
            "id": contest.id,
            "title": dict(contest.title),
            "form": f"form-{contest.id}",
            "base": {"kind": contest.base, "official": contest.base},
            "roles": {contest.base: contest.base},
            "options": [
                {"id": o.id, "name": dict(o.name), "kind": o.kind, **({"withdrawn": True} if o.withdrawn else {})}
                for o in contest.options
            ],
        }
        for contest in made.contests
    ]
    plain["forms"] = [
        {
            "id": f"form-{contest.id}",
            "fields": [*({"id": o.id} for o in contest.options), {"id": contest.base, "kind": "total"}],
            "checks": [_check(contest)],
        }
        for contest in made.contests
    ]
    return plain


def _check(contest: ImportedContest) -> dict[str, Any]:
    total = " + ".join(o.id for o in contest.options)
    if contest.base == "valid" and contest.votes_per_ballot == 1:
        return {"id": "sum", "rule": f"{total} == valid", "code": "sum-mismatch"}
    most = f"{contest.votes_per_ballot} * {contest.base}"
    return {"id": "part", "rule": f"{total} <= {most}", "code": "votes-over-ballots", "blank": "not_used"}


def _write_rows(path: Path, rows: Rows) -> None:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def plain_id(text: str, *, where: str) -> str:
    """`text` as an id, with `-` for what an id cannot hold.

    Raises:
        InputError: nothing is left of it.
    """
    cleaned = re.sub(r"[^\w.-]+", "-", text.strip())
    return check_id(re.sub(r"_{2,}", "_", cleaned).strip("-."), where=where)


def safe_id(text: str, prefix: str, *, where: str) -> str:
    """An id that a form's rule can name: like `plain_id`, and with a letter first."""
    if any(character.isalnum() for character in text) and not text.strip()[0].isalpha():
        text = f"{prefix}-{text.strip()}"
    return plain_id(text or prefix, where=where)
