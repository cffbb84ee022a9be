"""Proposals: one person proposes, another approves, and it is applied in the same transaction, once.

Rules:

* The row is locked while it is decided; two who press at once find one decision.
* What was proposed never changes: whoever wants another thing takes it back and proposes again.
* What it rests on is checked when it is proposed and again when it is applied; where it no longer holds, the proposal
  is outdated and nothing was done.
* An action (`Action`) says what its payload must be and what applying it does: entries in the record (`inbox.say`) and
  rows. Which there are: `storage.organise.ACTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from counterfoil.primitives.errors import CounterfoilError, InputError, Refusal
from counterfoil.storage import audit
from counterfoil.storage.means import Means
from counterfoil.storage.models import Account, Proposal
from counterfoil.workflow import approvals
from counterfoil.workflow.approvals import Act, Someone

Payload = Mapping[str, Any]
WAIT = "wait"
"""Code of a refusal that is only too early: the proposal stays open."""


Shape = Callable[[object], bool]


def is_text(value: object) -> bool:
    return isinstance(value, str) and value != "" and "\0" not in value


def is_key(value: object) -> bool:
    """The key of a row, as text."""
    try:
        return isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        return False


def is_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(is_text, value))


def is_keys(value: object) -> bool:
    return isinstance(value, list) and all(map(is_key, value))


def is_data(value: object) -> bool:
    return isinstance(value, dict)


@dataclass(frozen=True, slots=True)
class Action:
    """`shape`: the keys of a payload and what each must be; a program may send anything. `check` raises an error of
    `primitives.errors` where the payload can't be applied now. `apply` is called in the transaction of the decision,
    after `check`; it gives a few words for the audit log."""

    check: Callable[[Payload, Means], None]
    apply: Callable[[Proposal, Means], Mapping[str, Any]]
    shape: Mapping[str, Shape]

    def refuse_other_shapes(self, payload: Payload) -> None:
        """
        Raises:
            InputError: a key is missing, unknown or of another form.
        """
        wrong = sorted({*payload} ^ {*self.shape}) or [
            key for key, test in self.shape.items() if not test(payload[key])
        ]
        if wrong:
            raise InputError(
                "payload",
                expected=f"the keys {', '.join(self.shape)} as docs/organisers.md says",
                found=f"{', '.join(str(key)[:40] for key in wrong)} missing, unknown or of another form",
                code="bad-payload",
            )


def someone(account: Account) -> Someone:
    """The account as the rule sees it."""
    above = str(account.invited_by_id) if account.invited_by_id is not None else None
    return Someone(str(account.pk), tuple(account.roles), account.is_active, above)


def everybody() -> list[Someone]:
    """All accounts, as the rule sees them."""
    return [someone(account) for account in Account.objects.only("id", "roles", "is_active", "invited_by")]


def propose(
    actions: Mapping[str, Action],
    name: str,
    payload: Payload,
    by: Account,
    means: Means,
    *,
    reason: str = "",
    draft: bool = False,
) -> Proposal:
    """Write a proposal down. A draft is seen by its author only, who opens it with `submit`.

    Raises:
        CounterfoilError: it could not be applied as things stand.
    """
    actions[name].refuse_other_shapes(payload)
    with transaction.atomic():
        actions[name].check(payload, means)
        made = Proposal.objects.create(
            action=name,
            payload=dict(payload),
            reason=reason,
            proposed_by=by,
            proposed_at=means.now.replace(microsecond=0),
            state="draft" if draft else "open",
        )
        if not draft:
            audit.note(by, "propose", str(made.pk), _detail(made), now=means.now)
    return made


def submit(actions: Mapping[str, Action], key: UUID, by: Account, means: Means, *, alone: bool) -> Proposal:
    """Open a draft for a second person; or, where one person is enough (`alone`), apply it at once.

    Raises:
        Refusal: not a draft of this person.
        CounterfoilError: it can't be applied any more.
    """
    with transaction.atomic():
        found = _locked(key)
        found.state = approvals.decide(found.state, "open", str(found.proposed_by_id), someone(by), ())
        actions[found.action].check(found.payload, means)
        detail = _detail(found)
        if alone:
            found.state, found.decided_by = approvals.step(found.state, "approve"), by
            detail |= {"alone": True, **actions[found.action].apply(found, means)}
        found.save(update_fields=["state", "decided_by"])
        audit.note(by, "apply" if alone else "propose", str(found.pk), detail, now=means.now)
    return found


def decide(actions: Mapping[str, Action], key: UUID, act: Act, by: Account, means: Means) -> Proposal:
    """Approve (and apply), refuse or take back. Of one that can't be applied any more the state is `outdated`.

    Raises:
        Refusal: who it is may not do that, or it is decided already; nothing was done.
    """
    try:
        with transaction.atomic():
            found = _locked(key)
            found.state = approvals.decide(found.state, act, str(found.proposed_by_id), someone(by), everybody())
            found.decided_by = by
            detail: dict[str, Any] = {"action": found.action}
            if act == "approve":
                try:
                    actions[found.action].check(found.payload, means)
                except CounterfoilError as error:
                    if error.code == WAIT:
                        raise
                    raise _OutdatedError(str(error)) from error
                detail |= actions[found.action].apply(found, means)
            found.save(update_fields=["state", "decided_by"])
            audit.note(by, act, str(found.pk), detail, now=means.now)
    except _OutdatedError as error:
        return _outdate(key, by, means, str(error))
    return found


def _detail(proposal: Proposal) -> dict[str, Any]:
    return {"action": proposal.action} | ({"reason": proposal.reason} if proposal.reason else {})


class _OutdatedError(Exception):
    """What the proposal rests on has changed."""


def _outdate(key: UUID, by: Account, means: Means, why: str) -> Proposal:
    with transaction.atomic():
        found = _locked(key)
        found.state, found.decided_by = approvals.step(found.state, "outdate"), by
        found.save(update_fields=["state", "decided_by"])
        audit.note(by, "outdate", str(found.pk), {"action": found.action, "why": why[:500]}, now=means.now)
    return found


def _locked(key: UUID) -> Proposal:
    found = Proposal.objects.select_for_update().filter(pk=key).first()
    if found is None:
        raise Refusal("expected a proposal, found none of this key; look at the list of proposals", code="no-proposal")
    return found
