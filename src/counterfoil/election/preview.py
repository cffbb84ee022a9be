"""What an import would do, before it does it: which tables and rows are new, changed or ignored against the record.

It only compares: the bytes that stand in the record come in as an argument, keyed as the record keys them. Nothing in
the record is ever deleted; a table that the folder no longer has stays.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from counterfoil.election.folder import FolderInput, TableInput
from counterfoil.election.tables import read_canonical

TableKey = tuple[str, str | None, str]
"""kind, contest, name."""
EXAMPLES = 5


class Status(enum.StrEnum):
    NEW = "new"
    CHANGED = "changed"
    """A new entry would replace the one that stands."""
    BESIDE = "beside"
    """An official table of the same name with other figures: it would be added, the one that stands would stay."""
    SAME = "same"
    """Nothing would be added."""
    STAYS = "stays"
    """In the record, not in the folder."""


@dataclass(frozen=True, slots=True)
class RowKeys:
    """How many rows, and the keys of the first of them, as "n-1" or "XX ada": a table may have a million."""

    count: int = 0
    first: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.count

    def text(self, word: str) -> list[str]:
        if not self.count:
            return []
        more = ", ..." if self.count > len(self.first) else ""
        return [f"{self.count} {word} ({', '.join(self.first)}{more})"]


@dataclass(frozen=True, slots=True)
class TablePreview:
    key: TableKey
    status: Status
    rows: int
    added: RowKeys = RowKeys()
    removed: RowKeys = RowKeys()
    changed: RowKeys = RowKeys()
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    """Columns of the file that the definition leaves out."""

    def line(self) -> str:
        name = " ".join(part for part in self.key if part)
        parts = [
            *self.added.text("added"),
            *self.removed.text("removed"),
            *self.changed.text("changed"),
            *(f"column {column} added" for column in self.columns_added),
            *(f"column {column} removed" for column in self.columns_removed),
            *(f"column {column} ignored" for column in self.ignored),
        ]
        return f"{name}: {self.status.value}, {self.rows} rows" + "".join(f"; {part}" for part in parts)


@dataclass(frozen=True, slots=True)
class Preview:
    definition: Status
    tables: tuple[TablePreview, ...]
    entries: Mapping[str, int]
    """Kind of single entries -> rows in the folder's files."""

    @property
    def nothing_to_do(self) -> bool:
        quiet = (Status.SAME, Status.STAYS)
        return self.definition in quiet and not self.entries and all(t.status in quiet for t in self.tables)

    def lines(self) -> list[str]:
        """For a terminal: one line each for the definition, every table, every kind of entry."""
        return [
            f"definition: {self.definition.value}",
            *(table.line() for table in self.tables),
            *(f"{kind}: {rows} rows to look at one by one" for kind, rows in self.entries.items()),
        ]


def preview(
    given: FolderInput, standing: Mapping[TableKey, bytes], definition: Mapping[str, Any] | None = None
) -> Preview:
    """Compares a folder with what stands in the record.

    Args:
        given: the folder, as `load_folder` gives it.
        standing: canonical bytes of the tables that count in the record.
        definition: the plain definition in the record; None: none yet.
    """
    tables = [_table(table, standing.get((table.kind, table.contest, table.name))) for table in given.tables]
    brought = {table.key for table in tables}
    stays = [
        TablePreview(key, Status.STAYS, read_canonical(data).height)
        for key, data in standing.items()
        if key not in brought
    ]
    if definition is None:
        status = Status.NEW
    else:
        status = Status.SAME if dict(definition) == dict(given.election.plain) else Status.CHANGED
    entries: dict[str, int] = {}
    for rows in given.rows:
        entries[rows.kind] = entries.get(rows.kind, 0) + rows.frame.height
    return Preview(status, (*tables, *stays), entries)


def _table(table: TableInput, standing: bytes | None) -> TablePreview:
    key = (table.kind, table.contest, table.name)
    if standing is None:
        return TablePreview(key, Status.NEW, table.rows, ignored=table.ignored)
    if standing == table.data:
        return TablePreview(key, Status.SAME, table.rows, ignored=table.ignored)
    before, after = read_canonical(standing), read_canonical(table.data)
    rows = _row_keys(table)
    shared = [c for c in after.columns if c in before.columns and c not in rows]
    changed = pl.any_horizontal([pl.col(c).ne_missing(pl.col(f"{c}__before")) for c in shared] or [pl.lit(value=False)])
    both = after.join(before, on=rows, how="inner", nulls_equal=True, suffix="__before", maintain_order="left")
    return TablePreview(
        key=key,
        status=Status.BESIDE if table.kind == "official" else Status.CHANGED,
        rows=table.rows,
        added=_names(after.join(before, on=rows, how="anti", nulls_equal=True, maintain_order="left"), rows),
        removed=_names(before.join(after, on=rows, how="anti", nulls_equal=True, maintain_order="left"), rows),
        changed=_names(both.filter(changed), rows),
        columns_added=tuple(c for c in after.columns if c not in before.columns),
        columns_removed=tuple(c for c in before.columns if c not in after.columns),
        ignored=table.ignored,
    )


def _row_keys(table: TableInput) -> list[str]:
    """The columns that name a row, by kind (docs/architecture.md)."""
    match table.kind:
        case "areas":
            return ["area"]
        case "official" if table.unit == "area":
            return ["area", "item"]
        case "reports":
            return ["station", "area", "option"]
        case _:
            return ["station"]


def _names(frame: pl.DataFrame, keys: list[str]) -> RowKeys:
    first = frame.select(keys).head(EXAMPLES).iter_rows()
    return RowKeys(frame.height, tuple(" ".join(part for part in row if part) for row in first))
