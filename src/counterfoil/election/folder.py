"""A folder with `election.yaml` and its tables, read and checked as a whole: what an import would put into the record.

Everything is read before anything is returned: one mistake in any file, and nothing of the folder goes in. Nothing is
written here.

* `tables:` names the table files (areas, stations, readings, official, reports), `entries:` the files whose rows become
  entries of their own. Reference: docs/election-yaml.md.
* Without an areas table there is one area, the country. Without a stations table the stations are those that readings,
  official station figures or reports name, all in the country's area; then `expected_stations` must say how many there
  are.
* Small cells of reports are suppressed here: what leaves this module holds none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import polars as pl

from counterfoil.election.definition import Contest, Election, read_definition
from counterfoil.election.form_of_template import resolve
from counterfoil.election.nodes import Node
from counterfoil.election.rows import ROW_KINDS, read_rows, row_columns
from counterfoil.election.suppression import suppress
from counterfoil.election.table_files import ENCODINGS, FileOptions, RawTable, read_table_file
from counterfoil.election.tables import (
    AREA_COLUMNS,
    OFFICIAL_COLUMNS,
    REPORT_COLUMNS,
    STATION_COLUMNS,
    official_items,
    read_areas,
    read_official_areas,
    read_official_stations,
    read_readings,
    read_reports,
    read_stations,
    write_canonical,
)
from counterfoil.election.template_format import FormTemplate
from counterfoil.election.yaml_source import read_yaml
from counterfoil.primitives.errors import InputError
from counterfoil.primitives.words import TABLE_KINDS

DEFINITION_FILE = "election.yaml"
_SOURCE_KEYS = "name published_at address note original_sha256"


@dataclass(frozen=True)
class TableInput:
    """A table as it may enter the record."""

    kind: str
    name: str
    data: bytes
    """Canonical CSV, small cells suppressed."""
    rows: int
    source: Mapping[str, str]
    contest: str | None = None
    snapshot: str | None = None
    announced_at: str | None = None
    unit: str | None = None
    file: str | None = None
    """Name of the file it was read from; None where it follows from other tables."""
    ignored: tuple[str, ...] = ()
    """Columns of the file that the definition says to leave out."""


@dataclass(frozen=True)
class RowsInput:
    """A file whose rows become entries (`rows.read_rows` has its columns)."""

    kind: str
    file: str
    frame: pl.DataFrame


@dataclass(frozen=True)
class FolderInput:
    election: Election
    tables: tuple[TableInput, ...]
    """areas, stations, then as `tables:` lists them."""
    rows: tuple[RowsInput, ...]
    """As `entries:` lists them."""
    templates: Mapping[str, FormTemplate] = field(default_factory=dict)
    """The template files that forms name, by form, with their pictures."""


def load_templates(path: Path) -> Mapping[str, FormTemplate]:
    """The template files that the folder's forms name, by form, with their pictures; no table is read.

    Raises:
        InputError: as `load_folder`, of these.
    """
    plain, locate = read_yaml((path / DEFINITION_FILE).read_bytes(), DEFINITION_FILE)
    return resolve(plain, locate, path)[1]


def load_folder(path: Path) -> FolderInput:
    """Reads and checks the whole folder.

    Raises:
        InputError: the first thing that is not as it must be, with file, line and column.
    """
    file = path / DEFINITION_FILE
    if not file.is_file():
        raise InputError(
            str(path.name or path),
            expected=f"a folder with {DEFINITION_FILE}",
            found="none",
            do="make one with `counterfoil init` or a recipe",
            code="no-definition",
        )
    plain, locate = read_yaml(file.read_bytes(), DEFINITION_FILE)
    whole, templates = resolve(plain, locate, path)
    election = read_definition(whole, locate)
    return replace(_Loader(path, election, Node(whole, (), locate)).load(), templates=templates)


@dataclass(frozen=True, slots=True)
class _Spec:
    """One item of `tables:` or `entries:`."""

    node: Node
    kind: str
    file: str
    path: Path
    name: str
    source: Mapping[str, str]
    ignored: tuple[str, ...]
    columns: Mapping[str, str]
    options: FileOptions

    def raw(self, needed: Collection[str]) -> RawTable:
        return read_table_file(self.path, rename=self.columns, needed=needed, options=self.options)


class _Loader:
    def __init__(self, folder: Path, election: Election, top: Node) -> None:
        self.folder, self.election = folder, election
        self.specs = [self.spec(n, TABLE_KINDS) for n in top.get("tables").items()] if top.has("tables") else []
        self.row_specs = [self.spec(n, ROW_KINDS) for n in top.get("entries").items()] if top.has("entries") else []
        self.top = top

    def spec(self, node: Node, kinds: tuple[str, ...]) -> _Spec:
        kind = node.choice("kind", kinds)
        keys = "kind file name ignore columns encoding delimiter sheet"
        keys += {
            "readings": " source contest negative",
            "official": " source contest snapshot announced_at unit remarks",
            "reports": " source contest",
            "areas": " source",
            "stations": " source",
        }.get(kind, "")
        node.only(keys)
        file = node.string("file")
        relative = PurePosixPath(file)
        if relative.is_absolute() or ".." in relative.parts or "\\" in file:
            raise node.bad("file", "a file in this folder")
        path = self.folder / relative
        if not path.is_file():
            raise node.bad("file", "a file that is in this folder")
        source = {"name": relative.name}
        if node.has("source"):
            source_node = node.get("source")
            source_node.only(_SOURCE_KEYS)
            source = {key: source_node.string(key) for key in source_node.mapping()}
            if "name" not in source:
                raise source_node.bad("name", "who published the table")
        columns = node.get("columns") if node.has("columns") else None
        return _Spec(
            node=node,
            kind=kind,
            file=file,
            path=path,
            name=node.id("name") if node.has("name") else relative.stem,
            source=source,
            ignored=tuple(node.get("ignore").texts()) if node.has("ignore") else (),
            columns={} if columns is None else {ours: columns.string(ours) for ours in columns.mapping()},
            options=FileOptions(
                encoding=node.choice("encoding", ENCODINGS, default="utf-8"),
                delimiter=node.choice("delimiter", [",", ";", "\t", "|"], default=","),
                sheet=node.string("sheet") if node.has("sheet") else None,
            ),
        )

    def load(self) -> FolderInput:
        self.refuse_repeated()
        areas, areas_input = self.areas()
        frames: list[TableInput] = []
        raws = {id(spec): spec.raw(self.needed(spec)) for spec in self.specs if spec.kind not in ("areas", "stations")}
        stations, stations_input = self.stations(areas, raws)
        parents = dict(areas.select("area", "parent").iter_rows())
        for spec in self.specs:
            if spec.kind in ("areas", "stations"):
                continue
            contest = self.contest(spec)
            raw = raws.pop(id(spec))
            match spec.kind:
                case "readings":
                    frames.append(self.readings(spec, contest, raw, stations))
                case "official":
                    frames.append(self.official(spec, contest, raw, areas, stations))
                case _:
                    frames.append(self.reports(spec, contest, raw, stations, parents))
        rows = tuple(
            RowsInput(
                spec.kind,
                spec.file,
                read_rows(
                    spec.kind,
                    spec.raw(row_columns(spec.kind, self.election)),
                    self.election,
                    stations["station"],
                    spec.ignored,
                ),
            )
            for spec in self.row_specs
        )
        return FolderInput(self.election, (areas_input, stations_input, *frames), rows)

    def needed(self, spec: _Spec) -> tuple[str, ...]:
        """The columns a table may have."""
        contest = self.contest(spec)
        form = self.election.form(contest.form)
        if spec.kind == "readings":
            return ("station", *form.field_ids)
        if spec.kind == "reports":
            return REPORT_COLUMNS
        per_station = spec.node.mapping().get("unit") == "station"
        return ("station", *official_items(contest, form)) if per_station else OFFICIAL_COLUMNS

    def refuse_repeated(self) -> None:
        seen: set[tuple[str, str, str]] = set()
        for spec in self.specs:
            single = spec.kind in ("areas", "stations")
            contest = str(spec.node.mapping().get("contest", ""))
            key = (spec.kind, contest, "" if single else spec.name)
            if key in seen:
                expected = f"one {spec.kind} table" if single else f"another `name:` for each {spec.kind} table"
                raise InputError(
                    spec.node.where("kind"),
                    expected=expected,
                    found="a second one" if single else f"{spec.name} twice",
                    code="duplicate-table",
                )
            seen.add(key)

    def contest(self, spec: _Spec) -> Contest:
        return self.election.contest(
            spec.node.one_of("contest", [c.id for c in self.election.contests], "the id of a contest")
        )

    def areas(self) -> tuple[pl.DataFrame, TableInput]:
        spec = next((s for s in self.specs if s.kind == "areas"), None)
        if spec is not None:
            frame = read_areas(spec.raw(AREA_COLUMNS), self.election.country, spec.ignored)
            return frame, _table(spec, frame)
        expected = self.election.expected_stations
        name = self.election.country
        row = (name, None, name, "country", None if expected is None else str(expected), None)
        frame = pl.DataFrame([row], schema=dict.fromkeys(AREA_COLUMNS, pl.String), orient="row")
        source = {"name": f"{DEFINITION_FILE}: one area, the country"}
        return frame, TableInput("areas", "areas", write_canonical(frame), frame.height, source)

    def stations(self, areas: pl.DataFrame, raws: Mapping[int, RawTable]) -> tuple[pl.DataFrame, TableInput]:
        spec = next((s for s in self.specs if s.kind == "stations"), None)
        if spec is not None:
            frame = read_stations(spec.raw(STATION_COLUMNS), areas, self.election.country, spec.ignored)
            return frame, _table(spec, frame)
        if self.election.expected_stations is None:
            raise InputError(
                self.top.where("tables"),
                expected="a table of kind stations, or `expected_stations`, the number of stations in the country",
                found="neither",
                code="no-stations",
            )
        named = [raw.frame.select("station") for raw in raws.values() if "station" in raw.frame.columns]
        ids = pl.concat(named).drop_nulls().unique().sort("station") if named else pl.DataFrame({"station": []})
        frame = pl.DataFrame(ids, schema={"station": pl.String}).with_columns(
            pl.lit(self.election.country if column == "area" else None, dtype=pl.String).alias(column)
            for column in STATION_COLUMNS[1:]
        )
        source = {"name": "the stations that the tables of this folder name"}
        return frame, TableInput("stations", "stations", write_canonical(frame), frame.height, source)

    def readings(self, spec: _Spec, contest: Contest, raw: RawTable, stations: pl.DataFrame) -> TableInput:
        frame = read_readings(
            raw,
            self.election.form(contest.form),
            stations["station"],
            negative=spec.node.choice("negative", ["refuse", "keep"], default="refuse") == "keep",
            ignored=spec.ignored,
        )
        return _table(spec, frame, contest=contest.id)

    def official(
        self, spec: _Spec, contest: Contest, raw: RawTable, areas: pl.DataFrame, stations: pl.DataFrame
    ) -> TableInput:
        node = spec.node
        items = official_items(contest, self.election.form(contest.form))
        unit = node.choice("unit", ["area", "station"], default="area")
        remarks = tuple(node.get("remarks").texts()) if node.has("remarks") else ()
        if unit == "area":
            frame = read_official_areas(raw, items, areas["area"], remarks, spec.ignored)
        else:
            frame = read_official_stations(raw, items, stations["station"], spec.ignored)
        return _table(
            spec,
            frame,
            contest=contest.id,
            snapshot=node.id("snapshot"),
            announced_at=node.moment("announced_at"),
            unit=unit,
        )

    def reports(
        self,
        spec: _Spec,
        contest: Contest,
        raw: RawTable,
        stations: pl.DataFrame,
        parents: Mapping[str, str | None],
    ) -> TableInput:
        smallest = self.election.min_cell
        if smallest > 1 and "original_sha256" in spec.source:
            raise spec.node.get("source").bad(
                "original_sha256", "none for reports, as it would let anyone test guesses about small cells"
            )
        raw_reports = read_reports(raw, contest, stations, spec.ignored)
        return _table(spec, suppress(raw_reports, stations, smallest, parents), contest=contest.id)


def _table(
    spec: _Spec,
    frame: pl.DataFrame,
    *,
    contest: str | None = None,
    snapshot: str | None = None,
    announced_at: str | None = None,
    unit: str | None = None,
) -> TableInput:
    return TableInput(
        kind=spec.kind,
        name=spec.name,
        data=write_canonical(frame),
        rows=frame.height,
        source=spec.source,
        contest=contest,
        snapshot=snapshot,
        announced_at=announced_at,
        unit=unit,
        file=spec.file,
        ignored=spec.ignored,
    )
