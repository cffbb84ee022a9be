"""Everything about one station that a complaint needs, from the publication: figures, formulas, readings, proof.

Answers: what stands in the publication about this station and contest. Leaves out how it looks (`workflow.pack_pdf`).

Rules:

* It is a function of a publication and of the entries about the station in it: the same state, the same pack. What is
  waiting or was said since is not in it.
* Readings are told without names and without pseudonyms; what two readers typed stands in the order of the record.
* A difference is always shown with both sides, the formula and the tolerance; no word says whose fault it is.
* Only a released, masked picture is in it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from counterfoil.election.definition import Election
from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.record.checkpoint import Checkpoint, open_checkpoint
from counterfoil.record.layout import OBJECTS, RECORD, VKEY, check_object, object_path
from counterfoil.record.note import Verifier
from counterfoil.record.proof import format_proof, inclusion_proof
from counterfoil.record.reader import PathReader

DATA = "data/"
Entry = tuple[int, Mapping[str, Any]]
"""Index in the record, and what it says (`v` may be missing)."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One box of the form. `ours` and `official` None: not known, or not stated; `state` says how ours stands."""

    field: str
    label: str
    ours: int | None
    state: str
    official: int | None

    @property
    def difference(self) -> int | None:
        """Ours minus the official figure."""
        return None if self.ours is None or self.official is None else self.ours - self.official


@dataclass(frozen=True, slots=True)
class Formula:
    """A check of the form that does not come out."""

    rule: str
    left: int
    right: int
    tolerance: str

    @property
    def difference(self) -> int:
        return self.left - self.right


@dataclass(frozen=True, slots=True)
class CopyPart:
    """One copy: where it stands, what it was read as, its picture if it is public, the proof that it is recorded."""

    copy: str
    entry: int
    page: int
    kind: str
    slot: str
    readings: tuple[Mapping[str, int | str] | str, ...]
    """Values by field, or the word of a problem."""
    picture: bytes | None
    picture_sha256: str
    proof: bytes


@dataclass(frozen=True, slots=True)
class Ruling:
    entry: int
    action: str
    reason: str
    slot: str


@dataclass(frozen=True, slots=True)
class Pack:
    """What the PDF shows."""

    election: Election
    contest: str
    station: str
    name: str
    areas: tuple[str, ...]
    """Names of the areas that it lies in, the lowest first."""
    deadline: str
    state: str
    basis: str
    snapshot: str
    comparison: str
    figures: tuple[Figure, ...]
    formulas: tuple[Formula, ...]
    copies: tuple[CopyPart, ...]
    rulings: tuple[Ruling, ...]
    entries: tuple[int, ...]
    """Entries that the count rests on."""
    checkpoint: Checkpoint
    note: bytes
    as_of: str


def gather(
    reader: PathReader, election: Election, station: str, contest: str, entries: Sequence[Entry], language: str
) -> Pack:
    """The pack of one station, from the publication that `reader` reads.

    Args:
        entries: entries about this station and contest, with indexes; those behind the publication's checkpoint and
            withdrawn ones are left out by the caller or here.

    Raises:
        Refusal: nothing is published yet.
        InputError: no such station or contest in it.
    """
    try:
        note = reader.read(f"{RECORD}checkpoint")
        vkey = reader.read(RECORD + VKEY).decode("ascii").strip()
        rows = _rows(reader, "results_wide", station, contest)
    except FileNotFoundError:
        raise Refusal("expected a publication, found none yet; wait for the next batch", code="not-published") from None
    if rows.height != 1:
        raise InputError(
            "station", expected="a station of the publication", found=repr(station[:60]), code="no-station"
        )
    row = rows.row(0, named=True)
    checkpoint, _ = open_checkpoint(note, Verifier(vkey))
    known = sorted((i, body) for i, body in entries if i < checkpoint.size)
    snapshot = _rows(reader, "comparison", station, contest)
    lines = _areas(reader, row["area"])
    return Pack(
        election=election,
        contest=contest,
        station=station,
        name=row["name"] or "",
        areas=tuple(name for name, _ in lines),
        deadline=next((deadline for _, deadline in lines if deadline), ""),
        state=row["state"],
        basis=row["basis"] or "",
        snapshot=snapshot["snapshot"][0] if snapshot.height and snapshot["snapshot"][0] else "",
        comparison=row["comparison"] or "",
        figures=_figures(election, contest, row, language),
        formulas=_formulas(reader, station, contest),
        copies=tuple(_copy(reader, known, index, body, checkpoint, note) for index, body in _of(known, "copy")),
        rulings=tuple(
            Ruling(index, body["action"], body["reason"], body.get("batch", ""))
            for index, body in _of(known, "decision")
        ),
        entries=tuple(int(number) for number in (row["entries"] or "").split()),
        checkpoint=checkpoint,
        note=note,
        as_of=_as_of(reader),
    )


def _table(reader: PathReader, name: str) -> pl.DataFrame:
    return pl.read_csv(io.BytesIO(reader.read(f"{DATA}{name}.csv")), infer_schema=False)


def _rows(reader: PathReader, name: str, station: str, contest: str) -> pl.DataFrame:
    """Rows of one station and contest; of the whole file only these are taken into memory as values."""
    data = reader.read(f"{DATA}{name}.parquet")
    frame = pl.scan_parquet(io.BytesIO(data)).filter((pl.col("station") == station) & (pl.col("contest") == contest))
    return frame.collect()


def _areas(reader: PathReader, area: str) -> list[tuple[str, str]]:
    """Name and deadline from the lowest area to the country."""
    frame = _table(reader, "areas").select("area", "parent", "name", "deadline").unique()
    by_id = {row["area"]: row for row in frame.iter_rows(named=True)}
    found: list[tuple[str, str]] = []
    at: str | None = area
    while at is not None and at in by_id and len(found) <= len(by_id):
        found.append((by_id[at]["name"] or at, by_id[at]["deadline"] or ""))
        at = by_id[at]["parent"]
    return found


def _figures(election: Election, contest: str, row: Mapping[str, Any], language: str) -> tuple[Figure, ...]:
    one = election.contest(contest)
    of_field = {option.field: option.id for option in one.options}
    found = []
    for field in election.form(one.form).fields:
        option = of_field.get(field.id)
        official = row.get(f"official.{option}") if option is not None else None
        label = field.label.get(language) or next(iter(field.label.values()), field.id)
        value, state = row.get(f"field.{field.id}"), row.get(f"field.{field.id}.state") or ""
        found.append(Figure(field.id, label, value, state, official))
    return tuple(found)


def _formulas(reader: PathReader, station: str, contest: str) -> tuple[Formula, ...]:
    frame = pl.read_parquet(io.BytesIO(reader.read(f"{DATA}findings.parquet")))
    mine = frame.filter((pl.col("area") == station) & (pl.col("contest") == contest) & pl.col("single"))
    found = []
    for numbers, value, threshold in mine.sort("finding").select("numbers", "value", "threshold").iter_rows():
        told = json.loads(numbers or "{}")
        if "rule" in told and value is not None and threshold is not None:
            found.append(Formula(told["rule"], value, threshold, told.get("tolerance", "0")))
    return tuple(found)


def _of(entries: Sequence[Entry], kind: str) -> list[Entry]:
    return [(index, body) for index, body in entries if body["type"] == kind]


def _copy(
    reader: PathReader,
    known: Sequence[Entry],
    index: int,
    body: Mapping[str, Any],
    checkpoint: Checkpoint,
    note: bytes,
) -> CopyPart:
    copy = body["copy"]
    readings = tuple(
        one["problem"] if "problem" in one else dict(one["values"])
        for _, one in _of(known, "reading")
        if one["copy"] == copy
    )
    released = [one["object"]["sha256"] for _, one in _of(known, "release") if one["copy"] == copy]
    picture = None
    if released:
        path = OBJECTS + object_path(released[-1])
        try:
            picture = check_object(released[-1], reader.read(path), where=path)
        except FileNotFoundError:
            picture = None  # it was purged; the publication loses it with the next batch
    hashes = inclusion_proof(reader, index, checkpoint.size, RECORD)
    return CopyPart(
        copy=copy,
        entry=index,
        page=body["page"],
        kind=body["kind"],
        slot=body.get("batch", ""),
        readings=readings,
        picture=picture,
        picture_sha256=released[-1] if picture is not None else "",
        proof=format_proof(index, hashes, note),
    )


def _as_of(reader: PathReader) -> str:
    summary = json.loads(reader.read(f"{DATA}summary.json"))
    return str(summary["as_of"])
