"""The queue is only a hint: whatever job the worker is killed in, the next one finds what is due, and does it once."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.server.running.material import copy_of, make_election, run_script

WHOLE = os.environ.get("COUNTERFOIL_CAMPAIGN") == "whole"
CALLS = "fsync,fdatasync,rename,renameat2,write"
JOBS = {"grow": 3, "look_alikes": 1, "follow_stages": 1, "recompute": 1}
"""How many points of each job are tried without a campaign."""


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_election(tmp_path_factory.mktemp("jobs") / "world")
    done = run_script("rounds", folder, "seed")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def calls(seeded: Path) -> dict[str, list[tuple[str, int]]]:
    """Of one whole run: job -> (system call, how many times it was made before and at this point)."""
    folder = copy_of(seeded, seeded.with_name("traced"))
    trace = seeded.with_name("trace")
    done = run_script("rounds", folder, under=("strace", "-y", "-o", str(trace), "-e", f"trace={CALLS}"))
    assert done.returncode == 0, done.stderr
    _check(json.loads(done.stdout.splitlines()[-1]))
    count: Counter[str] = Counter()
    found: dict[str, list[tuple[str, int]]] = {}
    job = ""
    for line in trace.read_text("utf-8", "replace").splitlines():
        name = line.partition("(")[0]
        count[name] += 1
        begun = re.search(r'write\(1<[^>]*>, "job (\w+)', line)
        if begun:
            job = begun[1]
        elif job and name != "write":
            found.setdefault(job, []).append((name, count[name]))
    return found


def _check(state: dict[str, Any]) -> None:
    assert state["due"] == []
    assert (state["arrivals"], state["open_batches"], state["waiting"]) == (0, 0, 0)
    assert state["copies"] == state["rows"]
    assert len(state["copies"]) == len(set(state["copies"])) == state["pictures"] == 3
    assert state["links"] >= 1
    assert state["compared"] == 3
    assert state["followed"] == [["watched", "watched"]]
    assert state["drift"] == []
    assert state["holds"]


@pytest.mark.parametrize("job", JOBS)
def test_a_worker_killed_in_the_middle_of_a_job_is_followed_by_one_that_finishes_it_once(
    job: str,
    seeded: Path,
    calls: dict[str, list[tuple[str, int]]],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    step = 1 if WHOLE else max(1, len(calls[job]) // JOBS[job])
    points = calls[job][step // 2 :: step][: None if WHOLE else JOBS[job]]
    record_property("points", len(points))
    for number, (call, when) in enumerate(points):
        folder = copy_of(seeded, tmp_path / f"{number}")
        inject = f"inject={call}:signal=KILL:when={when}"
        killed = run_script("rounds", folder, under=("strace", "-o", os.devnull, "-e", f"trace={call}", "-e", inject))
        assert killed.returncode != 0, (call, when)
        after = run_script("rounds", folder)
        assert after.returncode == 0, after.stderr
        _check(json.loads(after.stdout.splitlines()[-1]))
