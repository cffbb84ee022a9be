"""What one copy says, field by field: settled once enough different persons typed the same.

Rules (design, section 4.2):

* persons are counted, not entries: of several readings by one person the newest counts, field by field;
* a field is settled by one value that `persons` different persons typed; if two values reach that number, it stays open
  (no tie is broken by order or majority);
* a machine is a voice only if the election's rule says so, only for fields it was sure of, and never without a person;
* a decision settles its fields, whatever was typed;
* a copy is *agreed* when every field of its page is settled.

Within this folder a cell is one integer, its *code*: the number itself, or a value below every number for a state.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from counterfoil.election.definition import AgreementRule, Form
from counterfoil.primitives.cells import STATE_SUFFIX, FieldState
from counterfoil.record.state import STATE_TYPE, Decision

_LOWEST = -(2**62)
STATE_CODES = {state.value: _LOWEST + i for i, state in enumerate(FieldState)}
"""Far below -(2**53), the least number that an entry can hold."""
SOFT_CODES = (STATE_CODES[FieldState.ILLEGIBLE], STATE_CODES[FieldState.ABSENT])
"""States that contradict no other copy: this copy just does not show it."""


def codes(fields: Sequence[str]) -> list[pl.Expr]:
    """Values frame -> one code per field, null where the reader gave nothing."""
    return [
        pl.coalesce(
            pl.col(f),
            pl.col(f + STATE_SUFFIX).cast(pl.String).replace_strict(STATE_CODES, default=None, return_dtype=pl.Int64),
        ).alias(f)
        for f in fields
    ]


def cells(fields: Sequence[str]) -> list[pl.Expr]:
    """Codes -> the two columns of a values frame; no code is `absent`."""
    words = {code: state for state, code in STATE_CODES.items()}
    columns: list[pl.Expr] = []
    for f in fields:
        number = pl.col(f) > _LOWEST + len(STATE_CODES)
        state = (
            pl.when(number)
            .then(pl.lit("number"))
            .otherwise(pl.col(f).replace_strict(words, default="absent", return_dtype=pl.String))
        )
        columns += [
            pl.when(number).then(pl.col(f)).alias(f),
            state.fill_null("absent").cast(STATE_TYPE).alias(f + STATE_SUFFIX),
        ]
    return columns


def settle_copies(
    readings: pl.DataFrame,
    pages: pl.DataFrame,
    form: Form,
    rule: AgreementRule,
    decisions: Sequence[Decision],
    certainty: pl.DataFrame,
) -> pl.DataFrame:
    """One row per copy that has readings or decided fields: copy, agreed (Boolean), one code per settled field.

    Args:
        readings: the form's values frame (entry, copy, reader, machine, problem, fields...).
        pages: copy, page of every copy that counts.
        decisions: those with action `settle_fields`.
        certainty: entry, field, millionths of machine readings.
    """
    fields = form.field_ids
    typed = readings.filter(pl.col("problem").is_null()).with_columns(codes(fields))
    voices = typed.filter(~pl.col("machine"))
    if rule.machine_second:
        voices = pl.concat([voices, _sure_machine(typed, fields, rule, certainty)])
    voices = _newest_per_reader(voices, fields)
    whole = voices.group_by("copy").agg(
        (pl.len() >= rule.persons).alias("enough"),
        pl.col("machine").any().alias("machine"),
        *(pl.col(f).min().alias(f) for f in fields),
        *(pl.col(f).max().alias(f + ".max") for f in fields),
        *(pl.col(f).count().alias(f + ".n") for f in fields),
    )
    # Nearly every copy is read the same by everybody: those need no look at single fields.
    same = pl.all_horizontal(
        "enough",
        ~pl.col("machine"),
        *(pl.col(f) == pl.col(f + ".max") for f in fields),
        *(pl.col(f + ".n") >= rule.persons for f in fields),
    ).fill_null(value=False)
    easy = whole.filter(same).select("copy", *fields)
    hard = voices.join(easy.select("copy"), on="copy", how="anti")
    settled = pl.concat([easy, _settle_fields(hard, fields, rule.persons)], how="diagonal")
    settled = _with_decisions(settled, decisions, fields)
    settled = settled.join(pages, on="copy", how="inner", maintain_order="left")
    agreed = pl.any_horizontal(
        (pl.col("page") == page)
        & pl.all_horizontal([pl.col(f.id).is_not_null() for f in form.fields if f.page == page])
        for page in sorted({f.page for f in form.fields})
    )
    return settled.select("copy", agreed.alias("agreed"), *fields)


def _newest_per_reader(voices: pl.DataFrame, fields: Sequence[str]) -> pl.DataFrame:
    if not voices.select("copy", "reader").is_duplicated().any():
        return voices
    newest = [pl.col(f).drop_nulls().last().alias(f) for f in fields]
    return voices.sort("entry").group_by("copy", "reader", maintain_order=True).agg(pl.col("machine").last(), *newest)


def _sure_machine(
    typed: pl.DataFrame, fields: Sequence[str], rule: AgreementRule, certainty: pl.DataFrame
) -> pl.DataFrame:
    sure = certainty.filter(pl.col("millionths") >= rule.machine_certainty_millionths)
    machine = typed.filter("machine")
    return machine.with_columns(
        pl.when(pl.col("entry").is_in(sure.filter(pl.col("field") == f)["entry"].implode())).then(pl.col(f)).alias(f)
        for f in fields
    )


def _settle_fields(voices: pl.DataFrame, fields: Sequence[str], persons: int) -> pl.DataFrame:
    """copy, one code per field that exactly one value settles; a row for every copy that anybody read."""
    every = voices.select("copy").unique(maintain_order=True)
    if not voices.height:
        return every.with_columns(pl.lit(None, pl.Int64).alias(f) for f in fields)
    votes = (
        voices.unpivot(on=list(fields), index=["copy", "reader", "machine"], variable_name="field", value_name="code")
        .drop_nulls("code")
        .group_by("copy", "field", "code")
        .agg(
            pl.len().alias("voices"),
            (~pl.col("machine")).sum().alias("people"),
            pl.col("machine").any().alias("machine"),
        )
        # Two programs are one voice at most: they may share their faults.
        .filter((pl.col("people") + pl.col("machine") >= persons) & (pl.col("people") >= 1))
    )
    single = votes.filter(pl.len().over("copy", "field") == 1)
    wide = single.pivot(on="field", index="copy", values="code")
    return every.join(wide, on="copy", how="left", maintain_order="left").select(
        "copy", *(pl.col(f) if f in wide.columns else pl.lit(None, pl.Int64).alias(f) for f in fields)
    )


def _with_decisions(settled: pl.DataFrame, decisions: Sequence[Decision], fields: Sequence[str]) -> pl.DataFrame:
    decided: dict[str, dict[str, int]] = {}
    for decision in decisions:  # in the record's order: a later decision stands over an earlier one
        if decision.copy is not None:
            ruled = {f: STATE_CODES[v] if isinstance(v, str) else v for f, v in decision.values.items() if f in fields}
            decided.setdefault(decision.copy, {}).update(ruled)
    if not decided:
        return settled
    frame = pl.DataFrame(
        [{"copy": copy, **values} for copy, values in decided.items()],
        schema={"copy": pl.String, **dict.fromkeys(fields, pl.Int64)},
    )
    joined = settled.join(frame, on="copy", how="full", coalesce=True, suffix=".ruled", maintain_order="left_right")
    return joined.select("copy", *(pl.coalesce(f + ".ruled", f).alias(f) for f in fields))
