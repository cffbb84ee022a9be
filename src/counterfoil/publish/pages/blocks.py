"""Parts that several pages share: what is counted and announced of an area, its bars, the table of the areas below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from markupsafe import Markup, escape

from counterfoil.election.definition import Contest
from counterfoil.publish.pages import drawings
from counterfoil.publish.pages.finding_texts import finding_text
from counterfoil.publish.pages.rules import SEVERITIES, rule_of
from counterfoil.publish.pages.sentences import (
    base_name,
    bias_text,
    bounds_text,
    coverage_text,
    of_stations,
    remainder_text,
    tellable,
    total_source,
)
from counterfoil.publish.pages.view import Page, View
from counterfoil.tally.results import AreaTotal, ContestTally, OptionTotal, StationNumbers

MAX_FINDINGS = 20
"""On the page of an area; all of them stand on the findings page."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A coverage bar with its caption."""

    track: Markup
    caption: Markup
    confirmed: int
    expected: int


@dataclass(frozen=True, slots=True)
class Bar:
    key: Markup
    name: str
    withdrawn: bool
    track: Markup
    text: Markup


@dataclass(frozen=True, slots=True)
class Chart:
    base: str
    coverage: str
    bars: Sequence[Bar]
    ends: tuple[str, str, str]
    caption: Markup


def option_numbers(contest: Contest) -> dict[str, int]:
    """The mark of each option: its place among the options, as defined."""
    return {option.id: min(number, drawings.SHAPES - 1) for number, option in enumerate(contest.options)}


def coverage_picture(view: View, numbers: StationNumbers) -> Picture:
    rest = numbers.read - numbers.confirmed - numbers.disputed
    track = drawings.coverage_track(
        [
            ("confirmed", numbers.confirmed),
            ("disputed", numbers.disputed),
            ("read", max(0, rest)),
            ("received", max(0, numbers.received - numbers.read)),
        ],
        numbers.expected,
    )
    caption = view.say("Confirmed: %(share)s", share=of_stations(view, numbers.confirmed, numbers.expected))
    return Picture(track, caption, numbers.confirmed, numbers.expected)


def counted_text(view: View, contest: Contest, total: AreaTotal) -> Markup:
    """What is counted, in one or two sentences."""
    option = total.options[0]
    text = view.say(
        "The protocols of %(stations)s are confirmed. They hold %(base)s %(kind)s.",
        stations=of_stations(view, total.numbers.confirmed, total.numbers.expected),
        base=view.n(option.counted_base),
        kind=base_name(view, contest.base.kind),
    )
    if total.registered is not None and total.registered_counted is not None and total.registered > 0:
        text += " " + view.say(
            "These stations have %(counted)s of the %(all)s registered voters.",
            counted=view.n(total.registered_counted),
            all=view.n(total.registered),
        )
    if total.numbers.disputed:
        text += " " + view.plural(
            "%(n)s station is disputed and in no sum.",
            "%(n)s stations are disputed and in no sum.",
            total.numbers.disputed,
        )
    if total.numbers.confirmed:
        text += " " + bias_text(view, option.bias)
    return text


def announced_text(view: View, tally: ContestTally, total: AreaTotal) -> Markup:
    """What the authority announced for an area, from which snapshot."""
    snapshot = tally.snapshot
    named = [o for o in total.options if o.official is not None]
    if snapshot is None or not named:
        return view.say("No announced figure for %(area)s is at hand.", area=view.area_name(total.area))
    figures = [
        view.say(
            "%(option)s %(votes)s votes",
            option=view.option_name(tally.contest.option(o.option)),
            votes=view.n(o.official or 0),
        )
        for o in named
    ]
    text = view.say(
        "Announced on %(date)s (%(source)s): %(figures)s.",
        date=snapshot.announced_at,
        source=snapshot.source.get("name", snapshot.snapshot),
        figures=Markup(", ").join(figures),
    )
    if named[0].total_source == "official" and named[0].total is not None:
        text += " " + view.say(
            "In all %(total)s %(kind)s.", total=view.n(named[0].total), kind=base_name(view, tally.contest.base.kind)
        )
    return text


def chart(view: View, contest: Contest, total: AreaTotal) -> Chart:
    """One bar per option: of the whole where its size is known, else of what is counted."""
    numbers = option_numbers(contest)
    first = total.options[0]
    of_whole = bool(first.total)
    bars = [
        Bar(
            drawings.legend_mark(numbers[o.option]),
            view.option_name(contest.option(o.option)),
            contest.option(o.option).withdrawn,
            _track(o, numbers[o.option]),
            _bar_text(view, o),
        )
        for o in total.options
    ]
    percent = view.numbers.percent
    caption = (
        view.say(
            "Shares of %(total)s %(kind)s (%(source)s). Counted: %(coverage)s. Full colour: counted. Light: may "
            "still come. "
            "Line: announced.",
            total=view.n(first.total or 0),
            kind=base_name(view, first.base_kind),
            source=total_source(view, first.total_source),
            coverage=coverage_text(view, first.coverage),
        )
        if of_whole
        else view.say(
            "Shares of the %(base)s %(kind)s counted, from %(coverage)s. How large the whole is, is not known, so "
            "there "
            "are no bounds. %(bias)s",
            base=view.n(first.counted_base),
            kind=base_name(view, first.base_kind),
            coverage=coverage_text(view, first.coverage),
            bias=bias_text(view, first.bias),
        )
    )
    return Chart(
        first.base_kind.value,
        f"{first.coverage.stations}/{first.coverage.of_stations}",
        bars,
        (percent(Fraction(0), 0), percent(Fraction(1, 2), 0), percent(Fraction(1), 0)),
        caption,
    )


def _track(o: OptionTotal, mark: int) -> Markup:
    if o.total:
        announced = Fraction(o.official, o.total) if o.official is not None else None
        return drawings.bounds_track(o.lower_share or Fraction(0), o.upper_share, announced, mark)
    return drawings.bounds_track(o.share.exact if o.share else Fraction(0), None, None, mark)


def _bar_text(view: View, o: OptionTotal) -> Markup:
    percent = view.numbers.percent
    text = view.plural(
        "%(votes)s votes in %(n)s station", "%(votes)s votes in %(n)s stations", o.stations, votes=view.n(o.votes)
    )
    if o.total and o.upper_share is not None and o.lower_share is not None:
        text += Markup("; ") + view.say(
            "of the whole %(lower)s to %(upper)s", lower=percent(o.lower_share), upper=percent(o.upper_share)
        )
    elif o.share is not None:
        text += Markup("; ") + view.say("%(share)s of what is counted", share=percent(o.share.exact))
    if o.official is not None:
        text += Markup("; ") + view.say("announced %(votes)s", votes=view.n(o.official))
        if o.total:
            text += Markup(" ({})").format(percent(Fraction(o.official, o.total)))
    return text


def area_statements(view: View, tally: ContestTally, total: AreaTotal) -> list[Markup]:
    """Bounds of announced figures and the remainder, for one area."""
    bounds = [bounds_text(view, tally.contest, o) for o in total.options if o.total and o.official is not None]
    return bounds + [
        remainder_text(view, tally.contest, r) for r in tally.remainders if r.area == total.area and tellable(r)
    ]


def finding_items(view: View, tally: ContestTally, indexes: Sequence[int], page: Page) -> list[Mapping[str, Any]]:
    """Findings as a short list with links to where all of their figures stand."""
    return [
        {
            "severity": f.severity.value,
            "severity_name": view._(SEVERITIES[f.severity][0]),
            "title": view._(rule_of(f.code).title),
            "text": finding_text(view, tally, f),
            "href": page.home + view.plan.finding_link(tally.contest.id, i),
        }
        for i, f in ((i, tally.findings[i]) for i in indexes[:MAX_FINDINGS])
    ]


def children_table(view: View, tally: ContestTally, area: str, page: Page) -> Markup:
    """The areas directly below: coverage, shares among what is counted as a dot plot, votes, announced figures."""
    children = view.plan.areas[area].children
    if not children:
        return Markup()
    contest, numbers, n = tally.contest, option_numbers(tally.contest), view.n
    announced = tally.areas.select(f"official.{o.id}" for o in contest.options)
    with_official = [o for o in contest.options if announced[f"official.{o.id}"].count()]
    announced_head = str(Markup('<th scope="col">{}').format(view._("announced")))
    head = "".join(
        f'<th scope="col">{drawings.legend_mark(numbers[o.id])}{escape(view.option_name(o))}'
        + (announced_head if o in with_official else "")
        for o in contest.options
    )
    rows = []
    for child in children:
        total = tally.area(child)
        plot = drawings.dots((numbers[o.option], o.share.exact) for o in total.options if o.share is not None)
        cells = "".join(
            f"<td>{n(o.votes)}"
            + (
                f"<td>{'' if o.official is None else n(o.official)}"
                if contest.option(o.option) in with_official
                else ""
            )
            for o in total.options
        )
        rows.append(
            f'<tr><th scope="row"><a href="{page.area(child)}">{escape(view.area_name(child))}</a>'
            f"<td>{n(total.numbers.confirmed)}<td>{n(total.numbers.expected)}<td>{plot}{cells}"
        )
    total = tally.area(area)
    hint = view.say(
        "Marks: share of each option in the %(kind)s counted so far in that area, from none at the start to all at the "
        "end of the line. %(bias)s",
        kind=base_name(view, contest.base.kind),
        bias=bias_text(view, total.options[0].bias),
    )
    heads = Markup().join(
        Markup('<th scope="col">{}').format(text)
        for text in (view._("area"), view._("confirmed"), view._("expected"), view._("shares"))
    )
    return Markup(
        '<p class="hint">{}</p><div class="wide" role="region" tabindex="0" aria-label="{}"><table class="sort '
        'filter"><thead>'
        "<tr>{}{}<tbody>{}</table></div>"
    ).format(hint, view._("Areas below"), heads, Markup(head), Markup("".join(rows)))  # noqa: S704 - escaped above
