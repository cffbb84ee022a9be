"""Proofs from the log's own hash tiles: this entry is in it; it extends that older checkpoint.

Only tiles are read, never entries, and of them only the few that a proof needs. The text form of one inclusion proof
is C2SP tlog-proof@v1.
"""

from __future__ import annotations

import base64
import re

from counterfoil.primitives.errors import RecordError
from counterfoil.record import tree
from counterfoil.record.checkpoint import Checkpoint, open_checkpoint
from counterfoil.record.note import Verifier, strict_base64
from counterfoil.record.reader import PathReader
from counterfoil.record.tiles import TILE_HEIGHT, TILE_WIDTH, decode_tile, tile_at, tile_path

PROOF_HEADER = "c2sp.org/tlog-proof@v1"
_INDEX_LINE = re.compile(r"index (0|[1-9][0-9]{0,18})")


class TileHashes:
    """Hashes of complete subtrees of a log of `size` entries, read from its tiles and kept."""

    def __init__(self, reader: PathReader, size: int, prefix: str = "") -> None:
        self._reader, self._size, self._prefix = reader, size, prefix
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def __call__(self, height: int, index: int) -> bytes:
        level, inner = divmod(height, TILE_HEIGHT)
        first = index << inner
        number, offset = divmod(first, TILE_WIDTH)
        return tree.complete_root(self._tile(level, number)[offset : offset + (1 << inner)])

    def _tile(self, level: int, number: int) -> list[bytes]:
        key = (level, number)
        if key not in self._tiles:
            width = tile_at(level, number, self._size)
            path = self._prefix + tile_path(level, number, width)
            try:
                data = self._reader.read(path)
            except FileNotFoundError:
                raise RecordError(f"{path}: expected a hash tile, found no such file", code="missing-tile") from None
            self._tiles[key] = decode_tile(data, width, where=path)
        return self._tiles[key]


def inclusion_proof(reader: PathReader, index: int, size: int, prefix: str = "") -> tuple[bytes, ...]:
    """RFC 6962 audit path of entry `index` in the log's first `size` entries, leaf upwards.

    Raises:
        RecordError: no such entry, or a tile is missing or of another length.
    """
    if not 0 <= index < size:
        raise RecordError(f"expected an entry below {size}, found {index}", code="no-such-entry")
    return tuple(tree.inclusion_proof(TileHashes(reader, size, prefix), index, size))


def consistency_proof(reader: PathReader, old: int, size: int, prefix: str = "") -> tuple[bytes, ...]:
    """That the log's first `size` entries begin with its first `old` entries.

    Raises:
        RecordError: `old` is larger, or a tile is missing or of another length.
    """
    if not 0 <= old <= size:
        raise RecordError(f"expected an older size of at most {size}, found {old}", code="no-such-entry")
    return tuple(tree.consistency_proof(TileHashes(reader, size, prefix), old, size))


def tree_root(reader: PathReader, size: int, prefix: str = "") -> bytes:
    """Root of the first `size` entries, from the tiles at the tree's right edge. Says nothing about entries."""
    return tree.range_hash(TileHashes(reader, size, prefix), 0, size)


def format_proof(index: int, hashes: tuple[bytes, ...], checkpoint_note: bytes) -> bytes:
    """One inclusion proof as tlog-proof@v1: header, index, hashes, blank line, signed checkpoint."""
    lines = [PROOF_HEADER, f"index {index}", *(base64.b64encode(value).decode("ascii") for value in hashes)]
    return "\n".join(lines).encode() + b"\n\n" + checkpoint_note


def check_proof(proof: bytes, entry: bytes, verifier: Verifier) -> tuple[int, Checkpoint]:
    """Index of `entry` and the checkpoint it stands under, if the tlog-proof@v1 text proves that.

    Raises:
        RecordError: another form, another key, or the proof does not lead to the checkpoint's root.
    """
    head, _, note = proof.partition(b"\n\n")
    lines = head.decode("utf-8", "replace").split("\n")
    if lines[0] != PROOF_HEADER:
        raise RecordError(f"expected {PROOF_HEADER}, found {lines[0][:60]!r}", code="bad-proof")
    if len(lines) > 1 and lines[1].startswith("extra "):  # authenticated by nothing, so never used
        del lines[1]
    found = _INDEX_LINE.fullmatch(lines[1]) if len(lines) > 1 else None
    if found is None:
        raise RecordError("tlog-proof: expected the line 'index N'", code="bad-proof")
    hashes = [strict_base64(line, what="hash of a proof") for line in lines[2:]]
    checkpoint, _ = open_checkpoint(note, verifier)
    index = int(found[1])
    tree.verify_inclusion(tree.leaf_hash(entry), index, checkpoint.size, checkpoint.root, hashes)
    return index, checkpoint
