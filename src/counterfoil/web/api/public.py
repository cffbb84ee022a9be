"""What needs no account: the election, areas and stations, sending, looking after what was sent."""

from __future__ import annotations

import secrets
from typing import Any

from django.http import Http404, HttpRequest
from ninja import File, Form, Router, Schema, Status
from ninja.files import UploadedFile

from counterfoil.bootstrap.server import server
from counterfoil.storage import senders
from counterfoil.storage.arrivals import STRANGER, Sender
from counterfoil.storage.models import Station
from counterfoil.web.api.core import PROBLEMS, token_of
from counterfoil.web.sending.door import take
from counterfoil.workflow.codes import draw_receipt, hash_receipt
from counterfoil.workflow.sending import COPY_KINDS, Claim

router = Router(tags=["public"])


class StationOut(Schema):
    """A polling station."""

    id: str
    name: str
    area: str
    area_name: str
    registered: int | None
    closed_for_strangers: bool


class AreaOut(Schema):
    """A node of the territory tree."""

    id: str
    parent: str | None
    name: str
    kind: str
    deadline: str


class LevelOut(Schema):
    """One page of what lies in an area. `next_area` and `next_station` are where the next page starts, or empty."""

    area: AreaOut | None
    areas: list[AreaOut]
    stations: list[StationOut]
    next_area: str
    next_station: str


class ElectionOut(Schema):
    """The definition as the record has it, and what sending needs besides."""

    definition: dict[str, Any]
    copy_kinds: list[str]
    rehearsal: bool
    origin: str


class ClaimIn(Schema):
    """What a sender says about a photo; station and contest are empty where the sender does not know."""

    station: str = ""
    contest: str = ""
    page: int = 1
    kind: str = "other"
    differs: bool = False
    code: str = ""
    """An invitation code."""
    receipt: bool = False
    """Whether to make a receipt: words that show later what became of it, and show to whoever finds them that it was
    sent."""


class CopyOut(Schema):
    """An acknowledged copy: it is durable. `copy_id` names it in the record."""

    copy_id: str
    page: int


class ReceivedOut(Schema):
    """`receipt` is shown this once."""

    copies: list[CopyOut]
    receipt: str


@router.get("/election", response=ElectionOut, url_name="election", summary="The election")
def election(request: HttpRequest) -> dict[str, Any]:
    here = server()
    with here.log(read_only=True) as log:
        origin = log.origin
    return {
        "definition": dict(here.election.plain),
        "copy_kinds": list(COPY_KINDS),
        "rehearsal": here.settings.rehearsal,
        "origin": origin,
    }


@router.get("/areas", response={200: LevelOut, **PROBLEMS}, url_name="areas", summary="What lies in an area")
def areas(request: HttpRequest, area: str = "", after_area: str = "", after_station: str = "") -> dict[str, Any]:
    level = senders.level(area, after_area, after_station)
    if level is None:
        raise Http404
    return {
        "area": _area(level.area) if level.area else None,
        "areas": [_area(one) for one in level.areas],
        "stations": [_station(one) for one in level.stations],
        "next_area": level.next_area,
        "next_station": level.next_station,
    }


@router.get("/stations", response=list[StationOut], url_name="stations", summary="Find stations by code or address")
def stations(request: HttpRequest, q: str) -> list[dict[str, Any]]:
    return [_station(one) for one in senders.find(q[:200])]


@router.get("/stations/{path:station}", response={200: StationOut, **PROBLEMS}, url_name="station", summary="A station")
def station(request: HttpRequest, station: str) -> dict[str, Any]:
    found = senders.station(station)
    if found is None:
        raise Http404
    return _station(found)


@router.post("/copies", response={201: ReceivedOut, **PROBLEMS}, url_name="copies", summary="Send one photo")
def copies(request: HttpRequest, claim: Form[ClaimIn], photo: File[UploadedFile]) -> Status[Any]:
    """When this answers 201, every copy it names is durable. A branch's token may send PDF and TIFF too."""
    sender, documents = _sender(request, claim.code)
    words = draw_receipt(secrets.token_bytes) if claim.receipt else ""
    received = take(
        photo.read(),
        Claim(claim.station, claim.contest, claim.page, claim.kind, claim.differs),
        sender=sender,
        receipt=hash_receipt(words, server().pepper) if words else "",
        documents=documents,
    )
    told = [{"copy_id": one.copy, "page": one.page} for one in received]
    return Status(201, {"copies": told, "receipt": words})


def _sender(request: HttpRequest, code: str) -> tuple[Sender, bool]:
    token = token_of(request)
    if token is None or token.branch is None:
        return (senders.sender_of(code, server().pepper) if code else STRANGER), False
    organisation = token.branch.kind == "organisation"
    return Sender("organisation" if organisation else "invited", token.branch), organisation


def _station(one: Station) -> dict[str, Any]:
    return {
        "id": one.pk,
        "name": one.name,
        "area": one.area_id,
        "area_name": one.area.name,
        "registered": one.registered,
        "closed_for_strangers": one.closed_for_strangers,
    }


def _area(one: Any) -> dict[str, Any]:
    return {"id": one.pk, "parent": one.parent_id, "name": one.name, "kind": one.kind, "deadline": one.deadline}
