"""What the tests of the log share: published vectors, a throwaway key, readers that live in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from counterfoil.record.log import Log
from counterfoil.record.note import Signer
from counterfoil.record.reader import FolderReader
from counterfoil.record.tree import CompleteHash, complete_root, leaf_hash

VECTORS = Path(__file__).parents[2] / "../shared/data/tlog-vectors"
ORIGIN = "counterfoil.example/test-2026"
SIGNER = Signer(ORIGIN, bytes(range(32)))


def vectors(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text("utf-8"))


class MemoryReader:
    """Files in a dictionary."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def read(self, path: str) -> bytes:
        try:
            return self.files[path]
        except KeyError:
            raise FileNotFoundError(path) from None

    def names(self) -> Iterator[str] | None:
        return iter(sorted(self.files))


def entries(count: int, start: int = 0) -> list[bytes]:
    return [b"entry %d" % i for i in range(start, start + count)]


def complete_hashes(leaves: list[bytes]) -> CompleteHash:
    """Hashes of complete subtrees straight from the definition."""

    def get(height: int, index: int) -> bytes:
        return complete_root([leaf_hash(x) for x in leaves[index << height : (index + 1) << height]])

    return get


def public_files(folder: Path) -> dict[str, bytes]:
    """Every file of a log but the writer's own."""
    reader = FolderReader(folder)
    return {name: reader.read(name) for name in reader.names() if not name.startswith(".")}


def new_log(folder: Path, *batches: list[bytes]) -> Path:
    with Log.create(folder, SIGNER) as log:
        for batch in batches:
            log.append(batch)
    return folder
