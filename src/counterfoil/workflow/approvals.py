"""Two persons for what changes a published figure: who may decide on a proposal, and what becomes of it.

    draft --open--> open --approve--> approved (applied in the same step)
      |               |---refuse---> refused
      |               |---outdate--> outdated (what it rests on has changed)
      +--take back----+------------> taken_back

Rules:

* Only an active organiser decides. Nobody decides on what they proposed, but may take it back.
* Somebody whom the proposer invited (directly, or through others) counts as the second person only while there is no
  active organiser outside that line: else one person could invite themselves as their own second. Where the first
  organiser invited everybody, their line is all there is, and any other organiser counts.
* A proposal is decided once; approving it again is refused, whoever asks.

>>> step("open", "approve")
'approved'
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from counterfoil.primitives.errors import Refusal
from counterfoil.workflow.roles import may

Act = Literal["open", "approve", "refuse", "take_back", "outdate"]
STATES = ("draft", "open", "approved", "refused", "taken_back", "outdated")
_STEPS: Mapping[tuple[str, str], str] = {
    ("draft", "open"): "open",
    ("draft", "take_back"): "taken_back",
    ("open", "approve"): "approved",
    ("open", "refuse"): "refused",
    ("open", "take_back"): "taken_back",
    ("open", "outdate"): "outdated",
}
_SECOND = ("approve", "refuse")
"""What only a second person may do."""


@dataclass(frozen=True, slots=True)
class Someone:
    """What the rule looks at of an account."""

    id: str
    roles: tuple[str, ...]
    active: bool
    invited_by: str | None


def step(state: str, act: str) -> str:
    """The state after `act`.

    Raises:
        Refusal: `already-decided`: it is decided, or not open yet.
    """
    after = _STEPS.get((state, act))
    if after is None:
        raise Refusal(
            f"expected a proposal that is {'a draft' if act == 'open' else 'open'}, found one that is "
            f"{state.replace('_', ' ')}; nothing was done again, look at the list of proposals",
            code="already-decided",
        )
    return after


def decide(state: str, act: Act, proposer: str, who: Someone, everybody: Collection[Someone]) -> str:
    """The state after `who` did `act` to a proposal of `proposer`.

    Args:
        everybody: all accounts, for who invited whom.

    Raises:
        Refusal: `already-decided`, `own-proposal`, `not-yours`, `not-an-organiser`, `own-line`.
    """
    after = step(state, act)
    if not who.active or not may(who.roles, "approve"):
        raise Refusal("expected an active organiser, found somebody else; ask one", code="not-an-organiser")
    if act in _SECOND:
        if who.id == proposer:
            raise Refusal("expected a second person, found the proposer; ask another organiser", code="own-proposal")
        if not second(proposer, who, everybody):
            raise Refusal(
                "expected somebody whom the proposer did not invite, as there are such organisers; ask one of them",
                code="own-line",
            )
    elif act in ("take_back", "open") and who.id != proposer:
        raise Refusal("expected the one who proposed it, found another person; refuse it instead", code="not-yours")
    return after


def second(proposer: str, who: Someone, everybody: Collection[Someone]) -> bool:
    """Whether `who` counts as the second person for what `proposer` proposes."""
    if who.id == proposer:
        return False
    above = {someone.id: someone.invited_by for someone in everybody}
    if not _below(who.id, proposer, above):
        return True
    return not any(
        one.active and may(one.roles, "approve") and one.id != proposer and not _below(one.id, proposer, above)
        for one in everybody
    )


def _below(account: str, line: str, above: Mapping[str, str | None]) -> bool:
    """Whether `line` invited `account`, directly or through others."""
    seen: set[str] = set()
    at = above.get(account)
    while at is not None and at not in seen:
        if at == line:
            return True
        seen.add(at)
        at = above.get(at)
    return False
