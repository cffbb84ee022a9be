"""What a record already says, indexed for one question: is this that a folder says new?

One pass over the entries. Of readings, decisions and notices only digests of what they say are kept, in their order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

TableKey = tuple[str, str | None, str | None, str]
"""kind, contest, snapshot, name"""
_NOT_SAID = ("type", "v", "batch", "rests_on", "replaces")
"""Keys that say when and on what, not what."""


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


def digest(entry: Mapping[str, Any]) -> bytes:
    """A short name for what an entry says, whenever it says it."""
    said = {key: value for key, value in entry.items() if key not in _NOT_SAID}
    return hashlib.blake2b(_encode(said).encode("utf-8"), digest_size=16).digest()


def table_key(entry: Mapping[str, Any]) -> TableKey:
    """What a table is a new version of: one with the same kind, contest, snapshot and name."""
    return entry["kind"], entry.get("contest"), entry.get("snapshot"), entry["name"]


def row_key(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Entries of one key follow each other: the later one says how it is now."""
    match entry["type"]:
        case "copy":
            return "copy", entry["copy"]
        case "reading":
            return "reading", entry["copy"], entry["reader"]
        case "decision":
            return "decision", entry["station"], entry["contest"]
        case _:
            return entry["type"], digest(entry).hex()


@dataclass
class Known:
    """`rows`: key -> digests in order; `indexes`: key -> entry indexes in order; both without withdrawn tables."""

    size: int = 0
    newest_batch: str = ""
    definition: str | None = None
    tables: dict[TableKey, tuple[int, Mapping[str, Any]]] = field(default_factory=dict)
    rows: dict[tuple[str, ...], list[bytes]] = field(default_factory=dict)
    indexes: dict[tuple[str, ...], list[int]] = field(default_factory=dict)
    withdrawn: set[int] = field(default_factory=set)

    def add(self, entry: Mapping[str, Any], said: bytes | None = None) -> None:
        """The next entry of the record; `said` is its digest, where that is known already."""
        index = self.size
        self.size += 1
        self.newest_batch = max(self.newest_batch, entry["batch"])
        match entry["type"]:
            case "election":
                self.definition = entry["definition"]["sha256"]
            case "table":
                self.tables[table_key(entry)] = (index, entry)
            case "withdrawal":
                self.withdrawn.add(entry["entry"])
            case _:
                key = row_key(entry)
                self.rows.setdefault(key, []).append(said or digest(entry))
                self.indexes.setdefault(key, []).append(index)


def read_known(entries: Iterable[bytes]) -> Known:
    """The index of a whole record. That its entries are canonical and allowed is checked where it is replayed."""
    known = Known()
    for data in entries:
        known.add(json.loads(data))
    return known
