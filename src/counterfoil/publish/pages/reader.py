"""`reader.html`: one file to pass on by hand, at most 5 MB, with everything inline.

Always: what is counted, announced and follows; areas and aggregate findings. Of stations only one area, named in the
text: the country if it fits, else the area with most stations that does. In the browser it adds up the stations it
shows and recomputes one inclusion proof, from the very text on the page; without JavaScript it still reads.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from importlib import resources

import polars as pl
from markupsafe import Markup

from counterfoil.publish.pages.blocks import announced_text, chart, counted_text
from counterfoil.publish.pages.coverage import levels
from counterfoil.publish.pages.finding_texts import finding_text
from counterfoil.publish.pages.follows import statements
from counterfoil.publish.pages.rules import SEVERITIES, rule_of
from counterfoil.publish.pages.stations import STATES
from counterfoil.publish.pages.view import Page, View
from counterfoil.tally.results import ContestTally

MAX_BYTES = 5_000_000
_STATION_BYTES = 2_400_000
_AREA_BYTES = 1_000_000
_FINDINGS = 400


def reader_page(view: View) -> tuple[str, bytes]:
    """`reader.html`; budgets are halved until it fits."""
    shrink = 1
    while True:
        path, data = _reader(view, shrink)
        if len(data) <= MAX_BYTES or shrink > 1_000:
            return path, data
        shrink *= 2


def asset(name: str) -> str:
    """A file of the package's `assets/`."""
    return (resources.files("counterfoil.publish.pages") / "assets" / name).read_text("utf-8")


def _reader(view: View, shrink: int) -> tuple[str, bytes]:
    page = Page(view, "reader.html", view.title)
    style, script = asset("site.css"), asset("reader.js")
    csp = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{_sha(style)}'; script-src 'sha256-{_sha(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    contests = [_contest(view, tally, page, shrink) for tally in view.plan.tallies]
    proof = view.record.proof
    return view.render(
        "reader.html",
        page,
        csp=csp,
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        contests=contests,
        proof=proof,
        entry=proof.entry.decode("utf-8") if proof else "",
        hashes=[value.hex() for value in proof.hashes] if proof else [],
        root=view.record.root.hex(),
        checkpoint="\n".join(
            (view.record.origin, str(view.record.size), base64.b64encode(view.record.root).decode("ascii"))
        ),
    )


def _sha(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def chosen_area(view: View, most: int) -> str:
    """The country if it has at most `most` stations, else the area with most stations of those that do."""
    below: dict[str, int] = {}
    for node in reversed(list(view.plan.below(view.plan.root))):
        below[node.id] = len(node.rows) + sum(below[child] for child in node.children)
    fitting = [node.id for node in view.plan.below(view.plan.root) if 0 < below[node.id] <= most]
    return max(fitting, key=lambda area: below[area], default=view.plan.root)


def _contest(view: View, tally: ContestTally, page: Page, shrink: int) -> dict[str, object]:
    options = tally.contest.options
    row_bytes = 90 + 16 * len(options)
    area = chosen_area(view, max(1, _STATION_BYTES // shrink // row_bytes))
    rows = [row for node in view.plan.below(area) for row in node.rows]
    rows = rows[: _STATION_BYTES // shrink // row_bytes + 100]  # only where no area fits at all
    areas = levels(view, max(1, _AREA_BYTES // shrink // row_bytes))
    root, total = tally.area(view.plan.root), tally.area(area)
    complete = len(rows) == sum(len(node.rows) for node in view.plan.below(area))
    return {
        "title": view.pick(tally.contest.title),
        "counted": counted_text(view, tally.contest, root),
        "announced": announced_text(view, tally, root),
        "statements": [s.text for s in statements(view, tally, page)],
        "chart": chart(view, tally.contest, root),
        "options": [view.option_name(o) for o in options],
        "areas": Markup("\n").join(_area_rows(view, tally, areas)),
        "areas_left": len(view.plan.areas) - len(areas),
        "findings": Markup("\n").join(_findings(view, tally, max(10, _FINDINGS // shrink))),
        "singles": _singles(view, tally),
        "area": view.area_name(area),
        "is_root": area == view.plan.root,
        "stations": Markup("\n".join(_station_rows(view, tally, rows))),  # noqa: S704 - escaped cell by cell
        "count": len(rows),
        "sums": [view.n(o.votes) for o in total.options] if complete else [],
    }


def _area_rows(view: View, tally: ContestTally, areas: list[str]) -> Iterator[Markup]:
    for area in areas:
        total = tally.area(area)
        depth = len(view.plan.path_to(area)) - 1
        yield Markup('<tr><th scope="row">{}{}<td>{}<td>{}{}').format(
            "\N{EN DASH} " * depth,
            view.area_name(area),
            view.n(total.numbers.confirmed),
            view.n(total.numbers.expected),
            Markup().join(Markup("<td>{}").format(view.n(o.votes)) for o in total.options),
        )


def _findings(view: View, tally: ContestTally, most: int) -> Iterator[Markup]:
    aggregate = [f for f in tally.findings if not f.single]
    order = list(SEVERITIES)
    for f in sorted(aggregate, key=lambda f: order.index(f.severity))[:most]:
        yield Markup('<li><span class="sev {}">{}</span> <b>{}.</b> {}').format(
            f.severity.value,
            view._(SEVERITIES[f.severity][0]),
            view._(rule_of(f.code).title),
            finding_text(view, tally, f),
        )


def _singles(view: View, tally: ContestTally) -> list[tuple[str, str]]:
    counts: dict[str, int] = {}
    for f in tally.findings:
        if f.single:
            counts[f.code] = counts.get(f.code, 0) + 1
    return [(view._(rule_of(code).title), view.n(count)) for code, count in sorted(counts.items())]


def _station_rows(view: View, tally: ContestTally, rows: list[int]) -> Iterator[str]:
    frame = tally.stations[rows].select("station", "state", *(f"votes.{o.id}" for o in tally.contest.options))
    words = {key: escape(view._(text)) for key, text in STATES.items()}
    n = view.n
    for station, state, *votes in frame.with_columns(pl.col("state").cast(pl.String)).iter_rows():
        cells = "".join("<td>" if v is None else f"<td>{n(v)}" for v in votes)
        yield f'<tr><th scope="row">{station}<td>{words[state]}{cells}'
