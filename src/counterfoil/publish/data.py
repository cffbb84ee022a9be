"""The data package: everything under `data/`, as (path, bytes), the same bytes for the same publication.

`summary.json`, each table of `columns.TABLES` as CSV and Parquet, the wide table as XLSX, NIST reports per source,
`datapackage.json` (Frictionless Data Package 1) and `SHA256SUMS`, which lists all others. No figure is computed here.

Compressed files hold what the libraries of the day make of it, so two builds may differ in bytes and not in content:
`same_content` compares what a reader of the file would see.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import polars as pl

from counterfoil.primitives.canonical import sha256_hex
from counterfoil.publish import nist
from counterfoil.publish.columns import TABLES, Table
from counterfoil.publish.formats import XLSX_MAX_ROWS, csv_bytes, parquet_bytes, xlsx_bytes
from counterfoil.publish.frames import frame
from counterfoil.publish.model import Publication
from counterfoil.publish.summary import summary_bytes

LICENCE_TEXT = """\
The files in this folder are in the public domain as far as the law allows (Creative Commons CC0 1.0,
https://creativecommons.org/publicdomain/zero/1.0/). They may be copied, changed and passed on by anyone, for any
purpose, without asking. Figures of others that are listed with their source keep their source's terms.

A figure from here is quoted with its base and its coverage, or it says nothing.
"""


class Encoded:
    """Tables as they were last encoded: one that is the same again is not encoded again. The bytes follow from the rows
    alone, so there is nothing else to compare."""

    def __init__(self) -> None:
        self._tables: dict[str, tuple[pl.DataFrame, dict[str, bytes]]] = {}

    def of(self, name: str, rows: pl.DataFrame, kind: str, encode: Callable[[], bytes]) -> bytes:
        """The bytes of `rows` as `kind`; `encode` makes them where they are not known."""
        kept = self._tables.get(name)
        if kept is None or kept[0].schema != rows.schema or not kept[0].equals(rows, null_equal=True):
            kept = self._tables[name] = (rows, {})
        if kind not in kept[1]:
            kept[1][kind] = encode()
        return kept[1][kind]


def data_files(
    publication: Publication, *, each: Callable[[str], None] = lambda path: None, encoded: Encoded | None = None
) -> Iterator[tuple[str, bytes]]:
    """Every file under `data/`, as (path from the publication's root, bytes); `each` is told before a file is made.

    Args:
        encoded: what was encoded for an earlier publication.
    """
    sums: list[tuple[str, str]] = []
    resources: list[dict[str, Any]] = []
    for path, data, resource in _files(publication, each, encoded or Encoded()):
        digest = sha256_hex(data)
        sums.append((digest, path))
        resources.append({**resource, "path": path, "bytes": len(data), "hash": f"sha256:{digest}"})
        yield f"data/{path}", data
    package = _package(publication, resources)
    sums.append((sha256_hex(package), "datapackage.json"))
    yield "data/datapackage.json", package
    listed = "".join(f"{digest}  {path}\n" for digest, path in sorted(sums, key=lambda pair: pair[1]))
    yield "data/SHA256SUMS", listed.encode("ascii" if listed.isascii() else "utf-8")


def same_content(path: str, published: bytes, recomputed: bytes) -> bool:
    """Whether two files of one path say the same; compressed ones are opened, others compared as they are."""
    if published == recomputed:
        return True
    try:
        if path.endswith(".parquet"):
            left, right = pl.read_parquet(io.BytesIO(published)), pl.read_parquet(io.BytesIO(recomputed))
            return left.schema == right.schema and left.equals(right, null_equal=True)
        if path.endswith(".xlsx"):
            return _members(published) == _members(recomputed)
    except (pl.exceptions.PolarsError, zipfile.BadZipFile, OSError, EOFError, NotImplementedError):
        return False  # what does not open is not the same
    return False


def _members(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def _files(
    publication: Publication, each: Callable[[str], None], encoded: Encoded
) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    each("summary.json")
    yield "summary.json", summary_bytes(publication), _resource("summary", "json", "Headline figures for programs")
    yield "LICENSE.txt", LICENCE_TEXT.encode(), _resource("licence", "txt", "What may be done with these files")
    for table in TABLES.values():
        each(f"{table.name}.csv")
        rows = frame(publication, table.name)
        name, free_text = table.name, table.free_text
        data = encoded.of(name, rows, "csv", partial(csv_bytes, rows, free_text))
        yield f"{name}.csv", data, _table_resource(table, rows, "csv")
        data = encoded.of(name, rows, "parquet", partial(parquet_bytes, rows))
        yield f"{name}.parquet", data, _table_resource(table, rows, "parquet")
        if name == "results_wide" and rows.height <= XLSX_MAX_ROWS:
            data = encoded.of(name, rows, "xlsx", partial(xlsx_bytes, rows, "results"))
            title = f"{table.title} (spreadsheet)"
            yield "results_wide.xlsx", data, _resource("results_wide-xlsx", "xlsx", title)
    for report, data in nist.reports(publication):
        each(f"nist/{report}")
        identity = "nist-" + report.removesuffix(".json").lower()
        title = f"NIST SP 1500-100 v2: {report.removesuffix('.json')}"
        yield f"nist/{report}", data, _resource(identity, "json", title)


_MEDIA = {
    "csv": "text/csv",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "txt": "text/plain",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def _resource(name: str, kind: str, title: str) -> dict[str, Any]:
    encoding = {"encoding": "utf-8"} if kind in ("csv", "json", "txt") else {}
    return {"name": name, "title": title, "format": kind, "mediatype": _MEDIA[kind], **encoding}


def _table_resource(table: Table, rows: pl.DataFrame, kind: str) -> dict[str, Any]:
    described = [table.describe(name) for name in rows.columns]
    schema: dict[str, Any] = {
        "fields": [{"name": c.name, "type": c.type, "description": c.description} for c in described],
        "missingValues": [""],
    }
    if table.key:
        schema["primaryKey"] = list(table.key)
    head = _resource(table.name if kind == "csv" else f"{table.name}-{kind}", kind, table.title)
    return {**head, "profile": "tabular-data-resource" if kind == "csv" else "data-resource", "schema": schema}


def _package(publication: Publication, resources: list[dict[str, Any]]) -> bytes:
    replay = publication.results.replay
    package = {
        "profile": "data-package",
        "name": replay.election.id.lower(),
        "title": next(iter(replay.election.title.values())),
        "created": replay.newest_batch.replace("Z", ":00Z"),
        "version": str(publication.record.size),
        "licenses": [
            {
                "name": "CC0-1.0",
                "path": "https://creativecommons.org/publicdomain/zero/1.0/",
                "title": "Creative Commons Zero 1.0",
            }
        ],
        "sources": [dict(source) for source in _sources(publication)],
        "resources": resources,
    }
    return (json.dumps(package, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def _sources(publication: Publication) -> list[dict[str, str]]:
    """Who published the tables that are in the record, each once."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for table in publication.results.replay.tables:
        title, address = table.source["name"], table.source.get("address", "")
        found[title, address] = {"title": title, **({"path": address} if address else {})}
    return list(found.values())
