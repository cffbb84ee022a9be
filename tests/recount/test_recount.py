"""The second, independent recount agrees with what was published, on two real elections and simulated ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from counterfoil.election.recipes import apply_recipe
from counterfoil.simulate.election import write_election
from counterfoil.workflow import count
from tests.recount.recount import Recount

DATA = Path(__file__).parents[3] / "shared" / "data"
NOW = datetime(2026, 3, 2, 20, tzinfo=UTC)


def published(folder: Path) -> tuple[Recount, dict[str, Any]]:
    """The recount of a folder's publication, and the contest's part of its summary."""
    count(folder / "election", folder / "site", now=NOW)
    summary = json.loads((folder / "site/data/summary.json").read_text(encoding="utf-8"))
    recount = Recount(folder / "site")
    assert len(recount.entries) == summary["record"]["size"]
    return recount, next(iter(summary["contests"].values()))


@pytest.fixture(scope="module")
def belarus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recount, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("belarus")
    apply_recipe("belarus-2020", DATA / "belarus-2020", folder / "election")
    return published(folder)


@pytest.fixture(scope="module")
def venezuela(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recount, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("venezuela")
    apply_recipe("venezuela-2024", DATA / "venezuela-2024", folder / "election")
    return published(folder)


def check(recount: Recount, summary: dict[str, Any], country: str) -> None:
    numbers = summary["stations"]
    assert len(recount.received) == numbers["received"]
    assert len(recount.read) == numbers["read"]
    assert len(recount.confirmed) == numbers["confirmed"]
    assert len(recount.disputed) == numbers["disputed"]
    assert {o: recount.votes(o, country) for o in recount.options} == {
        o: figures["votes"] for o, figures in summary["options"].items()
    }
    for finding in summary["findings"]:
        if finding["code"] == "reports-exceed-protocol":
            stations, excess, gated = recount.exceeding(finding["option"], finding["area"])
            assert (stations, gated) == (finding["stations"], finding["gated_out"])
            assert excess == finding["value"] - finding["threshold"]
        if finding["code"] == "part-exceeds-whole" and finding["option"]:
            assert finding["threshold"] == recount.announced()[finding["area"], finding["option"]]
            assert finding["value"] >= recount.votes(finding["option"], finding["area"])
    # And the other way round: what the recount finds by addition stands in the summary.
    stated = {(f["area"], f["option"]) for f in summary["findings"] if f["code"] == "part-exceeds-whole"}
    for (area, item), figure in recount.announced().items():
        if item in recount.options and recount.votes(item, area) > figure:
            assert (area, item) in stated


def test_belarus_counted_twice(belarus: tuple[Recount, dict[str, Any]]) -> None:
    recount, summary = belarus
    check(recount, summary, "BY")
    assert (len(recount.area), summary["stations"]["expected"], len(recount.confirmed)) == (5_767, 5_767, 1_395)
    assert recount.votes("tihanovkaja", "BY") == 497_510
    assert recount.votes("lukashenko", "BY") == 1_236_287
    assert recount.exceeding("tihanovkaja", "BY") == (440, 48_532, 1)
    by_region = [sum(recount.exceeding("tihanovkaja", str(r))[::2]) for r in range(1, 8)]
    assert by_region == [34, 20, 26, 9, 28, 44, 280]
    assert recount.votes("tihanovkaja", "5") == 120_164 > recount.announced()["5", "tihanovkaja"]
    assert recount.votes("tihanovkaja", "7") == 127_030 > recount.announced()["7", "tihanovkaja"]


def test_venezuela_counted_twice(venezuela: tuple[Recount, dict[str, Any]]) -> None:
    recount, summary = venezuela
    check(recount, summary, "VE")
    assert (len(recount.confirmed), summary["stations"]["expected"]) == (24_532, 30_026)
    assert (recount.votes("EG", "VE"), recount.votes("NM", "VE")) == (7_156_462, 3_241_461)
    assert recount.votes("EG", "VE") - recount.announced()["VE", "EG"] == 1_830_358


@pytest.mark.parametrize("scenario", ["honest", "stuffed", "flooded-with-fakes", "mixed"])
def test_simulated_elections_with_readers_counted_twice(scenario: str, tmp_path: Path) -> None:
    truth = write_election(scenario, seed=6, to=tmp_path / "election", stations=400, missing_share=0.2)
    recount, summary = published(tmp_path)
    check(recount, summary, "XX")
    assert {o: recount.votes(o, "XX") for o in recount.options} == truth.readable


def test_the_recount_notices_a_changed_entry(tmp_path: Path) -> None:
    write_election("honest", seed=6, to=tmp_path / "election", stations=60)
    published(tmp_path)
    bundle = next((tmp_path / "site/record/tile/entries").rglob("000*"))
    bundle = bundle if bundle.is_file() else next(bundle.iterdir())
    bundle.write_bytes(bundle.read_bytes().replace(b'"reading"', b'"reeding"', 1))
    with pytest.raises(ValueError, match="another root"):
        Recount(tmp_path / "site")


def test_the_recount_shares_no_code_and_stays_short() -> None:
    text = (Path(__file__).parent / "recount.py").read_text(encoding="utf-8")
    assert "counterfoil." not in text.replace("Counterfoil", "")
    assert len(text.splitlines()) <= 150
