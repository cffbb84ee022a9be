"""Late-count shift: composition is taken away by areas and by the placebo, a planted shift stays."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from counterfoil.forensics import late_count_shift
from counterfoil.primitives.errors import InputError, Refusal


def election(seed: int, *, planted: float = 0.0, stations: int = 1200, areas: int = 40) -> dict[str, Any]:
    """Areas that like the leader report later, in both elections; `planted` is added to late stations now."""
    stream = np.random.default_rng(seed)
    area = stream.integers(0, areas, stations)
    taste = np.linspace(-0.15, 0.15, areas)[area]
    late = (stream.random(stations) < 0.5 + 2.5 * taste).astype(np.int64)
    cast, before = stream.integers(200, 900, stations), stream.integers(200, 900, stations)
    own = stream.normal(0, 0.05, stations)
    share = np.clip(0.45 + taste + own + planted * late, 0, 1)
    return {
        "cast": cast,
        "leader": stream.binomial(cast, share),
        "late": late,
        "areas": area,
        "previous_cast": before,
        "previous_leader": stream.binomial(before, np.clip(0.5 + taste + own, 0, 1)),
    }


def test_composition_moves_the_raw_figure_and_areas_take_it_away() -> None:
    result = late_count_shift(**election(1))
    assert result.raw > 0.03
    assert abs(result.adjusted.z) < 3
    assert result.change is not None
    assert abs(result.change.z) < 3


def test_without_areas_the_placebo_shows_the_same_shift_and_the_change_none() -> None:
    result = late_count_shift(**{**election(2), "areas": None})
    assert result.placebo is not None
    assert result.change is not None
    assert result.adjusted.z > 5
    assert result.placebo.z > 5
    assert abs(result.change.z) < 3
    assert result.adjusted.value == pytest.approx(result.raw)


def test_planted_shift_stays_in_the_change() -> None:
    result = late_count_shift(**election(3, planted=0.04))
    assert result.change is not None
    assert result.change.value == pytest.approx(0.04, abs=4 * result.change.se)
    assert result.change.z > 5
    assert "the change since then +" in result.summary()


def test_alarms_on_clean_elections_are_nominal() -> None:
    z = np.array([late_count_shift(**election(seed, stations=600)).adjusted.z for seed in range(200)])
    assert (np.abs(z) > 1.96).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert np.std(z) == pytest.approx(1, abs=0.15)


def test_covariate_that_explains_late_stations_takes_the_shift_away() -> None:
    case = election(4)
    stream = np.random.default_rng(0)
    size = stream.integers(200, 2000, case["cast"].size)
    late = (stream.random(size.size) < size / 2200).astype(np.int64)
    leader = stream.binomial(case["cast"], np.clip(0.3 + size / 6000 + stream.normal(0, 0.03, size.size), 0, 1))
    plain = late_count_shift(case["cast"], leader, late)
    equal = late_count_shift(case["cast"], leader, late, covariates={"size": size})
    assert plain.adjusted.z > 5
    assert abs(equal.adjusted.z) < 3
    assert equal.covariates == ("size",)
    assert "nothing says what is normal" in equal.summary()


def test_result_is_plain_and_draws() -> None:
    result = late_count_shift(**election(1))
    json.dumps(result.to_dict())
    assert result.plot().axes


def test_wrong_inputs_are_refused() -> None:
    case = election(1)
    with pytest.raises(InputError, match="0 or 1"):
        late_count_shift(**{**case, "late": case["late"] + 1})
    with pytest.raises(InputError, match="both columns of the previous election"):
        late_count_shift(**{**case, "previous_cast": None})
    with pytest.raises(InputError, match="1200 finite numbers"):
        late_count_shift(**case, covariates={"x": [1.0]})
    with pytest.raises(Refusal, match="30 stations on both sides"):
        late_count_shift(**{**case, "late": np.zeros(1200, dtype=np.int64)})
    with pytest.raises(Refusal, match="determine which stations are late"):
        late_count_shift(**{**case, "areas": case["late"]})
    with pytest.raises(Refusal, match="at least 100 stations"):
        late_count_shift([100] * 3, [50] * 3, [0, 1, 1])
