"""Replaying the record: entries in, facts by kind out. Pure; refuses what it does not know instead of skipping it.

Rules:

* the first entry defines the election; a later `election` entry replaces the definition;
* a withdrawn entry does not count, and what stands on it (readings of a copy) falls with it; a withdrawal can itself be
  withdrawn, so withdrawals are applied from the newest back;
* a table that a later one `replaces` does not count; official snapshots are only ever added;
* entries are independent of their order within a batch: a reading may stand before its copy;
* of several readings of one copy by one reader the newest counts, field by field.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from counterfoil.election.definition import Election, read_definition
from counterfoil.primitives.canonical import parse, sha256_hex
from counterfoil.primitives.cells import STATE_SUFFIX
from counterfoil.primitives.errors import RecordError
from counterfoil.primitives.ids import FormId, SnapshotId
from counterfoil.record.entries import check_entry
from counterfoil.record.state import (
    AREA_SCHEMA,
    STATE_TYPE,
    STATION_SCHEMA,
    Decision,
    Notice,
    OfficialSnapshot,
    Replay,
    TableEntry,
)

Objects = Callable[[str], bytes]
"""SHA-256 (hex) to the bytes of an object; raises RecordError or FileNotFoundError."""

_CHUNK = 100_000
_REPORT_SCHEMA = {"station": pl.String, "area": pl.String, "option": pl.String, "reports": pl.Int64}


def replay(entries: Iterable[bytes], objects: Objects, *, size: int | None = None) -> Replay:
    """The state after the first `size` entries (all, if None).

    Raises:
        RecordError: an entry that is not canonical, of an unknown type, or that contradicts what stands before it.
    """
    collected = _collect(entries, size)
    return _Builder(collected, objects).build()


@dataclass
class _Collected:
    """One pass over the entries, by type; the many small ones already as columns."""

    size: int = 0
    newest_batch: str = ""
    single: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """election, table, decision, release, notice, report entries"""
    withdrawals: list[tuple[int, int, str]] = field(default_factory=list)
    copies: list[tuple[int, str, str, str, int, str]] = field(default_factory=list)
    reading_chunks: list[pl.DataFrame] = field(default_factory=list)
    sure: list[tuple[int, str, int]] = field(default_factory=list)


def _collect(entries: Iterable[bytes], size: int | None) -> _Collected:
    got = _Collected()
    rows: list[tuple[int, str, str, str | None]] = []
    values: list[Mapping[str, Any]] = []
    for index, data in enumerate(entries):
        if index == size:
            break
        try:
            entry = check_entry(parse(data, integers_checked_later=True), where=f"entry {index}")
        except RecordError as error:
            if str(error).startswith("entry "):
                raise
            raise RecordError(f"entry {index}: {error}", code=error.code) from error
        got.size = index + 1
        got.newest_batch = max(got.newest_batch, entry["batch"])
        match entry["type"]:
            case "reading":
                rows.append((index, entry["copy"], entry["reader"], entry.get("problem")))
                values.append(entry.get("values", {}))
                got.sure.extend((index, name, p) for name, p in entry.get("probability", {}).items())
                if len(rows) == _CHUNK:
                    got.reading_chunks.append(_reading_chunk(rows, values))
                    rows, values = [], []
            case "copy":
                got.copies.append(
                    (index, entry["copy"], entry["station"], entry["contest"], entry["page"], entry["kind"])
                )
            case "withdrawal":
                if entry["entry"] >= index:
                    raise RecordError(f"entry {index}: a withdrawal names an earlier entry, found {entry['entry']}")
                got.withdrawals.append((index, entry["entry"], entry["reason"]))
            case _:
                got.single.append((index, entry))
    if rows:
        got.reading_chunks.append(_reading_chunk(rows, values))
    return got


def _reading_chunk(
    rows: Sequence[tuple[int, str, str, str | None]], values: Sequence[Mapping[str, Any]]
) -> pl.DataFrame:
    frame = pl.DataFrame(
        rows,
        schema={"entry": pl.Int64, "copy": pl.String, "reader": pl.String, "problem": pl.String},
        orient="row",
    )
    names = sorted({name for given in values for name in given})
    columns: list[pl.Series] = []
    for name in names:
        cells = [given.get(name) for given in values]
        try:
            numbers = pl.Series(name, cells, dtype=pl.Int64, strict=True)
            state = pl.select(pl.when(numbers.is_not_null()).then(pl.lit("number", STATE_TYPE))).to_series()
        except (TypeError, pl.exceptions.PolarsError):  # some cell is a state's word
            numbers = pl.Series(name, [c if isinstance(c, int) else None for c in cells], dtype=pl.Int64)
            state = pl.Series([c if c is None or isinstance(c, str) else "number" for c in cells], dtype=STATE_TYPE)
        columns += [numbers, state.alias(name + STATE_SUFFIX)]
    return frame.with_columns(columns)


class _Builder:
    def __init__(self, got: _Collected, objects: Objects) -> None:
        self.got, self.objects_of = got, objects
        self.withdrawn = self._withdrawn()
        self.single = [(i, e) for i, e in got.single if i not in self.withdrawn]
        self.objects: dict[str, int] = {}
        self.election_entry, self.election = self._election()

    def build(self) -> Replay:
        tables = self._tables()
        areas = self._areas(tables)
        stations = self._stations(tables, areas)
        copies = self._copies(stations)
        releases = {}
        for index, entry in self.single:
            if entry["type"] == "release":
                self._note_object(index, entry["object"])
                releases[entry["copy"]] = entry["object"]["sha256"]
        return Replay(
            size=self.got.size,
            newest_batch=self.got.newest_batch,
            election=self.election,
            election_entry=self.election_entry,
            areas=areas,
            stations=stations,
            tables=tuple(tables),
            bulk=self._bulk(tables, stations),
            copies=copies,
            readings=self._readings(copies),
            certainty=pl.DataFrame(
                self.got.sure, schema={"entry": pl.Int64, "field": pl.String, "millionths": pl.Int64}, orient="row"
            ),
            decisions=self._decisions(),
            official=self._official(tables, areas, stations),
            reports=self._reports(tables),
            releases=releases,
            notices=tuple(Notice(i, e["batch"], e["kind"], e["text"]) for i, e in self.single if e["type"] == "notice"),
            withdrawn=self.withdrawn,
            objects=self.objects,
        )

    def _withdrawn(self) -> dict[int, str]:
        gone: dict[int, str] = {}
        for index, target, reason in reversed(self.got.withdrawals):
            if index not in gone:
                gone[target] = reason
        return gone

    def _note_object(self, index: int, named: Mapping[str, Any]) -> None:
        known = self.objects.setdefault(named["sha256"], named["bytes"])
        if known != named["bytes"]:
            raise RecordError(f"entry {index}: object {named['sha256']} has {known} bytes elsewhere")

    def _object(self, index: int, named: Mapping[str, Any]) -> bytes:
        self._note_object(index, named)
        try:
            data = self.objects_of(named["sha256"])
        except FileNotFoundError as error:
            raise RecordError(f"entry {index}: its object {named['sha256']} is missing", code="no-object") from error
        if len(data) != named["bytes"] or sha256_hex(data) != named["sha256"]:
            raise RecordError(f"entry {index}: its object {named['sha256']} holds other bytes", code="bad-object")
        return data

    def _election(self) -> tuple[int, Election]:
        found = [(i, e) for i, e in self.single if e["type"] == "election"]
        if not found or self.got.single[0][0] != 0 or self.got.single[0][1]["type"] != "election":
            raise RecordError("entry 0: expected the election's definition", code="no-election")
        for index, entry in found[:-1]:
            self._note_object(index, entry["definition"])
        index, entry = found[-1]
        return index, read_definition(parse(self._object(index, entry["definition"])))

    # --- tables -------------------------------------------------------------------------------------------------

    def _tables(self) -> list[TableEntry]:
        tables: dict[int, TableEntry] = {}
        contests = {c.id for c in self.election.contests}
        for index, entry in self.single:
            if entry["type"] != "table":
                continue
            self._note_object(index, entry["object"])
            if "replaces" in entry:
                old = tables.pop(entry["replaces"], None)
                if old is None or old.kind != entry["kind"] or old.kind == "official":
                    raise RecordError(f"entry {index}: entry {entry['replaces']} is no table that it can replace")
            contest = entry.get("contest")
            if (contest is None) is not (entry["kind"] in ("areas", "stations")) or (
                contest is not None and contest not in contests
            ):
                raise RecordError(f"entry {index}: a {entry['kind']} table can't be for contest {contest!r}")
            if entry["kind"] == "official" and not {"snapshot", "announced_at", "unit"} <= entry.keys():
                raise RecordError(f"entry {index}: an official table needs snapshot, announced_at and unit")
            tables[index] = TableEntry(
                entry=index,
                kind=entry["kind"],
                name=entry["name"],
                sha256=entry["object"]["sha256"],
                rows=entry["rows"],
                source=entry["source"],
                contest=contest,
                snapshot=entry.get("snapshot"),
                announced_at=entry.get("announced_at"),
                unit=entry.get("unit"),
            )
        return list(tables.values())

    def _of_kind(self, tables: Sequence[TableEntry], kind: str) -> Iterator[tuple[TableEntry, bytes]]:
        for table in tables:
            if table.kind == kind:
                data = self._object(table.entry, {"sha256": table.sha256, "bytes": self.objects[table.sha256]})
                yield table, data

    def _areas(self, tables: Sequence[TableEntry]) -> pl.DataFrame:
        frames = [_typed(t, data, AREA_SCHEMA, "area") for t, data in self._of_kind(tables, "areas")]
        if frames:
            areas = pl.concat(frames)
        else:
            only = {"area": [self.election.country], "name": [self.election.country]}
            areas = pl.DataFrame(only).select(
                pl.col(c) if c in only else pl.lit(None, t).alias(c) for c, t in AREA_SCHEMA.items()
            )
        roots = areas.filter(pl.col("parent").is_null())["area"].to_list()
        if roots != [self.election.country]:
            raise RecordError(f"areas: expected the one root {self.election.country}, found {roots}")
        if areas["area"].is_duplicated().any():
            raise RecordError("areas: an area stands twice")
        return areas

    def _stations(self, tables: Sequence[TableEntry], areas: pl.DataFrame) -> pl.DataFrame:
        frames = [_typed(t, data, STATION_SCHEMA, "station") for t, data in self._of_kind(tables, "stations")]
        if frames:
            stations = pl.concat(frames).sort("station")
        else:
            named = sorted(
                {s for _, data in self._of_kind(tables, "readings") for s in _strings(data)["station"].to_list()}
                | {copy[2] for copy in self.got.copies if copy[0] not in self.withdrawn}
            )
            stations = pl.DataFrame({"station": named}, schema={"station": pl.String}).select(
                pl.col("station"),
                pl.lit(self.election.country).alias("area"),
                *(pl.lit(None, t).alias(c) for c, t in list(STATION_SCHEMA.items())[2:]),
            )
        if stations["station"].is_duplicated().any():
            raise RecordError("stations: a station stands twice")
        lost = stations.filter(~pl.col("area").is_in(areas["area"].implode()))
        if lost.height:
            raise RecordError(f"stations: station {lost['station'][0]} is in the unknown area {lost['area'][0]}")
        return stations

    def _bulk(self, tables: Sequence[TableEntry], stations: pl.DataFrame) -> dict[FormId, pl.DataFrame]:
        frames: dict[FormId, list[pl.DataFrame]] = {}
        for table, data in self._of_kind(tables, "readings"):
            form = self.election.form(self.election.contest(table.contest or "").form)
            frame = _values(table, data, form.field_ids)
            self._known_stations(frame["station"], stations, f"entry {table.entry}")
            frames.setdefault(form.id, []).append(frame.insert_column(1, _constant("entry", table.entry, frame.height)))
        return {form: pl.concat(parts) for form, parts in frames.items()}

    def _known_stations(self, named: pl.Series, stations: pl.DataFrame, where: str) -> None:
        unknown = named.to_frame("station").join(stations.select("station"), on="station", how="anti")["station"]
        if unknown.len():
            raise RecordError(f"{where}: station {unknown[0]} is not in the list of stations", code="unknown-station")

    def _official(
        self, tables: Sequence[TableEntry], areas: pl.DataFrame, stations: pl.DataFrame
    ) -> tuple[OfficialSnapshot, ...]:
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for table, data in self._of_kind(tables, "official"):
            key = (table.contest or "", table.snapshot or "")
            snapshot = found.setdefault(
                key,
                {
                    "at": table.announced_at,
                    "source": table.source,
                    "entries": [],
                    "areas": [],
                    "stations": [],
                    "remarks": {},
                },
            )
            snapshot["entries"].append(table.entry)
            if table.unit == "area":
                frame, remarks = _official_areas(data)
                unknown = frame.filter(~pl.col("area").is_in(areas["area"].implode()))
                if unknown.height:
                    raise RecordError(f"entry {table.entry}: area {unknown['area'][0]} is not in the list of areas")
                snapshot["areas"].append(frame.with_columns(pl.lit(table.entry, pl.Int64).alias("entry")))
                snapshot["remarks"].update(remarks)
            else:
                text = _strings(data)
                frame = text.select("station", pl.exclude("station").cast(pl.Int64))
                self._known_stations(frame["station"], stations, f"entry {table.entry}")
                snapshot["stations"].append(frame.with_columns(pl.lit(table.entry, pl.Int64).alias("entry")))
        no_areas = pl.DataFrame(schema={"area": pl.String, "item": pl.String, "value": pl.Int64, "entry": pl.Int64})
        no_stations = pl.DataFrame(schema={"station": pl.String, "entry": pl.Int64})
        snapshots = [
            OfficialSnapshot(
                snapshot=SnapshotId(name),
                contest=contest,
                announced_at=s["at"],
                source=s["source"],
                entries=tuple(s["entries"]),
                areas=pl.concat(s["areas"]) if s["areas"] else no_areas,
                stations=pl.concat(s["stations"], how="diagonal") if s["stations"] else no_stations,
                remarks=s["remarks"],
            )
            for (contest, name), s in found.items()
        ]
        return tuple(sorted(snapshots, key=lambda s: (s.announced_at, s.entries)))

    def _reports(self, tables: Sequence[TableEntry]) -> dict[str, pl.DataFrame]:
        frames: dict[str, list[pl.DataFrame]] = {}
        for table, data in self._of_kind(tables, "reports"):
            frame = _typed(table, data, _REPORT_SCHEMA, "option")
            frames.setdefault(table.contest or "", []).append(
                frame.with_columns(pl.lit(table.entry, pl.Int64).alias("entry"))
            )
        return {contest: pl.concat(parts) for contest, parts in frames.items()}

    # --- copies, readings, decisions ----------------------------------------------------------------------------

    def _form_of(self, contest: str, index: int) -> FormId:
        try:
            return self.election.contest(contest).form
        except KeyError:
            raise RecordError(f"entry {index}: there is no contest {contest!r}") from None

    def _copies(self, stations: pl.DataFrame) -> pl.DataFrame:
        schema = {
            "entry": pl.Int64,
            "copy": pl.String,
            "station": pl.String,
            "contest": pl.String,
            "page": pl.Int64,
            "kind": pl.String,
        }
        rows = [c for c in self.got.copies if c[0] not in self.withdrawn] if self.withdrawn else self.got.copies
        frame = pl.DataFrame(rows, schema=schema, orient="row")
        forms = {c: self._form_of(c, -1) for c in frame["contest"].unique().to_list()}
        frame = frame.with_columns(pl.col("contest").replace_strict(forms, return_dtype=pl.String)).rename(
            {"contest": "form"}
        )
        if frame["copy"].is_duplicated().any():
            twice = frame.filter(pl.col("copy").is_duplicated())["copy"][0]
            raise RecordError(f"copy {twice} stands twice in the record", code="duplicate-copy")
        self._known_stations(frame["station"], stations, "copies")
        return frame

    def _readings(self, copies: pl.DataFrame) -> dict[FormId, pl.DataFrame]:
        if not self.got.reading_chunks:
            return {}
        every = pl.concat(self.got.reading_chunks, how="diagonal")
        self.got.reading_chunks.clear()
        if self.withdrawn:
            every = every.filter(~pl.col("entry").is_in(list(self.withdrawn)))
        placed = every.join(copies.select("copy", "form"), on="copy", how="left", maintain_order="left")
        known = {c[1] for c in self.got.copies} if placed["form"].null_count() else set()
        lost = placed.filter(pl.col("form").is_null() & ~pl.col("copy").is_in(list(known)))
        if lost.height:
            raise RecordError(f"entry {lost['entry'][0]}: its copy {lost['copy'][0]} is not in the record")
        found: dict[FormId, pl.DataFrame] = {}
        for form in self.election.forms:
            mine = placed.filter(pl.col("form") == form.id) if placed["form"].n_unique() > 1 else placed
            if mine.height == 0 or mine["form"][0] != form.id:
                continue
            found[form.id] = self._form_readings(mine, form.field_ids)
        return found

    def _form_readings(self, mine: pl.DataFrame, fields: Sequence[str]) -> pl.DataFrame:
        given = [c for c in mine.columns if c + STATE_SUFFIX in mine.columns]
        for name in given:
            if name not in fields and mine[name + STATE_SUFFIX].null_count() < mine.height:
                row = mine.filter(pl.col(name + STATE_SUFFIX).is_not_null())
                raise RecordError(f"entry {row['entry'][0]}: its form has no field {name!r}")
        columns: list[pl.Expr] = []
        for name in fields:
            if name in given:
                columns += [pl.col(name), pl.col(name + STATE_SUFFIX)]
            else:
                columns += [pl.lit(None, pl.Int64).alias(name), pl.lit(None, STATE_TYPE).alias(name + STATE_SUFFIX)]
        machine = pl.col("reader").str.contains("@", literal=True).alias("machine")
        return mine.select("entry", "copy", "reader", machine, "problem", *columns)

    def _decisions(self) -> tuple[Decision, ...]:
        return tuple(
            Decision(
                entry=index,
                station=entry["station"],
                form=self._form_of(entry["contest"], index),
                action=entry["action"],
                reason=entry["reason"],
                copy=entry.get("copy"),
                values=entry.get("values", {}),
                rests_on=tuple(entry.get("rests_on", ())),
            )
            for index, entry in self.single
            if entry["type"] == "decision"
        )


def _constant(name: str, value: int, height: int) -> pl.Series:
    return pl.repeat(value, height, dtype=pl.Int64, eager=True).alias(name)


def _strings(data: bytes) -> pl.DataFrame:
    return pl.read_csv(io.BytesIO(data), infer_schema=False)


def _typed(table: TableEntry, data: bytes, schema: Mapping[str, type[pl.DataType]], key: str) -> pl.DataFrame:
    """A table with fixed columns; a column that the table lacks is unknown."""
    frame = _strings(data)
    if key not in frame.columns or not set(frame.columns) <= set(schema):
        raise RecordError(f"entry {table.entry}: a {table.kind} table has the columns {', '.join(schema)}")
    try:
        return frame.select(
            pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, kind).alias(name)
            for name, kind in schema.items()
        )
    except pl.exceptions.PolarsError as error:
        raise RecordError(f"entry {table.entry}: a {table.kind} table holds a wrong value ({error})") from error


def _values(table: TableEntry, data: bytes, fields: Sequence[str]) -> pl.DataFrame:
    """A readings table as values frame; a field without a column, and a cell without text, is absent."""
    try:
        frame = pl.read_csv(io.BytesIO(data), schema_overrides={"station": pl.String} | dict.fromkeys(fields, pl.Int64))
    except pl.exceptions.PolarsError:  # some cell is a state's word
        frame = _strings(data)
    if not set(frame.columns) <= {"station", *fields} or "station" not in frame.columns:
        raise RecordError(f"entry {table.entry}: a readings table has the columns station, {', '.join(fields)}")
    columns: list[pl.Expr] = [pl.col("station")]
    for name in fields:
        if name not in frame.columns:
            value, state = pl.lit(None, pl.Int64), pl.lit("absent", STATE_TYPE)
        elif frame.schema[name] == pl.Int64:
            value = pl.col(name)
            state = pl.when(value.is_null()).then(pl.lit("absent", STATE_TYPE)).otherwise(pl.lit("number", STATE_TYPE))
        else:
            value = pl.col(name).cast(pl.Int64, strict=False)
            word = pl.when(value.is_null()).then(pl.col(name)).cast(STATE_TYPE)
            state = pl.when(value.is_not_null()).then(pl.lit("number", STATE_TYPE)).otherwise(word)
            state = state.fill_null(pl.lit("absent", STATE_TYPE))
        columns += [value.alias(name), state.alias(name + STATE_SUFFIX)]
    try:
        frame = frame.select(columns)
    except pl.exceptions.PolarsError as error:
        raise RecordError(f"entry {table.entry}: a cell is neither a number nor a state ({error})") from error
    if frame["station"].is_duplicated().any():
        raise RecordError(f"entry {table.entry}: a station stands twice in one table", code="duplicate-station")
    return frame


def _official_areas(data: bytes) -> tuple[pl.DataFrame, dict[str, str]]:
    text = _strings(data)
    number = pl.col("value").cast(pl.Int64, strict=False)
    remarks = text.filter(number.is_null())
    figures = text.filter(number.is_not_null()).select("area", "item", number.alias("value"))
    return figures, {
        row["item"] if text["area"].n_unique() == 1 else f"{row['area']} {row['item']}": row["value"]
        for row in remarks.iter_rows(named=True)
        if row["value"] is not None
    }
