"""A machine is tried before it is needed; what is wrong is said with what to do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from counterfoil.record.keys import LAST_SIGNED, LOG_KEY
from counterfoil.storage import tried
from counterfoil.storage.tried import bucket_check, database_check
from counterfoil.workflow import preflight
from counterfoil.workflow.count import count
from counterfoil.workflow.preflight import machine_checks
from tests.server.running.material import ROOT, environment, make_election
from tests.servers.postgres import PostgresServer
from tests.servers.swift import SwiftServer
from tests.storage_objects.conftest import bucket_of
from tests.workflow.folders import NOW, make_folder


def found(folder: Path, stations: int = 4) -> dict[str, preflight.Check]:
    return {one.code: one for one in machine_checks(folder, stations)}


def test_each_check_says_what_it_found(tmp_path: Path) -> None:
    checks = found(tmp_path)
    assert list(checks) == ["space", "sync", "clock", "memory", "swap", "keys"]
    assert all(one.found for one in checks.values())
    assert checks["keys"].holds


def test_a_disk_that_is_too_small_for_the_country_is_said(tmp_path: Path) -> None:
    assert found(tmp_path)["space"].holds
    assert not found(tmp_path, stations=10**9)["space"].holds


def test_swap_that_is_on_is_said(tmp_path: Path) -> None:
    swaps = tmp_path / "swaps"
    swaps.write_text("Filename\tType\tSize\n/dev/sda2\tpartition\t8000\n")
    assert preflight._swap(swaps).found == "/dev/sda2"
    assert not preflight._swap(swaps).holds


def test_a_key_that_is_gone_or_signed_something_else_is_said(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "e")
    count(folder, None, now=NOW)
    assert found(folder)["keys"].holds
    memory = (folder / "keys" / LAST_SIGNED).read_bytes()
    (folder / "record/checkpoint").write_bytes(memory.replace(b"\n\n", b"\n\n\n", 1))
    assert not found(folder)["keys"].holds
    (folder / "record/checkpoint").write_bytes(memory)
    (folder / "keys" / LOG_KEY).rename(tmp_path / "elsewhere")
    assert "put log.key back" in found(folder)["keys"].mend


@pytest.mark.parametrize("count_of_photos", [3])
def test_photos_go_through_the_real_pipeline_and_leave_nothing_behind(tmp_path: Path, count_of_photos: int) -> None:
    folder = make_election(tmp_path / "e")
    before = sorted(path.name for path in folder.iterdir())
    done = subprocess.run(
        [sys.executable, "-m", "counterfoil", "preflight", str(folder), "--count", str(count_of_photos), "--json"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode in (0, 1), done.stderr
    codes = {one["code"]: one for one in json.loads(done.stdout)["checks"]}
    assert {"jail", "files", "load", "publish"} <= set(codes)
    assert codes["files"]["mend"] == ""
    assert codes["load"]["found"].startswith("3 photos")
    assert sorted(path.name for path in folder.iterdir()) == sorted([*before, "server"])
    assert list((folder / "server").iterdir()) == []


@pytest.fixture
def password(tmp_path: Path, fast_postgres: PostgresServer) -> Path:
    (tmp_path / "database.password").write_text(fast_postgres.password, "ascii")
    return tmp_path / "database.password"


def address_of(server: PostgresServer, database: str) -> str:
    """Without the password."""
    return re.sub(r":[^:@/]*@", "@", server.url(database))


def test_the_configured_postgresql_is_tried_and_nothing_of_it_stays(
    fast_postgres: PostgresServer, password: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = fast_postgres.create_database()
    address = address_of(fast_postgres, database)
    unsafe = database_check(address, password)
    assert unsafe.found.startswith("version 15, one commit ")
    assert unsafe.mend.endswith("turn on fsync")
    with psycopg.connect(fast_postgres.url(database)) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
    monkeypatch.setattr(tried, "_DURABLE", ())
    monkeypatch.setattr(tried, "SYNC_MS", 60_000)
    assert database_check(address, password).holds
    monkeypatch.setattr(tried, "SYNC_MS", 0)
    assert "on a quicker disk" in database_check(address, password).mend
    monkeypatch.setattr(tried, "LEAST_POSTGRESQL", 16)
    assert "PostgreSQL 16 or newer" in database_check(address, password).mend


def test_a_postgresql_with_another_password_or_none_is_said_without_the_password(
    fast_postgres: PostgresServer, password: Path
) -> None:
    password.write_text("sesame", "ascii")
    for address in (address_of(fast_postgres, "postgres"), "postgresql://counterfoil@127.0.0.1:1/count"):
        said = database_check(address, password)
        assert "keys/database.password" in said.mend
        assert "sesame" not in said.found and "\n" not in said.found


def test_the_configured_bucket_is_tried_and_nothing_of_it_stays(swift: SwiftServer, tmp_path: Path) -> None:
    bucket = bucket_of(swift, tmp_path / "keys", swift.create_bucket(), prefix="/election")
    address = f"s3+{swift.endpoint}/{bucket.place.bucket}/election"
    good = bucket_check("bucket", "Bucket", address, tmp_path / "keys", "objects")
    assert good.holds, good
    assert list(bucket.list()) == []
    wrong = bucket_check("bucket", "Bucket", f"s3+{swift.endpoint}/no-such-bucket", tmp_path / "keys", "objects")
    assert not wrong.holds and "no-such-bucket" in wrong.found
    assert not bucket_check("site-bucket", "Bucket", address, tmp_path / "keys", "site").holds  # no such key
