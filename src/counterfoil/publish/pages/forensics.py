"""The forensics page: published tests on the confirmed counts, pictures first, placebos beside, refusals listed.

Everything here is exploratory and says so. Rules:

* The option tested is the leader of the count; which stations and figures are used stands in `forensic_columns`.
* What is drawn by chance (placebo, null bands) has a fixed seed that the page states: the same record, the same bytes.
* Where no test has enough stations the page says that, and shows nothing else.

`standalone` gives the same as one self-contained file, for a table that is no publication.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from markupsafe import Markup

from counterfoil.forensics.arrays import Floats
from counterfoil.forensics.battery import AreaOutcome, Battery, Outcome
from counterfoil.forensics.comb import Comb, Combs
from counterfoil.forensics.fingerprint import Fingerprint
from counterfoil.forensics.levels import LEVELS
from counterfoil.forensics.stations import NEEDED, Stations
from counterfoil.publish.pages import forensics_drawings as drawings
from counterfoil.publish.pages.catalogues import Catalogue, load_catalogue
from counterfoil.publish.pages.forensics_examine import combs_of
from counterfoil.publish.pages.forensics_map import residual_map
from counterfoil.publish.pages.forensics_texts import (
    TEXTS,
    Speaks,
    decimal,
    ltr,
    p_text,
    refusal,
    sentence,
    short_figure,
)
from counterfoil.publish.pages.reader import asset
from counterfoil.publish.pages.view import N_, Page, View
from counterfoil.tally.results import ContestTally

MOST_CLOUDS = 24
LEAST_IN_CLOUD = 20
PLACEBOS = {
    "redrawn": N_("redrawn by chance"),
    "runner-up": N_("option in second place"),
    "lost": N_("stations that one won"),
}


def forensics_page(view: View) -> tuple[str, bytes]:
    """`forensics.html`."""
    page = Page(view, "forensics.html", view._("Forensics"))
    body = Markup().join(_contest(view, tally) for tally in view.plan.tallies)
    return view.render("text.html", page, lede=view._(_LEDE), body=body)


_LEDE = N_(
    "Published tests of station-level figures. Exploratory: a measurement that is out of the ordinary is a reason to "
    "look, never a conclusion, and what innocent thing gives the same picture stands beside it."
)


def _contest(view: View, tally: ContestTally) -> Markup:
    examined = view.plan.examined[tally.contest.id]
    title = view.pick(tally.contest.title) if len(view.plan.tallies) > 1 else ""
    head = Markup('<h2 class="of">{}</h2>').format(title) if title else Markup()
    names = {str(o.id): view.option_name(o) for o in tally.contest.options}
    areas = [view.area_name(a) for a in examined.battery.stations.area_names]
    table = examined.battery.stations
    used = view.say(
        "Tested: %(option)s, in %(used)s confirmed stations that state every figure; %(expected)s stations are "
        "expected.",
        option=names.get(table.leader_name, table.leader_name),
        used=view.n(table.size),
        expected=view.n(tally.area(view.plan.root).numbers.expected),
    )
    parts = [head, Markup("<p>{}</p>").format(used)]
    if examined.columns.left_out:
        parts.append(
            Markup("<p>{}</p>").format(
                view.plural(
                    "%(n)s confirmed station lacks a figure and is left out.",
                    "%(n)s confirmed stations lack a figure and are left out.",
                    examined.columns.left_out,
                )
            )
        )
    where = residual_map(view, table, examined.columns.places)
    parts += _body(view, examined.battery, examined.combs, areas, names, where)
    return Markup("<section>{}</section>").format(Markup("\n").join(parts))


def _body(
    view: Speaks,
    found: Battery,
    made: Combs | None,
    areas: Sequence[str],
    names: dict[str, str],
    where: Markup = Markup(),  # noqa: B008 - an empty text, never changed
) -> Iterator[Markup]:
    if not found.family and made is None:
        yield Markup("<p><b>{}</b></p>").format(
            view._("There is not enough data for the tests: they need at least 20 stations with every figure.")
        )
        return
    if found.stations.given_is_cast:
        yield Markup("<p>{}</p>").format(view._("Turnout is by ballots cast: the ballots handed out are not stated."))
    yield from _fingerprint(view, found)
    if made is not None:
        yield from _whole_percentages(view, made)
    yield from _clouds(view, found.stations, areas)
    yield where
    yield from _tests(view, found, names)
    yield from _by_area(view, found, areas)
    yield from _refused(view, found)


def _fingerprint(view: Speaks, found: Battery) -> Iterator[Markup]:
    result = found.outcome("fingerprint").answer.result
    if not isinstance(result, Fingerprint):
        return
    steps = drawings.shades(result.cells)
    legend = Markup().join(
        Markup(
            '<li><svg class="key" viewBox="0 0 16 16" aria-hidden="true"><path class="h{}" d="M0 '
            '0h16v16h-16z"/></svg>{}'
            "</li>"
        ).format(
            level,
            ltr(view.n(low) if low == high else f"{view.n(low)}\N{EN DASH}{view.n(high)}"),
        )
        for level, (low, high) in enumerate(steps.ranges(), 1)
    )
    yield Markup(
        '<h2>{}</h2><p class="hint">{}</p><figure class="pic">{}<figcaption>{}<ul class="legend"><li>{}</li>{}</ul>'
        "</figcaption></figure>"
    ).format(
        view._("Fingerprint"),
        view._(
            "Each square is one percent of turnout (from left to right) by one percent of the option's share "
            "(upwards); the "
            "darker, the more stations. One electorate makes one round cloud, several make several."
        ),
        drawings.fingerprint(result.cells, steps, view._("Stations by turnout and share")),
        view._("From left to right: turnout, percent. Upwards: share, percent."),
        view._("Stations in a square:"),
        legend,
    )


def _whole_percentages(view: Speaks, made: Combs) -> Iterator[Markup]:
    yield Markup('<h2>{}</h2><p class="hint">{}</p><div class="pair">').format(
        view._("Whole percentages"),
        view.say(
            "How far the percentages of %(stations)s stations lie from a whole one, in tenths of a point. Counted "
            "percentages "
            "fill all ten steps almost evenly. The light band holds two standard deviations either way of "
            "%(replicates)s "
            "elections redrawn by chance from the same stations (seed %(seed)s).",
            stations=view.n(made.stations),
            replicates=view.n(made.replicates),
            seed=str(made.seed),
        ),
    )
    for title, comb in ((view._("Turnout"), made.turnout), (view._("Share"), made.share)):
        yield Markup('<figure class="pic">{}<figcaption><b>{}</b>: {}</figcaption></figure>').format(
            drawings.folded(comb, title),
            title,
            view.say(
                "%(seen)s stations on a whole percentage, %(mean)s on average by chance.",
                seen=view.n(int(comb.observed[4])),
                mean=decimal(view, float(comb.mean[4]), 1),
            ),
        )
    yield Markup("</div>")
    for title, comb in ((view._("Turnout"), made.turnout), (view._("Share"), made.share)):
        yield from _fine(view, title, comb)


def _fine(view: Speaks, title: str, comb: Comb) -> Iterator[Markup]:
    if comb.fine is not None and comb.fine_low is not None and comb.fine_high is not None:
        yield Markup('<figure class="pic">{}<figcaption><b>{}</b>: {}</figcaption></figure>').format(
            drawings.fine(comb.fine, comb.fine_low, comb.fine_high, title),
            title,
            view._("stations per tenth of a point, 0 to 100 percent; the light band holds all redrawn elections."),
        )


def _clouds(view: Speaks, table: Stations, areas: Sequence[str]) -> Iterator[Markup]:
    if table.area is None or len(areas) < 2 or table.lacks(NEEDED):
        return
    n, g, r, a = table.four()
    usable = (n > 0) & (r > 0) & (g <= n) & (a <= r)
    sizes = np.bincount(table.area[usable], minlength=len(areas))
    ranked = [int(i) for i in sorted(range(len(areas)), key=lambda i: (-int(sizes[i]), areas[i]))]
    shown = [i for i in ranked if sizes[i] >= LEAST_IN_CLOUD][:MOST_CLOUDS]
    if not shown:
        return
    turnout = np.minimum(50 * g // np.maximum(n, 1), 49)
    share = np.minimum(50 * a // np.maximum(r, 1), 49)
    pictures = []
    for index in shown:
        mine = usable & (table.area == index)
        cells: Floats = np.bincount(50 * turnout[mine] + share[mine], minlength=2500).reshape(50, 50).astype(np.float64)
        pictures.append(
            Markup("<figure>{}<figcaption>{}, {}</figcaption></figure>").format(
                drawings.cloud(cells, areas[index]),
                areas[index],
                view.plural("%(n)s station", "%(n)s stations", int(sizes[index])),
            )
        )
    hint = view._("The same square for each area, in steps of two percent, each with shades of its own.")
    yield Markup('<h2>{}</h2><p class="hint">{} {}</p><div class="clouds">{}</div>').format(
        view._("Turnout and share by area"),
        hint,
        view.say(
            "Shown: %(shown)s of %(areas)s areas, those with most stations, each with at least %(least)s.",
            shown=view.n(len(shown)),
            areas=view.n(len(areas)),
            least=view.n(LEAST_IN_CLOUD),
        ),
        Markup("\n").join(pictures),
    )


def _reads(view: Speaks, outcome: Outcome | AreaOutcome) -> str:
    if outcome.stands_out:
        return view._("stands out")
    if outcome.adjusted_p is None:
        return view._("a description")
    return view._("does not stand out")


def _tests(view: Speaks, found: Battery, names: dict[str, str]) -> Iterator[Markup]:
    runner_up = found.stations.runner_up
    second = (
        view.say("In second place: %(option)s.", option=names.get(runner_up, runner_up))
        if runner_up is not None
        else Markup()
    )
    family = view.say(
        "All %(n)s p-values, of every test and area, are adjusted together after Holm: in an election without anything "
        "out "
        "of the ordinary, any figure at all stands out with a probability of at most one in a hundred. A description "
        "has "
        "no level that holds in every clean election.",
        n=view.n(found.family),
    )
    placebo = view.say(
        "Placebos are the same test where nothing was done: the same stations counted once more by chance (seed "
        "%(seed)s), "
        "the option in second place, and the stations which that option won.",
        seed=str(found.seed),
    )
    kinds = [kind for kind in PLACEBOS if kind == "redrawn" or runner_up is not None]
    heads = Markup().join(
        Markup('<th scope="col">{}').format(text)
        for text in (
            view._("test"),
            view._("what was measured"),
            view._("p, adjusted"),
            *(view.say("placebo: %(kind)s", kind=view._(PLACEBOS[kind])) for kind in kinds),
        )
    )
    rows = []
    for outcome in found.outcomes:
        if outcome.answer.result is None:
            continue
        text = TEXTS[outcome.test.key]
        placebos = Markup().join(
            Markup('<td class="nowrap">{}').format(
                short_figure(view, outcome.placebos[kind]) or "\N{EN DASH}"
                if kind in outcome.placebos
                else "\N{EN DASH}"
            )
            for kind in kinds
        )
        rows.append(
            Markup(
                '<tr><th scope="row">{}<span class="under">{}</span><td class="said"><b>{}</b> {}<details><summary>{}'
                '</summary><p>{}</p><p>{}</p></details><td class="nowrap">{}{}'
            ).format(
                view._(text.title),
                _reads(view, outcome),
                short_figure(view, outcome.answer),
                sentence(view, outcome),
                view._("What else could give the same picture:").rstrip(":"),
                view._(text.innocent),
                text.source,
                p_text(view, outcome.adjusted_p) or "\N{EN DASH}",
                placebos,
            )
        )
    yield Markup(
        '<h2>{}</h2><p>{}</p><p class="hint">{} {}</p><div class="wide" role="region" tabindex="0" '
        'aria-label="{}"><table '
        'class="tests"><thead><tr>{}<tbody>{}</table></div>'
    ).format(view._("All tests"), family, placebo, second, view._("All tests"), heads, Markup("\n").join(rows))


def _by_area(view: Speaks, found: Battery, areas: Sequence[str]) -> Iterator[Markup]:
    if not found.areas:
        return
    shown = dict(zip(found.stations.area_names, areas, strict=True))
    keys = list(dict.fromkeys(o.test for o in found.areas))
    by_area: dict[str, dict[str, AreaOutcome]] = {}
    for outcome in found.areas:
        by_area.setdefault(outcome.area, {})[outcome.test] = outcome
    sizes = (
        np.bincount(found.stations.area, minlength=len(areas))
        if found.stations.area is not None
        else np.zeros(len(areas))
    )
    heads = Markup().join(
        Markup('<th scope="col">{}').format(text)
        for text in (view._("area"), view._("stations"), *(view._(TEXTS[key].title) for key in keys))
    )
    rows = []
    for index, (area, outcomes) in enumerate(by_area.items()):
        cells = Markup().join(_area_cell(view, outcomes[key]) for key in keys)
        rows.append(
            Markup('<tr><th scope="row">{}<td>{}{}').format(shown.get(area, area), view.n(int(sizes[index])), cells)
        )
    yield Markup(
        '<h2>{}</h2><p class="hint">{}</p><div class="wide" role="region" tabindex="0" aria-label="{}"><table '
        'class="sort '
        'filter"><thead><tr>{}<tbody>{}</table></div>'
    ).format(
        view._("By area"),
        view._(
            "With the adjusted p below, where the test has one. Bold: stands out, which for whole percentages also "
            "takes z = 4. A dash: too few stations, or no answer for another reason."
        ),
        view._("By area"),
        heads,
        Markup("\n").join(rows),
    )


def _area_cell(view: Speaks, outcome: AreaOutcome) -> Markup:
    if outcome.answer.result is None:
        return Markup("<td>\N{EN DASH}")
    figure = short_figure(view, outcome.answer)
    if outcome.test not in LEVELS:
        return Markup("<td>{}").format(figure)
    mark = Markup("<b>{}</b>").format(figure) if outcome.stands_out else figure
    under = view.say("p, adjusted: %(p)s", p=p_text(view, outcome.adjusted_p))
    return Markup('<td>{}<span class="under">{}</span>').format(mark, under)


def _refused(view: Speaks, found: Battery) -> Iterator[Markup]:
    refused = [o for o in found.outcomes if o.answer.result is None]
    if refused:
        items = Markup().join(
            Markup("<li><b>{}</b>: {}").format(view._(TEXTS[o.test.key].title), refusal(view, o.answer))
            for o in refused
        )
        yield Markup("<h2>{}</h2><ul>{}</ul>").format(view._("Tests without an answer"), items)


class _Speech:
    """A language without a publication around it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.numbers = catalogue.numbers
        self._messages = catalogue.messages

    def _(self, text: str) -> str:
        return self._messages.gettext(text)

    def n(self, value: int) -> str:
        return self.numbers.whole(value)

    def say(self, _text: str, **values: object) -> Markup:
        return Markup(self._messages.gettext(_text)) % values  # noqa: S704 - our own text; values are escaped by %

    def plural(self, _one: str, _many: str, count: int, **values: object) -> Markup:
        text = Markup(self._messages.ngettext(_one, _many, count))  # noqa: S704 - as above
        return text % {"n": self.n(count), **values}


def standalone(found: Battery, title: str, language: str = "en") -> bytes:
    """One self-contained page about one table: no other file, no script, nothing asked of anybody."""
    catalogue = load_catalogue(language)
    view = _Speech(catalogue)
    table = found.stations
    used = view.say("Tested: %(option)s, in %(used)s stations.", option=table.leader_name, used=view.n(table.size))
    body = Markup("\n").join(_body(view, found, combs_of(table), table.area_names, {}))
    return (
        Markup(
            '<!doctype html>\n<html lang="{}" dir="{}">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" '
            'content="width=device-width, initial-scale=1">\n<meta http-equiv="Content-Security-Policy" '
            "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n<title>{}</title>\n<link "
            'rel="icon" '
            'href="data:,">\n<style>{}</style>\n</head>\n<body>\n<main>\n<h1>{}</h1>\n<p '
            'class="lede">{}</p>\n<p>{}</p>\n{}\n'
            "</main>\n</body>\n</html>\n"
        )
        .format(
            catalogue.language,
            catalogue.direction,
            title,
            Markup(asset("site.css")),  # noqa: S704 - our own style sheet
            title,
            view._(_LEDE),
            used,
            body,
        )
        .encode()
    )
