"""Correlation of turnout and share, and the Sobyanin line: the printed table, Simpson's paradox and the refusals."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from counterfoil.forensics import sobyanin, turnout_share_correlation
from counterfoil.primitives.errors import InputError, Refusal
from tests.forensics.data import Columns, belarus, russia, russia_table, venezuela

ELECTIONS: dict[str, Callable[[], Columns]] = {
    "russia-2018": lambda: russia(2018),
    "russia-2021": lambda: russia(2021),
    "venezuela-EG": lambda: venezuela("EG"),
    "venezuela-NM": lambda: venezuela("NM"),
    "belarus-L": belarus,
}


@pytest.mark.parametrize(
    ("election", "used", "pearson", "weighted", "spearman"),
    [
        ("russia-2018", 93_601, 0.56904, 0.58701, 0.53641),
        ("russia-2021", 92_134, 0.79825, 0.77501, 0.76352),
        ("venezuela-EG", 24_412, -0.47001, -0.45359, -0.47076),
        ("venezuela-NM", 24_412, 0.46526, 0.44670, 0.46981),
        ("belarus-L", 1_325, 0.13945, 0.16100, 0.12955),
    ],
)
def test_correlations_equal_the_printed_ones(
    election: str, used: int, pearson: float, weighted: float, spearman: float
) -> None:
    result = turnout_share_correlation(*ELECTIONS[election]())
    assert result.sample.used == used
    found = [result.pearson, result.pearson_weighted, result.spearman]
    assert found == pytest.approx([pearson, weighted, spearman], abs=6e-6)
    assert result.interval.low < result.pearson < result.interval.high


@pytest.mark.parametrize(
    ("election", "slope", "intercept", "weighted"),
    [
        ("russia-2018", 1.05381, -0.19142, 1.05416),
        ("russia-2021", 1.00572, -0.26447, 0.93641),
        ("venezuela-EG", 0.19165, 0.28056, 0.25325),
        ("venezuela-NM", 0.77403, -0.27461, 0.70904),
        ("belarus-L", 0.76590, -0.12120, 0.79340),
    ],
)
def test_sobyanin_lines_equal_the_printed_ones(election: str, slope: float, intercept: float, weighted: float) -> None:
    result = sobyanin(*ELECTIONS[election]())
    assert result.pooled.slope == pytest.approx(slope, abs=6e-6)
    assert result.pooled.intercept == pytest.approx(intercept, abs=6e-6)
    assert result.weighted.slope == pytest.approx(weighted, abs=1e-5)


def clean(
    seed: int, stations: int = 2000, areas: int = 20
) -> tuple[Columns, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Areas whose turnout and preference rise together, while within an area they are unrelated."""
    stream = np.random.default_rng(seed)
    area = stream.integers(0, areas, stations)
    level = np.linspace(0.4, 0.8, areas)[area]
    registered = stream.integers(500, 2500, stations)
    cast = stream.binomial(registered, np.clip(level + stream.normal(0, 0.05, stations), 0.05, 0.95))
    leader = stream.binomial(cast, np.clip(level + stream.normal(0, 0.05, stations), 0.05, 0.95))
    return Columns(registered, cast, cast, leader), area


def test_regions_alone_make_a_steep_line_and_the_view_within_areas_takes_it_away() -> None:
    c, area = clean(7)
    line = sobyanin(*c, areas=area)
    assert line.pooled.slope > 1
    assert "More than all additional voters" in line.summary()
    assert line.within_areas is not None
    assert abs(line.within_areas.slope - line.share) < 4 * line.within_areas.slope_se
    correlation = turnout_share_correlation(*c, areas=area)
    assert correlation.pearson > 0.7
    assert correlation.within_areas is not None
    assert abs(correlation.within_areas) < 0.1


def test_robust_error_covers_the_spread_of_repeated_elections() -> None:
    lines = [sobyanin(*clean(seed, 400, 1)[0]).pooled for seed in range(200)]
    spread = np.std([line.slope for line in lines])
    assert np.mean([line.slope_se for line in lines]) == pytest.approx(spread, rel=0.15)


def test_russia_2018_within_commissions() -> None:
    table = russia_table(2018)
    result = sobyanin(*russia(2018), areas=table["region"])
    assert result.areas == table["region"].n_unique()
    assert result.within_areas is not None
    assert 0 < result.within_areas.slope_se < 0.2


def test_results_are_plain_and_draw() -> None:
    for result in (turnout_share_correlation(*belarus()), sobyanin(*belarus())):
        json.dumps(result.to_dict())
        assert result.plot().axes
        assert "Without areas" in result.summary()


def test_equal_turnout_everywhere_is_refused() -> None:
    columns = ([1000] * 40, [600] * 40, [600] * 40, list(range(200, 240)))
    with pytest.raises(Refusal, match="same turnout in all 40"):
        turnout_share_correlation(*columns)
    with pytest.raises(Refusal, match=r"found 60\.0% in all 40"):
        sobyanin(*columns)


def test_three_stations_and_areas_of_another_length_are_refused() -> None:
    with pytest.raises(Refusal, match="at least 30 stations, found 3 of 3"):
        sobyanin([1000] * 3, [500, 600, 700], [500, 600, 700], [200] * 3)
    with pytest.raises(InputError, match="1335 labels"):
        sobyanin(*belarus(), areas=["a"])
