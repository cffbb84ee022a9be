"""What stands in each table of `data/`: every column with its type and meaning. `docs/data-files.md` is made from this.

Rules for those who change it: a column is never dropped and never renamed, new ones come last (before the columns that
depend on the election); a test pins the lists.

A column that depends on the election is written once with a placeholder: `votes.<option>`, `field.<field>`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str
    """`string`, `integer`, `number` or `boolean`, as Frictionless Table Schema names them."""
    description: str
    free_text: bool = False
    """Written by people: guarded against formulas in CSV."""


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    title: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    """Columns that name a row."""

    def describe(self, name: str) -> Column:
        """The column `name` of a written file; `votes.ada` is described by `votes.<option>`."""
        exact = next((c for c in self.columns if c.name == name), None)
        if exact is not None:
            return exact
        for column in self.columns:
            before, bracket, _rest = column.name.partition("<")
            if bracket and name.startswith(before) and column.name.endswith(".state") == name.endswith(".state"):
                return Column(name, column.type, column.description)
        raise KeyError(name)

    @property
    def free_text(self) -> frozenset[str]:
        return frozenset(c.name for c in self.columns if c.free_text)


def _s(name: str, description: str, *, free_text: bool = False) -> Column:
    return Column(name, "string", description, free_text)


def _i(name: str, description: str) -> Column:
    return Column(name, "integer", description)


def _b(name: str, description: str) -> Column:
    return Column(name, "boolean", description)


_CONTEST = _s("contest", "Id of the contest.")
_STATION = _s("station", "Id of the polling station, as the source writes it (a code, never a number).")
_AREA = _s("area", "Id of the area; of a station, its lowest area.")
_NAME = _s("name", "Name, as the source writes it.", free_text=True)
_OPTION = _s("option", "Id of what could be voted for.")
_SNAPSHOT = _s("snapshot", "Official snapshot: what the authority had announced at one time.")
_SIX = (
    _i("expected", "Stations that must sign a protocol here; some may not be on the list."),
    _i("received", "... of which at least one copy or a table's figures came in."),
    _i("read", "... of which somebody, a program or a table states figures."),
    _i("confirmed", "... of which figures are accepted: these, and only these, are in the sums."),
    _i("disputed", "... of which copies differ and nobody has decided; they are in no sum."),
    _i("compared", "... of the confirmed, those for which the official snapshot has figures of the same station."),
)
_REGISTERED_BOTH = (
    _i("registered_counted", "Registered voters of the confirmed stations; empty unless every one states it."),
    _i("registered", "Registered voters of all stations here, announced or added up; empty if unknown."),
)

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        Table(
            "stations",
            "Polling stations, as listed",
            (
                _STATION,
                _AREA,
                _NAME,
                _s("kind", "Area type of the station (village, city, embassy).", free_text=True),
                _i("registered", "Registered voters; empty if unknown."),
                Column("latitude", "number", "Degrees north; empty if unknown."),
                Column("longitude", "number", "Degrees east; empty if unknown."),
                _s("replaced_by", "Station it was merged into or renumbered to; then it is not expected any more."),
                _s("stratum", "Stratum of a declared sample.", free_text=True),
                _s("cluster", "Cluster of a declared sample.", free_text=True),
            ),
            ("station",),
        ),
        Table(
            "results_wide",
            "One row per contest and listed station: what is known, and what stands behind it",
            (
                _CONTEST,
                _STATION,
                _AREA,
                _NAME,
                _s("kind", "Area type of the station.", free_text=True),
                _i("registered", "Registered voters of the stations table; empty if unknown."),
                _s("state", "missing, received, read, confirmed or disputed."),
                _s("basis", "What the count rests on: table, readings or decision; empty if there is none."),
                _i("copies", "Number of copies of the protocol."),
                _s("entries", "Indexes of the record's entries behind the count, separated by spaces."),
                _s("comparison", "Class against the official snapshot; see the methods."),
                _i("difference", "Sum of absolute differences over the options that both sides state."),
                _i("base", "Votes of the options that make up the base; empty if not confirmed."),
                _i("votes.<option>", "Votes as they enter the sums; empty if unknown or not confirmed."),
                _i("official.<option>", "Votes the authority announced for this station; empty if it did not."),
                _i("field.<field>", "The number in this box of the protocol; empty if it holds none."),
                _s("field.<field>.state", "number, empty, struck, word, illegible or absent: what the box holds."),
            ),
            ("contest", "station"),
        ),
        Table(
            "results_long",
            "One row per contest, station and box of the form, for stations of which anything is known",
            (
                _CONTEST,
                _STATION,
                _AREA,
                _s("field", "Box of the protocol."),
                _s("option", "The option whose votes stand in that box; empty for totals and other boxes."),
                _i("value", "The number in the box; empty if it holds none."),
                _s("value_state", "number, empty, struck, word, illegible or absent: what the box holds."),
                _i("votes", "What enters the sums for the option; empty if unknown or not confirmed."),
                _i("official", "What the authority announced for the option at this station; empty if it did not."),
                _s("state", "State of the station: missing, received, read, confirmed or disputed."),
            ),
            ("contest", "station", "field", "option"),
        ),
        Table(
            "copies",
            "Copies of protocols; withdrawn ones are not listed",
            (
                _s("copy", "Salted commitment that names the copy."),
                _STATION,
                _s("form", "Form of the protocol."),
                _i("page", "Page of the form."),
                _s("kind", "Kind of copy (wall, agent, authority).", free_text=True),
                _i("persons", "Number of different persons who read it."),
                _i("machines", "Number of different programs that read it."),
                _s("released", "SHA-256 of the masked picture, if it is public."),
                _i("entry", "Index of the entry in the record."),
            ),
            ("copy",),
        ),
        Table(
            "comparison",
            "One row per contest and listed station: our figures against the official snapshot",
            (
                _CONTEST,
                _SNAPSHOT,
                _STATION,
                _AREA,
                _s("state", "State of our count: missing, received, read, confirmed or disputed."),
                _s(
                    "comparison",
                    "equal, within_tolerance, digits_transposed, columns_swapped, different, "
                    "official_missing, ours_missing, official_changed or disputed.",
                ),
                _i("difference", "Sum of absolute differences over the options that both sides state."),
            ),
            ("contest", "station"),
        ),
        Table(
            "coverage",
            "How much is in, by area and by area type",
            (
                _CONTEST,
                _s("group", "area or kind (area type of the stations)."),
                _s("id", "Id of the area, or the area type.", free_text=True),
                _NAME,
                *_SIX,
                *_REGISTERED_BOTH,
            ),
            ("contest", "group", "id"),
        ),
        Table(
            "areas",
            "One row per contest, area and option: votes with base, coverage and bounds",
            (
                _CONTEST,
                _AREA,
                _s("parent", "Area it lies in; empty for the country."),
                _NAME,
                _s("kind", "Level of the area (country, region, district).", free_text=True),
                _s("deadline", "Legal deadline of a complaint here, if one is known."),
                *_SIX,
                *_REGISTERED_BOTH,
                _OPTION,
                _i("votes", "Votes in the confirmed stations that state them."),
                _i("stations", "Confirmed stations that state votes for this option."),
                _s("base_kind", "What shares are shares of: valid, ballots_cast or registered."),
                _i("base", "Base votes of the confirmed stations."),
                _s("counted_share", "votes / base, 6 decimals: of the ballots counted so far, not of the area."),
                _s("bias", "Which way the counted stations may differ: none (all are in), unknown, too_high, too_low."),
                _i("total", "Base of the whole area, announced or bounded by the register; empty if unknown."),
                _s("total_source", "official or register: where `total` comes from."),
                _i("upper_votes", "Votes if everything not counted went to this option."),
                _s("lower_share", "votes / total, 6 decimals: if nothing that is not counted went to it."),
                _s("upper_share", "upper_votes / total, 6 decimals."),
                _i("official", "Votes the authority announced for the area; empty if it did not."),
            ),
            ("contest", "area", "option"),
        ),
        Table(
            "findings",
            "Statements that follow from the record",
            (
                _i("finding", "Number within this publication, from 0."),
                _s("key", "Stable name, used in links."),
                _CONTEST,
                _s("code", "The rule; the methods have a page for each."),
                _s("severity", "note (unusual), check (somebody should look) or contradiction (can't all be true)."),
                _s("area", "Area, or the station of a single-station finding."),
                _b("single", "Whether it is about one station."),
                _OPTION,
                _i("value", "The left of the two figures whose comparison is the finding."),
                _i("threshold", "The right one."),
                _i("excess", "value - threshold."),
                _i("stations", "Stations behind it, after the plausibility gate."),
                _i("gated_out", "Stations that the gate removed."),
                _i("flip_set_size", "Smallest number of stations whose removal reverses it; empty where not defined."),
                _SNAPSHOT,
                _s("numbers", "Further figures of the rule, as JSON."),
                _s("entries", "Entries of the record it rests on, separated by spaces."),
            ),
            ("finding",),
        ),
        Table(
            "finding_stations",
            "The stations behind each finding",
            (
                _i("finding", "Number of the finding."),
                _s("code", "Its rule."),
                _CONTEST,
                _STATION,
                _i("value", "The station's figure."),
                _i("threshold", "What it is compared with."),
                _b("gated_out", "Whether the plausibility gate removed it."),
                _b("in_flip_set", "Whether it is in the smallest set whose removal reverses the finding."),
            ),
        ),
        Table(
            "changes",
            "Published rows that were added, removed or changed since the checkpoint before",
            (
                _i("previous_size", "Number of entries of the record then."),
                _CONTEST,
                _STATION,
                _s("change", "added, removed or changed."),
                _s("columns", "Which columns changed, separated by commas."),
            ),
        ),
        Table(
            "official",
            "What the authority announced, every snapshot",
            (
                _CONTEST,
                _SNAPSHOT,
                _s("announced_at", "When it was announced."),
                _s("source", "Who published it.", free_text=True),
                _s("unit", "area or station."),
                _s("id", "Id of the area or station."),
                _s("item", "Option, field, registered, ballots_cast, valid, invalid or others."),
                _i("value", "The announced figure; empty for a remark."),
                _s("remark", "What is no whole number, as announced; never computed with.", free_text=True),
                _i("entry", "Index of the entry in the record."),
            ),
        ),
        Table(
            "reports",
            "Voters' reports of their own ballots, per station",
            (
                _CONTEST,
                _s("station", "Empty in remainder rows: the sum of cells too small to be shown."),
                _AREA,
                _OPTION,
                _i("reports", "Number of verified reports."),
                _i("entry", "Index of the entry in the record."),
            ),
        ),
        Table(
            "estimates",
            "What the whole probably is, only from a probability sample declared beforehand; else why not",
            (
                _CONTEST,
                _s("refused", "Code of the refusal, if there can be no estimate; then the figures are empty."),
                _s("reason", "The refusal as a sentence.", free_text=True),
                _s("design", "simple, stratified or clustered."),
                _i("frame_stations", "Stations that the sample was drawn from."),
                _i("drawn", "Stations drawn."),
                _i("received", "... of which a count is confirmed."),
                _s("confidence", "Confidence of the interval, as a decimal."),
                _OPTION,
                _s("base_kind", "What shares are shares of: valid, ballots_cast or registered."),
                _s("share", "Estimated share in the whole, 6 decimals."),
                _s("low", "Lower end of the interval, 6 decimals."),
                _s("high", "Upper end of the interval, 6 decimals."),
                _s("standard_error", "Standard error of the share, 6 decimals."),
                _s("design_effect", "Variance over that of a simple sample of as many stations, 6 decimals."),
            ),
            ("contest", "option"),
        ),
    )
}
