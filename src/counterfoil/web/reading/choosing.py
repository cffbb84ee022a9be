"""Copies of one station that are agreed and differ: which one does the station rest on?

The arbiter sees each photo and what was agreed for it, only the fields on which they differ, no names and no numbers of
readers. Choosing a copy passes the others over; a copy can be taken out; or the station stays out of the tally.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from counterfoil.storage import answers, stations
from counterfoil.storage.models import Account, Copy, Entry, Station, Task
from counterfoil.storage.said import Desk
from counterfoil.web.reading.boxes import state_word
from counterfoil.web.reading.desk import KINDS, REASONS, desk
from counterfoil.web.texts import isolated, local

REASONS_OF = {
    "choose_copy": ("later_copy", "signed_copy", "better_photo", "read_again"),
    "exclude_copy": ("forged", "not_a_protocol", "wrong_station", "duplicate"),
    "exclude_station": ("cannot_be_settled",),
}


def copies(task: Task, at: Desk) -> list[Copy]:
    """The copies in the order in which the page numbers them."""
    return [copy for copy, _ in stations.values_of(task.station, task.contest, at)]


def show(request: HttpRequest, task: Task, undo: bool) -> HttpResponse:
    """The photos beside each other."""
    return _page(request, task, desk())


def answer(request: HttpRequest, task: Task, account: Account) -> Entry | HttpResponse | None:
    """A ruling on the station."""
    at = desk()
    action, _, number = request.POST.get("action", "").partition(":")
    reason = request.POST.get("reason", "")
    found = copies(task, at)
    if reason not in REASONS_OF.get(action, ()):
        return _page(request, task, at, error="choice", status=422)
    if action == "exclude_station":
        return answers.decide_station(task, account, action, reason, at)
    if not number.isdecimal() or int(number) >= len(found):
        return _page(request, task, at, error="choice", status=422)
    return answers.decide_station(task, account, action, reason, at, copy=found[int(number)].pk)


def _page(request: HttpRequest, task: Task, at: Desk, *, error: str = "", status: int = 200) -> HttpResponse:
    said = stations.values_of(task.station, task.contest, at)
    contest = at.election.contest(task.contest)
    form = at.election.form(contest.form)
    differing = [f for f in form.fields if len({v[f.id] for _, v in said if f.id in v}) > 1]
    station = Station.objects.filter(pk=task.station).first()
    context = {
        "task": task,
        "station": task.station,
        "station_name": isolated(station.name) if station else "",
        "contest": isolated(local(contest.title)),
        "copies": [
            {
                "number": number,
                "kind": KINDS.get(copy.kind, copy.kind),
                "figures": [(local(f.label), state_word(values[f.id])) for f in differing if f.id in values],
            }
            for number, (copy, values) in enumerate(said)
        ],
        "groups": [(action, [(r, REASONS[r]) for r in reasons]) for action, reasons in REASONS_OF.items()],
        "reason": request.POST.get("reason", ""),
        "error": error,
    }
    return render(request, "reading/choose.html", context, status=status)
