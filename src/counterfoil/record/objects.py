"""Objects: what is too large for an entry (tables, released pictures), stored and named by SHA-256.

`<folder>/<first 2 hex digits>/<64 hex digits>`. An object is never overwritten with other bytes and never trusted
without its hash.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from counterfoil.primitives.canonical import sha256_hex
from counterfoil.primitives.errors import RecordError
from counterfoil.record.durable import make_folder, write_immutable
from counterfoil.record.layout import check_object, object_path


class ObjectName(TypedDict):
    """How an entry names an object."""

    sha256: str
    bytes: int


class ObjectStore:
    """Objects in a folder of this machine. `put` returns after the object is durable."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes) -> ObjectName:
        """Store `data`; the same bytes twice are one object."""
        sha256 = sha256_hex(data)
        path = self.folder / object_path(sha256)
        make_folder(path.parent)
        write_immutable(path, data)
        return {"sha256": sha256, "bytes": len(data)}

    def get(self, sha256: str) -> bytes:
        """The object's bytes, hash checked.

        Raises:
            RecordError: there is none, or its bytes have another hash.
        """
        path = self.folder / object_path(sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise RecordError(f"{path}: expected this object, found no such file", code="missing-object") from None
        return check_object(sha256, data, where=str(path))
