"""`counterfoil forensics audit`: the draw anybody can repeat, and what hand counts show, from a table and a seed."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from counterfoil.forensics import draw, macro
from tests.cli.conftest import Run

MAPPING = "registered=Voters,cast=Cast,leader=Ada,others=Bob|Cyd,area=Region"
SEED = "dice thrown in public: 4 1 6 6 2 3"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    stream = np.random.default_rng(4)
    voters = stream.integers(300, 1500, 120)
    cast = stream.binomial(voters, 0.6)
    ada = stream.binomial(cast, 0.55)
    bob = stream.binomial(cast - ada, 0.8)
    columns = {"Voters": voters, "Cast": cast, "Ada": ada, "Bob": bob, "Cyd": cast - ada - bob}
    file = tmp_path / "stations.csv"
    pl.DataFrame({"Region": [f"R{i % 4}" for i in range(120)], **columns}).write_csv(file)
    return file


def recounts(table: Path, stations: list[int], more: Mapping[int, int] | None = None) -> Path:
    """Hand counts as reported; `more`: votes that Bob has more and Ada less, by station."""
    read = pl.read_csv(table)
    rows = [
        {
            "station": n,
            "Ada": read["Ada"][n - 1] - (more or {}).get(n, 0),
            "Bob": read["Bob"][n - 1] + (more or {}).get(n, 0),
            "Cyd": read["Cyd"][n - 1],
        }
        for n in stations
    ]
    file = table.with_name("recounts.csv")
    pl.DataFrame(rows).write_csv(file)
    return file


def test_the_draw_and_the_risk_are_those_of_the_library(run: Run, table: Path) -> None:
    before = run("forensics", "audit", table, "--columns", MAPPING, "--seed", SEED, "--json").json
    read = pl.read_csv(table)
    plain = macro({name: read[name] for name in ("Ada", "Bob", "Cyd")}, read["Cast"])
    assert plain.total_error is not None
    assert before["margin"] == plain.margin and before["draws_expected"] == plain.draws_expected
    order = [batch + 1 for batch in draw(plain, SEED, plain.draws_expected)]
    assert [d["station"] for d in before["next"]] == order
    assert [d["draw"] for d in before["next"]] == list(range(1, len(order) + 1))
    assert before["next"][0]["votes"] == {n: read[n][order[0] - 1] for n in ("Ada", "Bob", "Cyd")}
    counted = recounts(table, list(dict.fromkeys(order[:4])))
    after = run(
        "forensics",
        "audit",
        table,
        "--columns",
        MAPPING,
        "--seed",
        SEED,
        "--recounted",
        counted,
        "--draws",
        2,
        "--json",
    ).json
    assert after["drawn"] >= 4
    assert after["next"][0]["draw"] == after["drawn"] + 1 and len(after["next"]) == 2
    assert Fraction(after["risk"]) == (1 - 1 / plain.total_error) ** after["drawn"]


def test_votes_that_a_recount_takes_from_the_winner_raise_the_risk(run: Run, table: Path) -> None:
    args = ("forensics", "audit", table, "--columns", MAPPING, "--seed", SEED, "--json", "--draws", 3)
    first = run(*args).json["next"][0]["station"]
    clean = run(*args, "--recounted", recounts(table, [first])).json
    worse = run(*args, "--recounted", recounts(table, [first], {first: 20})).json
    assert Fraction(worse["risk"]) > Fraction(clean["risk"])


@pytest.mark.parametrize("text", ["a station that was not drawn", "a vote that is no count", "a station twice"])
def test_recounts_that_prove_nothing_are_refused(run: Run, table: Path, text: str) -> None:
    args = ("forensics", "audit", table, "--columns", MAPPING, "--seed", SEED)
    drawn = [d["station"] for d in run(*args, "--draws", 30, "--json").json["next"]]
    if text.startswith("a station that"):
        file, said = recounts(table, [next(n for n in range(1, 121) if n not in drawn)]), "in the order of the seed"
    elif text.startswith("a station twice"):
        file, said = recounts(table, [drawn[0], drawn[0]]), "each once"
    else:
        file, said = recounts(table, drawn[:1]), "row 1, column Bob: expected a whole number from 0"
        file.write_text(f"station,Ada,Bob,Cyd\n{drawn[0]},10,-5,3\n")
    ran = run(*args, "--recounted", file)
    assert ran.code == 2 and said in ran.err


def test_rows_without_figures_and_a_lost_margin_are_not_passed_over(run: Run, table: Path) -> None:
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines, "R1,500,,200,100,5"]) + "\n")
    args = ("forensics", "audit", table, "--columns", MAPPING, "--seed", SEED)
    silent = run(*args)
    assert silent.code == 2 and "the ballots in the 1 rows that lack a figure" in silent.err
    assert run(*args, "--outside", 500).code == 0
    lost = run(*args, "--outside", 10_000_000)
    assert lost.code == 3 and "full recount" in lost.err
    one_option = ("--columns", MAPPING.replace(",others=Bob|Cyd", ""), "--outside", 0)
    assert run("forensics", "audit", table, *one_option, "--seed", SEED).code == 2
