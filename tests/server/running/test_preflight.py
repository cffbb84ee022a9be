"""A machine is tried before it is needed; what is wrong is said with what to do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from counterfoil.record.keys import LAST_SIGNED, LOG_KEY
from counterfoil.workflow import preflight
from counterfoil.workflow.count import count
from counterfoil.workflow.preflight import machine_checks
from tests.server.running.material import ROOT, environment, make_election
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
