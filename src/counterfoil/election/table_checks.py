"""The checks that tables share: each finds the first cell that breaks its rule, with Polars, and names the place.

A check looks at whole columns at once, so a million rows take about as long as reading them. Only the one cell that is
reported is looked at in Python.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from counterfoil.election.table_files import ROW, RawTable
from counterfoil.primitives.cells import FieldState, parse_cell
from counterfoil.primitives.errors import InputError
from counterfoil.primitives.ids import check_id

NUMBER = r"^(?:0|[1-9][0-9]{0,11})$"
CELL = r"^(?:-?0|[1-9][0-9]{0,11})$"
SIGNED = r"^-?(?:0|[1-9][0-9]{0,11})$"
_NOT_IN_IDS = r"\s/\\<>\"'&?#%:*|,;\x00-\x1f\x7f\x{e000}-\x{10ffff}"
ID = rf"^[^.\-=+@{_NOT_IN_IDS}][^{_NOT_IN_IDS}]{{0,99}}$"
"""The rule of `primitives.ids.check_id`, but for the double underscore, as one expression."""
DEGREES = r"^-?[0-9]{1,3}(?:\.[0-9]{1,15})?$"
DAY = r"^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$"
STATES = tuple(state.value for state in FieldState)


@dataclass(frozen=True, slots=True)
class TableCheck:
    """A raw table under examination. Every method returns nothing or raises `InputError`."""

    raw: RawTable

    @property
    def frame(self) -> pl.DataFrame:
        return self.raw.frame

    def columns(self, required: Sequence[str], allowed: Collection[str], ignored: Collection[str], do: str) -> None:
        """All missing columns are named at once, then all that nobody asked for."""
        present = self.raw.columns
        missing = [column for column in required if column not in present]
        if missing:
            raise InputError(
                self.raw.name,
                expected="the columns " + ", ".join(missing),
                found="only " + ", ".join(present),
                do="add them, empty where the source does not state a figure, or map them with `columns:`",
                code="missing-columns",
            )
        unknown = [c for c in present if c not in allowed and c not in ignored and "*" not in ignored]
        if unknown:
            raise InputError(
                self.raw.name,
                expected="no other columns than " + ", ".join(allowed),
                found=", ".join(unknown),
                do=do or "map them with `columns:` or name them under `ignore:`",
                code="unknown-columns",
            )

    def first(self, bad: Mapping[str, pl.Expr]) -> tuple[int, str, str | None] | None:
        """Row, column and text of the first cell, in the order of the file, whose column's expression is true."""
        if not bad or not self.frame.height:
            return None
        rows = self.frame.select(pl.col(ROW).filter(test).min().alias(column) for column, test in bad.items()).row(0)
        found = [(row, column) for row, column in zip(rows, bad, strict=True) if row is not None]
        if not found:
            return None
        row, column = min(found, key=lambda item: item[0])
        return row, column, self.frame.filter(pl.col(ROW) == row)[column][0]

    def present(self, columns: Sequence[str], what: str) -> None:
        hit = self.first({column: pl.col(column).is_null() for column in columns})
        if hit:
            raise InputError(self.raw.where(*hit[:2]), expected=what, found="nothing", code="missing-value")

    def ids(self, column: str) -> None:
        hit = self.first({column: ~pl.col(column).str.contains(ID) | pl.col(column).str.contains("__", literal=True)})
        if hit:
            check_id(hit[2] or "", where=self.raw.where(*hit[:2]))

    def once(self, columns: Sequence[str], what: str, code: str) -> None:
        """Each combination of `columns` stands in one row."""
        again = self.frame.filter(pl.struct(columns).is_duplicated()).select(ROW, *columns)
        if not again.height:
            return
        second = again.filter(~pl.struct(columns).is_first_distinct()).row(0)
        same = [pl.col(c).eq_missing(pl.lit(v)) for c, v in zip(columns, second[1:], strict=True)]
        first = again.filter(*same)[ROW][0]
        raise InputError(
            self.raw.where(second[0]),
            expected=f"each {what} once",
            found=f"{', '.join(str(v) for v in second[1:])} again (first in {self.raw.where(first)})",
            code=code,
        )

    def known(self, column: str, allowed: pl.Series | Sequence[str], what: str, code: str) -> None:
        values = pl.Series(allowed, dtype=pl.String)
        unknown = self.frame.select(ROW, column).filter(
            pl.col(column).is_not_null() & ~pl.col(column).is_in(values.implode())
        )
        if unknown.height:
            others = unknown[column].n_unique() - 1
            shown = ", ".join(values.head(12)) if values.len() <= 12 else ""
            raise InputError(
                self.raw.where(unknown[ROW][0], column),
                expected=what + (f": {shown}" if shown else ""),
                found=repr(unknown[column][0]) + (f" (and {others} others)" if others else ""),
                code=code,
            )

    def matches(self, columns: Sequence[str], pattern: str, what: str, code: str, do: str = "") -> None:
        hit = self.first({c: pl.col(c).is_not_null() & ~pl.col(c).str.contains(pattern) for c in columns})
        if hit:
            row, column, text = hit
            raise InputError(self.raw.where(row, column), expected=what, found=repr(text), do=do, code=code)

    def cells(self, columns: Sequence[str], *, negative: bool) -> None:
        """Figures of a form: digits, a state's word, or nothing."""
        pattern = SIGNED if negative else CELL
        hit = self.first(
            {c: pl.col(c).is_not_null() & ~pl.col(c).str.contains(pattern) & ~pl.col(c).is_in(STATES) for c in columns}
        )
        if hit:
            row, column, text = hit
            parse_cell(text or "", where=self.raw.where(row, column), negative=negative)

    def counts(self, columns: Sequence[str], what: str = "a whole number of 0 or more, without separators") -> None:
        self.matches(columns, NUMBER, what, "bad-cell")


def plain_cells(columns: Sequence[str]) -> list[pl.Expr]:
    """The one text of a figure: `absent` is nothing, `-0` is 0."""
    return [pl.col(c).replace({"absent": None, "-0": "0"}) for c in columns]


def one_line(columns: Sequence[str]) -> list[pl.Expr]:
    """Names in one line: a stranger's script reads the table line by line."""
    return [pl.col(c).str.replace_all(r"[\s\x00-\x1f\x7f]+", " ").str.strip_chars() for c in columns]
