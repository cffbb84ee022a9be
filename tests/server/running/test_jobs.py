"""The queue is only a hint: whatever job the worker is killed in, the next one finds what is due, and does it once."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from counterfoil.cli.web import WebReader
from counterfoil.verify import verify_folder
from tests.server.running.material import ROOT, copy_of, environment, make_election, run_script, until
from tests.servers.swift import KEY, SwiftServer

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


@pytest.mark.parametrize("files", [1, 30])
def test_a_worker_killed_while_the_site_goes_to_its_bucket_is_followed_by_one_that_finishes_it(
    files: int, seeded: Path, tmp_path: Path, swift: SwiftServer
) -> None:
    folder, bucket = copy_of(seeded, tmp_path / "e"), swift.create_bucket(public=True)
    for part, text in (("id", KEY), ("secret", swift.secret)):
        (folder / "keys" / f"site.{part}").write_text(text, "ascii")
        (folder / "keys" / f"site.{part}").chmod(0o600)
    with (folder / "server.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'site_objects = "s3+{swift.endpoint}/{bucket}"\n')

    def there() -> int:
        return int(swift.client().list_objects_v2(Bucket=bucket)["KeyCount"])

    command = [sys.executable, "-m", "tests.server.running.rounds", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL) as worker:
        until(lambda: worker.poll() is not None or there() >= files, "expected files in the bucket")
        worker.send_signal(signal.SIGKILL)
    assert worker.returncode == -signal.SIGKILL
    after = run_script("rounds", folder)
    assert after.returncode == 0, after.stderr
    _check(json.loads(after.stdout.splitlines()[-1]))
    published = {
        path.relative_to(folder / "site").as_posix() for path in (folder / "site").rglob("*") if path.is_file()
    }
    listed = swift.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
    assert {item["Key"] for page in listed for item in page["Contents"]} == published
    assert verify_folder(WebReader(swift.address(bucket))).holds
