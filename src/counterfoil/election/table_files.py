"""Table files as people have them (CSV, Parquet, XLSX, ODS) to one frame of texts that knows where each row stands.

Nothing is guessed and nothing repaired: every cell comes as the text it was, outer spaces removed, an empty cell as
null. Formats differ only in where a row stands ("line 12" or "row 12"). CSV is checked byte by byte first
(`csv_scan`) and only the columns that are needed are read, so a file of 2 GB with a few needed columns takes the memory
of those columns.
"""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import fastexcel
import polars as pl

from counterfoil.election.csv_scan import line_of_row, scan_csv_bytes
from counterfoil.primitives.errors import InputError

ROW = "__row"
"""Column with the number of the row in the file, from 0, counted after the header."""
MAX_CELLS = 60_000_000
"""Rows times needed columns of one table (1,000,000 stations with 60 fields): about 2 GB of memory at most."""
MAX_SHEET_BYTES = 400_000_000
"""Unpacked size of a spreadsheet: it is read into memory as a whole."""
MAX_RECODE_BYTES = 500_000_000
"""A CSV that is not UTF-8 is converted into a temporary file first."""
SUFFIXES = (".csv", ".parquet", ".xlsx", ".ods")
ENCODINGS = ("utf-8", "utf-16", "latin-1", "cp1250", "cp1251", "cp1252", "cp1254", "cp1256")
"""What `encoding:` may say; cp1251 is what Russian and Belarusian spreadsheets write."""


@dataclass(frozen=True, slots=True)
class FileOptions:
    """How a file is to be read; the defaults fit a plain CSV."""

    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str | None = None


@dataclass(frozen=True)
class RawTable:
    """The needed columns of a file as texts."""

    name: str
    """The file's name, for errors."""
    frame: pl.DataFrame
    """`__row`, then the columns, all String; null where the cell is empty. Rows without any cell are left out."""
    columns: tuple[str, ...]
    """All columns of the file, in its order."""
    path: Path = field(repr=False)
    first: int = 2
    """Line or row number of row 0."""
    unit: str = "line"
    multiline: bool = False
    options: FileOptions = FileOptions()

    def where(self, row: int, column: str | None = None) -> str:
        """ "readings.csv, line 12, column ada" """
        number = row + self.first
        if self.multiline:
            encoding = "utf-8-sig" if self.options.encoding == "utf-8" else self.options.encoding
            number = line_of_row(self.path, row, encoding, self.options.delimiter)
        place = f"{self.name}, {self.unit} {number}"
        return place if column is None else f"{place}, column {column}"


def read_table_file(
    path: Path,
    *,
    rename: Mapping[str, str] | None = None,
    needed: Collection[str] | None = None,
    options: FileOptions | None = None,
) -> RawTable:
    """Reads a table; `rename` says what our columns are called in the file, `needed` which are read (None: all).

    Raises:
        InputError: no such file, a suffix that is not known, a file that is empty, broken, truncated or too large.
    """
    options = options or FileOptions()
    name = path.name
    if not path.is_file():
        raise InputError(str(path.name), expected="a file", found="none of that name", code="no-file")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            name, expected="a file ending in " + ", ".join(SUFFIXES), found=suffix or "no ending", code="unknown-format"
        )
    if path.stat().st_size == 0:
        raise InputError(name, expected="a header line and rows", found="an empty file", code="empty-file")
    read = {".csv": _csv, ".parquet": _parquet, ".xlsx": _sheet, ".ods": _sheet}[suffix]
    raw = read(path, options, _Wanted(rename or {}, needed))
    _refuse_too_many(name, raw.frame.height, raw.frame.width)
    return raw


@dataclass(frozen=True, slots=True)
class _Wanted:
    rename: Mapping[str, str]
    needed: Collection[str] | None

    def columns(self, name: str, present: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
        """The file's columns to read, and the names of all after renaming."""
        for column in self.rename.values():
            if column not in present:
                raise InputError(
                    name,
                    expected=f"the column {column}",
                    found="the columns " + ", ".join(present),
                    do="mend `columns:`",
                    code="missing-columns",
                )
        theirs = {theirs: ours for ours, theirs in self.rename.items()}
        renamed = tuple(theirs.get(column, column) for column in present)
        for column in renamed:
            if renamed.count(column) > 1:
                raise InputError(
                    name,
                    expected="each column once",
                    found=f"{column} as a column and in `columns:`",
                    code="duplicate-column",
                )
        keep = [o for o, n in zip(present, renamed, strict=True) if self.needed is None or n in self.needed]
        return keep, renamed

    def new_names(self, keep: Sequence[str]) -> dict[str, str]:
        theirs = {theirs: ours for ours, theirs in self.rename.items()}
        return {column: theirs.get(column, column) for column in keep}


def _refuse_too_many(name: str, rows: int, columns: int) -> None:
    if rows * columns > MAX_CELLS:
        raise InputError(
            name,
            expected=f"at most {MAX_CELLS // columns} rows of {columns} needed columns in one table",
            found=f"{rows} rows",
            do="split the file",
            code="too-many-rows",
        )


def _texts(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Outer spaces off, nothing as null, rows without any cell out."""
    cells = pl.all().exclude(ROW)
    stripped = frame.with_columns(cells.str.strip_chars()).with_columns(
        pl.when(cells.str.len_bytes() > 0).then(cells).otherwise(None)
    )
    return stripped.filter(pl.any_horizontal(cells.is_not_null()))


def _csv(path: Path, options: FileOptions, wanted: _Wanted) -> RawTable:
    if options.encoding != "utf-8":
        with tempfile.TemporaryDirectory() as folder:
            recoded = Path(folder) / "recoded.csv"
            _recode(path, recoded, options.encoding)
            return _csv_utf8(recoded, path, options, wanted)
    return _csv_utf8(path, path, options, wanted)


def _recode(path: Path, to: Path, encoding: str) -> None:
    if path.stat().st_size > MAX_RECODE_BYTES:
        raise InputError(
            path.name,
            expected=f"at most {MAX_RECODE_BYTES} bytes in {encoding}",
            found=f"{path.stat().st_size}",
            do="save the file as UTF-8",
            code="too-large",
        )
    line = 1
    try:
        with path.open(encoding=encoding, newline="") as source, to.open("w", encoding="utf-8", newline="") as target:
            while chunk := source.read(1_000_000):
                line += chunk.count("\n")
                target.write(chunk)
    except (UnicodeError, LookupError) as error:
        raise InputError(
            f"{path.name}, after line {line}",
            expected=f"text in {encoding}",
            found=str(error)[:120],
            code="bad-encoding",
        ) from None


def _csv_utf8(file: Path, path: Path, options: FileOptions, wanted: _Wanted) -> RawTable:
    shape = scan_csv_bytes(file, path.name, options.delimiter)
    keep, renamed = wanted.columns(path.name, shape.header)
    _refuse_too_many(path.name, shape.rows, len(keep) + 1)
    if ROW in renamed:
        raise InputError(path.name, expected="other column names", found=ROW, code="duplicate-column")
    if shape.rows == 0:
        empty = pl.DataFrame(schema={ROW: pl.UInt32, **dict.fromkeys(wanted.new_names(keep).values(), pl.String)})
        return RawTable(path.name, empty, renamed, path)
    frame = (
        pl.scan_csv(
            file,
            separator=options.delimiter,
            infer_schema=False,
            with_column_names=lambda _: list(shape.header),  # as the scan read them: unquoted, without outer spaces
            row_index_name=ROW,
        )
        .select(ROW, *keep)
        .rename(wanted.new_names(keep))
    )
    try:
        rows = _texts(frame).collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        raise InputError(path.name, expected="a CSV file", found=_first_line(error), code="bad-csv") from None
    header_lines = 1
    return RawTable(path.name, rows, renamed, path, 1 + header_lines, "line", shape.multiline, options)


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split("\n", maxsplit=1)[0].split())[:150].rstrip(".")


def _parquet(path: Path, options: FileOptions, wanted: _Wanted) -> RawTable:
    del options  # Parquet says itself what it is
    try:
        schema = pl.scan_parquet(path).collect_schema()
        keep, renamed = wanted.columns(path.name, schema.names())
        _refuse_too_many(path.name, pl.scan_parquet(path).select(pl.len()).collect().item(), len(keep) + 1)
        cells = [_as_text(path.name, column, schema[column]) for column in keep]
        frame = pl.scan_parquet(path, row_index_name=ROW).select(ROW, *cells).rename(wanted.new_names(keep))
        rows = _texts(frame).collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            path.name,
            expected="a whole Parquet file",
            found=_first_line(error),
            do="fetch or save the file again",
            code="bad-parquet",
        ) from None
    return RawTable(path.name, rows, renamed, path, 1, "row")


def _as_text(name: str, column: str, kind: pl.DataType) -> pl.Expr:
    cell = pl.col(column)
    if kind == pl.String:
        return cell
    if kind.is_float():  # a column of whole numbers with gaps is often stored as floats
        whole = cell.is_finite() & (cell == cell.round(0)) & (cell.abs() < 2**53)
        return pl.when(whole).then(cell.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(cell.cast(pl.String))
    if kind.is_integer() or kind in (pl.Date, pl.Categorical, pl.Enum, pl.Null):
        return cell.cast(pl.String)
    raise InputError(name, expected=f"texts or numbers in the column {column}", found=str(kind), code="bad-column")


def _sheet(path: Path, options: FileOptions, wanted: _Wanted) -> RawTable:
    name = path.name
    try:
        _check_package(path)
        book = fastexcel.read_excel(path)
        sheets = book.sheet_names
        sheet = options.sheet if options.sheet is not None else sheets[0]
        if sheet not in sheets or (options.sheet is None and len(sheets) > 1):
            raise InputError(
                name,
                expected="one sheet, or its name in `sheet:`",
                found="the sheets " + ", ".join(sheets),
                code="which-sheet",
            )
        cells = book.load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string").to_polars()
    except (fastexcel.FastExcelError, zipfile.BadZipFile, OSError) as error:
        raise InputError(
            name,
            expected="a whole spreadsheet (XLSX or ODS)",
            found=_first_line(error),
            do="save the file again",
            code="bad-spreadsheet",
        ) from None
    place = f"{name}, sheet {sheet}"
    head = next((i for i, row in enumerate(cells.iter_rows()) if any(row)), None)
    if head is None:
        raise InputError(place, expected="a header row and rows", found="an empty sheet", code="empty-file")
    header = [str(cell).strip() if cell else "" for cell in cells.row(head)]
    for column, title in enumerate(header):
        if not title and cells.to_series(column).slice(head + 1).is_not_null().any():
            raise InputError(
                place, expected="a name for each column", found=f"none for column {column + 1}", code="no-header"
            )
        if title and header.index(title) != column:
            raise InputError(place, expected="each column once", found=f"{title} twice", code="duplicate-column")
    used = [i for i, title in enumerate(header) if title]
    frame = cells.select(pl.nth(used)).slice(head + 1)
    frame.columns = [header[i] for i in used]
    keep, renamed = wanted.columns(place, frame.columns)
    rows = _texts(frame.with_row_index(ROW).lazy().select(ROW, *keep).rename(wanted.new_names(keep))).collect()
    return RawTable(place, rows, renamed, path, head + 2, "row")


def _check_package(path: Path) -> None:
    """Refuses what unpacks too large, and cells that hold an error: they would come out empty, as if not stated."""
    with zipfile.ZipFile(path) as package:
        size = sum(part.file_size for part in package.infolist())
        if size > MAX_SHEET_BYTES:
            raise InputError(
                path.name,
                expected=f"at most {MAX_SHEET_BYTES} bytes unpacked",
                found=f"{size}",
                do="save the table as CSV or Parquet",
                code="too-large",
            )
        for part in package.namelist():
            if part.startswith("xl/worksheets/") and part.endswith(".xml"):
                error = re.search(rb'<c\b[^>]*\br="([A-Z]+[0-9]+)"[^>]*\bt="e"', package.read(part))
                if error:
                    raise InputError(
                        f"{path.name}, cell {error.group(1).decode()}",
                        expected="a value",
                        found="an error of the spreadsheet",
                        code="spreadsheet-error",
                    )
