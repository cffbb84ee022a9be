"""Sentences a spokesperson can defend: what is counted, what follows by addition. Base, coverage and the direction of
bias stand in the sentence itself, so that it cannot be quoted without them.

Order: contradictions by addition, bounds, remainder, worst case for the leader, matches ("they match" is a result).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import polars as pl
from markupsafe import Markup

from counterfoil.election.definition import Contest, Severity
from counterfoil.primitives.shares import Base, Bias, Coverage, Share
from counterfoil.publish.pages.rules import rule_of
from counterfoil.publish.pages.view import N_, Page, View
from counterfoil.tally.results import ComparisonClass, ContestTally, Finding, Lead, OptionTotal, Remainder

BASES = {
    Base.VALID: N_("valid votes"),
    Base.BALLOTS_CAST: N_("ballots cast"),
    Base.REGISTERED: N_("registered voters"),
}
BIASES = {
    Bias.UNKNOWN: N_("which way the missing stations would move it is not known"),
    Bias.NONE: N_("every station is in"),
    Bias.TOO_HIGH: N_("the counted stations may overstate it"),
    Bias.TOO_LOW: N_("the counted stations may understate it"),
}
COMPARISONS = {
    ComparisonClass.EQUAL: N_("equal"),
    ComparisonClass.WITHIN_TOLERANCE: N_("within tolerance"),
    ComparisonClass.DIGITS_TRANSPOSED: N_("digits transposed"),
    ComparisonClass.COLUMNS_SWAPPED: N_("columns swapped"),
    ComparisonClass.DIFFERENT: N_("different"),
    ComparisonClass.OFFICIAL_MISSING: N_("announced figure missing"),
    ComparisonClass.OURS_MISSING: N_("our count missing"),
    ComparisonClass.OFFICIAL_CHANGED: N_("announced figure changed since"),
    ComparisonClass.DISPUTED: N_("our count disputed"),
}
MAX_CONTRADICTIONS = 12
"""On the first page; all of them stand among the findings."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that follows, as text, with where it can be looked up. `kind` chooses the mark beside it."""

    kind: str
    text: Markup
    href: str
    link: str


def base_name(view: View, base: Base) -> str:
    return view._(BASES[base])


def coverage_text(view: View, coverage: Coverage) -> Markup:
    """ "1,395 of 5,767 stations", with the registered voters where they are known."""
    if coverage.registered is None or coverage.of_registered is None:
        return view.say(
            "%(counted)s of %(expected)s stations",
            counted=view.n(coverage.stations),
            expected=view.n(coverage.of_stations),
        )
    return view.say(
        "%(counted)s of %(expected)s stations, %(voters)s of %(register)s registered voters",
        counted=view.n(coverage.stations),
        expected=view.n(coverage.of_stations),
        voters=view.n(coverage.registered),
        register=view.n(coverage.of_registered),
    )


def marks(base: str, coverage: Coverage) -> Markup:
    """The attributes that an element with percentages carries, for programs that read the page."""
    return Markup('data-base="{}" data-coverage="{}/{}"').format(base, coverage.stations, coverage.of_stations)


def share(view: View, value: Share) -> Markup:
    """A share with base, coverage and bias in the text; there is no shorter form."""
    return Markup('<span class="share" {}><b>{}</b> {}</span>').format(
        marks(value.base_kind, value.coverage),
        view.numbers.percent(value.exact),
        view.say(
            "of %(base)s %(kind)s, from %(coverage)s; %(bias)s",
            base=view.n(value.base),
            kind=base_name(view, value.base_kind),
            coverage=coverage_text(view, value.coverage),
            bias=view._(BIASES[value.bias]),
        ),
    )


def of_stations(view: View, part: int, whole: int) -> Markup:
    """ "1,395 of 5,767 stations (24.2 %)"."""
    text = view.say("%(counted)s of %(expected)s stations", counted=view.n(part), expected=view.n(whole))
    if whole <= 0:
        return text
    return Markup('<span class="share" data-base="stations" data-coverage="{}/{}">{} ({})</span>').format(
        part, whole, text, view.numbers.percent(Fraction(part, whole), 1)
    )


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
        if r.area == view.plan.root and r.left_votes >= 0 and r.uncounted_stations
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
    anchors = view.plan.finding_anchors[tally.contest.id]
    proven = [
        (f.area != view.plan.root, f.code, i)
        for i, f in enumerate(tally.findings)
        if f.severity is Severity.CONTRADICTION and not f.single
    ]
    return [
        Statement(
            "contradiction",
            finding_text(view, tally, tally.findings[i]),
            f"{page.home}findings.html#{anchors[i]}",
            view._("numbers, stations and entries behind it"),
        )
        for _, _, i in sorted(proven)[:MAX_CONTRADICTIONS]
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
                "They match: every station is in, and the protocols give %(option)s exactly the announced %(votes)s votes.",
                option=view.option_name(tally.contest.option(o.option)),
                votes=view.n(o.votes),
            )
            found.append(Statement("match", text, page.area(root.area), view._("the figures of the area")))
    classes = comparison_counts(tally)
    compared = root.numbers.compared
    if compared and tally.snapshot is not None:
        text = view.say(
            "%(stations)s stations can be compared with the snapshot of %(date)s: in %(equal)s the figures are equal, in "
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


def bounds_text(view: View, contest: Contest, o: OptionTotal) -> Markup:
    """What the whole can be, given the part, and whether the announced share lies inside."""
    assert o.total is not None  # noqa: S101 - callers choose options with a total
    lower, upper = o.lower_share or Fraction(0), o.upper_share
    text = view.say(
        "Whatever the missing stations hold, %(option)s has at least %(lower)s and at most %(upper)s of %(total)s "
        "%(kind)s (%(source)s). Counted: %(coverage)s.",
        option=view.option_name(contest.option(o.option)),
        lower=view.numbers.percent(lower),
        upper=view.numbers.percent(upper) if upper is not None else "?",
        total=view.n(o.total),
        kind=base_name(view, o.base_kind),
        source=total_source(view, o.total_source),
        coverage=coverage_text(view, o.coverage),
    )
    if o.official is not None:
        announced = view.numbers.percent(Fraction(o.official, o.total))
        inside = o.votes <= o.official and (o.upper_votes is None or o.official <= o.upper_votes)
        text += " " + (
            view.say("The announced %(announced)s lies within these bounds.", announced=announced)
            if inside
            else view.say("The announced %(announced)s lies outside these bounds.", announced=announced)
        )
    return Markup("<span {}>{}</span>").format(marks(o.base_kind, o.coverage), text)


def total_source(view: View, source: str | None) -> str:
    return view._("announced") if source == "official" else view._("at most, by the register")


def remainder_text(view: View, contest: Contest, r: Remainder) -> Markup:
    """What the uncounted stations would have to show, beside what the counted ones show."""
    text = view.say(
        "For the announced %(announced)s votes of %(option)s to hold, the uncounted %(uncounted)s stations would have to "
        "show %(left)s votes each; the counted %(counted)s show %(seen)s each.",
        announced=view.n(r.announced),
        option=view.option_name(contest.option(r.option)),
        uncounted=view.n(r.uncounted_stations),
        left=view.numbers.fraction(r.left_per_station or Fraction(0)),
        counted=view.n(r.counted_stations),
        seen=view.numbers.fraction(r.counted_per_station or Fraction(0)),
    )
    if r.left_share is None or r.counted_share is None:
        return text
    coverage = Coverage(r.counted_stations, r.counted_stations + r.uncounted_stations)
    return Markup("{} <span {}>{}</span>").format(
        text,
        marks(contest.base.kind, coverage),
        view.say(
            "As shares: %(left)s of the %(left_total)s %(kind)s that are left, against %(seen)s of the %(seen_total)s in "
            "%(coverage)s.",
            left=view.numbers.percent(r.left_share),
            left_total=view.n(r.left_total),
            kind=base_name(view, contest.base.kind),
            seen=view.numbers.percent(r.counted_share),
            seen_total=view.n(r.counted_total),
            coverage=coverage_text(view, coverage),
        ),
    )


def lead_text(view: View, contest: Contest, lead: Lead) -> Markup:
    """How far the missing stations would have to go to turn the lead around."""
    leader, other = (view.option_name(contest.option(o)) for o in (lead.leader, lead.runner_up))
    if not lead.missing_stations or lead.net_votes_needed is None:
        return view.say(
            "%(leader)s leads %(other)s by %(lead)s votes, and every station is in.",
            leader=leader,
            other=other,
            lead=view.n(lead.lead_votes),
        )
    text = view.say(
        "Worst case: %(leader)s leads %(other)s by %(lead)s votes in the stations counted. To turn this around, each of "
        "the %(missing)s missing stations would need %(net)s more votes for %(other)s than for %(leader)s on average.",
        leader=leader,
        other=other,
        lead=view.n(lead.lead_votes),
        missing=view.n(lead.missing_stations),
        net=view.numbers.fraction(lead.net_votes_needed),
    )
    if lead.mean_base is not None and lead.largest_base is not None:
        text += " " + view.say(
            "A counted station holds %(mean)s %(kind)s on average, the largest %(largest)s.",
            mean=view.numbers.fraction(lead.mean_base),
            kind=base_name(view, contest.base.kind),
            largest=view.n(lead.largest_base),
        )
    return text


def finding_text(view: View, tally: ContestTally, finding: Finding) -> Markup:
    """The finding as one or two sentences with its own figures."""
    contest = tally.contest
    option = view.option_name(contest.option(finding.option)) if finding.option else ""
    numbers = dict(finding.numbers)
    values = {
        "area": view.area_name(finding.area),
        "option": option,
        "stations": view.n(finding.stations),
        "value": "?" if finding.value is None else view.n(finding.value),
        "threshold": "?" if finding.threshold is None else view.n(finding.threshold),
        "kind": base_name(view, contest.base.kind),
    }
    match finding.code:
        case "part-exceeds-whole" if not option:
            return view.say(
                "%(area)s: %(stations)s stations alone hold %(value)s %(kind)s, but only %(threshold)s were announced for the "
                "whole area. A part cannot be larger than its whole: both cannot be true.",
                **values,
            )
        case "part-exceeds-whole" if "reports_added" in numbers:
            return view.say(
                "%(area)s, %(option)s: protocols of %(protocols)s stations give %(counted)s votes, and %(reports)s voters of "
                "other stations showed their ballot: %(value)s together. Only %(threshold)s were announced for the whole area. "
                "A part cannot be larger than its whole: both cannot be true.",
                protocols=view.n(int(numbers["counted_stations"])),
                counted=view.n(int(numbers["counted_votes"])),
                reports=view.n(int(numbers["reports_added"])),
                **values,
            )
        case "part-exceeds-whole":
            return view.say(
                "%(area)s, %(option)s: the protocols of %(stations)s stations alone give %(value)s votes, but only "
                "%(threshold)s were announced for the whole area. A part cannot be larger than its whole: both cannot be true.",
                **values,
            )
        case "bound-excludes-official" if "upper_bound" in numbers:
            return view.say(
                "%(area)s, %(option)s: even if everything that is not counted went to this option, it could have at most "
                "%(upper)s votes; %(threshold)s were announced.",
                upper=view.n(int(numbers["upper_bound"])),
                **values,
            )
        case "remainder-implausible":
            rest = next((r for r in tally.remainders if (r.area, r.option) == (finding.area, finding.option)), None)
            if rest is not None:
                return Markup("{}: {}").format(values["area"], remainder_text(view, contest, rest))
        case "reports-exceed-protocol" if not finding.single:
            return view.say(
                "%(area)s, %(option)s: in %(stations)s stations more voters showed their ballot than the protocol has votes: "
                "%(value)s reports against %(threshold)s votes.",
                **values,
            )
    rule = rule_of(finding.code)
    head = view.say("%(area)s, %(option)s", **values) if option else Markup("{}").format(values["area"])
    figures = view.say(
        "%(value_name)s %(value)s, %(threshold_name)s %(threshold)s.",
        value_name=view._(rule.value),
        threshold_name=view._(rule.threshold),
        **values,
    )
    return Markup("{}: {}").format(head, figures)
