"""`python -m benchmarks [--sizes 5767,100000,1000000] [--only table,single,whole] [--limit-s 3600] [--work DIR]`

Prints a Markdown table. Material is made first, in processes of its own and outside the measured time. A case that
takes longer than the limit is stopped and shown as such.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.cases import CASES

MAKERS = {"table": "bulk_folder", "whole": "bulk_folder", "single": "single_entries"}


def main() -> None:
    arguments = _arguments()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    print(f"{_machine()}\n")
    print("| what | size | s | cpu s | limit s | limit cpu s | cpu / limit cpu | peak MiB | limit is | |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="counterfoil-benchmarks-", dir=arguments.work) as work:
        for name in arguments.only.split(","):
            for size in sizes:
                for row in _run(name, work, size, arguments.limit_s):
                    print(_line(row), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--sizes", default="5767,100000,1000000", help="stations (copies, for single), comma-separated")
    parser.add_argument("--only", default=",".join(CASES), help="cases: " + ", ".join(CASES))
    parser.add_argument("--limit-s", type=int, default=3_600, help="seconds after which a case is stopped")
    parser.add_argument("--work", type=Path, help="folder for the material; it needs 10 GiB for 1,000,000 stations")
    return parser.parse_args()


def _machine() -> str:
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cores} cores, {memory:.0f} GiB, Python {platform.python_version()}, Polars {pl.__version__}."


def _run(name: str, work: str, size: int, limit_s: int) -> list[dict[str, Any]]:
    """The rows of one case; one row without seconds where it was stopped or failed."""
    make = f"from pathlib import Path; from benchmarks import material; material.{MAKERS[name]}(Path({work!r}), {size})"
    subprocess.run([sys.executable, "-c", make], check=True)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.cases", name, work, str(size)],
            stdout=subprocess.PIPE,
            timeout=limit_s,
            check=True,
        )
    except subprocess.TimeoutExpired:
        return [{"what": name, "size": size, "note": f"stopped after {limit_s} s"}]
    except subprocess.CalledProcessError as error:
        return [{"what": name, "size": size, "note": f"failed with exit code {error.returncode}"}]
    rows: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return rows


def _line(row: dict[str, Any]) -> str:
    times = [f"{seconds:.2f}" for seconds in row.get("time") or ()] or ["", ""]
    limits = [f"{seconds:.2f}" for seconds in row.get("limit_time") or ()] or ["", ""]
    ratio = row["time"][1] / row["limit_time"][1] if row.get("limit_time") and row["limit_time"][1] else None
    goal = f"goal below {row['goal_s']} s" if row.get("goal_s") else ""
    cells = [
        row["what"],
        f"{row['size']:,}",
        *times,
        *limits,
        "" if ratio is None else f"{ratio:.1f}",
        f"{row['peak_mib']:,}" if row.get("peak_mib") else "",
        row.get("limit", ""),
        "; ".join(part for part in (row.get("note", ""), goal) if part),
    ]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
