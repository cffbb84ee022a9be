"""The staging file: everything that a batch will write, in one file, so that one rename commits it.

    counterfoil-staging/v1 <size before>
    <path> <bytes>               then that many bytes; repeated for every new tile and bundle
    end <size after> <root, hex> <SHA-256 of all bytes before this line, hex>

It is written beside the log, synced and renamed; from then on it is applied, again after a crash, until all is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from counterfoil.primitives.errors import RecordError
from counterfoil.record.durable import fresh_file

HEADER = b"counterfoil-staging/v1 "
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Staged:
    """What a whole staging file promises."""

    path: Path
    before: int
    after: int
    root: bytes

    def files(self) -> Iterator[tuple[str, bytes]]:
        """(path, bytes) of every file to be written."""
        with self.path.open("rb") as file:
            file.readline()
            while not (line := file.readline()).startswith(b"end "):
                path, length = line[:-1].decode("ascii").rsplit(" ", 1)
                yield path, file.read(int(length))


def write_staging(
    path: Path, before: int, files: Iterator[tuple[str, bytes]], *, end: Callable[[], tuple[int, bytes]]
) -> None:
    """Write and sync the file. `end()` is asked for size and root after the last of `files`."""
    digest = hashlib.sha256()
    with fresh_file(path) as out:

        def write(data: bytes) -> None:
            digest.update(data)
            out.write(data)

        write(HEADER + b"%d\n" % before)
        for name, data in files:
            write(f"{name} {len(data)}\n".encode("ascii"))
            write(data)
        after, root = end()
        out.write(f"end {after} {root.hex()} {digest.hexdigest()}\n".encode("ascii"))


def read_staging(path: Path) -> Staged:
    """The staging file at `path`, its checksum verified.

    Raises:
        RecordError: it is not whole; as it was synced before it got its name, the disk is failing.
    """
    with path.open("rb") as file:
        header = file.readline()
        last = _last_line(file)
        digest = _digest(file, last)
    words = last.split(b" ")
    if not header.startswith(HEADER) or len(words) != 4 or words[0] != b"end" or words[3].strip() != digest:
        raise RecordError(
            f"{path}: expected a whole staging file, found one that was changed; keep a copy of the folder, then "
            "compare the disk with a mirror",
            code="staging-differs",
        )
    return Staged(path, int(header[len(HEADER) :]), int(words[1]), bytes.fromhex(words[2].decode("ascii")))


def _last_line(file: BinaryIO) -> bytes:
    size = file.seek(0, 2)
    file.seek(max(0, size - 300))
    return b"end " + file.read().rpartition(b"end ")[2]


def _digest(file: BinaryIO, last: bytes) -> bytes:
    left = file.seek(0, 2) - len(last)
    file.seek(0)
    digest = hashlib.sha256()
    while left > 0 and (block := file.read(min(_BLOCK, left))):
        digest.update(block)
        left -= len(block)
    return digest.hexdigest().encode("ascii")
