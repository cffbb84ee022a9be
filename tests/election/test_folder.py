"""A folder is read as a whole, or refused with one sentence."""

from __future__ import annotations

from counterfoil.election.folder import load_folder
from tests.election.conftest import Write


def test_a_folder_gives_its_tables_as_canonical_bytes(folder: Write) -> None:
    given = load_folder(folder())
    tables = {table.kind: table for table in given.tables}
    assert [table.kind for table in given.tables] == ["areas", "stations", "readings", "official", "reports"]
    assert tables["readings"].data.decode() == "station,ada,bob,valid,registered\nn-1,120,80,200,900\ns-1,50,60,110,\n"
    assert tables["reports"].data.decode() == ("station,area,option,reports\n,n,bob,6\nn-1,n,ada,40\ns-1,s,ada,7\n")
    assert tables["official"].snapshot == "first"
    assert tables["official"].source == {"name": "official.csv"}
    assert tables["stations"].rows == 3
    assert given.election.contest("president").options[0].id == "ada"
