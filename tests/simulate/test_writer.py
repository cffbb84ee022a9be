"""The folder of a simulated election: the same seed the same bytes, no truth inside, typing errors as often as said."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.election.folder import load_folder
from counterfoil.primitives.errors import InputError
from counterfoil.simulate.country import make_country, option_ids
from counterfoil.simulate.election import write_election
from counterfoil.simulate.readers import DIGIT_WRONG, TRANSPOSED, outcome, type_copies
from counterfoil.simulate.truth import Truth
from counterfoil.simulate.world import honest_world

FIELDS = ["registered", "ballots_cast", "valid", "invalid", "ada", "bob", "cyd", "dee"]


def files(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


@pytest.mark.parametrize("scenario", ["honest", "mixed"])
def test_one_seed_gives_the_same_bytes_and_another_seed_others(scenario: str, tmp_path: Path) -> None:
    first, again, other = (
        write_election(scenario, seed=seed, to=tmp_path / name, stations=80)
        for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert first == again
    differing = {name for name, sha in files(tmp_path / "a").items() if files(tmp_path / "c").get(name) != sha}
    assert {"stations.csv", "transcripts.csv", "official-stations.csv", "reports.csv"} <= differing
    assert first.ballots != other.ballots


def test_the_truth_is_not_in_the_folder(tmp_path: Path) -> None:
    truth = write_election("stuffed", seed=1, to=tmp_path / "e", stations=120)
    text = "".join(p.read_text(encoding="utf-8") for p in (tmp_path / "e").iterdir())
    assert not any(planted.problem in text for planted in truth.planted)
    assert "truth" not in text
    truth.save(tmp_path / "truth.json")
    assert Truth.load(tmp_path / "truth.json") == truth


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("x")
    with pytest.raises(InputError, match="new or empty"):
        write_election("honest", seed=1, to=tmp_path, stations=40)
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"scenario": "perfect"}, "unknown-scenario"),
        ({"stations": 19}, "bad-simulation"),
        ({"options": 1}, "bad-simulation"),
        ({"missing_share": 1.0}, "bad-simulation"),
        ({"scenario": "mixed", "bulk": True}, "bad-simulation"),
    ],
)
def test_impossible_wishes_are_refused(arguments: dict[str, object], code: str, tmp_path: Path) -> None:
    wish: dict[str, object] = {"scenario": "honest", "seed": 1, "to": tmp_path / "e", **arguments}
    with pytest.raises(InputError) as caught:
        write_election(**wish)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert not (tmp_path / "e").exists()


def test_the_folder_loads_with_every_table(tmp_path: Path) -> None:
    write_election("mixed", seed=3, to=tmp_path / "e", stations=1_500)
    loaded = load_folder(tmp_path / "e")
    assert [t.kind for t in loaded.tables] == ["areas", "stations", "official", "official", "reports"]
    assert [r.kind for r in loaded.rows] == ["transcripts", "decisions"]
    assert loaded.tables[1].rows == 1_500


def test_no_person_reads_a_copy_twice_and_the_third_only_what_differs(tmp_path: Path) -> None:
    write_election("honest", seed=3, to=tmp_path / "e", stations=400)
    rows = pl.read_csv(tmp_path / "e/transcripts.csv", infer_schema=False)
    assert not rows.select("copy", "reader").is_duplicated().any()
    typed = rows.filter(pl.col("problem").is_null()).with_columns(
        pl.sum_horizontal(pl.col(f).is_not_null() for f in FIELDS).alias("given")
    )
    partial = typed.filter(pl.col("given") < len(FIELDS))
    full = typed.filter(pl.col("given") == len(FIELDS))
    assert full.group_by("copy").len()["len"].unique().to_list() == [2]
    assert partial.group_by("copy").len()["len"].unique().to_list() == [1]
    for row in partial.iter_rows(named=True):
        two = full.filter(pl.col("copy") == row["copy"])
        differing = {f for f in FIELDS if two[f].n_unique() > 1}
        assert differing == {f for f in FIELDS if row[f] is not None}


def test_typing_errors_are_as_frequent_as_said(tmp_path: Path) -> None:
    """About 190,000 figures; the counts within 5 standard deviations. Figures of one digit can't be transposed."""
    truth = write_election("honest", seed=2, to=tmp_path / "e", stations=9_000, options=4, missing_share=0.0)
    typed = truth.typing
    assert abs(typed.digit_wrong - typed.figures * DIGIT_WRONG) < 5 * (typed.figures * DIGIT_WRONG) ** 0.5
    assert typed.illegible > 50
    assert 0.6 * typed.figures * TRANSPOSED < typed.transposed < typed.figures * TRANSPOSED


def test_votes_never_exceed_the_register_in_an_honest_country() -> None:
    country = make_country(np.random.Generator(np.random.PCG64(1)), 3_000, 5)
    assert (country.cast <= country.registered).all()
    assert (country.votes >= 0).all()
    assert country.ids == sorted(set(country.ids))
    world = honest_world(country, np.random.Generator(np.random.PCG64(2)), 0.3)
    assert (world.reports <= country.votes).all()


def test_shares_scatter_more_between_stations_than_drawing_ballots_would_explain() -> None:
    country = make_country(np.random.Generator(np.random.PCG64(1)), 3_000, 4)
    valid = country.votes.sum(axis=1)
    keep = valid > 200
    share = country.votes[keep, 1] / valid[keep]
    binomial = float(np.mean(share.mean() * (1 - share.mean()) / valid[keep]))
    assert float(share.var()) > 5 * binomial


def test_option_ids_are_unique_and_valid() -> None:
    ids = option_ids(40)
    assert len(set(ids)) == 40
    assert ids[:2] == ("ada", "bob")
    assert ids[-1] == "option40"


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_what_is_settled_is_the_paper_unless_two_persons_erred_alike(seed: int) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    world = honest_world(make_country(rng, 60, 3), rng, 0.2)
    typed = type_copies(world)
    result = outcome(world, typed)
    wrong = {int(typed.station[copy]) for copy, _ in np.argwhere(typed.settled != typed.paper).tolist()}
    assert set(result.misread) == wrong
    clean = world.received & ~np.isin(np.arange(world.size), sorted(wrong))
    hidden = result.votes[clean] != world.protocol_votes[clean]
    # What differs from the protocol there can only be a box nobody could read, which counts nothing.
    assert (result.votes[clean][hidden] == 0).all()
