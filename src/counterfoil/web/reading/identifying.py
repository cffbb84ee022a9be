"""What does this photo show: is it a protocol, of which station, contest and page?

A code that is printed on the paper fills in what it says; nothing else that a machine read is here. The person looks
first and says; only when that differs from what the sender said are they asked about it. What others
said is never shown.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from counterfoil.election.definition import Form
from counterfoil.storage import answers, machine, senders
from counterfoil.storage.models import Account, Opinion, Station, Task
from counterfoil.storage.work import Desk
from counterfoil.web.reading.desk import desk
from counterfoil.web.reading.typing import copy_of
from counterfoil.web.texts import local
from counterfoil.workflow.sending import COPY_KINDS
from counterfoil.workflow.work import Place

MOST_CHARACTERS = 200


def show(request: HttpRequest, task: Task, undo: bool) -> HttpResponse:
    """The photo and a search for its station."""
    return _page(request, task, desk(), undo=undo)


def answer(request: HttpRequest, task: Task, account: Account) -> Opinion | HttpResponse:
    """A search, a choice, the question about the sender's claim, or the answer."""
    at = desk()
    if "find" in request.POST or "station" not in request.POST:
        return _page(request, task, at)
    place = _place(request, at)
    if place is None:
        return _page(request, task, at, error=_("Choose a station of the list, the vote and the page."), status=422)
    copy = copy_of(task)
    claim: Place = (copy.station, copy.contest, copy.page)
    if copy.station and place != claim and "sure" not in request.POST:
        return _page(request, task, at, chosen=place, claim=claim)
    if request.POST.get("sure") == "claim":
        place = claim
    kind = request.POST.get("kind", copy.kind)
    return answers.identify(task, account, place, kind if kind in COPY_KINDS else copy.kind, at)


def _place(request: HttpRequest, at: Desk) -> Place | None:
    station, contest, page = (request.POST.get(name, "") for name in ("station", "contest", "page"))
    forms: dict[str, Form] = {c.id: at.election.form(c.form) for c in at.election.contests}
    if contest not in forms or not page.isdecimal() or not 1 <= int(page) <= forms[contest].pages:
        return None
    return (station, contest, int(page)) if Station.objects.filter(pk=station).exists() else None


def _page(
    request: HttpRequest,
    task: Task,
    at: Desk,
    *,
    chosen: Place | None = None,
    claim: Place | None = None,
    error: str = "",
    undo: bool = False,
    status: int = 200,
) -> HttpResponse:
    printed, printed_page = machine.code_says(copy_of(task))
    words = request.POST.get("find", printed).strip()[:MOST_CHARACTERS]
    contests = [(c.id, local(c.title)) for c in at.election.contests]
    context: dict[str, Any] = {
        "task": task,
        "words": words,
        "found": senders.find(words) if words else [],
        "contests": contests,
        "pages": range(1, max(at.election.form(c.form).pages for c in at.election.contests) + 1),
        "error": error,
        "undo": undo,
        "contest_now": request.POST.get("contest", contests[0][0]),
        "page_now": request.POST.get("page", str(printed_page or 1)),
        "printed": printed if "find" not in request.POST else "",
    }
    if chosen and claim:
        names: dict[str, str] = dict(contests)
        stations = Station.objects.in_bulk([chosen[0], claim[0]])
        for name, (station, contest, page) in (("chosen", chosen), ("claim", claim)):
            known = stations.get(station)
            context[name] = {
                "station": station,
                "name": known.name if known else "",
                "contest": contest,
                "title": names.get(contest, contest),
                "page": page,
            }
    return render(request, "reading/identify.html", context, status=status)
