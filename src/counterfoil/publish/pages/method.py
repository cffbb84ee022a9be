"""How every published figure is computed: definition, formula, and which way it errs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from counterfoil.publish.pages.rules import RULES
from counterfoil.publish.pages.view import N_, Page, View


@dataclass(frozen=True, slots=True)
class Method:
    """One figure. The formula is the same in all languages."""

    anchor: str
    title: str
    definition: str
    formula: str
    errs: str


METHODS = (
    Method(
        "six-numbers",
        N_("Six numbers of stations"),
        N_(
            "Expected: stations that must sign a protocol. Received: at least one copy or table row came in. Read: "
            "somebody "
            "transcribed it. Confirmed: the transcriptions agree, so it is in the sums. Disputed: copies differ. "
            "Compared: "
            "confirmed, and the announced snapshot has the same station."
        ),
        "expected >= received >= read >= confirmed + disputed; confirmed >= compared",
        N_("A station is confirmed late rather than wrongly: the sums are too small rather than too large."),
    ),
    Method(
        "votes",
        N_("Votes counted"),
        N_(
            "The sum over confirmed stations of what the protocol states. A dash or a word in a vote field counts 0; "
            "an empty "
            "field only where the form says so; what is illegible or absent takes the station out of that option's sum."
        ),
        "votes(option) = sum of field(option) over confirmed stations that state it",
        N_("It can only grow when more stations come in."),
    ),
    Method(
        "share",
        N_("Share of what is counted"),
        N_(
            "Votes divided by the base in the same confirmed stations. It says nothing about the whole unless every "
            "station is "
            "in, and it is never shown without base, coverage and direction of bias."
        ),
        "share = votes / base of the confirmed stations",
        N_(
            "Stations whose protocol gets out may differ from those whose protocol does not; in which direction is "
            "not known."
        ),
    ),
    Method(
        "bounds",
        N_("Bounds of the whole"),
        N_(
            "Everything that is not counted is given to the option, and then away from it. The size of the whole is "
            "the announced "
            "number of ballots, or at most the register of the missing stations."
        ),
        "votes / total <= share of the whole <= (votes + total - counted base) / total",
        N_("As wide as arithmetic allows: the truth lies inside if the counted protocols and the total are right."),
    ),
    Method(
        "remainder",
        N_("Remainder"),
        N_(
            "What the stations that are not counted would have to show for the announced figure to hold, set beside "
            "what the "
            "counted stations show."
        ),
        "(announced - counted votes) / stations not counted, beside counted votes / stations counted",
        N_("A large gap is no proof: stations that are missing may really be different."),
    ),
    Method(
        "lead",
        N_("Worst case for the leader"),
        N_(
            "The lead in the counted stations, spread over the missing ones: how many more votes each would have to "
            "give the other."
        ),
        "(votes of the leader - votes of the second) / missing stations",
        N_(
            "It assumes nothing about the missing stations; set beside the size of a counted station it shows "
            "whether that can be."
        ),
    ),
    Method(
        "comparison",
        N_("Comparison with announced figures"),
        N_(
            "Station by station, against one named snapshot of what was announced, the same stations on both sides. "
            "Snapshots are "
            "kept, never replaced."
        ),
        "difference = sum over options of |protocol - announced|",
        N_(
            "Differences of a few votes are usual in any recount; the tolerance of this election is stated on the "
            "data page."
        ),
    ),
    Method(
        "reports",
        N_("Voters' reports"),
        N_(
            "How many voters showed their own ballot for an option at a station. Numbers below the smallest cell "
            "that may be shown "
            "are added into one remainder per area, so that nobody can be recognised."
        ),
        "reports(station, option) <= votes(station, option), if the protocol is right",
        N_("Only some voters report: the number is a floor, never an estimate."),
    ),
    Method(
        "flip-set",
        N_("Flip set"),
        N_(
            "The smallest number of stations whose removal reverses a finding. A finding that hangs on one station "
            "is fragile."
        ),
        "min |S| such that the statement no longer holds without S",
        N_("A small flip set means: look at these stations first."),
    ),
)


def method_page(view: View) -> tuple[str, bytes]:
    """`method.html`."""
    page = Page(view, "method.html", view._("Method"))
    lede = view._("Every published figure, how it is computed from the record, and which way it errs.")
    return view.render("text.html", page, lede=lede, body=Markup("\n").join(_sections(view)))


def _sections(view: View) -> Iterator[Markup]:
    for method in METHODS:
        yield Markup(
            '<section id="{}"><h2>{}</h2><p>{}</p><p class="formula"><code>{}</code></p><p><b>{}</b> {}</p></section>'
        ).format(
            method.anchor,
            view._(method.title),
            view._(method.definition),
            method.formula,
            view._("Which way it errs:"),
            view._(method.errs),
        )
    yield Markup("<h2>{}</h2>").format(view._("Rules of the findings"))
    for code, rule in RULES.items():
        innocent = Markup().join(Markup("<li>{}").format(view._(text)) for text in rule.innocent)
        yield Markup(
            '<section id="{}"><h3>{} <code>{}</code></h3><p>{}</p><p>{}</p><ul>{}</ul><p><b>{}</b> {}</p></section>'
        ).format(
            code,
            view._(rule.title),
            code,
            view._(rule.rule),
            view._("What else could give the same picture:"),
            innocent,
            view._("Which way it errs:"),
            view._(rule.errs),
        )
