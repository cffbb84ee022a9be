"""What each finding says, by code: title, rule, the two figures compared, innocent explanations, which way it errs.

Measurements, never verdicts: every rule comes with what else could give the same picture.
"""

from __future__ import annotations

from dataclasses import dataclass

from counterfoil.election.definition import Severity
from counterfoil.publish.pages.view import N_


@dataclass(frozen=True, slots=True)
class RuleText:
    """Message ids; `value` and `threshold` name the two figures of the finding."""

    title: str
    rule: str
    value: str
    threshold: str
    innocent: tuple[str, ...]
    errs: str


SEVERITIES = {
    Severity.CONTRADICTION: (N_("Contradiction"), N_("These statements cannot all be true.")),
    Severity.CHECK: (N_("To be checked"), N_("Somebody should look.")),
    Severity.NOTE: (N_("Note"), N_("Unusual, and no more than that.")),
}

_KEYING = N_("a figure was copied or typed wrongly, here or there")
_ASSIGNED = N_("copies or reports were assigned to the wrong station")
_ANNOUNCED = N_("the announced figure was rounded, is provisional, or was quoted wrongly")
_UNSUPPORTED = N_("Only stations with both figures can show it, so it misses more than it finds.")

RULES: dict[str, RuleText] = {
    "part-exceeds-whole": RuleText(
        N_("A part is larger than the announced whole"),
        N_(
            "The votes in the confirmed protocols, with the voters' reports of stations that have no protocol, are "
            "added up. The sum is larger than the figure announced for the whole area."
        ),
        N_("votes in the part"),
        N_("announced for the whole"),
        (_ANNOUNCED, _ASSIGNED, _KEYING),
        N_("The part can only grow when more stations come in: it errs towards finding nothing."),
    ),
    "bound-excludes-official": RuleText(
        N_("The announced figure lies outside the bounds"),
        N_(
            "Everything that is not counted is given to the option, and then away from it. The announced figure lies "
            "outside what either extreme allows."
        ),
        N_("votes counted"),
        N_("announced for the whole"),
        (_ANNOUNCED, N_("the announced number of ballots belongs to another snapshot"), _KEYING),
        N_("The bounds are as wide as arithmetic allows: it errs towards finding nothing."),
    ),
    "remainder-implausible": RuleText(
        N_("The stations that are not counted would have to be very different"),
        N_(
            "The counted votes are taken from the announced ones. What is left is spread over the stations that are "
            "not counted and set beside what the counted ones show."
        ),
        N_("votes counted"),
        N_("announced for the whole"),
        (N_("the stations counted differ from the others in size, place or voters"), _ANNOUNCED),
        N_("The counted stations are no sample: it shows what would have to be true, not what is."),
    ),
    "reports-exceed-protocol": RuleText(
        N_("More verified reports than votes in the protocol"),
        N_(
            "Voters who showed their ballot for an option are more than the votes its protocol states. Stations with "
            "more reports than ballots cast are taken out first: there the assignment is wrong."
        ),
        N_("reports"),
        N_("votes in the protocol"),
        (_ASSIGNED, N_("one voter reported more than once under different names"), _KEYING),
        N_("Not every voter reports: it errs towards finding nothing."),
    ),
    "turnout-over-register": RuleText(
        N_("More ballots than registered voters"),
        N_("The protocol states more ballots cast than voters on the register of the station."),
        N_("ballots cast"),
        N_("registered voters"),
        (N_("voters were added to the register on the day, lawfully"), _KEYING),
        _UNSUPPORTED,
    ),
    "votes-over-ballots": RuleText(
        N_("More votes than ballots"),
        N_("The votes of the options add up to more than the ballots the same protocol states."),
        N_("sum of the votes"),
        N_("ballots stated"),
        (_KEYING, N_("the form was misunderstood: a line was entered twice or in the wrong box")),
        _UNSUPPORTED,
    ),
    "sum-mismatch": RuleText(
        N_("A sum does not add up"),
        N_("One of the form's own arithmetic rules does not hold between the figures on the same protocol."),
        N_("left side"),
        N_("right side"),
        (_KEYING, N_("a line was left blank because it is not used there"), N_("an honest slip late at night")),
        _UNSUPPORTED,
    ),
    "negative-figure": RuleText(
        N_("A figure below zero"),
        N_("The source states a number of votes below zero. It is kept as it stands and added as it stands."),
        N_("figure"),
        N_("smallest possible"),
        (N_("the source computed the figure as a difference instead of reading it"), _KEYING),
        _UNSUPPORTED,
    ),
    "copies-differ": RuleText(
        N_("Copies of one protocol differ"),
        N_(
            "Two copies of the protocol of one station state different figures. It stays out of the sums until decided."
        ),
        N_("boxes that differ"),
        N_("allowed"),
        (N_("a protocol was lawfully corrected and written anew"), _ASSIGNED, _KEYING),
        N_("A station with one copy cannot show it, so it misses more than it finds."),
    ),
    "official-differs": RuleText(
        N_("Protocol and announced figures differ"),
        N_("For the same station, the confirmed protocol and the named announced snapshot state different figures."),
        N_("sum of differences"),
        N_("tolerance"),
        (N_("a recount or a lawful correction after the copy was made"), _KEYING),
        N_("It compares the same stations on both sides; a snapshot without them shows nothing."),
    ),
    "columns-swapped": RuleText(
        N_("Two columns are swapped"),
        N_("The figures of two options stand in each other's place between the protocol and the announced snapshot."),
        N_("sum of differences"),
        N_("tolerance"),
        (N_("a slip of the person who entered the figures, on either side"),),
        N_("Options with equal figures cannot show it, so it misses some."),
    ),
    "digits-transposed": RuleText(
        N_("Two digits are transposed"),
        N_("Protocol and announced snapshot differ only by two neighbouring digits of one figure that changed places."),
        N_("sum of differences"),
        N_("tolerance"),
        (N_("a slip of the person who typed, on either side; nearly always harmless"),),
        N_("A difference of another origin can look the same by chance."),
    ),
    "backsolved-total": RuleText(
        N_("Figures consistent with being computed back from rounded shares"),
        N_(
            "Every announced number of votes is exactly what a share with one decimal gives when it is multiplied by "
            "the announced total and rounded."
        ),
        N_("sum of the announced votes"),
        N_("announced total"),
        (N_("only the shares were passed on, and somebody restored the numbers from them"),),
        N_("Few options fit by chance more easily; the chance is stated beside it."),
    ),
}

OTHER = RuleText(
    N_("Another finding"),
    N_("The rule is described with the method."),
    N_("value"),
    N_("threshold"),
    (_KEYING,),
    _UNSUPPORTED,
)


def rule_of(code: str) -> RuleText:
    """The text of a code; a code newer than these pages still shows its figures."""
    return RULES.get(code, OTHER)
