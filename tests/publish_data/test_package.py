"""The data package as a whole: complete, described, hashed, and the same every time."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from counterfoil.primitives.canonical import sha256_hex
from counterfoil.publish.columns import TABLES
from counterfoil.publish.data import data_files, same_content
from counterfoil.publish.formats import parquet_bytes
from counterfoil.publish.frames import frame
from counterfoil.publish.model import Publication

GOLDEN = Path(__file__).parent / "golden"


def test_the_package_is_what_it_was(package: dict[str, bytes]) -> None:
    """Golden files: a change here is a change of published data, to be told in the changelog. Remake with
    `python -m tests.publish_data.make_golden`."""
    for path in sorted(GOLDEN.iterdir()):
        assert package[f"data/{path.name}"].decode("utf-8") == path.read_text("utf-8"), path.name
    assert {p.name for p in GOLDEN.iterdir()} == {"summary.json", *(f"{name}.csv" for name in TABLES)}


def test_the_same_publication_gives_the_same_bytes(three: Publication, package: dict[str, bytes]) -> None:
    assert dict(data_files(three)) == package


def test_every_file_is_listed_with_its_hash(package: dict[str, bytes]) -> None:
    listed = dict(line.split("  ")[::-1] for line in package["data/SHA256SUMS"].decode().splitlines())
    assert listed == {
        path.removeprefix("data/"): sha256_hex(data) for path, data in package.items() if path != "data/SHA256SUMS"
    }


def test_the_data_package_describes_every_file(package: dict[str, bytes]) -> None:
    described = json.loads(package["data/datapackage.json"])
    by_path = {r["path"]: r for r in described["resources"]}
    own = {"data/datapackage.json", "data/SHA256SUMS"}
    assert set(by_path) == {path.removeprefix("data/") for path in package if path not in own}
    for path, resource in by_path.items():
        data = package[f"data/{path}"]
        assert (resource["bytes"], resource["hash"]) == (len(data), f"sha256:{sha256_hex(data)}")
        if path.endswith(".csv"):
            header = data.decode().splitlines()[0].split(",")
            assert [f["name"] for f in resource["schema"]["fields"]] == header
    names = [r["name"] for r in described["resources"]]
    assert len(set(names)) == len(names)
    assert described["licenses"][0]["name"] == "CC0-1.0"


def test_the_summary_has_the_keys_that_checks_rely_on(package: dict[str, bytes]) -> None:
    found = json.loads(package["data/summary.json"])
    contest = found["contests"]["president"]
    assert list(contest["stations"]) == ["expected", "received", "read", "confirmed", "disputed", "compared"]
    assert contest["stations"]["expected"] == 3
    for option in contest["options"].values():
        assert {"votes", "base", "base_kind", "lower_share", "upper_share"} <= option.keys()
        assert len(option["lower_share"].split(".")[1]) == 6
        assert Decimal(option["lower_share"]) == round(Decimal(option["votes"]) / option["base"], 6)
    needed = {"code", "severity", "area", "option", "value", "threshold", "stations", "flip_set_size", "gated_out"}
    assert contest["findings"]
    assert all(needed <= finding.keys() for finding in contest["findings"])
    assert found["record"]["size"] == 19
    assert len(bytes.fromhex(found["record"]["root_hash"])) == 32


def test_no_small_cell_of_voters_reports_is_published(package: dict[str, bytes]) -> None:
    rows = [line.split(",") for line in package["data/reports.csv"].decode().splitlines()[1:]]
    assert [row for row in rows if row[1]] == [
        ["president", "001", "N", "ada", "12", "5"],
        ["president", "003", "S", "ada", "44", "5"],
    ]
    assert sum(int(row[4]) for row in rows) == 12 + 3 + 44 + 2


@pytest.mark.parametrize("name", TABLES)
def test_same_content_sees_one_changed_cell_in_a_compressed_file(three: Publication, name: str) -> None:
    rows = frame(three, name)
    original = parquet_bytes(rows)
    assert same_content(f"data/{name}.parquet", original, parquet_bytes(rows.rechunk()))
    if rows.height:
        column = rows.columns[0]
        assert not same_content(
            f"data/{name}.parquet", original, parquet_bytes(rows.with_columns(rows[column].shift()))
        )
    assert not same_content(f"data/{name}.parquet", original[:-1], original)


def test_same_content_compares_texts_as_they_are() -> None:
    assert not same_content("data/a.csv", b"a\n1\n", b"a\n01\n")
    assert not same_content("data/a.xlsx", b"PK", b"")
