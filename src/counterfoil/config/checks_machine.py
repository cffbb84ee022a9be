"""Checks of the machine: rights of files, disk, memory that could reach a disk, clock, jail."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from counterfoil.config.settings import Settings
from counterfoil.sandbox import Sandbox

FREE_BYTES = 5 * 10**9
FREE_SHARE = 0.1
_OTHERS = 0o077
_TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""
_TIMEX_BYTES = 512
"""More than struct timex has on any system."""


def keys(settings: Settings, now: datetime) -> Iterable[str] | None:
    return _closed(settings.keys, deep=True)


def private_folder(settings: Settings, now: datetime) -> Iterable[str] | None:
    return _closed(settings.private, deep=False, files=("work.sqlite3",))


def _closed(folder: Path, *, deep: bool, files: tuple[str, ...] = ()) -> Iterable[str] | None:
    if not folder.exists():
        return None
    inside = sorted(folder.rglob("*")) if deep else [folder / name for name in files if (folder / name).exists()]
    paths = [folder, *inside]
    return [text for path in paths for text in _open_to_others(path, folder)]


def _open_to_others(path: Path, folder: Path) -> Iterator[str]:
    found = path.lstat()
    name = path.relative_to(folder.parent)
    if stat.S_ISLNK(found.st_mode):
        yield f"{name} is a link"
    elif found.st_mode & _OTHERS:
        yield f"{name} has {stat.filemode(found.st_mode)}"
    if found.st_uid != os.geteuid():
        yield f"{name} belongs to another user"


def disk(settings: Settings, now: datetime) -> Iterator[str]:
    found = shutil.disk_usage(settings.folder)
    if found.free < FREE_BYTES or found.free < FREE_SHARE * found.total:
        yield f"{found.free / 10**9:.1f} of {found.total / 10**9:.1f} GB are free"


def swap(settings: Settings, now: datetime) -> Iterable[str] | None:
    table = Path("/proc/swaps")
    if not table.exists():
        return None
    return [f"swap on {line.split()[0]}" for line in table.read_text("utf-8").splitlines()[1:]]


def temporary(settings: Settings, now: datetime) -> Iterable[str] | None:
    folder = Path(tempfile.gettempdir()).resolve()
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return None
    kinds = {Path(parts[1]): parts[2] for parts in (line.split() for line in mounts.read_text("utf-8").splitlines())}
    kind = next((kinds[at] for at in (folder, *folder.parents) if at in kinds), "unknown")
    return [] if kind in ("tmpfs", "ramfs") else [f"{folder} is on {kind}"]


def core_dumps(settings: Settings, now: datetime) -> Iterator[str]:
    pattern = Path("/proc/sys/kernel/core_pattern")
    to = pattern.read_text("utf-8").strip() if pattern.exists() else "core"
    dropped = to in ("", "|/bin/false", "|/bin/true", "|/usr/bin/false")
    # A limit of 0 stops files, but not a program that the kernel pipes the core to.
    if not dropped and (to.startswith("|") or resource.getrlimit(resource.RLIMIT_CORE)[0] != 0):
        yield f"core dumps go to {to!r}"


def clock(settings: Settings, now: datetime) -> Iterable[str] | None:
    try:
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    if answer < 0:
        return None
    return ["the clock is not synchronised"] if answer == _TIME_ERROR else []


def sandbox(settings: Settings, now: datetime) -> Iterator[str]:
    with Sandbox(1) as jail:
        if not jail.level.full:
            yield f"the jail is {jail.level}"
