"""Import of OASIS EML 5: the election and its polling places (110), candidate lists (230); also in EML_NL's shapes.

Read are, by local element name (OASIS EML 5.0, schemas 110-electionevent, 230-candidatelist; Kiesraad's EML_NL 110a,
110b, 230b add `kr:` elements):

* `ElectionIdentifier` (Id, `ElectionName`, `kr:ElectionDate`), `Contest/ContestIdentifier` (Id, `ContestName`)
* `kr:ElectionTree/kr:Region` -> areas
* `PollingPlace/PhysicalLocation/PollingStation` (Id; its text, where it is a number, is the number of voters) ->
  stations, in the area of the `ReportingUnit`
* `Affiliation` -> one option of kind list; `Candidate` without an affiliation around it -> one option of kind candidate

XML may hold no DTD and no entities (defusedxml), and at most 50 MB. Not read: anything about persons but the name on
the ballot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError  # types only: parsing is defusedxml's

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from counterfoil.election.import_folder import (
    ImportedContest,
    ImportedElection,
    ImportedOption,
    ImportResult,
    plain_id,
    safe_id,
    write_import,
)
from counterfoil.primitives.errors import InputError

MAX_XML_BYTES = 50_000_000
MAKER = "the import of EML"


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    kind: str
    root: Element


def import_eml(
    files: Sequence[Path], to: Path, *, country: str, language: str = "en", expected_stations: int | None = None
) -> ImportResult:
    """Makes the folder `to` from one or more EML files of one election.

    Args:
        files: 110 and 230 files in any order; at least one 230, and a 110 with polling places or `expected_stations`.
        country: id of the root area (ISO code).
        language: language of the names in the files.

    Raises:
        InputError: no EML 110 or 230, files of different elections, a missing element, broken or unsafe XML.
    """
    read = [_read(path) for path in files]
    if not any(file.kind == "230" for file in read):
        raise InputError(
            ", ".join(file.name for file in read) or "no file",
            expected="a candidate list (EML 230)",
            found="none",
            code="no-options",
        )
    identifiers = [(file, _first(file, file.root, "ElectionIdentifier")) for file in read]
    ids = {identifier.get("Id", ""): file.name for file, identifier in identifiers}
    if len(ids) > 1 or "" in ids:
        raise InputError(
            ", ".join(ids.values()),
            expected="files of one election, with its Id",
            found=", ".join(repr(i) for i in ids),
            code="several-elections",
        )
    election_id = next(iter(ids))
    made = ImportedElection(
        id=safe_id(election_id, "election", where=read[0].name),
        title={language: _text_of(read, identifiers, "ElectionName")},
        country=country,
        date=_text_of(read, identifiers, "ElectionDate", "SingleDate"),
        languages=[language],
        source={"name": "EML: " + ", ".join(file.name for file in read)},
        expected_stations=expected_stations,
    )
    regions = _areas(read, made)
    _stations(read, made, regions)
    for file in read:
        if file.kind == "230":
            made.contests += [c for c in _contests(file, language) if c not in made.contests]
    notes = [] if made.stations else ["no polling places are in the files: only their expected number is known"]
    return write_import(made, to, MAKER, notes)


def _read(path: Path) -> _File:
    if not path.is_file():
        raise InputError(path.name, expected="a file", found="none of that name", code="no-file")
    if path.stat().st_size > MAX_XML_BYTES:
        raise InputError(
            path.name, expected=f"at most {MAX_XML_BYTES} bytes", found=f"{path.stat().st_size}", code="too-large"
        )
    try:
        root = fromstring(path.read_bytes(), forbid_dtd=True)
    except DefusedXmlException as error:
        raise InputError(
            path.name, expected="XML without DTD or entities", found=type(error).__name__, code="unsafe-xml"
        ) from None
    except ParseError as error:
        line, column = error.position
        raise InputError(
            f"{path.name}, line {line}, column {column + 1}", expected="XML", found=str(error), code="not-xml"
        ) from None
    kind = root.get("Id", "")[:3]
    if _local(root) != "EML" or kind not in ("110", "230"):
        raise InputError(
            path.name,
            expected="an EML file with Id 110 or 230",
            found=f"{_local(root)} with Id {root.get('Id')!r}",
            code="not-eml",
        )
    return _File(path.name, kind, root)


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _all(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element.iter() if _local(child) == name)


def _children(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element if _local(child) == name)


def _first(file: _File, element: Element, name: str) -> Element:
    found = next(_all(element, name), None)
    if found is None:
        raise InputError(file.name, expected=f"an element {name}", found="none", code="missing-element")
    return found


def _text(element: Element | None, *names: str) -> str:
    """The text of the first element of one of these names below, or nothing."""
    if element is None:
        return ""
    for name in names:
        for found in _all(element, name):
            text = " ".join("".join(found.itertext()).split())
            if text:
                return text
    return ""


def _text_of(read: Sequence[_File], identifiers: Sequence[tuple[_File, Element]], *names: str) -> str:
    for _, identifier in identifiers:
        text = _text(identifier, *names)
        if text:
            return text
    for file in read:  # EML proper has the date beside the identifier
        text = _text(file.root, *names)
        if text:
            return text
    raise InputError(read[0].name, expected=f"an element {' or '.join(names)}", found="none", code="missing-element")


def _areas(read: Sequence[_File], made: ImportedElection) -> dict[str, str]:
    """Areas from EML_NL's tree of regions; returns the number of each municipality -> its area."""
    regions = [region for file in read for region in _all(file.root, "Region") if region.get("RegionCategory")]
    municipalities: dict[str, str] = {}
    if not regions:
        return municipalities
    made.areas.append({"area": made.country, "parent": "", "name": made.country, "kind": "country"})
    where = "ElectionTree"
    for region in regions:
        category, number = region.get("RegionCategory", ""), region.get("RegionNumber", "")
        superior = region.get("SuperiorRegionNumber")
        parent = (
            made.country
            if superior is None
            else _region_id(region.get("SuperiorRegionCategory", category), superior, where)
        )
        area = _region_id(category, number, where)
        made.areas.append(
            {"area": area, "parent": parent, "name": _text(region, "RegionName"), "kind": category.lower()}
        )
        municipalities[number.lstrip("0")] = (
            area if category == "GEMEENTE" else municipalities.get(number.lstrip("0"), area)
        )
    return municipalities


def _region_id(category: str, number: str, where: str) -> str:
    return safe_id(f"{category.lower()}-{number}", "region", where=where)


def _stations(read: Sequence[_File], made: ImportedElection, regions: dict[str, str]) -> None:
    """Polling places of 110 files; a reporting unit that is no region becomes an area of its own."""
    for file in read:
        for contest in _all(file.root, "Contest"):
            unit = next(_all(contest, "ReportingUnitIdentifier"), None)
            unit_id = "" if unit is None else unit.get("Id", "")
            for place in _all(contest, "PollingPlace"):
                station = _first(file, place, "PollingStation")
                number = station.get("Id", "")
                text = " ".join("".join(station.itertext()).split())
                row = {
                    "station": plain_id(f"{unit_id}-{number}" if unit_id else number, where=file.name),
                    "name": _text(place, "LocalityName") or ("" if text.isdigit() else text),
                    "registered": text if text.isdigit() and text.isascii() else "",
                }
                if unit_id:
                    row["area"] = _area_of(unit_id, unit, made, regions)
                elif made.areas:
                    row["area"] = made.country
                made.stations.append(row)


def _area_of(unit_id: str, unit: Element | None, made: ImportedElection, regions: dict[str, str]) -> str:
    known = regions.get(unit_id.lstrip("0"))
    if known is not None:
        return known
    if not made.areas:
        made.areas.append({"area": made.country, "parent": "", "name": made.country, "kind": "country"})
    area = safe_id(f"unit-{unit_id}", "unit", where="ReportingUnit")
    name = "" if unit is None else " ".join("".join(unit.itertext()).split())
    made.areas.append({"area": area, "parent": made.country, "name": name, "kind": "reporting_unit"})
    regions[unit_id.lstrip("0")] = area
    return area


def _contests(file: _File, language: str) -> Iterator[ImportedContest]:
    election_name = _text(file.root, "ElectionName")
    for contest in _all(file.root, "Contest"):
        identifier = _first(file, contest, "ContestIdentifier")
        given = identifier.get("Id", "")
        contest_id = "contest" if given in ("", "geen", "alle") else safe_id(given, "contest", where=file.name)
        options = tuple(_options(file, contest, language))
        if not options:
            raise InputError(file.name, expected=f"candidates of the contest {given}", found="none", code="no-options")
        yield ImportedContest(contest_id, {language: _text(contest, "ContestName") or election_name}, options)


def _options(file: _File, contest: Element, language: str) -> Iterator[ImportedOption]:
    for affiliation in _children(contest, "Affiliation"):
        identifier = _first(file, affiliation, "AffiliationIdentifier")
        names = [_candidate_name(candidate) for candidate in _all(affiliation, "Candidate")]
        name = _text(affiliation, "RegisteredName") or (names[0] if names else "")
        option = safe_id(identifier.get("Id", ""), "list", where=file.name)
        yield ImportedOption(option, {language: name or option}, "list")
    for candidate in _children(contest, "Candidate"):
        identifier = _first(file, candidate, "CandidateIdentifier")
        option = safe_id(identifier.get("Id", ""), "candidate", where=file.name)
        yield ImportedOption(option, {language: _candidate_name(candidate) or option})


def _candidate_name(candidate: Element) -> str:
    """The name on the ballot; EML_NL gives a person's name in parts."""
    whole = _text(candidate, "CandidateName", "PersonFullName")
    if whole:
        return whole
    person = next(_all(candidate, "PersonName"), None)
    parts = (
        _text(person, "FirstName") or _text(person, "NameLine"),
        _text(person, "NamePrefix"),
        _text(person, "LastName"),
    )
    return " ".join(part for part in parts if part)
