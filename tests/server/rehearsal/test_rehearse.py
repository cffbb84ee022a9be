"""A whole rehearsal, small: a server of its own, people over HTTP, the score; and that the score sees what is wrong."""

from __future__ import annotations

import io
import json
import random
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image

from counterfoil.bootstrap.rehearse_client import Answer
from counterfoil.bootstrap.rehearse_people import draw, noise
from counterfoil.evidence import sanitise
from counterfoil.sandbox import Sandbox
from counterfoil.simulate.marks import read_mark
from counterfoil.simulate.truth import Planted
from counterfoil.workflow.rehearsal import (
    FORGED_COPIES,
    Paper,
    Rehearsed,
    make_election,
    plan,
    typed_honestly,
    typed_together,
    wrong_figures,
)
from tests.server.running.material import ROOT, environment

VALUES = {"registered": "900", "ballots_cast": "605", "valid": "600", "invalid": "5", "ada": "400", "bob": "200"}
FIELDS = tuple(VALUES)


def paper(number: int = 1, station: str = "001", **values: str) -> Paper:
    return Paper(number, station, "president", "wall_copy", {**VALUES, **values}, forged=False)


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `counterfoil rehearse --json` says of a small one."""
    folder = tmp_path_factory.mktemp("rehearsal") / "election"
    run = subprocess.run(
        [sys.executable, "-m", "counterfoil", "rehearse", "--json", "--stations", "20", "--folder", str(folder)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    said = json.loads(run.stdout)
    assert said["passed"] == (run.returncode == 0), run.stdout + run.stderr
    return dict(said)


def test_a_rehearsal_on_a_real_server_keeps_every_rule(rehearsed: dict[str, Any]) -> None:
    assert [rule for rule in rehearsed["rules"] if not rule["holds"]] == []


def test_a_rehearsal_had_forgers_liars_a_flood_and_arbiters(rehearsed: dict[str, Any]) -> None:
    assert rehearsed["troll_copies"] >= FORGED_COPIES
    assert rehearsed["lies"] > 0
    assert rehearsed["arbitrated"] > 0
    assert rehearsed["wrong_for_a_while"] > 0
    assert rehearsed["flood"]["503"] > 0
    assert rehearsed["six_numbers"]["confirmed"] == rehearsed["six_numbers"]["compared"] > 0


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(1)
    yield made
    made.close()


def test_the_mark_on_a_photo_is_read_from_the_sanitised_picture(sandbox: Sandbox) -> None:
    for number in (1, 2, 4095, 16383):
        (made,) = sanitise(draw(paper(number), 7), sandbox, random=secrets.token_bytes)
        with Image.open(io.BytesIO(made.picture)) as image:
            assert read_mark(image) == number


def test_a_photo_of_nothing_has_no_mark() -> None:
    for number in range(20):
        with Image.open(io.BytesIO(noise(number))) as image:
            assert read_mark(image) is None


def test_forged_papers_are_known_and_true_papers_of_a_station_say_the_same(tmp_path: Path) -> None:
    make_election(tmp_path / "e", stations=20, seed=3)
    papers, truth = plan(tmp_path / "e")
    stations = {p.where for p in truth.planted if p.problem.startswith("forged")}
    assert {p.station for p in papers if p.forged} == stations
    said: dict[tuple[str, str], set[str]] = {}
    for one in papers:
        if not one.forged:
            for name, text in one.values.items():
                said.setdefault((one.station, name), set()).update({text} - {"illegible"})
    assert all(len(texts) <= 1 for texts in said.values())
    assert not any(
        "official" in line for line in (tmp_path / "e" / "election.yaml").read_text("utf-8").splitlines()[-9:]
    )


def test_two_honest_persons_never_make_the_same_error() -> None:
    class Errs(random.Random):
        def random(self) -> float:
            return 0.0

    typed = [typed_honestly(paper(), FIELDS, reader, Errs()) for reader in range(9)]
    for name in FIELDS:
        assert len({one[name] for one in typed} | {int(VALUES[name])}) == 10


def test_liars_type_the_same_and_their_sums_hold() -> None:
    lie = typed_together(paper(), FIELDS)
    assert lie == typed_together(paper(), FIELDS)
    assert lie["ada"] == 267
    assert int(lie["ada"]) + int(lie["bob"]) == int(lie["valid"])


def test_a_wrong_figure_in_a_publication_is_seen() -> None:
    row = {"station": "001", "state": "confirmed", "field.ada": 401, "field.ada.state": "number", "field.bob": 200}
    published = pl.DataFrame([row, {**row, "station": "002", "state": "disputed"}])
    assert wrong_figures(published, [paper()]) == ["001 ada: 401"]
    assert wrong_figures(published, [paper(ada="401")]) == []
    assert wrong_figures(published, []) == ["001 ada: 401", "001 bob: 200"]


GOOD = Rehearsed(
    stations=20, seed=1, wall_s=60.0, planted_found=(Planted("x", "001", "y"),), planted_missed=(), planted_invisible=0,
    wrong_accepted=(), wrong_for_a_while=3, acknowledged=30, lost=(), invited_sent=100, invited_acknowledged=99,
    invited_at_first_try=90, troll_copies=4, troll_copies_left=0, flood={"503": 10}, impolite=0, readings=60, lies=9,
    arbitrated=5, released=True, withdrawn=True, answered=True, verified=True, to_published_s=20.0,
    six_numbers={"expected": 20},
)  # fmt: skip


def test_a_good_rehearsal_passes() -> None:
    assert GOOD.passed
    assert GOOD.data()["passed"]
    assert not any("BROKEN" in line for line in GOOD.lines())


@pytest.mark.parametrize(
    "broken",
    [
        {"planted_missed": (Planted("x", "002", "y"),)},
        {"wrong_accepted": ("001 ada: 401",)},
        {"lost": ("aa",)},
        {"invited_acknowledged": 98},
        {"flood": {"201": 10}},
        {"impolite": 1},
        {"troll_copies_left": 1},
        {"troll_copies": 0},
        {"released": False},
        {"withdrawn": False},
        {"answered": False},
        {"verified": False},
        {"stopped_by": "not finished"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_one_broken_rule_fails_the_rehearsal(broken: dict[str, Any]) -> None:
    bad = replace(GOOD, **broken)
    assert [rule.holds for rule in bad.rules].count(False) == 1
    assert not bad.passed
    assert sum("BROKEN" in line for line in bad.lines()) == 1


def test_not_now_is_polite_only_with_a_time_to_come_again() -> None:
    assert not Answer(503, retry_after_s=3).impolite
    assert not Answer(429, retry_after_s=3).impolite
    assert not Answer(422).impolite
    assert all(Answer(status).impolite for status in (0, 429, 500, 503))
