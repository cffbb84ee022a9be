"""From what the copies say to one count per station: confirmed, disputed, read or received.

Rules (design, sections 4.2 and 4.3):

* a station rests on its agreed copies; a row of a bulk table (figures agreed elsewhere) stands as one agreed copy;
* agreed copies that differ are never averaged: the station is `disputed` until a decision chooses or excludes copies. A
  copy that merely does not show a field (illegible, outside the picture) contradicts nobody;
* a problem that enough persons report (not a protocol, wrong station, duplicate) takes the copy out; `illegible` and
  `page_missing` leave it received, without figures;
* what is accepted is what the paper says: sums that do not add up change nothing here.

    missing -> received (a copy) -> read (somebody typed) -> confirmed (agreed) <-> disputed (agreed copies differ)
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from counterfoil.agreement.settle import SOFT_CODES, STATE_CODES, cells, codes, settle_copies
from counterfoil.election.definition import Form
from counterfoil.primitives.cells import STATE_SUFFIX, FieldState
from counterfoil.record.state import STATE_TYPE, Decision, Replay

STATION_STATES = ("missing", "received", "read", "confirmed", "disputed")
STATION_STATE_TYPE = pl.Enum(list(STATION_STATES))
BASIS_TYPE = pl.Enum(["table", "readings", "decision"])
EXCLUDING_PROBLEMS = ("not_a_protocol", "wrong_station", "duplicate")


def counts(replay: Replay, form_id: str) -> pl.DataFrame:
    """One row per station with anything for this form, sorted by station.

    Returns:
        station, state (STATION_STATE_TYPE, never `missing`), basis, copies (number of copies that count), sources
        (number of agreed copies and tables it rests on), differing (fields on which agreed copies differ),
        entries (List(Int64)), and a values frame: per field its number and `__state`.
    """
    form = replay.election.form(form_id)
    moved = _replaced(replay.stations)
    bulk = replay.bulk.get(form.id)
    copies = replay.copies.filter(pl.col("form") == form.id).with_columns(_follow("station", moved))
    if bulk is not None:
        bulk = bulk.with_columns(_follow("station", moved))
        if copies.height == 0 and not bulk["station"].is_duplicated().any():
            return _bulk_only(bulk, form)
    return _Stations(replay, form, copies, bulk).counts()


def _bulk_only(bulk: pl.DataFrame, form: Form) -> pl.DataFrame:
    """The common case of one table of figures: every row is a confirmed count."""
    return bulk.sort("station").select(
        "station",
        pl.lit("confirmed", STATION_STATE_TYPE).alias("state"),
        pl.lit("table", BASIS_TYPE).alias("basis"),
        pl.lit(0, pl.UInt32).alias("copies"),
        pl.lit(1, pl.UInt32).alias("sources"),
        pl.lit(0, pl.UInt32).alias("differing"),
        pl.concat_list("entry").alias("entries"),
        *(c for f in form.field_ids for c in (f, f + STATE_SUFFIX)),
    )


def _replaced(stations: pl.DataFrame) -> dict[str, str]:
    """Station -> the one that took its place, followed to the end; a circle stops at its first station."""
    pairs = stations.filter(pl.col("replaced_by").is_not_null()).select("station", "replaced_by").iter_rows()
    step = dict(pairs)
    final: dict[str, str] = {}
    for station, successor in step.items():
        seen, target = {station}, successor
        while target in step and target not in seen:
            seen.add(target)
            target = step[target]
        final[station] = target
    return final


def _follow(column: str, moved: dict[str, str]) -> pl.Expr:
    return pl.col(column).replace(moved) if moved else pl.col(column)


def agreed_problems(readings: pl.DataFrame, persons: int) -> pl.DataFrame:
    """copy, problem: every problem that enough different persons reported. A program's report is none."""
    people = readings.filter(pl.col("problem").is_not_null() & ~pl.col("machine"))
    voices = people.group_by("copy", "problem").agg(pl.col("reader").n_unique().alias("people"))
    return voices.filter(pl.col("people") >= persons).select("copy", "problem").sort("copy", "problem")


def excluded_copies(
    readings: pl.DataFrame, copies: pl.DataFrame, decisions: Sequence[Decision], persons: int
) -> set[str]:
    """Copies that persons agree are none of their station's, or that a decision took out or passed over.

    Args:
        copies: copy, station of every copy of the form.
        decisions: in the record's order: choosing a copy brings it back.
    """
    problems = agreed_problems(readings, persons)
    out = set(problems.filter(pl.col("problem").is_in(EXCLUDING_PROBLEMS))["copy"].to_list())
    for d in decisions:
        if d.action == "exclude_copy" and d.copy is not None:
            out.add(d.copy)
        elif d.action == "choose_copy" and d.copy is not None:
            others = copies.filter((pl.col("station") == d.station) & (pl.col("copy") != d.copy))
            out |= set(others["copy"].to_list())
            out.discard(d.copy)
    return out


class _Stations:
    """The general case: copies with readings, beside or instead of tables."""

    def __init__(self, replay: Replay, form: Form, copies: pl.DataFrame, bulk: pl.DataFrame | None) -> None:
        self.replay, self.form, self.bulk = replay, form, bulk
        self.fields: Sequence[str] = form.field_ids
        self.rule = replay.election.agreement
        self.decisions = [d for d in replay.decisions if d.form == form.id]
        readings = replay.readings.get(form.id)
        if readings is None:
            readings = _no_readings(self.fields)
        self.readings = readings.join(copies.select("copy"), on="copy", how="semi", maintain_order="left")
        self.all_copies = copies
        self.copies = copies.join(self._excluded_copies(), on="copy", how="anti", maintain_order="left")

    def counts(self) -> pl.DataFrame:
        settled = settle_copies(
            self.readings.join(self.copies.select("copy"), on="copy", how="semi", maintain_order="left"),
            self.copies.select("copy", "page"),
            self.form,
            self.rule,
            [d for d in self.decisions if d.action == "settle_fields"],
            self.replay.certainty,
        )
        sources = self._sources(settled)
        stations = self._combine(sources)
        return self._describe(stations)

    def _excluded_copies(self) -> pl.DataFrame:
        out = excluded_copies(self.readings, self.all_copies, self.decisions, self.rule.persons)
        return pl.DataFrame({"copy": sorted(out)}, schema={"copy": pl.String})

    def _chosen_stations(self) -> list[str]:
        return [d.station for d in self.decisions if d.action == "choose_copy"]

    def _sources(self, settled: pl.DataFrame) -> pl.DataFrame:
        """Agreed copies and table rows: station, table (Boolean), one code per field."""
        agreed = settled.filter("agreed").join(
            self.copies.select("copy", "station"), on="copy", how="left", maintain_order="left"
        )
        parts = [agreed.select("station", pl.lit(False).alias("table"), *self.fields)]
        if self.bulk is not None:
            rows = self.bulk.filter(~pl.col("station").is_in(self._chosen_stations()))
            parts.append(
                rows.with_columns(codes(self.fields)).select("station", pl.lit(True).alias("table"), *self.fields)
            )
        return pl.concat(parts)

    def _combine(self, sources: pl.DataFrame) -> pl.DataFrame:
        """One row per station: sources, table, differing, one code per field."""
        fields = self.fields
        alone = sources.filter(pl.len().over("station") == 1).with_columns(
            pl.lit(1, pl.UInt32).alias("sources"), pl.lit(0, pl.UInt32).alias("differing")
        )
        several = sources.filter(pl.len().over("station") > 1)
        hard = [pl.col(f).filter(~pl.col(f).is_in(SOFT_CODES)) for f in fields]
        soft = [pl.col(f).min() for f in fields]  # illegible stands below absent: somebody saw something
        together = several.group_by("station", maintain_order=True).agg(
            pl.col("table").all(),
            pl.len().cast(pl.UInt32).alias("sources"),
            *(h.min().fill_null(s).alias(f) for f, h, s in zip(fields, hard, soft, strict=True)),
            *(
                (h.min() != h.max()).fill_null(value=False).alias(f + ".differs")
                for f, h in zip(fields, hard, strict=True)
            ),
        )
        absent = STATE_CODES[FieldState.ABSENT]
        together = together.with_columns(
            pl.sum_horizontal(f + ".differs" for f in fields).cast(pl.UInt32).alias("differing"),
            *(pl.when(f + ".differs").then(pl.lit(absent)).otherwise(f).alias(f) for f in fields),
        )
        columns = ["station", "table", "sources", "differing", *fields]
        return pl.concat([alone.select(columns), together.select(columns)])

    def _describe(self, stations: pl.DataFrame) -> pl.DataFrame:
        received = self.copies.group_by("station").agg(pl.len().cast(pl.UInt32).alias("copies"))
        typed = self.readings.filter(pl.col("problem").is_null() & ~pl.col("machine")).select("copy").unique()
        read = (
            self.copies.join(typed, on="copy", how="semi").select("station", pl.lit(value=True).alias("typed")).unique()
        )
        left_out = sorted({d.station for d in self.decisions if d.action == "exclude_station"})
        ruled = sorted({d.station for d in self.decisions})
        everyone = pl.concat([received.select("station"), stations.select("station")]).unique()
        frame = (
            everyone.join(received, on="station", how="left")
            .join(read, on="station", how="left")
            .join(stations, on="station", how="left")
            .join(self._entries(), on="station", how="left")
            .sort("station")
        )
        out = pl.col("station").is_in(left_out)
        state = (
            pl.when(out & pl.col("sources").is_not_null()).then(pl.lit("read"))
            .when(pl.col("differing") > 0).then(pl.lit("disputed"))
            .when(pl.col("sources") > 0).then(pl.lit("confirmed"))
            .when(pl.col("typed")).then(pl.lit("read"))
            .otherwise(pl.lit("received"))
        )  # fmt: skip
        basis = (
            pl.when(pl.col("sources").is_null()).then(None)
            .when(pl.col("station").is_in(ruled)).then(pl.lit("decision"))
            .when("table").then(pl.lit("table"))
            .otherwise(pl.lit("readings"))
        )  # fmt: skip
        return frame.select(
            "station",
            state.cast(STATION_STATE_TYPE).alias("state"),
            basis.cast(BASIS_TYPE).alias("basis"),
            pl.col("copies").fill_null(0),
            pl.col("sources").fill_null(0),
            pl.col("differing").fill_null(0),
            pl.col("entries").fill_null([]),
            *cells(self.fields),
        )

    def _entries(self) -> pl.DataFrame:
        """station, entries: copies, their readings, decisions and table rows behind the station, ascending."""
        pairs = [
            self.copies.select("station", "entry"),
            self.readings.join(self.copies.select("copy", "station"), on="copy").select("station", "entry"),
            pl.DataFrame(
                [(d.station, d.entry) for d in self.decisions],
                schema={"station": pl.String, "entry": pl.Int64},
                orient="row",
            ),
        ]
        if self.bulk is not None:
            pairs.append(self.bulk.select("station", "entry"))
        return pl.concat(pairs).group_by("station").agg(pl.col("entry").unique().sort().alias("entries"))


def _no_readings(fields: Sequence[str]) -> pl.DataFrame:
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "entry": pl.Int64,
        "copy": pl.String,
        "reader": pl.String,
        "machine": pl.Boolean,
        "problem": pl.String,
    }
    for f in fields:
        schema |= {f: pl.Int64, f + STATE_SUFFIX: STATE_TYPE}
    return pl.DataFrame(schema=schema)
