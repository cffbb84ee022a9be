"""An estimate only from a declared probability sample; everything else is refused, with the reason."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from counterfoil.election.definition import read_definition
from counterfoil.election.recipes import apply_recipe
from counterfoil.primitives.errors import Refusal
from counterfoil.record.state import AREA_SCHEMA, STATION_SCHEMA, Replay, TableEntry
from counterfoil.tally.estimate import Retrieval, estimate, student_quantile, uneven_gaps
from counterfoil.tally.results import ContestTally
from counterfoil.tally.sampling import draw
from tests.simulate.counting import counted, tally_of

STATIONS = 400
SAMPLE: dict[str, Any] = {"design": "simple", "seed": "7 12 33 40", "size": 100}


def world(sample: dict[str, Any] | None, missing: set[str] = frozenset()) -> tuple[ContestTally, Replay]:  # type: ignore[assignment]
    """400 stations in 4 regions, 100 schools; all counted but `missing`."""
    plain: dict[str, Any] = {
        "counterfoil": 1,
        "id": "t",
        "title": "T",
        "country": "XX",
        "date": "2026-03-01",
        "contests": [
            {
                "id": "president",
                "form": "protocol",
                "base": {"kind": "valid", "official": "valid"},
                "options": [{"id": "ada"}, {"id": "bob"}],
            }
        ],
        "forms": [{"id": "protocol", "fields": [{"id": "ada"}, {"id": "bob"}]}],
    }
    if sample is not None:
        plain["sample"] = sample
    election = read_definition(plain)
    ids = [f"{i:03}" for i in range(STATIONS)]
    stations = pl.DataFrame(
        {
            "station": ids,
            "area": [f"r{i % 4}" for i in range(STATIONS)],
            "kind": ["village" if i % 3 else "city" for i in range(STATIONS)],
            "stratum": [f"r{i % 4}" for i in range(STATIONS)],
            "cluster": [f"school{i // 4}" for i in range(STATIONS)],
        }
    )
    stations = stations.with_columns(
        pl.lit(None, dtype=kind).alias(name) for name, kind in STATION_SCHEMA.items() if name not in stations.columns
    ).select(list(STATION_SCHEMA))
    here = pl.col("station").is_in(sorted(missing)).not_()
    number = pl.col("station").cast(pl.Int64)
    rows = stations.drop("stratum", "cluster").with_columns(
        pl.when(here).then(pl.lit("confirmed")).otherwise(pl.lit("missing")).alias("state"),
        pl.when(here).then(100 + number % 17 * 5).alias("votes.ada"),
        pl.when(here).then(pl.lit(120, dtype=pl.Int64)).alias("votes.bob"),
    )
    rows = rows.with_columns(base=pl.col("votes.ada") + pl.col("votes.bob"))
    tally = ContestTally(
        contest=election.contests[0],
        stations=rows,
        areas=pl.DataFrame(),
        by_kind=pl.DataFrame(),
        findings=(),
        finding_stations=pl.DataFrame(),
        snapshot=None,
        remainders=(),
        lead=None,
    )
    state = Replay(
        size=2,
        newest_batch="2026-03-01T20:00Z",
        election=election,
        election_entry=0,
        areas=pl.DataFrame(schema=dict(AREA_SCHEMA)),
        stations=stations,
        tables=(TableEntry(1, "stations", "stations.csv", "ab" * 32, STATIONS, {"name": "register"}),),
        bulk={},
        copies=pl.DataFrame(),
        readings={},
        certainty=pl.DataFrame(),
        decisions=(),
        official=(),
        reports={},
        releases={},
        notices=(),
        withdrawn={},
        objects={},
    )
    return tally, state


def refusal(sample: dict[str, Any] | None, missing: set[str] = frozenset(), **more: Any) -> str:  # type: ignore[assignment]
    with pytest.raises(Refusal) as caught:
        estimate(*world(sample, missing), **more)
    return caught.value.code


def drawn_of(sample: dict[str, Any]) -> list[str]:
    _, state = world(sample)
    assert state.election.sample is not None
    return draw(state.stations, state.election.sample)


def test_copies_that_came_in_by_themselves_are_refused() -> None:
    assert refusal(None) == "no-sample-design"
    with pytest.raises(Refusal, match="who sends a copy decides"):
        estimate(*world(None, {"001"}))


@pytest.mark.parametrize("recipe", ["belarus-2020", "venezuela-2024"])
def test_the_two_real_elections_are_no_samples(recipe: str, tmp_path: Path) -> None:
    apply_recipe(recipe, Path(__file__).parents[3] / "shared/data" / recipe, tmp_path / "e")
    results = counted(tmp_path / "e")
    with pytest.raises(Refusal) as caught:
        estimate(tally_of(results), results.replay)
    assert caught.value.code == "no-sample-design"


def test_a_frame_other_than_the_declared_one_is_refused() -> None:
    assert refusal({**SAMPLE, "stations_sha256": "cd" * 32}) == "frame-changed"
    assert estimate(*world({**SAMPLE, "stations_sha256": "ab" * 32})).frame_stations == STATIONS


def test_stations_outside_the_drawn_sample_are_refused() -> None:
    drawn = drawn_of(SAMPLE)
    other = next(f"{i:03}" for i in range(STATIONS) if f"{i:03}" not in drawn)
    assert refusal(SAMPLE, sample_stations=[*drawn, other]) == "outside-the-sample"


def test_leaving_drawn_stations_out_counts_as_their_missing() -> None:
    drawn = drawn_of(SAMPLE)
    assert refusal(SAMPLE, sample_stations=drawn[:85]) == "retrieval-too-low"


def test_too_few_drawn_stations_that_came_in_are_refused() -> None:
    assert refusal({**SAMPLE, "size": 29}) == "sample-too-small"


def test_retrieval_below_the_least_is_refused() -> None:
    drawn = drawn_of(SAMPLE)
    assert refusal(SAMPLE, set(drawn[::9])) == "retrieval-too-low"
    assert estimate(*world(SAMPLE, set(drawn[::9])), least_retrieval=Fraction(4, 5)).received == 88


def test_a_region_that_stays_silent_is_refused_even_if_the_rest_is_in() -> None:
    drawn = drawn_of({**SAMPLE, "size": 200})
    silent = {s for s in drawn if int(s) % 4 == 2}
    kept = set(sorted(silent)[18:])
    assert refusal({**SAMPLE, "size": 200}, silent - kept) == "missing-not-at-random"


def test_a_thin_stratum_is_refused() -> None:
    sample = {**SAMPLE, "design": "stratified"}
    drawn = [s for s in drawn_of(sample) if int(s) % 4 == 1]
    assert refusal(sample, set(drawn[:7])) == "retrieval-too-low"


def test_a_few_gaps_by_chance_are_accepted_and_reported() -> None:
    sample = {**SAMPLE, "design": "stratified"}
    gone = set(drawn_of(sample)[5::33])
    found = estimate(*world(sample, gone))
    assert (found.drawn, found.received) == (100, 97)
    assert sum(r.drawn - r.received for r in found.retrieval) == 3
    assert [r.stratum for r in found.retrieval] == ["r0", "r1", "r2", "r3"]


@pytest.mark.parametrize(("design", "size"), [("simple", 100), ("stratified", 100), ("clustered", 40)])
def test_a_declared_sample_is_estimated_close_to_the_truth(design: str, size: int) -> None:
    tally, state = world({"design": design, "seed": "7 12 33 40", "size": size})
    found = estimate(tally, state)
    truth = sum(tally.stations["votes.ada"].to_list()) / sum(tally.stations["base"].to_list())
    for option, share in (("ada", truth), ("bob", 1 - truth)):
        low, high = next(v for k, v in found.options.items() if k == option).interval(0.999)
        assert low < share < high
        assert high - low < 0.06
    assert sum(v.ratio for v in found.options.values()) == 1


def test_what_is_counted_outside_the_sample_changes_nothing() -> None:
    tally, state = world(SAMPLE)
    drawn = drawn_of(SAMPLE)
    bent = replace(
        tally,
        stations=tally.stations.with_columns(
            pl.when(pl.col("station").is_in(drawn)).then(pl.col("votes.ada")).otherwise(0).alias("votes.ada")
        ),
    )
    assert estimate(bent, state).options == estimate(tally, state).options


def test_an_incomplete_cluster_counts_as_missing() -> None:
    sample = {"design": "clustered", "seed": "1", "size": 60}
    gone = drawn_of(sample)[:1]
    found = estimate(*world(sample, set(gone)))
    assert next(iter(found.options.values())).units == 59


def test_even_gaps_pass_and_uneven_ones_are_named() -> None:
    even = [Retrieval("a", 100, 95), Retrieval("b", 100, 94)]
    uneven = [Retrieval("a", 100, 99), Retrieval("b", 100, 88)]
    assert uneven_gaps(even) is None
    assert uneven_gaps(uneven) == uneven[1]


@pytest.mark.parametrize(("freedom", "expected"), [(10, "2.2281"), (30, "2.0423"), (100, "1.9840"), (10_000, "1.9602")])
def test_student_quantiles_of_the_printed_tables(freedom: int, expected: str) -> None:
    assert f"{student_quantile(0.975, freedom):.4f}" == expected
