"""Bytes of tables: nothing is lost, nothing becomes a formula, the same frame gives the same bytes."""

from __future__ import annotations

import csv
import io
import zipfile

import polars as pl
import pytest
from defusedxml import ElementTree
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.publish.formats import XLSX_MAX_ROWS, csv_bytes, parquet_bytes, xlsx_bytes

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
ROWS = st.lists(
    st.tuples(st.none() | TEXT, st.none() | st.integers(-(2**53), 2**53), st.none() | st.booleans()), max_size=8
)
SCHEMA = {"name": pl.String, "votes": pl.Int64, "single": pl.Boolean}


def frame_of(rows: list[tuple[str | None, int | None, bool | None]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_csv_gives_back_every_cell(rows: list[tuple[str | None, int | None, bool | None]]) -> None:
    back = pl.read_csv(csv_bytes(frame_of(rows)), schema=SCHEMA)
    assert back.rows() == rows


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_in_csv_no_free_text_starts_like_a_formula_and_only_an_apostrophe_is_added(
    rows: list[tuple[str | None, int | None, bool | None]],
) -> None:
    back = pl.read_csv(csv_bytes(frame_of(rows), ["name"]), schema=SCHEMA)
    for (was, votes, _), (found, found_votes, _) in zip(rows, back.rows(), strict=True):
        assert votes == found_votes
        if was is not None:
            assert found == (f"'{was}" if was[:1] in tuple("=+-@\t\r") and was else was)
            assert not found.startswith(("=", "+", "-", "@", "\t", "\r"))


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_parquet_gives_back_every_cell(rows: list[tuple[str | None, int | None, bool | None]]) -> None:
    assert pl.read_parquet(io.BytesIO(parquet_bytes(frame_of(rows)))).equals(frame_of(rows))


@settings(deadline=None, max_examples=40)
@given(ROWS)
def test_a_workbook_is_well_formed_and_holds_texts_as_texts(
    rows: list[tuple[str | None, int | None, bool | None]],
) -> None:
    data = xlsx_bytes(frame_of(rows), "results")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        sheet = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    space = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    assert sheet.findall(".//m:f", space) == []
    found = {int(str(row.get("r"))): row for row in sheet.findall(".//m:row", space)}
    for number, (name, votes, single) in enumerate(rows, start=2):
        cells = {str(c.get("r"))[0]: c for c in found.get(number, ())}
        assert ("A" in cells, "B" in cells, "C" in cells) == (name is not None, votes is not None, single is not None)
        if votes is not None:
            assert int(cells["B"].findtext("m:v", "", space)) == votes
        if name and name.isprintable():
            assert cells["A"].findtext("m:is/m:t", "", space) == name
        if single is not None:
            assert cells["C"].findtext("m:is/m:t", "", space) == str(single).lower()


def test_a_spreadsheet_program_reads_the_workbook() -> None:
    wide = pl.DataFrame(
        {f"column {i}": [i, -i, None] for i in range(60)} | {"text": ["=1+1", "<&>", None], "last": ["a", "b", "c"]}
    )
    back = pl.read_excel(io.BytesIO(xlsx_bytes(wide, "results")), engine="calamine", sheet_name="results")
    assert back.columns == wide.columns
    assert back["text"].to_list() == ["=1+1", "<&>", None]
    assert back["column 59"].to_list() == [59, -59, None]


def test_ids_with_leading_zeros_stay_as_they_are() -> None:
    text = csv_bytes(pl.DataFrame({"station": ["007", "00-1", "1e5"]})).decode()
    assert list(csv.reader(io.StringIO(text))) == [["station"], ["007"], ["00-1"], ["1e5"]]


def test_csv_is_utf8_without_bom_with_line_feeds() -> None:
    data = csv_bytes(pl.DataFrame({"name": ["Мінск", "x\ny"]}))
    assert not data.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in data
    assert data.decode("utf-8") == 'name\nМінск\n"x\ny"\n'


def test_empty_is_not_zero_and_no_text_is_not_an_empty_text() -> None:
    assert csv_bytes(pl.DataFrame({"a": ["", None], "b": [0, None]})) == b'a,b\n"",0\n,\n'


def test_a_workbook_has_a_fixed_time_of_writing() -> None:
    with zipfile.ZipFile(io.BytesIO(xlsx_bytes(pl.DataFrame({"a": [1]}), "x"))) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 31, 0, 0, 0)}


def test_a_sheet_that_no_program_could_work_with_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 100000 rows"):
        xlsx_bytes(pl.DataFrame({"a": pl.int_range(XLSX_MAX_ROWS + 1, eager=True)}), "x")
