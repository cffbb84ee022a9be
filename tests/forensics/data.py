"""Real elections as plain columns, read from the shared data beside the project."""

from __future__ import annotations

import functools
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from counterfoil.forensics.arrays import Ints

DATA = Path(__file__).parents[3] / "shared" / "data"


class Columns(NamedTuple):
    """Voters on the list, ballots handed out, ballots in the boxes, votes of the option tested."""

    registered: Ints
    given: Ints
    cast: Ints
    leader: Ints

    def where(self, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Columns:
        return Columns(*(column[keep] for column in self))

    def usual(self) -> Columns:
        """The stations of the table of tests: at least 100 voters, something cast, nothing above what holds it."""
        n, g, r, a = self
        return self.where((n >= 100) & (r > 0) & (g <= n) & (a <= r))


def _zipped(path: Path, name: str) -> pl.DataFrame:
    with zipfile.ZipFile(path) as archive:
        return pl.read_csv(archive.read(name))


@functools.cache
def russia_table(year: int) -> pl.DataFrame:
    return _zipped(DATA / f"russia-{year}" / f"{year}.csv.zip", f"{year}.csv")


@functools.cache
def russia(year: int) -> Columns:
    table = russia_table(year)

    def sum_of(*parts: str) -> Ints:
        named = [c for c in table.columns if any(part in c for part in parts)]
        return table.select(pl.sum_horizontal(named)).to_series().to_numpy().astype(np.int64)

    return Columns(
        sum_of("Число избирателей, в"),
        sum_of("бюллетеней, выданных"),
        sum_of("действительных"),
        sum_of("Путин", "ЕДИНАЯ РОССИЯ"),
    )


@functools.cache
def venezuela_table() -> pl.DataFrame:
    return _zipped(DATA / "venezuela-2024" / "RESULTADOS_2024_CSV_V1.csv.zip", "RESULTADOS_2024_CSV_V1.csv")


@functools.cache
def venezuela(option: str) -> Columns:
    table = venezuela_table()
    cast = (table["VOTOS_VALIDOS"] + table["VOTOS_NULOS"]).to_numpy().astype(np.int64)
    return Columns(table["RE"].to_numpy().astype(np.int64), cast, cast, table[option].to_numpy().astype(np.int64))


@functools.cache
def belarus_table() -> pl.DataFrame:
    """Stations whose protocol copy states ballots, voters and both leading candidates."""
    needed = ["officialVotes", "officialVoters", "lukashenko_officialVotes", "tihanovkaja_officialVotes"]
    table = pl.read_csv(
        DATA / "belarus-2020" / "voice.csv", infer_schema_length=None, schema_overrides={"id": pl.String}
    )
    areas = pl.read_csv(DATA / "belarus-2020" / "geo-categorized.csv", schema_overrides={"id": pl.String})
    return table.drop_nulls(needed).join(areas, on="id", how="left")


@functools.cache
def belarus(option: str = "lukashenko") -> Columns:
    table = belarus_table()
    votes = table["officialVotes"].to_numpy().astype(np.int64)
    return Columns(
        table["officialVoters"].to_numpy().astype(np.int64),
        votes,
        votes,
        table[f"{option}_officialVotes"].to_numpy().astype(np.int64),
    )
