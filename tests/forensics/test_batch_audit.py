"""Batch comparison: the vectors of Arlo's tests, Venezuela and Russia as batches, and the ways an audit can end."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.forensics import Macro, draw, draw_as_arlo, macro
from counterfoil.primitives.errors import InputError
from tests.forensics.data import russia, russia_table, venezuela_table

SEED = "12345678901234567890abcdefghijklmnopqrstuvwxyz😊"
QUARTER = Fraction(1, 4)

# (votes of winner and loser, ballots) of a large and a small batch, and how many of each; 400 batches in all.
CONTESTS = {
    "A": ((200, 180, 400), (100, 90, 200), 200, Fraction(21), [30, 26]),
    "B": ((200, 160, 400), (100, 80, 200), 100, Fraction(11), [16, 12]),
    "C": ((200, 140, 400), (100, 70, 200), 60, Fraction(23, 3), [11, 7]),
}


def contest(name: str) -> tuple[dict[str, list[int]], list[int]]:
    large, small, count, _, _ = CONTESTS[name]
    rest = [0] * (400 - 2 * count)
    winner, loser, ballots = ([large[k]] * count + [small[k]] * count + rest for k in range(3))
    return {"winner": winner, "loser": loser}, ballots


def clean(votes: dict[str, list[int]], batches: list[int]) -> list[tuple[int, dict[str, int]]]:
    return [(b, {name: int(column[b]) for name, column in votes.items()}) for b in batches]


@pytest.mark.parametrize("name", CONTESTS)
def test_error_and_draws_of_the_three_contests(name: str) -> None:
    votes, ballots = contest(name)
    total, (first, later) = CONTESTS[name][3:]
    audit = macro(votes, ballots, risk_limit=QUARTER)
    assert audit.total_error == total
    assert audit.draws_expected == first
    assert macro(votes, ballots, audited=clean(votes, list(range(4))), risk_limit=QUARTER).draws_expected == later


def test_risk_after_clean_draws_and_draws_with_a_taint_as_large_as_the_margin() -> None:
    votes, ballots = contest("A")
    tainted = [(b, {"winner": 190, "loser": 190}) for b in range(100, 106)]
    risk = macro(votes, ballots, audited=[*clean(votes, list(range(30))), *tainted], risk_limit=QUARTER).risk
    assert risk == Fraction(20, 21) ** 30
    assert round(float(risk), 6) == 0.231377
    votes, ballots = contest("B")
    others = clean(votes, list(range(30))) + clean(votes, list(range(200, 206)))  # not on the ballot there
    assert round(float(macro(votes, ballots, audited=others).risk), 6) == 0.057309
    votes, ballots = contest("C")
    assert round(float(macro(votes, ballots, audited=clean(votes, list(range(36)))).risk), 6) == 0.006529


def test_small_contest_in_ten_batches() -> None:
    assert macro({"a": [40] * 10, "b": [10] * 10}, [50] * 10, risk_limit=QUARTER).draws_expected == 4


def test_ballots_outside_the_batches_shrink_the_margin() -> None:
    votes, ballots = {"a": [100, 50, 50], "b": [10, 45, 45]}, [100, 100, 150]
    as_decimal = []
    risks = []
    for outside in (0, 1, 2):
        audit = macro(votes, ballots, outside=outside, audited=clean(votes, [0, 1, 1]), risk_limit=QUARTER)
        assert audit.total_error is not None
        as_decimal.append(Decimal(audit.total_error.numerator) / Decimal(audit.total_error.denominator))
        risks.append(float(audit.risk))
    assert as_decimal[0] == Decimal("4.5")
    assert str(as_decimal[1])[:6] == "4.5454"
    assert as_decimal[2] == Decimal("4.591836734693877551020408163")
    assert risks == pytest.approx([0.47050754458161864, 0.474552, 0.47861956652949245], rel=1e-14)
    off = [(0, {"a": 99, "b": 11}), *clean(votes, [1, 1])]
    assert float(macro(votes, ballots, outside=2, audited=off).risk) == pytest.approx(0.48371126404576364, rel=1e-14)


def test_tie_needs_all_batches_and_a_full_recount_ends_the_audit() -> None:
    tie = {"a": [50, 50], "b": [60, 40]}
    audit = macro(tie, [120, 120])
    assert audit.draws_expected == 2
    assert audit.total_error is None
    votes, ballots = contest("A")
    assert macro(votes, ballots, audited=clean(votes, list(range(400)))).risk == 0


def test_full_recount_with_another_winner_does_not_confirm() -> None:
    votes, ballots = {"a": [60, 60], "b": [40, 40]}, [100, 100]
    audit = macro(votes, ballots, audited=[(0, {"a": 40, "b": 60}), (1, {"a": 40, "b": 60})])
    assert audit.risk == 1
    assert not audit.confirmed
    assert "another outcome" in audit.summary()


def test_error_against_the_winner_helps_nobody_and_the_largest_error_ends_confirmation() -> None:
    votes, ballots = contest("A")
    better = macro(votes, ballots, audited=[(0, {"winner": 300, "loser": 100})])
    assert better.risk == macro(votes, ballots, audited=clean(votes, [0])).risk
    worst = macro(votes, ballots, audited=[(0, {"winner": 0, "loser": 400})])
    assert worst.risk == 1


def venezuela_votes() -> tuple[dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]], list[int]]:
    table = venezuela_table()
    options = ["EG", "NM", "LM", "JABE", "JOBR", "AE", "CF", "DC", "EM", "BERA"]
    return {o: table[o].to_numpy() for o in options}, (table["VOTOS_VALIDOS"] + table["VOTOS_NULOS"]).to_list()


def summed_in_decimals(audit: Macro) -> Decimal:
    """The total as Arlo prints it: batch by batch in 28 digits, with the rounding of that; ours is exact."""
    total = sum((Decimal(int(n)) / Decimal(int(d)) for n, d in zip(*audit.largest_errors, strict=True)), Decimal(0))
    assert audit.total_error is not None
    assert float(audit.total_error) == pytest.approx(float(total), rel=1e-15)
    return total


def test_venezuela_as_batches() -> None:
    votes, ballots = venezuela_votes()
    audit = macro(votes, ballots)
    assert summed_in_decimals(audit) == Decimal("3.733102418157068697141991349")
    assert audit.draws_expected == 11
    batches = draw(audit, "2024-07-28", 11)
    audited = [(b, {o: int(column[b]) for o, column in votes.items()}) for b in batches]
    result = macro(votes, ballots, audited=audited)
    assert float(result.risk) == pytest.approx(0.03239261545350925, rel=1e-14)
    assert result.confirmed
    table = venezuela_table()
    moved = int(((table["CENTRO"] == 201001001) & (table["MESA"] == 4)).arg_max() or 0)
    found = {o: int(column[moved]) for o, column in votes.items()}
    found["EG"] -= 10
    found["NM"] += 10
    result = macro(votes, ballots, audited=[(moved, found), *audited[1:]])
    assert float(result.risk) == pytest.approx(0.03338019519294551, rel=1e-14)


def test_russia_2018_as_batches() -> None:
    table = russia_table(2018)
    options = table.columns[table.columns.index("Бабурин Сергей Николаевич") : -1]
    audit = macro({o: table[o].to_numpy() for o in options}, russia(2018).cast)
    assert summed_in_decimals(audit) == Decimal("2.545717660271525958331755529")
    assert audit.draws_expected == 8


def test_draw_of_arlos_sampler_test() -> None:
    numbers = [*range(10), *range(11, 20)]
    votes = {"cand1": [40] * 10 + [20] * 9, "cand2": [10] * 10 + [30] * 9}
    audit = macro(votes, [50] * 19, totals={"cand1": 600, "cand2": 400})
    assert [numbers[i] for i in draw_as_arlo(audit, SEED, 10)] == [8, 6, 8, 0, 9, 14, 18, 17, 8, 2]


def test_public_draw_can_be_repeated_by_hand_and_follows_the_errors() -> None:
    votes, ballots = {"a": [60, 10, 30], "b": [10, 10, 10]}, [70, 20, 0]
    votes["a"][2], votes["b"][2] = 0, 0
    audit = macro(votes, ballots)
    # u_p: 120/50, 20/50, 0; SHA-256("x,1") starts with 0.42...: below 120/140 of the way.
    drawn = draw(audit, "x", 2000)
    assert drawn == draw(audit, "x", 2500)[:2000]
    assert 2 not in drawn
    assert drawn.count(0) / 2000 == pytest.approx(120 / 140, abs=0.03)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_total_error_is_the_sum_of_the_largest_over_pairs(data: st.DataObject) -> None:
    size, options = data.draw(st.integers(1, 6)), data.draw(st.integers(2, 4))
    counts = st.lists(st.integers(0, 50), min_size=size, max_size=size)
    votes = {f"o{i}": data.draw(counts) for i in range(options)}
    ballots = [sum(column[b] for column in votes.values()) + 3 for b in range(size)]
    audit = macro(votes, ballots)
    totals = sorted(((sum(c), name) for name, c in votes.items()), key=lambda x: -x[0])
    if totals[0][0] <= totals[1][0]:
        assert audit.total_error is None
        return
    top = audit.winners[0]
    expected = sum(
        max(Fraction(votes[top][b] - votes[x][b] + ballots[b], totals[0][0] - total) for total, x in totals if x != top)
        for b in range(size)
    )
    assert audit.total_error == expected


def test_result_is_plain_and_draws() -> None:
    audit: Macro = macro(*contest("B"))
    assert json.loads(json.dumps(audit.to_dict()))["total_error"] == "11"
    assert audit.plot().axes
    assert "winner won by a margin of 6,000" in audit.summary()


def test_wrong_inputs_are_refused() -> None:
    votes, ballots = contest("A")
    with pytest.raises(InputError, match="ballots, row 0"):
        macro(votes, [100] * 400)
    with pytest.raises(InputError, match="a batch from 0 to 399"):
        macro(votes, ballots, audited=[(400, {"winner": 1, "loser": 1})])
    with pytest.raises(InputError, match="votes for winner, loser"):
        macro(votes, ballots, audited=[(0, {"winner": 1})])
    with pytest.raises(InputError, match="1 to 1 of 2 options"):
        macro(votes, ballots, winners=2)
    with pytest.raises(InputError, match="outside"):
        macro(votes, ballots, outside=-1)
    with pytest.raises(InputError, match="risk_limit"):
        macro(votes, ballots, risk_limit=0.0)
    with pytest.raises(InputError, match="a seed"):
        draw(macro(votes, ballots), "", 3)
    with pytest.raises(InputError, match="recount all batches"):
        draw(macro({"a": [50], "b": [50]}, [100]), "x", 1)
