"""Where the gaps are: coverage by area and by area type, with bars."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from counterfoil.publish.pages import drawings
from counterfoil.publish.pages.blocks import coverage_picture
from counterfoil.publish.pages.sentences import of_stations
from counterfoil.publish.pages.view import N_, Page, View
from counterfoil.tally.results import ContestTally, StationNumbers

MAX_AREAS = 1_000
"""Rows of the table by area: whole levels of the tree, from the root, as long as they fit."""
SIX = (N_("expected"), N_("received"), N_("read"), N_("confirmed"), N_("disputed"), N_("compared"))


def coverage_page(view: View) -> tuple[str, bytes]:
    """`coverage.html`."""
    page = Page(view, "coverage.html", view._("Coverage"))
    body = Markup().join(_contest(view, tally, page) for tally in view.plan.tallies)
    lede = view._(
        "How many stations there are, how many protocols came in, and where none did. What is missing is not missing "
        "at "
        "random: compare places of the same kind."
    )
    return view.render("text.html", page, lede=lede, body=body)


def _contest(view: View, tally: ContestTally, page: Page) -> Markup:
    kinds = [
        (Markup("{}").format(row["kind"] or view._("not stated")), _numbers(row))
        for row in tally.by_kind.iter_rows(named=True)
    ]
    areas = levels(view, MAX_AREAS)
    by_area = [
        (
            Markup('<a href="{}">{}{}</a>').format(
                page.area(a), "\N{EN DASH} " * (len(view.plan.path_to(a)) - 1), view.area_name(a)
            ),
            tally.area(a).numbers,
        )
        for a in areas
    ]
    parts = [Markup("<section>")]
    if len(view.plan.tallies) > 1:
        parts.append(Markup('<h2 class="of">{}</h2>').format(view.pick(tally.contest.title)))
    root = tally.area(view.plan.root)
    picture = coverage_picture(view, root.numbers)
    parts.append(
        Markup(
            '<figure class="cover" data-base="stations" data-coverage="{}/{}">{}<figcaption>{} {}</figcaption></figure>'
        ).format(picture.confirmed, picture.expected, picture.track, picture.caption, _legend(view))
    )
    listed = tally.stations.height
    if root.numbers.expected > listed:
        parts.append(
            Markup("<p>{}</p>").format(
                view.say(
                    "%(expected)s stations are expected, %(listed)s are listed by name: the others can only be "
                    "counted as missing.",
                    expected=view.n(root.numbers.expected),
                    listed=view.n(listed),
                )
            )
        )
    parts.append(Markup("<h2>{}</h2>").format(view._("By type of place")))
    parts.append(_table(view, view._("type of place"), kinds))
    parts.append(Markup("<h2>{}</h2>").format(view._("By area")))
    if len(areas) < len(view.plan.areas):
        left = len(view.plan.areas) - len(areas)
        parts.append(
            Markup("<p>{}</p>").format(
                view.plural(
                    "%(n)s area further down stands on the page of the area above it and in data/coverage.csv.",
                    "%(n)s areas further down stand on the pages of the areas above them and in data/coverage.csv.",
                    left,
                )
            )
        )
    parts.append(_table(view, view._("area"), by_area))
    parts.append(Markup("</section>"))
    return Markup().join(parts)


def levels(view: View, most: int) -> list[str]:
    """Areas from the root down, in the order of the tree, down to the lowest level that fits into `most` rows."""
    depth = {view.plan.root: 0}
    for node in view.plan.below(view.plan.root):
        for child in node.children:
            depth[child] = depth[node.id] + 1
    allowed = 0
    for level in range(max(depth.values()) + 1):
        if sum(d <= level for d in depth.values()) > most:
            break
        allowed = level
    return [node.id for node in view.plan.below(view.plan.root) if depth[node.id] <= allowed]


def _numbers(row: dict[str, int]) -> StationNumbers:
    return StationNumbers(**{name: row[name] for name in StationNumbers._fields})


def _legend(view: View) -> Markup:
    return Markup(" ").join(
        Markup('<span class="nowrap">{}{}</span>').format(drawings.legend_mark(1, f"k-{name}"), view._(label))
        for name, label in (
            ("confirmed", "confirmed"),
            ("disputed", "disputed"),
            ("read", "read"),
            ("received", "received"),
        )
    )


def _table(view: View, head: str, rows: Iterable[tuple[Markup, StationNumbers]]) -> Markup:
    cells = Markup().join(Markup('<th scope="col">{}').format(view._(name)) for name in SIX)
    lines = Markup("\n").join(
        Markup('<tr><th scope="row">{}<td class="cov">{}<span class="under">{}</span>{}').format(
            name,
            coverage_picture(view, numbers).track,
            of_stations(view, numbers.confirmed, numbers.expected),
            Markup().join(Markup("<td>{}").format(view.n(value)) for value in numbers),
        )
        for name, numbers in rows
    )
    return Markup(
        '<div class="wide" role="region" tabindex="0" aria-label="{}"><table class="sort filter"><thead><tr><th '
        'scope="col">{}'
        '<th scope="col">{}{}<tbody>{}</table></div>'
    ).format(head, head, view._("confirmed, of those expected"), cells, lines)
