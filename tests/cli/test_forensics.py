"""`counterfoil forensics` on tables, recipes, folders: the same figures from every format, and clear refusals."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from counterfoil import workflow
from counterfoil.election.recipes import apply_recipe
from counterfoil.primitives.errors import InputError
from counterfoil.workflow.forensics import archive_columns, read_columns, read_mapping
from tests.cli.conftest import Run

DATA = Path(__file__).parents[2] / "../shared/data"
MAPPING = "registered=Voters, listed,cast=Valid|Invalid,leader=Ada,others=B*,area=Region"
RUSSIA = {
    2018: (97_699, 109_008_428, 73_629_581, 73_578_992, 56_430_712),
    2021: (96_325, 109_204_662, 56_484_685, 56_329_690, 28_064_200),
}


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    stream = np.random.default_rng(1)
    voters = stream.integers(400, 2500, 700)
    cast = stream.binomial(voters, stream.beta(60, 40, 700))
    ada = stream.binomial(cast, stream.beta(50, 40, 700))
    bob = stream.binomial(cast - ada, 0.7)
    return pl.DataFrame(
        {
            "Region": [f"Region {i % 3}" for i in range(700)],
            "Voters, listed": voters,
            "Valid": cast - 3,
            "Invalid": [3] * 700,
            "Ada": np.minimum(ada, cast - 3),
            "Bob": bob,
            "By": ["somebody"] * 700,
        }
    )


@pytest.fixture
def csv(table: pl.DataFrame, tmp_path: Path) -> Path:
    table.write_csv(tmp_path / "stations.csv")
    return tmp_path / "stations.csv"


def test_a_table_gives_every_test_with_its_placebos_and_one_family(run: Run, csv: Path) -> None:
    ran = run("forensics", csv, "--columns", MAPPING, "--json")
    assert (ran.code, ran.err) == (0, "")
    found = ran.json
    assert found["stations"] == 700
    assert found["mapped"]["cast"] == ["Valid", "Invalid"]
    assert (found["leader"], found["runner_up"]) == ("Ada", "Bob")
    by_key = {t["test"]: t for t in found["tests"]}
    assert by_key["integer-percentages"]["placebos"].keys() == {"redrawn", "runner-up", "lost"}
    assert not any(t["stands_out"] for t in (*found["tests"], *found["by_area"]))
    adjusted = [t["adjusted_p"] for t in (*found["tests"], *found["by_area"])]
    assert sum(p is not None for p in adjusted) == found["family"]
    assert "fraud" not in ran.out.lower()


def test_csv_parquet_and_a_spreadsheet_give_the_same(run: Run, csv: Path, table: pl.DataFrame) -> None:
    table.write_parquet(csv.with_suffix(".parquet"))
    table.write_excel(csv.with_suffix(".xlsx"))
    texts = [
        run("forensics", csv.with_suffix(s), "--columns", MAPPING, "--no-areas").out.partition("\n")[2]
        for s in (".csv", ".parquet", ".xlsx")
    ]
    assert texts[0] == texts[1] == texts[2]
    assert "z = " in texts[0]


def test_a_page_is_one_file_that_asks_nothing_of_anybody(run: Run, csv: Path, tmp_path: Path) -> None:
    made = [tmp_path / "one.html", tmp_path / "two.html"]
    for page in made:
        assert run("forensics", csv, "--columns", MAPPING, "--html", page).code == 0
    text = made[0].read_text("utf-8")
    assert made[0].read_bytes() == made[1].read_bytes()
    assert not re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text)
    assert "<script" not in text and ' src="' not in text and "<svg" in text
    assert "Exploratory" in text and "falsif" not in text.lower()


@pytest.mark.parametrize("year", list(RUSSIA))
def test_a_year_of_the_archive_adds_up_to_the_official_figures(year: int) -> None:
    read = read_columns(DATA / f"russia-{year}" / f"{year}.csv.zip", archive_columns(f"russia-{year}") or {})
    sums = [read.complete[name].sum() for name in ("registered", "given", "cast", "leader")]
    assert (read.complete.height, *sums) == RUSSIA[year]
    assert len(read.mapped["given"]) == 3 and len(read.others) == (7 if year == 2018 else 13)


@pytest.mark.parametrize("year", list(RUSSIA))
def test_the_recipe_of_a_year_makes_a_folder_of_the_same_sums(year: int, tmp_path: Path) -> None:
    apply_recipe(f"russia-{year}", DATA / f"russia-{year}", tmp_path / "f")
    read = pl.read_csv(tmp_path / "f" / "readings.csv")
    leader = "putin" if year == 2018 else "edinaya-rossiya"
    given = pl.sum_horizontal("given-early", "given-station", "given-outside")
    wanted = [pl.col("registered"), given, pl.col("valid") + pl.col("invalid"), pl.col(leader)]
    sums = read.select(column.sum().alias(str(i)) for i, column in enumerate(wanted)).row(0)
    assert (read.height, *sums) == RUSSIA[year]


def test_a_counted_folder_gives_the_known_figures_of_the_protocols(run: Run, tmp_path: Path) -> None:
    apply_recipe("belarus-2020", DATA / "belarus-2020", tmp_path / "f")
    refused = run("forensics", tmp_path / "f", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "no-record")
    workflow.count(tmp_path / "f")
    found = run("forensics", tmp_path / "f", "--json").json
    tested = {t["test"]: t for t in found["tests"]}["integer-percentages"]
    either = tested["result"]["either"]
    assert (found["leader"], either["hits"], round(either["expected"], 1)) == ("lukashenko", 366, 246.4)
    assert round(tested["z"], 2) == 8.48
    assert (found["rows"], found["rows_left_out"], found["stations"]) == (1395, 60, 1335)
    assert round(tested["placebos"]["lost"]["z"], 1) == 0.7
    assert "Minsk city" in found["areas"]
    other = run("forensics", tmp_path / "f", "--option", "tihanovkaja", "--no-areas", "--json").json
    assert (other["leader"], other["by_area"]) == ("tihanovkaja", [])
    assert run("forensics", tmp_path / "f", "--option", "nobody").code == 2


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ((), "--recipe"),
        (("--columns", "registered=Voters, listed"), "leader=COLUMN"),
        (("--columns", "leader=Nobody"), "a column Nobody for leader"),
        (("--columns", "leader=By"), "line 2, column By: expected a whole number from 0, found 'somebody'"),
        (("--columns", "leader=Ada,leader=Bob"), "each once"),
        (("--columns", "winner=Ada"), "items like registered=COLUMN"),
        (("--recipe", "atlantis"), "counterfoil recipe atlantis"),
        (("--recipe", "russia-2018"), "a column *Число избирателей"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused_with_what_was_expected(
    run: Run, csv: Path, mapping: tuple[str, ...], said: str
) -> None:
    ran = run("forensics", csv, *mapping)
    assert ran.code == 2
    assert said in ran.err


def test_rows_that_lack_a_figure_are_left_out_and_counted(run: Run, csv: Path, table: pl.DataFrame) -> None:
    table.with_columns(pl.when(pl.int_range(700) < 5).then(None).otherwise(pl.col("Ada")).alias("Ada")).write_csv(csv)
    ran = run("forensics", csv, "--columns", MAPPING, "--json")
    assert (ran.json["rows"], ran.json["rows_left_out"], ran.json["stations"]) == (700, 5, 695)


@pytest.fixture
def with_earlier(table: pl.DataFrame, tmp_path: Path) -> Path:
    """An earlier election at the same stations, and one station in a hundred with Ada and Bob turned round now."""
    stream = np.random.default_rng(2)
    cast = stream.binomial(table["Voters, listed"].to_numpy(), 0.55)
    share = table["Ada"].to_numpy() / (table["Ada"].to_numpy() + table["Bob"].to_numpy())
    ada = stream.binomial(cast, np.clip(share + stream.normal(0.15, 0.01, 700), 0.05, 0.98))
    turned = pl.int_range(700) % 100 == 7
    now = table.with_columns(
        pl.when(turned).then(pl.col("Bob")).otherwise(pl.col("Ada")).alias("Ada"),
        pl.when(turned).then(pl.col("Ada")).otherwise(pl.col("Bob")).alias("Bob"),
    )
    now.with_columns(
        pl.Series("2015 Ada", ada),
        pl.Series("2015 Bob", cast - ada),
        pl.Series("Voters 2015", table["Voters, listed"]),
        pl.Series("Late", stream.integers(0, 2, 700)),
    ).write_csv(tmp_path / "both.csv")
    return tmp_path / "both.csv"


EARLIER = "previous=2015 *,previous_registered=Voters 2015,previous_cast=2015 *,late=Late"


def test_an_earlier_election_is_held_beside_this_one(run: Run, with_earlier: Path) -> None:
    ran = run("forensics", with_earlier, "--columns", f"{MAPPING},{EARLIER}", "--no-areas", "--json")
    assert (ran.code, ran.err) == (0, "")
    results = {t["test"]: t["result"] for t in ran.json["tests"]}
    refusals = {t["test"]: t["refusal_code"] for t in ran.json["tests"]}
    found = {station["row"] for station in results["swapped"]["found"]}
    # Where both are about as strong nothing can tell.
    assert found <= set(range(7, 700, 100)) and len(found) >= 5
    assert results["swapped"]["placebo"] == 0
    assert results["late-count"]["placebo"] is not None
    assert refusals["flows"] == "too-few-territories"  # three regions
    moved = ran.json["beside"]["fingerprint-difference"]
    assert 0 < moved["result"]["moved"] < 1 and "than before" in moved["summary"]


def test_an_earlier_election_without_the_option_tested_is_said(run: Run, with_earlier: Path) -> None:
    other = EARLIER.replace("previous=2015 *", "previous=2015 Bob")
    ran = run("forensics", with_earlier, "--columns", f"{MAPPING},{other}", "--no-areas", "--json")
    beside = ran.json["beside"]["fingerprint-difference"]
    assert beside["refusal_code"] == "no-column" and "2015 Bob" in beside["refusal"]


def test_the_star_of_an_earlier_column_is_the_options_name_and_stands_for_one_column(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("Ada,2015 Ada,2015 Bob,2010 Ada\n5,3,4,1\n6,2,1,0\n")
    read = read_columns(file, {"leader": "Ada", "previous": "2015 *|2010 Ada"})
    assert dict(read.previous) == {"Ada": "2015 Ada", "Bob": "2015 Bob", "2010 Ada": "2010 Ada"}
    with pytest.raises(InputError, match="2015 Ada and 2010 Ada for Ada"):
        read_columns(file, {"leader": "Ada", "previous": "2015 *|2010 *"})


def test_the_published_recipe_is_repeated_when_asked_for(run: Run, csv: Path) -> None:
    without, asked = (
        run("forensics", csv, "--columns", MAPPING, "--no-areas", "--json", *more) for more in ((), ("--published",))
    )
    assert without.json["beside"] == {}
    found = asked.json["beside"]["integer-percentages-published"]["result"]
    exact = {t["test"]: t["result"] for t in asked.json["tests"]}["integer-percentages"]
    assert found["seed"] == 42 and found["either"]["hits"] == exact["either"]["hits"]
    assert abs(found["either"]["expected"] - exact["either"]["expected"]) < 1


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("Ada", "12.5", "line 5, column Ada: expected a whole number from 0, found '12.5'"),
        ("Ada", "-3", "line 5, column Ada: expected a whole number from 0, found '-3'"),
        ("Valid", "many", "line 5, column Valid: expected a whole number from 0, found 'many'"),
        ("Ada", "99999999999999", "expected a count from 0 to"),
    ],
)
def test_a_cell_that_is_no_count_is_refused_with_its_place(
    run: Run, csv: Path, table: pl.DataFrame, column: str, cell: str, said: str
) -> None:
    row = pl.int_range(700) == 3
    table.with_columns(
        pl.when(row).then(pl.lit(cell)).otherwise(pl.col(column).cast(pl.String)).alias(column)
    ).write_csv(csv)
    ran = run("forensics", csv, "--columns", MAPPING)
    assert ran.code == 2 and said in ran.err


@pytest.mark.parametrize("above", ["Ada", "Valid"])
def test_a_few_contradicting_stations_are_left_out_and_counted_many_are_refused(
    run: Run, csv: Path, table: pl.DataFrame, above: str
) -> None:
    """More votes than ballots; more ballots than voters."""
    reason = {"Ada": "leader_above_cast", "Valid": "given_above_registered"}[above]
    for count in (5, 300):
        broken = pl.when(pl.int_range(700) < count).then(50_000).otherwise(pl.col(above)).alias(above)
        table.with_columns(broken).write_csv(csv)
        found = run("forensics", csv, "--columns", MAPPING, "--no-areas", "--json").json
        tested = {t["test"]: t for t in found["tests"]}["integer-percentages"]
        if count == 5:
            assert tested["result"]["sample"]["excluded"][reason] == 5
            assert tested["stations_used"] <= 695
        else:
            assert (tested["refusal_code"], tested["result"]) == ("bad-input", None)
            assert "300 of 700 stations above" in tested["refusal"]


def test_three_stations_and_no_stations_are_answered_with_refusals(run: Run, csv: Path, table: pl.DataFrame) -> None:
    for size in (3, 0):
        table.head(size).write_csv(csv)
        ran = run("forensics", csv, "--columns", MAPPING, "--json")
        assert ran.code in (0, 2)
        if ran.code == 0:
            levelled = [t for t in ran.json["tests"] if not t["description_only"]]
            assert {t["refusal_code"] for t in levelled} == {"too-few-stations"} and ran.json["family"] == 0
        else:
            assert size == 0 and "expected" in ran.err


def test_more_stations_than_memory_is_sure_to_hold_are_refused_before_any_test(
    run: Run, csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("counterfoil.workflow.forensics"), "MOST_STATIONS", 699)
    ran = run("forensics", csv, "--columns", MAPPING)
    assert ran.code == 3
    assert "expected at most 699 stations" in ran.err and "found 700" in ran.err


def test_columns_that_are_all_equal_get_answers_or_refusals(run: Run, csv: Path, table: pl.DataFrame) -> None:
    equal = {"Voters, listed": 1000, "Valid": 600, "Invalid": 3, "Ada": 300, "Bob": 250}
    table.with_columns(pl.lit(value).alias(name) for name, value in equal.items()).write_csv(csv)
    ran = run("forensics", csv, "--columns", MAPPING, "--json")
    assert ran.code == 0
    by_key = {t["test"]: t for t in ran.json["tests"]}
    assert by_key["correlation"]["refusal_code"] == "no-variation"
    assert all((t["result"] is None) == (t["refusal"] is not None) for t in ran.json["tests"])
    json.dumps(ran.json, allow_nan=False)


def test_columns_in_the_wrong_order_are_refused_not_computed(run: Run, csv: Path) -> None:
    swapped = "registered=Ada,cast=Voters, listed,leader=Valid"
    found = run("forensics", csv, "--columns", swapped, "--json").json
    tested = {t["test"]: t for t in found["tests"]}["integer-percentages"]
    assert tested["refusal_code"] == "bad-input"
    assert "check that the columns are passed in their order" in tested["refusal"]


def test_commas_in_names_and_patterns_are_read_as_meant() -> None:
    found = read_mapping(["registered=A, b,leader=*x|!y*", "area=Region"])
    assert found == {"registered": "A, b", "leader": "*x|!y*", "area": "Region"}


@pytest.mark.parametrize("year", [2000, 2004, 2020, 2024])
def test_every_year_of_the_archive_has_a_mapping_and_no_other_name_has(year: int) -> None:
    columns = archive_columns(f"russia-{year}")
    assert columns is not None and set(columns) == {
        *("registered", "given", "cast", "leader", "others", "area", "commission")
    }
    assert archive_columns("russia-20181") is None


def test_calibrate_runs_on_a_made_up_country_or_on_a_table(run: Run, csv: Path) -> None:
    few = ("--replicates", 2, "--power-replicates", 1, "--sample", 300, "--workers", 1)
    made_up = run("forensics", "calibrate", *few, "--json")
    assert (made_up.code, made_up.json["title"], made_up.json["stations"]) == (0, "a simulated country", 300)
    on_table = run("forensics", "calibrate", csv, "--columns", MAPPING, *few)
    assert on_table.code == 0 and "| integer-percentages | stands out | at most 1% |" in on_table.out
    assert run("forensics", "calibrate", "--replicates", 0).code == 2


def test_a_pattern_adds_up_what_matches_and_takes_out_what_is_excluded(table: pl.DataFrame, tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    table.write_csv(file)
    read = read_columns(file, {"leader": "Ada", "cast": "*alid|!In*", "others": "*|!V*|!I*"})
    assert read.mapped["cast"] == ("Valid",)
    assert read.others == ("Bob",)  # Region and By hold texts
    assert read.complete["cast"].to_list() == table["Valid"].to_list()
