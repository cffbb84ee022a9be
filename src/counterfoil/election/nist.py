"""Import of NIST SP 1500-100 version 2, Election Results Reporting, as JSON (`ElectionResults.ElectionReport`).

* `GpUnit` of type ReportingUnit -> areas and stations. The tree follows `ComposingGpUnitIds`. Stations are the units of
  type precinct, combined-precinct, split-precinct, polling-place or vote-center that hold no other such unit. Electoral
  districts (congressional, school, ...) overlap the territory and are left out of it.
* `Contest` (candidate, party, ballot measure, retention) with its `BallotSelection` -> contests and options.
* `VoteCounts` and `SummaryCounts.BallotsCast`, where there are any -> an official snapshot (the report is what an
  authority says), or readings where the caller says so. `total` counts; where a unit has no total, its parts are added.
  A count that is suppressed for privacy is unknown.

Reference: NIST SP 1500-100r2, JSON schema `NIST_V2_election_results_reporting.json`. Not read: persons, contact
details, offices, devices.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from counterfoil.election.import_folder import (
    ImportedContest,
    ImportedElection,
    ImportedOption,
    ImportResult,
    Rows,
    plain_id,
    safe_id,
    write_import,
)
from counterfoil.primitives.errors import InputError

MAX_JSON_BYTES = 200_000_000
MAKER = "the import of NIST 1500-100"
STATION_TYPES = ("precinct", "combined-precinct", "split-precinct", "polling-place", "vote-center")
DISTRICT_TYPES = (
    "ballot-batch",
    "ballot-style-area",
    "city-council",
    "congressional",
    "county-council",
    "drop-box",
    "judicial",
    "school",
    "special",
    "state-house",
    "state-senate",
    "utility",
    "water",
)
"""Units that overlap the territory or hold no protocol of their own."""
_KINDS = {"CandidateSelection": "candidate", "PartySelection": "list", "BallotMeasureSelection": "answer"}
Json = Mapping[str, Any]


def import_nist(
    file: Path, to: Path, *, country: str | None = None, counts: str = "official", snapshot: str = "report"
) -> ImportResult:
    """Makes the folder `to` from one election report.

    Args:
        file: the JSON file, with one `Election`.
        country: id of the root area; None: the `@id` of the election's scope.
        counts: where counts in the report go: `official`, `readings` (of stations only) or `none`.
        snapshot: name of the official snapshot.

    Raises:
        InputError: not such a report, several elections, a missing key, a unit in two areas, a count that is no whole
            number of 0 or more.
    """
    if counts not in ("official", "readings", "none"):
        raise InputError("counts", expected="official, readings or none", found=repr(counts), code="bad-option")
    return _Import(file, to, country, counts, snapshot).run()


class _Import:
    def __init__(self, file: Path, to: Path, country: str | None, counts: str, snapshot: str) -> None:
        self.name, self.to, self.counts, self.snapshot = file.name, to, counts, snapshot
        self.report = _read(file)
        elections = self.objects(self.report, "Election")
        if len(elections) != 1:
            raise self.bad("one Election", f"{len(elections)}", "several-elections")
        self.election = elections[0]
        self.units = {self.key(unit, "@id"): unit for unit in self.objects(self.report, "GpUnit")}
        self.root = self.key(self.election, "ElectionScopeId")
        if self.root not in self.units:
            raise self.bad("the ElectionScopeId as a GpUnit", repr(self.root), "missing-key")
        self.country = country or plain_id(self.root, where=self.name)
        self.notes: list[str] = []

    def bad(self, expected: str, found: str, code: str) -> InputError:
        return InputError(self.name, expected=expected, found=found, code=code)

    def objects(self, holder: Json, name: str) -> list[Json]:
        found = holder.get(name, [])
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise self.bad(f"a list of objects in {name}", repr(found)[:60], "bad-report")
        return found

    def key(self, holder: Json, name: str) -> str:
        value = holder.get(name)
        if not isinstance(value, str) or not value:
            what = str(holder.get("@type", "an object")).removeprefix("ElectionResults.")
            raise self.bad(f"{name} of {what} {holder.get('@id', '')}".rstrip(), repr(value), "missing-key")
        return value

    def ids(self, holder: Json, name: str) -> list[str]:
        found = holder.get(name, [])
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise self.bad(f"a list of ids in {name}", repr(found)[:60], "bad-report")
        return found

    def run(self) -> ImportResult:
        languages = self.languages()
        made = ImportedElection(
            id=safe_id(self.key(self.election, "Name") if isinstance(self.election.get("Name"), str) else
                       next(iter(self.text(self.election, "Name").values())), "election", where=self.name),
            title=self.text(self.election, "Name"),
            country=self.country,
            date=self.key(self.election, "EndDate"),
            languages=languages,
            source=self.source(),
        )  # fmt: skip
        parents = self.parents()
        stations = self.stations(parents)
        self.territory(made, parents, stations)
        for contest in self.objects(self.election, "Contest"):
            self.contest(made, contest, stations)
        return write_import(made, self.to, MAKER, self.notes)

    def source(self) -> dict[str, str]:
        source = {"name": self.key(self.report, "Issuer"), "note": f"{self.name}, {self.report.get('Status', '')}"}
        return {**source, "published_at": self.announced_at()}

    def announced_at(self) -> str:
        """GeneratedDate in UTC, to the minute."""
        text = self.key(self.report, "GeneratedDate")
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise self.bad("a date and time in GeneratedDate", repr(text), "bad-date") from None
        if moment.tzinfo is None:
            return text[:10]
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")

    def languages(self) -> list[str]:
        name = self.election.get("Name")
        texts = self.objects(name, "Text") if isinstance(name, dict) else []
        return list(dict.fromkeys(self.key(text, "Language") for text in texts)) or ["en"]

    def text(self, holder: Json, name: str, fallback: str = "") -> dict[str, str]:
        """An InternationalizedText, a plain text, or the fallback; the election's first language is always in it."""
        value = holder.get(name)
        first = self.languages()[0]
        if isinstance(value, dict):
            texts = {self.key(t, "Language"): self.key(t, "Content") for t in self.objects(value, "Text")}
            known = {language: text for language, text in texts.items() if language in self.languages()}
            if texts:
                return {first: next(iter(texts.values())), **known}
        if isinstance(value, str) and value:
            return {first: value}
        if fallback:
            return {first: fallback}
        raise self.bad(f"a text in {name}", repr(value)[:60], "missing-key")

    def parents(self) -> dict[str, str]:
        """Unit -> the unit it is part of; only the territory."""
        parents: dict[str, str] = {}
        for unit_id, unit in self.units.items():
            if not self.territorial(unit) and unit_id != self.root:
                continue
            for child in self.ids(unit, "ComposingGpUnitIds"):
                if child not in self.units:
                    raise self.bad(f"a GpUnit for the part {child} of {unit_id}", "none", "missing-key")
                if not self.territorial(self.units[child]):
                    continue
                if parents.setdefault(child, unit_id) != unit_id:
                    raise self.bad(
                        f"the unit {child} in one area", f"it in {parents[child]} and {unit_id}", "station-in-two-areas"
                    )
        return parents

    def territorial(self, unit: Json) -> bool:
        kind = str(unit.get("@type", "")).removeprefix("ElectionResults.")
        return kind != "ReportingDevice" and unit.get("Type") not in DISTRICT_TYPES

    def stations(self, parents: Mapping[str, str]) -> dict[str, str]:
        """Unit -> station id."""
        holders = {parents[unit] for unit in parents if self.units[unit].get("Type") in STATION_TYPES}
        return {
            unit_id: plain_id(unit_id, where=self.name)
            for unit_id, unit in self.units.items()
            if unit.get("Type") in STATION_TYPES and unit_id not in holders
        }

    def area_id(self, unit_id: str) -> str:
        return self.country if unit_id == self.root else plain_id(unit_id, where=self.name)

    def territory(self, made: ImportedElection, parents: Mapping[str, str], stations: Mapping[str, str]) -> None:
        left_out = 0
        for unit_id, unit in self.units.items():
            name = " ".join(str(unit.get("Name") or unit_id).split())
            parent = self.area_id(parents.get(unit_id, self.root))
            kind = str(unit.get("OtherType") or unit.get("Type") or "area")
            if unit_id in stations:
                voters = self.whole(unit, "VotersRegistered")
                made.stations.append(
                    {"station": stations[unit_id], "area": parent, "name": name, "kind": kind, "registered": voters}
                )
            elif unit_id == self.root or self.territorial(unit):
                top = unit_id == self.root
                made.areas.append(
                    {"area": self.area_id(unit_id), "parent": "" if top else parent, "name": name, "kind": kind}
                )
            else:
                left_out += 1
        if left_out:
            self.notes.append(f"{left_out} units are districts or devices, no territory: left out of the areas")
        if not made.stations:
            self.notes.append("no unit is a precinct or polling place: add a stations table or `expected_stations`")

    def contest(self, made: ImportedElection, contest: Json, stations: Mapping[str, str]) -> None:
        contest_id = safe_id(self.key(contest, "@id"), "contest", where=self.name)
        selections = self.objects(contest, "BallotSelection")
        options = [self.option(selection) for selection in selections]
        if not options:
            raise self.bad(f"a BallotSelection of the contest {contest_id}", "none", "no-options")
        cast = self.cells(self.objects(contest, "SummaryCounts"), "BallotsCast")
        made.contests.append(
            ImportedContest(
                id=contest_id,
                title=self.text(contest, "BallotTitle" if "BallotTitle" in contest else "Name"),
                options=tuple(options),
                base="ballots_cast" if cast else "valid",
                votes_per_ballot=contest.get("VotesAllowed", 1) if isinstance(contest.get("VotesAllowed"), int) else 1,
            )
        )
        figures = {
            option.id: self.cells(self.objects(selection, "VoteCounts"), "Count")
            for option, selection in zip(options, selections, strict=True)
        }
        if cast:
            figures["ballots_cast"] = cast
        if self.counts != "none" and any(figures.values()):
            made.tables += self.tables(contest_id, figures, stations, [o.id for o in options])

    def option(self, selection: Json) -> ImportedOption:
        kind = str(selection.get("@type", "")).removeprefix("ElectionResults.")
        option = safe_id(self.key(selection, "@id"), "option", where=self.name)
        if kind == "BallotMeasureSelection":
            return ImportedOption(option, self.text(selection, "Selection"), "answer")
        name, source = ("CandidateIds", "BallotName") if kind == "CandidateSelection" else ("PartyIds", "Name")
        holder = self.election if kind == "CandidateSelection" else self.report
        known = {
            self.key(item, "@id"): item
            for item in self.objects(holder, "Candidate" if name == "CandidateIds" else "Party")
        }
        chosen = [known[i] for i in self.ids(selection, name) if i in known]
        if len(chosen) != len(self.ids(selection, name)) or not chosen:
            raise self.bad(f"the {name} of {option}", repr(selection.get(name)), "missing-key")
        texts = [self.text(item, source) for item in chosen]
        title = {language: " / ".join(text[language] for text in texts if language in text) for language in texts[0]}
        withdrawn = all("withdrawn" in (c.get("PreElectionStatus"), c.get("PostElectionStatus")) for c in chosen)
        return ImportedOption(option, title, _KINDS.get(kind, "candidate"), withdrawn)

    def cells(self, counts: list[Json], name: str) -> dict[str, str]:
        """Unit -> figure: its total, or the sum of its parts; a part that is not known makes the sum unknown."""
        parts: dict[str, dict[bool, list[str]]] = {}
        for count in counts:
            if name in count and isinstance(count.get("GpUnitId"), str):
                figure = "" if count.get("IsSuppressedForPrivacy") is True else self.whole(count, name)
                parts.setdefault(count["GpUnitId"], {True: [], False: []})[count.get("Type") == "total"].append(figure)
        cells = {}
        for unit, figures in parts.items():
            chosen = figures[True] or figures[False]
            if len(figures[True]) > 1:
                raise self.bad(f"one total of {name} for the unit {unit}", f"{len(figures[True])}", "duplicate-row")
            cells[unit] = "" if "" in chosen else str(sum(map(int, chosen)))
        return cells

    def whole(self, holder: Json, name: str) -> str:
        value = holder.get(name)
        if value is None:
            return ""
        text = str(value).removesuffix(".0")
        if isinstance(value, bool) or not (text.isascii() and text.isdigit()):
            unit = holder.get("GpUnitId") or holder.get("@id")
            raise self.bad(f"a whole number of 0 or more in {name} of {unit}", str(value), "bad-cell")
        return str(int(text))

    def tables(
        self, contest: str, figures: Mapping[str, Mapping[str, str]], stations: Mapping[str, str], options: list[str]
    ) -> Iterator[tuple[dict[str, Any], Rows]]:
        items = [*options, "ballots_cast" if "ballots_cast" in figures else "valid"]
        per_station: Rows = []
        for unit, station in stations.items():
            row = {item: figures.get(item, {}).get(unit, "") for item in items}
            if any(row.values()):
                per_station.append({"station": station, **row})
        per_area: Rows = [
            {"area": self.area_id(unit), "item": item, "value": value}
            for item, cells in figures.items()
            for unit, value in cells.items()
            if value
            and unit not in stations
            and (unit == self.root or (unit in self.units and self.territorial(self.units[unit])))
        ]
        if self.counts == "readings":
            if per_station:
                yield {"kind": "readings", "contest": contest, "file": f"readings-{contest}.csv"}, per_station
            return
        official = {
            "kind": "official",
            "contest": contest,
            "snapshot": self.snapshot,
            "announced_at": self.announced_at(),
        }
        if per_station:
            yield {**official, "unit": "station", "file": f"official-stations-{contest}.csv"}, per_station
        if per_area:
            yield {**official, "unit": "area", "file": f"official-areas-{contest}.csv"}, per_area


def _read(file: Path) -> Json:
    if not file.is_file():
        raise InputError(file.name, expected="a file", found="none of that name", code="no-file")
    if file.stat().st_size > MAX_JSON_BYTES:
        raise InputError(
            file.name, expected=f"at most {MAX_JSON_BYTES} bytes", found=f"{file.stat().st_size}", code="too-large"
        )
    try:
        report = json.loads(file.read_bytes().decode("utf-8-sig"), parse_float=str)
    except (ValueError, RecursionError) as error:
        raise InputError(file.name, expected="JSON", found=str(error)[:120], code="not-json") from None
    if not isinstance(report, dict) or report.get("@type") != "ElectionResults.ElectionReport":
        found = report.get("@type") if isinstance(report, dict) else type(report).__name__
        raise InputError(
            file.name, expected="an object of @type ElectionResults.ElectionReport", found=repr(found), code="not-nist"
        )
    return report
