"""A folder's record to a `Publication`: replay, tally, what the pages say about the log, and what changed.

The same function serves the one who publishes and the one who verifies, through a reader of paths; the folder is a
publication or an election's private folder, both hold `record/` and `objects/`. Every entry is read, parsed and checked
for its form; signatures, tree and hashes of entries are `verify`'s business, hashes of objects are checked here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import polars as pl

from counterfoil.primitives.canonical import sha256_hex
from counterfoil.primitives.errors import RecordError
from counterfoil.publish.frames import frame
from counterfoil.publish.model import Changes, Proof, Publication, RecordInfo
from counterfoil.record.checkpoint import Checkpoint, open_checkpoint
from counterfoil.record.layout import check_object, object_path
from counterfoil.record.note import Verifier
from counterfoil.record.proof import inclusion_proof
from counterfoil.record.reader import PathReader, read_bundle, read_entries
from counterfoil.record.replay import replay
from counterfoil.record.state import Replay
from counterfoil.record.tiles import TILE_WIDTH, bundle_path
from counterfoil.tally import compute

RECORD = "record/"
_CHECKPOINT = re.compile(r"record/checkpoints/(0|[1-9][0-9]{0,18})")

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much is done and how much there is (0 where that is unknown)."""


def silent(what: str, done: int, of: int) -> None:
    """A progress that nobody watches."""


def publication(
    reader: PathReader,
    paths: Iterable[str] | None = None,
    progress: Progress = silent,
    before: Publication | None = None,
) -> Publication:
    """What the folder's newest checkpoint says.

    Args:
        paths: every path of the folder, where the reader can't list them (a web address).
        before: an earlier publication of the same log, which spares computing it again if it is the one before.

    Raises:
        RecordError: a part of the record is missing or ill-formed.
    """
    vkey = read_text(reader, RECORD + "log.vkey").strip()
    note = _read(reader, RECORD + "checkpoint")
    newest, _ = open_checkpoint(note, Verifier(vkey))
    listed = paths if paths is not None else reader.names()
    if listed is None:
        raise RecordError("expected a list of the folder's paths, found a reader without one", code="no-listing")
    sizes = sorted({int(m[1]) for m in map(_CHECKPOINT.fullmatch, listed) if m} | {newest.size})
    if sizes[-1] != newest.size:
        raise RecordError(
            f"record/checkpoint: expected the newest size {sizes[-1]}, found {newest.size}", code="rolled-back"
        )
    progress("replay", 0, newest.size)
    state = replay(read_entries(reader, newest.size, RECORD), _objects(reader), size=newest.size)
    progress("tally", 0, 0)
    info = RecordInfo(
        origin=newest.origin,
        vkey=vkey,
        size=newest.size,
        root=newest.root,
        checkpoints=tuple(sizes),
        proof=_proof(reader, state, newest),
        state_sha256=sha256_hex(note),
    )
    present = Publication(compute(state), info)
    if len(sizes) == 1:
        return present
    progress("changes", 0, 0)
    return Publication(present.results, info, _changes(reader, present, sizes[-2], before))


def _read(reader: PathReader, path: str) -> bytes:
    try:
        return reader.read(path)
    except FileNotFoundError:
        raise RecordError(f"{path}: expected this file, found none", code="missing-file") from None


def read_text(reader: PathReader, path: str) -> str:
    """A small text of the folder.

    Raises:
        RecordError: there is none, or it is no UTF-8.
    """
    try:
        return _read(reader, path).decode("utf-8")
    except UnicodeDecodeError:
        raise RecordError(f"{path}: expected UTF-8, found other bytes", code="bad-text") from None


def _objects(reader: PathReader) -> Callable[[str], bytes]:
    def get(sha256: str) -> bytes:
        path = f"objects/{object_path(sha256)}"
        return check_object(sha256, _read(reader, path), where=path)

    return get


def _proof(reader: PathReader, state: Replay, newest: Checkpoint) -> Proof | None:
    """Of the newest table or reading: what most figures rest on."""
    indexes = [t.entry for t in state.tables]
    for frame_of_form in state.readings.values():
        last = frame_of_form["entry"].max()
        if isinstance(last, int):
            indexes.append(last)
    if not indexes:
        return None
    index = max(indexes)
    bundle = index // TILE_WIDTH
    width = min(TILE_WIDTH, newest.size - bundle * TILE_WIDTH)
    entry = read_bundle(reader, RECORD + bundle_path(bundle, width), width)[index % TILE_WIDTH]
    return Proof(index, entry, inclusion_proof(reader, index, newest.size, RECORD))


def _changes(reader: PathReader, present: Publication, size: int, known: Publication | None) -> Changes | None:
    """None where what was published then rested on a table that was withdrawn since: its object is no longer public, so
    nobody could repeat the comparison."""
    published, get = present.results.replay.objects, _objects(reader)

    def still_public(sha256: str) -> bytes:
        if sha256 not in published:
            raise _WithdrawnError(f"object {sha256} was withdrawn", code="withdrawn")
        return get(sha256)

    before = _known_before(reader, present, size, known)
    if before is None:
        try:
            state = replay(read_entries(reader, present.record.size, RECORD), still_public, size=size)
        except _WithdrawnError:
            return None
        before = Publication(compute(state), present.record)
    try:
        manifest: str | None = sha256_hex(reader.read(f"{RECORD}manifests/{size}"))
    except FileNotFoundError:
        manifest = None
    return Changes(size, manifest, _differences(frame(before, "results_wide"), frame(present, "results_wide")))


def _known_before(reader: PathReader, present: Publication, size: int, known: Publication | None) -> Publication | None:
    """`known`, if it is what the checkpoint of `size` says, and nothing that it rests on was taken back since."""
    if known is None or known.record.size != size or known.record.origin != present.record.origin:
        return None
    if known.record.state_sha256 != sha256_hex(_read(reader, f"{RECORD}checkpoints/{size}")):
        return None
    return known if known.results.replay.objects.items() <= present.results.replay.objects.items() else None


class _WithdrawnError(RecordError):
    """An object that the record named once and that is public no more."""


def _differences(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Rows (contest, station) that differ in anything but the numbers of the entries behind them."""
    key = ["contest", "station"]
    columns = [c for c in dict.fromkeys([*before.columns, *after.columns]) if c not in (*key, "entries")]
    both = (
        _with(before, columns)
        .with_columns(pl.lit(value=True).alias("was"))
        .join(
            _with(after, columns).with_columns(pl.lit(value=True).alias("is")),
            on=key,
            how="full",
            coalesce=True,
            suffix=" after",
        )
    )
    kept = pl.col("was") & pl.col("is")
    differing = [pl.when(kept & pl.col(c).ne_missing(pl.col(f"{c} after"))).then(pl.lit(c)) for c in columns]
    return (
        both.select(
            *key,
            pl.when(pl.col("was").is_null())
            .then(pl.lit("added"))
            .when(pl.col("is").is_null())
            .then(pl.lit("removed"))
            .otherwise(pl.lit("changed"))
            .alias("change"),
            pl.concat_str(differing, separator=",", ignore_nulls=True).alias("columns"),
        )
        .filter((pl.col("change") != "changed") | (pl.col("columns") != ""))
        .sort(key)
    )


def _with(table: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """`table` with all of `columns`; those it does not have are unknown."""
    missing = [pl.lit(None).alias(c) for c in columns if c not in table.columns]
    return table.with_columns(missing).select("contest", "station", *columns)
