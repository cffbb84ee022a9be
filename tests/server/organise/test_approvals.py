"""The rule of two persons, over any organisation of invitations."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.primitives.errors import Refusal
from counterfoil.workflow.approvals import STATES, Act, Someone, decide, second, step

ACTS: tuple[Act, ...] = ("open", "approve", "refuse", "take_back", "outdate")


@st.composite
def teams(draw: st.DrawFn) -> list[Someone]:
    """Two to eight accounts; each was invited by an earlier one, or by nobody."""
    found: list[Someone] = []
    for number in range(draw(st.integers(2, 8))):
        above = draw(st.sampled_from([None, *(one.id for one in found)]))
        roles = draw(st.sampled_from([("organiser",), ("organiser", "reader"), ("reader",), ("auditor",)]))
        found.append(Someone(f"a{number}", roles, draw(st.booleans()) or number == 0, above))
    return found


def organisers(team: list[Someone]) -> list[Someone]:
    return [one for one in team if one.active and "organiser" in one.roles]


@given(teams(), st.data())
@settings(deadline=None, max_examples=150)
def test_nobody_approves_what_they_proposed_and_only_active_organisers_approve(
    team: list[Someone], data: st.DataObject
) -> None:
    proposer, who = data.draw(st.sampled_from(team)), data.draw(st.sampled_from(team))
    try:
        after = decide("open", "approve", proposer.id, who, team)
    except Refusal:
        return
    assert after == "approved"
    assert who.id != proposer.id
    assert who.active and "organiser" in who.roles


@given(teams(), st.data())
@settings(deadline=None, max_examples=150)
def test_wherever_there_are_two_active_organisers_each_proposal_can_be_approved_by_somebody(
    team: list[Someone], data: st.DataObject
) -> None:
    able = organisers(team)
    if len(able) < 2:
        return
    proposer = data.draw(st.sampled_from(able))
    assert any(second(proposer.id, who, team) for who in able)


@given(teams(), st.data())
@settings(deadline=None, max_examples=150)
def test_attack_inviting_ones_own_second_gains_nothing_while_others_are_there(
    team: list[Someone], data: st.DataObject
) -> None:
    able = organisers(team)
    proposer = data.draw(st.sampled_from(team))
    outside = [one for one in able if one.id != proposer.id and not below(one, proposer, team)]
    puppet = Someone("puppet", ("organiser",), True, proposer.id)
    deeper = Someone("deeper", ("organiser",), True, "puppet")
    everybody = [*team, puppet, deeper]
    for one in (puppet, deeper):
        assert second(proposer.id, one, everybody) is (not outside)


def below(one: Someone, line: Someone, team: list[Someone]) -> bool:
    by_id = {someone.id: someone for someone in team}
    at = one.invited_by
    while at is not None:
        if at == line.id:
            return True
        at = by_id[at].invited_by
    return False


@given(st.lists(st.sampled_from(ACTS), max_size=6))
@settings(deadline=None, max_examples=100)
def test_a_proposal_is_decided_at_most_once(acts: list[Act]) -> None:
    state, seen = "draft", ["draft"]
    for act in acts:
        try:
            state = step(state, act)
        except Refusal as refusal:
            assert refusal.code == "already-decided"
            continue
        seen.append(state)
    assert set(seen) <= set(STATES)
    final = {"approved", "refused", "taken_back", "outdated"}
    assert not any(before in final for before, _ in pairwise(seen))


@pytest.mark.parametrize(
    ("act", "who", "code"),
    [("approve", "p", "own-proposal"), ("refuse", "p", "own-proposal"), ("take_back", "o", "not-yours")],
)
def test_each_refusal_has_its_name(act: Act, who: str, code: str) -> None:
    team = [Someone(name, ("organiser",), True, None) for name in "po"]
    chosen = next(one for one in team if one.id == who)
    with pytest.raises(Refusal) as refusal:
        decide("open", act, "p", chosen, team)
    assert refusal.value.code == code
