"""Estimates are published with their design, or the refusal is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from counterfoil import workflow
from counterfoil.cli.text import count_lines
from counterfoil.election.definition import SampleDesign
from counterfoil.publish.frames import frame
from counterfoil.publish.model import Publication
from counterfoil.simulate.election import write_election
from counterfoil.workflow.count import CountResult


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> CountResult:
    """A quick count of 60 of 200 stations; one copy can't be read."""
    folder: Path = tmp_path_factory.mktemp("sampled") / "e"
    design = SampleDesign("stratified", "4 1 6 2", 60)
    write_election("honest", seed=3, to=folder, stations=200, missing_share=0.0, sample=design)
    return workflow.count(folder)


def test_copies_that_came_by_themselves_are_not_estimated_from(three: Publication, package: dict[str, bytes]) -> None:
    found = json.loads(package["data/summary.json"])["contests"]["president"]["estimate"]
    assert found["refused"] == "no-sample-design"
    assert "bounds" in found["reason"]
    (row,) = frame(three, "estimates").rows(named=True)
    assert row["refused"] == "no-sample-design"
    assert {v for k, v in row.items() if k not in ("contest", "refused", "reason")} == {None}


def test_a_declared_sample_is_published_with_its_design(sampled: CountResult) -> None:
    assert sampled.publication is not None
    rows = frame(sampled.publication, "estimates").rows(named=True)
    published = sampled.summary["contests"]["president"]
    assert [row["option"] for row in rows] == list(published["estimate"]["options"])
    for row in rows:
        assert (row["refused"], row["design"], row["drawn"], row["received"]) == (None, "stratified", 60, 59)
        assert 0 <= float(row["low"]) < float(row["share"]) < float(row["high"]) <= 1
        assert published["estimate"]["options"][row["option"]]["low"] == row["low"]


def test_the_terminal_says_the_same(sampled: CountResult) -> None:
    lines = [line for line in count_lines(sampled) if "estimate" in line]
    assert lines
    for line in lines:
        assert "at 95 % confidence, from 59 of 60 stations drawn (stratified sample)" in line
