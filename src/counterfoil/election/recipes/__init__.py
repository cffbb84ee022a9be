"""Recipes: from a known public data set to a folder that can be counted.

    result = apply_recipe("belarus-2020", Path("downloads"), Path("belarus"))

A recipe downloads nothing; its text says where the data is public. The built-in ones lie beside this module as YAML, in
the same format that users write (docs/recipes.md).

The folder is written as a whole or not at all: it is made beside the target, read back and checked like any folder, and
only then moved. A recipe may be run again over the folder it made (a newer version of the data); it never touches a
folder that was not made by the same recipe, nor the record or the keys in it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from counterfoil.election.folder import load_folder
from counterfoil.election.nodes import Node
from counterfoil.election.recipe_format import Part, Recipe, RecipeTable, read_recipe, template_columns, template_pieces
from counterfoil.election.recipe_sources import Found, candidates, find_file
from counterfoil.election.staging import staged_folder, write_definition
from counterfoil.election.table_files import ROW
from counterfoil.election.yaml_source import read_yaml
from counterfoil.primitives.errors import InputError

_BUILTIN = Path(__file__).parent
_LINE = re.compile(r"(?P<file>[a-z0-9_-]+\.csv), line (?P<line>\d+)(?P<rest>.*)")


@dataclass(frozen=True, slots=True)
class RecipeResult:
    """What a recipe made, and what cannot be said from this version of the data."""

    recipe: str
    title: str
    folder: Path
    used: Mapping[str, str]
    """File of the recipe -> where it was found, with its encoding."""
    rows: Mapping[str, int]
    """File written -> rows."""
    unknown: Mapping[str, str]
    """Column that the data lacks -> what cannot be said without it."""
    absent: Mapping[str, str]
    """File that is not there -> what is missing without it."""

    def lines(self) -> list[str]:
        """The same for a terminal."""
        return [
            f"{self.title}: {self.folder}",
            *(f"  read {file}: {where}" for file, where in self.used.items()),
            *(f"  wrote {file}: {rows} rows" for file, rows in self.rows.items()),
            *(f"  unknown, as the data has no column {column}: {what}" for column, what in self.unknown.items()),
            *(f"  without a file for {file}: {what}" for file, what in self.absent.items()),
        ]


def builtin_recipes() -> dict[str, Path]:
    """Name -> file of the recipes that come with Counterfoil."""
    return {path.stem: path for path in sorted(_BUILTIN.glob("*.yaml"))}


def load_recipe(recipe: str | Path) -> Recipe:
    """A built-in recipe by name, or one from a file (a path, or a name that ends in .yaml).

    Raises:
        InputError: no such recipe, or something in it is not as it must be.
    """
    known = builtin_recipes()
    path = known.get(str(recipe), Path(recipe))
    if not path.is_file():
        raise InputError(
            str(recipe),
            expected="a recipe file, or one of " + ", ".join(known),
            found="neither",
            code="unknown-recipe",
        )
    plain, locate = read_yaml(path.read_bytes(), path.name)
    return read_recipe(Node(plain, (), locate))


def apply_recipe(recipe: str | Path, source: Path, to: Path) -> RecipeResult:
    """Makes the folder `to` from the data in `source` (a folder, a table file, a zip).

    Raises:
        InputError: no such recipe, files or columns; data that does not fit; a folder that holds something else.
    """
    made = load_recipe(recipe)
    maker = f"the recipe {made.id}"
    with staged_folder(to, maker) as staged, tempfile.TemporaryDirectory() as unpacked:
        return _build(made, source, Path(unpacked), staged, to)


def _build(recipe: Recipe, source: Path, unpacked: Path, staged: Path, to: Path) -> RecipeResult:
    available = candidates(source)
    found: dict[str, Found] = {}
    absent: dict[str, str] = {}
    for spec in recipe.files:
        file = find_file(spec, available, unpacked, str(source))
        if file is None:
            absent[spec.id] = spec.optional or ""
        else:
            found[spec.id] = file
    unknown = {
        column: spec.unknown_if_missing[column]
        for spec in recipe.files
        if spec.id in found
        for column in found[spec.id].missing
    }
    listed: list[dict[str, Any]] = []
    written: dict[str, pl.DataFrame] = {}
    for table in recipe.tables:
        if any(part.file is not None and part.file not in found for part in table.parts):
            continue
        for item, frame in _tables(table, found):
            listed.append(item)
            written[item["file"]] = frame
            cells = pl.all().exclude(ROW, _FROM)  # one line each, so that a refusal's line leads back to a row
            frame.select(cells.str.replace_all(r"[\r\n]+", " ")).write_csv(staged / item["file"])
    write_definition(staged, f"the recipe {recipe.id}", {**recipe.definition, "tables": listed})
    try:
        load_folder(staged)
    except InputError as error:
        raise _at_source(error, written, found) from None
    return RecipeResult(
        recipe=recipe.id,
        title=recipe.title,
        folder=to,
        used={name: f"{file.label} ({file.encoding})" for name, file in found.items()},
        rows={file: frame.height for file, frame in written.items()},
        unknown=unknown,
        absent=absent,
    )


_FROM = "__file"
"""Column with the file of the recipe that a row came from."""


def _tables(table: RecipeTable, found: Mapping[str, Found]) -> Iterator[tuple[dict[str, Any], pl.DataFrame]]:
    """The table, or one per snapshot, with its item of `tables:`."""
    frames = [_rows(part, found) for part in table.parts]
    frame = pl.concat(frames, how="diagonal")
    main = found.get(table.parts[-1].file or "")
    item: dict[str, Any] = {"kind": table.kind, "file": table.file, **table.spec}
    if table.kind != "official":
        yield {**item, **_source(table, main, None)}, frame
        return
    part = table.parts[0]
    all_rows = _selected(part, found)
    snapshots = (
        [table.snapshot] if table.each is None else all_rows[table.each].drop_nulls().unique(maintain_order=True)
    )
    for snapshot in snapshots:
        rows = all_rows if table.each is None else all_rows.filter(pl.col(table.each) == snapshot)
        announced = rows.select(_cell(table.announced_at or "").alias("at"))["at"].unique()
        if len(announced) != 1 or announced[0] is None:
            raise InputError(
                main.label if main else table.file,
                expected=f"one time of announcement for the snapshot {snapshot}",
                found=", ".join(str(at) for at in announced) or "none",
                code="bad-snapshot",
            )
        yield (
            {
                **item,
                "file": f"{table.file.removesuffix('.csv')}-{snapshot}.csv" if table.each else table.file,
                "snapshot": snapshot,
                "announced_at": announced[0],
                **_source(table, main, rows),
            },
            _filled(part, rows),
        )


def _source(table: RecipeTable, main: Found | None, rows: pl.DataFrame | None) -> dict[str, dict[str, str]]:
    """`source:` of a table; `{column}` in it stands for all texts of that column in these rows, joined."""
    given = rows if rows is not None or main is None else main.raw.frame
    source = {} if main is None else {"name": main.label}
    for key, text in table.source.items():
        filled = text
        for column in template_columns(text):
            filled = filled.replace(f"{{{column}}}", _joined(given, column))
        source[key] = filled
    if main is not None and table.kind != "reports":  # of reports no hash: it would let guesses be tested
        source["original_sha256"] = main.sha256
    return {"source": source} if source else {}


def _joined(frame: pl.DataFrame | None, column: str) -> str:
    return "" if frame is None else "; ".join(frame[column].drop_nulls().unique(maintain_order=True))


def _rows(part: Part, found: Mapping[str, Found]) -> pl.DataFrame:
    if part.file is None:
        return pl.DataFrame({name: [text] for name, text in part.columns.items()}).with_columns(
            pl.lit(None, dtype=pl.UInt32).alias(ROW), pl.lit(None, dtype=pl.String).alias(_FROM)
        )
    return _filled(part, _selected(part, found))


def _selected(part: Part, found: Mapping[str, Found]) -> pl.DataFrame:
    """The rows of the file that pass `where`."""
    frame = found[part.file or ""].raw.frame.with_columns(pl.lit(part.file).alias(_FROM))
    if part.any_of:
        frame = frame.filter(pl.any_horizontal([pl.col(c).is_not_null() for c in part.any_of]))
    for column, allowed in part.is_in.items():
        frame = frame.filter(pl.col(column).is_in(list(allowed)))
    return frame


def _filled(part: Part, frame: pl.DataFrame) -> pl.DataFrame:
    """Our columns from the file's; a text that names an empty cell is empty."""
    columns = [pl.col(ROW), pl.col(_FROM), *(_cell(text).alias(name) for name, text in part.columns.items())]
    if part.cells:
        frame = pl.concat(
            [
                frame.select(*columns, pl.lit(name).alias(part.name_to), pl.col(column).alias(part.value_to))
                for name, column in part.cells.items()
            ]
        ).filter(pl.col(part.value_to).is_not_null())
    else:
        frame = frame.select(columns)
    return frame.unique(subset=list(part.columns), keep="first", maintain_order=True) if part.distinct else frame


def _cell(text: str) -> pl.Expr:
    pieces = [pl.col(piece) if is_column else pl.lit(piece) for is_column, piece in template_pieces(text)]
    return pl.concat_str(pieces)


def _at_source(error: InputError, written: Mapping[str, pl.DataFrame], found: Mapping[str, Found]) -> InputError:
    """The same refusal with the place in the user's own file: what the recipe wrote is gone."""
    match = _LINE.fullmatch(error.where)
    frame = written.get(match["file"]) if match else None
    if match is None or frame is None:
        return error
    row, file = frame.row(int(match["line"]) - 2, named=True)[ROW], frame[_FROM][int(match["line"]) - 2]
    if file is None:
        return error
    return InputError(
        found[file].raw.where(row) + f" ({match['file'].removesuffix('.csv')}{match['rest']})",
        expected=error.expected,
        found=error.found,
        do=error.do,
        code=error.code,
    )
