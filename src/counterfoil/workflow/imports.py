"""A file that an organiser uploads to the entry that it would become, and what it would change: nothing is written.

Answers: is the file what it must be, what is new, changed, missing and left out, row by row, against the record.
Leaves out: who may do that (`workflow.approvals`) and the rows of the database (`storage.imports`).

Rules:

* The file is checked together with the tables that stand, as `counterfoil count` checks a folder: one mistake, and
  nothing of it goes in.
* An official snapshot never replaces another. Its preview compares with the newest earlier one of the same unit, since
  what the authority changed is what people look for.
* Voters' reports leave this module without small cells; the raw file lies in memory, or on a temporary file system
  where there is none in memory, only while it is read.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from counterfoil.election.definition import Election
from counterfoil.election.folder import DEFINITION_FILE, FolderInput, TableInput, load_folder
from counterfoil.election.preview import RowKeys, Status, TablePreview
from counterfoil.election.preview import preview as preview_tables
from counterfoil.election.table_files import ROW, FileOptions, read_table_file
from counterfoil.election.yaml_source import read_yaml
from counterfoil.primitives.canonical import canonical, parse, sha256_hex
from counterfoil.primitives.errors import InputError
from counterfoil.workflow.intake import plan as plan_intake
from counterfoil.workflow.known import Known

SHOWN = 20
"""Rows that a preview names; it counts all of them."""
KINDS = ("areas", "stations", "official", "readings", "reports", "election")
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder with a random name is made below it
_KEYS: Mapping[str, tuple[str, ...]] = {
    "areas": ("area",),
    "stations": ("station",),
    "readings": ("station",),
    "reports": ("station", "area", "option"),
}


@dataclass(frozen=True)
class Upload:
    """What the form says. `columns`: our name -> the file's; `ignore`: columns of the file to leave out."""

    kind: str
    data: bytes
    name: str = ""
    contest: str = ""
    snapshot: str = ""
    announced_at: str = ""
    unit: str = "area"
    source: Mapping[str, str] | None = None
    encoding: str = "utf-8"
    delimiter: str = ","
    columns: Mapping[str, str] | None = None
    ignore: Sequence[str] = ()


@dataclass(frozen=True)
class Standing:
    """What the record has. `tables`: the tables that count, whole entries by index; `data`: their bytes by index."""

    election: Election
    tables: Mapping[int, Mapping[str, Any]]
    data: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class Rows:
    """How many, and the first of them as (row of the file or None, key)."""

    count: int
    first: tuple[tuple[int | None, str], ...] = ()


@dataclass(frozen=True)
class ImportPreview:
    """What an upload would do. `body`: the entry without `v` and `batch`; None: nothing is new. `data`: its object.

    `against`: what rows are compared with (a snapshot's name), where it is not the table that is replaced."""

    kind: str
    status: Status
    rows: int
    added: Rows
    changed: Rows
    missing: Rows
    ignored: tuple[str, ...]
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]
    body: Mapping[str, Any] | None
    data: bytes
    against: str = ""


def read_upload(upload: Upload, standing: Standing, pseudonyms: bytes, slot: str) -> ImportPreview:
    """Check an upload against what stands, and say what it would change.

    Raises:
        InputError: the first thing that is not as it must be, with row and column.
    """
    if upload.kind not in KINDS:
        raise InputError("kind", expected=f"one of {', '.join(KINDS)}", found=repr(upload.kind[:40]), code="bad-kind")
    place = _IN_MEMORY if _IN_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="counterfoil-", dir=place) as name:
        folder = Path(name)
        if upload.kind == "election":
            return _definition(upload, standing, folder)
        file = _write(upload, standing, folder)
        loaded = load_folder(folder)
        table = next(t for t in loaded.tables if t.file == file.name)
        only = FolderInput(loaded.election, (table,), ())
        entries = plan_intake(only, _known(standing), pseudonyms, slot).entries
        against = _against(upload, standing, table)
        compared = {(table.kind, table.contest, table.name): standing.data[against]} if against is not None else {}
        found = preview_tables(only, compared).tables[0]
        numbers = _numbers(upload, table, file)
        earlier = standing.tables[against].get("snapshot", "") if against is not None else ""
        body = parse(entries[-1]) if entries else None
        return ImportPreview(
            kind=upload.kind,
            status=_status(found, body),
            rows=table.rows,
            added=_rows(found.added, numbers),
            changed=_rows(found.changed, numbers),
            missing=_rows(found.removed, {}),
            ignored=table.ignored,
            columns_added=found.columns_added,
            columns_removed=found.columns_removed,
            body={k: v for k, v in body.items() if k not in ("v", "batch")} if body is not None else None,
            data=table.data,
            against=earlier,
        )


def _status(found: TablePreview, body: Mapping[str, Any] | None) -> Status:
    return Status.SAME if body is None else found.status if found.status is not Status.SAME else Status.BESIDE


def _rows(keys: RowKeys, numbers: Mapping[str, int]) -> Rows:
    return Rows(keys.count, tuple((numbers.get(key), key) for key in keys.first))


def _write(upload: Upload, standing: Standing, folder: Path) -> Path:
    """The folder as it would be: the definition, the areas and stations that stand, and the new file."""
    tables: list[dict[str, Any]] = []
    for index, entry in standing.tables.items():
        if entry["kind"] in ("areas", "stations") and entry["kind"] != upload.kind:
            path = folder / f"{entry['kind']}-standing.csv"
            path.write_bytes(standing.data[index])
            tables.append({"kind": entry["kind"], "file": path.name, "name": entry["name"]})
    file = folder / f"upload{_suffix(upload.data)}"
    file.write_bytes(upload.data)
    spec: dict[str, Any] = {"kind": upload.kind, "file": file.name, "name": _name(upload, standing)}
    spec |= {"encoding": upload.encoding, "delimiter": upload.delimiter}
    if upload.kind not in ("areas", "stations"):
        spec["contest"] = upload.contest
    if upload.kind == "official":
        spec |= {"snapshot": upload.snapshot, "announced_at": upload.announced_at, "unit": upload.unit}
    optional = {"source": dict(upload.source or {}), "columns": dict(upload.columns or {}), "ignore": [*upload.ignore]}
    spec |= {key: value for key, value in optional.items() if value}
    tables.append(spec)
    plain = {**standing.election.plain, "tables": tables}
    # JSON is YAML, and the loader of folders reads YAML.
    (folder / DEFINITION_FILE).write_text(json.dumps(plain, ensure_ascii=False), "utf-8")
    return file


def _suffix(data: bytes) -> str:
    """By content: the names of uploaded files are thrown away when they come in."""
    if data[:4] == b"PAR1":
        return ".parquet"
    if data[:2] != b"PK":
        return ".csv"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return ".ods" if "mimetype" in archive.namelist() else ".xlsx"
    except zipfile.BadZipFile:
        return ".xlsx"


def _name(upload: Upload, standing: Standing) -> str:
    """A table of areas or stations replaces the one that stands, so it has its name."""
    if upload.kind in ("areas", "stations"):
        return next((str(e["name"]) for e in standing.tables.values() if e["kind"] == upload.kind), upload.kind)
    return upload.name or (f"{upload.snapshot}-{upload.unit}" if upload.kind == "official" else upload.kind)


def _known(standing: Standing) -> Known:
    known = Known(definition=sha256_hex(canonical(standing.election.plain)))
    for index, entry in standing.tables.items():
        known.tables[entry["kind"], entry.get("contest"), entry.get("snapshot"), entry["name"]] = (index, entry)
    return known


def _against(upload: Upload, standing: Standing, table: TableInput) -> int | None:
    """The entry whose rows the new ones are compared with."""
    if table.kind == "official":
        earlier = [
            (entry["announced_at"], index)
            for index, entry in standing.tables.items()
            if entry["kind"] == "official" and (entry["contest"], entry["unit"]) == (table.contest, table.unit)
        ]
        return max(earlier)[1] if earlier else None
    same = [
        index
        for index, entry in standing.tables.items()
        if (entry["kind"], entry.get("contest"), entry["name"]) == (table.kind, table.contest, table.name)
    ]
    return same[-1] if same else None


def _numbers(upload: Upload, table: TableInput, file: Path) -> dict[str, int]:
    """Key of a row -> its row in the file, as a spreadsheet numbers them (the header is row 1)."""
    keys = (
        ("area", "item") if table.kind == "official" and table.unit == "area" else _KEYS.get(table.kind, ("station",))
    )
    raw = read_table_file(
        file,
        rename=upload.columns or {},
        needed=keys,
        options=FileOptions(encoding=upload.encoding, delimiter=upload.delimiter),
    )
    if not set(keys) <= set(raw.frame.columns):
        return {}
    key = pl.concat_str([pl.col(k) for k in keys], separator=" ", ignore_nulls=True)
    return dict(raw.frame.select(key, pl.col(ROW) + raw.first).iter_rows())


def _definition(upload: Upload, standing: Standing, folder: Path) -> ImportPreview:
    """A new `election.yaml`; its `tables:` and `entries:` are not looked at: tables are uploaded one by one."""
    tables = []
    for index, entry in standing.tables.items():
        if entry["kind"] in ("areas", "stations"):
            (folder / f"{entry['kind']}.csv").write_bytes(standing.data[index])
            tables.append({"kind": entry["kind"], "file": f"{entry['kind']}.csv", "name": entry["name"]})
    plain = _plain(upload.data)
    kept = {key: value for key, value in plain.items() if key not in ("tables", "entries")}
    kept["forms"] = _with_templates(kept.get("forms"), standing)
    (folder / DEFINITION_FILE).write_text(json.dumps({**kept, "tables": tables}, ensure_ascii=False), "utf-8")
    election = load_folder(folder).election
    before = standing.election.plain
    if election.id != before["id"]:
        raise InputError(
            DEFINITION_FILE,
            expected=f"the election {before['id']} of this record",
            found=repr(election.id),
            do="another election has another folder and another record",
            code="another-election",
        )
    data = canonical(election.plain)
    same = data == canonical(before)
    changed = sorted(k for k in {*before, *election.plain} if before.get(k) != election.plain.get(k))
    body = {"type": "election", "definition": {"sha256": sha256_hex(data), "bytes": len(data)}}
    nothing = Rows(0)
    return ImportPreview(
        kind="election",
        status=Status.SAME if same else Status.CHANGED,
        rows=1,
        added=nothing,
        changed=Rows(len(changed), tuple((None, key) for key in changed[:SHOWN])),
        missing=nothing,
        ignored=tuple(sorted(set(plain) - set(kept))),
        columns_added=(),
        columns_removed=(),
        body=None if same else body,
        data=data,
    )


def _with_templates(forms: Any, standing: Standing) -> Any:
    """A definition comes alone: where a form names the file of its template, the template that stands is meant."""
    if not isinstance(forms, list):
        return forms
    templates = {form["id"]: form["template"] for form in standing.election.plain["forms"] if "template" in form}
    found = []
    for form in forms:
        named = isinstance(form, dict) and isinstance(form.get("template"), str)
        if named and form.get("id") not in templates:
            raise InputError(
                f"{DEFINITION_FILE}: template",
                expected="a form whose template stands in the record",
                found=repr(form["template"])[:80],
                do="leave it out here, and bring the template in under Layouts of forms",
                code="no-template",
            )
        found.append({**form, "template": templates[form["id"]]} if named else form)
    return found


def _plain(data: bytes) -> dict[str, Any]:
    plain, _ = read_yaml(data, DEFINITION_FILE)
    if not isinstance(plain, dict):
        raise InputError(DEFINITION_FILE, expected="keys with values", found="something else", code="bad-definition")
    return plain
