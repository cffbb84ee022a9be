"""Results as NIST SP 1500-100 version 2 (doi:10.6028/NIST.SP.1500-100r2), JSON, one report per source.

One report holds our count, one each official snapshot; the standard has no place for two sources of one figure. Names
of elements are those of the standard's JSON schema, which allows no others; what it has no place for (valid votes,
states of boxes, readings, "all others") stands in the CSV files only.

* Areas and stations are ReportingUnits; the ids are ours behind `area.` and `station.`, so that they can't collide.
* Above `STATION_LIMIT` stations only areas are reported (`summary-contest`): the format takes 100 bytes per figure.
* "Against all" is a BallotMeasureSelection, not a candidate; spoilt ballots are SummaryCounts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from counterfoil.election.definition import Contest, Election, Option, OptionKind, Text
from counterfoil.publish.model import Publication
from counterfoil.record.state import OfficialSnapshot, Replay
from counterfoil.tally.results import ContestTally

STATION_LIMIT = 20_000
_STATUS = {"confirmed": "completed", "missing": "not-processed"}
_Counts = Iterator[tuple[str, int]]
"""GpUnit ids with votes."""


def reports(publication: Publication) -> Iterator[tuple[str, bytes]]:
    """(file name, bytes) of every report, ours first."""
    replay = publication.results.replay
    yield "counterfoil.json", _encode(_ours(publication))
    by_snapshot: dict[str, list[OfficialSnapshot]] = {}
    for snapshot in replay.official:
        by_snapshot.setdefault(snapshot.snapshot, []).append(snapshot)
    for name, snapshots in by_snapshot.items():
        yield f"official-{name}.json", _encode(_announced(publication, snapshots))


def _encode(report: Mapping[str, Any]) -> bytes:
    return (json.dumps(report, ensure_ascii=False, separators=(",", ":")) + "\n").encode("utf-8")


def _ours(publication: Publication) -> dict[str, Any]:
    replay = publication.results.replay
    tallies = list(publication.results.contests.values())
    totals = [t.area(replay.election.country).numbers for t in tallies]
    complete = all(numbers.confirmed == numbers.expected for numbers in totals)
    contests = [_contest(t.contest, replay.election, _our_votes(t, replay), _our_summary(t)) for t in tallies]
    states = dict(zip(tallies[0].stations["station"], tallies[0].stations["state"], strict=True)) if tallies else {}
    return _report(
        replay,
        contests,
        _units(replay, states, {}),
        status="unofficial-complete" if complete else "unofficial-partial",
        issuer=publication.record.origin,
        notes="Independent count from copies of protocols. Only confirmed stations are in the counts; what is missing "
        "is unknown, not 0.",
    )


def _announced(publication: Publication, snapshots: Sequence[OfficialSnapshot]) -> dict[str, Any]:
    replay = publication.results.replay
    election = replay.election
    contests = [_contest(election.contest(s.contest), election, _their_votes(s), _their_summary(s)) for s in snapshots]
    registered = {
        row["area"]: row["value"]
        for s in snapshots
        for row in s.areas.filter(pl.col("item") == "registered").iter_rows(named=True)
        if row["value"] is not None
    }
    first = snapshots[0]
    return _report(
        replay,
        contests,
        _units(replay, {}, registered),
        status="unofficial-partial",
        issuer=first.source.get("name", "authority"),
        notes=f"What the authority had announced: snapshot {first.snapshot} of {first.announced_at}, as taken into the "
        f"record {publication.record.origin}. Figures that it did not announce are left out.",
    )


def _report(
    replay: Replay, contests: list[dict[str, Any]], units: list[dict[str, Any]], *, status: str, issuer: str, notes: str
) -> dict[str, Any]:
    election = replay.election
    return {
        "@type": "ElectionResults.ElectionReport",
        "Format": "precinct-level" if _with_stations(replay) else "summary-contest",
        "GeneratedDate": replay.newest_batch.replace("Z", ":00Z"),
        "Issuer": issuer,
        "IssuerAbbreviation": issuer,
        "Notes": notes,
        "SequenceStart": 1,
        "SequenceEnd": 1,
        "Status": status,
        "VendorApplicationId": "counterfoil",
        "Election": [
            {
                "@type": "ElectionResults.Election",
                "Name": _text(election.title),
                "StartDate": election.date,
                "EndDate": election.date,
                "ElectionScopeId": _area_id(election.country),
                **_election_type(election),
                "Candidate": [
                    {
                        "@type": "ElectionResults.Candidate",
                        "@id": _option_id(contest, option, "candidate"),
                        "BallotName": _text(option.name),
                        **({"PreElectionStatus": "withdrawn"} if option.withdrawn else {}),
                    }
                    for contest, option in _options(election, OptionKind.CANDIDATE)
                ],
                "Contest": contests,
            }
        ],
        "Party": [
            {
                "@type": "ElectionResults.Party",
                "@id": _option_id(contest, option, "party"),
                "Name": _text(option.name),
            }
            for contest, option in _options(election, OptionKind.LIST)
        ],
        "GpUnit": units,
    }


def _election_type(election: Election) -> dict[str, str]:
    if any(c.runoff_of for c in election.contests):
        return {"Type": "runoff"}
    return {"Type": "other", "OtherType": "not stated"}


def _options(election: Election, kind: OptionKind) -> Iterable[tuple[Contest, Option]]:
    return ((c, o) for c in election.contests for o in c.options if o.kind is kind)


def _with_stations(replay: Replay) -> bool:
    return replay.stations.height <= STATION_LIMIT


def _area_id(area: str) -> str:
    return f"area.{area}"


def _station_id(station: str) -> str:
    return f"station.{station}"


def _option_id(contest: Contest, option: Option, what: str) -> str:
    return f"{what}.{contest.id}.{option.id}"


def _text(text: Text) -> dict[str, Any]:
    strings = [{"@type": "ElectionResults.LanguageString", "Language": k, "Content": v} for k, v in text.items()]
    return {"@type": "ElectionResults.InternationalizedText", "Text": strings}


def _units(replay: Replay, states: Mapping[str, str], registered: Mapping[str, int]) -> list[dict[str, Any]]:
    children: dict[str, list[str]] = {}
    for row in replay.areas.iter_rows(named=True):
        if row["parent"] is not None:
            children.setdefault(row["parent"], []).append(_area_id(row["area"]))
    stations = list(replay.stations.iter_rows(named=True)) if _with_stations(replay) else []
    for row in stations:
        children.setdefault(row["area"], []).append(_station_id(row["station"]))
    units = []
    for row in replay.areas.iter_rows(named=True):
        country = row["area"] == replay.election.country
        kind = {"Type": "country"} if country else {"Type": "other", "OtherType": row["kind"] or "area"}
        unit = {**_unit(_area_id(row["area"]), row["area"], row["name"]), **kind}
        if row["area"] in registered:
            unit["VotersRegistered"] = registered[row["area"]]
        if row["area"] in children:
            unit["ComposingGpUnitIds"] = children[row["area"]]
        units.append(unit)
    for row in stations:
        unit = {**_unit(_station_id(row["station"]), row["station"], row["name"]), "Type": "precinct"}
        if row["registered"] is not None:
            unit["VotersRegistered"] = row["registered"]
        if row["station"] in states:
            unit["CountStatus"] = [
                {
                    "@type": "ElectionResults.CountStatus",
                    "Type": "total",
                    "Status": _STATUS.get(states[row["station"]], "in-process"),
                }
            ]
        units.append(unit)
    return units


def _unit(identity: str, ours: str, name: str | None) -> dict[str, Any]:
    return {
        "@type": "ElectionResults.ReportingUnit",
        "@id": identity,
        "Name": name or ours,
        "ExternalIdentifier": [
            {
                "@type": "ElectionResults.ExternalIdentifier",
                "Type": "other",
                "OtherType": "counterfoil",
                "Value": ours,
            }
        ],
    }


def _contest(
    contest: Contest, election: Election, votes: Mapping[str, _Counts], summary: Sequence[tuple[str, str, int]]
) -> dict[str, Any]:
    kinds = {o.kind for o in contest.options}
    if OptionKind.ANSWER in kinds:
        head: dict[str, Any] = {"@type": "ElectionResults.BallotMeasureContest"}
    elif OptionKind.LIST in kinds:
        head = {"@type": "ElectionResults.PartyContest"}
    else:
        head = {"@type": "ElectionResults.CandidateContest", "VotesAllowed": 1}
    return {
        **head,
        "@id": f"contest.{contest.id}",
        "Name": next(iter(contest.title.values())),
        "BallotTitle": _text(contest.title),
        "ElectoralDistrictId": _area_id(election.country),
        "BallotSelection": [
            {
                **_selection(contest, option),
                "SequenceOrder": order,
                "VoteCounts": [
                    {"@type": "ElectionResults.VoteCounts", "Type": "total", "GpUnitId": unit, "Count": count}
                    for unit, count in votes.get(option.id, iter(()))
                ],
            }
            for order, option in enumerate(contest.options, start=1)
            if option.kind is not OptionKind.INVALID
        ],
        "SummaryCounts": [
            {"@type": "ElectionResults.SummaryCounts", "Type": "total", "GpUnitId": unit, element: count}
            for unit, element, count in summary
        ],
    }


def _selection(contest: Contest, option: Option) -> dict[str, Any]:
    identity = {"@id": _option_id(contest, option, "selection")}
    match option.kind:
        case OptionKind.CANDIDATE:
            candidates = [_option_id(contest, option, "candidate")]
            return {"@type": "ElectionResults.CandidateSelection", **identity, "CandidateIds": candidates}
        case OptionKind.LIST:
            parties = [_option_id(contest, option, "party")]
            return {"@type": "ElectionResults.PartySelection", **identity, "PartyIds": parties}
        case _:
            return {"@type": "ElectionResults.BallotMeasureSelection", **identity, "Selection": _text(option.name)}


def _pairs(frame: pl.DataFrame, unit: str, column: str, prefix: str) -> _Counts:
    known = frame.select(unit, column).drop_nulls()
    return ((prefix + name, count) for name, count in known.iter_rows())


def _our_votes(tally: ContestTally, replay: Replay) -> dict[str, _Counts]:
    found: dict[str, _Counts] = {}
    for option in tally.contest.options:
        column = f"votes.{option.id}"
        areas = _pairs(tally.areas.filter(pl.col("confirmed") > 0), "area", column, "area.")
        stations = _pairs(tally.stations, "station", column, "station.") if _with_stations(replay) else iter(())
        found[option.id] = _chain(areas, stations)
    return found


def _our_summary(tally: ContestTally) -> list[tuple[str, str, int]]:
    invalid = [o.id for o in tally.contest.options if o.kind is OptionKind.INVALID]
    areas = tally.areas.filter(pl.col("confirmed") > 0)
    return [
        (unit, "BallotsRejected", count)
        for o in invalid
        for unit, count in _pairs(areas, "area", f"votes.{o}", "area.")
    ]


def _chain(*parts: _Counts) -> _Counts:
    for part in parts:
        yield from part


def _their_votes(snapshot: OfficialSnapshot) -> dict[str, _Counts]:
    found: dict[str, _Counts] = {}
    items = set(snapshot.areas["item"]) | (set(snapshot.stations.columns) - {"station", "entry"})
    for item in sorted(items):
        areas = _pairs(snapshot.areas.filter(pl.col("item") == item), "area", "value", "area.")
        listed = item in snapshot.stations.columns and snapshot.stations.height <= STATION_LIMIT
        stations = _pairs(snapshot.stations, "station", item, "station.") if listed else iter(())
        found[item] = _chain(areas, stations)
    return found


def _their_summary(snapshot: OfficialSnapshot) -> list[tuple[str, str, int]]:
    elements = {"ballots_cast": "BallotsCast", "invalid": "BallotsRejected"}
    return [
        (_area_id(row["area"]), elements[row["item"]], row["value"])
        for row in snapshot.areas.iter_rows(named=True)
        if row["item"] in elements and row["value"] is not None
    ]
