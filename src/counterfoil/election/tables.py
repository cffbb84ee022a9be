"""The tables of an election, checked, and their canonical bytes (docs/architecture.md, "Table objects").

Each function takes a raw table and what it must fit, and returns a frame of texts with exactly the canonical columns,
or refuses with the first place that does not fit. What a protocol says is never judged here: figures above the register
or sums that don't add up come in and are marked later.

Not here: reading files (`table_files`), suppression of small cells (`suppression`), what the figures mean (tally).
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import polars as pl

from counterfoil.election.definition import OTHERS, ROLES, Contest, Form
from counterfoil.election.table_checks import DAY, DEGREES, NUMBER, TableCheck, one_line, plain_cells
from counterfoil.election.table_files import ROW, RawTable
from counterfoil.primitives.errors import InputError

AREA_COLUMNS = ("area", "parent", "name", "kind", "expected_stations", "deadline")
STATION_COLUMNS = (
    "station",
    "area",
    "name",
    "kind",
    "registered",
    "latitude",
    "longitude",
    "replaced_by",
    "stratum",
    "cluster",
)
OFFICIAL_COLUMNS = ("area", "item", "value")
REPORT_COLUMNS = ("station", "area", "option", "reports")


def write_canonical(frame: pl.DataFrame) -> bytes:
    """The one form of a table: UTF-8 without BOM, LF, header, quotes only where needed, rows in order of their cells.

    Empty cells and nulls are the same: nothing. Rows are sorted by all columns from the first, by code point, nothing
    first.
    """
    texts = frame.select(pl.all().cast(pl.String))
    texts = texts.select(pl.when(pl.all().str.len_bytes() > 0).then(pl.all()))
    ordered = texts.sort(texts.columns, nulls_last=False) if texts.width else texts
    out = io.BytesIO()
    ordered.write_csv(out, quote_style="necessary")
    return out.getvalue()


def read_canonical(data: bytes) -> pl.DataFrame:
    """The texts of canonical bytes; nothing comes back as null. `read_canonical(write_canonical(f))` is `f`, sorted."""
    return pl.read_csv(data, infer_schema=False)


def read_areas(raw: RawTable, country: str, ignored: Collection[str] = ()) -> pl.DataFrame:
    """The tree of areas: one root, the country; every parent there; no cycle."""
    check = TableCheck(raw)
    check.columns(AREA_COLUMNS[:2], AREA_COLUMNS, ignored, "")
    check.present(["area"], "an area")
    check.ids("area")
    check.once(["area"], "area", "duplicate-area")
    check.known("parent", raw.frame["area"], "an area of this table", "unknown-area")
    frame = _complete(raw.frame, AREA_COLUMNS)
    check_all = TableCheck(replace(raw, frame=frame))
    check_all.counts(["expected_stations"])
    check_all.matches(["deadline"], DAY, "a date such as 2026-03-01", "bad-date")
    roots = frame.filter(pl.col("parent").is_null())
    if country not in frame["area"]:
        raise InputError(raw.name, expected=f"the country {country} as an area", found="none", code="no-root-area")
    wrong = roots.filter(pl.col("area") != country)
    if wrong.height:
        raise InputError(
            raw.where(wrong[ROW][0], "parent"),
            expected=f"a parent, as only the country {country} has none",
            found="nothing",
            code="two-roots",
        )
    _no_cycle(raw, frame)
    return frame.select(AREA_COLUMNS).with_columns(one_line(["name", "kind"]))


def _no_cycle(raw: RawTable, frame: pl.DataFrame) -> None:
    circle = _circle(dict(frame.select("area", "parent").iter_rows()))
    if circle:
        start, areas = circle
        raise InputError(
            raw.where(frame.filter(pl.col("area") == start)[ROW][0], "parent"),
            expected="areas that lead to the country",
            found="a cycle: " + " in ".join(areas[:8]),
            code="cycle-of-areas",
        )


def _circle(links: Mapping[str, str | None]) -> tuple[str, list[str]] | None:
    """The first name whose links lead into a circle, and the circle; every name is walked once."""
    sound: set[str] = set()
    for start in links:
        path: dict[str, None] = {}
        at: str | None = start
        while at is not None and at not in sound:
            if at in path:
                names = list(path)
                return start, [*names[names.index(at) :], at]
            path[at] = None
            at = links.get(at)
        sound.update(path)
    return None


def read_stations(raw: RawTable, areas: pl.DataFrame, root: str, ignored: Collection[str] = ()) -> pl.DataFrame:
    """Stations, each in one area that exists; without an `area` column all are in the root area."""
    check = TableCheck(raw)
    required = ["station", "area"] if areas.height > 1 else ["station"]
    check.columns(required, STATION_COLUMNS, ignored, "")
    check.present(required, "an id")
    check.ids("station")
    frame = _complete(raw.frame, STATION_COLUMNS).with_columns(pl.col("area").fill_null(root))
    full = TableCheck(replace(raw, frame=frame))
    _in_one_area(raw, frame)
    full.once(["station"], "station", "duplicate-station")
    full.known("area", areas["area"], "an area of the areas table", "unknown-area")
    full.counts(["registered"])
    full.matches(["latitude", "longitude"], DEGREES, "degrees such as 53.9006", "bad-coordinate")
    full.known("replaced_by", frame["station"], "a station of this table", "unknown-station")
    _degrees_in_range(full)
    _no_replacement_cycle(raw, frame)
    return frame.select(STATION_COLUMNS).with_columns(one_line(["name", "kind", "stratum", "cluster"]))


def _in_one_area(raw: RawTable, frame: pl.DataFrame) -> None:
    several = frame.filter(pl.col("station").is_duplicated())
    if not several.height:
        return
    several = several.filter((pl.col("area").n_unique() > 1).over("station"))
    if several.height:
        station = several["station"][0]
        rows = several.filter(pl.col("station") == station)
        other = rows.filter(pl.col("area") != rows["area"][0]).row(0, named=True)
        raise InputError(
            raw.where(other[ROW], "area"),
            expected=f"station {station} in one area",
            found=f"{other['area']} here and {rows['area'][0]} in {raw.where(rows[ROW][0])}",
            code="station-in-two-areas",
        )


def _degrees_in_range(check: TableCheck) -> None:
    limits = {"latitude": 90, "longitude": 180}
    hit = check.first({c: pl.col(c).cast(pl.Float64).abs() > limit for c, limit in limits.items()})
    if hit:
        row, column, text = hit
        limit = limits[column]
        raise InputError(
            check.raw.where(row, column),
            expected=f"degrees from -{limit} to {limit}",
            found=repr(text),
            code="bad-coordinate",
        )


def _no_replacement_cycle(raw: RawTable, frame: pl.DataFrame) -> None:
    moved = frame.filter(pl.col("replaced_by").is_not_null())
    circle = _circle(dict(moved.select("station", "replaced_by").iter_rows()))
    if circle:
        raise InputError(
            raw.where(moved.filter(pl.col("station") == circle[0])[ROW][0], "replaced_by"),
            expected="a station that stands in the end",
            found=f"a cycle of replacements from {circle[0]}",
            code="cycle-of-stations",
        )


def read_readings(
    raw: RawTable, form: Form, stations: pl.Series, *, negative: bool = False, ignored: Collection[str] = ()
) -> pl.DataFrame:
    """Figures of one form, one row per station; the columns are the form's fields in the form's order."""
    columns = ("station", *form.field_ids)
    check = TableCheck(raw)
    check.columns(columns, columns, ignored, "")
    check.present(["station"], "a station")
    check.ids("station")
    check.once(["station"], "station", "duplicate-station")
    check.known("station", stations, "a station of the stations table", "unknown-station")
    check.cells(form.field_ids, negative=negative)
    return raw.frame.select(columns).with_columns(plain_cells(form.field_ids))


def official_items(contest: Contest, form: Form) -> tuple[str, ...]:
    """What an official figure can be of, but for remarks."""
    return tuple(
        dict.fromkeys((*(o.id for o in contest.options), *ROLES, contest.base.official, *form.field_ids, OTHERS))
    )


def read_official_areas(
    raw: RawTable,
    items: Sequence[str],
    areas: pl.Series,
    remarks: Collection[str] = (),
    ignored: Collection[str] = (),
) -> pl.DataFrame:
    """Announced figures per area and item; `remarks` are items that are shown and never computed with."""
    check = TableCheck(raw)
    check.columns(OFFICIAL_COLUMNS, OFFICIAL_COLUMNS, ignored, "")
    check.present(OFFICIAL_COLUMNS, "a value")
    check.known("area", areas, "an area of the areas table", "unknown-area")
    check.known(
        "item",
        [*items, *remarks],
        "an option, a role, a field, `others`, or an item named in `remarks:`",
        "unknown-option",
    )
    check.once(["area", "item"], "area and item", "duplicate-row")
    figures = TableCheck(replace(raw, frame=raw.frame.filter(~pl.col("item").is_in(list(remarks)))))
    _announced(figures, ["value"])
    return raw.frame.select(OFFICIAL_COLUMNS).with_columns(one_line(["value"]))


def read_official_stations(
    raw: RawTable, items: Sequence[str], stations: pl.Series, ignored: Collection[str] = ()
) -> pl.DataFrame:
    """Announced figures per station: `station`, then one column per item; an empty cell was not announced."""
    check = TableCheck(raw)
    check.columns(["station"], ("station", *items), ignored, "")
    named = [item for item in items if item in raw.columns]
    if not named:
        raise InputError(
            raw.name,
            expected="at least one of the columns " + ", ".join(items),
            found="only station",
            code="missing-columns",
        )
    check.present(["station"], "a station")
    check.ids("station")
    check.once(["station"], "station", "duplicate-station")
    check.known("station", stations, "a station of the stations table", "unknown-station")
    _announced(check, named)
    return raw.frame.select("station", *named)


def _announced(check: TableCheck, columns: Sequence[str]) -> None:
    check.matches(
        columns,
        NUMBER,
        "a whole number of 0 or more, without separators",
        "bad-cell",
        do="name the item under `remarks:` if it is no figure to compute with",
    )


def read_reports(
    raw: RawTable, contest: Contest, stations: pl.DataFrame, ignored: Collection[str] = ()
) -> pl.DataFrame:
    """Voters' reports per station and option, each station in its own area, before small cells are suppressed.

    `stations` has the columns station and area.
    """
    check = TableCheck(raw)
    check.columns(["station", "option", "reports"], REPORT_COLUMNS, ignored, "")
    check.present(["station", "option", "reports"], "a value")
    check.ids("station")
    check.known("station", stations["station"], "a station of the stations table", "unknown-station")
    check.known("option", [o.id for o in contest.options], f"an option of {contest.id}", "unknown-option")
    check.counts(["reports"])
    check.once(["station", "option"], "station and option", "duplicate-row")
    placed = raw.frame.rename({"area": "said"} if "area" in raw.columns else {}).join(
        stations.select("station", "area"), on="station", how="left", maintain_order="left"
    )
    if "said" in placed.columns:
        other = placed.filter(pl.col("said") != pl.col("area"))
        if other.height:
            row = other.row(0, named=True)
            raise InputError(
                raw.where(row[ROW], "area"),
                expected=f"{row['area']}, the area of station {row['station']}",
                found=row["said"],
                code="station-in-two-areas",
            )
    return placed.select(REPORT_COLUMNS)


def _complete(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    missing = [pl.lit(None, dtype=pl.String).alias(c) for c in columns if c not in frame.columns]
    return frame.with_columns(missing).select(ROW, *columns)
