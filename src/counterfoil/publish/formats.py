"""Frames to the bytes of CSV, Parquet and XLSX files: the same frame gives the same bytes, every time.

* CSV: UTF-8 without BOM, LF, RFC 4180 quoting only where needed; null is an empty cell, never 0. Ids stand as they are.
* In CSV a *free text* that a spreadsheet would take for a formula (it starts with = + - @, a tab or a return) gets an
  apostrophe in front (OWASP, "CSV injection"). Numbers and ids don't: a negative number stays a number, and an id can't
  hold the quotes, commas, colons, bars or slashes that a harmful formula needs (`primitives.ids`).
* Parquet holds the raw text; fixed compression, level and row groups.
* In XLSX text cells are typed as text, so nothing in them is ever a formula; the time of writing is a fixed one.

What it leaves out: dates and styles; everything in a table is text or a number.
"""

from __future__ import annotations

import io
from collections.abc import Collection
from datetime import UTC, datetime

import polars as pl
import polars.selectors as cs

XLSX_MAX_ROWS = 100_000
"""Beyond it no XLSX is written: hardly a spreadsheet program works with such a sheet, and CSV and Parquet are there."""

_FORMULA_START = r"^[=+\-@\t\r]"
_LONG_AGO = datetime(1980, 1, 1, tzinfo=UTC)


def csv_bytes(frame: pl.DataFrame, free_text: Collection[str] = ()) -> bytes:
    """`frame` as CSV; `free_text` names the columns whose texts were written by people."""
    guarded = [
        pl.when(pl.col(name).str.contains(_FORMULA_START))
        .then(pl.lit("'") + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name in frame.columns
        if name in free_text and frame.schema[name] == pl.String
    ]
    buffer = io.BytesIO()
    frame.with_columns(guarded).write_csv(buffer, include_header=True, line_terminator="\n", quote_style="necessary")
    return buffer.getvalue()


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """`frame` as Parquet; how it lies in memory makes no difference."""
    buffer = io.BytesIO()
    frame.rechunk().write_parquet(
        buffer, compression="zstd", compression_level=3, statistics=True, row_group_size=250_000
    )
    return buffer.getvalue()


def xlsx_bytes(frame: pl.DataFrame, sheet: str) -> bytes:
    """`frame` as a workbook of one sheet with a frozen header row.

    Raises:
        ValueError: more than `XLSX_MAX_ROWS` rows.
    """
    if frame.height > XLSX_MAX_ROWS:
        raise ValueError(f"expected at most {XLSX_MAX_ROWS} rows, found {frame.height}")
    import xlsxwriter  # noqa: PLC0415 - only who writes a workbook needs it; `verify` starts without it

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"constant_memory": True}) as book:
        book.set_properties({"created": _LONG_AGO})
        page = book.add_worksheet(sheet[:31])
        page.freeze_panes(1, 0)
        for column, name in enumerate(frame.columns):
            page.write_string(0, column, name)
        write = [page.write_number if kind.is_numeric() else page.write_string for kind in frame.dtypes]
        texts = frame.with_columns((~cs.numeric()).cast(pl.String))
        for number, row in enumerate(texts.iter_rows(), start=1):
            for column, value in enumerate(row):
                if value is not None:
                    write[column](number, column, value)
    return buffer.getvalue()
