"""What follows by addition for the whole country, as statements for the start page.

Order: contradictions, bounds, remainder, worst case for the leader, matches ("they match" is a result).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from markupsafe import Markup

from counterfoil.election.definition import Severity
from counterfoil.publish.pages.finding_texts import finding_text, fragility
from counterfoil.publish.pages.sentences import bounds_text, lead_text, remainder_text, tellable
from counterfoil.publish.pages.view import Page, View
from counterfoil.tally.results import ComparisonClass, ContestTally

MAX_CONTRADICTIONS = 12
"""On the first page; all of them stand among the findings."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that follows, as text, with where it can be looked up. `kind` chooses the mark beside it."""

    kind: str
    text: Markup
    href: str
    link: str


def statements(view: View, tally: ContestTally, page: Page) -> list[Statement]:
    """What follows by addition for the whole country, strongest first."""
    root = tally.area(view.plan.root)
    found = [*_contradictions(view, tally, page)]
    method = page.home + "method.html#"
    leading = sorted((o for o in root.options if o.total), key=lambda o: -o.votes)[:2]
    shown = {o.option for o in leading}
    found += [
        Statement("bounds", bounds_text(view, tally.contest, o), method + "bounds", view._("how bounds are computed"))
        for o in root.options
        if o.total and (o.official is not None or o.option in shown)
    ]
    found += [
        Statement(
            "remainder",
            remainder_text(view, tally.contest, r),
            method + "remainder",
            view._("how the remainder is computed"),
        )
        for r in tally.remainders
        if r.area == view.plan.root and tellable(r)
    ]
    if tally.lead is not None:
        found.append(
            Statement(
                "lead",
                lead_text(view, tally.contest, tally.lead),
                method + "lead",
                view._("how the worst case is computed"),
            )
        )
    found += _matches(view, tally, page)
    return found


def _contradictions(view: View, tally: ContestTally, page: Page) -> list[Statement]:
    """Of the country first; what is already said of the country is not said again of the areas below it."""
    proven = sorted(
        (f.area != view.plan.root, f.code, (f.threshold or 0) - (f.value or 0), i)
        for i, f in enumerate(tally.findings)
        if f.severity is Severity.CONTRADICTION and not f.single
    )
    told = {(tally.findings[i].code, tally.findings[i].option) for below, _, _, i in proven if not below}
    shown = [
        i for below, _, _, i in proven if not below or (tally.findings[i].code, tally.findings[i].option) not in told
    ]
    return [
        Statement(
            "contradiction",
            finding_text(view, tally, tally.findings[i]) + fragility(view, tally.findings[i]),
            page.home + view.plan.finding_link(tally.contest.id, i),
            view._("numbers, stations and entries behind it"),
        )
        for i in shown[:MAX_CONTRADICTIONS]
    ]


def _matches(view: View, tally: ContestTally, page: Page) -> list[Statement]:
    found = []
    root = tally.area(view.plan.root)
    for o in root.options:
        if (
            o.official is not None
            and o.coverage.complete
            and o.stations == o.coverage.stations
            and o.votes == o.official
        ):
            text = view.say(
                "They match: every station is in, and the protocols give %(option)s exactly the announced %(votes)s "
                "votes.",
                option=view.option_name(tally.contest.option(o.option)),
                votes=view.n(o.votes),
            )
            found.append(Statement("match", text, page.area(root.area), view._("the figures of the area")))
    classes = comparison_counts(tally)
    compared = root.numbers.compared
    if compared and tally.snapshot is not None:
        text = view.say(
            "%(stations)s stations can be compared with the snapshot of %(date)s: in %(equal)s the figures are "
            "equal, in "
            "%(near)s within the tolerance, in %(other)s they differ.",
            stations=view.n(compared),
            date=tally.snapshot.announced_at,
            equal=view.n(classes.get(ComparisonClass.EQUAL, 0)),
            near=view.n(classes.get(ComparisonClass.WITHIN_TOLERANCE, 0)),
            other=view.n(
                compared - classes.get(ComparisonClass.EQUAL, 0) - classes.get(ComparisonClass.WITHIN_TOLERANCE, 0)
            ),
        )
        found.append(Statement("match", text, page.home + "findings.html", view._("the stations that differ")))
    return found


def comparison_counts(tally: ContestTally) -> dict[str, int]:
    """Stations by comparison class."""
    column = tally.stations["comparison"].cast(pl.String).drop_nulls()
    return {str(name): count for name, count in column.value_counts(sort=False).iter_rows()}
