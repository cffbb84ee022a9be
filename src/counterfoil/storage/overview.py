"""What is missing and what waits, for the pages of organisers, coordinators and auditors. Only reads.

Rules: times are slots, never finer; a station counts as missing while nothing of it was received, not even a photo that
waits; ages are full hours since the slot.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Case, Count, F, Min, Q, QuerySet, When

from counterfoil.evidence.likeness import Kind
from counterfoil.storage.accounts import organisers
from counterfoil.storage.models import (
    Area,
    Arrival,
    Copy,
    Dispute,
    Entry,
    LookAlike,
    PhoneFigures,
    Proposal,
    Standing,
    Station,
    Task,
)
from counterfoil.storage.receipts import open_requests

MOST = 200
"""Lines of a list on one page; its number of lines is told in full."""


@dataclass(frozen=True, slots=True)
class Missing:
    """An area with the stations directly in it: how many there are and of how many nothing was received."""

    area: Area
    expected: int
    missing: int
    deadline: str

    @property
    def received(self) -> int:
        return self.expected - self.missing


def received() -> set[str]:
    """Stations of which something came in and counts."""
    found = set(
        Copy.objects.exclude(station="").exclude(state="withdrawn").values_list("station", flat=True).distinct()
    )
    return found | set(Arrival.objects.exclude(station="").values_list("station", flat=True).distinct())


def received_count() -> int:
    """How many stations `received` gives, counted by the database: there may be a million."""
    counting = Copy.objects.exclude(station="").exclude(state="withdrawn").values("station")
    waiting_only = Arrival.objects.exclude(station="").exclude(station__in=counting).values("station")
    return counting.distinct().count() + waiting_only.distinct().count()


def missing_by_area() -> list[Missing]:
    """Every area with stations, the one with most missing first."""
    here = received()
    expected = dict(Station.objects.values_list("area").annotate(n=Count("pk")).values_list("area", "n"))
    with_something: dict[str, int] = {}
    for chunk in _chunks(sorted(here)):
        for area in Station.objects.filter(pk__in=chunk).values_list("area", flat=True):
            with_something[area] = with_something.get(area, 0) + 1
    areas = Area.objects.in_bulk(list(expected))
    found = [
        Missing(areas[area], count, count - with_something.get(area, 0), _deadline(areas[area]))
        for area, count in expected.items()
    ]
    return sorted(found, key=lambda one: (-one.missing, one.deadline or "9", one.area.name))


def missing_stations(area: str) -> tuple[list[Station], int]:
    """Stations of one area of which nothing came in: the first of them, and how many."""
    here = received()
    found = [one for one in Station.objects.filter(area=area).order_by("pk") if one.pk not in here]
    return found[:MOST], len(found)


def told_only() -> QuerySet[PhoneFigures, str]:
    """Stations of which somebody told figures and no photo came."""
    counting = Copy.objects.exclude(station="").exclude(state="withdrawn").values("station")
    waiting_only = Arrival.objects.exclude(station="").values("station")
    told = PhoneFigures.objects.exclude(station__in=counting).exclude(station__in=waiting_only)
    return told.values_list("station", flat=True).distinct()


def _deadline(area: Area) -> str:
    """Its own, else the next one above it."""
    at: Area | None = area
    while at is not None:
        if at.deadline:
            return at.deadline
        at = at.parent
    return ""


def _chunks(items: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage that copies go through: how many wait in it, since when at the longest, and how long that is."""

    name: str
    count: int
    oldest: str
    hours: int


def ageing(now: datetime) -> list[Stage]:
    """What waits where, in the order of the work."""
    arrivals = Arrival.objects.aggregate(n=Count("pk"), oldest=Min("slot"))
    stages = [_stage("batch", arrivals["n"], arrivals["oldest"], now)]
    for kind in ("identify", "place", "read", "third", "decide"):
        tasks = Task.objects.filter(kind=kind, gold=False).aggregate(n=Count("pk"), oldest=Min("copy__slot"))
        stages.append(_stage(kind, tasks["n"], tasks["oldest"], now))
    waiting = Entry.objects.filter(index__isnull=True).aggregate(n=Count("pk"), oldest=Min("slot"))
    stages.append(_stage("record", waiting["n"], waiting["oldest"], now))
    unreleased = Copy.objects.filter(released="").exclude(picture="").exclude(station="").exclude(state="withdrawn")
    found = unreleased.aggregate(n=Count("pk"), oldest=Min("slot"))
    stages.append(_stage("release", found["n"], found["oldest"], now))
    return stages


def _stage(name: str, count: int, oldest: str | None, now: datetime) -> Stage:
    if not oldest:
        return Stage(name, count, "", 0)
    since = datetime.strptime(oldest, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)
    return Stage(name, count, oldest, max(0, int((now - since).total_seconds()) // 3600))


def look_alikes() -> tuple[list[LookAlike], int]:
    """Copies that look like one photo and stand under different stations, and how many: the same shot first, then parts
    of one, then what fits but for some places; of each the nearest first."""
    order = Case(*(When(kind=kind.value, then=place) for place, kind in enumerate(Kind)), default=len(Kind))
    found = _apart()
    return list(found.select_related("one", "other").order_by(order, "distance", "pk")[:MOST]), found.count()


def same_shots() -> int:
    """Pairs under different stations that are one shot or a part of it. Two flat pictures of one form often fit but for
    some places (`Kind.DIFFERS`), so these are no alarm."""
    return _apart().filter(kind__in=(Kind.SAME.value, Kind.PART.value)).count()


def _apart() -> QuerySet[LookAlike]:
    return (
        LookAlike.objects.exclude(one__station="")
        .exclude(other__station="")
        .exclude(one__state="withdrawn")
        .exclude(other__state="withdrawn")
        .exclude(one__station=F("other__station"))
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for an organiser: numbers for the start page."""

    proposals: int
    own_proposals: int
    drafts: int
    disputes: int
    unreleased: int
    apart: int
    wishes: int
    """Of senders, that a copy is taken out."""
    organisers: int
    """Active ones. One alone can approve nothing and hand nothing over."""
    told: int
    """Stations of which only figures without a photo came."""
    missing: int
    expected: int


def waiting(account: object) -> Waiting:
    """For this person: proposals of theirs wait for others."""
    open_ones = Proposal.objects.filter(state="open")
    mine = Q(proposed_by=account)
    expected = Station.objects.count()
    return Waiting(
        proposals=open_ones.exclude(mine).count(),
        own_proposals=open_ones.filter(mine).count(),
        drafts=Proposal.objects.filter(mine, state="draft").count(),
        disputes=Dispute.objects.filter(closed=False).count(),
        unreleased=Copy.objects.filter(released="")
        .exclude(picture="")
        .exclude(station="")
        .exclude(state="withdrawn")
        .count(),
        apart=same_shots(),
        wishes=len(open_requests()),
        organisers=organisers().count(),
        told=told_only().count(),
        missing=expected - received_count(),
        expected=expected,
    )


def wrong_thousandths(standing: Standing) -> int:
    """Of the settled fields of a reader, those that they had typed otherwise, in thousandths; 0 without any."""
    settled = standing.fields_right + standing.fields_wrong
    return standing.fields_wrong * 1000 // settled if settled else 0
