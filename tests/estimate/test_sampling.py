"""Drawing stations from a public seed: anyone gets the same ones, and every station has its chance."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.election.definition import SampleDesign
from counterfoil.primitives.errors import InputError
from counterfoil.record.state import STATION_SCHEMA
from counterfoil.tally.sampling import allocate, draw, order

SIMPLE = ["02", "07", "18", "19"]
STRATIFIED = ["02", "03", "07", "12", "14", "18", "19"]
CLUSTERED = ["01", "04", "06", "09", "11", "14", "16", "19"]
IDS = st.lists(st.text("abcdef0123456789", min_size=1, max_size=6), min_size=4, max_size=40, unique=True)


def frame(ids: list[str], strata: int = 1, clusters: int = 1) -> pl.DataFrame:
    """A stations table; stratum and cluster by position."""
    return pl.DataFrame(
        {
            "station": ids,
            "area": ["X"] * len(ids),
            "stratum": [f"s{i % strata}" for i in range(len(ids))],
            "cluster": [f"c{i % clusters}" for i in range(len(ids))],
        },
        schema_overrides={"station": pl.String},
    ).pipe(
        lambda table: table.with_columns(
            pl.lit(None, dtype=kind).alias(name) for name, kind in STATION_SCHEMA.items() if name not in table.columns
        ).select(list(STATION_SCHEMA))
    )


def test_a_stranger_redraws_the_sample_in_plain_python() -> None:
    ids = [f"{n:04}" for n in range(500)]
    theirs = sorted(sorted(ids, key=lambda s: hashlib.sha256(f"10 23 5,{s}".encode()).hexdigest())[:50])
    assert draw(frame(ids), SampleDesign("simple", "10 23 5", 50)) == theirs


def test_the_drawn_stations_of_one_seed_never_change() -> None:
    """Fixed values: a sample that was announced must be drawn again by every later version."""
    ids = [f"{n:02}" for n in range(20)]
    assert draw(frame(ids), SampleDesign("simple", "public seed", 4)) == SIMPLE
    assert draw(frame(ids, strata=3), SampleDesign("stratified", "public seed", 7)) == STRATIFIED
    assert draw(frame(ids, clusters=5), SampleDesign("clustered", "public seed", 2)) == CLUSTERED


@settings(deadline=None, max_examples=60)
@given(ids=IDS, seed=st.text(max_size=8), size=st.integers(2, 4), data=st.data())
def test_the_order_of_the_rows_plays_no_part(ids: list[str], seed: str, size: int, data: st.DataObject) -> None:
    design = SampleDesign("simple", seed, size)
    assert draw(frame(ids), design) == draw(frame(data.draw(st.permutations(ids))), design)


@settings(deadline=None, max_examples=60)
@given(ids=IDS, seed=st.text(max_size=8), size=st.integers(2, 3))
def test_a_larger_sample_of_one_seed_holds_the_smaller_one(ids: list[str], seed: str, size: int) -> None:
    small, large = (set(draw(frame(ids), SampleDesign("simple", seed, n))) for n in (size, size + 1))
    assert small < large


def test_every_station_has_the_same_chance() -> None:
    """2,000 seeds, 5 of 20 stations: each is drawn 500 times, give or take 5 standard deviations (97)."""
    ids = [f"{n:02}" for n in range(20)]
    hits = dict.fromkeys(ids, 0)
    for seed in range(2_000):
        for station in order(str(seed), ids)[:5]:
            hits[station] += 1
    assert sum(hits.values()) == 10_000
    assert all(403 <= n <= 597 for n in hits.values()), hits


def test_every_pair_has_the_same_chance() -> None:
    """Pairs 2 of 6: 3,000 seeds, 15 pairs, 200 each, give or take 5 standard deviations (68)."""
    ids = list("abcdef")
    hits: dict[frozenset[str], int] = {}
    for seed in range(3_000):
        pair = frozenset(order(str(seed), ids)[:2])
        hits[pair] = hits.get(pair, 0) + 1
    assert len(hits) == 15
    assert all(132 <= n <= 268 for n in hits.values()), hits


@settings(deadline=None, max_examples=200)
@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=8),
    share=st.fractions(min_value=0, max_value=1, max_denominator=97),
)
def test_allocation_keeps_quota_size_and_least(counts: list[int], share: Fraction) -> None:
    strata = {f"s{i}": count for i, count in enumerate(counts)}
    total = sum(counts)
    size = round(share * total)
    try:
        given_ = allocate(size, strata)
    except InputError:
        # Only too small a size may be refused: the least numbers and the whole parts do not fit into it.
        assert sum(max(size * n // total, min(2, n)) for n in counts) > size
        return
    assert sum(given_.values()) == size
    for name, count in strata.items():
        quota = Fraction(size * count, total)
        assert min(2, count) <= given_[name] <= count
        assert quota - 1 < given_[name] < max(quota + 1, Fraction(3))


def test_a_size_beyond_the_frame_is_refused() -> None:
    with pytest.raises(InputError, match="at most 4"):
        draw(frame(list("abcd")), SampleDesign("simple", "x", 5))


def test_strata_that_cannot_have_two_each_are_refused() -> None:
    with pytest.raises(InputError, match="two stations each"):
        allocate(5, {"north": 10, "south": 10, "west": 10})


def test_a_blank_stratum_is_refused() -> None:
    table = frame(list("abcd")).with_columns(stratum=pl.lit(None, dtype=pl.String))
    with pytest.raises(InputError, match="stratum"):
        draw(table, SampleDesign("stratified", "x", 2))


def test_merged_stations_are_not_drawn() -> None:
    table = frame(list("abcd")).with_columns(
        replaced_by=pl.when(pl.col("station") == "b").then(pl.lit("a")).otherwise(None)
    )
    assert draw(table, SampleDesign("simple", "x", 3)) == ["a", "c", "d"]


def test_a_cluster_is_drawn_whole() -> None:
    ids = [f"{n:02}" for n in range(30)]
    drawn = set(draw(frame(ids, clusters=6), SampleDesign("clustered", "x", 2)))
    by_cluster = [{ids[i] for i in range(30) if i % 6 == c} for c in range(6)]
    assert [group <= drawn for group in by_cluster].count(True) == 2
    assert len(drawn) == 10


def test_the_ten_lines_in_the_docs_draw_the_same_sample(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/methods/quick-count.md").read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    assert len([line for line in code.splitlines() if line]) <= 10
    table = tmp_path / "stations.csv"
    table.write_text("station,area,replaced_by\n" + "".join(f"{n:03},X,\n" for n in range(300)), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", code, "4 1 6 2", "25", str(table)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == draw(frame([f"{n:03}" for n in range(300)]), SampleDesign("simple", "4 1 6 2", 25))
