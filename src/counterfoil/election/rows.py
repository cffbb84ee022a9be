"""Files of single entries: transcripts, decisions, withdrawals, notices. A row becomes an entry of the record.

Here only the form of a row is checked; what it does to a count is agreement's business. `copy` is the organisers' own
label of a copy and `reader` their own label of a person: neither enters the record (a copy enters as a salted
commitment, a person as a pseudonym), so nothing here may leave this machine.

| kind | columns |
| --- | --- |
| `transcripts` | copy, station, contest, page, kind, reader, problem, then fields |
| `decisions` | station, contest, action, reason, copy, then fields |
| `withdrawals` | copy, reader (nothing: the copy itself), reason |
| `notices` | kind, text (in the first language), text.<language> for the others |
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import polars as pl

from counterfoil.election.definition import Election
from counterfoil.election.table_checks import TableCheck, one_line, plain_cells
from counterfoil.election.table_files import ROW, RawTable
from counterfoil.primitives.errors import InputError
from counterfoil.primitives.words import DECISION_ACTIONS, DECISION_REASONS, NOTICE_KINDS, PROBLEMS, WITHDRAWAL_REASONS

ROW_KINDS = ("transcripts", "decisions", "withdrawals", "notices")

_TRANSCRIPT = ("copy", "station", "contest", "page", "kind", "reader", "problem")
_DECISION = ("station", "contest", "action", "reason", "copy")
_WITHDRAWAL = ("copy", "reader", "reason")
_KIND = r"^[a-z][a-z0-9_-]{0,39}$"
_PAGE = r"^[1-9][0-9]{0,2}$"


def read_rows(
    kind: str, raw: RawTable, election: Election, stations: pl.Series, ignored: Collection[str] = ()
) -> pl.DataFrame:
    """The checked rows in the file's order, texts, null where nothing stands; figures in their one text form.

    Raises:
        InputError: the first cell that does not fit, with its place.
    """
    check = TableCheck(raw)
    match kind:
        case "transcripts":
            frame = _transcripts(check, election, stations, ignored)
        case "decisions":
            frame = _decisions(check, election, stations, ignored)
        case "withdrawals":
            check.columns(["copy", "reason"], _WITHDRAWAL, ignored, "")
            check.present(["copy", "reason"], "a value")
            check.known("reason", WITHDRAWAL_REASONS, "a reason", "unknown-reason")
            frame = _only(raw.frame, _WITHDRAWAL)
        case _:
            frame = _notices(check, election, ignored)
    return frame


def row_columns(kind: str, election: Election) -> tuple[str, ...]:
    """The columns a file of this kind may have."""
    match kind:
        case "transcripts":
            return (*_TRANSCRIPT, *_fields(election))
        case "decisions":
            return (*_DECISION, *_fields(election))
        case "withdrawals":
            return _WITHDRAWAL
        case _:
            return ("kind", "text", *(f"text.{language}" for language in election.languages[1:]))


def _fields(election: Election) -> list[str]:
    return list(dict.fromkeys(field for form in election.forms for field in form.field_ids))


def _transcripts(check: TableCheck, election: Election, stations: pl.Series, ignored: Collection[str]) -> pl.DataFrame:
    fields = [f for f in _fields(election) if f in check.raw.columns]
    required = ["copy", "station", "contest", "reader"]
    check.columns(required, (*_TRANSCRIPT, *_fields(election)), ignored, "")
    frame = _only(check.raw.frame, (*_TRANSCRIPT, *fields)).with_columns(
        pl.col("page").fill_null("1"), pl.col("kind").fill_null("photo")
    )
    full = _over(check.raw, frame)
    full.present(required, "a value")
    full.ids("station")
    full.known("station", stations, "a station of the stations table", "unknown-station")
    full.known("contest", [c.id for c in election.contests], "a contest", "unknown-contest")
    full.known("problem", PROBLEMS, "a problem", "unknown-problem")
    full.matches(["page"], _PAGE, "a page number", "bad-page")
    full.matches(["kind"], _KIND, "a kind of copy such as photo, wall_copy, agents_copy", "bad-kind")
    _figures_of_form(full, election, fields)
    stated = pl.any_horizontal([pl.col(f).is_not_null() for f in fields]) if fields else pl.lit(value=False)
    hit = full.first({"problem": pl.col("problem").is_not_null() & stated})
    if hit:
        raise InputError(
            full.raw.where(*hit[:2]), expected="either figures or a problem", found="both", code="figures-and-problem"
        )
    hit = full.first({"problem": pl.col("problem").is_null() & ~stated})
    if hit:
        raise InputError(
            full.raw.where(*hit[:2]),
            expected="figures or a problem",
            found="neither",
            code="empty-reading",
            do="write `empty` for a box that is blank on the paper",
        )
    _same_copy(full)
    full.once(["copy", "reader"], "copy and reader", "duplicate-reading")
    return frame.with_columns(plain_cells(fields))


def _same_copy(check: TableCheck) -> None:
    """Every row of a copy says the same station, contest, page and kind."""
    for column in ("station", "contest", "page", "kind"):
        differing = check.frame.filter((pl.col(column).n_unique() > 1).over("copy"))
        if differing.height:
            copy = differing["copy"][0]
            rows = differing.filter(pl.col("copy") == copy)
            other = rows.filter(pl.col(column) != rows[column][0]).row(0, named=True)
            raise InputError(
                check.raw.where(other[ROW], column),
                expected=f"{column} {rows[column][0]} for the copy {copy}, as in {check.raw.where(rows[ROW][0])}",
                found=other[column],
                code="copy-in-two-places",
            )


def _decisions(check: TableCheck, election: Election, stations: pl.Series, ignored: Collection[str]) -> pl.DataFrame:
    fields = [f for f in _fields(election) if f in check.raw.columns]
    required = ["station", "contest", "action", "reason"]
    check.columns(required, (*_DECISION, *_fields(election)), ignored, "")
    check.present(required, "a value")
    check.known("station", stations, "a station of the stations table", "unknown-station")
    check.known("contest", [c.id for c in election.contests], "a contest", "unknown-contest")
    check.known("action", DECISION_ACTIONS, "an action", "unknown-action")
    check.known("reason", DECISION_REASONS, "a reason", "unknown-reason")
    frame = _only(check.raw.frame, (*_DECISION, *fields))
    full = _over(check.raw, frame)
    _figures_of_form(full, election, fields)
    hit = full.first({"copy": (pl.col("action") != "exclude_station") & pl.col("copy").is_null()})
    if hit:
        raise InputError(
            full.raw.where(*hit[:2]), expected="the copy the decision is about", found="nothing", code="missing-value"
        )
    stated = pl.any_horizontal([pl.col(f).is_not_null() for f in fields]) if fields else pl.lit(value=False)
    hit = full.first({"action": (pl.col("action") == "settle_fields") != stated})
    if hit:
        raise InputError(
            full.raw.where(*hit[:2]),
            expected="figures with settle_fields, and only with it",
            found=f"{hit[2]} " + ("without figures" if hit[2] == "settle_fields" else "with figures"),
            code="bad-decision",
        )
    return frame.with_columns(plain_cells(fields))


def _figures_of_form(check: TableCheck, election: Election, fields: Sequence[str]) -> None:
    """Figures are well formed, and each is of the form of its row's contest."""
    check.cells(fields, negative=False)
    for form in election.forms:
        contests = [c.id for c in election.contests if c.form == form.id]
        here = pl.col("contest").is_in(contests)
        hit = check.first({f: here & pl.col(f).is_not_null() for f in fields if f not in form.field_ids})
        if hit:
            raise InputError(
                check.raw.where(*hit[:2]),
                expected=f"nothing, as the form {form.id} has no field {hit[1]}",
                found=repr(hit[2]),
                code="unknown-option",
            )


def _notices(check: TableCheck, election: Election, ignored: Collection[str]) -> pl.DataFrame:
    others = [f"text.{language}" for language in election.languages[1:]]
    check.columns(["kind", "text"], ("kind", "text", *others), ignored, "")
    check.present(["kind", "text"], "a value")
    check.known("kind", NOTICE_KINDS, "a kind of notice", "unknown-kind")
    texts = ["text", *(column for column in others if column in check.raw.columns)]
    return _only(check.raw.frame, ("kind", *texts)).with_columns(one_line(texts))


def _only(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    return frame.select(pl.col(c) if c in frame.columns else pl.lit(None, dtype=pl.String).alias(c) for c in columns)


def _over(raw: RawTable, frame: pl.DataFrame) -> TableCheck:
    """The checks over completed columns, with the places of the raw table."""
    return TableCheck(replace(raw, frame=raw.frame.select(ROW).hstack(frame)))
