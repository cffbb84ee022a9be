"""Fingerprint, difference and vote rate: printed counts, exact cells, refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest

from counterfoil.forensics import fingerprint, fingerprint_difference, plotting, vote_rate
from counterfoil.primitives.errors import InputError, Refusal
from tests.forensics.data import belarus, russia, venezuela


@pytest.mark.parametrize(("year", "full", "both"), [(2018, 1_449, 2_040), (2021, 917, 587)])
def test_russia_has_the_printed_corner(year: int, full: int, both: int) -> None:
    result = fingerprint(*russia(year))
    assert (result.full_turnout, result.both_above_95) == (full, both)
    assert result.cells.sum() == result.sample.used


def test_venezuela_has_no_corner_and_belarus_a_small_one() -> None:
    for option in ("EG", "NM"):
        sheets = fingerprint(*venezuela(option))
        assert (sheets.full_turnout, sheets.both_above_95) == (0, 0)
    protocols = fingerprint(*belarus())
    # 14 protocols show 100 % or more; the six with more ballots than voters are out under that name.
    assert protocols.full_turnout + protocols.sample.excluded["given_above_registered"] == 14
    assert protocols.both_above_95 == 3


def test_cells_are_decided_in_whole_numbers() -> None:
    result = fingerprint([1000, 1000, 1000], [290, 289, 1000], [290, 289, 1000], [145, 0, 1000])
    assert [tuple(cell) for cell in np.argwhere(result.cells)] == [(28, 0), (29, 50), (99, 99)]


def test_voters_weigh_as_many_as_they_are() -> None:
    by_voters = fingerprint(*belarus(), weight="voters")
    assert by_voters.cells.sum() == belarus().usual().registered.sum()


def test_difference_of_an_election_from_itself_is_nothing() -> None:
    first, second = fingerprint(*russia(2018)), fingerprint(*russia(2021))
    assert fingerprint_difference(first, first).moved == 0
    change = fingerprint_difference(first, second)
    assert change.cells.sum() == pytest.approx(0, abs=1e-12)
    assert 0.5 < change.moved < 1
    assert plotting.svg(change.plot()) == plotting.svg(change.plot())


def test_difference_of_unlike_weights_is_refused() -> None:
    with pytest.raises(InputError, match="a fingerprint of stations"):
        fingerprint_difference(fingerprint(*belarus()), fingerprint(*belarus(), weight="voters"))


@pytest.mark.parametrize(
    ("columns", "skewness", "kurtosis"),
    [
        (lambda: russia(2018), -1.46263, 5.45032),
        (lambda: russia(2021), -0.90944, 3.33334),
        (lambda: venezuela("EG"), 1.25252, 8.57863),
        (lambda: venezuela("NM"), -0.01452, 3.52608),
        (belarus, 0.35149, 4.82783),
    ],
)
def test_vote_rate_equals_the_printed_one(columns, skewness: float, kurtosis: float) -> None:  # type: ignore[no-untyped-def]
    c = columns().usual()
    result = vote_rate(c.registered, c.leader)
    assert (round(result.skewness, 5), round(result.kurtosis, 5)) == (skewness, kurtosis)


def test_results_are_plain() -> None:
    c = belarus()
    json.dumps(fingerprint(*c).to_dict())
    json.dumps(vote_rate(c.registered, c.leader).to_dict())
    assert plotting.svg(fingerprint(*c).plot()).startswith("<svg")
    assert vote_rate(c.registered, c.leader).plot().axes


def test_nothing_left_unknown_weight_and_equal_rates_are_refused() -> None:
    with pytest.raises(Refusal):
        fingerprint([50], [20], [20], [10])
    with pytest.raises(InputError, match="stations or voters"):
        fingerprint(*belarus(), weight="ballots")
    with pytest.raises(Refusal, match="same rate"):
        vote_rate([1000] * 200, [300] * 200)
