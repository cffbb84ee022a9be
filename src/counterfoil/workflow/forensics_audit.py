"""A risk-limiting comparison of stations with hand counts: which to draw, and what the recounts so far say.

    drawn = audit(source, seed="six dice thrown in public: 4 1 6 6 2 3", recounted=Path("recounts.csv"))

* Stations are the batches. They are called by their number in the table, from 1.
* The seed decides which stations are drawn, in which order; anybody gets the same from the same table. It must be
  chosen in public after the table was fixed.
* Recounts are a table with a column `station` and one for each option. Those count that lie at the front of the order;
  a recount of a station that was not drawn proves nothing and is refused.
* Rows that lack a figure have ballots too: where there are any, their largest possible number must be said (`outside`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from counterfoil.election.table_files import FileOptions, RawTable, read_table_file
from counterfoil.forensics.arrays import Ints
from counterfoil.forensics.batch_audit import Macro, draw, macro
from counterfoil.forensics.stations import Stations
from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.workflow.forensics import Source

NUMBER = "station"


@dataclass(frozen=True)
class Drawn:
    """One draw: its place in the order from 1, the station's number from 1, its area, ballots, and votes by option."""

    draw: int
    station: int
    area: str | None
    ballots: int
    votes: Mapping[str, int]


@dataclass(frozen=True)
class Audit:
    """The state of the comparison, and the draws to make next."""

    result: Macro
    seed: str
    next: tuple[Drawn, ...]


def audit(
    source: Source,
    *,
    seed: str,
    draws: int | None = None,
    recounted: Path | None = None,
    outside: int | None = None,
    risk_limit: float = 0.05,
    options: FileOptions | None = None,
) -> Audit:
    """What the recounts so far say, and which stations to recount next.

    Args:
        draws: how many to list; None: as many as are expected to reach the risk limit without an error.
        recounted: the table of recounts; None before the first.
        outside: ballots in no station of the table.

    Raises:
        InputError: no further option, no ballots cast, rows left out and nothing said of their ballots, a table of
            recounts that does not fit.
        Refusal: the margin is not above the ballots outside; only a full recount answers.
    """
    table = source.stations
    if table.cast is None or not table.others:
        raise InputError(
            "--columns",
            expected="cast=COLUMN and others=COLUMN, to compare ballots and options",
            found="no ballots cast" if table.cast is None else "one option",
        )
    if outside is None:
        if source.left_out:
            raise InputError(
                "--outside",
                expected=f"the ballots in the {source.left_out:,} rows that lack a figure, at most",
                found="nothing",
            )
        outside = 0
    votes = {table.leader_name: table.leader, **table.others}
    before = macro(votes, table.cast, outside=outside, risk_limit=risk_limit)
    if not before.total_error:
        raise Refusal(f"{before.method.name}: {before.warnings[0]}", code="no-margin")
    found = {} if recounted is None else _recounts(recounted, table.size, tuple(votes), options)
    order = _front(before, seed, found, table.size)
    now = macro(
        votes,
        table.cast,
        audited=[(batch, found[batch]) for batch in order],
        outside=outside,
        risk_limit=Fraction(str(risk_limit)),
    )
    more = now.draws_expected if draws is None else draws
    ahead = draw(before, seed, len(order) + more)[len(order) :] if len(order) < table.size or more else []
    return Audit(now, seed, tuple(_drawn(table, votes, at, b) for at, b in enumerate(ahead, len(order) + 1)))


def _drawn(table: Stations, votes: Mapping[str, Ints], place: int, batch: int) -> Drawn:
    return Drawn(
        draw=place,
        station=batch + 1,
        area=None if table.area is None else table.area_names[int(table.area[batch])],
        ballots=0 if table.cast is None else int(table.cast[batch]),
        votes={name: int(column[batch]) for name, column in votes.items()},
    )


def _front(before: Macro, seed: str, found: Mapping[int, Mapping[str, int]], batches: int) -> list[int]:
    """The draws from the first one on whose stations were recounted; each station once where all were.

    Raises:
        InputError: a recount that no draw up to there asked for.
    """
    if len(found) == batches:
        return sorted(found)
    size = max(2 * len(found), 1)
    while True:
        order = draw(before, seed, size)
        ends = next((j for j, batch in enumerate(order) if batch not in found), None)
        if ends is not None:
            break
        size *= 2
    order = order[:ends]
    spare = sorted(set(found) - set(order))
    if spare:
        raise InputError(
            f"recount of station {spare[0] + 1}",
            expected=f"recounts of the stations in the order of the seed, next of station "
            f"{draw(before, seed, ends + 1)[-1] + 1}",
            found=f"{len(spare)} of others",
            do="recount in the order drawn, and check seed and table",
        )
    return order


def _recounts(
    file: Path, batches: int, names: tuple[str, ...], options: FileOptions | None
) -> dict[int, dict[str, int]]:
    raw = read_table_file(file, needed=(NUMBER, *names), options=options)
    missing = [name for name in (NUMBER, *names) if name not in raw.columns]
    if missing:
        raise InputError(file.name, expected=f"a column {missing[0]}", found=", ".join(raw.columns))
    found: dict[int, dict[str, int]] = {}
    for row, cells in enumerate(raw.frame.select(NUMBER, *names).iter_rows()):
        station, *counts = (_count(raw, row, name, cell) for name, cell in zip((NUMBER, *names), cells, strict=True))
        if not 1 <= station <= batches or station - 1 in found:
            raise InputError(
                f"{file.name}, row {row + 1}", expected=f"stations 1 to {batches:,}, each once", found=str(station)
            )
        found[station - 1] = dict(zip(names, counts, strict=True))
    return found


def _count(raw: RawTable, row: int, column: str, cell: object) -> int:
    text = str(cell)
    if not text.isascii() or not text.isdigit():
        raise InputError(
            f"{raw.name}, row {row + 1}, column {column}", expected="a whole number from 0", found=repr(cell)
        )
    return int(text)
