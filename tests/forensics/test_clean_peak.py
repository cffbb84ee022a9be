"""Shpilkin's clean peak: the printed estimates with their range, what clean elections give, and the refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest

from counterfoil.forensics import clean_peak
from counterfoil.primitives.errors import InputError, Refusal
from tests.forensics.data import Columns, belarus, russia, venezuela


def test_russia_2018_equals_the_printed_estimate_and_range() -> None:
    result = clean_peak(*russia(2018))
    assert result.peak == 62
    assert round(result.estimate.ratio, 4) == 2.7097
    assert round(result.estimate.votes) == 9_963_241
    assert round(result.estimate.votes_from_peak) == 10_356_189
    assert [round(e.votes / 1e6, 2) for e in result.by_half_width][::5] == [10.25, 9.91]
    assert result.low <= min(e.votes for e in result.by_half_width)
    assert not result.warnings


def test_russia_2021_equals_the_printed_estimate() -> None:
    result = clean_peak(*russia(2021))
    assert result.peak == 38
    assert round(result.estimate.ratio, 4) == 0.4889
    assert round(result.estimate.votes) == 14_245_202
    assert round(result.estimate.votes_from_peak) == 14_521_486
    assert result.clean_share == pytest.approx(0.32836, abs=1e-5)


def test_clean_sheets_give_votes_too_and_the_result_says_so() -> None:
    for option in ("EG", "NM"):
        result = clean_peak(*venezuela(option))
        assert "occurs in clean elections" in result.summary()


def test_no_clean_peak_left_is_refused_unless_it_is_set_by_hand() -> None:
    with pytest.raises(Refusal, match=r"peak at 95 % and the turnout at 80\.3 %"):
        clean_peak(*belarus())
    assert clean_peak(*belarus(), peak=75).warnings[0] == "The peak was set by hand."


def mixed(added: int) -> Columns:
    """A clean electorate, and `added` ballots for the leader in every third station."""
    stream = np.random.default_rng(3)
    registered = stream.integers(800, 2000, 9000)
    cast = stream.binomial(registered, stream.beta(60, 60, registered.size))
    leader = stream.binomial(cast, stream.beta(50, 50, registered.size))
    extra = np.where(np.arange(registered.size) % 3 == 0, np.minimum(added, registered - cast), 0)
    return Columns(registered, cast + extra, cast + extra, leader + extra)


def test_planted_ballots_are_found_within_the_range() -> None:
    assert abs(clean_peak(*mixed(0)).estimate.votes) < 0.02 * mixed(0).leader.sum()
    planted = mixed(300)
    put_in = int(planted.leader.sum() - mixed(0).leader.sum())
    result = clean_peak(*planted)
    assert result.low < put_in * 1.05
    assert result.high > put_in * 0.95
    assert result.corrected_turnout == pytest.approx(0.5, abs=0.02)


def test_result_is_plain_and_draws() -> None:
    result = clean_peak(*russia(2018), half_width=7)
    assert result.estimate.half_width == 7
    assert len(result.by_half_width) == 7
    json.dumps(result.to_dict())
    assert result.plot().axes


def test_wrong_options_and_empty_opposition_are_refused() -> None:
    with pytest.raises(InputError, match="half_width"):
        clean_peak(*belarus(), half_width=11)
    with pytest.raises(InputError, match="peak"):
        clean_peak(*belarus(), peak=101)
    with pytest.raises(Refusal, match="found none"):
        clean_peak([1000] * 600, [500] * 600, [500] * 600, [500] * 600)
    with pytest.raises(Refusal, match="at least 500 stations"):
        clean_peak([1000] * 3, [500] * 3, [500] * 3, [300] * 3)
