"""A disk that loses power: replays a trace of system calls and says what a crash may leave.

The model is pessimistic. A file's bytes are safe once the file was synced, a name (created, renamed, linked, removed)
once its folder was. Everything else may or may not be there after a crash, folder by folder and file by file.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
CALLS = "openat,write,fsync,rename,unlink,mkdir,link,fchmod"
KILL_AT = ("fsync", "rename", "unlink", "write", "mkdir", "link", "fchmod")
_LINE = re.compile(r"\d+ +(\w+)\((.*)\) += (-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"|<((?:\\x[0-9a-f]{2})*)>')


@dataclass(frozen=True)
class Call:
    name: str
    texts: tuple[bytes, ...]
    flags: str


def run_script(
    folder: Path, *strace: str, script: str = "tests.record.crash_script"
) -> subprocess.CompletedProcess[bytes]:
    """The crash script on `folder`, under strace where options for it are given."""
    prefix = ["strace", "-f", *strace] if strace else []
    return subprocess.run(
        [*prefix, sys.executable, "-m", script, str(folder)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
        timeout=120,
    )


def acknowledged(output: bytes) -> int:
    """The newest size that the script said is in."""
    return max((int(line.split()[1]) for line in output.splitlines()), default=0)


def trace(folder: Path, log: Path, script: str = "tests.record.crash_script") -> list[Call]:
    """The calls of one whole run that changed something below `folder`, and its acknowledgements (writes to fd 1)."""
    done = run_script(folder, "-y", "-xx", "-s", "1000000", "-o", str(log), "-e", f"trace={CALLS}", script=script)
    assert done.returncode == 0, done.stderr
    return [call for line in log.read_text().splitlines() if (call := _parse(line, str(folder).encode()))]


def _parse(line: str, root: bytes) -> Call | None:
    match = _LINE.match(line)
    if match is None or match[3].startswith("-"):
        return None
    name, arguments = match[1], match[2]
    texts = tuple(
        bytes.fromhex((one[1] if one[1] is not None else one[2]).replace("\\x", ""))
        for one in _TEXT.finditer(arguments)
    )
    if name == "write" and arguments.startswith("1<"):
        return Call("acknowledge", texts[1:], "")
    if name == "openat":  # the first text is the working folder
        if "O_CREAT" not in arguments:
            return None
        texts = texts[1:]
    return Call(name, texts, arguments) if texts[0].startswith(root) else None


@dataclass
class _File:
    data: bytes = b""
    safe: bytes | None = None


@dataclass
class _Folder:
    names: dict[bytes, _File | _Folder] = field(default_factory=dict)
    safe: dict[bytes, _File | _Folder] = field(default_factory=dict)


class Disk:
    """The state after some calls. `root` exists, empty and safe, from the start."""

    def __init__(self, root: Path) -> None:
        self.root = str(root).encode()
        self.top = _Folder()
        self.acknowledged = 0

    def apply(self, call: Call) -> None:
        if call.name == "acknowledge":
            self.acknowledged = acknowledged(call.texts[0])
            return
        folder, name = self._parent(call.texts[0])
        if call.name == "openat":
            folder.names.setdefault(name, _File())
        elif call.name == "mkdir":
            folder.names[name] = _Folder()
        elif call.name == "unlink":
            del folder.names[name]
        elif call.name in ("rename", "link"):
            target, new = self._parent(call.texts[1])
            target.names[new] = folder.names[name]
            if call.name == "rename":
                del folder.names[name]
        elif call.name in ("write", "fsync"):
            item = folder.names[name] if name else self.top
            if isinstance(item, _Folder):
                item.safe = dict(item.names)
            elif call.name == "write":
                item.data += call.texts[1]
            else:
                item.safe = item.data

    def _parent(self, path: bytes) -> tuple[_Folder, bytes]:
        *folders, name = path.removeprefix(self.root).strip(b"/").split(b"/")
        at = self.top
        for part in folders:
            below = at.names[part]
            assert isinstance(below, _Folder)
            at = below
        return at, name

    def after_power_loss(self, to: Path, luck: random.Random | None) -> None:
        """Write below `to` what is left: only what is safe, or (with `luck`) more, by chance."""
        self._write(self.top, to, luck)

    def _write(self, folder: _Folder, to: Path, luck: random.Random | None) -> None:
        to.mkdir(mode=0o700)
        lucky = luck is not None and luck.random() < 0.5
        for name, item in (folder.names if lucky else folder.safe).items():
            path = to / name.decode()
            if isinstance(item, _Folder):
                self._write(item, path, luck)
                continue
            data = item.safe if item.safe is not None else b""
            if luck is not None and item.safe != item.data:
                data = luck.choice((data, item.data, item.data[: luck.randrange(len(item.data) + 1)]))
            path.write_bytes(data)
            path.chmod(0o600)


def states(calls: Sequence[Call], root: Path) -> Iterator[tuple[int, Disk]]:
    """The disk after each call."""
    disk = Disk(root)
    yield 0, disk
    for number, call in enumerate(calls, start=1):
        disk.apply(call)
        yield number, disk
