"""EML and NIST files, written here after their schemas, become folders that can be counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from counterfoil.election.eml import import_eml
from counterfoil.election.folder import FolderInput, load_folder
from counterfoil.election.nist import import_nist
from counterfoil.primitives.errors import InputError

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<EML xmlns="urn:oasis:names:tc:evs:schema:eml" '
    'xmlns:kr="http://www.kiesraad.nl/extensions" xmlns:xal="urn:oasis:names:tc:ciq:xsdschema:xAL:2.0" '
    'xmlns:xnl="urn:oasis:names:tc:ciq:xsdschema:xNL:2.0" Id="{id}" SchemaVersion="5">'
)
NL_IDENTIFIER = (
    '<ElectionIdentifier Id="GR2026_Waterdorp"><ElectionName>Council of Waterdorp</ElectionName>'
    "<ElectionCategory>GR</ElectionCategory><kr:ElectionDate>2026-03-18</kr:ElectionDate></ElectionIdentifier>"
)
NL_110A = (
    HEAD.format(id="110a") + f"<ElectionEvent><EventIdentifier/><Election>{NL_IDENTIFIER}"
    '<Contest><ContestIdentifier Id="geen"/></Contest><kr:ElectionTree>'
    '<kr:Region RegionNumber="9" RegionCategory="PROVINCIE"><kr:RegionName>Noordland</kr:RegionName></kr:Region>'
    '<kr:Region RegionNumber="77" RegionCategory="GEMEENTE" SuperiorRegionNumber="9" '
    'SuperiorRegionCategory="PROVINCIE"><kr:RegionName>Waterdorp</kr:RegionName></kr:Region>'
    "</kr:ElectionTree></Election></ElectionEvent></EML>"
)


def place(number: str, name: str, voters: str) -> str:
    return (
        '<PollingPlace Channel="polling"><PhysicalLocation><Address><Locality>'
        f"<xal:LocalityName>{name}</xal:LocalityName></Locality></Address>"
        f'<PollingStation Id="{number}">{voters}</PollingStation></PhysicalLocation></PollingPlace>'
    )


NL_110B = (
    HEAD.format(id="110b") + f"<ElectionEvent><EventIdentifier/><Election>{NL_IDENTIFIER}"
    '<Contest><ContestIdentifier Id="geen"/><ReportingUnit><ReportingUnitIdentifier Id="0077">Waterdorp'
    "</ReportingUnitIdentifier></ReportingUnit>"
    + place("1", "Town hall", "1273")
    + place("12", "School, by the lake", "")
    + "</Contest></Election></ElectionEvent></EML>"
)


def person(number: str, first: str, prefix: str, last: str) -> str:
    return (
        f'<Candidate><CandidateIdentifier Id="{number}"/><CandidateFullName><xnl:PersonName>'
        f'<xnl:NameLine NameType="Initials">X.</xnl:NameLine><xnl:FirstName>{first}</xnl:FirstName>'
        f"<xnl:NamePrefix>{prefix}</xnl:NamePrefix><xnl:LastName>{last}</xnl:LastName></xnl:PersonName>"
        "</CandidateFullName><QualifyingAddress><xal:Locality><xal:LocalityName>Home street</xal:LocalityName>"
        "</xal:Locality></QualifyingAddress></Candidate>"
    )


NL_230B = (
    HEAD.format(id="230b") + f"<CandidateList><Election>{NL_IDENTIFIER}"
    '<Contest><ContestIdentifier Id="geen"/>'
    '<Affiliation><AffiliationIdentifier Id="1"><RegisteredName>Party of the Lake</RegisteredName>'
    f"</AffiliationIdentifier>{person('1', 'Anna', 'van', 'Meer')}{person('2', 'Bo', '', 'Dijk')}</Affiliation>"
    '<Affiliation><AffiliationIdentifier Id="3"><RegisteredName></RegisteredName></AffiliationIdentifier>'
    f"{person('1', 'Cas', 'de', 'Boer')}</Affiliation></Contest></Election></CandidateList></EML>"
)
PLAIN_110 = (
    HEAD.format(id="110") + '<ElectionEvent><EventIdentifier Id="E1"/><Election>'
    '<ElectionIdentifier Id="M26"><ElectionName>Mayor</ElectionName></ElectionIdentifier>'
    "<Date><SingleDate>2026-05-03</SingleDate></Date>"
    '<Contest><ContestIdentifier Id="mayor"><ContestName>Mayor of Hill</ContestName></ContestIdentifier>'
    '<PollingPlace><PhysicalLocation><PollingStation Id="A1">North gate</PollingStation></PhysicalLocation>'
    "</PollingPlace></Contest></Election></ElectionEvent></EML>"
)
PLAIN_230 = (
    HEAD.format(id="230") + '<CandidateList><Election><ElectionIdentifier Id="M26"><ElectionName>Mayor</ElectionName>'
    '</ElectionIdentifier><Contest><ContestIdentifier Id="mayor"><ContestName>Mayor of Hill</ContestName>'
    '</ContestIdentifier><Candidate><CandidateIdentifier Id="c7"><CandidateName>Ada Hill</CandidateName>'
    "</CandidateIdentifier><Affiliation><AffiliationIdentifier><RegisteredName>Independent</RegisteredName>"
    "</AffiliationIdentifier></Affiliation></Candidate>"
    '<Candidate><CandidateIdentifier Id="8"/><CandidateFullName><PersonFullName>Bob Dale</PersonFullName>'
    "</CandidateFullName></Candidate></Contest></Election></CandidateList></EML>"
)


def files(folder: Path, **texts: str) -> list[Path]:
    paths = []
    for name, text in texts.items():
        path = folder / f"{name}.eml.xml"
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def rows(given: FolderInput, kind: str) -> list[tuple[str | None, ...]]:
    found = next(t for t in given.tables if t.kind == kind)
    return pl.read_csv(found.data, infer_schema=False).rows()


def test_dutch_eml_gives_areas_stations_and_lists(tmp_path: Path) -> None:
    result = import_eml(
        files(tmp_path, a=NL_110A, b=NL_110B, c=NL_230B), tmp_path / "made", country="NL", language="nl"
    )
    given = load_folder(tmp_path / "made")
    assert [row[:4] for row in rows(given, "areas")] == [
        ("NL", None, "NL", "country"),
        ("gemeente-77", "provincie-9", "Waterdorp", "gemeente"),
        ("provincie-9", "NL", "Noordland", "provincie"),
    ]
    assert [row[:5] for row in rows(given, "stations")] == [
        ("0077-1", "gemeente-77", "Town hall", None, "1273"),
        ("0077-12", "gemeente-77", "School, by the lake", None, None),
    ]
    contest = given.election.contest("contest")
    assert [(o.id, o.name["nl"], o.kind.value) for o in contest.options] == [
        ("list-1", "Party of the Lake", "list"),
        ("list-3", "Cas de Boer", "list"),
    ]
    assert (given.election.id, given.election.date) == ("GR2026_Waterdorp", "2026-03-18")
    assert "the form is a proposal" in result.notes[-1]


def test_plain_eml_gives_candidates(tmp_path: Path) -> None:
    import_eml(files(tmp_path, a=PLAIN_110, b=PLAIN_230), tmp_path / "made", country="XX")
    given = load_folder(tmp_path / "made")
    contest = given.election.contest("mayor")
    assert dict(contest.title) == {"en": "Mayor of Hill"}
    assert [(o.id, o.name["en"]) for o in contest.options] == [("c7", "Ada Hill"), ("candidate-8", "Bob Dale")]
    assert [row[:3] for row in rows(given, "stations")] == [("A1", "XX", "North gate")]
    assert given.election.date == "2026-05-03"
    assert given.election.form(contest.form).checks[0].rule.text == "c7 + candidate-8 == valid"


def test_personal_addresses_do_not_come_in(tmp_path: Path) -> None:
    import_eml(files(tmp_path, a=NL_110B, c=NL_230B), tmp_path / "made", country="NL")
    assert all("Home street" not in p.read_text() for p in (tmp_path / "made").iterdir())


REFUSED_EML = {
    "no-options": {"a": NL_110A},
    "several-elections": {"a": NL_110B, "c": PLAIN_230},
    "not-eml": {"a": NL_110B.replace('Id="110b"', 'Id="510b"'), "c": NL_230B},
    "not-xml": {"a": NL_110B[:-20], "c": NL_230B},
    "unsafe-xml": {
        "a": NL_110B.replace("<EML", '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><EML', 1),
        "c": NL_230B,
    },
    "missing-element": {"c": NL_230B.replace("kr:ElectionDate", "kr:Other")},
    "no-stations": {"c": NL_230B},
    "duplicate-station": {"b": NL_110B.replace('Id="12"', 'Id="1"'), "c": NL_230B},
}


@pytest.mark.parametrize("code", REFUSED_EML)
def test_bad_eml_is_refused_and_nothing_is_written(code: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with pytest.raises(InputError) as caught:
        import_eml(files(source, **REFUSED_EML[code]), tmp_path / "made", country="NL")
    assert caught.value.code == code
    assert [p.name for p in tmp_path.iterdir()] == ["source"]


def test_an_external_entity_is_never_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    text = NL_230B.replace("<EML", f'<!DOCTYPE x [<!ENTITY s SYSTEM "{tmp_path}/secret">]><EML', 1)
    with pytest.raises(InputError) as caught:
        import_eml(files(tmp_path, c=text), tmp_path / "made", country="NL")
    assert caught.value.code == "unsafe-xml"


def text_of(text: str) -> dict[str, Any]:
    return {
        "@type": "ElectionResults.InternationalizedText",
        "Text": [{"@type": "ElectionResults.LanguageString", "Language": "en", "Content": text}],
    }


def unit(name: str, kind: str, parts: list[str] | None = None, **more: Any) -> dict[str, Any]:
    held = {} if parts is None else {"ComposingGpUnitIds": parts}
    return {"@type": "ElectionResults.ReportingUnit", "@id": name, "Type": kind, "Name": name.title(), **held, **more}


def count(where: str, votes: float | None, kind: str = "total", **more: Any) -> dict[str, Any]:
    return {"@type": "ElectionResults.VoteCounts", "GpUnitId": where, "Type": kind, "Count": votes, **more}


def report() -> dict[str, Any]:
    contest = {
        "@type": "ElectionResults.CandidateContest",
        "@id": "cc-mayor",
        "Name": "Mayor",
        "ElectoralDistrictId": "gp-land",
        "VotesAllowed": 1,
        "BallotSelection": [
            {
                "@type": "ElectionResults.CandidateSelection",
                "@id": "cs-ada",
                "CandidateIds": ["cand-ada"],
                "VoteCounts": [
                    count("gp-1", 10),
                    count("gp-1", 4, "election-day"),
                    count("gp-2", 3, "election-day"),
                    count("gp-2", 5, "absentee-mail"),
                    count("gp-land", 18),
                ],
            },
            {
                "@type": "ElectionResults.CandidateSelection",
                "@id": "cs-bob",
                "CandidateIds": ["cand-bob"],
                "VoteCounts": [count("gp-1", 7), count("gp-2", 1, IsSuppressedForPrivacy=True)],
            },
        ],
        "SummaryCounts": [
            {"@type": "ElectionResults.SummaryCounts", "GpUnitId": "gp-1", "Type": "total", "BallotsCast": 18}
        ],
    }
    referendum = {
        "@type": "ElectionResults.BallotMeasureContest",
        "@id": "bm-1",
        "Name": "Bridge",
        "ElectoralDistrictId": "gp-land",
        "BallotSelection": [
            {"@type": "ElectionResults.BallotMeasureSelection", "@id": "bm-yes", "Selection": text_of("Yes")},
            {"@type": "ElectionResults.BallotMeasureSelection", "@id": "bm-no", "Selection": text_of("No")},
        ],
    }
    parties = {
        "@type": "ElectionResults.PartyContest",
        "@id": "pc-1",
        "Name": "Council",
        "ElectoralDistrictId": "gp-land",
        "BallotSelection": [
            {"@type": "ElectionResults.PartySelection", "@id": "ps-lake", "PartyIds": ["p-lake"]},
        ],
    }
    return {
        "@type": "ElectionResults.ElectionReport",
        "Format": "precinct-level",
        "GeneratedDate": "2026-05-04T01:30:00+02:00",
        "Issuer": "Land Commission",
        "IssuerAbbreviation": "LC",
        "SequenceStart": 1,
        "SequenceEnd": 1,
        "Status": "unofficial-partial",
        "VendorApplicationId": "x",
        "GpUnit": [
            unit("gp-land", "country", ["gp-north", "gp-d1"]),
            unit("gp-north", "county", ["gp-1", "gp-2"]),
            unit("gp-d1", "congressional", ["gp-1", "gp-2"]),
            unit("gp-1", "precinct", ["dev"], VotersRegistered=40),
            unit("gp-2", "precinct"),
            {"@type": "ElectionResults.ReportingDevice", "@id": "dev"},
        ],
        "Party": [{"@type": "ElectionResults.Party", "@id": "p-lake", "Name": text_of("Lake")}],
        "Election": [
            {
                "@type": "ElectionResults.Election",
                "ElectionScopeId": "gp-land",
                "StartDate": "2026-05-03",
                "EndDate": "2026-05-03",
                "Type": "general",
                "Name": text_of("Mayor 2026"),
                "Candidate": [
                    {"@type": "ElectionResults.Candidate", "@id": "cand-ada", "BallotName": text_of("Ada Hill")},
                    {
                        "@type": "ElectionResults.Candidate",
                        "@id": "cand-bob",
                        "BallotName": text_of("Bob Dale"),
                        "PreElectionStatus": "withdrawn",
                    },
                ],
                "Contest": [contest, referendum, parties],
            }
        ],
    }


def write(path: Path, report: dict[str, Any]) -> Path:
    path.write_text(json.dumps(report), encoding="utf-8")
    return path


def test_a_nist_report_gives_territory_contests_and_an_official_snapshot(tmp_path: Path) -> None:
    result = import_nist(write(tmp_path / "r.json", report()), tmp_path / "made", country="LA")
    given = load_folder(tmp_path / "made")
    assert [row[:4] for row in rows(given, "areas")] == [
        ("LA", None, "Gp-Land", "country"),
        ("gp-north", "LA", "Gp-North", "county"),
    ]
    assert [row[:5] for row in rows(given, "stations")] == [
        ("gp-1", "gp-north", "Gp-1", "precinct", "40"),
        ("gp-2", "gp-north", "Gp-2", "precinct", None),
    ]
    assert [c.id for c in given.election.contests] == ["cc-mayor", "bm-1", "pc-1"]
    mayor = given.election.contest("cc-mayor")
    assert [(o.id, o.name["en"], o.withdrawn) for o in mayor.options] == [
        ("cs-ada", "Ada Hill", False),
        ("cs-bob", "Bob Dale", True),
    ]
    assert [o.kind.value for o in given.election.contest("bm-1").options] == ["answer", "answer"]
    official = [t for t in given.tables if t.kind == "official"]
    assert [(t.unit, t.snapshot, t.announced_at) for t in official] == [
        ("station", "report", "2026-05-03T23:30Z"),
        ("area", "report", "2026-05-03T23:30Z"),
    ]
    assert official[0].data.decode() == "station,cs-ada,cs-bob,ballots_cast\ngp-1,10,7,18\ngp-2,8,,\n"
    assert official[1].data.decode() == "area,item,value\nLA,cs-ada,18\n"
    assert official[0].source["name"] == "Land Commission"
    assert result.notes[0] == "2 units are districts or devices, no territory: left out of the areas"


def test_counts_of_a_nist_report_can_be_readings_or_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "r.json", report())
    import_nist(path, tmp_path / "a", counts="readings")
    readings = [t for t in load_folder(tmp_path / "a").tables if t.kind == "readings"]
    assert [t.data.decode() for t in readings] == ["station,cs-ada,cs-bob,ballots_cast\ngp-1,10,7,18\ngp-2,8,,\n"]
    import_nist(path, tmp_path / "b", counts="none")
    assert {t.kind for t in load_folder(tmp_path / "b").tables} == {"areas", "stations"}


def _broken(code: str) -> dict[str, Any]:
    broken = report()
    election = broken["Election"][0]
    selection = election["Contest"][0]["BallotSelection"][0]
    match code:
        case "not-nist":
            broken["@type"] = "ElectionResults.Other"
        case "several-elections":
            broken["Election"] = []
        case "station-in-two-areas":
            broken["GpUnit"].append(unit("gp-south", "county", ["gp-1"]))
        case "cycle-of-areas":
            broken["GpUnit"] += [unit("gp-x", "county", ["gp-y"]), unit("gp-y", "city", ["gp-x"])]
        case "missing-key":
            selection["CandidateIds"] = ["nobody"]
        case "bad-cell":
            selection["VoteCounts"][0]["Count"] = 10.5
        case "duplicate-row":
            selection["VoteCounts"].append(count("gp-1", 11))
        case "bad-date":
            broken["GeneratedDate"] = "yesterday"
        case _:
            election["Contest"][0]["BallotSelection"] = []
    return broken


@pytest.mark.parametrize(
    "code",
    [
        "not-nist",
        "several-elections",
        "station-in-two-areas",
        "cycle-of-areas",
        "missing-key",
        "bad-cell",
        "duplicate-row",
        "bad-date",
        "no-options",
    ],
)
def test_a_bad_nist_report_is_refused_and_nothing_is_written(code: str, tmp_path: Path) -> None:
    path = write(tmp_path / "r.json", _broken(code))
    with pytest.raises(InputError) as caught:
        import_nist(path, tmp_path / "made")
    assert caught.value.code == code
    assert [p.name for p in tmp_path.iterdir()] == ["r.json"]


def test_a_negative_count_is_named(tmp_path: Path) -> None:
    broken = report()
    broken["Election"][0]["Contest"][0]["BallotSelection"][1]["VoteCounts"][0]["Count"] = -7
    with pytest.raises(InputError) as caught:
        import_nist(write(tmp_path / "r.json", broken), tmp_path / "made")
    assert str(caught.value) == "r.json: expected a whole number of 0 or more in Count of gp-1, found -7."


def test_what_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_bytes(b"[" * 100_000)
    with pytest.raises(InputError) as caught:
        import_nist(tmp_path / "r.json", tmp_path / "made")
    assert caught.value.code == "not-json"
