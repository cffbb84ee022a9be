"""What a backup holds, in one pass: members with their SHA-256, and a list of them at the end.

    first.json          what this is a backup of
    members             keys/..., record/..., objects/..., pictures/<sha256>, database/..., files of the folder
    last.json           path -> [SHA-256, bytes] of every member before it

A tar stream without times, owners or rights. Reading checks every member against the list: a backup that lacks its last
member is cut off and says so.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from typing import IO, Any

from counterfoil.primitives.errors import RecordError

FIRST, LAST = "first.json", "last.json"
VERSION = 1
_PIECE = 1 << 20


class Packer:
    """Writes members, then the list."""

    def __init__(self, to: IO[bytes], about: dict[str, Any]) -> None:
        self._tar = tarfile.open(fileobj=to, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by `finish`
        self._members: dict[str, tuple[str, int]] = {}
        self.add_bytes(FIRST, json.dumps({"version": VERSION, **about}, sort_keys=True).encode("utf-8"))

    def add_bytes(self, path: str, data: bytes) -> None:
        """A member that is at hand."""
        self.add(path, io.BytesIO(data), len(data))

    def add(self, path: str, source: IO[bytes], size: int) -> None:
        """A member of exactly `size` bytes."""
        info = tarfile.TarInfo(path)
        info.size, info.mode = size, 0o600
        watched = _Watched(source)
        self._tar.addfile(info, watched)
        self._members[path] = (watched.digest.hexdigest(), size)

    def finish(self) -> int:
        """The list; the number of members."""
        self.add_bytes(LAST, json.dumps(self._members, sort_keys=True).encode("utf-8"))
        self._tar.close()
        return len(self._members) - 1


class _Watched(io.RawIOBase):
    """Hashes what is read from it."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source, self.digest = source, hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self.digest.update(data)
        return data


class Unpacker:
    """Reads members one after the other; `about` is what the backup says it is of."""

    def __init__(self, source: IO[bytes]) -> None:
        try:
            self._tar = tarfile.open(fileobj=source, mode="r|")  # noqa: SIM115 - lives as long as the stream
            self._left = self._files()
            first = next(self._left)
        except (tarfile.TarError, StopIteration, EOFError):
            raise _cut_off() from None
        if first[0] != FIRST:
            raise RecordError(f"expected {FIRST} at the start of a backup, found {first[0]}", code="bad-backup")
        data = first[1].read()
        self.about: dict[str, Any] = json.loads(data)
        self._seen = {FIRST: (hashlib.sha256(data).hexdigest(), len(data))}
        if self.about.get("version") != VERSION:
            raise RecordError(
                f"expected a backup of version {VERSION}, found {self.about.get('version')}; use the program that "
                "wrote it",
                code="bad-backup",
            )

    def _files(self) -> Iterator[tuple[str, IO[bytes]]]:
        while (info := self._tar.next()) is not None:
            parts = info.name.split("/")
            file = self._tar.extractfile(info)
            if file is None or any(part in ("", ".", "..") for part in parts):
                raise RecordError(f"expected plain members of a backup, found {info.name[:100]!r}", code="bad-backup")
            yield info.name, file

    def members(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """(path, pieces); the pieces of one must be taken before the next. Complete only when it ends without an error.

        Raises:
            RecordError: a member is not what the list says, or the list is missing.
        """
        try:
            for path, file in self._left:
                if path == LAST:
                    self._check(json.loads(file.read()))
                    return
                digest = hashlib.sha256()
                size = 0

                def pieces(file: IO[bytes] = file, digest: Any = digest) -> Iterator[bytes]:
                    nonlocal size
                    while data := _read(file):
                        digest.update(data)
                        size += len(data)
                        yield data

                given = pieces()
                yield path, given
                for _ in given:  # what nobody wanted is checked all the same
                    pass
                self._seen[path] = (digest.hexdigest(), size)
        except (tarfile.TarError, EOFError):
            raise _cut_off() from None
        raise _cut_off()

    def _check(self, listed: dict[str, list[Any]]) -> None:
        differing = {path for path, found in self._seen.items() if tuple(listed.get(path, ())) != found}
        differing |= set(listed) - set(self._seen)
        if differing:
            raise RecordError(f"expected the members of the list, found others: {min(differing)}", code="bad-backup")


def _read(file: IO[bytes]) -> bytes:
    try:
        return file.read(_PIECE)
    except (tarfile.TarError, EOFError):
        raise _cut_off() from None


def _cut_off() -> RecordError:
    return RecordError("expected a whole backup, found one that was cut off; try another copy", code="cut-off")
