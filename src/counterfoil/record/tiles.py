"""Where the log's hashes and entries lie (C2SP tlog-tiles v0.1): static files that any web server serves.

* A *tile* at level L holds up to 256 hashes of complete subtrees of height 8 L; a *bundle* up to 256 entries.
* `tile/<L>/<N>` and `tile/entries/<N>`; N in groups of three digits, all but the last with an x before it. A tile of
  W < 256 hashes is `<N>.p/<W>`: for a tree of size s the last one at level L has W = (s >> 8 L) mod 256; none if 0.
* In a bundle each entry stands after its length, two bytes, big-endian.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from counterfoil.primitives.errors import RecordError

TILE_WIDTH = 256
TILE_HEIGHT = 8
MAX_ENTRY_BYTES = 65_535
_INDEX = re.compile(r"(?:x[0-9]{3}/)*[0-9]{3}")


def index_path(index: int) -> str:
    """`1234067` -> `x001/x234/067`."""
    index, last = divmod(index, 1000)
    path = f"{last:03d}"
    while index:
        index, last = divmod(index, 1000)
        path = f"x{last:03d}/{path}"
    return path


def parse_index_path(path: str) -> int:
    """The one index that has this path.

    Raises:
        RecordError: not exactly the form that `index_path` writes.
    """
    if _INDEX.fullmatch(path):
        index = int(path.replace("x", "").replace("/", ""))
        if index_path(index) == path:
            return index
    raise RecordError(f"expected a tile's number such as x001/x234/067, found {path[:60]!r}", code="bad-tile-path")


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Path of a tile of hashes below the log's folder."""
    return f"tile/{level}/{index_path(index)}{_partial(width)}"


def bundle_path(index: int, width: int = TILE_WIDTH) -> str:
    """Path of a bundle of entries below the log's folder."""
    return f"tile/entries/{index_path(index)}{_partial(width)}"


def _partial(width: int) -> str:
    return "" if width == TILE_WIDTH else f".p/{width}"


def widths(size: int) -> Iterator[tuple[int, int, int]]:
    """(level, number of full tiles, width of the partial one or 0) for each level that a tree of `size` has."""
    level = 0
    while size >> (TILE_HEIGHT * level):
        count = size >> (TILE_HEIGHT * level)
        yield level, count // TILE_WIDTH, count % TILE_WIDTH
        level += 1


def tile_at(level: int, index: int, size: int) -> int:
    """Width of tile `index` at `level` in a tree of `size`; 0 where there is none."""
    return max(0, min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH))


def bundles(size: int) -> Iterator[tuple[str, int, int]]:
    """(path, first entry, width) of each bundle of a tree of `size`, in order."""
    for index in range(-(-size // TILE_WIDTH)):
        width = min(TILE_WIDTH, size - index * TILE_WIDTH)
        yield bundle_path(index, width), index * TILE_WIDTH, width


def paths(size: int) -> Iterator[str]:
    """Path of every tile and bundle that a tree of `size` needs."""
    for path, _, _ in bundles(size):
        yield path
    for level, full, partial in widths(size):
        for index in range(full):
            yield tile_path(level, index)
        if partial:
            yield tile_path(level, full, partial)


def edge_paths(size: int) -> Iterator[str]:
    """Path of every partial tile and bundle of a tree of `size`: kept for each checkpoint ever published."""
    for level, full, partial in widths(size):
        if partial:
            yield tile_path(level, full, partial)
            if level == 0:
                yield bundle_path(full, partial)


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """1 to 256 entries as a bundle."""
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def decode_bundle(data: bytes, width: int, *, where: str = "bundle") -> list[bytes]:
    """The `width` entries of a bundle.

    Raises:
        RecordError: fewer or more bytes than `width` entries take.
    """
    entries: list[bytes] = []
    position = 0
    for _ in range(width):
        start = position + 2
        position = start + (data[position] << 8 | data[position + 1] if start <= len(data) else 0)
        if start > len(data) or position > len(data):
            raise RecordError(f"{where}: expected {width} entries, found the end after {len(entries)}", code="bad-tile")
        entries.append(data[start:position])
    if position != len(data):
        raise RecordError(
            f"{where}: expected {width} entries in {position} bytes, found {len(data)} bytes", code="bad-tile"
        )
    return entries


def decode_tile(data: bytes, width: int, *, where: str = "tile") -> list[bytes]:
    """The `width` hashes of a tile.

    Raises:
        RecordError: another length.
    """
    if len(data) != width * 32:
        raise RecordError(f"{where}: expected {width * 32} bytes, found {len(data)}", code="bad-tile")
    return [data[i : i + 32] for i in range(0, len(data), 32)]
