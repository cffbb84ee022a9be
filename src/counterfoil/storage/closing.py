"""Stations that need no more photos from strangers: closed when enough copies agree, opened again when they don't.

`workflow.sending.closes` decides. Looked at after each batch, for the stations that it touched; derived, so it can be
made again at any time (`refresh` of every station).
"""

from __future__ import annotations

from collections.abc import Iterable

from counterfoil.election.definition import Contest, Election
from counterfoil.storage import senders, work
from counterfoil.storage.models import Batch, Copy, Station
from counterfoil.workflow import work as rules
from counterfoil.workflow.sending import Limits, closes


def after(batch: Batch, election: Election) -> None:
    """Look at the stations that a batch touched."""
    copies = batch.entries.exclude(copy="").values("copy")
    refresh(set(Copy.objects.filter(copy__in=copies).exclude(station="").values_list("station", flat=True)), election)


def refresh(stations: Iterable[str], election: Election) -> None:
    """Close and open stations as their copies are now."""
    limits = senders.limits()
    for station in Station.objects.filter(pk__in=set(stations)):
        closed = all(
            _page_is_full(station, contest, page, election, limits)
            for contest in election.contests
            for page in range(1, election.form(contest.form).pages + 1)
        )
        if closed != station.closed_for_strangers:
            Station.objects.filter(pk=station.pk).update(closed_for_strangers=closed)


def _page_is_full(station: Station, contest: Contest, page: int, election: Election, limits: Limits) -> bool:
    """Whether enough copies of this page say the same, and none that was read says another thing."""
    place = Copy.objects.filter(station=station.pk, contest=contest.id, page=page)
    copies = list(place.filter(state__in=work.AGREED))
    if not closes([copy.lane for copy in copies], limits):
        return False
    said = {tuple(sorted(_settled(copy, election).items())) for copy in copies}
    fields = rules.fields_of(election.form(contest.form), page)
    return len(said) == 1 and len(said.pop()) == len(fields)


def _settled(copy: Copy, election: Election) -> dict[str, str]:
    gathered, _ = work.gather(copy, election)
    return {field: str(cell) for field, cell in rules.work(gathered, election).settled.items()}
