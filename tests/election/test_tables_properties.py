"""Rules of tables that must hold for any table: nothing lost on the way in, totals exact, small cells gone."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.election import csv_scan
from counterfoil.election.suppression import suppress
from counterfoil.election.table_checks import CELL as CELL_RULE
from counterfoil.election.table_checks import ID, SIGNED, STATES
from counterfoil.election.table_files import ROW, read_table_file
from counterfoil.election.tables import read_canonical, write_canonical
from counterfoil.primitives.cells import parse_cell
from counterfoil.primitives.errors import InputError
from counterfoil.primitives.ids import check_id

few = settings(deadline=None, max_examples=120)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6) | st.sampled_from(
    ['"', '""', 'a"b', ",", "a,b", "x\ny", "x\r\ny", " ", "é", "😀", "-1", "0"]
)


def frames(columns: int = 3) -> st.SearchStrategy[pl.DataFrame]:
    cell = st.none() | TEXT.filter(lambda t: t != "")
    schema = {f"c{i}": pl.String for i in range(columns)}
    return st.lists(st.tuples(*[cell] * columns), max_size=8).map(
        lambda rows: pl.DataFrame(rows, schema=schema, orient="row")
    )


@few
@given(frames())
def test_canonical_bytes_come_back_as_the_same_rows(frame: pl.DataFrame) -> None:
    data = write_canonical(frame)
    back = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert back[0] == frame.columns
    expected = sorted(
        (tuple(cell or "" for cell in row) for row in frame.iter_rows()), key=lambda r: [c.encode() for c in r]
    )
    assert [tuple(row) if row else ("",) * frame.width for row in back[1:]] == expected
    assert write_canonical(read_canonical(data)) == data


@few
@given(frames(), st.randoms(use_true_random=False))
def test_canonical_bytes_do_not_depend_on_the_order_of_rows(frame: pl.DataFrame, random: object) -> None:
    rows = frame.rows()
    random.shuffle(rows)  # type: ignore[attr-defined]
    assert write_canonical(pl.DataFrame(rows, schema=frame.schema, orient="row")) == write_canonical(frame)


def write(rows: list[list[str]], end: str, blank_after: set[int], last_end: bool) -> tuple[str, list[int]]:
    """The file and the line on which each row begins."""
    out, lines, line = [], [], 1
    for at, row in enumerate(rows):
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator=end).writerow(row)
        text = buffer.getvalue()
        lines.append(line)
        line += text.count("\n")
        out.append(text)
        if at in blank_after:
            out.append(end)
            line += 1
    whole = "".join(out)
    return (whole if last_end else whole.removesuffix(end)), lines


@few
@given(
    header=st.lists(TEXT.filter(str.strip), min_size=2, max_size=2, unique_by=str.strip),
    rows=st.lists(st.lists(TEXT, min_size=2, max_size=2), max_size=8),
    end=st.sampled_from(["\n", "\r\n"]),
    blank=st.sets(st.integers(0, 8), max_size=3),
    last_end=st.booleans(),
    bom=st.booleans(),
    block=st.integers(1, 40),
)
def test_a_csv_is_read_cell_by_cell_with_its_lines(
    header: list[str],
    rows: list[list[str]],
    end: str,
    blank: set[int],
    last_end: bool,
    bom: bool,
    block: int,
) -> None:
    text, lines = write([header, *rows], end, blank, last_end)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_scan, "BLOCK_BYTES", block)
        path = Path(folder) / "t.csv"
        path.write_bytes(("\ufeff" if bom else "").encode() + text.encode())
        raw = read_table_file(path)
        got = [(raw.where(row[0]), row[1] or "", row[2] or "") for row in raw.frame.iter_rows()]
    expected = [
        (f"t.csv, line {line}", *(cell.strip() for cell in row))
        for line, row in zip(lines[1:], rows, strict=True)
        if any(cell.strip() for cell in row)
    ]
    assert got == expected
    assert raw.frame.columns == [ROW, *(name.strip() for name in header)]


@few
@given(
    rows=st.lists(st.lists(TEXT, min_size=3, max_size=3), min_size=1, max_size=6),
    at=st.integers(0, 5),
    longer=st.booleans(),
    block=st.integers(1, 40),
)
def test_a_ragged_line_is_always_refused_with_its_line(
    rows: list[list[str]], at: int, longer: bool, block: int
) -> None:
    at %= len(rows)
    rows[at] = [*rows[at], "x"] if longer else rows[at][:2]
    text, lines = write([["a", "b", "c"], *rows], "\n", set(), True)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_scan, "BLOCK_BYTES", block)
        path = Path(folder) / "t.csv"
        path.write_bytes(text.encode())
        with pytest.raises(InputError) as caught:
            read_table_file(path)
    assert caught.value.code == "ragged-line"
    assert caught.value.where == f"t.csv, line {lines[at + 1]}"


@few
@given(st.binary(max_size=60), st.integers(1, 20))
def test_any_bytes_are_read_or_refused_never_crash(data: bytes, block: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_scan, "BLOCK_BYTES", block)
        path = Path(folder) / "t.csv"
        path.write_bytes(b"a,b\n" + data)
        try:
            raw = read_table_file(path)
        except InputError as error:
            assert error.where.startswith("t.csv")
        else:
            assert raw.frame.columns == [ROW, "a", "b"]


CELL = st.one_of(
    TEXT,
    st.integers(-(10**16), 10**16).map(str),
    st.sampled_from([*STATES, "-0", "00", "01", "+1", "1e3", "1.0", "1_000", "１２", "٣", "1 "]),
)


@few
@given(CELL.map(str.strip), st.booleans())
def test_the_vector_rule_for_cells_is_the_rule_for_one_cell(text: str, negative: bool) -> None:
    if not text:
        return
    column = pl.Series([text])
    vector = bool((column.str.contains(SIGNED if negative else CELL_RULE) | column.is_in(list(STATES)))[0])
    try:
        parse_cell(text, where="x", negative=negative)
        single = True
    except InputError:
        single = False
    assert vector == single


IDS = (
    st.text(st.characters(), max_size=5)
    | st.text("ab-._=+@ /é\u00a0\u200b\ue000😀\x1c", max_size=4)
    | st.just("a" * 101)
)


@few
@given(IDS)
def test_the_vector_rule_for_ids_is_the_rule_for_one_id(text: str) -> None:
    if any("\ud800" <= c <= "\udfff" for c in text):
        return
    vector = bool(pl.Series([text]).str.contains(ID)[0]) and "__" not in text
    try:
        check_id(text, where="x")
        single = True
    except InputError:
        single = False
    assert vector == single


TREE: dict[str, str | None] = {"XX": None, "n": "XX", "s": "XX", "n1": "n", "n2": "n"}
STATIONS = pl.DataFrame(
    {"station": [f"p{i}" for i in range(8)], "area": ["n1", "n1", "n1", "n2", "n2", "s", "s", "XX"]}
)


def reports() -> st.SearchStrategy[pl.DataFrame]:
    cells = st.dictionaries(
        st.tuples(st.sampled_from(STATIONS["station"].to_list()), st.sampled_from(["ada", "bob"])), st.integers(0, 12)
    )
    area = dict(STATIONS.iter_rows())
    schema = dict.fromkeys(["station", "area", "option", "reports"], pl.String)
    return cells.map(
        lambda c: pl.DataFrame([(s, area[s], o, str(n)) for (s, o), n in c.items()], schema=schema, orient="row")
    )


def totals(frame: pl.DataFrame) -> dict[str, int]:
    summed = frame.group_by("option").agg(pl.col("reports").cast(pl.Int64).sum())
    return {option: votes for option, votes in summed.iter_rows() if votes}


@few
@given(reports(), st.integers(1, 9), st.booleans())
def test_suppression_keeps_every_total_and_shows_no_small_cell(frame: pl.DataFrame, least: int, tree: bool) -> None:
    shown = suppress(frame, STATIONS, least, TREE if tree else None)
    assert totals(shown) == totals(frame)
    count = pl.col("reports").cast(pl.Int64)
    cells = shown.filter(pl.col("station").is_not_null())
    kept = frame.filter(count >= least)
    assert cells.sort("station", "option").rows() == kept.sort("station", "option").rows()
    remainder = shown.filter(pl.col("station").is_null())
    assert not remainder.select(pl.struct("area", "option").is_duplicated().any()).item()
    if tree:
        assert remainder.filter((count < least) & (pl.col("area") != "XX")).is_empty()
    if least == 1:
        assert remainder.is_empty()


@few
@given(reports(), st.integers(1, 9))
def test_without_a_tree_the_total_of_every_lowest_area_is_exact(frame: pl.DataFrame, least: int) -> None:
    shown = suppress(frame, STATIONS, least)
    keys = ["area", "option"]
    count = pl.col("reports").cast(pl.Int64).sum()
    expected = frame.group_by(keys).agg(count).filter(pl.col("reports") > 0)
    assert shown.group_by(keys).agg(count).sort(keys).rows() == expected.sort(keys).rows()


def test_a_remainder_too_small_to_show_goes_up_until_it_is_large_enough() -> None:
    raw = pl.DataFrame(
        {
            "station": ["p0", "p1", "p3", "p5", "p5"],
            "area": ["n1", "n1", "n2", "s", "s"],
            "option": ["ada", "ada", "ada", "ada", "bob"],
            "reports": ["3", "4", "2", "1", "3"],
        }
    )
    assert suppress(raw, STATIONS, 5, TREE).rows() == [
        (None, "XX", "ada", "3"),  # 2 of n2, raised to n and on with nothing beside it, and 1 of s
        (None, "XX", "bob", "3"),
        (None, "n1", "ada", "7"),
    ]


def test_a_circle_of_areas_is_an_error_not_an_endless_search() -> None:
    raw = pl.DataFrame({"station": ["p0"], "area": ["n1"], "option": ["ada"], "reports": ["1"]})
    with pytest.raises(ValueError, match="a cycle above"):
        suppress(raw, STATIONS, 5, {"n1": "n", "n": "n1"})
