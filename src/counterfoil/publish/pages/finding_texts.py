"""Findings as sentences with their own figures: the same on the start page, among findings and on press sheets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from markupsafe import Markup

from counterfoil.publish.pages.rules import rule_of
from counterfoil.publish.pages.sentences import base_name, remainder_text
from counterfoil.publish.pages.view import View
from counterfoil.tally.results import ContestTally, Finding

_Words = Callable[[View, ContestTally, Finding, Mapping[str, str]], Markup | None]


def finding_text(view: View, tally: ContestTally, finding: Finding) -> Markup:
    """One or two sentences. A rule without words of its own shows the two figures it compares."""
    option = view.option_name(tally.contest.option(finding.option)) if finding.option else ""
    values = {
        "area": view.area_name(finding.area),
        "option": option,
        "value": "?" if finding.value is None else view.n(finding.value),
        "threshold": "?" if finding.threshold is None else view.n(finding.threshold),
        "kind": base_name(view, tally.contest.base.kind),
    }
    words = _WORDS.get(finding.code)
    text = words(view, tally, finding, values) if words else None
    if text is not None:
        return text
    rule = rule_of(finding.code)
    head = view.say("%(area)s, %(option)s", **values) if option else Markup("{}").format(values["area"])
    figures = view.say(
        "%(value_name)s %(value)s, %(threshold_name)s %(threshold)s.",
        value_name=view._(rule.value),
        threshold_name=view._(rule.threshold),
        **values,
    )
    return Markup("{}: {}").format(head, figures)


def fragility(view: View, finding: Finding) -> Markup:
    """How many stations would have to be left out for the finding to fall; nothing where that is not defined."""
    if finding.flip_set_size is None:
        return Markup()
    return Markup(" ") + view.plural(
        "To reverse this, %(n)s station would have to be left out.",
        "To reverse this, at least %(n)s stations would have to be left out.",
        finding.flip_set_size,
    )


def _part(view: View, tally: ContestTally, finding: Finding, values: Mapping[str, str]) -> Markup:
    numbers = dict(finding.numbers)
    if finding.option is None:
        return view.plural(
            "%(area)s: %(n)s station alone holds %(value)s %(kind)s, but only %(threshold)s were announced for the "
            "whole area. A part cannot be larger than its whole: both cannot be true.",
            "%(area)s: %(n)s stations alone hold %(value)s %(kind)s, but only %(threshold)s were announced for the "
            "whole area. A part cannot be larger than its whole: both cannot be true.",
            finding.stations,
            **values,
        )
    if "reports_added" in numbers:
        return view.say(
            "%(area)s, %(option)s: protocols of %(protocols)s stations give %(counted)s votes, and %(reports)s "
            "voters of "
            "other stations showed their ballot: %(value)s together. Only %(threshold)s were announced for the whole "
            "area. A part cannot be larger than its whole: both cannot be true.",
            protocols=view.n(int(numbers["counted_stations"])),
            counted=view.n(int(numbers["counted_votes"])),
            reports=view.n(int(numbers["reports_added"])),
            **values,
        )
    return view.plural(
        "%(area)s, %(option)s: the protocol of %(n)s station alone gives %(value)s votes, but only %(threshold)s were "
        "announced for the whole area. A part cannot be larger than its whole: both cannot be true.",
        "%(area)s, %(option)s: the protocols of %(n)s stations alone give %(value)s votes, but only %(threshold)s were "
        "announced for the whole area. A part cannot be larger than its whole: both cannot be true.",
        finding.stations,
        **values,
    )


def _bound(view: View, tally: ContestTally, finding: Finding, values: Mapping[str, str]) -> Markup | None:
    upper = dict(finding.numbers).get("upper_bound")
    if upper is None:
        return None
    return view.say(
        "%(area)s, %(option)s: even if everything that is not counted went to this option, it could have at most "
        "%(upper)s votes; %(threshold)s were announced.",
        upper=view.n(int(upper)),
        **values,
    )


def _remainder(view: View, tally: ContestTally, finding: Finding, values: Mapping[str, str]) -> Markup | None:
    rest = next((r for r in tally.remainders if (r.area, r.option) == (finding.area, finding.option)), None)
    return Markup("{}: {}").format(values["area"], remainder_text(view, tally.contest, rest)) if rest else None


def _reports(view: View, tally: ContestTally, finding: Finding, values: Mapping[str, str]) -> Markup:
    return view.plural(
        "%(area)s, %(option)s: in %(n)s station more voters showed their ballot than the protocol has votes: %(value)s "
        "reports against %(threshold)s votes.",
        "%(area)s, %(option)s: in %(n)s stations more voters showed their ballot than the protocols have votes: "
        "%(value)s reports against %(threshold)s votes.",
        finding.stations,
        **values,
    )


def _backsolved(view: View, tally: ContestTally, finding: Finding, values: Mapping[str, str]) -> Markup | None:
    chance = dict(finding.numbers).get("chance_one_in")
    if chance is None:
        return None
    return view.say(
        "%(area)s: each announced number of votes is what a share with one decimal gives of %(threshold)s %(kind)s. By "
        "chance this happens about once in %(chance)s times.",
        chance=view.n(int(chance)),
        **values,
    )


_WORDS: Mapping[str, _Words] = {
    "part-exceeds-whole": _part,
    "bound-excludes-official": _bound,
    "remainder-implausible": _remainder,
    "reports-exceed-protocol": _reports,
    "backsolved-total": _backsolved,
}
