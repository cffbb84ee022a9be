"""What a publication is made from: the results, and what the pages say about the record itself."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from counterfoil.tally.results import Results


@dataclass(frozen=True, slots=True)
class Proof:
    """One entry with its inclusion proof, so that a page can recompute the root by itself."""

    index: int
    entry: bytes
    hashes: tuple[bytes, ...]
    """RFC 6962 audit path, leaf upwards."""


@dataclass(frozen=True, slots=True)
class RecordInfo:
    """What the pages say about the log; all of it stands in `record/`."""

    origin: str
    vkey: str
    size: int
    root: bytes
    checkpoints: tuple[int, ...]
    """Sizes of every checkpoint ever published, ascending; the last is `size`."""
    proof: Proof | None
    """Of the newest table or reading."""
    state_sha256: str = ""
    """SHA-256 of `record/checkpoint`."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Against the publication at the checkpoint before: per contest, stations whose published row was added, removed or
    changed. Follows from the record alone: the same tally over the first `previous_size` entries."""

    previous_size: int
    previous_manifest_sha256: str | None
    """Of `record/manifests/<previous_size>`, where that is kept."""
    rows: pl.DataFrame
    """contest, station, change (added, removed, changed), columns (which, comma-separated)."""


@dataclass(frozen=True)
class Publication:
    results: Results
    record: RecordInfo
    changes: Changes | None = None
