"""The press sheet: per announced figure one picture and one paragraph, with base and coverage burnt in, so that neither
can be quoted bare.

The picture is a stand-alone SVG of 1200 x 675 units. Lines are broken by an estimate of the width of letters, on the
safe side, since no font is at hand when it is drawn.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from html import escape

from markupsafe import Markup

from counterfoil.election.definition import Severity
from counterfoil.publish.pages.finding_texts import finding_text
from counterfoil.publish.pages.sentences import base_name, bounds_text, coverage_text, remainder_text, tellable
from counterfoil.publish.pages.view import Page, View
from counterfoil.tally.results import AreaTotal, ContestTally, OptionTotal

MOST = 500
"""Announced figures that get a picture, from the root of the tree down."""
WIDTH, HEIGHT, EDGE = 1200, 675, 60
_LETTER = 0.54
"""Width of a letter in ems: DejaVu Sans, the widest common fallback font, averages 0.53 on running text."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """An announced figure with everything that is said about it."""

    tally: ContestTally
    total: AreaTotal
    option: OptionTotal
    path: str
    paragraph: Markup


def press_pages(view: View) -> Iterator[tuple[str, bytes]]:
    """`press.html` and `press/<contest>-<area>-<option>.svg`."""
    page = Page(view, "press.html", view._("Press sheet"))
    sheets = list(_sheets(view))
    for sheet in sheets:
        yield view.tongue.folder + sheet.path, _picture(view, sheet).encode()
    lede = view._(
        "One picture and one paragraph for every announced figure. Both carry what the figure is a share of and how "
        "much is "
        "counted: please quote them whole."
    )
    if not sheets:
        body = Markup("<p>{}</p>").format(view._("No announced figure is at hand."))
    else:
        body = Markup("\n").join(_article(view, page, sheet) for sheet in sheets)
    yield view.render("text.html", page, lede=lede, body=body)


def _sheets(view: View) -> Iterator[Sheet]:
    taken: set[str] = set()
    count = 0
    for tally in view.plan.tallies:
        for node in view.plan.below(view.plan.root):
            total = tally.area(node.id)
            for option in total.options:
                if option.official is None:
                    continue
                if count == MOST:
                    return
                stem = f"press/{tally.contest.id}-{node.id}-{option.option}"
                path, number = f"{stem}.svg", 1
                while path.casefold() in taken:
                    number += 1
                    path = f"{stem}~{number}.svg"
                taken.add(path.casefold())
                count += 1
                yield Sheet(tally, total, option, path, paragraph(view, tally, total, option))


def paragraph(view: View, tally: ContestTally, total: AreaTotal, o: OptionTotal) -> Markup:
    """What can be said about one announced figure, ready to be copied."""
    date = tally.snapshot.announced_at if tally.snapshot else ""
    sentences = [
        view.say(
            "%(area)s, %(option)s: announced on %(date)s: %(official)s votes. Counted: %(votes)s votes in the "
            "protocols of "
            "%(coverage)s.",
            area=view.area_name(total.area),
            option=view.option_name(tally.contest.option(o.option)),
            date=date,
            official=view.n(o.official or 0),
            votes=view.n(o.votes),
            coverage=coverage_text(view, o.coverage),
        )
    ]
    proven = [
        f
        for f in tally.findings
        if f.severity is Severity.CONTRADICTION
        and f.code in ("part-exceeds-whole", "bound-excludes-official")
        and (f.area, f.option) == (total.area, o.option)
    ]
    sentences += [finding_text(view, tally, f) for f in proven[:1]]
    if o.total and not proven:
        sentences.append(bounds_text(view, tally.contest, o))
    sentences += [
        remainder_text(view, tally.contest, r)
        for r in tally.remainders
        if (r.area, r.option) == (total.area, o.option) and tellable(r) and not proven
    ]
    return Markup(" ").join(sentences)


def _article(view: View, page: Page, sheet: Sheet) -> Markup:
    o = sheet.option
    heading = view.say(
        "%(area)s, %(option)s",
        area=view.area_name(sheet.total.area),
        option=view.option_name(sheet.tally.contest.option(o.option)),
    )
    return Markup(
        '<article class="press" data-base="{}" data-coverage="{}/{}"><h2>{}</h2><img src="{}{}" width="1200" '
        'height="675" '
        'loading="lazy" alt="{}"><p>{}</p><p class="hint"><a href="{}{}" download>{}</a></p></article>'
    ).format(
        o.base_kind.value,
        o.coverage.stations,
        o.coverage.of_stations,
        heading,
        page.home,
        sheet.path,
        view._("Picture of the paragraph below"),
        sheet.paragraph,
        page.home,
        sheet.path,
        view._("Picture (SVG)"),
    )


def _picture(view: View, sheet: Sheet) -> str:
    o, contest = sheet.option, sheet.tally.contest
    rtl = view.direction == "rtl"
    x = WIDTH - EDGE if rtl else EDGE
    whole = o.total or max(o.votes, o.official or 0, 1)
    span = WIDTH - 2 * EDGE

    def at(votes: int) -> int:
        return max(0, min(span, round(Fraction(votes, whole) * span)))

    upper = at(o.upper_votes) if o.upper_votes is not None else at(o.votes)
    bar = (
        f'<g transform="translate({WIDTH if rtl else 0} 0) scale({-1 if rtl else 1} 1)">'
        f'<rect x="{EDGE}" y="190" width="{span}" height="70" fill="#e4e7ea"/>'
        f'<rect x="{EDGE + at(o.votes)}" y="190" width="{max(0, upper - at(o.votes))}" height="70" fill="#9cc3df"/>'
        f'<rect x="{EDGE}" y="190" width="{at(o.votes)}" height="70" fill="#00527a"/>'
        f'<rect x="{EDGE + at(o.official or 0) - 3}" y="176" width="6" height="98" fill="#b3400e"/></g>'
    )
    scale = (
        view.say("Length of the bar: %(total)s %(kind)s.", total=view.n(o.total), kind=base_name(view, o.base_kind))
        if o.total
        else view.say("Length of the bar: the larger of the two figures. The size of the whole is not known.")
    )
    legend = view._("Dark: counted. Light: may still come. Red line: announced.")
    foot = view.say(
        "%(title)s. Independent count, %(batch)s, record of %(size)s entries, hash %(root)s…",
        title=view.title,
        batch=view.plan.replay.newest_batch,
        size=view.n(view.record.size),
        root=view.record.root.hex()[:16],
    )
    head = f"{view.option_name(contest.option(o.option))} \N{EN DASH} {view.area_name(sheet.total.area)}"
    size = 30
    body = _lines(sheet.paragraph.striptags(), size, span)
    while len(body) * (size + 8) > 250 and size > 14:
        size -= 1
        body = _lines(sheet.paragraph.striptags(), size, span)
    large = next((points for points in range(44, 18, -2) if len(_lines(head, points, span)) == 1), 18)
    text = [(96, large, "bold", head)]
    text.append((150, 26, "normal", f"{view.pick(contest.title)}"))
    text += [
        (304 + 26 * i, 20, "normal", line)
        for i, line in enumerate(_lines(f"{legend} {scale.striptags()}", 20, span)[:2])
    ]
    text += [(376 + (size + 8) * i, size, "normal", line) for i, line in enumerate(body)]
    text += [
        (HEIGHT - 40 + 20 * i, 15, "normal", line) for i, line in enumerate(_lines(foot.striptags(), 15, span)[:2])
    ]
    lines = "\n".join(
        f'<text x="{x}" y="{y}" font-size="{points}" font-weight="{weight}">{escape(line)}</text>'
        for y, points, weight, line in text
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'lang="{view.lang}" direction="{view.direction}" font-family="system-ui, Segoe UI, Roboto, DejaVu Sans, '
        f'sans-serif" '
        f'data-base="{o.base_kind.value}" data-coverage="{o.coverage.stations}/{o.coverage.of_stations}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>{bar}<g fill="#1b1f23">\n{lines}\n</g></svg>\n'
    )


def _lines(text: str, size: int, width: int) -> list[str]:
    """`text` broken at spaces so that no line is wider than `width` at a font of `size`."""
    most = width / size / _LETTER
    lines: list[str] = []
    at = ""
    for word in text.split(" "):
        if at and _width(at) + 1 + _width(word) > most:
            lines.append(at)
            at = word
        else:
            at = f"{at} {word}" if at else word
    return [*lines, at]


def _width(text: str) -> float:
    """In letters of usual width."""
    if text.isascii():
        return len(text)
    return sum(1.8 if unicodedata.east_asian_width(c) in "WF" else 1.0 for c in text)
