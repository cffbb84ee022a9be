"""Planted beside found: all that arithmetic can show is found, an honest election raises nothing above a note."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterfoil.election.definition import SampleDesign, Severity
from counterfoil.primitives.errors import Refusal
from counterfoil.simulate.problems import SCENARIOS
from counterfoil.simulate.truth import SAME_ERROR, score
from counterfoil.tally.estimate import estimate
from tests.simulate.counting import simulated, tally_of

PLANTING = [name for name in SCENARIOS if name not in ("honest", "missing-areas", "selective-collection")]
HONEST = ["honest", "missing-areas", "selective-collection"]
EXPECTED_CODES = {
    "rounded-up": {"backsolved-total"},
    "stuffed": {
        "turnout-over-register", "reports-exceed-protocol", "official-differs", "part-exceeds-whole",
        "bound-excludes-official",
    },
    "columns-swapped": {"columns-swapped"},
    "digits-transposed": {"digits-transposed"},
    "flooded-with-fakes": {"copies-differ", "official-differs"},
    "mixed": {
        "backsolved-total", "turnout-over-register", "reports-exceed-protocol", "official-differs",
        "part-exceeds-whole", "bound-excludes-official", "columns-swapped", "digits-transposed", "copies-differ",
    },
}  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("scenario", PLANTING)
def test_every_planted_problem_that_arithmetic_can_show_is_found(scenario: str, seed: int, tmp_path: Path) -> None:
    truth, results = simulated(scenario, tmp_path / "e", seed=seed)
    found = score(truth, results)
    assert found.missed == ()
    assert found.extra == ()
    assert found.wrong_totals == {}
    assert {p.code for p in found.found if p.problem != SAME_ERROR} == EXPECTED_CODES[scenario]


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("scenario", HONEST)
def test_an_honest_election_raises_nothing_above_a_note(scenario: str, seed: int, tmp_path: Path) -> None:
    """With missing areas, slips of clerks and the usual typing errors, but where two persons erred alike."""
    truth, results = simulated(scenario, tmp_path / "e", seed=seed)
    assert {p.problem for p in truth.planted} <= {SAME_ERROR}
    assert truth.typing.digit_wrong > 10
    assert truth.typing.third_readings > 10
    findings = tally_of(results).findings
    erred_alike = {p.where for p in truth.planted}
    assert {f.area for f in findings if f.severity is not Severity.NOTE} <= erred_alike
    assert any(f.code == "sum-mismatch" for f in findings)  # the clerks' slips are seen, and are notes
    assert score(truth, results).perfect


def test_a_clerks_slip_is_a_note_at_its_station(tmp_path: Path) -> None:
    """Read from the bulk table: every protocol whose options do not add up to its total, and no other."""
    _, results = simulated("honest", tmp_path / "e", seed=1, bulk=True)
    rows = pl.read_csv(tmp_path / "e/readings.csv")
    slips = rows.filter(pl.sum_horizontal("ada", "bob", "cyd", "dee") != pl.col("valid"))["station"].to_list()
    assert len(slips) > 5
    noted = [f.area for f in tally_of(results).findings if f.code == "sum-mismatch" and ("check", "sum") in f.numbers]
    assert sorted(noted) == sorted(slips)


def test_most_honest_elections_have_no_finding_above_a_note_at_all(tmp_path: Path) -> None:
    silent = 0
    for seed in range(20):
        truth, results = simulated("honest", tmp_path / str(seed), seed=seed, stations=300)
        silent += not truth.planted
        assert bool(truth.planted) >= any(f.severity is not Severity.NOTE for f in tally_of(results).findings)
    assert silent >= 17


def test_two_persons_with_the_same_error_are_known_and_explained(tmp_path: Path) -> None:
    """Seed 8: blind double entry can't notice it; the differing second copy does."""
    truth, results = simulated("honest", tmp_path / "e", seed=8)
    assert [p.problem for p in truth.planted] == [SAME_ERROR]
    assert score(truth, results).perfect
    assert score(replace(truth, planted=()), results).extra != ()


def test_what_leaves_no_trace_on_paper_is_listed_as_invisible(tmp_path: Path) -> None:
    truth, results = simulated("stuffed", tmp_path / "e", seed=1)
    found = score(truth, results)
    silent = [p for p in found.invisible if p.problem == "stuffed_within_register"]
    assert silent
    assert all(p.why_not == "every paper agrees with every other" for p in silent)
    assert sum(truth.protocols.values()) > sum(truth.ballots.values())
    text = "\n".join(found.lines())
    assert "can't be shown by arithmetic: every paper agrees with every other" in text


def test_silent_districts_are_gaps_in_the_coverage_and_nothing_else(tmp_path: Path) -> None:
    truth, results = simulated("missing-areas", tmp_path / "e", seed=1)
    tally = tally_of(results)
    assert len(truth.without_copies) >= 6
    for area in truth.without_copies:
        assert tally.area(area).numbers.confirmed == 0
        assert tally.area(area).numbers.expected > 0


def test_selective_collection_bends_the_share_and_not_the_bounds(tmp_path: Path) -> None:
    truth, results = simulated("selective-collection", tmp_path / "e", seed=1)
    challenger = tally_of(results).area("XX").option("bob")
    true_share = Fraction(truth.ballots["bob"], sum(truth.ballots.values()))
    assert challenger.share is not None
    assert challenger.share.exact > true_share + Fraction(5, 100)
    assert challenger.lower_share is not None
    assert challenger.upper_share is not None
    assert challenger.lower_share < true_share < challenger.upper_share


@pytest.mark.parametrize("scenario", list(SCENARIOS))
def test_no_estimate_from_copies_that_came_in_by_themselves(scenario: str, tmp_path: Path) -> None:
    _, results = simulated(scenario, tmp_path / "e", seed=5, stations=200)
    with pytest.raises(Refusal) as caught:
        estimate(tally_of(results), results.replay)
    assert caught.value.code == "no-sample-design"


@pytest.mark.parametrize(
    ("design", "size", "missing"), [("simple", 200, 0.03), ("stratified", 200, 0.03), ("clustered", 110, 0.01)]
)
def test_a_declared_sample_is_estimated_and_holds_the_truth(
    design: str, size: int, missing: float, tmp_path: Path
) -> None:
    sample = SampleDesign(design, "8 15 22 32", size)
    truth, results = simulated("honest", tmp_path / "e", seed=4, stations=1_000, missing_share=missing, sample=sample)
    found = estimate(tally_of(results), results.replay)
    assert found.received < found.drawn
    for option, ratio in found.options.items():
        low, high = ratio.interval(0.999)
        assert low <= truth.ballots[option] / sum(truth.ballots.values()) <= high


def test_a_declared_sample_collected_selectively_is_refused(tmp_path: Path) -> None:
    sample = SampleDesign("simple", "8 15 22 31", 200)
    _, results = simulated("selective-collection", tmp_path / "e", seed=4, sample=sample)
    with pytest.raises(Refusal) as caught:
        estimate(tally_of(results), results.replay)
    assert caught.value.code in ("retrieval-too-low", "missing-not-at-random")


def test_a_bulk_table_gives_the_same_findings_as_typed_copies_would(tmp_path: Path) -> None:
    truth, results = simulated("stuffed", tmp_path / "e", seed=2, bulk=True)
    found = score(truth, results)
    assert found.perfect
    assert {p.code for p in found.found} == EXPECTED_CODES["stuffed"]


def test_the_score_names_what_a_count_misses_and_what_it_invents(tmp_path: Path) -> None:
    truth, results = simulated("columns-swapped", tmp_path / "e", seed=1)
    tally = tally_of(results)
    blind = replace(tally, findings=(), finding_stations=tally.finding_stations.clear())
    missed = score(truth, replace(results, contests={tally.contest.id: blind}))
    assert {p.code for p in missed.missed} == {"columns-swapped"}
    assert any("missed" in line for line in missed.lines())
    honest, _ = simulated("honest", tmp_path / "h", seed=1)
    invented = score(replace(truth, planted=honest.planted), results)
    assert {f.code for f in invented.extra} == {"columns-swapped"}
    wrong = score(replace(truth, readable={**truth.readable, "ada": 1}), results)
    assert list(wrong.wrong_totals) == ["ada"]
    assert not wrong.perfect


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    scenario=st.sampled_from(list(SCENARIOS)),
    seed=st.integers(0, 2**32),
    stations=st.integers(20, 90),
    options=st.integers(2, 7),
    missing=st.floats(0, 0.9),
)
def test_any_small_election_is_counted_to_the_vote(
    scenario: str, seed: int, stations: int, options: int, missing: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    truth, results = simulated(
        scenario,
        tmp_path_factory.mktemp("e") / "e",
        seed=seed,
        stations=stations,
        options=options,
        missing_share=missing,
    )
    found = score(truth, results)
    assert found.missed == ()
    assert found.wrong_totals == {}
    assert found.extra == ()
