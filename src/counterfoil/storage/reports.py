"""What comes from people without a photo: figures by telephone or message, and disputes of a station.

Rules: figures without a photo are a class of their own, shown beside and never added up with protocols. A dispute names
a station, a contest, a reason of the fixed list and perhaps fields; it has no free text. Both carry the slot, no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from counterfoil.election.definition import Election
from counterfoil.primitives.errors import InputError
from counterfoil.storage.models import Dispute, PhoneFigures, Station
from counterfoil.workflow.sending import DISPUTE_REASONS, read_figures


def take_figures(
    station: Station, contest: str, typed: Mapping[str, str], *, election: Election, lane: str, slot: str
) -> PhoneFigures:
    """Write down figures that were told, not shown.

    Args:
        typed: field -> digits, as typed; empty ones are left out.

    Raises:
        InputError: an unknown contest or field, no figure at all, or one that is no whole number.
    """
    values = read_figures(typed, contest, election)
    return PhoneFigures.objects.create(station=station.pk, contest=contest, values=values, lane=lane, slot=slot)


def take_dispute(
    station: Station,
    contest: str,
    reason: str,
    fields: Iterable[str],
    *,
    election: Election,
    slot: str,
    receipt: str = "",
) -> Dispute:
    """Write down that somebody disputes a station.

    Raises:
        InputError: an unknown contest, reason or field.
    """
    if contest not in {one.id for one in election.contests}:
        raise InputError(
            "contest", expected="a contest of this election", found=repr(contest[:40]), code="unknown-contest"
        )
    if reason not in DISPUTE_REASONS:
        expected = f"one of {', '.join(DISPUTE_REASONS)}"
        raise InputError("reason", expected=expected, found=repr(reason[:40]), code="unknown-reason")
    known = election.form(election.contest(contest).form).field_ids
    named = [field for field in known if field in set(fields)]
    return Dispute.objects.create(
        station=station.pk, contest=contest, reason=reason, fields=named, slot=slot, receipt=receipt
    )
