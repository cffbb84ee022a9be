"""NIST SP 1500-100 v2: only elements that its JSON schema has, every required one, every reference resolves.

The tables below are the schema's classes that we use, written down from the standard (doi:10.6028/NIST.SP.1500-100r2):
required keys first, after the bar those that may be there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from counterfoil import workflow
from counterfoil.publish.model import Publication
from counterfoil.publish.nist import reports as reports_of
from tests.workflow.folders import FILES, NOW, make_folder

CLASSES = {
    "ElectionReport": "Format GeneratedDate Issuer IssuerAbbreviation SequenceEnd SequenceStart Status "
    "VendorApplicationId | Notes Election GpUnit Party",
    "Election": "ElectionScopeId EndDate Name StartDate Type | OtherType Candidate Contest",
    "Candidate": "BallotName @id | PreElectionStatus",
    "Party": "Name @id |",
    "CandidateContest": "VotesAllowed ElectoralDistrictId Name @id | BallotTitle BallotSelection SummaryCounts",
    "PartyContest": "ElectoralDistrictId Name @id | BallotTitle BallotSelection SummaryCounts",
    "BallotMeasureContest": "ElectoralDistrictId Name @id | BallotTitle BallotSelection SummaryCounts",
    "CandidateSelection": "CandidateIds @id | SequenceOrder VoteCounts",
    "PartySelection": "PartyIds @id | SequenceOrder VoteCounts",
    "BallotMeasureSelection": "Selection @id | SequenceOrder VoteCounts",
    "VoteCounts": "Count Type | GpUnitId",
    "SummaryCounts": "Type | GpUnitId BallotsCast BallotsRejected",
    "ReportingUnit": "Type @id | OtherType Name ExternalIdentifier VotersRegistered ComposingGpUnitIds CountStatus",
    "CountStatus": "Status Type |",
    "ExternalIdentifier": "Type Value | OtherType",
    "InternationalizedText": "Text |",
    "LanguageString": "Content Language |",
}
WORDS = {
    "ElectionReport.Format": {"precinct-level", "summary-contest"},
    "ElectionReport.Status": {"unofficial-partial", "unofficial-complete"},
    "Election.Type": {"other", "runoff"},
    "VoteCounts.Type": {"total"},
    "SummaryCounts.Type": {"total"},
    "CountStatus.Type": {"total"},
    "CountStatus.Status": {"completed", "in-process", "not-processed"},
    "ReportingUnit.Type": {"country", "precinct", "other"},
    "ExternalIdentifier.Type": {"other"},
}


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from objects(item)


def reports(package: dict[str, bytes]) -> dict[str, Any]:
    return {path: json.loads(data) for path, data in package.items() if path.startswith("data/nist/")}


def test_one_report_per_source(package: dict[str, bytes]) -> None:
    assert list(reports(package)) == ["data/nist/counterfoil.json", "data/nist/official-first.json"]


def test_only_elements_of_the_standard_and_every_required_one(package: dict[str, bytes]) -> None:
    for report in reports(package).values():
        for item in objects(report):
            name = item["@type"].removeprefix("ElectionResults.")
            required, _, optional = CLASSES[name].partition("|")
            assert set(required.split()) <= item.keys(), name
            assert item.keys() - {"@type"} <= {*required.split(), *optional.split()}, name
            for key, value in item.items():
                allowed = WORDS.get(f"{name}.{key}")
                assert allowed is None or value in allowed, f"{name}.{key}"


def test_every_reference_resolves_and_every_id_is_there_once(package: dict[str, bytes]) -> None:
    for report in reports(package).values():
        ids = [item["@id"] for item in objects(report) if "@id" in item]
        assert len(set(ids)) == len(ids)
        for item in objects(report):
            named = [item[key] for key in ("GpUnitId", "ElectoralDistrictId", "ElectionScopeId") if key in item]
            for key in ("ComposingGpUnitIds", "CandidateIds", "PartyIds"):
                named += item.get(key, [])
            assert set(named) <= set(ids)


def counts(report: Any) -> dict[tuple[str, str], int]:
    selections = report["Election"][0]["Contest"][0]["BallotSelection"]
    return {(s["@id"], c["GpUnitId"]): c["Count"] for s in selections for c in s["VoteCounts"]}


def test_our_report_holds_our_votes(package: dict[str, bytes]) -> None:
    found = counts(reports(package)["data/nist/counterfoil.json"])
    assert found["selection.president.ada", "station.001"] == 300
    assert found["selection.president.ada", "area.XX"] == 420
    assert ("selection.president.ada", "station.003") not in found
    assert ("selection.president.ada", "area.S") not in found


def test_the_official_report_holds_what_was_announced_and_nothing_else(package: dict[str, bytes]) -> None:
    found = counts(reports(package)["data/nist/official-first.json"])
    assert found["selection.president.ada", "area.XX"] == 100
    assert found["selection.president.bob", "station.001"] == 370
    assert not any(selection.endswith(".none") for selection, _ in found)


def test_against_all_is_no_candidate(three: Publication, package: dict[str, bytes]) -> None:
    election = reports(package)["data/nist/counterfoil.json"]["Election"][0]
    assert [c["@id"] for c in election["Candidate"]] == ["candidate.president.ada", "candidate.president.bob"]
    kinds = {s["@id"]: s["@type"] for s in election["Contest"][0]["BallotSelection"]}
    assert kinds["selection.president.none"] == "ElectionResults.BallotMeasureSelection"


@pytest.mark.parametrize(("expected", "status"), [("", "unofficial-complete"), ("5", "unofficial-partial")])
def test_a_report_is_complete_only_if_every_expected_station_is_in(tmp_path: Path, expected: str, status: str) -> None:
    """Stations that are expected and not listed are missing too."""
    areas = f"area,parent,name,kind,expected_stations\nXX,,Exland,country,{expected}\n"
    areas += "N,XX,North,region,\nS,XX,South,region,\n"
    agreed = "".join(f"c3,003,president,1,photo,{who},,700,10,10,0,0\n" for who in ("anna", "boris"))
    kept = "".join(line for line in FILES["transcripts.csv"].splitlines(keepends=True) if not line.startswith("c3"))
    folder = make_folder(tmp_path / "e", areas_csv=areas, transcripts_csv=kept + agreed)
    made = workflow.count(folder, now=NOW).publication
    assert made is not None
    ours = json.loads(dict(reports_of(made))["counterfoil.json"])
    assert ours["Status"] == status
