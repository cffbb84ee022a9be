"""An import says what it would do before it does it."""

from __future__ import annotations

from counterfoil.election.folder import FolderInput, load_folder
from counterfoil.election.preview import Status, TableKey, preview
from tests.election.conftest import YAML, Write


def standing(given: FolderInput) -> dict[TableKey, bytes]:
    return {(t.kind, t.contest, t.name): t.data for t in given.tables}


def test_into_an_empty_record_everything_is_new(folder: Write) -> None:
    given = load_folder(folder())
    assert preview(given, {}).lines() == [
        "definition: new",
        "areas areas: new, 3 rows",
        "stations stations: new, 3 rows",
        "readings president readings: new, 2 rows",
        "official president official: new, 3 rows",
        "reports president reports: new, 3 rows",
    ]


def test_the_same_folder_again_adds_nothing(folder: Write) -> None:
    given = load_folder(folder())
    again = preview(given, standing(given), given.election.plain)
    assert again.nothing_to_do
    assert {table.status for table in again.tables} == {Status.SAME}


def test_changed_rows_are_named(folder: Write) -> None:
    before = load_folder(folder())
    after = load_folder(
        folder(
            readings="station,ada,bob,valid,registered\nn-1,121,80,201,900\nn-2,1,2,3,\n",
            official="area,item,value\nXX,ada,301\nXX,bob,400\n",
            election_yaml=YAML.replace("title: {en: An", "title: {en: Another").replace(
                "  - {kind: reports, contest: president, file: reports.csv}\n", ""
            ),
        )
    )
    assert preview(after, standing(before), before.election.plain).lines() == [
        "definition: changed",
        "areas areas: same, 3 rows",
        "stations stations: same, 3 rows",
        "readings president readings: changed, 2 rows; 1 added (n-2); 1 removed (s-1); 1 changed (n-1)",
        "official president official: beside, 2 rows; 1 removed (XX valid); 1 changed (XX ada)",
        "reports president reports: stays, 3 rows",
    ]


def test_columns_that_are_left_out_or_new_are_named(folder: Write) -> None:
    before = load_folder(folder())
    after = load_folder(
        folder(
            readings="station,ada,bob,valid,registered,extra,url\nn-1,120,80,200,900,,x\ns-1,50,60,110,,,y\n",
            election_yaml=YAML.replace("file: readings.csv", "file: readings.csv, ignore: [url]").replace(
                "{id: registered, kind: total}]", "{id: registered, kind: total}, {id: extra}]"
            ),
        )
    )
    readings = next(t for t in preview(after, standing(before)).tables if t.key[0] == "readings")
    assert readings.line() == ("readings president readings: changed, 2 rows; column extra added; column url ignored")


def test_entries_are_counted_by_kind(folder: Write) -> None:
    text = "copy,station,contest,reader,ada\nc1,n-1,president,r1,5\nc1,n-1,president,r2,6\n"
    path = folder(election_yaml=YAML + "entries:\n  - {kind: transcripts, file: t.csv}\n", t_csv=text)
    assert preview(load_folder(path), {}).lines()[-1] == "transcripts: 2 rows to look at one by one"


def test_of_many_rows_only_the_first_are_named(folder: Write) -> None:
    before = load_folder(folder())
    many = "".join(f"n-{i},n\n" for i in range(1, 20))
    table = preview(load_folder(folder(stations="station,area\ns-1,s\n" + many)), standing(before)).tables[1]
    assert len(table.added) == 17
    assert "17 added (n-10, n-11, n-12, n-13, n-14, ...)" in table.line()


def test_a_figure_that_was_not_stated_before_is_a_change(folder: Write) -> None:
    before = load_folder(folder())
    after = load_folder(folder(readings="station,ada,bob,valid,registered\nn-1,120,80,200,900\ns-1,50,60,110,640\n"))
    assert preview(after, standing(before)).tables[2].changed.first == ("s-1",)
    assert preview(before, standing(after)).tables[2].changed.first == ("s-1",)
