"""Bad input: each one clear sentence that names the place, and nothing of the folder comes through."""

from __future__ import annotations

import zipfile
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from counterfoil.election.folder import load_folder
from counterfoil.election.yaml_source import read_yaml
from counterfoil.primitives.errors import InputError
from tests.election.conftest import YAML, Write

READINGS = "station,ada,bob,valid,registered\nn-1,120,80,200,900\ns-1,50,60,110,\n"


def refused(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        load_folder(path)
    return caught.value


def readings_of(path: Path) -> str:
    return next(t for t in load_folder(path).tables if t.kind == "readings").data.decode()


Rows = list[list[str | int | None]]

CASES: dict[str, tuple[dict[str, str | bytes | None], str]] = {
    "semicolons": (
        {"readings": READINGS.replace(",", ";")},
        (
            "readings.csv, line 1: expected cells separated by ',', found semicolons; "
            'save the file with commas, or say `delimiter: ";"`.'
        ),
    ),
    "a thousands separator": (
        {"readings": READINGS.replace("n-1,120", 'n-1,"1,120"')},
        (
            "readings.csv, line 2, column ada: expected a whole number without separators, or one of empty, "
            "struck, word, "
            "illegible, absent, found '1,120'."
        ),
    ),
    "a thousands space": (
        {"readings": READINGS.replace("n-1,120", "n-1,1 120")},
        (
            "readings.csv, line 2, column ada: expected a whole number without separators, or one of empty, "
            "struck, word, "
            "illegible, absent, found '1 120'."
        ),
    ),
    "a duplicate station": (
        {"stations": "station,area\nn-1,n\ns-1,s\nn-1,n\n"},
        "stations.csv, line 4: expected each station once, found n-1 again (first in stations.csv, line 2).",
    ),
    "a station twice in the readings": (
        {"readings": READINGS + "n-1,1,1,2,\n"},
        "readings.csv, line 4: expected each station once, found n-1 again (first in readings.csv, line 2).",
    ),
    "a station in two areas": (
        {"stations": "station,area\nn-1,n\nn-1,s\n"},
        (
            "stations.csv, line 3, column area: expected station n-1 in one area, "
            "found s here and n in stations.csv, line 2."
        ),
    ),
    "a report that puts a station in another area": (
        {"reports": "station,area,option,reports\nn-1,s,ada,4\n"},
        "reports.csv, line 2, column area: expected n, the area of station n-1, found s.",
    ),
    "an unknown option in a column": (
        {"readings": READINGS.replace("station,ada", "station,eve,ada").replace("-1,", "-1,1,")},
        (
            "readings.csv: expected no other columns than station, ada, bob, valid, registered, found eve; "
            "map them with `columns:` or name them under `ignore:`."
        ),
    ),
    "an unknown option in the reports": (
        {"reports": "station,option,reports\nn-1,eve,4\n"},
        "reports.csv, line 2, column option: expected an option of president: ada, bob, found 'eve'.",
    ),
    "an unknown item": (
        {"official": "area,item,value\nXX,eve,4\n"},
        (
            "official.csv, line 2, column item: expected an option, a role, a field, `others`, or an item named in "
            "`remarks:`: ada, bob, registered, ballots_cast, valid, invalid, others, found 'eve'."
        ),
    ),
    "negative votes": (
        {"readings": READINGS.replace("n-1,120", "n-1,-120")},
        "readings.csv, line 2, column ada: expected a number of votes, 0 or more, found -120.",
    ),
    "fractional votes": (
        {"readings": READINGS.replace("n-1,120", "n-1,120.5")},
        (
            "readings.csv, line 2, column ada: expected a whole number without separators, or one of empty, "
            "struck, word, "
            "illegible, absent, found '120.5'."
        ),
    ),
    "an unknown station": (
        {"readings": READINGS.replace("s-1", "s-9")},
        "readings.csv, line 3, column station: expected a station of the stations table: n-1, n-2, s-1, found 's-9'.",
    ),
    "an unknown area": (
        {"stations": "station,area\nn-1,west\n"},
        "stations.csv, line 2, column area: expected an area of the areas table: XX, n, s, found 'west'.",
    ),
    "a cycle of areas": (
        {"areas": "area,parent\nXX,\nn,s\ns,n\n"},
        "areas.csv, line 3, column parent: expected areas that lead to the country, found a cycle: n in s in n.",
    ),
    "two roots": (
        {"areas": "area,parent\nXX,\nn,\ns,XX\n"},
        "areas.csv, line 3, column parent: expected a parent, as only the country XX has none, found nothing.",
    ),
    "no root": (
        {"areas": "area,parent\nn,s\ns,\n"},
        "areas.csv: expected the country XX as an area, found none.",
    ),
    "missing columns, all at once": (
        {"readings": "station,ada\nn-1,1\n"},
        (
            "readings.csv: expected the columns bob, valid, registered, found only station, ada; add them, "
            "empty where the "
            "source does not state a figure, or map them with `columns:`."
        ),
    ),
    "an empty file": ({"readings": ""}, "readings.csv: expected a header line and rows, found an empty file."),
    "UTF-16": (
        {"readings": READINGS.encode("utf-16")},
        (
            "readings.csv, line 1: expected UTF-8, found a UTF-16 byte order mark (0xfffe); save the file as "
            "UTF-8, or say "
            "`encoding: utf-16`."
        ),
    ),
    "Latin-1": (
        {"stations": "station,area,name\nn-1,n,School\nn-2,n,Mu\xf1oz\n".encode("latin-1")},
        (
            "stations.csv, line 3: expected UTF-8, found the byte 0xf1; save the file as UTF-8, or say its `encoding:` "
            "(such as latin-1)."
        ),
    ),
    "a line with a cell too few": (
        {"readings": READINGS.replace(",200,900", ",200")},
        "readings.csv, line 2: expected 5 cells, as in the header, found 4; complete or mend the line.",
    ),
    "a line with a cell too many": (
        {"readings": READINGS.replace("80,200", "80,200,1")},
        "readings.csv, line 2: expected 5 cells, as in the header, found 6; complete or mend the line.",
    ),
    "a quote that never closes": (
        {"stations": 'station,area,name\nn-1,n,"School\nn-2,n,Town\n'},
        "stations.csv, line 2: expected a quote that closes, found the end of the file.",
    ),
    "a quote within a cell": (
        {"stations": 'station,area,name\nn-1,n,School "A"\n'},
        "stations.csv, line 2: expected quotes around a whole cell, doubled inside it, found a quote within a cell.",
    ),
    "a column twice": (
        {"readings": READINGS.replace("bob", "ada")},
        "readings.csv, line 1: expected each column once, found ada twice.",
    ),
    "an id that cannot be one": (
        {"stations": "station,area\nn/1,n\n"},
        (
            "stations.csv, line 2, column station: expected an id of 1 to 100 characters without spaces or / "
            "\\ < > \" ' & "
            "? # % : * | , ; or __, not starting with . - = + or @, found 'n/1'."
        ),
    ),
    "a coordinate off the globe": (
        {"stations": "station,area,latitude,longitude\nn-1,n,53.9,27.5\nn-2,n,253.9,27.5\n"},
        "stations.csv, line 3, column latitude: expected degrees from -90 to 90, found '253.9'.",
    ),
    "a station replaced by itself in the end": (
        {"stations": "station,area,replaced_by\nn-1,n,n-2\nn-2,n,n-1\ns-1,s,\n"},
        (
            "stations.csv, line 2, column replaced_by: expected a station that stands in the end, found a cycle of "
            "replacements from n-1."
        ),
    ),
    "a file outside the folder": (
        {"election_yaml": YAML.replace("file: stations.csv", "file: ../stations.csv")},
        "election.yaml, line 19, column 22: expected file: a file in this folder, found '../stations.csv'.",
    ),
    "a file that is not there": (
        {"readings": None},
        "election.yaml, line 20, column 42: expected file: a file that is in this folder, found 'readings.csv'.",
    ),
    "an unknown key": (
        {"election_yaml": YAML.replace("country:", "contry:")},
        (
            "election.yaml, line 4, column 1: expected one of counterfoil, id, title, country, date, "
            "languages, contests, "
            "forms, agreement, tolerance, min_cell, expected_stations, compare_with, sample, "
            "simulated, tables, entries, found 'contry'."
        ),
    ),
    "two stations tables": (
        {"election_yaml": YAML + "  - {kind: stations, file: stations.csv, name: again}\n"},
        "election.yaml, line 23, column 6: expected one stations table, found a second one.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_gives_one_sentence(case: str, folder: Write) -> None:
    files, sentence = CASES[case]
    assert str(refused(folder(**files))) == sentence


def test_a_byte_order_mark_is_dropped(folder: Write) -> None:
    assert readings_of(folder(readings="\ufeff" + READINGS)) == READINGS


@pytest.mark.parametrize(("encoding", "option"), [("latin-1", "latin-1"), ("utf-16", "utf-16"), ("cp1251", "cp1251")])
def test_another_encoding_is_read_where_the_definition_says_so(encoding: str, option: str, folder: Write) -> None:
    name = "Школа" if encoding == "cp1251" else "Muñoz"
    path = folder(
        stations=f"station,area,name\nn-1,n,{name}\ns-1,s,x\nn-2,n,y\n".encode(encoding),
        election_yaml=YAML.replace("file: stations.csv", f"file: stations.csv, encoding: {option}"),
    )
    stations = next(t for t in load_folder(path).tables if t.kind == "stations")
    assert stations.data.decode().splitlines()[1].startswith(f"n-1,n,{name},")


def test_semicolons_are_read_where_the_definition_says_so(folder: Write) -> None:
    path = folder(
        readings=READINGS.replace(",", ";"),
        election_yaml=YAML.replace("file: readings.csv", 'file: readings.csv, delimiter: ";"'),
    )
    assert readings_of(path) == READINGS


def test_negative_figures_are_kept_where_the_definition_says_so(folder: Write) -> None:
    text = READINGS.replace("n-1,120", "n-1,-3")
    path = folder(readings=text, election_yaml=YAML.replace("file: readings.csv", "file: readings.csv, negative: keep"))
    assert readings_of(path) == text


def test_votes_above_the_register_are_accepted(folder: Write) -> None:
    text = READINGS.replace("n-1,120,80,200,900", "n-1,9120,80,9200,900")
    assert readings_of(folder(readings=text)) == text


def test_columns_are_mapped_and_ignored_by_name(folder: Write) -> None:
    path = folder(
        readings=READINGS.replace("registered", "RE,url").replace("900", "900,x").replace("110,", "110,,y"),
        election_yaml=YAML.replace(
            "file: readings.csv", "file: readings.csv, columns: {registered: RE}, ignore: [url]"
        ),
    )
    assert readings_of(path) == READINGS


def test_a_table_in_parquet_xlsx_or_ods_is_the_same_table(folder: Write, tmp_path: Path) -> None:
    columns = ["station", "ada", "bob", "valid", "registered"]
    rows: Rows = [[*columns], ["n-1", 120, 80, 200, 900], ["s-1", 50, 60, 110, None]]
    _xlsx(tmp_path / "r.xlsx", rows)
    _ods(tmp_path / "r.ods", rows)
    pl.DataFrame(rows[1:], schema=columns, orient="row").with_columns(
        pl.col("registered").cast(pl.Float64)
    ).write_parquet(tmp_path / "r.parquet")
    for name in ("r.xlsx", "r.ods", "r.parquet"):
        path = folder(election_yaml=YAML.replace("file: readings.csv", f"file: {name}"))
        assert readings_of(path) == READINGS


def _xlsx(path: Path, rows: Rows, error: bool = False) -> None:
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Readings")
    for at, row in enumerate(rows):
        sheet.write_row(at + 1, 1, row)
    if error:
        sheet.write_formula(2, 2, "=1/0", None, "#DIV/0!")
    book.close()


MANIFEST = (
    '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
    '<manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/>'
    '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
)


def _ods(path: Path, rows: Rows) -> None:
    """The least that an OpenDocument spreadsheet is (OpenDocument 1.3 part 3, section 9)."""

    def cell(value: str | int | None) -> str:
        if value is None:
            return "<table:table-cell/>"
        if isinstance(value, int):
            return f'<table:table-cell office:value-type="float" office:value="{value}"/>'
        return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'

    body = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    names = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))
    content = (
        f'<?xml version="1.0"?><office:document-content {names} office:version="1.3"><office:body><office:spreadsheet>'
        f'<table:table table:name="Readings">{body}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr("content.xml", content)
        package.writestr("META-INF/manifest.xml", MANIFEST)


def test_a_place_in_a_spreadsheet_is_its_row(folder: Write, tmp_path: Path) -> None:
    _xlsx(tmp_path / "r.xlsx", [["station", "ada", "bob", "valid", "registered"], ["n-1", 120, -80, 200, 900]])
    error = refused(folder(election_yaml=YAML.replace("file: readings.csv", "file: r.xlsx")))
    assert str(error) == (
        "r.xlsx, sheet Readings, row 3, column bob: expected a number of votes, 0 or more, found -80."
    )


def test_an_error_in_a_spreadsheet_cell_is_refused_not_read_as_nothing(folder: Write, tmp_path: Path) -> None:
    _xlsx(tmp_path / "r.xlsx", [["station", "ada", "bob", "valid", "registered"], ["n-1", 1, 2, 3, 4]], error=True)
    error = refused(folder(election_yaml=YAML.replace("file: readings.csv", "file: r.xlsx")))
    assert str(error) == "r.xlsx, cell C3: expected a value, found an error of the spreadsheet."


def test_a_truncated_parquet_is_refused(folder: Write, tmp_path: Path) -> None:
    pl.DataFrame({"station": ["n-1"] * 1000, "ada": list(range(1000))}).write_parquet(tmp_path / "r.parquet")
    whole = (tmp_path / "r.parquet").read_bytes()
    (tmp_path / "r.parquet").write_bytes(whole[: len(whole) // 2])
    error = refused(folder(election_yaml=YAML.replace("file: readings.csv", "file: r.parquet")))
    assert error.code == "bad-parquet"
    assert str(error).startswith("r.parquet: expected a whole Parquet file, found ")


def test_a_truncated_spreadsheet_is_refused(folder: Write, tmp_path: Path) -> None:
    _xlsx(tmp_path / "r.xlsx", [["station"], ["n-1"]])
    whole = (tmp_path / "r.xlsx").read_bytes()
    (tmp_path / "r.xlsx").write_bytes(whole[: len(whole) // 2])
    error = refused(folder(election_yaml=YAML.replace("file: readings.csv", "file: r.xlsx")))
    assert error.code == "bad-spreadsheet"


def test_a_fraction_in_a_parquet_column_of_floats_is_refused(folder: Write, tmp_path: Path) -> None:
    pl.DataFrame({"station": ["n-1"], "ada": [1.5], "bob": [1.0], "valid": [2.0], "registered": [None]}).write_parquet(
        tmp_path / "r.parquet"
    )
    error = refused(folder(election_yaml=YAML.replace("file: readings.csv", "file: r.parquet")))
    assert str(error).startswith("r.parquet, row 1, column ada: expected a whole number")


def test_the_line_is_right_after_a_cell_of_several_lines_and_blank_lines(folder: Write) -> None:
    error = refused(folder(stations='station,area,name\r\nn-1,n,"a\r\nb"\r\n\r\nn-2,west,c\r\n'))
    assert str(error).startswith("stations.csv, line 5, column area: expected an area")


def bomb() -> bytes:
    lines = [b"a: &a [x, x, x, x, x, x, x, x, x]"]
    for letter in b"bcdefghi":
        lines.append(b"%c: &%c [%s]" % (letter, letter, b", ".join([b"*%c" % (letter - 1)] * 9)))
    return b"\n".join(lines)


YAML_CASES = {
    "a YAML bomb": (
        bomb(),
        (
            "x.yaml, line 5, column 8: expected aliases that repeat at most 10000 values, found more with *d; "
            "write the values out."
        ),
    ),
    "a duplicate key": (
        b"a: 1\nb: 2\na: 3\n",
        "x.yaml, line 3, column 1: expected each key once, found a again (first on line 1).",
    ),
    "a tag that would make an object": (
        b"a: !!python/object/apply:os.system [ls]\n",
        (
            "x.yaml, line 1, column 4: expected plain data without tags, found "
            "'tag:yaml.org,2002:python/object/apply:os.system'."
        ),
    ),
    "a second document": (
        b"a: 1\n---\nb: 1\n",
        "x.yaml, line 2, column 1: expected one document, found a second one after ---.",
    ),
    "too deep": (b"[" * 60 + b"]" * 60, "x.yaml, line 1, column 51: expected at most 50 levels, found more."),
    "an alias of itself": (
        b"a: &a [*a]\n",
        "x.yaml, line 1, column 8: expected an alias of a value that is complete, found *a.",
    ),
    "not UTF-8": (
        b"a: 1\nb: \xf1\n",
        "x.yaml, line 2: expected UTF-8 text, found the byte 0xf1; save the file as UTF-8.",
    ),
    "a merge key": (
        b"a: &a {b: 1}\nc:\n  <<: *a\n",
        "x.yaml, line 3, column 3: expected keys written out, found the merge key <<.",
    ),
    "too large": (b"#" * 4_000_001, "x.yaml: expected at most 4000000 bytes, found 4000001 bytes."),
}


@pytest.mark.parametrize("case", YAML_CASES)
def test_bad_yaml_gives_one_sentence(case: str) -> None:
    data, sentence = YAML_CASES[case]
    with pytest.raises(InputError) as caught:
        read_yaml(data, "x.yaml")
    assert str(caught.value) == sentence


def test_broken_yaml_names_line_and_column() -> None:
    with pytest.raises(InputError) as caught:
        read_yaml(b"a: 1\nb: [1, 2\nc: 3\n", "x.yaml")
    assert caught.value.code == "not-yaml"
    assert str(caught.value).startswith("x.yaml, line 3, column 2: expected YAML, found ")


def test_words_of_old_yaml_stay_texts() -> None:
    plain, locate = read_yaml(
        b"{no: no, on: off, t: 12:30, id: 007, day: 2024-07-28, half: 0.5, n: 12, y: true, z: }", "x"
    )
    assert plain == {
        "no": "no", "on": "off", "t": "12:30", "id": "007",
        "day": "2024-07-28", "half": "0.5", "n": 12, "y": True, "z": None,
    }  # fmt: skip
    assert locate(("day",)) == "x, line 1, column 38"


def test_a_small_alias_is_allowed() -> None:
    plain, _ = read_yaml(b"a: &x [1, 2]\nb: *x\n", "x.yaml")
    assert plain == {"a": [1, 2], "b": [1, 2]}
