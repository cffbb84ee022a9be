"""Where everything stands in the folder: area tree, file names, the page and anchor of each station and finding.

The same for every language, so it is computed once. Rules:

* a station is a section of a page of its lowest area, at most 100 stations a page (`-2`, `-3`...);
* two file names never differ in case alone: a USB stick would keep only one of them;
* an anchor of the layout starts with `__`, which no id may contain, so it cannot meet the id of a station.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from counterfoil.publish.model import Publication
from counterfoil.record.tiles import TILE_WIDTH, bundle_path
from counterfoil.tally.results import ContestTally, Finding

if TYPE_CHECKING:
    from counterfoil.publish.pages.forensics_examine import Examined

STATIONS_A_PAGE = 100
MOST_AGGREGATES = 500
"""Aggregate findings of a contest that are shown one by one; the others stand in the table."""


@dataclass(slots=True, eq=False)
class Area:
    id: str
    name: str
    kind: str
    parent: str | None
    deadline: str | None
    children: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    """Rows of the stations frames that lie directly in it."""
    page: str = ""
    station_pages: list[str] = field(default_factory=list)


class Plan:
    """Areas, pages and anchors of a publication; paths are relative to the folder of a language."""

    def __init__(self, publication: Publication) -> None:
        self.publication = publication
        self.results = publication.results
        self.replay = publication.results.replay
        self.election = self.replay.election
        self.tallies: tuple[ContestTally, ...] = tuple(self.results.contests.values())
        self._taken: set[str] = set()
        self.root: str = self.replay.root_area()
        self.areas = self._areas()
        self.station_page: dict[str, str] = {}
        self._stations()
        self.tables = {table.entry: table for table in self.replay.tables}
        self.finding_anchors: dict[str, list[str]] = {
            tally.contest.id: _anchors(tally.findings) for tally in self.tallies
        }
        self.aggregates: dict[str, list[int]] = {
            tally.contest.id: [i for i, f in enumerate(tally.findings) if not f.single] for tally in self.tallies
        }
        self._shown = {contest: set(found[:MOST_AGGREGATES]) for contest, found in self.aggregates.items()}

    @cached_property
    def examined(self) -> dict[str, Examined]:
        """The forensic tests of each contest, run once for all languages."""
        from counterfoil.publish.pages.forensics_examine import (  # noqa: PLC0415 - seconds of scipy and numba
            examine,
        )

        return {tally.contest.id: examine(tally, self.replay.areas) for tally in self.tallies}

    def _areas(self) -> dict[str, Area]:
        columns = self.replay.areas.select("area", "parent", "name", "kind", "deadline").iter_rows()
        areas = {
            area: Area(area, name or area, kind or "", parent, deadline)
            for area, parent, name, kind, deadline in columns
        }
        areas.setdefault(self.root, Area(self.root, self.root, "", None, None))
        for node in areas.values():
            node.page = self._name("areas", node.id)
            if node.parent is not None and node.parent in areas:
                areas[node.parent].children.append(node.id)
        return areas

    def _stations(self) -> None:
        if not self.tallies:
            return
        frame = self.tallies[0].stations
        for row, area in enumerate(frame["area"]):
            self.areas[area if area in self.areas else self.root].rows.append(row)
        stations = frame["station"].to_list()
        for node in self.areas.values():
            for number, rows in enumerate(self.pages_of(node), 1):
                page = self._name("stations", node.id if number == 1 else f"{node.id}-{number}")
                node.station_pages.append(page)
                for row in rows:
                    self.station_page[stations[row]] = page

    def pages_of(self, node: Area) -> Iterator[Sequence[int]]:
        """The rows of each station page of an area."""
        for start in range(0, len(node.rows), STATIONS_A_PAGE):
            yield node.rows[start : start + STATIONS_A_PAGE]

    def _name(self, folder: str, stem: str) -> str:
        free, number = f"{folder}/{stem}.html", 1
        while free.casefold() in self._taken:
            number += 1
            free = f"{folder}/{stem}~{number}.html"
        self._taken.add(free.casefold())
        return free

    def path_to(self, area: str) -> list[Area]:
        """From the root to `area`, both included."""
        found: list[Area] = []
        at: str | None = area
        while at is not None and at in self.areas and self.areas[at] not in found:
            found.append(self.areas[at])
            at = self.areas[at].parent
        return found[::-1]

    def below(self, area: str) -> Iterator[Area]:
        """`area` and every area below it, parents first."""
        stack = [area]
        while stack:
            node = self.areas[stack.pop()]
            yield node
            stack.extend(reversed(node.children))

    def finding_link(self, contest: str, index: int) -> str:
        """Where an aggregate finding stands on the findings page, or the page where it is not shown by itself."""
        shown = index in self._shown[contest]
        return "findings.html" + (f"#{self.finding_anchors[contest][index]}" if shown else "")

    def finding_shown(self, contest: str, index: int) -> bool:
        """Whether an aggregate finding is shown one by one."""
        return index in self._shown[contest]

    def entry_path(self, index: int) -> str:
        """The bundle of the record that holds entry `index`; one that is not full carries its width."""
        bundle = index // TILE_WIDTH
        width = min(TILE_WIDTH, self.publication.record.size - bundle * TILE_WIDTH)
        return "record/" + bundle_path(bundle, width)


def _anchors(findings: Sequence[Finding]) -> list[str]:
    """One anchor per finding: its key; a key that stands twice gets a number."""
    seen: dict[str, int] = {}
    anchors = []
    for finding in findings:
        count = seen[finding.key] = seen.get(finding.key, 0) + 1
        anchors.append(finding.key if count == 1 else f"{finding.key}-{count}")
    return anchors
