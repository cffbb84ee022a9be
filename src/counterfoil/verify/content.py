"""Do the files follow from the record? Hashes of all of them, objects, the manifest, data and pages made again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from polars.exceptions import PanicException

from counterfoil.primitives.errors import RecordError
from counterfoil.publish.data import data_files, same_content
from counterfoil.publish.model import Publication
from counterfoil.record.checkpoint import Checkpoint
from counterfoil.record.layout import COPIES, OBJECTS, RECORD, copy_path, object_path
from counterfoil.record.manifest import MANIFEST, Manifest
from counterfoil.record.reader import PathReader

DATA = "data/"
_NAMED = 3


@dataclass(frozen=True, slots=True)
class File:
    sha256: str
    bytes: int


def hash_files(reader: PathReader, paths: Iterable[str]) -> Iterator[tuple[str, File | str]]:
    """SHA-256 and length of each file, or a sentence where it is no plain file; one that is missing is left out."""
    for path in paths:
        try:
            data = reader.read(path)
        except FileNotFoundError:
            continue
        except RecordError as error:
            yield path, str(error)
        else:
            yield path, File(hashlib.sha256(data).hexdigest(), len(data))


def check_objects_named_by_hash(files: Mapping[str, File]) -> int:
    """Every object has the hash that its path says. Returns how many there are."""
    objects = {path: file for path, file in files.items() if path.startswith(OBJECTS)}
    for path, file in objects.items():
        if path != OBJECTS + object_path(file.sha256):
            raise RecordError(f"{path}: its bytes have SHA-256 {file.sha256}", code="object-differs")
    return len(objects)


def check_objects_of_entries(files: Mapping[str, File], named: Mapping[str, int]) -> None:
    """Every object that an entry names is there with its length, and no other.

    Raises:
        RecordError: one is missing, has another length, or is named by no entry.
    """
    for sha256, length in named.items():
        path = OBJECTS + object_path(sha256)
        file = files.get(path)
        if file is None:
            raise RecordError(f"{path}: an entry names this object, and it is not here", code="missing-object")
        if file.bytes != length:
            raise RecordError(f"{path}: expected {length} bytes, found {file.bytes}", code="object-differs")
    wanted = {OBJECTS + object_path(sha256) for sha256 in named}
    extra = sorted(path for path in files if path.startswith(OBJECTS) and path not in wanted)
    if extra:
        raise RecordError(f"{_some(extra)}: named by no entry of the record", code="extra-object")


def check_copies(files: Mapping[str, File], released: Iterable[str]) -> int:
    """Every released picture lies under its own name as well, and nothing else does. Returns how many there are.

    Raises:
        RecordError: one is missing, has other bytes, or is none that was released.
    """
    wanted = {copy_path(sha256): sha256 for sha256 in released}
    for path, sha256 in wanted.items():
        file = files.get(path)
        if file is None or file.sha256 != sha256:
            found = "no such file" if file is None else f"SHA-256 {file.sha256}"
            raise RecordError(f"{path}: expected the released picture, found {found}", code="missing-copy")
    extra = sorted(path for path in files if path.startswith(COPIES) and path not in wanted)
    if extra:
        raise RecordError(f"{_some(extra)}: no picture that was released", code="extra-file")
    return len(wanted)


def check_manifest(manifest: Manifest, checkpoint: Checkpoint, files: Mapping[str, File]) -> None:
    """The manifest is of this checkpoint, and every file is in it with its hash.

    Raises:
        RecordError: another checkpoint; files changed, missing or added, by name.
    """
    if manifest.checkpoint != checkpoint:
        raise RecordError(
            f"{MANIFEST}: signed for {manifest.checkpoint.size} entries with root "
            f"{manifest.checkpoint.root.hex()[:16]}, the checkpoint has "
            f" {checkpoint.size} with root {checkpoint.root.hex()[:16]}",
            code="manifest-of-another-checkpoint",
        )
    wanted = manifest.files
    found = {path: file.sha256 for path, file in files.items() if path != MANIFEST}
    changed = sorted(path for path in found.keys() & wanted.keys() if found[path] != wanted[path])
    parts = [
        f"{_some(list(paths))} {what}"
        for what, paths in (
            ("changed since it was signed", changed),
            ("missing", sorted(wanted.keys() - found.keys())),
            ("added", sorted(found.keys() - wanted.keys())),
        )
        if paths
    ]
    if parts:
        raise RecordError(f"{MANIFEST}: " + "; ".join(parts), code="files-differ")


def check_data(
    reader: PathReader, files: Mapping[str, File], publication: Publication, each: Callable[[str], None]
) -> int:
    """Everything under `data/`, made again, says the same. Returns the number of files.

    Raises:
        RecordError: a file differs, is missing, or is one too many.
    """
    same = _Same(reader, files)
    for path, data in data_files(publication, each=each):
        same.check(path, data)
    same.check_no_others(DATA)
    return len(same.made)


def check_pages(files: Mapping[str, File], made: Iterable[tuple[str, bytes]], each: Callable[[str], None]) -> int:
    """Every page, made again, has the same bytes, and nothing else lies here. Returns the number of pages.

    Raises:
        RecordError: a page differs, is missing, or is one too many.
    """
    pages = set()
    for path, data in made:
        each(path)
        pages.add(path)
        file = files.get(path)
        if file is None:
            raise RecordError(f"{path}: expected this page, found none", code="missing-file")
        if file.sha256 != hashlib.sha256(data).hexdigest():
            raise RecordError(f"{path}: this page does not follow from the record", code="page-differs")
    extra = sorted(path for path in files if path not in pages and not path.startswith((RECORD, OBJECTS, COPIES, DATA)))
    if extra:
        raise RecordError(f"{_some(extra)}: does not follow from the record", code="extra-file")
    return len(pages)


class _Same:
    """Published files against recomputed ones. Parquet and XLSX may differ in bytes where libraries differ; the two
    lists that hold their hashes are then compared with the published files' hashes put in."""

    def __init__(self, reader: PathReader, files: Mapping[str, File]) -> None:
        self._reader, self._files = reader, files
        self._other_bytes: dict[str, File] = {}
        self.made: set[str] = set()

    def check(self, path: str, data: bytes) -> None:
        self.made.add(path)
        file = self._files.get(path)
        if file is None:
            raise RecordError(f"{path}: expected this file, found none", code="missing-file")
        if file.sha256 == hashlib.sha256(data).hexdigest():
            return
        published = self._reader.read(path)
        if self._other_bytes and path == f"{DATA}SHA256SUMS":
            same = _with_hashes(data, self._files) == published
        elif self._other_bytes and path == f"{DATA}datapackage.json":
            same = _with_lengths(data, self._files) == published
        else:
            same = _same_content(path, published, data)
        if not same:
            raise RecordError(f"{path}: {_where(published, data)}", code="data-differs")
        self._other_bytes[path] = file

    def check_no_others(self, folder: str) -> None:
        extra = sorted(path for path in self._files if path.startswith(folder) and path not in self.made)
        if extra:
            raise RecordError(f"{_some(extra)}: does not follow from the record", code="extra-file")


def _same_content(path: str, published: bytes, recomputed: bytes) -> bool:
    try:
        return same_content(path, published, recomputed)
    except PanicException:  # a file that breaks its reader does not say the same
        return False


def _with_hashes(sums: bytes, files: Mapping[str, File]) -> bytes:
    lines = [line.partition("  ")[2] for line in sums.decode("utf-8").splitlines()]
    return "".join(f"{files[DATA + path].sha256}  {path}\n" for path in lines).encode()


def _with_lengths(package: bytes, files: Mapping[str, File]) -> bytes:
    described = json.loads(package)
    for resource in described["resources"]:
        file = files[DATA + resource["path"]]
        resource["bytes"], resource["hash"] = file.bytes, f"sha256:{file.sha256}"
    return (json.dumps(described, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def _where(published: bytes, recomputed: bytes) -> str:
    """The first line of a text that differs."""
    try:
        left, right = published.decode("utf-8").split("\n"), recomputed.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return "its content does not follow from the record"
    for number, (found, expected) in enumerate(zip(left, right, strict=False), start=1):
        if found != expected:
            return f"line {number} says {found[:120]!r}, the record gives {expected[:120]!r}"
    return f"has {len(left)} lines, the record gives {len(right)}"


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(paths[:_NAMED]) + more
