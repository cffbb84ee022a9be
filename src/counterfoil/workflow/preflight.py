"""Is this machine ready? What can be seen without a server: disk, clock, memory, keys. One line each, and what to do.

Leaves out: whether settings are safe (`counterfoil check`), and photos that are really sent (`bootstrap.preflight`).
Nothing is written but a file of some bytes that is deleted again.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from counterfoil.primitives.errors import CounterfoilError
from counterfoil.record.keys import LOG_KEY, load_key, show_key
from counterfoil.record.layout import CHECKPOINT, VKEY
from counterfoil.record.log import Log

PHOTO_BYTES = 1_000_000
"""Of one photo on the disk: sanitised at 150 to 400 kB, once in the intake, once for readers, once in the site."""
COPIES_A_STATION = 3
SYNC_MS = 50.0
"""A disk that takes longer for one sync can't acknowledge the photos of a night."""
LEAST_MEMORY = 2_000_000_000
_TIME_ERROR = 5
_SYNCS = 30


@dataclass(frozen=True, slots=True)
class Check:
    """`mend` is empty where it holds."""

    code: str
    title: str
    found: str
    mend: str = ""

    @property
    def holds(self) -> bool:
        return not self.mend


def machine_checks(folder: Path, stations: int) -> Iterator[Check]:
    """Disk, clock, memory, keys of the election in `folder` with so many stations."""
    yield _space(folder, stations)
    yield _sync(folder)
    yield _clock()
    yield _memory()
    yield _swap(Path("/proc/swaps"))
    yield _keys(folder)


def _space(folder: Path, stations: int) -> Check:
    found = os.statvfs(folder)
    free, needed = found.f_bavail * found.f_frsize, stations * COPIES_A_STATION * PHOTO_BYTES
    text = f"{_gb(free)} free; {stations} stations with {COPIES_A_STATION} copies each take {_gb(needed)}"
    short = free < needed + 2_000_000_000
    return Check("space", "Space on the disk", text, "use a larger disk, or a bucket (`objects`)" if short else "")


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB"


def _sync(folder: Path) -> Check:
    took = []
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".preflight-") as file:
        for _ in range(_SYNCS):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    median = statistics.median(took)
    slow = median > SYNC_MS
    mend = "a photo waits for five syncs: use a local disk that is quicker, no network folder" if slow else ""
    return Check("sync", "One sync of the disk", f"{median:.1f} ms (median of {_SYNCS})", mend)


def _clock() -> Check:
    """Whether the kernel thinks its clock is kept right by somebody (adjtimex)."""
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))
    now = time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime())
    if state in (_TIME_ERROR, -1):
        return Check(
            "clock", "Clock", f"{now}, kept by nobody", "compare it with another clock; set up time synchronisation"
        )
    return Check("clock", "Clock", f"{now}, synchronised")


def _memory() -> Check:
    lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text("ascii").splitlines())
    free = int(lines["MemAvailable"].split()[0]) * 1024
    mend = "" if free >= LEAST_MEMORY else "end other programs, or set `sandboxes` and `threads` lower"
    return Check("memory", "Memory", f"{_gb(free)} available", mend)


def _swap(swaps: Path) -> Check:
    used = [line.split()[0] for line in swaps.read_text("ascii").splitlines()[1:]] if swaps.exists() else []
    if not used:
        return Check("swap", "Swap", "off")
    mend = "what is only in memory could reach the disk: turn it off (swapoff -a), or encrypt it anew at each start"
    return Check("swap", "Swap", ", ".join(used), mend)


def _keys(folder: Path) -> Check:
    keys, title = folder / "keys", "Keys"
    if not (folder / "record" / VKEY).exists():
        return Check("keys", title, "no record yet: its key is made on the first start")
    if not (keys / LOG_KEY).exists():
        return Check("keys", title, "none", "put log.key back from the backup, or join its parts")
    try:
        vkey = show_key(keys)
        load_key(keys)
        with Log.open(folder / "record", None, writable=False) as log:
            signed = (keys / "log.last").read_bytes() if (keys / "log.last").exists() else b""
            published = (folder / "record" / CHECKPOINT).read_bytes()
            if log.vkey != vkey:
                return Check("keys", title, f"the key of {vkey}", f"this record belongs to {log.vkey}: find its key")
            if signed and signed != published:
                return Check("keys", title, "the key signed another state last", "find the newest record and database")
    except CounterfoilError as error:
        return Check("keys", title, str(error), "see the sentence on the left")
    return Check("keys", title, f"{log.origin}, as the record has it")


@contextmanager
def scratch_of(folder: Path) -> Iterator[Path]:
    """The election of `folder` without its record, keys and work, beside the real one."""
    private = folder / "server"
    private.mkdir(mode=0o700, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="preflight-", dir=private))
    try:
        for path in folder.iterdir():
            if path.is_file() and path.suffix in (".yaml", ".csv", ".json", ".xlsx", ".ods", ".xml"):
                shutil.copyfile(path, scratch / path.name)
        (scratch / "server.toml").write_text("rehearsal = true\nbatch_s = 10\n", "utf-8")
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
