"""The findings, by severity and rule: each with rule, numbers, flip set, innocent explanations, entries, stations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from html import escape
from typing import Any

import polars as pl
from markupsafe import Markup

from counterfoil.election.definition import Severity
from counterfoil.primitives.shares import Coverage
from counterfoil.publish.pages.finding_texts import finding_text
from counterfoil.publish.pages.rules import SEVERITIES, rule_of
from counterfoil.publish.pages.sentences import base_name, coverage_text, marks
from counterfoil.publish.pages.view import N_, Page, View
from counterfoil.tally.results import ContestTally, Finding

SHOWN = 50
"""Stations, and single-station findings of a rule, on the main page."""
SHOWN_ON_OWN_PAGE = 2_000
TABLE = "data/findings.csv"
_ORDER = (Severity.CONTRADICTION, Severity.CHECK, Severity.NOTE)

NUMBERS = {
    "excess": N_("excess"),
    "counted_votes": N_("votes counted"),
    "counted_stations": N_("stations counted"),
    "reports_added": N_("reports added from stations without a count"),
    "reports_stations": N_("stations these reports come from"),
    "upper_bound": N_("upper bound"),
    "announced_total": N_("announced total"),
    "counted_total": N_("total counted"),
    "uncounted_stations": N_("stations not counted"),
    "left_votes": N_("votes left for the stations not counted"),
    "left_total": N_("total left for the stations not counted"),
    "left_share": N_("share needed in what is left"),
    "counted_share": N_("share in what is counted"),
    "least_area_share": N_("smallest share in a counted area"),
    "largest_area_share": N_("largest share in a counted area"),
    "fragile_stations": N_("stations where a slip of three votes explains it"),
    "excess_before_gate": N_("excess before the plausibility gate"),
    "check": N_("check of the form"),
    "rule": N_("rule"),
    "tolerance": N_("tolerance"),
    "chance_one_in": N_("by chance once in"),
    "agreed_copies": N_("copies that were read"),
}


def finding_pages(view: View) -> Iterator[tuple[str, bytes]]:
    """`findings.html`, and `findings/<code>.html` for each rule with more single-station findings than fit there."""
    page = Page(view, "findings.html", view._("Findings"))
    yield view.render("findings.html", page, groups=list(_groups(view, page, SHOWN)), table=TABLE)
    for code in _codes_with_more(view):
        title = view._(rule_of(code).title)
        own = Page(view, f"findings/{code}.html", title, section="findings.html")
        groups = list(_groups(view, own, SHOWN_ON_OWN_PAGE, only=code))
        yield view.render("findings.html", own, groups=groups, table=TABLE)


def _codes_with_more(view: View) -> list[str]:
    counts: dict[str, int] = {}
    for tally in view.plan.tallies:
        for f in tally.findings:
            if f.single:
                counts[f.code] = counts.get(f.code, 0) + 1
    return sorted(code for code, count in counts.items() if count > SHOWN)


def _groups(view: View, page: Page, limit: int, only: str = "") -> Iterator[dict[str, Any]]:
    large = set(_codes_with_more(view))
    taken: set[str] = set()
    for severity in _ORDER:
        for tally in view.plan.tallies:
            codes: dict[str, list[int]] = {}
            for i, f in enumerate(tally.findings):
                if f.severity is severity and (not only or (f.code == only and f.single)):
                    codes.setdefault(f.code, []).append(i)
            for code, indexes in codes.items():
                yield _group(
                    view, tally, severity, code, indexes, page, limit, own=bool(only), large=large, taken=taken
                )


def _group(
    view: View,
    tally: ContestTally,
    severity: Severity,
    code: str,
    indexes: Sequence[int],
    page: Page,
    limit: int,
    *,
    own: bool,
    large: set[str],
    taken: set[str],
) -> dict[str, Any]:
    rule = rule_of(code)
    single = [i for i in indexes if tally.findings[i].single]
    aggregate = [i for i in indexes if not tally.findings[i].single]
    aggregate.sort(key=lambda i: tally.findings[i].area != view.plan.root)
    anchor = next(a for a in (code, f"{code}-{severity}", f"{code}-{severity}-{tally.contest.id}") if a not in taken)
    taken.add(anchor)
    more = max(0, len(single) - limit)
    more += sum(not view.plan.finding_shown(tally.contest.id, i) for i in aggregate)
    return {
        "anchor": "__" + anchor,
        "code": code,
        "severity": severity.value,
        "severity_name": view._(SEVERITIES[severity][0]),
        "severity_text": view._(SEVERITIES[severity][1]),
        "title": view._(rule.title),
        "contest": view.pick(tally.contest.title) if len(view.plan.tallies) > 1 else "",
        "rule": view._(rule.rule),
        "innocent": [view._(text) for text in rule.innocent],
        "errs": view._(rule.errs),
        "count": view.plural("%(n)s finding", "%(n)s findings", len(indexes)),
        "aggregates": [
            _aggregate(view, tally, i, page) for i in aggregate if view.plan.finding_shown(tally.contest.id, i)
        ],
        "rows": Markup("\n").join(_single_row(view, tally, i, page) for i in single[:limit]),
        "rows_label": view._(rule.title),
        "checks": _checks(view, tally, single),
        "value_name": view._(rule.value),
        "threshold_name": view._(rule.threshold),
        "more": view.plural("%(n)s more is not shown here.", "%(n)s more are not shown here.", more)
        if more > 0
        else "",
        "page": f"findings/{code}.html" if code in large and not own else "",
    }


def _aggregate(view: View, tally: ContestTally, index: int, page: Page) -> dict[str, Any]:
    f, n = tally.findings[index], view.n
    rule = rule_of(f.code)
    of = tally.finding_stations["finding"]  # sorted by finding: no look at the rows of the others
    start = of.search_sorted(index, "left")
    stations = tally.finding_stations.slice(start, of.search_sorted(index, "right") - start)
    option = view.option_name(tally.contest.option(f.option)) if f.option else ""
    area = view.area_name(f.area)
    heading = view.say("%(area)s, %(option)s", area=area, option=option) if option else area
    return {
        "anchor": view.plan.finding_anchors[tally.contest.id][index],
        "heading": heading,
        "text": finding_text(view, tally, f),
        "value_name": view._(rule.value),
        "value": "?" if f.value is None else n(f.value),
        "threshold_name": view._(rule.threshold),
        "threshold": "?" if f.threshold is None else n(f.threshold),
        "stations": n(f.stations),
        "gated_out": n(f.gated_out),
        "flip_set": view._("not defined for this rule") if f.flip_set_size is None else n(f.flip_set_size),
        "snapshot": f.snapshot,
        "numbers": [
            (_number_name(view, tally, name), _number(view, tally, f, name, value)) for name, value in f.numbers
        ],
        "entries": f.entries[:SHOWN],
        "list": _station_rows(view, stations, page),
        "list_label": view.say("Stations of: %(heading)s", heading=heading),
        "list_title": view.say(
            "Stations behind it: %(shown)s of %(all)s, the largest first",
            shown=n(min(SHOWN, stations.height)),
            all=n(stations.height),
        ),
    }


def _number_name(view: View, tally: ContestTally, name: str) -> str:
    """The rule's own names are translated; an option's id stands for the option's figures."""
    if name in NUMBERS:
        return view._(NUMBERS[name])
    id_ = name.removeprefix("share.")
    return next((view.option_name(o) for o in tally.contest.options if o.id == id_), id_.replace("_", " "))


def _number(view: View, tally: ContestTally, f: Finding, name: str, value: str) -> Markup:
    """A further figure: whole numbers in the language's form; a share never without what it is a share of."""
    if value.lstrip("-").isdigit():
        return Markup("{}").format(view.n(int(value)))
    numbers = tally.area(f.area).numbers if not f.single else None
    if numbers is not None and name.endswith("_share") and value:
        coverage = Coverage(numbers.confirmed, numbers.expected)
        text = view.say(
            "%(share)s of the %(kind)s (counted: %(coverage)s)",
            share=view.numbers.percent(Fraction(value)),
            kind=base_name(view, tally.contest.base.kind),
            coverage=coverage_text(view, coverage),
        )
        return Markup("<span {}>{}</span>").format(marks(tally.contest.base.kind, coverage), text)
    if numbers is not None and name.startswith("share.") and f.threshold is not None:
        coverage = Coverage(numbers.confirmed, numbers.expected)
        text = view.say(
            "%(share)s of the announced %(total)s %(kind)s (counted: %(coverage)s)",
            share=view.numbers.percent(Fraction(value.removesuffix("%").strip()) / 100, 1),
            total=view.n(f.threshold),
            kind=base_name(view, tally.contest.base.kind),
            coverage=coverage_text(view, coverage),
        )
        return Markup("<span {}>{}</span>").format(marks(tally.contest.base.kind, coverage), text)
    return Markup("<code>{}</code>").format(value)


def _station_rows(view: View, stations: pl.DataFrame, page: Page) -> Markup:
    """The stations whose removal reverses the finding first, then the largest figures."""
    gap = (pl.col("value").fill_null(0) - pl.col("threshold").fill_null(0)).alias("gap")
    ordered = stations.with_columns(gap).sort(
        ["in_flip_set", "gap", "station"], descending=[True, True, False], maintain_order=True
    )
    flips, gate = escape(view._("in the flip set")), escape(view._("taken out by the gate"))
    return Markup("\n").join(
        Markup('<tr><th scope="row">{}<td>{}<td>{}<td>{}').format(
            _station_link(view, station, page),
            "" if value is None else view.n(value),
            "" if threshold is None else view.n(threshold),
            gate if gated else flips if flip else "",
        )
        for station, value, threshold, gated, flip in ordered.select(
            "station", "value", "threshold", "gated_out", "in_flip_set"
        )
        .head(SHOWN)
        .iter_rows()
    )


def _station_link(view: View, station: str, page: Page) -> Markup:
    if station in view.plan.station_page:
        return Markup('<a href="{}">{}</a>').format(page.station(station), station)
    return Markup("{}").format(station)


def _checks(view: View, tally: ContestTally, indexes: Sequence[int]) -> list[Markup]:
    """The checks of the form behind single-station findings, each once: id, meaning, formula, tolerance."""
    found: dict[str, Markup] = {}
    for f in (tally.findings[i] for i in indexes):
        numbers = dict(f.numbers)
        if "rule" in numbers:
            found.setdefault(
                numbers.get("check", ""),
                Markup("{} {} <code>{}</code>; {} {}").format(
                    Markup("<b>{}</b>").format(numbers.get("check", "")),
                    view.check_text(tally.contest, f),
                    numbers["rule"],
                    view._(NUMBERS["tolerance"]),
                    view.n(int(numbers.get("tolerance", "0"))),
                ),
            )
    return list(found.values())


def _single_row(view: View, tally: ContestTally, index: int, page: Page) -> Markup:
    """A station with both figures; the formula of a check stands once, above the table."""
    f = tally.findings[index]
    further = [view.option_name(tally.contest.option(f.option))] if f.option else []
    further += [
        Markup("{} {}").format(_number_name(view, tally, name), _number(view, tally, f, name, value))
        for name, value in f.numbers
        if name not in ("check", "rule", "tolerance")
    ]
    check = dict(f.numbers).get("check")
    if check:
        further.append(check)
    entries = Markup(" ").join(Markup('<a href="{}">{}</a>').format(page.entry(e), view.n(e)) for e in f.entries[:5])
    both = f.value is not None and f.threshold is not None
    return Markup('<tr id="{}"><th scope="row">{}<td>{}<td>{}<td>{}<td>{}<td>{}').format(
        view.plan.finding_anchors[tally.contest.id][index],
        _station_link(view, f.area, page),
        "" if f.value is None else view.n(f.value),
        "" if f.threshold is None else view.n(f.threshold),
        view.n((f.value or 0) - (f.threshold or 0)) if both else "",
        Markup("; ").join(further),
        entries,
    )
