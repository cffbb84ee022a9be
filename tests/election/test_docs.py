"""The reference pages say what the reader does: every key, and examples that run."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from counterfoil.election.definition import CHECK_CODES, read_definition
from counterfoil.election.folder import load_folder
from counterfoil.election.nodes import Node
from counterfoil.election.recipe_format import read_recipe
from counterfoil.election.recipes import apply_recipe, builtin_recipes
from counterfoil.election.rows import ROW_KINDS, row_columns
from counterfoil.election.table_files import ENCODINGS
from counterfoil.election.tables import AREA_COLUMNS, OFFICIAL_COLUMNS, REPORT_COLUMNS, STATION_COLUMNS
from counterfoil.election.yaml_source import read_yaml
from counterfoil.primitives.errors import InputError

DOCS = Path(__file__).resolve().parents[2] / "docs"
REFERENCE = (DOCS / "election-yaml.md").read_text(encoding="utf-8")
RECIPES = (DOCS / "recipes.md").read_text(encoding="utf-8")


def example(page: str) -> str:
    found = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert found
    return found.group(1)


def section(title: str) -> str:
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", REFERENCE, re.DOTALL | re.MULTILINE)
    assert found, title
    return found.group(1)


def documented(title: str) -> set[str]:
    return set(re.findall(r"^\| `([a-z_0-9]+)` \|", section(title), re.MULTILINE))


PLAIN: dict[str, Any] = read_yaml(example(REFERENCE).encode(), "election.yaml")[0]
SAMPLE = {"design": "simple", "seed": "x", "size": 2}
PLACES: Mapping[str, tuple[str | int, ...]] = {
    "Top level": (),
    "A contest": ("contests", 0),
    "The base of a contest": ("contests", 0, "base"),
    "An option": ("contests", 0, "options", 0),
    "A form": ("forms", 0),
    "A field": ("forms", 0, "fields", 0),
    "A check": ("forms", 0, "checks", 0),
    "Agreement": ("agreement",),
    "Sample": ("sample",),
}


@pytest.mark.parametrize("title", PLACES)
def test_the_page_names_every_key_that_the_reader_takes_and_no_other(title: str) -> None:
    plain = copy.deepcopy({**PLAIN, "agreement": {}, "sample": SAMPLE})
    at: Any = plain
    for step in PLACES[title]:
        at = at[step]
    at["surprise"] = 1
    with pytest.raises(InputError) as caught:
        read_definition(plain)
    assert caught.value.code == "unknown-key"
    assert set(caught.value.expected.removeprefix("one of ").split(", ")) == documented(title)


def _folder_with_surprise(tmp_path: Path, kind: str, where: str) -> set[str]:
    (tmp_path / "x.csv").write_text("a\n1\n")
    text = example(REFERENCE)
    text = text[: text.index("tables:")] + f"{where}:\n  - {{kind: {kind}, file: x.csv, surprise: 1}}\n"
    (tmp_path / "election.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_folder(tmp_path)
    assert caught.value.code == "unknown-key"
    return set(caught.value.expected.removeprefix("one of ").split(", "))


@pytest.mark.parametrize("kind", ["areas", "stations", "readings", "official", "reports"])
def test_the_page_names_every_key_of_tables(kind: str, tmp_path: Path) -> None:
    common = documented("Tables")
    further = {
        key
        for kinds, key in re.findall(r"^\| ([^|]*`[^|]*) \| `([a-z_]+)` \|", section("Tables"), re.MULTILINE)
        if f"`{kind}`" in kinds
    }
    # rows of the second table begin with kinds, so `documented` sees their kinds as keys as well
    common -= {"areas", "stations", "readings", "official", "reports"}
    assert _folder_with_surprise(tmp_path, kind, "tables") == common | further


@pytest.mark.parametrize("kind", ROW_KINDS)
def test_entries_have_the_keys_of_tables_but_no_source(kind: str, tmp_path: Path) -> None:
    keys = _folder_with_surprise(tmp_path, kind, "entries")
    assert keys == {"kind", "file", "name", "ignore", "columns", "encoding", "delimiter", "sheet"}
    for key in keys:
        assert f"`{key}`" in section("Entries") + section("Tables")


def test_the_page_names_every_column() -> None:
    tables, entries = section("Tables"), section("Entries")
    for column in (*AREA_COLUMNS, *STATION_COLUMNS, *OFFICIAL_COLUMNS, *REPORT_COLUMNS):
        assert f"`{column}`" in tables, column
    election = read_definition(PLAIN)
    for kind in ROW_KINDS:
        for column in row_columns(kind, election):
            assert column in election.form("protocol").field_ids or f"`{column}`" in entries, column


def test_the_page_names_every_code_and_encoding() -> None:
    for word in (*CHECK_CODES, *ENCODINGS):
        assert f"`{word}`" in REFERENCE, word


def test_the_example_of_the_reference_loads(tmp_path: Path) -> None:
    tables = {
        "election.yaml": example(REFERENCE),
        "areas.csv": "area,parent\nXX,\nn,XX\n",
        "stations.csv": "station,area\nn-1,n\n",
        "readings.csv": "station,ada,bob,spoilt,valid,registered\nn-1,5,6,,11,20\n",
        "official.csv": "area,item,value\nXX,ada,5\n",
        "reports.csv": "station,option,reports\nn-1,ada,5\n",
        "transcripts.csv": "copy,station,contest,reader,ada\nc,n-1,president,anna,5\n",
    }
    for name, text in tables.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    given = load_folder(tmp_path)
    assert len(given.tables) == 5
    assert given.election.form("protocol").checks[1].code == "turnout-over-register"


def test_the_example_recipe_runs(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (tmp_path / "lakeland.yaml").write_text(example(RECIPES), encoding="utf-8")
    (source / "lakeland_final.csv").write_bytes(
        "code;Place;yes;no;voters\nNO1;Señal;10;20;40\nNO2;Hill;;;\nSO1;Dale;5;6;\n".encode("latin-1")
    )
    (source / "announced.csv").write_text("day,name,item,value\n2026-05-04,first,yes,90\n2026-05-05,second,yes,95\n")
    result = apply_recipe(tmp_path / "lakeland.yaml", source, tmp_path / "made")
    given = load_folder(tmp_path / "made")
    data = {(t.kind, t.snapshot): t.data.decode() for t in given.tables}
    assert data["readings", None] == "station,yes,no,registered\nNO1,10,20,40\nSO1,5,6,\n"
    assert data["stations", None].splitlines()[1] == "NO1,NO,Señal,,,,,,,"
    assert data["areas", None].splitlines()[1:] == [
        "LL,,Lakeland,country,,",
        "NO,LL,North,region,,",
        "SO,LL,South,region,,",
    ]
    assert data["official", "first"] == "area,item,value\nLL,yes,90\n"
    assert data["official", "second"] == "area,item,value\nLL,yes,95\n"
    assert result.lines() == [
        f"Lakeland, referendum of 2026: {tmp_path / 'made'}",
        "  read sheets: lakeland_final.csv (latin-1)",
        "  read announced: announced.csv (utf-8)",
        "  wrote areas.csv: 3 rows",
        "  wrote stations.csv: 3 rows",
        "  wrote readings.csv: 2 rows",
        "  wrote official-first.csv: 1 rows",
        "  wrote official-second.csv: 1 rows",
    ]


RECIPE: dict[str, Any] = read_yaml(example(RECIPES).encode(), "recipe.yaml")[0]


@pytest.mark.parametrize(
    ("path", "row"),
    [
        ((), "the recipe"),
        (("files", "sheets"), "a file"),
        (("files", "sheets", "derive", "region"), "a derived column"),
        (("tables", 2), "a table"),
        (("tables", 2, "where"), "`where`"),
    ],
)
def test_the_page_on_recipes_names_every_key(path: tuple[str | int, ...], row: str) -> None:
    plain = copy.deepcopy(RECIPE)
    at: Any = plain
    for step in path:
        at = at[step]
    at["surprise"] = 1
    with pytest.raises(InputError) as caught:
        read_recipe(Node(plain, (), lambda p: ".".join(map(str, p))))
    table = RECIPES[RECIPES.index("| part | keys |") :]
    for key in caught.value.expected.removeprefix("one of ").split(", "):
        line = table if row == "a table" else next(line for line in table.splitlines() if line.startswith(f"| {row} |"))
        assert f"`{key}`" in line, key


def test_the_built_in_recipes_are_in_the_table() -> None:
    for name in builtin_recipes():
        assert f"| `{name}` |" in RECIPES
