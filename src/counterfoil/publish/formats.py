"""Frames to the bytes of CSV, Parquet and XLSX files: the same frame gives the same bytes, every time.

* CSV: UTF-8 without BOM, LF, RFC 4180 quoting only where needed; null is an empty cell, never 0. Ids stand as they are.
* In CSV a *free text* that a spreadsheet would take for a formula (it starts with = + - @, a tab or a return) gets an
  apostrophe in front (OWASP, "CSV injection"). Numbers and ids don't: a negative number stays a number, and an id can't
  hold the quotes, commas, colons, bars or slashes that a harmful formula needs (`primitives.ids`).
* Parquet holds the raw text; fixed compression, level and row groups.
* XLSX is written by hand (ECMA-376 part 1, section 18.3): text cells are typed as inline strings, so nothing in them is
  ever a formula; there is no time of writing in the file. XlsxWriter takes ten times as long per cell, measured.

What it leaves out: dates and styles; everything in a table is text or a number.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection

import polars as pl

XLSX_MAX_ROWS = 200_000
"""Beyond it no XLSX is written: no spreadsheet program works with such a sheet (the format ends at 1,048,576 rows)."""

_FORMULA_START = r"^[=+\-@\t\r]"
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{FFFE}\x{FFFF}]"
"""Characters that XML 1.0 section 2.2 cannot hold in any form."""
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_DEFLATE_LEVEL = 1
"""The fastest: a sheet of 100,000 rows takes 1 s instead of 4, for a file a third larger."""


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
    """`frame` as Parquet."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=3, statistics=True, row_group_size=250_000)
    return buffer.getvalue()


def xlsx_bytes(frame: pl.DataFrame, sheet: str) -> bytes:
    """`frame` as a workbook of one sheet with a frozen header row.

    Raises:
        ValueError: more than `XLSX_MAX_ROWS` rows.
    """
    if frame.height > XLSX_MAX_ROWS:
        raise ValueError(f"expected at most {XLSX_MAX_ROWS} rows, found {frame.height}")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in _parts(frame, sheet):
            info = zipfile.ZipInfo(name, _LONG_AGO)
            info.create_system = 3
            archive.writestr(info, text.encode("utf-8"), zipfile.ZIP_DEFLATED, _DEFLATE_LEVEL)
    return buffer.getvalue()


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def _parts(frame: pl.DataFrame, sheet: str) -> list[tuple[str, str]]:
    return [
        (
            "[Content_Types].xml",
            (
                f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
                '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                '<Default Extension="xml" ContentType="application/xml"/>'
                f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEET_TYPE}.sheet.main+xml"/>'
                f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_SHEET_TYPE}.worksheet+xml"/></Types>'
            ),
        ),
        ("_rels/.rels", _relation("officeDocument", "xl/workbook.xml")),
        (
            "xl/workbook.xml",
            (
                f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
                f'<sheet name="{_escape(sheet)[:31]}" sheetId="1" r:id="rId1"/></sheets></workbook>'
            ),
        ),
        ("xl/_rels/workbook.xml.rels", _relation("worksheet", "worksheets/sheet1.xml")),
        ("xl/worksheets/sheet1.xml", _worksheet(frame)),
    ]


def _relation(kind: str, target: str) -> str:
    return (
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/{kind}" Target="{target}"/></Relationships>'
    )


def _worksheet(frame: pl.DataFrame) -> str:
    frame = frame.with_columns(_escaped(frame[name]) for name in frame.columns if not frame.schema[name].is_numeric())
    header = "".join(_text_cell(f"{_letters(i)}1", name) for i, name in enumerate(frame.columns))
    number = pl.int_range(2, frame.height + 2).cast(pl.String)
    cells = [_cells(_letters(i), name, frame.schema[name], number) for i, name in enumerate(frame.columns)]
    row = pl.concat_str([pl.lit('<row r="'), number, pl.lit('">'), *cells, pl.lit("</row>")])
    rows = frame.select(row.alias("row"))["row"].str.join("").item() if frame.height else ""
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f'<sheetData><row r="1">{header}</row>{rows}</sheetData></worksheet>'
    )


def _cells(letters: str, name: str, kind: pl.DataType, number: pl.Expr) -> pl.Expr:
    """One column as cell elements; a null has no cell at all."""
    value = pl.col(name)
    if kind.is_numeric():
        cell = pl.concat_str(
            [pl.lit(f'<c r="{letters}'), number, pl.lit('"><v>'), value.cast(pl.String), pl.lit("</v></c>")]
        )
    else:
        opening = pl.lit(f'<c r="{letters}'), number, pl.lit('" t="inlineStr"><is><t xml:space="preserve">')
        cell = pl.concat_str([*opening, value, pl.lit("</t></is></c>")])
    return cell.fill_null("")


def _escaped(column: pl.Series) -> pl.Series:
    """Texts as XML has them; looked at once as a whole, since most columns hold nothing to be escaped."""
    text = column.cast(pl.String)
    if text.str.contains(_CONTROL).any():
        text = text.str.replace_all(_CONTROL, "\ufffd")
    if text.str.contains_any([plain for plain, _ in _ESCAPES]).any():
        for plain, escaped in _ESCAPES:
            text = text.str.replace_all(plain, escaped, literal=True)
    return text


_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"))


def _escape(text: str) -> str:
    for plain, escaped in _ESCAPES:
        text = text.replace(plain, escaped)
    return text


def _text_cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{_escape(text)}</t></is></c>'


def _letters(index: int) -> str:
    """0 -> A, 25 -> Z, 26 -> AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
