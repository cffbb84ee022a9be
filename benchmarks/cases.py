"""What is measured. Each case runs in a process of its own and prints its rows as JSON.

A row has what was done, its size, seconds by the clock and of the processors (all threads and child processes: what
stays comparable when the machine is shared), and the limit: the least that this machine needs for the same bytes or
sums, measured in the same run.
"""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import polars as pl

from benchmarks.material import BATCH, OPTIONS, bulk_folder, single_entries
from counterfoil.election.folder import load_folder
from counterfoil.record.reader import FolderReader, read_bundle
from counterfoil.record.replay import replay
from counterfoil.record.tiles import bundles
from counterfoil.record.tree import Frontier, leaf_hash
from counterfoil.tally import compute
from counterfoil.workflow import count, publish, verify
from counterfoil.workflow.intake import plan
from counterfoil.workflow.known import Known

NOW = datetime(2026, 3, 2, 20, tzinfo=UTC)
NO_KEY = b"benchmark, a key of no secret...."


class Time(NamedTuple):
    """Seconds by the clock, and of all processors together."""

    clock: float
    cpu: float

    def __add__(self, other: object) -> Time:
        if not isinstance(other, Time):
            return NotImplemented
        return Time(self.clock + other.clock, self.cpu + other.cpu)


@dataclass
class Row:
    what: str
    size: int
    time: Time
    limit_time: Time | None = None
    limit: str = ""
    note: str = ""
    goal_s: float | None = None
    peak_mib: int = 0


def timed(work: Callable[[], object]) -> Time:
    clock, cpu = time.perf_counter(), _cpu()
    work()
    return Time(time.perf_counter() - clock, _cpu() - cpu)


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def whole(work: Path, stations: int) -> list[Row]:
    """(a), (d), (e): count, publish and verify a folder."""
    folder, site = bulk_folder(work, stations), work / f"site-{stations}"
    for left in (site, folder / "record", folder / "objects", folder / "keys"):
        shutil.rmtree(left, ignore_errors=True)
    counting = timed(lambda: count(folder, now=NOW))
    publishing = timed(lambda: publish(folder, site))
    verifying = timed(lambda: _must_hold(site))
    files = [path for path in sorted(site.rglob("*")) if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    copying = timed(lambda: shutil.copytree(site, work / "again"))
    shutil.rmtree(work / "again")
    hashing = timed(lambda: _sha256sum(site))
    note = f"{len(files):,} files, {size / 2**20:,.0f} MiB"
    return [
        Row("count: folder to record, figures", stations, counting),
        Row(
            "publish: record to site", stations, publishing, copying, "copying the same files", note,
            goal_s=60 if stations == 100_000 else None,
        ),
        Row("verify: site recomputed", stations, verifying, hashing, "sha256sum of the same files", note),
        Row("count, publish, verify together", stations, counting + publishing + verifying),
    ]  # fmt: skip


def _must_hold(site: Path) -> None:
    report = verify(site)
    if not report.holds:
        raise SystemExit(f"the publication does not hold: {report}")


def _sha256sum(site: Path) -> None:
    command = "find . -type f -print0 | xargs -0 sha256sum"
    subprocess.run(["bash", "-c", command], cwd=site, stdout=subprocess.DEVNULL, check=True)


def table(work: Path, stations: int) -> list[Row]:
    """(b): replay and tally from one table of readings, against the same sums as one hand-written query; and the same
    with what the authority announced by country, region and station and with voters' reports."""
    folder = bulk_folder(work, stations)
    planned = plan(load_folder(folder), Known(), NO_KEY, BATCH)
    bare = [entry for entry in planned.entries if json.loads(entry).get("kind") not in ("official", "reports")]
    kept: list[dict[str, int]] = []

    def run(entries: list[bytes]) -> None:
        tally = next(iter(compute(replay(entries, planned.objects.__getitem__)).contests.values()))
        kept.append({str(o.option): o.votes for o in tally.area("XX").options})

    def query() -> None:
        listed = pl.scan_csv(folder / "stations.csv").select("station", "area")
        readings = pl.scan_csv(folder / "readings.csv")
        options = readings.collect_schema().names()[-OPTIONS:]
        joined = listed.join(readings, on="station", how="left")
        by_area = joined.group_by("area").agg(pl.len(), pl.col(options).sum()).collect(engine="streaming")
        kept.append(by_area.select(pl.col(options).sum()).row(0, named=True))

    limit, seconds, with_all = timed(query), timed(lambda: run(bare)), timed(lambda: run(planned.entries))
    if not kept[0] == kept[1] == kept[2]:
        raise SystemExit(f"the sums differ: {kept}")
    return [
        Row(
            "replay and tally, one table", stations, seconds, limit, "the same sums as one Polars query",
            goal_s=10 if stations == 1_000_000 else None,
        ),
        Row(
            "the same with official figures and reports", stations, with_all,
            note="country, regions and stations announced, voters' reports",
        ),
    ]  # fmt: skip


def single(work: Path, copies: int) -> list[Row]:
    """(c): copies and readings as single entries, leaf hashes and canonical form checked, to figures."""
    folder = single_entries(work, copies)
    expected = json.loads((folder / "root.json").read_text())
    reader = FolderReader(folder)

    def objects(sha256: str) -> bytes:
        return (folder / "objects" / sha256[:2] / sha256).read_bytes()

    def run() -> None:
        edge = Frontier()

        def hashed() -> object:
            for path, _, width in bundles(expected["size"]):
                for entry in read_bundle(reader, path, width):
                    edge.add_leaf_hash(leaf_hash(entry))
                    yield entry

        tally = next(iter(compute(replay(hashed(), objects)).contests.values()))  # type: ignore[arg-type]
        if edge.root().hex() != expected["root"] or tally.area("XX").numbers.confirmed != copies:
            raise SystemExit("the entries give another root, or not every copy is confirmed")

    def least() -> None:
        sha256, decode = hashlib.sha256, json.loads
        for path, _, width in bundles(expected["size"]):
            for entry in read_bundle(reader, path, width):
                sha256(entry).digest()
                decode(entry)

    seconds, limit = timed(run), timed(least)
    return [
        Row(
            "replay and tally, single entries", expected["size"], seconds, limit,
            "hashing and JSON decoding of the same bytes", f"{copies:,} copies, {2 * copies:,} readings",
            goal_s=90 if copies == 1_000_000 else None,
        )
    ]  # fmt: skip


CASES: dict[str, Callable[[Path, int], list[Row]]] = {"table": table, "single": single, "whole": whole}


def main() -> None:
    name, work, size = sys.argv[1:4]
    rows = CASES[name](Path(work), int(size))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps([{**asdict(row), "peak_mib": peak} for row in rows]))


if __name__ == "__main__":
    main()
