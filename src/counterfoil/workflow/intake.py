"""A folder's files to new entries of its record: what is new, in what form, in what order. Nothing is written here.

Rules:

* A re-run finds nothing new. What the record already says under the same key is skipped; what changed is said again,
  later, and the later one counts; nothing is ever taken out because a file lost a row.
* An official snapshot never changes: other bytes under its name are refused.
* Labels of copies and of persons stay here. A copy enters as HMAC-SHA256(key, "copy", label), a person as the first 16
  hex digits of HMAC-SHA256(key, "reader", label, copy): another pseudonym on every copy. `name@version` of a program
  stays as it is.
* All entries of one run have the same batch. Copies and readings stand in an order that the key determines and nobody
  else can foresee, so that the order of arrival is not in the record; entries of one key keep their order.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from counterfoil.election.definition import Election
from counterfoil.election.folder import FolderInput, RowsInput, TableInput
from counterfoil.primitives.canonical import canonical, sha256_hex
from counterfoil.primitives.errors import InputError
from counterfoil.record.entries import encode_entry
from counterfoil.workflow.known import Known, digest, row_key, table_key
from counterfoil.workflow.slots import MINUTE_S, slot_of

BATCH_MINUTES = 10
_PROGRAM = re.compile(r"[a-z0-9._-]{1,40}@[A-Za-z0-9._-]{1,40}")
_TABLE_ORDER = ("areas", "stations", "readings", "official", "reports")

Entry = dict[str, Any]
Said = tuple[bytes, Entry]
"""An entry with the digest of what it says."""


@dataclass(frozen=True, slots=True)
class News:
    """One line of what a run would add: `new` or `changed`, the kind of entry, a name for people, how many."""

    change: str
    kind: str
    name: str
    count: int


@dataclass
class Plan:
    """What a folder says that its record does not."""

    batch: str
    entries: list[bytes] = field(default_factory=list)
    """Encoded, in the order in which they go in."""
    objects: dict[str, bytes] = field(default_factory=dict)
    """SHA-256 -> bytes, of every object that a new entry names."""
    news: list[News] = field(default_factory=list)
    known_rows: int = 0
    """Rows and tables that the record already has."""


def batch_of(moment: datetime) -> str:
    """The start of the batch that a moment falls into: the only time that an entry names.

    >>> batch_of(datetime(2026, 11, 22, 20, 17, 42, tzinfo=UTC))
    '2026-11-22T20:10Z'
    """
    return slot_of(moment, BATCH_MINUTES * MINUTE_S)


def copy_id(key: bytes, label: str) -> str:
    """The commitment that stands for the organisers' label of a copy."""
    return hmac.digest(key, b"copy\0" + label.encode("utf-8"), "sha256").hex()


def pseudonym(key: bytes, reader: str, copy: str) -> str:
    """What stands for a reader: differs from copy to copy, so that nobody's work can be put together."""
    if _PROGRAM.fullmatch(reader):
        return reader
    return hmac.digest(key, b"reader\0" + reader.encode("utf-8") + b"\0" + copy.encode("ascii"), "sha256").hex()[:16]


def plan(folder: FolderInput, known: Known, key: bytes, batch: str) -> Plan:
    """What of `folder` is new against `known`.

    Raises:
        InputError: a changed official snapshot, a batch before the record's newest, a copy that moved, a row about a
            copy that nobody sent.
    """
    newest = known.newest_batch
    found = Plan(batch)
    _Intake(folder, known, key, found).run()
    if found.entries and batch < newest:
        raise InputError(
            "the time of this run",
            expected=f"{newest} or later, the newest batch of the record",
            found=batch,
            do="set this machine's clock, or give --now",
            code="clock-behind",
        )
    return found


class _Intake:
    def __init__(self, folder: FolderInput, known: Known, key: bytes, found: Plan) -> None:
        self.folder, self.known, self.key, self.plan = folder, known, key, found
        self.election: Election = folder.election
        self.counts: dict[tuple[str, str], int] = {}

    def run(self) -> None:
        self._definition()
        for table in sorted(self.folder.tables, key=lambda t: _TABLE_ORDER.index(t.kind)):
            self._table(table)
        of_kind: dict[str, list[RowsInput]] = {}
        for rows in self.folder.rows:
            of_kind.setdefault(rows.kind, []).append(rows)
        self._people(self._transcribed(of_kind.get("transcripts", ())))
        self._people(self._decided(of_kind.get("decisions", ())))
        self._withdraw(of_kind.get("withdrawals", ()))
        self._people(self._noticed(of_kind.get("notices", ())))
        self.plan.news += [News(change, kind, "", count) for (change, kind), count in sorted(self.counts.items())]

    def _add(self, entry: Entry, said: bytes | None = None) -> None:
        """Put an entry at the end; `said` is its digest, where that is known already."""
        whole = {**entry, "v": 1, "batch": self.plan.batch}
        self.plan.entries.append(encode_entry(whole))
        self.known.add(whole, said)

    def _object(self, data: bytes) -> dict[str, Any]:
        sha256 = sha256_hex(data)
        self.plan.objects[sha256] = data
        return {"sha256": sha256, "bytes": len(data)}

    def _definition(self) -> None:
        data = canonical(self.election.plain)
        if sha256_hex(data) == self.known.definition:
            self.plan.known_rows += 1
            return
        change = "new" if self.known.definition is None else "changed"
        self.plan.news.append(News(change, "election", self.election.id, 1))
        self._add({"type": "election", "definition": self._object(data)})

    def _table(self, table: TableInput) -> None:
        optional = {
            "contest": table.contest,
            "snapshot": table.snapshot,
            "announced_at": table.announced_at,
            "unit": table.unit,
        }
        entry: Entry = {
            "type": "table",
            "kind": table.kind,
            "name": table.name,
            "object": {"sha256": sha256_hex(table.data), "bytes": len(table.data)},
            "rows": table.rows,
            "source": dict(table.source),
            **{name: value for name, value in optional.items() if value is not None},
        }
        index, before = self.known.tables.get(table_key(entry), (None, {}))
        if before and digest(before) == digest(entry):
            self.plan.known_rows += 1
            return
        if before and table.kind == "official" and index not in self.known.withdrawn:
            if before["object"] == entry["object"]:
                self.plan.known_rows += 1
                return
            raise InputError(
                f"the official table {table.name}",
                expected=f"the figures of snapshot {table.snapshot} as they are in the record (entry {index})",
                found="other figures",
                do="an announcement never changes; give the new one a new snapshot name",
                code="official-changed",
            )
        if before and index not in self.known.withdrawn:
            entry["replaces"] = index
        self._object(table.data)
        self.plan.news.append(News("changed" if before else "new", table.kind, table.name, table.rows))
        self._add(entry)

    # Rows

    def _people(self, entries: Iterable[Entry]) -> None:
        """What is new of `entries`, in an order that only the key determines."""
        by_key: dict[tuple[str, ...], list[Said]] = {}
        for entry in entries:
            by_key.setdefault(row_key(entry), []).append((digest(entry), entry))
        order: list[tuple[bytes, tuple[str, ...]]] = []
        queues: dict[tuple[str, ...], Iterator[Said]] = {}
        for key, said in by_key.items():
            fresh = _fresh(said, self.known.rows.get(key, []))
            self.plan.known_rows += len(said) - len(fresh)
            if not fresh:
                continue
            queues[key] = iter(fresh)
            for number in range(len(fresh)):
                text = "\0".join(("order", self.plan.batch, *key, str(number)))
                order.append((hmac.digest(self.key, text.encode("utf-8"), "sha256"), key))
            change = ("changed" if key in self.known.rows else "new", fresh[0][1]["type"])
            self.counts[change] = self.counts.get(change, 0) + len(fresh)
        for _, key in sorted(order):
            said_now, entry = next(queues[key])
            self._add(entry, said_now)

    def _transcribed(self, files: Sequence[RowsInput]) -> Iterator[Entry]:
        copies: set[str] = set()
        for rows in files:
            fields = [c for c in rows.frame.columns if c in self._all_fields()]
            for row in rows.frame.iter_rows(named=True):
                copy = copy_id(self.key, row["copy"])
                if copy not in copies:
                    copies.add(copy)
                    yield self._copy(row, copy)
                reading: Entry = {
                    "type": "reading",
                    "copy": copy,
                    "reader": pseudonym(self.key, row["reader"], copy),
                }
                if row["problem"] is not None:
                    yield {**reading, "problem": row["problem"]}
                else:
                    yield {**reading, "values": _values(row, fields)}

    def _copy(self, row: Mapping[str, Any], copy: str) -> Entry:
        entry: Entry = {
            "type": "copy",
            "copy": copy,
            "station": row["station"],
            "contest": row["contest"],
            "page": int(row["page"]),
            "kind": row["kind"],
        }
        before = self.known.rows.get(("copy", copy))
        if before and before[-1] != digest(entry):
            raise InputError(
                f"copy {row['copy']}",
                expected="the station, contest, page and kind that the record has for it",
                found=f"station {row['station']}, contest {row['contest']}, page {row['page']}, kind {row['kind']}",
                do="give this copy another label, and withdraw the one that was entered wrongly",
                code="copy-moved",
            )
        return entry

    def _all_fields(self) -> set[str]:
        return {f for form in self.election.forms for f in form.field_ids}

    def _decided(self, files: Sequence[RowsInput]) -> Iterator[Entry]:
        for rows in files:
            fields = [c for c in rows.frame.columns if c in self._all_fields()]
            for row in rows.frame.iter_rows(named=True):
                entry: Entry = {
                    "type": "decision",
                    **{name: row[name] for name in ("station", "contest", "action", "reason")},
                }
                if row["copy"] is not None:
                    copy = self._known_copy(row["copy"], "a decision")
                    entry["copy"] = copy
                    entry["rests_on"] = list(self.known.indexes["copy", copy][-1:])
                values = _values(row, fields)
                if values:
                    entry["values"] = values
                yield entry

    def _known_copy(self, label: str, who: str) -> str:
        copy = copy_id(self.key, label)
        if ("copy", copy) not in self.known.rows:
            raise InputError(
                who,
                expected="the label of a copy that is in the transcripts or in the record",
                found=repr(label),
                code="unknown-copy",
            )
        return copy

    def _withdraw(self, files: Sequence[RowsInput]) -> None:
        for rows in files:
            for row in rows.frame.iter_rows(named=True):
                copy = self._known_copy(row["copy"], "a withdrawal")
                reader = row["reader"]
                key = ("reading", copy, pseudonym(self.key, reader, copy)) if reader else ("copy", copy)
                indexes = self.known.indexes.get(key)
                if not indexes:
                    raise InputError(
                        "a withdrawal",
                        expected=f"a reader of the copy {row['copy']}",
                        found=repr(reader),
                        code="unknown-reader",
                    )
                # Of readings the newest counts field by field: an older one must not come back from behind it.
                due = [i for i in indexes if i not in self.known.withdrawn]
                for index in due:
                    self._add({"type": "withdrawal", "entry": index, "reason": row["reason"]})
                self.plan.known_rows += not due
                if due:
                    self.counts["new", "withdrawal"] = self.counts.get(("new", "withdrawal"), 0) + len(due)

    def _noticed(self, files: Sequence[RowsInput]) -> Iterator[Entry]:
        first = self.election.languages[0]
        for rows in files:
            for row in rows.frame.iter_rows(named=True):
                texts = {first: row["text"]}
                for language in self.election.languages[1:]:
                    if row.get(f"text.{language}"):
                        texts[language] = row[f"text.{language}"]
                yield {"type": "notice", "kind": row["kind"], "text": texts}


def _values(row: Mapping[str, Any], fields: Iterable[str]) -> dict[str, int | str]:
    """The cells that say something: a number, or a state's word."""
    cells = ((name, row[name]) for name in fields if row[name] is not None)
    return {name: int(text) if text.lstrip("-").isdecimal() else text for name, text in cells}


def _fresh(said: Sequence[Said], before: Sequence[bytes]) -> list[Said]:
    """What of `said`, in its order, has to be added so that the last of it is the last that the record says.

    A file may keep its old rows and add new ones, or change a row in place; both must work, and neither may say
    anything twice.
    """
    distinct = [item for i, item in enumerate(said) if i == 0 or item[0] != said[i - 1][0]]
    if not before:
        return distinct
    digests = [d for d, _ in distinct]
    if before[-1] in digests:
        last = len(digests) - 1 - digests[::-1].index(before[-1])
        return distinct[last + 1 :]
    fresh = [item for item in distinct if item[0] not in before]
    return fresh if fresh and fresh[-1] is distinct[-1] else [*fresh, distinct[-1]]


__all__ = ["News", "Plan", "batch_of", "copy_id", "plan", "pseudonym"]
