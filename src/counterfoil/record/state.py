"""What replaying the record gives: the same facts, by kind, as frames and frozen values. No figure is computed yet.

Frames have one row per fact and an `entry` column with the index of the entry behind it. For a form with fields f1, f2
a *values frame* has, per field, `f1` (Int64, null where there is no number) and `f1__state` (an Enum of
`primitives.cells.STATES`, never null).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from counterfoil.election.definition import Election
from counterfoil.primitives.cells import STATES
from counterfoil.primitives.ids import AreaId, FormId, SnapshotId

STATE_TYPE = pl.Enum(list(STATES))

AREA_SCHEMA: Mapping[str, type[pl.DataType]] = {
    "area": pl.String,
    "parent": pl.String,
    "name": pl.String,
    "kind": pl.String,
    "expected_stations": pl.Int64,
    "deadline": pl.String,
}
"""One row per area; the root has no parent. `kind` is the level's name (region, district); `expected_stations` counts
all stations below where not all are listed; `deadline` is the legal deadline of a complaint, as an ISO date."""

STATION_SCHEMA: Mapping[str, type[pl.DataType]] = {
    "station": pl.String,
    "area": pl.String,
    "name": pl.String,
    "kind": pl.String,
    "registered": pl.Int64,
    "latitude": pl.Float64,
    "longitude": pl.Float64,
    "replaced_by": pl.String,
    "stratum": pl.String,
    "cluster": pl.String,
}
"""One row per station; `area` is its lowest area; `kind` its area type (village, city, embassy); `replaced_by` the
station it was merged into or renumbered to during the count (then it is not expected any more)."""


@dataclass(frozen=True, slots=True)
class TableEntry:
    """A `table` entry that counts (not withdrawn, not replaced)."""

    entry: int
    kind: str
    name: str
    sha256: str
    rows: int
    source: Mapping[str, str]
    contest: str | None = None
    snapshot: str | None = None
    announced_at: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class OfficialSnapshot:
    """What the authority had announced at one time: `areas` has rows (area, item, value, entry), with `value` an Int64;
    `stations` a row per station with one Int64 column per item (`station`, items..., `entry`). Either can be empty."""

    snapshot: SnapshotId
    contest: str
    announced_at: str
    source: Mapping[str, str]
    entries: tuple[int, ...]
    areas: pl.DataFrame
    stations: pl.DataFrame
    remarks: Mapping[str, str]
    """Items that are no whole numbers, as announced ("sheets_share_percent": "96.87"): shown, never computed with."""


@dataclass(frozen=True, slots=True)
class Decision:
    entry: int
    station: str
    form: str
    action: str
    reason: str
    copy: str | None
    values: Mapping[str, int | str]
    rests_on: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    entry: int
    batch: str
    kind: str
    text: Mapping[str, str]


@dataclass(frozen=True)
class Replay:
    """The state of the record after its first `size` entries."""

    size: int
    newest_batch: str
    election: Election
    election_entry: int
    areas: pl.DataFrame
    """AREA_SCHEMA, in the order of the table; the root has no parent."""
    stations: pl.DataFrame
    """STATION_SCHEMA, sorted by station."""
    tables: tuple[TableEntry, ...]
    bulk: Mapping[FormId, pl.DataFrame]
    """Per form: a values frame (station, entry, fields...), one row per station and `readings` table."""
    copies: pl.DataFrame
    """entry, copy, station, form, page, kind; withdrawn copies are not in it."""
    readings: Mapping[FormId, pl.DataFrame]
    """Per form: a values frame (entry, copy, reader, machine: Boolean, problem: String or null, fields...). A field
    that the reader was not asked for or did not give has no state either: null in both columns."""
    certainty: pl.DataFrame
    """entry, field, millionths: how sure a machine was of a field of its reading."""
    decisions: tuple[Decision, ...]
    official: tuple[OfficialSnapshot, ...]
    """In order of announcement, then of entry."""
    reports: Mapping[str, pl.DataFrame]
    """Per contest: station (null in remainder rows), area, option, reports, entry."""
    releases: Mapping[str, str]
    """copy -> SHA-256 of the released, masked object."""
    notices: tuple[Notice, ...]
    withdrawn: Mapping[int, str]
    """entry -> reason."""
    objects: Mapping[str, int]
    """SHA-256 -> bytes of every object that an entry names."""

    def root_area(self) -> AreaId:
        return self.election.country
