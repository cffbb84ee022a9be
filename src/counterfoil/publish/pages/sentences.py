"""Sentences a spokesperson can defend. Base, coverage and the direction of bias stand in the sentence itself, so that
it cannot be quoted without them."""

from __future__ import annotations

from fractions import Fraction

from markupsafe import Markup

from counterfoil.election.definition import Contest
from counterfoil.primitives.shares import Base, Bias, Coverage
from counterfoil.publish.pages.view import N_, View
from counterfoil.tally.results import ComparisonClass, Lead, OptionTotal, Remainder

BASES = {
    Base.VALID: N_("valid votes"),
    Base.BALLOTS_CAST: N_("ballots cast"),
    Base.REGISTERED: N_("registered voters"),
}
BIASES = {
    Bias.UNKNOWN: N_(
        "The stations that are in are no random sample: which way the missing ones would move it is not known."
    ),
    Bias.NONE: N_("Every station is in."),
    Bias.TOO_HIGH: N_("The stations that are in may overstate it."),
    Bias.TOO_LOW: N_("The stations that are in may understate it."),
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


def base_name(view: View, base: Base) -> str:
    return view._(BASES[base])


def bias_text(view: View, bias: Bias) -> str:
    """Which way a share of what is counted may err."""
    return view._(BIASES[bias])


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


def of_stations(view: View, part: int, whole: int) -> Markup:
    """ "1,395 of 5,767 stations (24.2 %)"."""
    text = view.say("%(counted)s of %(expected)s stations", counted=view.n(part), expected=view.n(whole))
    if whole <= 0:
        return text
    return Markup('<span class="share" data-base="stations" data-coverage="{}/{}">{} ({})</span>').format(
        part, whole, text, view.numbers.percent(Fraction(part, whole), 1)
    )


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


def tellable(r: Remainder) -> bool:
    """Whether the remainder is possible at all; where it is not, a contradiction says so already."""
    return 0 <= r.left_votes <= max(r.left_total, 0) and r.uncounted_stations > 0


def remainder_text(view: View, contest: Contest, r: Remainder) -> Markup:
    """What the uncounted stations would have to show, beside what the counted ones show."""
    text = view.say(
        "For the announced %(announced)s votes of %(option)s to hold, the uncounted %(uncounted)s stations would "
        "have to "
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
            "As shares: %(left)s of the %(left_total)s %(kind)s that are left, against %(seen)s of the "
            "%(seen_total)s in "
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
        "Worst case: %(leader)s leads %(other)s by %(lead)s votes in the stations counted. To turn this around, each "
        "of "
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
