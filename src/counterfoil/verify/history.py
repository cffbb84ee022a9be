"""Does the publication rest on one log, signed by one key, that only ever grew? Notes and tree, no figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from counterfoil.primitives.errors import RecordError
from counterfoil.record.builder import TileBuilder
from counterfoil.record.checkpoint import Checkpoint, open_checkpoint
from counterfoil.record.layout import CHECKPOINTS, RECORD
from counterfoil.record.manifest import Manifest, parse_manifest
from counterfoil.record.note import Verifier, open_note
from counterfoil.record.proof import TileHashes
from counterfoil.record.reader import PathReader, read_entries
from counterfoil.record.tiles import TILE_WIDTH, bundle_path, parse_index_path
from counterfoil.record.tree import range_hash


@dataclass(frozen=True, slots=True)
class Older:
    """An older checkpoint and the name under which it was found."""

    where: str
    checkpoint: Checkpoint


def must_read(reader: PathReader, path: str) -> bytes:
    """The bytes of a file that has to be there."""
    try:
        return reader.read(path)
    except FileNotFoundError:
        raise RecordError(f"{path}: expected this file, found none", code="missing-file") from None


def open_named(reader: PathReader, path: str, verifier: Verifier) -> Checkpoint:
    """The checkpoint in the file `path`, signed by the log's key."""
    try:
        return open_checkpoint(must_read(reader, path), verifier)[0]
    except RecordError as error:
        if str(error).startswith(path):
            raise
        raise RecordError(f"{path}: {error}", code=error.code) from None


def open_manifest(reader: PathReader, path: str, verifier: Verifier) -> Manifest:
    """The manifest in the file `path`, signed by the log's key."""
    try:
        return parse_manifest(open_note(must_read(reader, path), [verifier]).text)
    except RecordError as error:
        if str(error).startswith(path):
            raise
        raise RecordError(f"{path}: {error}", code=error.code) from None


def one_history(newest: Checkpoint, older: Older) -> None:
    """`older` can be of the same log as `newest`, as far as sizes and roots alone tell.

    Raises:
        RecordError: `rolled-back` or `two-logs`.
    """
    found = older.checkpoint
    if found.size > newest.size:
        raise RecordError(
            f"rolled back: {older.where} is signed for {found.size} entries, the publication has only {newest.size}; "
            f"{found.size - newest.size} entries that were published are gone, or this copy is out of date",
            code="rolled-back",
        )
    if found.size == newest.size and found.root != newest.root:
        raise RecordError(
            f"two different logs of one size under one key: {older.where} has {found.size} entries with root "
            f"{found.root.hex()}, the publication has {newest.size} with root {newest.root.hex()}. Keep both notes: "
            "together they prove that the key's holder showed two histories",
            code="two-logs",
        )


def kept_checkpoints(reader: PathReader, sizes: Iterable[int], newest: Checkpoint, verifier: Verifier) -> list[Older]:
    """Every checkpoint that was ever published, each signed, none larger than the newest.

    Raises:
        RecordError: a wrong signature, a name that does not fit, a rollback, a second log.
    """
    found = []
    for size in sorted({*sizes, newest.size}):
        path = f"{RECORD}{CHECKPOINTS}{size}"
        older = Older(path, open_named(reader, path, verifier))
        if older.checkpoint.size != size:
            raise RecordError(
                f"{path}: expected a checkpoint of {size} entries, found one of {older.checkpoint.size}",
                code="wrong-checkpoint",
            )
        one_history(newest, older)
        found.append(older)
    return found


def check_tree(reader: PathReader, newest: Checkpoint, kept: Iterable[Older]) -> Iterator[int]:
    """Entries to leaf hashes to tiles to the root of every checkpoint. Yields how many entries are done.

    Raises:
        RecordError: the first entry, tile or checkpoint that does not follow.
    """
    stops: dict[int, list[Older]] = {newest.size: [Older(f"{RECORD}checkpoint", newest)]}
    for older in kept:
        stops.setdefault(older.checkpoint.size, []).append(older)
    tree, entries = TileBuilder(), read_entries(reader, newest.size, RECORD)
    for size in sorted(stops):
        older_bundle = ("", b"")
        for name, data in tree.grow(islice(entries, size - tree.size)):
            path = RECORD + name
            if name.startswith("tile/entries/"):  # read from there already, but for the ends of older checkpoints
                older_bundle = (path, data) if ".p/" in name and size < newest.size else older_bundle
                yield tree.size
            elif must_read(reader, path) != data:
                raise RecordError(_different(reader, path, data, newest.size), code="tile-differs")
        path, data = older_bundle
        if path and must_read(reader, path) != data:
            raise RecordError(f"{path}: has other entries than the bundles of the newest size", code="tile-differs")
        for older in stops[size]:
            if tree.root() != older.checkpoint.root:
                raise RecordError(_rewritten(older, tree.root()), code="root-differs")
    yield tree.size


def check_extends(reader: PathReader, newest: Checkpoint, older: Older) -> None:
    """The log begins with the entries under `older`, by its tiles (`check_tree` has shown that they hold).

    Raises:
        RecordError: it does not.
    """
    root = range_hash(TileHashes(reader, newest.size, RECORD), 0, older.checkpoint.size)
    if root != older.checkpoint.root:
        raise RecordError(_rewritten(older, root), code="root-differs")


def _different(reader: PathReader, path: str, data: bytes, size: int) -> str:
    """Which entry it is, where a tile of leaf hashes tells."""
    name = path.removeprefix(f"{RECORD}tile/0/")
    found = reader.read(path)
    if name == path or len(found) != len(data):
        return f"{path}: does not follow from the entries below it"
    number = next(i for i in range(0, len(data), 32) if data[i : i + 32] != found[i : i + 32]) // 32
    index = parse_index_path(name.partition(".p/")[0])
    width = min(TILE_WIDTH, size - index * TILE_WIDTH)
    return (
        f"entry {index * TILE_WIDTH + number} ({RECORD}{bundle_path(index, width)}) is not the one whose hash "
        f"stands in {path}"
    )


def _rewritten(older: Older, root: bytes) -> str:
    checkpoint = older.checkpoint
    return (
        f"{older.where}: signed for {checkpoint.size} entries with root {checkpoint.root.hex()}, but the first "
        f"{checkpoint.size} entries here have root {root.hex()}: an entry was changed, dropped, added or moved "
        "after it was signed"
    )
