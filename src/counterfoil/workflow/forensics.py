"""Forensic tests on a table, an election's folder or a publication.

A table needs a column mapping: which of its columns are the voters on the list, the ballots, the leader's votes.

    columns = read_mapping(["registered=Voters,cast=Valid*|Invalid*,leader=Ada,area=region"])
    result = forensics(table_source(Path("stations.csv"), columns))

* A value is a column's name, or a pattern with `*`; several patterns are joined by `|`, one that starts with `!` takes
  columns out again. All columns that match are added up; for `others` and `previous` each is an option of its own.
* `previous` are the options' votes in an earlier election or round. What `*` stands for is the option's name there
  (`previous=2015 *` takes the column `2015 Ada` for Ada), so that it can be held beside the option of that name here.
* A row without all of the figures is left out and counted; a figure that is no whole number is refused with its place.
* `russia-YEAR` names the mapping that fits every year of the public archive of Russian elections (docs/recipes.md).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from counterfoil.election.recipe_sources import candidates
from counterfoil.election.table_files import ROW, FileOptions, RawTable, read_table_file
from counterfoil.forensics.battery import Answer, Battery, Test, ask, battery
from counterfoil.forensics.battery_scans import FINGERPRINTS_NEED, fingerprints_between
from counterfoil.forensics.fingerprint import DIFFERENCE
from counterfoil.forensics.integers import METHOD as INTEGERS
from counterfoil.forensics.integers_published import integer_percentages_published
from counterfoil.forensics.stations import NEEDED, Stations, stations
from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.publish.assemble import Progress, publication, silent
from counterfoil.publish.forensic_columns import forensic_columns
from counterfoil.record.layout import RECORD
from counterfoil.record.reader import FolderReader

KEYS = (
    *("registered", "given", "cast", "leader", "others", "area", "commission", "machine", "late"),
    *("previous", "previous_registered", "previous_cast"),
)
_SUMS = ("registered", "given", "cast", "leader", "machine", "late", "previous_registered", "previous_cast")
_LABELS = ("area", "commission")
_BEFORE = "before "
_SPLIT = re.compile(rf",(?=(?:{'|'.join(KEYS)})=)")
"""Commas between items only: names of columns hold commas themselves."""
_ARCHIVE = re.compile(r"russia-(20[0-9]{2})")
MOST_STATIONS = 4_000_000
"""With one other option and 80 areas a million took 125 processor seconds and 1.3 GB, 400,000 took 46 s and 0.6 GB, and
100,000 took 12 s and 0.3 GB: about 1 GB for each million, so about 4 GB for so many."""
_SIMULATED = 2000
_BALLOTS_2020 = "*Число бюллетеней, содержащихся*"


@dataclass(frozen=True)
class Source:
    """Stations and where they come from. `title`: of the table or the contest; `left_out`: rows without all figures."""

    title: str
    stations: Stations
    rows: int
    left_out: int
    mapped: Mapping[str, tuple[str, ...]]
    """Which columns of the table each of ours was made of; empty for a folder."""

    def sampled(self, size: int, seed: int) -> Source:
        """A simple random sample of the stations, in their order; all of them where there are no more than `size`."""
        if self.stations.size <= size:
            return self
        keep = np.zeros(self.stations.size, dtype=np.bool_)
        keep[np.random.default_rng(seed).permutation(self.stations.size)[:size]] = True
        return replace(self, stations=self.stations.where(keep))


@dataclass(frozen=True)
class ForensicsResult:
    """The battery on one source. `beside`: further answers to what was asked for, which are no part of its family."""

    source: Source
    battery: Battery
    beside: Mapping[str, Answer]


def forensics(
    source: Source,
    *,
    by_area: bool = True,
    mixture_stations: int | None = None,
    published: bool = False,
    progress: Progress = silent,
) -> ForensicsResult:
    """Every test that the columns at hand allow, the slow ones too.

    Args:
        by_area: whether areas are looked at one by one.
        mixture_stations: how many stations the mixture is fitted on; None: it is not.
        published: also the published seeded recipe for integer percentages.

    Raises:
        Refusal: more than `MOST_STATIONS`.
    """
    if source.stations.size > MOST_STATIONS:
        raise Refusal(
            f"{source.title}: expected at most {MOST_STATIONS:,} stations, for which the whole battery takes 4 GB "
            f"of memory, found {source.stations.size:,}; take a part of them, or single tests of "
            "counterfoil.forensics.",
            code="too-many-stations",
        )
    found = battery(
        source.stations, by_area=by_area, thorough=True, mixture_stations=mixture_stations, progress=progress
    )
    beside: dict[str, Answer] = {}
    if source.stations.previous is not None:
        beside["fingerprint-difference"] = ask(
            Test("fingerprint-difference", DIFFERENCE, FINGERPRINTS_NEED, fingerprints_between), source.stations
        )
    if published:
        progress(INTEGERS.name, 0, 1)
        beside["integer-percentages-published"] = ask(
            Test("integer-percentages-published", INTEGERS, NEEDED, lambda t: integer_percentages_published(*t.four())),
            source.stations,
        )
    return ForensicsResult(source, found, beside)


def simulated_source(seed: int = 1) -> Source:
    """A made-up country of 2,000 stations in ten areas, for a calibration without data."""
    stream = np.random.default_rng(seed)
    area = stream.integers(0, 10, _SIMULATED)
    registered = np.maximum(stream.lognormal(6.8, 0.7, _SIMULATED), 60).astype(np.int64)
    turnout = 1 / (1 + np.exp(-stream.normal(stream.normal(0.6, 0.3, 10)[area], 0.35)))
    share = 1 / (1 + np.exp(-stream.normal(stream.normal(0.1, 0.4, 10)[area], 0.3)))
    cast = stream.binomial(registered, turnout)
    leader = stream.binomial(cast, share)
    second = stream.binomial(cast - leader, 0.6)
    return Source(
        "a simulated country",
        stations(
            registered=registered,
            cast=cast,
            leader=leader,
            others={"second": second},
            areas=[f"area {i}" for i in area],
        ),
        _SIMULATED,
        0,
        {},
    )


def archive_columns(name: str) -> dict[str, str] | None:
    """The mapping for a year of the archive dkobak/elections; None where `name` is not `russia-YEAR`.

    The file of 2020 states the ballots in the boxes only; two tables of that year have circulated, and their integer
    percentages differ.
    """
    match = _ARCHIVE.fullmatch(name)
    if match is None:
        return None
    votes = _BALLOTS_2020 if match[1] == "2020" else "*действительных*|*недействительных*|!*отметок*"
    return {
        "registered": (
            "*Число избирателей, включенных*|*Число избирателей, внесенных*|*Число участников голосования, включенных*"
        ),
        "given": _BALLOTS_2020 if match[1] == "2020" else "*бюллетеней, выданных*",
        "cast": votes,
        "leader": "*ПУТИН*|*Путин*|*Единая Россия*|*ЕДИНАЯ РОССИЯ*|*Медведев*|ДА",
        "others": "*|!*Число*|!*число*|!level|!region|!oik|!tik|!uik|!url",
        "area": "region",
        "commission": "?tik",
    }


def read_mapping(items: Sequence[str], base: Mapping[str, str] | None = None) -> dict[str, str]:
    """`registered=...,cast=...` to a mapping; several items are put together, and over those of `base`.

    Raises:
        InputError: something that is no `name=column`, a name twice, no leader.
    """
    found: dict[str, str] = {}
    for item in items:
        for part in _SPLIT.split(item):
            key, equals, value = part.partition("=")
            if key not in KEYS or not equals or not value or key in found:
                raise InputError(
                    "--columns",
                    expected="items like registered=COLUMN, each once, of " + ", ".join(KEYS),
                    found=part,
                    code="bad-columns",
                )
            found[key] = value
    found = {**(base or {}), **found}
    if "leader" not in found:
        raise InputError("--columns", expected="leader=COLUMN", found=", ".join(found) or "nothing", code="bad-columns")
    return found


def _matches(pattern: str, column: str) -> bool:
    """Whether a column's name fits; the last alternative that fits decides, so that `!` takes out."""
    fits = False
    for alternative in pattern.split("|"):
        bare = alternative.removeprefix("!")
        if re.fullmatch(".*".join(map(re.escape, bare.split("*"))), column, re.DOTALL):
            fits = not alternative.startswith("!")
    return fits


class _Wanted(Collection[str]):
    """The columns that any pattern matches, so that the rest of a wide file is not read."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = patterns

    def __contains__(self, column: object) -> bool:
        return isinstance(column, str) and any(_matches(p.removeprefix("?"), column) for p in self._patterns)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return len(self._patterns)


def table_source(
    path: Path, columns: Mapping[str, str], *, options: FileOptions | None = None, progress: Progress = silent
) -> Source:
    """The stations of a table (CSV, Parquet, XLSX, ODS; also in a zip).

    Raises:
        InputError: the table can't be read, a column is missing, a figure is no whole number.
    """
    progress("read the table", 0, 0)
    read = read_columns(path, columns, options=options)
    frame = read.complete
    known = {name: frame[name] for name in _SUMS if name in frame.columns}
    table = stations(
        leader=known["leader"],
        cast=known.get("cast"),
        registered=known.get("registered"),
        given=known.get("given"),
        machine=known.get("machine"),
        late=known.get("late"),
        others={name: frame[name] for name in read.others if not frame[name].null_count()},
        previous={name: frame[_BEFORE + column] for name, column in read.previous.items()} or None,
        previous_registered=known.get("previous_registered"),
        previous_cast=known.get("previous_cast"),
        leader_name=read.mapped["leader"][0] if len(read.mapped["leader"]) == 1 else "leader",
        areas=frame["area"].to_list() if "area" in frame.columns else None,
        commissions=_commissions(frame),
    )
    return Source(
        title=path.name,
        stations=table,
        rows=read.rows,
        left_out=read.rows - frame.height,
        mapped=read.mapped,
    )


def _commissions(frame: pl.DataFrame) -> list[str] | None:
    """Commissions with their area before the name: two areas may have one of the same name."""
    if "commission" not in frame.columns:
        return None
    parts = [frame[name].to_list() for name in _LABELS if name in frame.columns]
    return [": ".join(names) for names in zip(*parts, strict=True)]


@dataclass(frozen=True)
class TableColumns:
    """`complete`: the rows with every figure but those of further options (`others`, by name), of `rows` rows.

    `previous`: the column of each option of the earlier election.
    """

    complete: pl.DataFrame
    rows: int
    others: tuple[str, ...]
    previous: Mapping[str, str]
    mapped: Mapping[str, tuple[str, ...]]


def read_columns(path: Path, columns: Mapping[str, str], *, options: FileOptions | None = None) -> TableColumns:
    """Our columns of a table.

    Raises:
        InputError: the table can't be read, a column is missing, a figure is no whole number.
    """
    with tempfile.TemporaryDirectory() as unpacked:
        file = _table_file(path, Path(unpacked))
        raw = read_table_file(file, needed=_Wanted(list(columns.values())), options=options)
        mapped = _mapped(raw, columns)
        frame = _figures(raw, mapped, columns)
    others = tuple(name for name in mapped.get("others", ()) if name in frame.columns)
    complete = frame.drop_nulls([name for name in frame.columns if name not in others])
    return TableColumns(complete, frame.height, others, _earlier(mapped, columns.get("previous", "")), mapped)


def _earlier(mapped: Mapping[str, tuple[str, ...]], pattern: str) -> dict[str, str]:
    """The column of each option of the earlier election, by the option's name.

    Raises:
        InputError: two columns stand for one option.
    """
    found: dict[str, str] = {}
    for column in mapped.get("previous", ()):
        name = column
        for alternative in pattern.removeprefix("?").split("|"):
            before, star, after = alternative.partition("*")
            inner = column.removeprefix(before).removesuffix(after)
            if star and "*" not in after and _matches(alternative, column) and inner:
                name = inner
        if name in found:
            raise InputError(
                "--columns",
                expected="one earlier column for each option",
                found=f"{found[name]} and {column} for {name}",
                code="bad-columns",
            )
        found[name] = column
    return found


def _table_file(path: Path, unpacked: Path) -> Path:
    if path.suffix.lower() != ".zip":
        return path
    inside = candidates(path)
    if len(inside) != 1:
        raise InputError(
            path.name,
            expected="one table in the zip",
            found=", ".join(c.name for c in inside) or "none",
            do="unpack it and name the table",
            code="which-table",
        )
    return inside[0].materialise(unpacked)


def _mapped(raw: RawTable, columns: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Which columns of the file each of ours is made of."""
    found: dict[str, tuple[str, ...]] = {}
    for key, pattern in columns.items():
        if key == "others":
            continue  # below: whatever nothing else takes
        found[key] = tuple(c for c in raw.columns if _matches(pattern.removeprefix("?"), c))
        if not found[key] and pattern.startswith("?"):
            del found[key]
            continue
        if not found[key] or (key in _LABELS and len(found[key]) > 1):
            raise InputError(
                raw.name,
                expected=f"a column {pattern} for {key}",
                found=", ".join(found[key] or raw.columns),
                code="missing-columns",
            )
    if "others" in columns:
        used = {c for names in found.values() for c in names}
        found["others"] = tuple(c for c in raw.columns if _matches(columns["others"], c) and c not in used)
    return found


def _figures(raw: RawTable, mapped: Mapping[str, tuple[str, ...]], columns: Mapping[str, str]) -> pl.DataFrame:
    """Our columns; of `others`, those that a pattern caught and that hold texts are no options."""
    made = [
        pl.sum_horizontal([_whole(raw, c) for c in mapped[key]], ignore_nulls=False).alias(key)
        for key in _SUMS
        if key in mapped
    ]
    made += [pl.col(mapped[key][0]).alias(key) for key in _LABELS if key in mapped]
    frame = raw.frame.select(made)
    caught = "*" in columns.get("others", "")
    for name in mapped.get("previous", ()):
        frame = frame.with_columns(raw.frame.select(_whole(raw, name).alias(_BEFORE + name)).to_series())
    for name in mapped.get("others", ()):
        if name in frame.columns or (caught and not _counts(raw.frame[name])):
            continue
        frame = frame.with_columns(raw.frame.select(_whole(raw, name).alias(name)).to_series())
    return frame


def _counts(column: pl.Series) -> bool:
    """Whether there is a whole number from 0 in every row."""
    numbers = column.cast(pl.Int64, strict=False)
    return not numbers.null_count() and not (numbers < 0).any()


def _whole(raw: RawTable, column: str) -> pl.Expr:
    """A column of whole numbers from 0; 1234.0, as some programs write them, is one."""
    texts = raw.frame[column].str.strip_suffix(".0")
    numbers = texts.cast(pl.Int64, strict=False)
    bad = texts.is_not_null() & (numbers.is_null() | (numbers < 0))
    if bad.any():
        row = bad.arg_max() or 0
        raise InputError(
            raw.where(int(raw.frame[ROW][row]), column),
            expected="a whole number from 0",
            found=repr(raw.frame[column][row]),
            code="bad-cell",
        )
    return pl.col(column).str.strip_suffix(".0").cast(pl.Int64)


def folder_source(
    folder: Path, *, contest: str | None = None, option: str | None = None, progress: Progress = silent
) -> Source:
    """The confirmed counts of an election's folder or of a publication.

    Args:
        contest: which one; None where there is only one.
        option: the option tested; None: the leader of the count.

    Raises:
        InputError: no record in the folder, no such contest or option.
        RecordError: the record does not hold what it must.
    """
    if not (folder / RECORD / "checkpoint").is_file():
        raise InputError(
            str(folder),
            expected="a record: a publication, or an election's folder that was counted",
            found="none",
            do=f"run `counterfoil count {folder}` first",
            code="no-record",
        )
    made = publication(FolderReader(folder), progress=progress)
    tallies = made.results.contests
    chosen = contest if contest is not None else (next(iter(tallies)) if len(tallies) == 1 else None)
    tally = next((t for name, t in tallies.items() if name == chosen), None)
    if tally is None:
        raise InputError(
            "--contest",
            expected="one of " + ", ".join(tallies),
            found=chosen or "none",
            code="unknown-contest",
        )
    columns = forensic_columns(tally, made.results.replay.areas, option)
    names = dict(made.results.replay.areas.select("area", "name").iter_rows())
    election = made.results.replay.election
    return Source(
        title=f"{election.title[election.languages[0]]}: {tally.contest.title[election.languages[0]]}",
        stations=columns.table.with_area_names(names),
        rows=columns.confirmed,
        left_out=columns.left_out,
        mapped={},
    )
