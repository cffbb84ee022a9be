"""The publication grows, and at every step it is what a computation from nothing gives, byte for byte."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from counterfoil import workflow
from counterfoil.publish.site import write_site
from counterfoil.record.keys import load_key
from counterfoil.workflow.count import count
from counterfoil.workflow.grow import Grower, is_current, site_stamp
from tests.workflow.folders import NOW, make_folder, tree

READERS = ("anna", "boris", "clara", "dan")
Row = tuple[int, int, int, tuple[int, int, int]]
"""copy, station, reader, figures"""
ROWS = st.tuples(
    st.integers(1, 5), st.integers(1, 3), st.integers(0, 3), st.tuples(*[st.sampled_from((0, 7, 10, 300))] * 3)
)
STEPS = st.lists(
    st.one_of(
        st.lists(ROWS, min_size=1, max_size=4),
        st.sampled_from(["notice", "withdraw", "official", "stations"]),
    ),
    min_size=2,
    max_size=4,
)


class Country:
    """A folder to which things happen."""

    def __init__(self, work: Path) -> None:
        self.folder, self.site = work / "e", work / "site"
        make_folder(self.folder)
        self.now = NOW
        self.typed: set[tuple[str, str]] = set()
        self.places: dict[str, str] = {}
        self.happened = 0
        self.grower = Grower(self.folder, self.site, self._sign)

    def _sign(self, text: str) -> bytes:
        return load_key(self.folder / "keys").sign_manifest(text)

    def happen(self, step: Sequence[Row] | str) -> None:
        """One batch into the record."""
        self.happened += 1
        if isinstance(step, str):
            getattr(self, step)()
        else:
            self._add("transcripts.csv", [line for row in step if (line := self._row(row))])
        self.now += timedelta(minutes=10)
        count(self.folder, None, now=self.now)

    def _row(self, row: Row) -> str:
        copy, reader = f"n{row[0]}", READERS[row[2]]
        station = self.places.setdefault(copy, f"00{row[1]}")
        if (copy, reader) in self.typed:
            return ""
        self.typed.add((copy, reader))
        ada, bob, none = row[3]
        return f"{copy},{station},president,1,wall_copy,{reader},,900,{ada + bob + none},{ada},{bob},{none}"

    def notice(self) -> None:
        self._add("notices.csv", [f"explained,Number {self.happened}.,"])

    def withdraw(self) -> None:
        self._add("withdrawals.csv", ["c2,,forged"])

    def official(self) -> None:
        name = f"official-{self.happened}.csv"
        (self.folder / name).write_text(f"area,item,value\nXX,ada,{400 + self.happened}\nXX,valid,1400\n")
        line = (
            f"  - {{kind: official, file: {name}, contest: president, snapshot: s{self.happened},"
            f" announced_at: 2026-03-0{2 + self.happened}, source: {{name: Authority}}}}\nentries:\n"
        )
        definition = self.folder / "election.yaml"
        definition.write_text(definition.read_text("utf-8").replace("entries:\n", line), "utf-8")

    def stations(self) -> None:
        path = self.folder / "stations.csv"
        path.write_text(path.read_text("utf-8").replace("School", f"School {self.happened}"), "utf-8")

    def _add(self, name: str, lines: Sequence[str]) -> None:
        path = self.folder / name
        path.write_text(path.read_text("utf-8") + "".join(f"{line}\n" for line in lines), "utf-8")

    def from_nothing(self, to: Path) -> None:
        """What somebody publishes who remembers nothing."""
        write_site(Grower(self.folder, to, self._sign)._made(lambda *_: None, None), self.folder, to, self._sign)


@settings(
    max_examples=3, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)
@given(STEPS)
def test_grown_step_by_step_the_site_is_the_one_computed_from_nothing(steps: list[list[Row] | str]) -> None:
    work = Path(tempfile.mkdtemp(prefix="counterfoil-growth-"))
    try:
        country = Country(work)
        count(country.folder, None, now=NOW)
        country.grower.grow()
        for number, step in enumerate(steps):
            country.happen(step)
            country.grower.grow()
            assert is_current(country.folder, country.site)
            other = work / f"fresh-{number}"
            country.from_nothing(other)
            assert tree(country.site) == tree(other)
            shutil.rmtree(other)
        assert workflow.verify(country.site, pages=True).holds
    finally:
        shutil.rmtree(work)


@pytest.fixture
def country(tmp_path: Path) -> Country:
    made = Country(tmp_path)
    count(made.folder, None, now=NOW)
    made.grower.grow()
    return made


def test_what_did_not_change_is_taken_over_and_nothing_of_the_record_is_linked(country: Country) -> None:
    country.happen("notice")
    grown = country.grower.grow()
    assert 20 < grown.reused < grown.files
    same = (country.site / "data/stations.parquet").stat()
    country.happen("notice")
    country.grower.grow()
    assert (country.site / "data/stations.parquet").stat().st_ino == same.st_ino
    for path in (country.site / "record").rglob("*"):
        if path.is_file():
            assert path.stat().st_nlink == 1


def test_a_changed_file_of_the_site_is_not_taken_over(country: Country) -> None:
    (country.site / "data/stations.csv").write_text("station\n999\n")
    (country.site / "objects").rename(country.site / "elsewhere")
    country.happen("notice")
    country.grower.grow()
    country.from_nothing(country.folder / "fresh")
    assert tree(country.site) == tree(country.folder / "fresh")


def test_the_nightly_computation_finds_no_drift_where_there_is_none(country: Country) -> None:
    country.happen("notice")
    country.grower.grow()
    stamp = site_stamp(country.site)
    found = country.grower.recompute()
    assert found.drift == ()
    assert found.files == len(tree(country.site)) - 1
    assert site_stamp(country.site) == stamp
    assert sorted(p.name for p in country.folder.parent.iterdir()) == ["e", "site"]


def test_the_nightly_computation_reports_drift_and_mends_it(country: Country) -> None:
    before = tree(country.site)
    (country.site / "index.html").write_text("<p>another figure")
    (country.site / "more.html").write_text("slipped in")
    (country.site / "data/copies.csv").unlink()
    found = country.grower.recompute()
    assert found.drift == ("data/copies.csv", "index.html", "more.html")
    assert tree(country.site) == before


def test_a_grower_that_starts_anew_goes_on_with_the_same_bytes(country: Country) -> None:
    country.happen("notice")
    other = Grower(country.folder, country.site, country._sign)
    assert other.grow().reused == 0
    stamp = site_stamp(country.site)
    assert country.grower.grow().size == other.grow().size
    assert site_stamp(country.site) == stamp
