"""Reading a folder through paths, so that the same code reads a disk, a mirror or an archive.

A *path* is relative, with `/` between its parts and no `.` or `..` in it. Nothing here follows a symbolic link: a link
in a publication shows one thing to its maker and another to its reader.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from counterfoil.primitives.errors import RecordError
from counterfoil.record.tiles import bundles, decode_bundle


class PathReader(Protocol):
    """Read-only access to the files of one folder."""

    def read(self, path: str) -> bytes:
        """All bytes of the file.

        Raises:
            FileNotFoundError: there is none.
        """

    def names(self) -> Iterable[str] | None:
        """Every path there is, or None where it can't be listed (a web address)."""


class FolderReader:
    """A folder on this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str) -> bytes:
        parts = path.split("/")
        if any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
            raise RecordError(f"expected a relative path without .., found {path[:200]!r}", code="bad-path")
        file = self.root.joinpath(*parts)
        if file.is_symlink():
            raise RecordError(f"{path}: expected a file, found a link", code="bad-path")
        try:
            return file.read_bytes()
        except (IsADirectoryError, NotADirectoryError) as error:
            raise FileNotFoundError(f"{path}: no such file") from error

    def names(self) -> Iterator[str]:
        stack = [""]
        while stack:
            below = stack.pop()
            with os.scandir(self.root / below) as found:
                for item in sorted(found, key=lambda one: one.name):
                    path = below + item.name
                    if item.is_dir(follow_symlinks=False):
                        stack.append(path + "/")
                    else:
                        yield path


class SubReader:
    """The part of another reader below `prefix` (which ends in `/`)."""

    def __init__(self, reader: PathReader, prefix: str) -> None:
        self._reader, self._prefix = reader, prefix

    def read(self, path: str) -> bytes:
        return self._reader.read(self._prefix + path)

    def names(self) -> Iterator[str] | None:
        found = self._reader.names()
        if found is None:
            return None
        cut = len(self._prefix)
        return (name[cut:] for name in found if name.startswith(self._prefix))


def read_entries(reader: PathReader, size: int, prefix: str = "") -> Iterator[bytes]:
    """The first `size` entries, in order, from the bundles of the log folder at `prefix` ("" or ending in `/`).

    Raises:
        RecordError: a bundle is missing or has another number of entries.
    """
    for path, _, width in bundles(size):
        yield from read_bundle(reader, prefix + path, width)


def read_bundle(reader: PathReader, path: str, width: int) -> list[bytes]:
    """The entries of one bundle."""
    try:
        data = reader.read(path)
    except FileNotFoundError:
        raise RecordError(
            f"{path}: expected a bundle of {width} entries, found no such file", code="missing-tile"
        ) from None
    return decode_bundle(data, width, where=path)
