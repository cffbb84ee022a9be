"""Copies of protocols and the people who type them: blind double entry with the usual typing errors.

* A station whose protocol came in has one to three copies; a photograph may hide a box (`illegible`), a clerk may have
  put a dash for nothing (`struck`), and some pictures are no protocol at all.
* Two persons type each copy without seeing each other. Of the figures they type, 0.5 % have one digit wrong and 0.2 %
  two neighbouring digits exchanged.
* Where the two differ, a third person types those fields only; what is still open is settled by an arbiter who looks at
  the paper.
* Forged copies are typed as faithfully as true ones.

Leaves out: how the typed rows get into files (`folder`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from counterfoil.simulate.country import Ints
from counterfoil.simulate.truth import Typing
from counterfoil.simulate.world import Mask, World

DIGIT_WRONG = 0.005
TRANSPOSED = 0.002
STRUCK_ZERO = 0.3
ILLEGIBLE = 0.001
NO_PROTOCOL = 0.005
COPIES = (0.7, 0.25, 0.05)
"""Shares of stations with one, two and three copies."""
KINDS = ("wall_copy", "agents_copy", "photo")
FIGURES = ("registered", "ballots_cast", "valid", "invalid")
"""Fields of the form before the options."""
READERS = 40
STRUCK, HIDDEN = -1, -2
"""Codes of a dash and of a box nobody can read, beside figures of 0 or more."""


@dataclass(frozen=True)
class Transcripts:
    """Rows as the files of an election folder have them, all texts; and what they settle, for the truth."""

    transcripts: pl.DataFrame
    decisions: pl.DataFrame
    typing: Typing
    station: Ints
    """Position of the station of each copy."""
    paper: Ints
    """(copies, fields): what stands there, with the codes."""
    settled: Ints
    """What two persons or the arbiter agreed on; it differs from the paper where two made the same error."""


def figures(world: World) -> Ints:
    """(stations, fields): what the protocols say, in the form's order."""
    return np.column_stack(
        [
            world.country.registered,
            world.protocol_cast,
            world.protocol_valid,
            world.protocol_invalid,
            world.protocol_votes,
        ]
    )


def type_copies(world: World) -> Transcripts:
    """All copies of the world as its readers type them."""
    rng = world.rng
    station, forged = _copies(world)
    paper = _paper(world, station, forged)
    count, width = paper.shape
    fields = [*FIGURES, *world.country.options]
    labels = np.array([f"c{n:07}" for n in range(count)])
    # Nobody reads a copy twice: the three readers of a copy are a random start and two different steps from it.
    reader: Ints = np.asarray(rng.integers(0, READERS, count), dtype=np.int64)
    second: Ints = (reader + rng.integers(1, READERS // 2, count)) % READERS
    third: Ints = (second + READERS // 2) % READERS  # never the first: that is less than half a round back
    everything = np.ones_like(paper, dtype=np.bool_)
    a, errors_a = _typed(rng, paper, everything)
    b, errors_b = _typed(rng, paper, everything)
    differs = a != b
    c, errors_c = _typed(rng, paper, differs)
    open_ = differs & (c != a) & (c != b)
    kind = np.array(KINDS)[rng.integers(0, len(KINDS), count)]
    ids = np.array(world.country.ids)[station]
    base = {"copy": labels, "station": ids, "kind": kind}
    asked = differs.any(axis=1)
    frames = [
        _rows(base, reader, a, everything, fields),
        _rows(base, second, b, everything, fields),
        _rows(base, third, c, differs, fields).filter(pl.Series(asked)),
    ]
    rows = pl.concat([*frames, _no_protocols(world, rng)], how="diagonal").sort("copy", "reader")
    typed = 2 * count * width + int(differs.sum())
    return Transcripts(
        transcripts=rows,
        decisions=_decisions(labels, ids, paper, open_, fields),
        typing=Typing(
            copies=count,
            readings=rows.height,
            figures=typed,
            digit_wrong=errors_a[0] + errors_b[0] + errors_c[0],
            transposed=errors_a[1] + errors_b[1] + errors_c[1],
            third_readings=int(asked.sum()),
            decisions=int(open_.any(axis=1).sum()),
            illegible=int((paper == HIDDEN).sum()),
        ),
        station=station,
        paper=paper,
        settled=np.where(a == b, a, np.where((c == a) | (c == b), c, paper)),
    )


def _copies(world: World) -> tuple[Ints, Mask]:
    """Station of each copy, and whether it is forged; true copies first, in order of station."""
    received = np.flatnonzero(world.received)
    number = world.rng.choice([1, 2, 3], size=len(received), p=COPIES)
    true = np.repeat(received, number)
    fakes = np.repeat(np.array(sorted(world.forged), dtype=np.int64), 2)
    station = np.concatenate([true, fakes]).astype(np.int64)
    forged = np.arange(len(station)) >= len(true)
    order = np.argsort(station, kind="stable")
    return station[order], forged[order]


def _paper(world: World, station: Ints, forged: Mask) -> Ints:
    """What stands on each copy, with codes for dashes and hidden boxes."""
    rng = world.rng
    truth = figures(world)
    # A clerk writes a dash or a nought: the same on every copy of the station.
    dashed = (truth == 0) & (rng.random(truth.shape) < STRUCK_ZERO)
    dashed[:, : len(FIGURES)] = False
    truth = np.where(dashed, STRUCK, truth)
    paper = truth[station]
    for copy in np.flatnonzero(forged).tolist():
        votes = world.forged[int(station[copy])]
        paper[copy, len(FIGURES) :] = votes
        paper[copy, 2] = votes.sum()
    hidden = rng.random(paper.shape) < ILLEGIBLE
    # Where something was planted the copy is clear: whether a problem shows must not hang on a thumb in the picture.
    hidden &= ~np.isin(station, np.fromiter(world.used, dtype=np.int64, count=len(world.used)))[:, None]
    return np.where(hidden, HIDDEN, paper)


def _typed(rng: np.random.Generator, paper: Ints, asked: Mask) -> tuple[Ints, tuple[int, int]]:
    """One person's reading of the boxes asked for, and how many digits went wrong and were exchanged in them."""
    typed = paper.copy()
    dice = rng.random(paper.shape)
    wrong = transposed = 0
    for row, column in np.argwhere((dice < DIGIT_WRONG + TRANSPOSED) & (paper >= 0) & asked).tolist():
        text = str(int(paper[row, column]))
        if dice[row, column] < DIGIT_WRONG:
            place = int(rng.integers(len(text)))
            digits = [d for d in "0123456789" if d != text[place] and not (place == 0 and len(text) > 1 and d == "0")]
            text = text[:place] + digits[int(rng.integers(len(digits)))] + text[place + 1 :]
            wrong += 1
        else:
            places = [p for p in range(len(text) - 1) if text[p] != text[p + 1] and not (p == 0 and text[1] == "0")]
            if not places:
                continue
            place = places[int(rng.integers(len(places)))]
            text = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
            transposed += 1
        typed[row, column] = int(text)
    return typed, (wrong, transposed)


def _text(values: Ints) -> pl.Series:
    """Figures and codes as cells of a table."""
    series = pl.Series(values)
    return pl.select(
        pl.when(series == STRUCK)
        .then(pl.lit("struck"))
        .when(series == HIDDEN)
        .then(pl.lit("illegible"))
        .otherwise(series.cast(pl.String))
    ).to_series()


def _rows(base: dict[str, Any], reader: Ints, typed: Ints, asked: Mask, fields: list[str]) -> pl.DataFrame:
    frame = pl.DataFrame(base).with_columns(
        pl.lit("president").alias("contest"),
        pl.lit("1").alias("page"),
        ("reader" + pl.Series(reader).cast(pl.String).str.zfill(2)).alias("reader"),
        pl.lit(None, dtype=pl.String).alias("problem"),
    )
    cells = [
        pl.select(pl.when(pl.Series(asked[:, i])).then(_text(typed[:, i]))).to_series().alias(field)
        for i, field in enumerate(fields)
    ]
    return frame.with_columns(cells)


def _no_protocols(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Pictures that are no protocols, of stations that may have one or not; both readers say so."""
    stations = np.flatnonzero(rng.random(world.size) < NO_PROTOCOL)
    ids = np.array(world.country.ids)[stations].tolist()
    rows = [
        (f"x{n:07}", station, "photo", "president", "1", reader, "not_a_protocol")
        for n, station in enumerate(ids)
        for reader in ("reader00", "reader01")
    ]
    names = ["copy", "station", "kind", "contest", "page", "reader", "problem"]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def _decisions(
    labels: np.ndarray[Any, Any],
    ids: np.ndarray[Any, Any],
    paper: Ints,
    open_: Mask,
    fields: list[str],
) -> pl.DataFrame:
    """The arbiter looks again at fields that three persons typed in three ways."""
    at = np.flatnonzero(open_.any(axis=1))
    frame = pl.DataFrame(
        {"station": ids[at], "copy": labels[at]}, schema={"station": pl.String, "copy": pl.String}
    ).with_columns(
        pl.lit("president").alias("contest"),
        pl.lit("settle_fields").alias("action"),
        pl.lit("read_again").alias("reason"),
    )
    cells = [
        pl.select(pl.when(pl.Series(open_[at, i])).then(_text(paper[at, i]))).to_series().alias(field)
        for i, field in enumerate(fields)
    ]
    return frame.with_columns(cells)


@dataclass(frozen=True)
class Outcome:
    """What a faultless count makes of the copies, worked out here station by station and not by the tally."""

    votes: Ints
    """(stations, options): what enters the sums; 0 for what is unknown, disputed or not there."""
    misread: dict[int, str]
    """Station -> the finding that two persons' same error leads to there; "" if none is bound to."""


def outcome(world: World, typed: Transcripts) -> Outcome:
    """Copies of a station together: a box is known if one copy shows it, disputed if two show different figures."""
    votes = np.zeros_like(world.protocol_votes)
    first = len(FIGURES)
    low = np.full((world.size, typed.settled.shape[1]), np.iinfo(np.int64).max)
    high = np.full_like(low, HIDDEN)
    np.minimum.at(low, typed.station, np.where(typed.settled == HIDDEN, np.iinfo(np.int64).max, typed.settled))
    np.maximum.at(high, typed.station, typed.settled)
    disputed = ((low < high) & (high != HIDDEN)).any(axis=1)
    known = ~disputed[:, None] & (high >= 0)
    votes[known[:, first:]] = high[:, first:][known[:, first:]]
    misread: dict[int, str] = {}
    for copy, field in np.argwhere(typed.settled != typed.paper).tolist():
        at = int(typed.station[copy])
        code = "copies-differ" if disputed[at] else ""
        if not code and field >= first:
            ours, theirs = int(votes[at, field - first]), int(world.official_votes[at, field - first])
            code = "digits-transposed" if sorted(str(ours)) == sorted(str(theirs)) else "official-differs"
        misread[at] = code or misread.get(at, "")
    return Outcome(votes, misread)
