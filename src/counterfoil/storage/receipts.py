"""What a receipt opens: where each of its copies stands, the proof of that, and the wish that it is taken out.

Rules: only the hash of a receipt comes in here (`workflow.codes.hash_receipt`). Nothing is written when one is looked
up. A wish to take out is a row that organisers see; it changes no figure before two of them agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.db import transaction

from counterfoil.record.log import Log
from counterfoil.record.proof import format_proof, inclusion_proof
from counterfoil.storage.models import Arrival, Copy, Dispute, Entry, WithdrawalRequest

State = Literal["received", "recorded", "read", "counted", "problem", "withdrawn"]
_COUNTED = ("agreed", "arbitrated")
_PROBLEM = ("problem", "unreadable", "set_aside")


@dataclass(frozen=True, slots=True)
class Standing:
    """One copy. `index` is its entry's place in the record; None: it waits for its batch, or for its station."""

    copy: str
    station: str
    page: int
    state: State
    readings: int
    """Persons who read it."""
    index: int | None
    asked: bool
    """Its sender asked for it to be taken out."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Everything under one receipt; `found` is False where nobody ever got these words."""

    copies: Sequence[Standing]
    disputes: Sequence[Dispute]

    @property
    def found(self) -> bool:
        return bool(self.copies or self.disputes)


def open_receipt(receipt: str) -> Opened:
    """Everything that was sent under this receipt hash."""
    waiting = [
        Standing(one.copy, one.station, one.page, "received", 0, None, _asked(one.copy))
        for one in Arrival.objects.filter(receipt=receipt)
    ]
    sealed = [_standing(one) for one in Copy.objects.filter(receipt=receipt, moved_to=None)]
    copies = sorted([*waiting, *sealed], key=lambda one: (one.station, one.page, one.copy))
    return Opened(copies, list(Dispute.objects.filter(receipt=receipt).order_by("station", "pk")))


def _standing(copy: Copy) -> Standing:
    entries = list(Entry.objects.filter(copy=copy.copy, type__in=("copy", "reading")))
    own = next((entry for entry in entries if entry.type == "copy"), None)
    readings = sum(
        entry.type == "reading"
        and "@" not in entry.body["reader"]  # a program: nobody read it yet
        and not entry.withdrawn
        and entry.index is not None
        for entry in entries
    )
    state: State
    if copy.state == "withdrawn":
        state = "withdrawn"
    elif copy.state in _COUNTED:
        state = "counted"
    elif copy.state in _PROBLEM:
        state = "problem"
    elif readings:
        state = "read"
    else:
        state = "recorded" if own is not None and own.index is not None else "received"
    index = own.index if own is not None else None
    return Standing(copy.copy, copy.station, copy.page, state, readings, index, _asked(copy.copy))


def _asked(copy: str) -> bool:
    return WithdrawalRequest.objects.filter(copy=copy).exists()


def proof(log: Log, index: int) -> bytes:
    """That entry `index` stands in the record, as tlog-proof@v1: anyone can check it with the log's public key.

    Raises:
        RecordError: no such entry.
    """
    return format_proof(index, inclusion_proof(log.reader, index, log.size), log.note)


def ask_withdrawal(receipt: str, copy: str, slot: str) -> bool:
    """Write down that the sender wants this copy out; False where the receipt does not hold it."""
    with transaction.atomic():
        found = any(one.copy == copy and one.state != "withdrawn" for one in open_receipt(receipt).copies)
        if found:
            WithdrawalRequest.objects.get_or_create(copy=copy, defaults={"slot": slot})
        return found


def open_requests() -> list[tuple[WithdrawalRequest, Entry | None]]:
    """Wishes that no organiser proposed yet, with the copy's entry; None: it is not in the record yet."""
    rows = list(WithdrawalRequest.objects.filter(proposal=None).order_by("pk"))
    entries = {
        entry.copy: entry
        for entry in Entry.objects.filter(type="copy", copy__in=[row.copy for row in rows], withdrawn=False)
    }
    return [(row, entries.get(row.copy)) for row in rows]
