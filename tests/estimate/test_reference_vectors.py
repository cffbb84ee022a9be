"""Quick-count vectors: systematic samples of the 24,532 sheets of Venezuela 2024 (version 1), every printed digit.

Reference: an independent numpy script over the same table, 12 digits, printed to 9 (shared notes on forensics, 3.2).
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from counterfoil.tally.estimate import (
    RatioEstimate,
    cluster_ratio,
    combined_ratio,
    separate_ratio,
    simple_ratio,
)
from counterfoil.tally.sampling import Pair

ZIP = Path(__file__).parents[3] / "shared/data/venezuela-2024/RESULTADOS_2024_CSV_V1.csv.zip"


@pytest.fixture(scope="module")
def sheets() -> list[dict[str, str]]:
    with zipfile.ZipFile(ZIP) as archive:
        data = archive.read(archive.namelist()[0]).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(data)))
    assert len(rows) == 24_532
    return rows


def pairs(rows: list[dict[str, str]], option: str) -> list[Pair]:
    return [(int(row[option]), int(row["VOTOS_VALIDOS"])) for row in rows]


def grouped(rows: list[dict[str, str]], column: str, option: str) -> dict[str, list[Pair]]:
    groups: dict[str, list[Pair]] = {}
    for row, pair in zip(rows, pairs(rows, option), strict=True):
        groups.setdefault(row[column], []).append(pair)
    return groups


def shown(found: RatioEstimate) -> tuple[str, str]:
    return f"{float(found.ratio):.9f}", f"{found.standard_error:.9f}"


def every_20th(groups: Mapping[str, list[Pair]]) -> dict[str, list[Pair]]:
    return {name: units[::20] for name, units in groups.items()}


@pytest.mark.parametrize(
    ("option", "expected"), [("EG", ("0.669815526", "0.003457836")), ("NM", ("0.305744772", "0.003394104"))]
)
def test_combined_ratio_by_state(sheets: list[dict[str, str]], option: str, expected: tuple[str, str]) -> None:
    groups = grouped(sheets, "COD_EDO", option)
    sample = every_20th(groups)
    assert sum(map(len, sample.values())) == 1_239
    assert len(sample) == 24
    assert min(map(len, sample.values())) == 6
    found = combined_ratio(sample, {name: len(units) for name, units in groups.items()})
    assert shown(found) == expected
    assert found.x_total is not None
    assert f"{float(found.x_total):.3f}" == "10708101.837"
    if option == "EG":
        assert found.y_total is not None
        assert f"{float(found.y_total):.3f}" == "7172452.866"


def test_separate_ratio_by_state(sheets: list[dict[str, str]]) -> None:
    groups = grouped(sheets, "COD_EDO", "EG")
    found = separate_ratio(
        every_20th(groups),
        {name: len(units) for name, units in groups.items()},
        {name: sum(x for _, x in units) for name, units in groups.items()},
    )
    assert shown(found) == ("0.669554953", "0.003446499")


def test_simple_ratio_of_every_20th_row(sheets: list[dict[str, str]]) -> None:
    sample = pairs(sheets[::20], "EG")
    assert len(sample) == 1_227
    assert shown(simple_ratio(sample, len(sheets))) == ("0.670602810", "0.003835551")


def test_cluster_ratio_of_every_20th_centre(sheets: list[dict[str, str]]) -> None:
    groups = grouped(sheets, "CENTRO", "EG")
    centres = sorted(groups, key=int)
    sample = {centre: groups[centre] for centre in centres[::20]}
    assert (len(groups), len(sample), sum(map(len, sample.values()))) == (12_817, 641, 1_213)
    found = cluster_ratio(sample, len(groups), len(sheets))
    assert shown(found) == ("0.671264819", "0.006202054")
    assert found.design_effect is not None
    assert f"{found.design_effect:.1f}" == "2.6"


def test_the_whole_population_has_no_sampling_error(sheets: list[dict[str, str]]) -> None:
    groups = grouped(sheets, "COD_EDO", "EG")
    sizes = {name: len(units) for name, units in groups.items()}
    for found in (simple_ratio(pairs(sheets, "EG"), len(sheets)), combined_ratio(groups, sizes)):
        assert shown(found) == ("0.671392819", "0.000000000")
        assert found.variance == 0
