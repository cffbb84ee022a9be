"""What a recipe file may say. The format is documented for users in docs/recipes.md.

A recipe maps the columns of a known public data set to ours. It is data, not code: which files, which of their columns,
and texts in which `{column}` stands for a cell. Everything it names must exist in it: a misspelt column is refused when
the recipe is read, not when a million rows have been.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from counterfoil.election.definition import read_definition
from counterfoil.election.nodes import Node
from counterfoil.election.table_files import ENCODINGS
from counterfoil.primitives.errors import InputError

_PLACE = re.compile(r"\{([^{}]*)\}")
MAX_PATTERN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Derived:
    """A column made from another: the first group of `match`, or the text that `values` gives for it."""

    source: str
    match: str | None
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RecipeFile:
    """One table of the data set."""

    id: str
    names: tuple[str, ...]
    """Patterns of file names, the likeliest first."""
    about: str
    columns: tuple[str, ...]
    """Needed; refused by name where missing."""
    unknown_if_missing: Mapping[str, str]
    """Column -> what cannot be said without it."""
    other_names: Mapping[str, tuple[str, ...]]
    encodings: tuple[str, ...]
    delimiters: tuple[str, ...]
    derive: Mapping[str, Derived]
    optional: str | None
    """What is missing without this file; None: the file is needed."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a table: one per row of the file that pass `where`; without a file one row of fixed texts."""

    file: str | None
    columns: Mapping[str, str]
    any_of: tuple[str, ...]
    is_in: Mapping[str, tuple[str, ...]]
    distinct: bool
    cells: Mapping[str, str]
    """Unpivot: text for `name_to` -> column whose cell goes to `value_to`."""
    name_to: str
    value_to: str


@dataclass(frozen=True, slots=True)
class RecipeTable:
    kind: str
    file: str
    parts: tuple[Part, ...]
    source: Mapping[str, str]
    spec: Mapping[str, Any]
    """Goes into `tables:` as it stands (contest, negative, remarks)."""
    each: str | None
    """Column that names the snapshot; one table per value."""
    snapshot: str | None
    announced_at: str | None


@dataclass(frozen=True, slots=True)
class Recipe:
    id: str
    title: str
    about: str
    files: tuple[RecipeFile, ...]
    definition: Mapping[str, Any]
    tables: tuple[RecipeTable, ...]


def read_recipe(top: Node) -> Recipe:
    """The recipe, or the first thing in it that is not as it must be.

    Raises:
        InputError: with the place in the recipe file.
    """
    top.only("recipe id title about files definition tables")
    if top.integer("recipe") != 1:
        raise top.bad("recipe", "1, the format this version reads")
    definition = top.get("definition")
    read_definition(definition.value, lambda path: definition.locate((*definition.path, *path)))
    files_node = top.get("files")
    files = tuple(_file(files_node.get(name), name) for name in files_node.mapping())
    known = {file.id: _columns(file) for file in files}
    tables = tuple(_table(node, known) for node in top.get("tables").items())
    if not tables:
        raise top.bad("tables", "at least one table")
    top.unique("tables", [table.file for table in tables])
    return Recipe(
        id=top.id("id"),
        title=top.string("title"),
        about=top.string("about"),
        files=files,
        definition=definition.mapping(),
        tables=tables,
    )


def _columns(file: RecipeFile) -> frozenset[str]:
    return frozenset((*file.columns, *file.unknown_if_missing, *file.derive))


def _file(node: Node, name: str) -> RecipeFile:
    node.only("names about columns unknown_if_missing other_names encodings delimiters derive optional")
    unknown = node.strings("unknown_if_missing")
    columns = tuple(node.get("columns").texts())
    other = node.get("other_names") if node.has("other_names") else None
    encodings = tuple(node.get("encodings").texts()) if node.has("encodings") else ("utf-8",)
    for encoding in encodings:
        if encoding not in ENCODINGS:
            raise node.bad("encodings", "some of " + ", ".join(ENCODINGS))
    derive: dict[str, Derived] = {}
    for column in node.get("derive").mapping() if node.has("derive") else ():
        item = node.get("derive").get(column)
        item.only("from match values")
        source = item.one_of("from", [*columns, *unknown, *derive], "a column of this file")
        derive[column] = Derived(source, _pattern(item), item.strings("values"))
    return RecipeFile(
        id=name,
        names=tuple(node.get("names").texts()),
        about=node.string("about"),
        columns=columns,
        unknown_if_missing=unknown,
        other_names={} if other is None else {ours: tuple(other.get(ours).texts()) for ours in other.mapping()},
        encodings=encodings,
        delimiters=tuple(node.get("delimiters").texts()) if node.has("delimiters") else (",",),
        derive=derive,
        optional=node.string("optional") if node.has("optional") else None,
    )


def _pattern(node: Node) -> str | None:
    if not node.has("match"):
        return None
    text = node.string("match")
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise node.bad("match", f"a regular expression ({error})") from None
    if groups != 1 or len(text) > MAX_PATTERN_CHARACTERS:
        raise node.bad("match", f"a regular expression with one group, of at most {MAX_PATTERN_CHARACTERS} characters")
    return text


def _table(node: Node, known: Mapping[str, frozenset[str]]) -> RecipeTable:
    table_keys = "kind file source contest negative remarks each snapshot announced_at"
    part_keys = "from columns where distinct unpivot"
    if node.has("parts"):
        node.only(f"{table_keys} parts")
        parts = tuple(_part(item, known, part_keys) for item in node.get("parts").items())
        if not parts:
            raise node.bad("parts", "at least one set of rows")
    else:
        node.only(f"{table_keys} {part_keys}")
        parts = (_part(node, known, ""),)
    kind = node.choice("kind", ("areas", "stations", "readings", "official", "reports"))
    spec = {key: node.mapping()[key] for key in ("contest", "negative", "remarks") if node.has(key)}
    snapshot = node.string("snapshot") if node.has("snapshot") else None
    each = node.string("each") if node.has("each") else None
    if kind == "official" and ((each is None) == (snapshot is None) or not node.has("announced_at")):
        raise node.bad("snapshot", "an official table has `announced_at`, and either `snapshot` or `each`")
    templates = [(key, text) for key, text in node.strings("source").items()]
    templates += [("announced_at", node.string("announced_at"))] if node.has("announced_at") else []
    if each is not None:
        templates.append(("each", f"{{{each}}}"))
    for key, text in templates:
        _check_template(node, key, text, parts[0].file, known)
    file = node.string("file") if node.has("file") else f"{kind}.csv"
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,60}\.csv", file):
        raise node.bad("file", "a name such as readings.csv: small letters, digits, - and _, ending in .csv")
    return RecipeTable(
        kind=kind,
        file=file,
        parts=parts,
        source=node.strings("source"),
        spec=spec,
        each=each,
        snapshot=snapshot,
        announced_at=node.string("announced_at") if node.has("announced_at") else None,
    )


def _part(node: Node, known: Mapping[str, frozenset[str]], keys: str) -> Part:
    if keys:
        node.only(keys)
    file = node.one_of("from", list(known), "one of the files") if node.has("from") else None
    columns = node.strings("columns")
    if not columns:
        raise node.bad("columns", "a text for each column, with {column} where a cell of the file goes")
    columns_node = node.get("columns")
    for name, text in columns.items():
        _check_template(columns_node, name, text, file, known)
    where = node.get("where") if node.has("where") else None
    any_of: tuple[str, ...] = ()
    is_in: dict[str, tuple[str, ...]] = {}
    if where is not None:
        where.only("any_of is")
        any_of = tuple(where.get("any_of").texts()) if where.has("any_of") else ()
        given = where.get("is") if where.has("is") else None
        is_in = {} if given is None else {column: tuple(given.get(column).texts()) for column in given.mapping()}
        for column in (*any_of, *is_in):
            _check_column(where, "any_of" if column in any_of else "is", column, file, known)
    unpivot = node.get("unpivot") if node.has("unpivot") else None
    cells: Mapping[str, str] = {}
    if unpivot is not None:
        unpivot.only("name_to value_to cells")
        cells = unpivot.strings("cells")
        for column in cells.values():
            _check_column(unpivot, "cells", column, file, known)
    return Part(
        file=file,
        columns=columns,
        any_of=any_of,
        is_in=is_in,
        distinct=node.boolean("distinct", default=False),
        cells=cells,
        name_to="" if unpivot is None else unpivot.string("name_to"),
        value_to="" if unpivot is None else unpivot.string("value_to"),
    )


def template_columns(text: str) -> list[str]:
    """The columns that a text names: "{region}-{district}" -> [region, district]"""
    return _PLACE.findall(text)


def template_pieces(text: str) -> list[tuple[bool, str]]:
    """Fixed texts and columns in order: "{a}-b" -> [(True, "a"), (False, "-b")]"""
    pieces, at = [], 0
    for place in _PLACE.finditer(text):
        if place.start() > at:
            pieces.append((False, text[at : place.start()]))
        pieces.append((True, place.group(1)))
        at = place.end()
    return pieces + ([(False, text[at:])] if at < len(text) or not pieces else [])


def _check_template(node: Node, key: str, text: str, file: str | None, known: Mapping[str, frozenset[str]]) -> None:
    for column in template_columns(text):
        _check_column(node, key, column, file, known)


def _check_column(node: Node, key: str, column: str, file: str | None, known: Mapping[str, frozenset[str]]) -> None:
    if file is None or column not in known[file]:
        raise InputError(
            node.where(key),
            expected="a column of the file"
            + (f" {file}: " + ", ".join(sorted(known[file])) if file else ", but no file is named"),
            found=column,
            do="list it under `columns`, `unknown_if_missing` or `derive` of the file",
            code="bad-recipe",
        )
