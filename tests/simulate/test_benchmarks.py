"""The benchmarks run, and their figures rest on sums that agree; how fast they are is no matter for a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_case_runs_and_prints_its_rows(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--sizes", "60", "--work", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split(" | ") for line in done.stdout.splitlines() if " | 60 | " in line or " | 183 | " in line]
    assert [row[0].strip("| ") for row in rows] == [
        "replay and tally, one table",
        "the same with official figures and reports",
        "replay and tally, single entries",
        "count: folder to record, figures",
        "publish: record to site",
        "verify: site recomputed",
        "count, publish, verify together",
    ]
    assert all(float(row[2]) > 0 for row in rows)
    assert list(tmp_path.iterdir()) == []


def test_a_case_that_takes_too_long_is_stopped_and_said_to_be(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--sizes=60", "--only=table", "--limit-s=0", f"--work={tmp_path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "stopped after 0 s" in done.stdout
