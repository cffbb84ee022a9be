"""One row per expected station of a contest: its count, what of it enters sums, and the official figure beside it.

Rules for what enters sums (design, section 4.1):

* only confirmed stations; disputed ones stay out until decided;
* a number counts as it stands, a negative one too (it is marked, not mended);
* `struck` and `word` count 0 in a vote field; `empty` counts 0 only where the form says so;
* everything else takes the station out of that option's sum, and out of no other.
"""

from __future__ import annotations

import polars as pl

from counterfoil.agreement.counts import STATION_STATE_TYPE
from counterfoil.election.definition import Contest, Form, FormField
from counterfoil.primitives.cells import STATE_SUFFIX, FieldState
from counterfoil.primitives.shares import Base
from counterfoil.record.state import STATE_TYPE, Replay


def counted(field: FormField) -> pl.Expr:
    """What a field adds to a sum: a number, 0, or null for unknown."""
    zero = [FieldState.STRUCK, FieldState.WORD] if field.kind == "votes" else []
    if field.empty_is_zero:
        zero.append(FieldState.EMPTY)
    if not zero:
        return pl.col(field.id)
    is_zero = pl.col(field.id + STATE_SUFFIX).is_in([state.value for state in zero])
    return pl.coalesce(field.id, pl.when(is_zero).then(pl.lit(0, pl.Int64)))


def station_frame(replay: Replay, contest: Contest, form_counts: pl.DataFrame) -> pl.DataFrame:
    """The first part of `ContestTally.stations`: territory, state, figures, votes, base, register and ballots cast."""
    form = replay.election.form(contest.form)
    universe = replay.stations.filter(pl.col("replaced_by").is_null()).drop("replaced_by")
    # The list of stations and the form may both state a register: the list's has a name of its own.
    universe = universe.rename({"registered": "listed_registered"})
    frame = universe.join(form_counts, on="station", how="left", maintain_order="left").with_columns(
        pl.col("state").fill_null(pl.lit("missing", STATION_STATE_TYPE)),
        pl.col("copies", "sources", "differing").fill_null(0),
        pl.col("entries").fill_null([]),
        *(pl.col(f + STATE_SUFFIX).fill_null(pl.lit("absent", STATE_TYPE)) for f in form.field_ids),
    )
    confirmed = pl.col("state") == pl.lit("confirmed", STATION_STATE_TYPE)
    fields = {f.id: f for f in form.fields}
    votes = [pl.when(confirmed).then(counted(fields[o.field])).alias(f"votes.{o.id}") for o in contest.options]
    frame = frame.with_columns(votes)
    parts = [f"votes.{o.id}" for o in contest.base_options]
    any_known = pl.any_horizontal(pl.col(p).is_not_null() for p in parts)
    frame = frame.with_columns(
        pl.when(any_known).then(pl.sum_horizontal(parts)).alias("options_sum"),
        pl.when(confirmed).then(_register(contest, form)).alias("register"),
        pl.when(confirmed).then(_role(contest, form, "ballots_cast")).alias("stated_cast"),
    )
    base = pl.col("register") if contest.base.kind is Base.REGISTERED else pl.col("options_sum")
    return frame.with_columns(
        base.alias("base"),
        # Larger of the stated total and the sum of all options: a slip in one of them must not become evidence.
        pl.max_horizontal("stated_cast", "options_sum").alias("cast"),
    )


def _role(contest: Contest, form: Form, role: str) -> pl.Expr:
    field = contest.roles.get(role)
    if field is None:
        return pl.lit(None, pl.Int64)
    return counted(next(f for f in form.fields if f.id == field))


def _register(contest: Contest, form: Form) -> pl.Expr:
    """Registered voters as the protocol states them, else as the list of stations does."""
    return pl.coalesce(_role(contest, form, "registered"), pl.col("listed_registered"))
