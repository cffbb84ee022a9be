"""The start page and one page per area."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from counterfoil.election.definition import Severity
from counterfoil.publish.pages.blocks import (
    MAX_FINDINGS,
    announced_text,
    area_statements,
    chart,
    children_table,
    counted_text,
    coverage_picture,
    finding_items,
)
from counterfoil.publish.pages.follows import statements
from counterfoil.publish.pages.view import N_, Page, View
from counterfoil.tally.results import AreaTotal, ContestTally

NOTICES = {
    "announced": N_("announced"),
    "corrected": N_("corrected"),
    "froze": N_("froze"),
    "stopped": N_("stopped"),
    "explained": N_("explained"),
}


def start_page(view: View) -> tuple[str, bytes]:
    """`index.html`."""
    page = Page(view, "index.html", view._("Start"))
    contests = []
    for tally in view.plan.tallies:
        total = tally.area(view.plan.root)
        contests.append(
            _block(view, tally, total, page)
            | {
                "announced": announced_text(view, tally, total),
                "statements": statements(view, tally, page),
                "contradicted": any(f.severity is Severity.CONTRADICTION and not f.single for f in tally.findings),
            }
        )
    notices = [
        {
            "batch": notice.batch,
            "entry": notice.entry,
            "kind": view._(NOTICES.get(notice.kind, notice.kind)),
            "text": view.pick(notice.text),
        }
        for notice in reversed(view.plan.replay.notices)
    ]
    return view.render("index.html", page, contests=contests, notices=notices)


def area_pages(view: View) -> Iterator[tuple[str, bytes]]:
    """`areas/<area>.html`, root first."""
    here = [_findings_by_area(tally) for tally in view.plan.tallies]
    root_page = view.plan.areas[view.plan.root].page
    stations: list[str] = view.plan.tallies[0].stations["station"].to_list() if view.plan.tallies else []
    for node in view.plan.areas.values():
        page = Page(view, node.page, node.name, section=root_page)
        contests = []
        for tally, by_area in zip(view.plan.tallies, here, strict=True):
            total = tally.area(node.id)
            found = by_area.get(node.id, [])
            contests.append(
                _block(view, tally, total, page)
                | {
                    "statements": area_statements(view, tally, total),
                    "findings": finding_items(view, tally, found, page),
                    "more_findings": len(found) > MAX_FINDINGS,
                }
            )
        ranges = [
            (path, stations[rows[0]], stations[rows[-1]])
            for path, rows in zip(node.station_pages, view.plan.pages_of(node), strict=True)
        ]
        above = view.plan.path_to(node.id)[:-1]
        yield view.render("area.html", page, node=node, above=above, contests=contests, station_pages=ranges)


def _block(view: View, tally: ContestTally, total: AreaTotal, page: Page) -> dict[str, Any]:
    return {
        "title": view.pick(tally.contest.title),
        "total": total,
        "counted": counted_text(view, tally.contest, total),
        "coverage": coverage_picture(view, total.numbers),
        "chart": chart(view, tally.contest, total),
        "children": children_table(view, tally, total.area, page),
    }


def _findings_by_area(tally: ContestTally) -> dict[str, list[int]]:
    """Aggregate findings by the area they speak of."""
    found: dict[str, list[int]] = {}
    for i, finding in enumerate(tally.findings):
        if not finding.single:
            found.setdefault(finding.area, []).append(i)
    return found
