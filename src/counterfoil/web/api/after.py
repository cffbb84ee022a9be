"""What senders do besides photos: look after a receipt, dispute a station, send figures that were only told."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import Router, Schema, Status

from counterfoil.bootstrap.server import server
from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.storage import receipts, reports, senders
from counterfoil.storage.models import Station
from counterfoil.web.api.core import PROBLEMS, token_of
from counterfoil.web.sending.memory import memory
from counterfoil.workflow.codes import hash_receipt, read_receipt
from counterfoil.workflow.roles import may

router = Router(tags=["public"])


class ReceiptIn(Schema):
    """The words of a receipt."""

    words: str


class StandingOut(Schema):
    """Where a copy stands. `index`: its entry in the record; null while it waits for its batch."""

    copy_id: str
    station: str
    page: int
    state: str
    readings: int
    index: int | None
    withdrawal_asked: bool


class OpenedOut(Schema):
    """Everything under one receipt."""

    copies: list[StandingOut]
    disputes: list[dict[str, Any]]


class WishIn(Schema):
    """The sender wants this copy out."""

    words: str
    copy_id: str


class DisputeIn(Schema):
    """A station is disputed: a reason of the fixed list and perhaps fields; no free text."""

    station: str
    contest: str
    reason: str
    fields: list[str] = []  # noqa: RUF012 - pydantic copies it


class FiguresIn(Schema):
    """Figures that were told, not shown: a lower class that never enters a tally."""

    station: str
    contest: str
    values: dict[str, int]


@router.post("/receipts/open", response={200: OpenedOut, **PROBLEMS}, url_name="receipt-open", summary="Open a receipt")
def open_receipt(request: HttpRequest, given: ReceiptIn) -> dict[str, Any]:
    found = receipts.open_receipt(_hash(given.words))
    if not found.found:
        raise Http404
    return {
        "copies": [
            {
                "copy_id": one.copy,
                "station": one.station,
                "page": one.page,
                "state": one.state,
                "readings": one.readings,
                "index": one.index,
                "withdrawal_asked": one.asked,
            }
            for one in found.copies
        ],
        "disputes": [
            {"station": one.station, "contest": one.contest, "reason": one.reason, "answered": one.closed}
            for one in found.disputes
        ],
    }


@router.post(
    "/receipts/withdraw", response={202: None, **PROBLEMS}, url_name="receipt-withdraw", summary="Ask for a withdrawal"
)
def withdraw(request: HttpRequest, given: WishIn) -> Any:
    """Organisers see the wish; two of them agree before anything is taken out."""
    if not receipts.ask_withdrawal(_hash(given.words), given.copy_id, server().slot):
        raise Http404
    return Status(202, None)


@router.get("/record/entries/{int:index}/proof", url_name="proof", summary="That an entry stands in the record")
def proof(request: HttpRequest, index: int) -> HttpResponse:
    """tlog-proof@v1: anyone can check it with the log's public key."""
    with server().log(read_only=True) as log:
        if index >= log.size:
            raise Http404
        return HttpResponse(receipts.proof(log, index), content_type="text/plain; charset=utf-8")


@router.post("/disputes", response={201: None, **PROBLEMS}, url_name="disputes", summary="Dispute a station")
def dispute(request: HttpRequest, given: DisputeIn) -> Any:
    here = server()
    memory(here.settings).reports.take("budget", "not received: too many are coming in; send it again later")
    reports.take_dispute(
        _station(given.station), given.contest, given.reason, given.fields, election=here.election, slot=here.slot
    )
    return Status(201, None)


@router.post("/figures", response={201: None, **PROBLEMS}, url_name="figures", summary="Figures without a photo")
def figures(request: HttpRequest, given: FiguresIn) -> Any:
    here = server()
    token = token_of(request)
    coordinator = token is not None and token.account is not None and may(token.account.roles, "send_bulk")
    lane = (
        "organisation" if coordinator else "invited" if token is not None and token.branch is not None else "stranger"
    )
    if lane == "stranger" and not senders.limits().figures_from_strangers:
        raise Refusal(
            "not received: expected figures through a coordinator, found no token; send a photo", code="no-token"
        )
    if lane == "stranger":
        memory(here.settings).reports.take("budget", "not received: too many are coming in; send it again later")
    typed = {name: str(value) for name, value in given.values.items()}
    reports.take_figures(
        _station(given.station), given.contest, typed, election=here.election, lane=lane, slot=here.slot
    )
    return Status(201, None)


def _hash(words: str) -> str:
    here = server()
    memory(here.settings).attempts.take("busy", "too many receipts at this moment; try again in a minute")
    read = read_receipt(words)
    if read is None:
        raise Http404
    return hash_receipt(read, here.pepper)


def _station(station: str) -> Station:
    found = senders.station(station)
    if found is None:
        raise InputError("station", expected="a station of this election", found=repr(station[:40]))
    return found
