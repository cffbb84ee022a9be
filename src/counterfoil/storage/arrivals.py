"""A photo comes in: from a stranger's bytes to a committed row. Pages, API, bulk sending and rehearsals use it.

    receive     decode and sanitise -> the intake store has the picture, synced -> the row is committed -> acknowledged

Rules:

* When `receive` returns, every copy it names is durable. When it raises, nothing of this file counts: no row, no use of
  a code; a picture that was stored already has no name and is tidied away (`inbox.Tidier`).
* The same photo again is accepted like any other, and nobody is told: whoever holds a seized phone could send its photo
  to learn whether it was sent. Look-alikes are linked later (`storage.looks`); none is ever a reason to refuse.
* All pages of a document, or none.
* What is stored of the sending: claim, lane, branch, hash of the receipt, the slot. Nothing else is known here.
* Of the codes printed on the paper, what they say by the templates of the election's forms is stored; a payload that
  none of them knows ends with this call.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import Error as DatabaseTrouble
from django.db import transaction
from django.db.models import F

from counterfoil.election.template_format import FormTemplate
from counterfoil.evidence import Sanitised, commit, sanitise
from counterfoil.primitives.errors import RecordError, Refusal
from counterfoil.sandbox import Sandbox
from counterfoil.storage.models import Arrival, Branch, Code, Copy
from counterfoil.workflow.machine import printed_kinds, said_by_codes
from counterfoil.workflow.sending import Claim, Lane
from counterfoil.workflow.stores import Store, StoreError


@dataclass(frozen=True, slots=True)
class Door:
    """What receiving needs of the server."""

    sandbox: Sandbox
    intake: Store
    pepper: bytes
    slot: str
    """The slot of now."""
    templates: Sequence[FormTemplate] = ()
    """Of the election's forms: which printed codes are looked for, and what they say."""


@dataclass(frozen=True, slots=True)
class Sender:
    """How a sending came: its lane, and the branch and code it came through, if any."""

    lane: Lane = "stranger"
    branch: Branch | None = None
    code: Code | None = None


STRANGER = Sender()


@dataclass(frozen=True, slots=True)
class Received:
    """One acknowledged copy: its name in the record, and its page."""

    copy: str
    page: int


class NotReceived(RecordError):  # noqa: N818 - it is what the sender is told
    """Store or database failed: nothing was acknowledged, and the sender is asked to send again."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"not received: the server could not write it down ({why}); keep the photo and send it again",
            code="not-received",
        )


def receive(
    door: Door, data: bytes, claim: Claim, *, sender: Sender = STRANGER, receipt: str = "", documents: bool = False
) -> list[Received]:
    """Take one file, durably.

    Args:
        data: the file as it came; it and its hash end with this call.
        claim: checked by `workflow.sending.check_claim`; its station, if any, exists.
        receipt: hash of the receipt code (`workflow.codes.hash_receipt`), or empty.
        documents: whether PDF and TIFF are taken: only from branches of the kind `organisation`.

    Raises:
        FileRefused: not a picture we take; the sentence is for the sender.
        SandboxBusy, SandboxStopped, SandboxUnavailable: try again.
        Refusal: the branch's quota or the code is used up.
        NotReceived: store, database or machine failed.
    """
    try:
        pictures = sanitise(
            data,
            door.sandbox,
            random=secrets.token_bytes,
            documents=documents,
            codes=printed_kinds(door.templates),
        )
    except (OSError, MemoryError) as error:  # no memory, no process: of this machine, not of the file
        raise NotReceived("no memory") from error
    rows = [_row(picture, claim, door, sender, receipt) for picture in pictures]
    try:
        for picture in pictures:
            door.intake.put(picture.picture)
        with transaction.atomic():
            if sender.branch is not None:
                _use(sender, len(rows))
            Arrival.objects.bulk_create(rows)
    except StoreError as error:
        raise NotReceived(error.code) from error
    except DatabaseTrouble as error:
        raise NotReceived("database") from error
    return [Received(row.copy, row.page) for row in rows]


def _row(picture: Sanitised, claim: Claim, door: Door, sender: Sender, receipt: str) -> Arrival:
    made = commit(picture.picture, random=secrets.token_bytes)
    look = f"{picture.fingerprint.whole:016x}"
    return Arrival(
        copy=made.copy,
        salt=made.salt.hex(),
        picture=picture.sha256,
        width=picture.width,
        height=picture.height,
        exact=hmac.new(door.pepper, b"look:" + look.encode("ascii"), hashlib.sha256).hexdigest(),
        look=[look, *picture.fingerprint.words],
        printed=[list(pair) for pair in said_by_codes([code.payload for code in picture.codes], door.templates)],
        station=claim.station,
        contest=claim.contest,
        page=claim.page + picture.page - 1,
        kind=claim.kind,
        lane=sender.lane,
        branch=sender.branch,
        receipt=receipt,
        slot=door.slot,
    )


def _use(sender: Sender, copies: int) -> None:
    """Count `copies` against code and branch, within the caller's transaction."""
    branch = Branch.objects.select_for_update().get(pk=sender.branch.pk)  # type: ignore[union-attr]
    if branch.revoked:
        raise Refusal("expected an invitation that holds, found one that was taken back", code="branch-revoked")
    if branch.quota is not None and branch.sent + copies > branch.quota:
        raise Refusal(
            f"not received: expected at most {branch.quota} photos through this invitation, found more; ask whoever "
            "gave you the code, or send it without the code",
            code="quota-used",
        )
    Branch.objects.filter(pk=branch.pk).update(sent=F("sent") + copies)
    if sender.code is not None:
        left = Code.objects.filter(pk=sender.code.pk, uses_left__gte=copies).update(uses_left=F("uses_left") - copies)
        if not left:
            raise Refusal(
                "not received: expected a code that has uses left, found none; send it without the code",
                code="code-used",
            )


def strangers_in_batch(station: str, contest: str, slot: str) -> int:
    """Photos of strangers for this station and contest that came in this slot."""
    waiting = Arrival.objects.filter(slot=slot, station=station, contest=contest, lane="stranger").count()
    sealed = Copy.objects.filter(slot=slot, station=station, contest=contest, lane="stranger").count()
    return waiting + sealed


def of_receipt(receipt: str) -> Sequence[Arrival | Copy]:
    """What was sent under this receipt hash, waiting and sealed."""
    return [*Arrival.objects.filter(receipt=receipt), *Copy.objects.filter(receipt=receipt).order_by("copy")]
