"""Invited senders: branches, their printed codes, and taking a whole branch back.

A branch is a group of people who got their codes from one hand: an organisation, a town, a coordinator's friends. Which
person got which code nobody writes down: the cards are shuffled and handed out.

Rules:

* A code is shown once, when it is drawn; only its hash is kept, and how often it may still be used. No time, no number.
* Revoking a branch revokes everything below it: its codes, its tokens, and all copies that came through it, by a
  withdrawal each. Two persons decide on it (`REVOKE_BRANCH`).
* What came through a revoked branch but waits for its batch at that moment is withdrawn by `sweep_revoked`, which the
  worker calls after each batch: nothing slips through between.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction

from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.primitives.words import WITHDRAWAL_REASONS
from counterfoil.storage import audit
from counterfoil.storage.means import Means
from counterfoil.storage.models import Account, Arrival, Branch, Code, Copy, Entry, Proposal, Token
from counterfoil.storage.proposals import Action, Payload, is_key, is_text
from counterfoil.storage.releases import release_of, take_out
from counterfoil.workflow.codes import draw_invitation, hash_invitation

KINDS = ("invited", "organisation")
MOST_CODES = 1000
"""Drawn at once: what one prints in one go."""
MOST_USES = 100
MAX_NAME = 120


def make_branch(name: str, kind: str, by: Account, *, parent: Branch | None = None, quota: int | None = None) -> Branch:
    """A new branch.

    Raises:
        InputError: no name, an unknown kind, a quota below 1.
        Refusal: the branch above was taken back.
    """
    if not 1 <= len(name.strip()) <= MAX_NAME or not name.isprintable():
        raise InputError("name", expected=f"1 to {MAX_NAME} characters", found=f"{len(name.strip())}", code="bad-name")
    if kind not in KINDS:
        raise InputError("kind", expected=f"one of {', '.join(KINDS)}", found=repr(kind[:20]), code="bad-kind")
    if quota is not None and quota < 1:
        raise InputError("quota", expected="at least 1, or none", found=str(quota), code="bad-quota")
    if parent is not None and parent.revoked:
        raise Refusal("expected a branch that holds, found one that was taken back", code="branch-revoked")
    with transaction.atomic():
        made = Branch.objects.create(name=name.strip(), kind=kind, parent=parent, quota=quota)
        audit.note(by, "make_branch", str(made.pk), {"kind": kind, "quota": quota})
    return made


def draw_codes(branch: Branch, count: int, uses: int, by: Account, *, pepper: bytes) -> list[str]:
    """New codes for printed cards; they are never shown again.

    Args:
        uses: photos that one card may send.

    Raises:
        InputError: too many, or none.
        Refusal: the branch was taken back.
    """
    if not 1 <= count <= MOST_CODES or not 1 <= uses <= MOST_USES:
        expected = f"1 to {MOST_CODES} codes of 1 to {MOST_USES} photos"
        raise InputError("codes", expected=expected, found=f"{count} of {uses}", code="bad-count")
    codes = [draw_invitation(secrets.token_bytes) for _ in range(count)]
    with transaction.atomic():
        locked = Branch.objects.select_for_update().get(pk=branch.pk)
        if locked.revoked:
            raise Refusal("expected a branch that holds, found one that was taken back", code="branch-revoked")
        # In the order of their hashes, so that rows don't tell the order of the cards.
        hashes = sorted(hash_invitation(code, pepper) for code in codes)
        Code.objects.bulk_create(Code(code_hash=one, branch=locked, uses_left=uses) for one in hashes)
        audit.note(by, "draw_codes", str(branch.pk), {"codes": count, "uses": uses})
    return codes


def tree() -> list[tuple[int, Branch]]:
    """All branches with their depth, each below the one above it."""
    below: dict[object, list[Branch]] = {}
    for branch in Branch.objects.order_by("name", "pk"):
        below.setdefault(branch.parent_id, []).append(branch)
    found: list[tuple[int, Branch]] = []
    stack = [(0, branch) for branch in reversed(below.get(None, []))]
    while stack:
        depth, branch = stack.pop()
        found.append((depth, branch))
        stack.extend((depth + 1, one) for one in reversed(below.get(branch.pk, [])))
    return found


def with_all_below(branch: Branch) -> list[Branch]:
    """The branch and everything that hangs on it."""
    found = [branch]
    for one in found:
        found.extend(Branch.objects.filter(parent=one))
    return found


def copies_of(branches: Iterable[Branch]) -> list[Copy]:
    """Copies that came through these branches and still count."""
    return list(Copy.objects.filter(branch__in=list(branches)).exclude(state="withdrawn").order_by("copy"))


def revocation(branch: Branch, reason: str) -> dict[str, Any]:
    """The payload of taking a branch back."""
    return {"branch": str(branch.pk), "reason": reason}


def _check(payload: Payload, means: Means) -> None:
    if payload["reason"] not in WITHDRAWAL_REASONS:
        expected = f"one of {', '.join(WITHDRAWAL_REASONS)}"
        raise InputError("reason", expected=expected, found=repr(payload["reason"]), code="bad-reason")
    branch = Branch.objects.filter(pk=payload["branch"]).first()
    if branch is None or branch.revoked:
        raise Refusal("expected a branch that holds, found none or one that was taken back", code="branch-revoked")


def _apply(proposal: Proposal, means: Means) -> Mapping[str, Any]:
    branches = with_all_below(Branch.objects.get(pk=proposal.payload["branch"]))
    keys = [branch.pk for branch in branches]
    list(Branch.objects.select_for_update().filter(pk__in=keys))  # who is sending now comes before, or is refused
    Branch.objects.filter(pk__in=keys).update(revoked=True, revoked_for=proposal.payload["reason"])
    Token.objects.filter(branch__in=keys).update(revoked=True)
    out = _take_out(branches, means.slot, proposal.proposed_by)
    waiting = Arrival.objects.filter(branch__in=keys).count()
    return {"branches": len(branches), "copies": len(out), "waiting": waiting}


def _take_out(branches: Sequence[Branch], slot: str, by: Account | None) -> list[Copy]:
    """Withdraw what came through these revoked branches and has an entry."""
    reasons = dict(Branch.objects.filter(pk__in=[b.pk for b in branches]).values_list("pk", "revoked_for"))
    copies = copies_of(branches)
    entries = {e.copy: e for e in Entry.objects.filter(type="copy", copy__in=[c.copy for c in copies], withdrawn=False)}
    for copy in copies:
        assert copy.branch_id is not None  # noqa: S101 - `copies_of`
        reason = reasons[copy.branch_id]
        released = release_of(copy.copy)
        if released is not None:
            take_out(released, reason, slot, by)
        if copy.copy in entries:
            take_out(entries[copy.copy], reason, slot, by)
        else:
            Copy.objects.filter(pk=copy.pk).update(state="withdrawn")
            copy.tasks.all().delete()
    return copies


def sweep_revoked(slot: str) -> int:
    """Withdraw copies of revoked branches that were sealed since; idempotent. The number of copies taken out."""
    with transaction.atomic():
        revoked = list(Branch.objects.filter(revoked=True))
        if not revoked or not Copy.objects.filter(branch__in=revoked).exclude(state="withdrawn").exists():
            return 0
        return len(_take_out(revoked, slot, None))


REVOKE_BRANCH = Action(_check, _apply, {"branch": is_key, "reason": is_text})
