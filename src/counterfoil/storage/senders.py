"""What a sender needs before sending: a station, the limits in force, what an invitation code is worth.

Finding a station stays quick with a million of them: a code is looked up by key, words by an index of words
(`storage.search`), areas page by page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from counterfoil.storage import running, search
from counterfoil.storage.arrivals import STRANGER, Sender
from counterfoil.storage.models import Area, Code, Station
from counterfoil.workflow.codes import hash_invitation, read_invitation
from counterfoil.workflow.sending import Limits

PAGE = 50
"""Areas or stations on one page of the tree."""
FOUND = 25
"""Stations that a search shows."""


def limits() -> Limits:
    """The limits in force: what organisers set, else the defaults."""
    found = running.everything()
    return Limits(
        strangers_per_minute=found["strangers_per_minute"],
        station_per_batch=found["station_per_batch"],
        reserve_share=found["reserve_percent"] / 100,
        keep_free_bytes=found["keep_free_mb"] * 1_000_000,
        close_after=found["copies_enough"],
        figures_from_strangers=found["figures_from_strangers"],
        flood=found["flood"],
        frozen="intake" in found["frozen"].get("what", ()),
    )


@dataclass(frozen=True, slots=True)
class Level:
    """One page of the tree: an area, what lies in it, and from where the next page starts."""

    area: Area | None
    line: Sequence[Area]
    """The areas above it, the highest first."""
    areas: Sequence[Area]
    stations: Sequence[Station]
    next_area: str
    next_station: str


def level(area_id: str, after_area: str = "", after_station: str = "") -> Level | None:
    """What lies in this area (empty: in none), page by page; None if there is no such area."""
    if not (area_id + after_area + after_station).isprintable():
        return None
    area = Area.objects.filter(pk=area_id).first() if area_id else None
    if area_id and area is None:
        return None
    areas = list(Area.objects.filter(parent=area, pk__gt=after_area).order_by("pk")[: PAGE + 1])
    stations = list(Station.objects.filter(area=area, pk__gt=after_station).order_by("pk")[: PAGE + 1]) if area else []
    return Level(
        area,
        _line(area),
        areas[:PAGE],
        stations[:PAGE],
        areas[PAGE - 1].pk if len(areas) > PAGE else "",
        stations[PAGE - 1].pk if len(stations) > PAGE else "",
    )


def _line(area: Area | None) -> list[Area]:
    line: list[Area] = []
    while area is not None and area.parent is not None and len(line) < 20:
        area = area.parent
        line.insert(0, area)
    return line


def station(station_id: str) -> Station | None:
    """The station of this id; None if there is none."""
    if not station_id or not station_id.isprintable():  # PostgreSQL refuses a NUL where it should find nothing
        return None
    return Station.objects.select_related("area").filter(pk=station_id).first()


def find(typed: str) -> list[Station]:
    """Stations for what somebody typed: by their whole code, by its beginning, by words of address and areas."""
    text = "".join(letter for letter in typed if letter.isprintable()).strip()
    if not text:
        return []
    exact = list(Station.objects.select_related("area").filter(pk=text))
    begins = Station.objects.select_related("area").filter(pk__gte=text, pk__lt=text + "\U0010fffd").order_by("pk")
    found = {one.pk: one for one in (*exact, *begins[:FOUND])}
    if len(found) < FOUND:
        ids = search.stations(text, FOUND)
        for one in Station.objects.select_related("area").filter(pk__in=ids).order_by("pk"):
            found.setdefault(one.pk, one)
    return list(found.values())[:FOUND]


def sender_of(typed: str, pepper: bytes) -> Sender:
    """The sender that an invitation code makes; a stranger, if the code is not known, used up or taken back."""
    code = read_invitation(typed)
    if code is None:
        return STRANGER
    row = Code.objects.select_related("branch").filter(pk=hash_invitation(code, pepper), uses_left__gt=0).first()
    if row is None or row.branch.revoked:
        return STRANGER
    return Sender("organisation" if row.branch.kind == "organisation" else "invited", row.branch, row)
