"""Find the station, send photos of its protocol, see what became of each. Works without JavaScript."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import gettext_noop

from counterfoil.bootstrap.server import server
from counterfoil.election.definition import Contest
from counterfoil.sandbox import Code, FileRefused
from counterfoil.storage import senders
from counterfoil.storage.arrivals import Received, Sender
from counterfoil.storage.models import Station
from counterfoil.web.sending.answers import Outcome, outcome, retry_after_s, status
from counterfoil.web.sending.door import take
from counterfoil.web.sending.guard import Token, files, new_token, say, sender_view, stale
from counterfoil.web.sending.memory import memory
from counterfoil.web.texts import local
from counterfoil.web.uploads import MAX_BYTES
from counterfoil.workflow.codes import draw_receipt, hash_receipt, tells_receipt
from counterfoil.workflow.sending import COPY_KINDS, Claim

KINDS = {
    "wall_copy": _l("Protocol on the wall or door"),
    "agents_copy": _l("Copy of an observer or agent"),
    "authoritys_scan": _l("Scan by the authority"),
    "tally_board": _l("Board or sheet of the tally"),
    "other": _l("Something else, or not sure"),
}
UNKNOWN = "-"
"""In an address, in place of a station: the sender does not know which."""
_TOO_MANY = gettext_noop("Too many searches at this moment. Try again in a few seconds.")


@sender_view
def start(request: HttpRequest) -> HttpResponse:
    """Where is your photo from? A box for code or address, the tree of areas, and "I don't know"."""
    typed = request.GET.get("q", "").strip()[:200]
    found: list[Station] = []
    if tells_receipt(typed):
        text = _("These look like the words of a receipt. Nothing was looked for; open the page for receipts instead.")
        return say(request, 422, _("Keep your receipt to yourself"), text)
    if typed:
        memory(server().settings).searches.take("busy", _TOO_MANY)
        found = senders.find(typed)
        if len(found) == 1 and found[0].pk == typed:
            return redirect("send_station", station=found[0].pk)
    return render(request, "sending/start.html", {"typed": typed, "found": found, "most": senders.FOUND})


@sender_view
def area(request: HttpRequest, area: str = "") -> HttpResponse:
    """The tree of areas, a page at a time."""
    level = senders.level(area, request.GET.get("areas", ""), request.GET.get("stations", ""))
    if level is None:
        raise Http404
    return render(request, "sending/area.html", {"level": level})


@sender_view
def station(request: HttpRequest, station: str) -> HttpResponse:
    """The form for one station (or for one that the sender does not know), and what became of each photo."""
    found = None if station == UNKNOWN else senders.station(station)
    if found is None and station != UNKNOWN:
        raise Http404
    if request.method == "POST":
        return _sent(request, found)
    return _form(request, found)


def _form(request: HttpRequest, station: Station | None, wrong: str = "") -> HttpResponse:
    election = server().election
    context: dict[str, Any] = {
        "station": station,
        "here": station.pk if station else UNKNOWN,
        "contests": [(one.id, local(one.title)) for one in election.contests],
        "pages": range(1, max(_pages(one) for one in election.contests) + 1),
        "kinds": [(kind, KINDS[kind]) for kind in COPY_KINDS],
        "token": new_token("send"),
        "wrong": wrong,
        "max_bytes": MAX_BYTES,
    }
    return render(request, "sending/form.html", context, status=422 if wrong else 200)


def _pages(contest: Contest) -> int:
    return server().election.form(contest.form).pages


def _sent(request: HttpRequest, station: Station | None) -> HttpResponse:
    token = Token(request, "send")
    if not token.fresh:
        return stale(request)
    done = False
    try:
        photos = _photos(request)
        if not photos:
            return _form(request, station, wrong="no-photo")
        wants_receipt = request.POST.get("receipt") == "on"
        words = draw_receipt(secrets.token_bytes) if wants_receipt else ""
        kept = hash_receipt(words, server().pepper) if words else ""
        typed = request.POST.get("code", "")[:100]
        sender = senders.sender_of(typed, server().pepper)
        outcomes = [
            outcome(number, partial(_take, request, station, page, file, sender, kept))
            for number, (page, file) in enumerate(photos, 1)
        ]
        done = any(one.received for one in outcomes)
        return _answer(request, station, outcomes, words if done else "", bool(typed) and sender.branch is None)
    finally:
        if not done:
            token.give_back()


def _photos(request: HttpRequest) -> list[tuple[int, UploadedFile[bytes]]]:
    """(page, file) in the order of the form."""
    pages = max(_pages(one) for one in server().election.contests)
    return [(page, file) for page in range(1, pages + 1) for file in files(request, f"photo-{page}")]


def _take(
    request: HttpRequest, station: Station | None, page: int, file: UploadedFile[bytes], sender: Sender, receipt: str
) -> list[Received]:
    if (file.size or 0) > MAX_BYTES:
        raise FileRefused(Code.FILE_TOO_LARGE)
    claim = Claim(
        station=station.pk if station else "",
        contest=request.POST.get("contest", "") if station else "",
        page=page if station else 1,
        kind=request.POST.get("kind", ""),
        differs=request.POST.get("differs") == "on",
    )
    return take(file.read(), claim, sender=sender, receipt=receipt)


def _answer(
    request: HttpRequest, station: Station | None, outcomes: list[Outcome], words: str, code_unknown: bool
) -> HttpResponse:
    context = {
        "station": station,
        "here": station.pk if station else UNKNOWN,
        "outcomes": outcomes,
        "all_received": all(one.received for one in outcomes),
        "none_received": not any(one.received for one in outcomes),
        "words": words,
        "code_unknown": code_unknown,
        "retry_after_s": retry_after_s(outcomes),
        "minutes": max(1, round(server().settings.batch_s * 2 / 60)),
    }
    answer = render(request, "sending/sent.html", context, status=status(outcomes))
    if retry_after_s(outcomes) and status(outcomes) == 503:
        answer.headers["Retry-After"] = str(retry_after_s(outcomes))
    return answer
