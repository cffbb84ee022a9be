"""Where things lie in a publication, for those who write it and those who only read it.

checkpoint  checkpoints/<size>  tile/...  log.vkey       the log, in the publication below `record/`
objects: <2 hex>/<SHA-256>                               in the publication below `objects/`
released pictures: <SHA-256>.jpg                         the same bytes once more, below `copies/`: a name that opens
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from counterfoil.primitives.canonical import sha256_hex
from counterfoil.primitives.errors import RecordError
from counterfoil.record.reader import PathReader
from counterfoil.record.tiles import edge_paths, paths

CHECKPOINT, VKEY, CHECKPOINTS = "checkpoint", "log.vkey", "checkpoints/"
RECORD, OBJECTS, COPIES = "record/", "objects/", "copies/"
_CHECKPOINT_NAME = re.compile(r"checkpoints/(0|[1-9][0-9]{0,18})")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def published_paths(sizes: Iterable[int]) -> list[str]:
    """Every path below the log's folder that a copy of it must have: `sizes` are those of all its checkpoints."""
    ordered = sorted(set(sizes))
    found = {CHECKPOINT, VKEY, *(f"{CHECKPOINTS}{size}" for size in ordered)}
    for size in ordered:
        found.update(edge_paths(size))
    found.update(paths(ordered[-1] if ordered else 0))
    return sorted(found)


def checkpoint_sizes(reader: PathReader) -> list[int]:
    """Sizes of the checkpoints in `checkpoints/`, ascending; none where the folder can't be listed."""
    found = (_CHECKPOINT_NAME.fullmatch(name) for name in reader.names() or ())
    return sorted(int(name[1]) for name in found if name)


def object_path(sha256: str) -> str:
    """Path of an object below the folder of objects.

    Raises:
        RecordError: not 64 hex digits.
    """
    if not _SHA256.fullmatch(sha256):
        raise RecordError(f"expected a SHA-256 of 64 hex digits, found {sha256[:80]!r}", code="bad-object-name")
    return f"{sha256[:2]}/{sha256}"


def copy_path(sha256: str) -> str:
    """Path of a released picture in the publication: with an ending, so that a browser shows it from a stick too."""
    return f"{COPIES}{sha256}.jpg"


def check_object(sha256: str, data: bytes, *, where: str) -> bytes:
    """`data` if it has this hash.

    Raises:
        RecordError: it has another.
    """
    found = sha256_hex(data)
    if found != sha256:
        raise RecordError(f"{where}: expected SHA-256 {sha256}, found {found}", code="object-differs")
    return data
