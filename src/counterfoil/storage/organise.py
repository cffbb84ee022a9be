"""What organisers do: the actions that need two persons, notices, phases, freezing, answers to disputes.

Rules:

* Whatever changes a published figure goes through a proposal (`ACTIONS`). A notice, a phase and an answer change none.
* A freeze, a phase and an answer are said in the record, in the words of the organisers; nothing stands still silently.
* Setting up before anything is counted may be done by one person: there may be only one (`workflow.running.needs_two`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.primitives.words import NOTICE_KINDS
from counterfoil.storage import accounts, audit, inbox, proposals, running, work
from counterfoil.storage.branches import REVOKE_BRANCH
from counterfoil.storage.imports import IMPORT, published_figures
from counterfoil.storage.means import Means
from counterfoil.storage.models import Account, Dispute, Entry, Proposal
from counterfoil.storage.proposals import Action, Payload, is_data, is_key, is_texts
from counterfoil.storage.releases import EXCLUDE, RELEASE, WITHDRAW, desk
from counterfoil.workflow.accounts import check_grant
from counterfoil.workflow.approvals import Act
from counterfoil.workflow.running import FREEZABLE, check_phase, needs_two

MAX_TEXT = 4000
"""Characters of a notice in one language; an entry holds 65,535 bytes."""
MOST_RESTING = 50
"""Entries that an answer names."""

Texts = Mapping[str, str]


def check_texts(texts: Texts, languages: Sequence[str]) -> dict[str, str]:
    """What organisers wrote, by language, without the languages that they left empty.

    Raises:
        InputError: nothing in the election's first language, too long, or a language that the election has not.
    """
    if not all(isinstance(text, str) for text in texts.values()):
        raise InputError("the text", expected="texts by language", found="something else", code="bad-payload")
    said = {language: text.strip() for language, text in texts.items() if text.strip()}
    if languages[0] not in said:
        raise InputError("the text", expected=f"a text in {languages[0]}", found="none", code="no-text")
    for language, text in said.items():
        if language not in languages:
            raise InputError("the text", expected=f"one of {', '.join(languages)}", found=language, code="bad-language")
        if len(text) > MAX_TEXT:
            raise InputError(
                "the text", expected=f"at most {MAX_TEXT} characters", found=f"{len(text)}", code="text-too-long"
            )
    return said


def give_notice(kind: str, texts: Texts, by: Account, means: Means, rests_on: Sequence[Entry] = ()) -> Entry:
    """Announce, correct or explain something in the record.

    Raises:
        InputError: another kind, or no text. `froze` is said by a freeze only.
    """
    if kind not in NOTICE_KINDS or kind == "froze":
        raise InputError(
            "kind", expected="announced, corrected, stopped or explained", found=repr(kind), code="bad-kind"
        )
    said = check_texts(texts, means.state().election.languages)
    with transaction.atomic():
        entry = _say(kind, said, by, means, rests_on)
        audit.note(by, "notice", str(entry.pk), {"kind": kind}, now=means.now)
    return entry


def _say(kind: str, texts: Texts, by: Account, means: Means, rests_on: Sequence[Entry] = ()) -> Entry:
    body = {"type": "notice", "kind": kind, "text": dict(texts)}
    return inbox.say(body, slot=means.slot, author=by, refers=list(rests_on))


def set_phase(to: str, texts: Texts, by: Account, means: Means) -> Entry:
    """Go to another phase of the count; the notice says so in public.

    Raises:
        Refusal: that phase does not follow.
    """
    with transaction.atomic():
        check_phase(running.get("phase"), to)
        said = check_texts(texts, means.state().election.languages)
        entry = _say("announced", said, by, means)
        running.put("phase", to, by)
        audit.note(by, "phase", to, {"entry": str(entry.pk)}, now=means.now)
    return entry


def _check_freeze(payload: Payload, means: Means) -> None:
    check_texts(payload["text"], means.state().election.languages)
    frozen = set(running.get("frozen").get("what", ()))
    what = set(payload["what"])
    if not what <= set(FREEZABLE) or what == frozen:
        raise Refusal("expected another state than the one that is, found the same; nothing to do", code="as-it-is")


def _freeze(proposal: Proposal, means: Means) -> Mapping[str, Any]:
    """`what` is what stands still afterwards; nothing in it: everything goes on."""
    what = sorted(proposal.payload["what"])
    before, phase = running.get("frozen"), running.get("phase")
    said = check_texts(proposal.payload["text"], means.state().election.languages)
    entry = _say("froze" if what else "explained", said, proposal.proposed_by, means)
    by = proposal.decided_by
    kept = before.get("phase", phase)
    running.put("frozen", {"what": what, "entry": str(entry.pk), "phase": kept} if what else {}, by)
    running.put("phase", "frozen" if set(what) == set(FREEZABLE) else kept, by)
    return {"entry": str(entry.pk), "what": what}


def _check_roles(payload: Payload, means: Means) -> None:
    check_grant(("organiser",), payload["roles"])
    if not Account.objects.filter(pk=payload["account"], is_active=True).exists():
        raise Refusal("expected an active account, found none", code="no-account")


def _roles(proposal: Proposal, means: Means) -> Mapping[str, Any]:
    account = Account.objects.select_for_update().get(pk=proposal.payload["account"])
    accounts.set_roles(proposal.decided_by, account, proposal.payload["roles"], now=means.now)
    return {"account": str(account.pk)}


def _check_reader(payload: Payload, means: Means) -> None:
    if not Entry.objects.filter(author_id=payload["account"], type="reading", withdrawn=False).exists():
        raise Refusal("expected a reader with readings that count, found none", code="no-readings")


def _invalidate(proposal: Proposal, means: Means) -> Mapping[str, Any]:
    account = Account.objects.get(pk=proposal.payload["account"])
    gone = work.withdraw_reader(account, desk(means), by=proposal.proposed_by)
    return {"account": str(account.pk), "readings": len(gone)}


ACTIONS: dict[str, Action] = {
    "import_tables": IMPORT,
    "release": RELEASE,
    "withdraw": WITHDRAW,
    "exclude": EXCLUDE,
    "freeze": Action(_check_freeze, _freeze, {"what": is_texts, "text": is_data}),
    "roles": Action(_check_roles, _roles, {"account": is_key, "roles": is_texts}),
    "revoke_branch": REVOKE_BRANCH,
    "invalidate_reader": Action(_check_reader, _invalidate, {"account": is_key}),
}
"""By word of `workflow.roles.FOUR_EYES`."""


def propose(
    name: str, payload: Payload, by: Account, means: Means, *, reason: str = "", draft: bool = False
) -> Proposal:
    """`proposals.propose` with the server's actions."""
    return proposals.propose(ACTIONS, name, payload, by, means, reason=reason, draft=draft)


def decide(key: UUID, act: Act, by: Account, means: Means) -> Proposal:
    """`proposals.decide` with the server's actions."""
    return proposals.decide(ACTIONS, key, act, by, means)


def confirm_import(key: UUID, by: Account, means: Means) -> Proposal:
    """Its author has seen the preview: it goes to a second person, or, while setting up, into the record."""
    alone = not needs_two(running.get("phase"), published_figures())
    return proposals.submit(ACTIONS, key, by, means, alone=alone)


def rests_of(dispute: Dispute) -> list[Entry]:
    """The entries that an answer about this station rests on: its copies, readings' decisions."""
    found = Entry.objects.filter(
        station=dispute.station, contest=dispute.contest, type__in=("copy", "decision"), withdrawn=False
    )
    return list(found.order_by("type", "pk")[:MOST_RESTING])


def answer(dispute: Dispute, kind: str, texts: Texts, by: Account, means: Means) -> Entry:
    """Answer a stranger's dispute in the record and close it.

    Raises:
        Refusal: it was answered already.
        InputError: no text.
    """
    with transaction.atomic():
        locked = _open_dispute(dispute)
        if kind not in ("corrected", "explained"):
            raise InputError("kind", expected="corrected or explained", found=repr(kind), code="bad-kind")
        said = check_texts(texts, means.state().election.languages)
        entry = _say(kind, said, by, means, rests_of(locked))
        _close(locked, entry, by, means)
    return entry


def answer_by_decision(dispute: Dispute, decision: Entry, by: Account, means: Means) -> None:
    """Close a dispute by a decision that stands in the record, or waits for it, and is about its station.

    Raises:
        Refusal: it was answered already, or the decision is about something else.
    """
    with transaction.atomic():
        locked = _open_dispute(dispute)
        about = (decision.type, decision.station, decision.contest, decision.withdrawn)
        if about != ("decision", locked.station, locked.contest, False):
            raise Refusal("expected a decision about this station and contest, found another entry", code="wrong-entry")
        _close(locked, decision, by, means)


def _open_dispute(dispute: Dispute) -> Dispute:
    locked = Dispute.objects.select_for_update().get(pk=dispute.pk)
    if locked.closed:
        raise Refusal("expected a dispute that is open, found one that was answered", code="already-answered")
    return locked


def _close(dispute: Dispute, entry: Entry, by: Account, means: Means) -> None:
    dispute.answer, dispute.closed = entry, True
    dispute.save(update_fields=["answer", "closed"])
    audit.note(by, "answer_dispute", str(dispute.pk), {"entry": str(entry.pk), "type": entry.type}, now=means.now)
