"""`python -m tests.campaign [--seeds N]`: the long campaigns whole, and their table in docs/campaign.md.

* crashes: the log is killed, refused and cut off from power at every counted system call of a small run; so is the
  server from a photo to its acknowledgement, its worker in every job, and all of it at 100 random moments under load;
* simulated elections: every scenario under many seeds; what was planted is found, nothing else above a note is, and
  every total is right to the vote;
* pictures: mutated and hand-made files through the sandbox; a simulated phone is looked for in kept photos.

Ends with 1 if anything failed; the table is written all the same.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from xml.etree import ElementTree

from counterfoil.simulate.problems import SCENARIOS
from counterfoil.simulate.truth import score
from tests.evidence.campaign import rows as pictures
from tests.simulate.counting import simulated

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "campaign.md"
STATIONS = 300


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--seeds", type=int, default=40, help="elections per scenario")
    seeds = parser.parse_args().seeds
    started = time.time()
    rows = []
    for row in chain(_crashes(), _elections(seeds), pictures()):
        rows.append(row)
        print(*row, sep=" | ", flush=True)  # noqa: T201 - progress of a program for the terminal
    failed = sum(row[2] for row in rows)
    PAGE.write_text(_page(rows, seeds, time.strftime("%d %B %Y", time.gmtime(started))), encoding="utf-8")
    return 1 if failed else 0


CRASHES = {
    "log": "tests/record/test_crash.py",
    "server, step by step": "tests/server/running/test_durability.py",
    "server, jobs": "tests/server/running/test_jobs.py",
    "server, under load": "tests/server/running/test_kills.py",
}


def _crashes() -> Iterator[tuple[str, int, int]]:
    for where, tests in CRASHES.items():
        yield from _crashed(where, tests)


def _crashed(where: str, tests: str) -> Iterator[tuple[str, int, int]]:
    """The tests of one file with every point; a test that tries many points says how many (property `points`)."""
    with tempfile.TemporaryDirectory() as work:
        report = Path(work) / "report.xml"
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", tests, f"--junitxml={report}", "-o", "junit_family=xunit1"],
            cwd=ROOT,
            env={**os.environ, "COUNTERFOIL_CAMPAIGN": "whole"},
            check=False,
        )
        cases: dict[str, list[tuple[int, bool]]] = {}
        for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - written by the line above
            name = str(case.get("name")).partition("[")[0].removeprefix("test_").replace("_", " ")
            points = case.find("properties/property[@name='points']")
            held = case.find("failure") is None and case.find("error") is None
            cases.setdefault(name, []).append((int(points.get("value", 1)) if points is not None else 1, held))
    for name, found in cases.items():
        yield f"{where}: {name}", sum(points for points, _ in found), sum(not held for _, held in found)


def _elections(seeds: int) -> Iterator[tuple[str, int, int]]:
    for scenario in SCENARIOS:
        failed = 0
        for seed in range(seeds):
            with tempfile.TemporaryDirectory() as work:
                truth, results = simulated(scenario, Path(work) / "election", seed=seed, stations=STATIONS)
                failed += not score(truth, results).perfect
        yield f"simulated elections: {scenario}", seeds, failed


def _page(rows: list[tuple[str, int, int]], seeds: int, day: str) -> str:
    table = "\n".join(f"| {name} | {cases} | {failed} |" for name, cases, failed in rows)
    return f"""# Campaigns

`make campaign` runs them whole and writes this page; `make test` runs a fixed part of each. A crash case is one kind of
system call: the log is killed, refused or cut off from power at every place where the run makes it. A simulated
election ({STATIONS} stations, seeds 0 to {seeds - 1}) fails if anything planted that arithmetic can show
is missed, if anything else is found above a note, or if a total is wrong by a vote. A hostile file fails if it does not
end as a clean picture or a named refusal; a simulated phone, if more than one of its twelve photos can be tied to it.
Run of {day}.

| campaign | cases | failed |
| --- | ---: | ---: |
{table}
"""


if __name__ == "__main__":
    sys.exit(main())
