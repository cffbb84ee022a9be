"""The built-in recipes on the real data, and what a recipe refuses."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import polars as pl
import pytest

from counterfoil.election.folder import FolderInput, load_folder
from counterfoil.election.recipes import apply_recipe, builtin_recipes, load_recipe
from counterfoil.election.suppression import suppress
from counterfoil.primitives.errors import InputError

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
BELARUS, VENEZUELA = DATA / "belarus-2020", DATA / "venezuela-2024"
ZIPPED = VENEZUELA / "RESULTADOS_2024_CSV_V1.csv.zip"


def table(given: FolderInput, kind: str, snapshot: str | None = None) -> pl.DataFrame:
    found = next(t for t in given.tables if t.kind == kind and (snapshot is None or t.snapshot == snapshot))
    return pl.read_csv(found.data, infer_schema=False)


def total(frame: pl.DataFrame, column: str) -> int:
    return int(frame[column].cast(pl.Int64).sum())


def unzipped() -> bytes:
    with zipfile.ZipFile(ZIPPED) as package:
        return package.read("RESULTADOS_2024_CSV_V1.csv")


SMALL = 300
"""Lines of the real table that are enough where only the way to it matters."""


def some() -> bytes:
    return b"\n".join(unzipped().split(b"\n")[:SMALL]) + b"\n"


def zipped(path: Path, text: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("folder/RESULTADOS_2024_CSV_V1.csv", text)


@pytest.fixture(scope="module")
def belarus(tmp_path_factory: pytest.TempPathFactory) -> FolderInput:
    to = tmp_path_factory.mktemp("recipes") / "belarus"
    apply_recipe("belarus-2020", BELARUS, to)
    return load_folder(to)


@pytest.fixture(scope="module")
def venezuela(tmp_path_factory: pytest.TempPathFactory) -> FolderInput:
    to = tmp_path_factory.mktemp("recipes") / "venezuela"
    apply_recipe("venezuela-2024", VENEZUELA, to)
    return load_folder(to)


def test_belarus_has_every_station_and_every_protocol(belarus: FolderInput) -> None:
    readings, stations = table(belarus, "readings"), table(belarus, "stations")
    assert (stations.height, readings.height) == (5767, 1395)
    votes = {
        "tihanovkaja": 497_510,
        "lukashenko": 1_236_287,
        "dmitriyev": 32_467,
        "kanopatskaja": 37_937,
        "cherechen": 31_137,
        "against": 130_006,
        "corrupted": 18_862,
    }
    assert {option: total(readings, option) for option in votes} == votes
    assert readings["ballots_cast"].is_not_null().sum() == 1374
    assert readings["against"].cast(pl.Int64).lt(0).sum() == 3


def test_belarus_keeps_stations_abroad_apart_from_the_capital(belarus: FolderInput) -> None:
    areas, stations = table(belarus, "areas"), table(belarus, "stations")
    placed = stations.join(areas.select("area", "parent"), on="area")
    by_region = dict(placed.group_by("parent").len().iter_rows())
    assert by_region == {"1": 910, "2": 750, "3": 997, "4": 656, "5": 992, "6": 731, "7": 687, "8": 44}
    abroad = stations.filter(pl.col("area") == "8-002")
    assert (abroad.height, set(abroad["kind"])) == (44, {"embassy"})
    assert areas.filter(pl.col("parent").is_null())["area"].to_list() == ["BY"]


def test_belarus_has_the_photographed_ballots_and_the_announced_figures(belarus: FolderInput) -> None:
    reports = table(belarus, "reports")
    assert total(reports, "reports") == 540_127
    assert total(reports.filter(pl.col("option") == "tihanovkaja"), "reports") == 530_047
    assert total(reports.filter(pl.col("option") == "lukashenko"), "reports") == 641
    official = table(belarus, "official", "final")
    assert dict(official.filter(pl.col("area") == "BY").select("item", "value").iter_rows()) == {
        "registered": "6904649",
        "ballots_received": "5826107",
        "ballots_cast": "5818955",
        "lukashenko": "4661075",
        "tihanovkaja": "588622",
    }
    source = next(t for t in belarus.tables if t.kind == "official").source
    assert "rounded" in source["note"]
    assert "original_sha256" not in next(t for t in belarus.tables if t.kind == "reports").source


def test_belarus_with_small_cells_suppressed_keeps_the_total_and_the_known_sum(belarus: FolderInput) -> None:
    reports, stations, areas = (table(belarus, kind) for kind in ("reports", "stations", "areas"))
    shown = suppress(reports, stations, 5, dict(areas.select("area", "parent").iter_rows()))
    assert total(shown, "reports") == 540_127
    hidden = reports.filter(pl.col("reports").cast(pl.Int64) < 5)
    assert hidden.height == 6_660
    protocols = table(belarus, "readings")
    hers = shown.filter((pl.col("option") == "tihanovkaja") & pl.col("station").is_not_null())
    without = hers.join(protocols, on="station", how="anti")
    # leaving out whole stations with 1 to 4 photographed ballots instead of single cells would give 759,602
    assert 497_510 + total(without, "reports") == 759_548


def test_venezuela_has_every_sheet(venezuela: FolderInput) -> None:
    readings = table(venezuela, "readings")
    assert readings.height == table(venezuela, "stations").height == 24_532
    assert {c: total(readings, c) for c in ("valid", "invalid", "registered", "EG", "NM")} == {
        "valid": 10_659_128,
        "invalid": 1_139,
        "registered": 17_745_239,
        "EG": 7_156_462,
        "NM": 3_241_461,
    }
    areas = table(venezuela, "areas")
    assert dict(areas.group_by("kind").len().iter_rows()) == {
        "country": 1,
        "state": 24,
        "municipality": 326,
        "parish": 1072,
    }
    assert areas["expected_stations"].is_null().all()
    assert venezuela.election.expected_stations == 30_026


def test_venezuela_has_a_table_for_each_bulletin(venezuela: FolderInput) -> None:
    official = [(t.snapshot, t.announced_at) for t in venezuela.tables if t.kind == "official"]
    assert official == [("bulletin-1", "2024-07-29"), ("bulletin-2", "2024-08-02")]
    first = dict(table(venezuela, "official", "bulletin-1").select("item", "value").iter_rows())
    assert first == {
        "sheets_share_percent": "80",
        "valid": "10058774",
        "NM": "5150092",
        "EG": "4445978",
        "others": "462704",
    }


def _without_register(text: bytes) -> bytes:
    """The later kind of table: Latin-1, no registered voters."""
    frame = pl.read_csv(text, infer_schema=False).drop("RE", "URL")
    return frame.write_csv().encode("latin-1")


def test_a_later_version_in_latin_1_without_the_register_is_read_and_says_what_is_unknown(
    tmp_path: Path, venezuela: FolderInput
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "RESULTADOS_2024_CSV_V2.csv").write_bytes(_without_register(unzipped()))
    result = apply_recipe("venezuela-2024", source, tmp_path / "made")
    later = load_folder(tmp_path / "made")
    assert result.unknown == {
        "RE": "registered voters, so neither turnout nor more votes than voters can be checked",
    }
    assert list(result.absent) == ["announced"]
    assert table(later, "readings")["registered"].is_null().all()
    assert table(later, "readings").drop("registered").equals(table(venezuela, "readings").drop("registered"))
    assert table(later, "areas").equals(table(venezuela, "areas"))
    assert not [t for t in later.tables if t.kind == "official"]


@pytest.mark.parametrize("holds", ["the zip", "the file", "both", "the zip itself", "the file itself", "other names"])
def test_the_source_may_hold_the_zip_the_table_or_both(holds: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    if holds in ("the zip", "both", "the zip itself"):
        zipped(source / ZIPPED.name, some())
    if holds in ("the file", "both", "the file itself"):
        (source / "RESULTADOS_2024_CSV_V1.csv").write_bytes(some())
    if holds == "other names":
        (source / "actas.csv").write_bytes(some())
        (source / "notes.csv").write_text("a,b\n1,2\n")
    given = next(source.iterdir()) if holds.endswith("itself") else source
    apply_recipe("venezuela-2024", given, tmp_path / "made")
    made = table(load_folder(tmp_path / "made"), "readings")
    assert made.height == SMALL - 1
    assert total(made, "EG") == sum(int(line.split(b",")[11]) for line in some().splitlines()[1:])


def refused(recipe: str | Path, source: Path, to: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        apply_recipe(recipe, source, to)
    return caught.value


def test_a_missing_column_that_is_needed_is_refused_by_name(tmp_path: Path) -> None:
    source, to = tmp_path / "source", tmp_path / "made"
    source.mkdir()
    frame = pl.read_csv(unzipped(), infer_schema=False).drop("MESA", "EG")
    frame.write_csv(source / "RESULTADOS_2024_CSV_V3.csv")
    error = refused("venezuela-2024", source, to)
    assert str(error).startswith("RESULTADOS_2024_CSV_V3.csv: expected the columns MESA, EG, found only COD_EDO, EDO,")
    assert not to.exists()


def test_two_versions_that_differ_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    text = some().decode("utf-8-sig")
    (source / "RESULTADOS_2024_CSV_V1.csv").write_text(text, encoding="utf-8")
    (source / "RESULTADOS_2024_CSV_V2.csv").write_text(text[: text.rindex("\n", 0, -1) + 1], encoding="utf-8")
    error = refused("venezuela-2024", source, tmp_path / "made")
    assert error.code == "several-versions"
    assert "RESULTADOS_2024_CSV_V1.csv, RESULTADOS_2024_CSV_V2.csv" in error.found


def test_the_same_rows_in_another_encoding_are_one_version_and_the_fuller_one_is_read(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "RESULTADOS_2024_CSV_V1.csv").write_bytes(_without_register(some()))
    zipped(source / ZIPPED.name, some())
    result = apply_recipe("venezuela-2024", source, tmp_path / "made")
    assert result.used["sheets"] == "RESULTADOS_2024_CSV_V1.csv.zip: folder/RESULTADOS_2024_CSV_V1.csv (utf-8)"
    assert result.unknown == {}


def test_a_wrong_figure_is_named_in_the_users_own_file(tmp_path: Path) -> None:
    source, to = tmp_path / "source", tmp_path / "made"
    source.mkdir()
    lines = unzipped().decode().splitlines(keepends=True)[:5]
    lines[3] = lines[3].replace(",".join(lines[3].split(",")[11:13]), "1.234,5", 1)
    (source / "RESULTADOS_2024_CSV_V1.csv").write_text("".join(lines), encoding="utf-8")
    error = refused("venezuela-2024", source, to)
    assert error.where == "RESULTADOS_2024_CSV_V1.csv, line 4 (readings, column EG)"
    assert error.found == "'1.234'"
    assert not to.exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["source"]


def test_the_line_in_the_users_file_is_right_after_a_cell_of_several_lines(tmp_path: Path) -> None:
    source, to = tmp_path / "source", tmp_path / "made"
    source.mkdir()
    lines = unzipped().decode("utf-8-sig").splitlines(keepends=True)[:5]
    lines[1] = lines[1].replace("PQ. EL RECREO", '"PQ. EL\nRECREO"', 1)
    lines[2] = lines[2].replace("PQ. EL RECREO", '"PQ. EL\nRECREO"', 1)
    lines[3] = lines[3].replace("PQ. EL RECREO", '"PQ. EL\nRECREO"', 1)
    lines[4] = lines[4].replace("PQ. EL RECREO", '"PQ. EL\nRECREO"', 1).replace(",0,", ",x,", 1)
    (source / "RESULTADOS_2024_CSV_V1.csv").write_text("".join(lines), encoding="utf-8")
    error = refused("venezuela-2024", source, to)
    assert error.where == "RESULTADOS_2024_CSV_V1.csv, line 8 (readings, column invalid)"


def test_nothing_there_says_what_is_needed_and_where_to_look(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    error = refused("belarus-2020", tmp_path / "source", tmp_path / "made")
    assert "geo-categorized.csv" in str(error)
    assert "the list of all stations" in str(error)


def test_a_broken_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(ZIPPED.read_bytes()[:1000])
    assert refused("venezuela-2024", tmp_path / "x.zip", tmp_path / "made").code == "bad-zip"


def test_a_folder_that_holds_something_else_is_never_touched(tmp_path: Path) -> None:
    to = tmp_path / "made"
    to.mkdir()
    (to / "election.yaml").write_text("counterfoil: 1\n")
    assert refused("belarus-2020", BELARUS, to).code == "foreign-folder"
    (to / "election.yaml").unlink()
    (to / "letter.txt").write_text("x")
    assert refused("belarus-2020", BELARUS, to).code == "foreign-folder"
    assert [p.name for p in to.iterdir()] == ["letter.txt"]


def test_a_recipe_may_run_again_over_its_own_folder_and_keeps_the_record(tmp_path: Path) -> None:
    to = tmp_path / "made"
    apply_recipe("belarus-2020", BELARUS, to)
    before = {p.name: p.read_bytes() for p in to.iterdir()}
    (to / "keys").mkdir()
    (to / "keys" / "log.key").write_text("secret")
    apply_recipe("belarus-2020", BELARUS, to)
    assert (to / "keys" / "log.key").read_text() == "secret"
    assert {p.name: p.read_bytes() for p in to.iterdir() if p.is_file()} == before


def test_every_built_in_recipe_reads_and_says_where_its_data_is_public() -> None:
    assert {"belarus-2020", "venezuela-2024"} <= set(builtin_recipes())
    for name in builtin_recipes():
        recipe = load_recipe(name)
        assert recipe.id == name
        assert "GitHub repository" in recipe.about


def test_an_unknown_recipe_names_those_there_are() -> None:
    with pytest.raises(InputError) as caught:
        load_recipe("atlantis-1999")
    names = ", ".join(builtin_recipes())
    assert str(caught.value) == f"atlantis-1999: expected a recipe file, or one of {names}, found neither."


def test_a_misspelt_column_is_refused_when_the_recipe_is_read(tmp_path: Path) -> None:
    text = builtin_recipes()["belarus-2020"].read_text(encoding="utf-8").replace('station: "{id}"', 'station: "{idd}"')
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_recipe(tmp_path / "mine.yaml")
    assert caught.value.code == "bad-recipe"
    assert caught.value.found == "idd"
    assert caught.value.where.startswith("mine.yaml, line ")


def test_zip_members_are_counted_before_they_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("counterfoil.election.recipe_sources.MAX_UNPACKED_BYTES", 1000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("RESULTADOS_2024_CSV_V1.csv", "a," * 5000)
    (tmp_path / "bomb.zip").write_bytes(buffer.getvalue())
    error = refused("venezuela-2024", tmp_path / "bomb.zip", tmp_path / "made")
    assert str(error) == "bomb.zip: expected at most 1000 bytes unpacked, found 10000."
