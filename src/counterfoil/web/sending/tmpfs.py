"""A folder that lies in memory and that all web processes of one server share; none, where the machine has no such.

Rules: only a tmpfs counts, as the kernel names it (statfs), never a name such as /dev/shm. The folder dies with the
server: every process that uses it holds a lock on it, and the first that comes when nobody holds one empties it.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import shutil
from pathlib import Path

from counterfoil.config.settings import Settings

TMPFS_MAGIC = 0x01021994
"""linux/magic.h"""
_CANDIDATES = (Path("/dev/shm"), Path("/run/shm"))  # noqa: S108 - checked by what they are
_held: dict[Path, int] = {}


class _Statfs(ctypes.Structure):
    """The beginning of struct statfs; f_type is a long on every 64-bit Linux. The rest is room."""

    _fields_ = (("f_type", ctypes.c_long), ("rest", ctypes.c_byte * 512))


def is_tmpfs(folder: Path) -> bool:
    """Whether the kernel says that this folder lies in memory."""
    found = _Statfs()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.statfs(os.fsencode(folder), ctypes.byref(found)) != 0:
        return False
    return int(found.f_type) == TMPFS_MAGIC


def shared_folder(settings: Settings, name: str) -> Path | None:
    """The folder `name` of this server in memory, 0700; None where there is no memory to share."""
    for candidate in _CANDIDATES:
        if candidate.is_dir() and is_tmpfs(candidate) and os.access(candidate, os.W_OK):
            key = hashlib.sha256(os.fsencode(settings.folder)).hexdigest()[:16]
            top = candidate / f"counterfoil-{os.getuid()}-{key}"
            top.mkdir(mode=0o700, exist_ok=True)
            if top.is_symlink() or top.stat().st_uid != os.getuid():
                return None
            _hold(top)
            (top / name).mkdir(mode=0o700, exist_ok=True)
            return top / name
    return None


def _hold(top: Path) -> None:
    """A shared lock for as long as this process lives; who gets it alone finds leftovers of a server that ended."""
    if top in _held:
        return
    lock = os.open(top / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    else:
        for left in top.iterdir():
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
    fcntl.flock(lock, fcntl.LOCK_SH)
    _held[top] = lock


def release(top: Path) -> None:
    """Let the folder go, as the end of this process would."""
    os.close(_held.pop(top))
