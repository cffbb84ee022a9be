"""Entries in, tiles out: the tree at its right edge, in bounded memory.

`grow` yields each file that the new entries complete, then the partial ones of the new size. What it needs to go on is
small: per level fewer than 256 hashes, and fewer than 256 entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from counterfoil.primitives.errors import RecordError
from counterfoil.record.reader import PathReader, read_bundle
from counterfoil.record.tiles import (
    MAX_ENTRY_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    bundle_path,
    decode_tile,
    encode_bundle,
    tile_path,
    widths,
)
from counterfoil.record.tree import Frontier, complete_root, leaf_hash


class TileBuilder:
    """The state of a log of `size` entries, from which it grows."""

    def __init__(self) -> None:
        self.size = 0
        self._levels: list[list[bytes]] = [[]]
        self._bundle: list[bytes] = []

    @classmethod
    def load(cls, reader: PathReader, size: int) -> TileBuilder:
        """From the partial tiles and the partial bundle of a log of `size` entries.

        Raises:
            RecordError: one is missing or of another length.
        """
        state = cls()
        state.size = size
        for level, full, partial in widths(size):
            if level == len(state._levels):
                state._levels.append([])
            if partial:
                path = tile_path(level, full, partial)
                try:
                    data = reader.read(path)
                except FileNotFoundError:
                    raise RecordError(
                        f"{path}: expected a hash tile, found no such file", code="missing-tile"
                    ) from None
                state._levels[level] = decode_tile(data, partial, where=path)
        if size % TILE_WIDTH:
            path = bundle_path(size // TILE_WIDTH, size % TILE_WIDTH)
            state._bundle = read_bundle(reader, path, size % TILE_WIDTH)
            if [leaf_hash(entry) for entry in state._bundle] != state._levels[0]:
                raise RecordError(f"{path}: its entries are not those of the hash tile", code="tile-differs")
        return state

    def copy(self) -> TileBuilder:
        other = TileBuilder()
        other.size, other._levels, other._bundle = self.size, [list(one) for one in self._levels], list(self._bundle)
        return other

    def root(self) -> bytes:
        """RFC 6962 root of the entries so far."""
        edge = Frontier()
        for level in range(len(self._levels) - 1, -1, -1):
            for value in self._levels[level]:
                edge.add_complete(TILE_HEIGHT * level, value)
        return edge.root()

    def grow(self, entries: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
        """Add `entries`; yields (path, bytes) of every tile and bundle of the new size that the old one had not.

        Raises:
            RecordError: an entry of more than 65,535 bytes. The builder is of no more use then.
        """
        source, grown = iter(entries), False
        while chunk := list(islice(source, TILE_WIDTH - len(self._bundle))):
            grown = True
            if max(map(len, chunk)) > MAX_ENTRY_BYTES:
                raise RecordError(
                    f"expected entries of at most {MAX_ENTRY_BYTES} bytes, found {max(map(len, chunk))} in one of "
                    f"{self.size} to {self.size + len(chunk) - 1}",
                    code="entry-too-large",
                )
            self._bundle += chunk
            self._levels[0] += [leaf_hash(entry) for entry in chunk]
            self.size += len(chunk)
            if len(self._bundle) == TILE_WIDTH:
                yield bundle_path(self.size // TILE_WIDTH - 1), encode_bundle(self._bundle)
                self._bundle = []
                yield from self._close_full_tiles()
        if grown:
            yield from self._partials()

    def _close_full_tiles(self) -> Iterator[tuple[str, bytes]]:
        level = 0
        while len(self._levels[level]) == TILE_WIDTH:
            hashes, self._levels[level] = self._levels[level], []
            yield tile_path(level, (self.size >> (TILE_HEIGHT * (level + 1))) - 1), b"".join(hashes)
            level += 1
            if level == len(self._levels):
                self._levels.append([])
            self._levels[level].append(complete_root(hashes))

    def _partials(self) -> Iterator[tuple[str, bytes]]:
        if self._bundle:
            yield bundle_path(self.size // TILE_WIDTH, len(self._bundle)), encode_bundle(self._bundle)
        for level, full, partial in widths(self.size):
            if partial:
                yield tile_path(level, full, partial), b"".join(self._levels[level])
