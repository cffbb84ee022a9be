"""The form's own checks, over every confirmed station at once; and ballots against the register of the list.

A check that does not hold is *inconsistent on paper*: a normal class (17 % of the sheets in Honduras 2025) and no
accusation. What is compared is shown: both sides, the difference, the tolerance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from counterfoil.agreement.counts import STATION_STATE_TYPE
from counterfoil.election.definition import Blank, Check, Contest, Form, FormField, Severity
from counterfoil.election.expressions import Rule
from counterfoil.primitives.ids import OptionId
from counterfoil.tally.addition import Found
from counterfoil.tally.results import Finding
from counterfoil.tally.stations import counted


def check_frame(stations: pl.DataFrame, form: Form, check: Check) -> pl.DataFrame:
    """station, left, right, holds - for every confirmed station where the check can be made.

    With `blank: not_used` a line without a figure is left out of its sum, but each side needs one figure at least; with
    `blank: unknown` every field of the rule must be known.
    """
    fields: dict[str, FormField] = {f.id: f for f in form.fields}
    known = stations.filter(pl.col("state") == pl.lit("confirmed", STATION_STATE_TYPE)).select(
        "station", *(counted(fields[f]).alias(f) for f in check.rule.fields)
    )
    sides = known.select(
        "station",
        _side(check.rule.left, check.rule.left_constant, check.blank).alias("left"),
        _side(check.rule.right, check.rule.right_constant, check.blank).alias("right"),
    ).drop_nulls()
    return sides.with_columns(check.rule.holds(pl.col("left") - pl.col("right"), check.tolerance).alias("holds"))


def _side(coefficients: Mapping[str, int], constant: int, blank: Blank) -> pl.Expr:
    if not coefficients:
        return pl.lit(constant, pl.Int64)
    terms = [pl.col(f) * c for f, c in coefficients.items()]
    present = [pl.col(f).is_not_null() for f in coefficients]
    enough = pl.any_horizontal(present) if blank is Blank.NOT_USED else pl.all_horizontal(present)
    return pl.when(enough).then(pl.sum_horizontal(terms) + constant)


def form_findings(stations: pl.DataFrame, contest: Contest, form: Form) -> Iterator[Found]:
    """Checks that do not hold, a finding per station and check."""
    for check in form.checks:
        broken = check_frame(stations, form, check).filter(~pl.col("holds"))
        behind = stations.select("station", "entries").join(broken.select("station"), on="station", how="semi")
        entries = dict(behind.iter_rows())
        for station, left, right in broken.select("station", "left", "right").iter_rows():
            yield single_finding(
                check.code,
                check.severity,
                contest,
                station,
                left,
                right,
                entries[station],
                (("check", check.id), ("rule", check.rule.text), ("tolerance", str(check.tolerance))),
            )


def broken_sums(stations: pl.DataFrame, form: Form) -> dict[str, list[tuple[Rule, int]]]:
    """Per station the equations of the form that do not come out, with left minus right."""
    found: dict[str, list[tuple[Rule, int]]] = {}
    for check in form.checks:
        if check.rule.operator == "==":
            for station, left, right in (
                check_frame(stations, form, check)
                .filter(~pl.col("holds"))
                .select("station", "left", "right")
                .iter_rows()
            ):
                found.setdefault(station, []).append((check.rule, left - right))
    return found


def turnout_findings(stations: pl.DataFrame, contest: Contest, form: Form) -> Iterator[Found]:
    """Ballots cast above the station's register, where no check of the form says so already."""
    if any(c.code == "turnout-over-register" for c in form.checks):
        return
    over = stations.filter(pl.col("cast") > pl.col("register"))
    for station, cast, register, entries in over.select("station", "cast", "register", "entries").iter_rows():
        yield single_finding(
            "turnout-over-register",
            Severity.CHECK,
            contest,
            station,
            cast,
            register,
            entries,
            (("rule", "cast <= register"),),
        )


def single_finding(
    code: str,
    severity: Severity,
    contest: Contest,
    station: str,
    value: int | None,
    threshold: int | None,
    entries: Sequence[int],
    numbers: tuple[tuple[str, str], ...],
    *,
    option: OptionId | None = None,
    snapshot: str | None = None,
) -> Found:
    """A finding about one station; removing that station reverses it."""
    return Found(
        Finding(
            code=code,
            severity=severity,
            contest=contest.id,
            area=station,
            single=True,
            option=option,
            value=value,
            threshold=threshold,
            stations=1,
            flip_set_size=1,
            snapshot=snapshot,
            numbers=numbers,
            entries=tuple(entries),
        )
    )
