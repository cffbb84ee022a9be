"""Stations: a section of a page each, written by a lean string writer over columns.

A country has up to a million of them, so no template is rendered per cell and end tags that HTML lets out are left
out. Each section says: state, figures or what stands in the box instead, the announced figure beside it, voters'
reports, checks that do not hold with formula, both sides and difference, copies, and the entries of the record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import polars as pl
from markupsafe import Markup

from counterfoil.election.definition import Contest
from counterfoil.primitives.cells import STATE_SUFFIX
from counterfoil.publish.pages.plan import Area
from counterfoil.publish.pages.rules import rule_of
from counterfoil.publish.pages.sentences import COMPARISONS
from counterfoil.publish.pages.view import N_, Page, View
from counterfoil.record.layout import copy_path
from counterfoil.tally.results import ContestTally, Finding

STATES = {
    "missing": N_("Missing"),
    "received": N_("Received"),
    "read": N_("Read"),
    "confirmed": N_("Confirmed"),
    "disputed": N_("Disputed"),
}
"""Of one station; with a capital, because many languages write it otherwise than the numbers of stations."""
CELL_STATES = {
    "empty": N_("empty"),
    "struck": N_("struck out"),
    "word": N_("a word"),
    "illegible": N_("illegible"),
    "absent": N_("not stated"),
}
BASES = {
    "table": N_("figures from a table"),
    "readings": N_("readings that agree"),
    "decision": N_("a decision"),
}
_WITHOUT_FIGURES = ("missing", "received")
MAX_ENTRIES = 12
"""Links per station; a station with more shows the first ones and their number."""


def station_pages(view: View) -> Iterator[tuple[str, bytes]]:
    """`stations/<area>.html`, `stations/<area>-2.html`..."""
    if not view.plan.tallies:
        return
    writer = _Writer(view)
    root_page = view.plan.areas[view.plan.root].page
    for node in view.plan.areas.values():
        parts = [(path, number) for number, path in enumerate(node.station_pages, 1)]
        for (path, _), rows in zip(parts, view.plan.pages_of(node), strict=True):
            page = Page(view, path, view._("Stations of %(area)s") % {"area": node.name}, section=root_page)
            yield view.render(
                "stations.html",
                page,
                above=view.plan.path_to(node.id),
                parts=parts,
                hint=writer.hint,
                body=Markup(writer.sections(page, node, rows)),  # noqa: S704 - the writer escapes every text
            )


@dataclass(frozen=True, slots=True)
class _Line:
    """One row of the tables of a form: its label and its columns."""

    head: str
    values: Sequence[int | None]
    states: Sequence[str]
    official: Sequence[int | None] | None
    reports: dict[str, int]


class _Sheet:
    """Everything the sections need of one form: columns as lists."""

    def __init__(self, view: View, tallies: Sequence[ContestTally]) -> None:
        tally = tallies[0]
        frame = tally.stations
        self.title = ", ".join(view.pick(t.contest.title) for t in tallies)
        self.state: list[str] = frame["state"].cast(pl.String).to_list()
        self.basis: list[str | None] = frame["basis"].cast(pl.String).to_list()
        self.copies: list[int] = frame["copies"].to_list()
        self.entries: list[list[int]] = frame["entries"].to_list()
        self.comparison: list[str | None] = frame["comparison"].cast(pl.String).to_list()
        self.with_official = any(t.stations[f"official.{o.id}"].count() for t in tallies for o in t.contest.options)
        self.with_reports = any(t.contest.id in view.plan.replay.reports for t in tallies)
        form = view.election.form(tally.contest.form)
        self.lines = [self._line(view, f, tallies) for f in form.fields]
        self.findings = _station_findings(view, tallies)

    def _line(self, view: View, field: Any, tallies: Sequence[ContestTally]) -> _Line:
        owner: Contest = tallies[0].contest
        official: Sequence[int | None] | None = None
        reports: dict[str, int] = {}
        for tally in tallies:
            for option in tally.contest.options:
                if option.field == field.id:
                    owner = tally.contest
                    column = tally.stations[f"official.{option.id}"]
                    official = column.to_list() if column.count() else None
                    reports = _reports_of(view, owner, option.id)
        frame = tallies[0].stations
        return _Line(
            f"<tr><th>{escape(view.field_name(field, owner))}",
            frame[field.id].to_list(),
            frame[field.id + STATE_SUFFIX].cast(pl.String).to_list(),
            official,
            reports,
        )


class _Writer:
    """Sections of stations in one language."""

    def __init__(self, view: View) -> None:
        self.view, self.n = view, view.n
        forms: dict[str, list[ContestTally]] = {}
        for tally in view.plan.tallies:
            forms.setdefault(tally.contest.form, []).append(tally)
        self.sheets = [_Sheet(view, tallies) for tallies in forms.values()]
        frame = view.plan.tallies[0].stations
        self.ids: list[str] = frame["station"].to_list()
        self.names: list[str | None] = frame["name"].to_list()
        self.kinds: list[str | None] = frame["kind"].to_list()
        self.registered: list[int | None] = frame["listed_registered"].to_list()
        self.copies = _copies(view)
        # A kind or a name in another script must not pull the number beside it out of its place.
        self.isolated = "<bdi>{}</bdi>" if view.direction == "rtl" else "{}"
        self.state_words = {key: escape(view._(text)) for key, text in STATES.items()}
        self.cell_words = {key: f'<td class="no">{escape(view._(text))}' for key, text in CELL_STATES.items()}
        self.basis_words = {key: escape(view._(text)) for key, text in BASES.items()}
        self.comparison_words = {key: escape(view._(text)) for key, text in COMPARISONS.items()}
        self.word = {
            key: escape(view._(text))
            for key, text in {
                "box": N_("box of the protocol"),
                "ours": N_("protocol"),
                "official": N_("announced"),
                "difference": N_("difference"),
                "reports": N_("reports"),
                "registered": N_("registered voters"),
                "entries": N_("entries"),
                "copies": N_("copies"),
                "rests": N_("rests on"),
                "compared": N_("against the announced snapshot"),
            }.items()
        }
        self.hint = view.say(
            "Per station: what stands on the protocol, and the entries of the record behind it. A dash or a word put "
            "instead "
            "of a figure counts 0 in sums; what is empty, illegible or not stated is unknown."
        )

    def sections(self, page: Page, node: Area, rows: Sequence[int]) -> str:
        """The sections of one page, in the order of `rows`."""
        out: list[str] = []
        links: dict[int, str] = {}
        for row in rows:
            self._section(out, page, row, links)
        return "\n".join(out)

    def _section(self, out: list[str], page: Page, row: int, links: dict[int, str]) -> None:
        station, name, kind, registered = self.ids[row], self.names[row], self.kinds[row], self.registered[row]
        head = f'<section class="s" id="{station}"><h2>{station}'
        if name and name != station:
            head += f" <small>{self.isolated.format(escape(name))}</small>"
        out.append(head + "</h2>")
        facts = []
        if kind:
            facts.append(self.isolated.format(escape(kind)))
        if registered is not None:
            facts.append(f"{self.n(registered)} {self.word['registered']}")
        for sheet in self.sheets:
            state = sheet.state[row]
            title = f"<h3>{escape(sheet.title)}</h3>" if len(self.sheets) > 1 else ""
            mark = f'{title}<p><b class="st {state}">{self.state_words[state]}</b>'
            basis = sheet.basis[row]
            here = list(facts)
            if basis:
                here.append(f"{self.word['rests']} {self.basis_words.get(basis, basis)}")
            comparison = sheet.comparison[row]
            if comparison and sheet.with_official:
                here.append(f"{self.word['compared']}: {self.comparison_words.get(comparison, comparison)}")
            entries = sheet.entries[row]
            if entries:
                here.append(f"{self.word['entries']} {self._entries(page, entries, links)}")
            copies = self.copies.get(station)
            if copies:
                here.append(f"{self.word['copies']} " + " ".join(copies).replace("{root}", page.root))
            out.append(" · ".join([mark, *here]))
            self._table(out, sheet, row, station)
            found = sheet.findings.get(station)
            if found:
                out.append(f'<ul class="broken"><li>{"<li>".join(found).replace("{home}", page.home)}</ul>')
        out.append("</section>")

    def _entries(self, page: Page, entries: Sequence[int], links: dict[int, str]) -> str:
        shown = []
        for index in entries[:MAX_ENTRIES]:
            link = links.get(index)
            if link is None:
                link = links[index] = f'<a href="{page.entry(index)}">{self.n(index)}</a>'
            shown.append(link)
        more = f" … ({self.n(len(entries))})" if len(entries) > MAX_ENTRIES else ""
        return " ".join(shown) + more

    def _table(self, out: list[str], sheet: _Sheet, row: int, station: str) -> None:
        official = sheet.with_official and any(f.official and f.official[row] is not None for f in sheet.lines)
        reports = sheet.with_reports and any(station in f.reports for f in sheet.lines)
        if sheet.state[row] in _WITHOUT_FIGURES:
            self._beside(out, sheet, row, station, official=official, reports=reports)
            return
        n, words, w = self.n, self.cell_words, self.word
        parts = [f"<table><tr><th>{w['box']}<th>{w['ours']}"]
        if official:
            parts.append(f"<th>{w['official']}<th>{w['difference']}")
        if reports:
            parts.append(f"<th>{w['reports']}")
        for line in sheet.lines:
            value = line.values[row]
            parts.append(line.head)
            parts.append(words[line.states[row]] if value is None else f"<td>{n(value)}")
            if official:
                told = line.official[row] if line.official else None
                parts.append("<td>" if told is None else f"<td>{n(told)}")
                parts.append("<td>" if told is None or value is None else f"<td>{n(value - told)}")
            if reports:
                count = line.reports.get(station)
                parts.append("<td>" if count is None else f"<td>{n(count)}")
        parts.append("</table>")
        out.append("".join(parts))

    def _beside(self, out: list[str], sheet: _Sheet, row: int, station: str, *, official: bool, reports: bool) -> None:
        """Of a station without a reading: only what others say of it, never an empty column of our own."""
        if not (official or reports):
            return
        n, w = self.n, self.word
        parts = [f"<table><tr><th>{w['box']}", f"<th>{w['official']}" * official, f"<th>{w['reports']}" * reports]
        for line in sheet.lines:
            told = line.official[row] if line.official else None
            count = line.reports.get(station)
            if told is None and count is None:
                continue
            parts.append(line.head)
            if official:
                parts.append("<td>" if told is None else f"<td>{n(told)}")
            if reports:
                parts.append("<td>" if count is None else f"<td>{n(count)}")
        parts.append("</table>")
        out.append("".join(parts))


def _reports_of(view: View, contest: Contest, option: str) -> dict[str, int]:
    frame = view.plan.replay.reports.get(contest.id)
    if frame is None:
        return {}
    mine = frame.filter((pl.col("option") == option) & pl.col("station").is_not_null())
    return dict(mine.group_by("station").agg(pl.col("reports").sum()).iter_rows())


def _copies(view: View) -> dict[str, list[str]]:
    """Links to the copies of each station: the released picture where there is one, else the entry."""
    found: dict[str, list[str]] = {}
    releases = view.plan.replay.releases
    for entry, copy, station, page, kind in view.plan.replay.copies.select(
        "entry", "copy", "station", "page", "kind"
    ).iter_rows():
        label = f"{escape(kind)} {view.n(page)}"
        href = copy_path(releases[copy]) if copy in releases else view.plan.entry_path(entry)
        found.setdefault(station, []).append(f'<a href="{{root}}{href}">{label}</a>')
    return found


def _station_findings(view: View, tallies: Sequence[ContestTally]) -> dict[str, list[str]]:
    """What single-station findings, and reports above the protocol, say about each station.

    A station of an aggregate finding is in the one of its country and of each area above it: it is told once.
    """
    found: dict[str, list[str]] = {}
    told: set[tuple[str, str, str | None]] = set()
    for tally in tallies:
        for f in tally.findings:
            if f.single:
                text = _line_text(view, tally, f, f.value, f.threshold, dict(f.numbers).get("rule", ""))
                explanation = view.check_text(tally.contest, f)
                if explanation:
                    text += f". {escape(explanation)}"
                found.setdefault(f.area, []).append(text)
        rows = tally.finding_stations.filter(pl.col("threshold").is_not_null() & pl.col("value").is_not_null())
        for index, station, value, threshold, gated in rows.select(
            "finding", "station", "value", "threshold", "gated_out"
        ).iter_rows():
            f = tally.findings[index]
            if f.single or (station, f.code, f.option) in told:
                continue
            told.add((station, f.code, f.option))
            text = _line_text(view, tally, f, value, threshold, "")
            if gated:
                gate = view._("Taken out by the plausibility gate: check the assignment first.")
                text += f" {escape(gate)}"
            link = view.plan.finding_link(tally.contest.id, index)
            text += f' <a href="{{home}}{link}">{escape(view.area_name(f.area))}</a>'
            found.setdefault(station, []).append(text)
    return found


def _line_text(
    view: View, tally: ContestTally, f: Finding, value: int | None, threshold: int | None, formula: str
) -> str:
    rule = rule_of(f.code)
    text = f'<a href="{{home}}method.html#{f.code}">{escape(view._(rule.title))}</a>'
    if f.option:
        text += f", {escape(view.option_name(tally.contest.option(f.option)))}"
    if formula:
        text += f": <code>{escape(formula)}</code>"
    if value is None or threshold is None:
        return text
    figures = view.say(
        "%(value_name)s %(value)s, %(threshold_name)s %(threshold)s, difference %(difference)s",
        value_name=view._(rule.value),
        value=view.n(value),
        threshold_name=view._(rule.threshold),
        threshold=view.n(threshold),
        difference=view.n(value - threshold),
    )
    return f"{text}: {figures!s}"
