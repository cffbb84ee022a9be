"""A folder is read as a whole: tables, defaults, files of single entries."""

from __future__ import annotations

import pytest

from counterfoil.election.folder import TableInput, load_folder
from counterfoil.primitives.errors import InputError
from tests.election.conftest import YAML, Write


def by_kind(path: object) -> dict[str, TableInput]:
    return {table.kind: table for table in load_folder(path).tables}  # type: ignore[arg-type]


def test_a_folder_gives_its_tables_as_canonical_bytes(folder: Write) -> None:
    given = load_folder(folder())
    tables = {table.kind: table for table in given.tables}
    assert [table.kind for table in given.tables] == ["areas", "stations", "readings", "official", "reports"]
    assert tables["readings"].data.decode() == "station,ada,bob,valid,registered\nn-1,120,80,200,900\ns-1,50,60,110,\n"
    assert tables["official"].data.decode() == "area,item,value\nXX,ada,300\nXX,bob,400\nXX,valid,700\n"
    assert (tables["official"].snapshot, tables["official"].announced_at) == ("first", "2026-03-02")
    assert tables["official"].source == {"name": "official.csv"}
    assert tables["stations"].rows == 3
    assert tables["areas"].data.decode().splitlines() == [
        "area,parent,name,kind,expected_stations,deadline",
        "XX,,Land,country,,",
        "n,XX,North,region,,",
        "s,XX,South,region,,",
    ]


def test_small_cells_of_reports_never_leave_the_reader(folder: Write) -> None:
    assert by_kind(folder())["reports"].data.decode() == (
        "station,area,option,reports\n,n,bob,6\nn-1,n,ada,40\ns-1,s,ada,7\n"
    )
    public = folder(election_yaml=YAML.replace("country:", "min_cell: 1\ncountry:"))
    assert by_kind(public)["reports"].data.decode() == (
        "station,area,option,reports\nn-1,n,ada,40\nn-1,n,bob,2\nn-2,n,bob,4\ns-1,s,ada,7\n"
    )


def test_no_hash_of_a_table_with_small_cells_is_taken(folder: Write) -> None:
    path = folder(
        election_yaml=YAML.replace(
            "file: reports.csv}", "file: reports.csv, source: {name: us, original_sha256: " + "0" * 64 + "}}"
        )
    )
    with pytest.raises(InputError) as caught:
        load_folder(path)
    assert "would let anyone test guesses about small cells" in str(caught.value)


def test_without_an_areas_table_the_country_is_the_one_area(folder: Write) -> None:
    path = folder(
        areas=None,
        stations="station,name\nn-1,a\ns-1,b\nn-2,c\n",
        election_yaml=YAML.replace("  - {kind: areas, file: areas.csv}\n", "").replace(
            "country:", "expected_stations: 9\ncountry:"
        ),
    )
    tables = by_kind(path)
    assert tables["areas"].data.decode().splitlines()[1:] == ["XX,,XX,country,9,"]
    assert tables["areas"].file is None
    assert tables["stations"].data.decode().splitlines()[1] == "n-1,XX,a,,,,,,,"


def test_without_a_stations_table_the_stations_are_those_that_tables_name(folder: Write) -> None:
    text = YAML.replace("  - {kind: stations, file: stations.csv}\n", "")
    path = folder(stations=None, election_yaml=text.replace("country:", "expected_stations: 9\ncountry:"))
    stations = by_kind(path)["stations"]
    assert stations.data.decode().splitlines()[1:] == ["n-1,XX,,,,,,,,", "n-2,XX,,,,,,,,", "s-1,XX,,,,,,,,"]
    with pytest.raises(InputError) as caught:
        load_folder(folder(stations=None, election_yaml=text))
    assert str(caught.value) == (
        "election.yaml, line 17, column 1: expected a table of kind stations, or `expected_stations`, the number of "
        "stations in the country, found neither."
    )


def test_official_figures_per_station_are_read(folder: Write) -> None:
    path = folder(
        official="station,ada,valid\nn-1,119,199\nn-2,,\n",
        election_yaml=YAML.replace("announced_at: 2026-03-02", "announced_at: 2026-03-02T20:05Z, unit: station"),
    )
    official = by_kind(path)["official"]
    assert (official.unit, official.announced_at) == ("station", "2026-03-02T20:05Z")
    assert official.data.decode() == "station,ada,valid\nn-1,119,199\nn-2,,\n"


def test_remarks_are_kept_as_announced_and_other_figures_must_be_whole(folder: Write) -> None:
    text = "area,item,value\nXX,ada,300\nXX,sheets_percent,96.87\n"
    named = YAML.replace("file: official.csv", "file: official.csv, remarks: [sheets_percent]")
    assert by_kind(folder(official=text, election_yaml=named))["official"].data.decode() == text
    with pytest.raises(InputError) as caught:
        load_folder(folder(official=text.replace("300", "300.5"), election_yaml=named))
    assert str(caught.value) == (
        "official.csv, line 2, column value: expected a whole number of 0 or more, without separators, found '300.5'; "
        "name the item under `remarks:` if it is no figure to compute with."
    )


def test_states_of_fields_stay_words_and_absent_is_nothing(folder: Write) -> None:
    path = folder(readings="station,ada,bob,valid,registered\nn-1,struck,word,illegible,empty\ns-1,absent,-0,1,2\n")
    assert by_kind(path)["readings"].data.decode().splitlines()[1:] == [
        "n-1,struck,word,illegible,empty",
        "s-1,,0,1,2",
    ]


ENTRIES = YAML + "entries:\n  - {kind: transcripts, file: t.csv}\n"
HEADER = "copy,station,contest,page,kind,reader,problem,ada,bob\n"


def test_transcripts_are_rows_with_one_text_per_figure(folder: Write) -> None:
    text = HEADER + "c1,n-1,president,1,photo,anna,,5,absent\nc1,n-1,president,1,photo,bo,,5,struck\n"
    text += "c2,n-2,president,,,anna,illegible,,\n"
    given = load_folder(folder(t_csv=text, election_yaml=ENTRIES)).rows
    assert [(r.kind, r.file) for r in given] == [("transcripts", "t.csv")]
    assert given[0].frame.columns == HEADER.strip().split(",")
    assert given[0].frame.rows() == [
        ("c1", "n-1", "president", "1", "photo", "anna", None, "5", None),
        ("c1", "n-1", "president", "1", "photo", "bo", None, "5", "struck"),
        ("c2", "n-2", "president", "1", "photo", "anna", "illegible", None, None),
    ]


BAD_TRANSCRIPTS = {
    "c1,n-1,president,1,photo,anna,illegible,5,\n": (
        "t.csv, line 2, column problem: expected either figures or a problem, found both."
    ),
    "c1,n-1,president,1,photo,anna,,,\n": (
        "t.csv, line 2, column problem: expected figures or a problem, found neither; write `empty` for a box that is "
        "blank on the paper."
    ),
    "c1,n-1,president,1,photo,anna,,5,6\nc1,n-2,president,1,photo,bo,,5,6\n": (
        "t.csv, line 3, column station: expected station n-1 for the copy c1, as in t.csv, line 2, found n-2."
    ),
    "c1,n-1,president,1,photo,anna,,5,6\nc1,n-1,president,1,photo,anna,,7,6\n": (
        "t.csv, line 3: expected each copy and reader once, found c1, anna again (first in t.csv, line 2)."
    ),
    "c1,n-1,mayor,1,photo,anna,,5,6\n": (
        "t.csv, line 2, column contest: expected a contest: president, found 'mayor'."
    ),
    "c1,n-1,president,1,photo,,,5,6\n": "t.csv, line 2, column reader: expected a value, found nothing.",
    "c1,n-1,president,1,photo,anna,,-5,6\n": (
        "t.csv, line 2, column ada: expected a number of votes, 0 or more, found -5."
    ),
    "c1,n-1,president,1,photo,anna,torn,,\n": (
        "t.csv, line 2, column problem: expected a problem: not_a_protocol, wrong_station, illegible, page_missing, "
        "duplicate, found 'torn'."
    ),
}


@pytest.mark.parametrize("text", BAD_TRANSCRIPTS)
def test_bad_transcripts_are_refused(text: str, folder: Write) -> None:
    with pytest.raises(InputError) as caught:
        load_folder(folder(t_csv=HEADER + text, election_yaml=ENTRIES))
    assert str(caught.value) == BAD_TRANSCRIPTS[text]


def test_decisions_withdrawals_and_notices_are_read(folder: Write) -> None:
    path = folder(
        d_csv="station,contest,action,reason,copy,ada\nn-1,president,settle_fields,read_again,c1,5\n"
        "n-2,president,exclude_station,station_merged,,\n",
        w_csv="copy,reason\nc1,sender_asked\n",
        n_csv="kind,text,text.be\nfroze,We stop here.,Мы спыняемся.\n",
        election_yaml=YAML + "entries:\n  - {kind: decisions, file: d.csv}\n  - {kind: withdrawals, file: w.csv}\n"
        "  - {kind: notices, file: n.csv}\n",
    )
    frames = {r.kind: r.frame.rows() for r in load_folder(path).rows}
    assert frames == {
        "decisions": [
            ("n-1", "president", "settle_fields", "read_again", "c1", "5"),
            ("n-2", "president", "exclude_station", "station_merged", None, None),
        ],
        "withdrawals": [("c1", None, "sender_asked")],
        "notices": [("froze", "We stop here.", "Мы спыняемся.")],
    }


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            "n-1,president,settle_fields,read_again,c1,",
            (
                "d.csv, line 2, column action: expected figures with settle_fields, and only with it, found "
                "settle_fields "
                "without figures."
            ),
        ),
        (
            "n-1,president,exclude_copy,forged,,",
            "d.csv, line 2, column copy: expected the copy the decision is about, found nothing.",
        ),
        (
            "n-1,president,exclude_copy,because,c1,",
            (
                "d.csv, line 2, column reason: expected a reason: read_again, better_photo, later_copy, signed_copy, "
                "wrong_station, not_a_protocol, duplicate, forged, station_merged, cannot_be_settled, found 'because'."
            ),
        ),
    ],
)
def test_bad_decisions_are_refused(row: str, sentence: str, folder: Write) -> None:
    path = folder(
        d_csv=f"station,contest,action,reason,copy,ada\n{row}\n",
        election_yaml=YAML + "entries:\n  - {kind: decisions, file: d.csv}\n",
    )
    with pytest.raises(InputError) as caught:
        load_folder(path)
    assert str(caught.value) == sentence
