"""Without a photo: figures that were told, and the dispute of a station. Fixed lists and digits, no free text."""

from __future__ import annotations

import secrets
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import gettext_noop

from counterfoil.bootstrap.server import server
from counterfoil.election.definition import Contest
from counterfoil.primitives.errors import InputError
from counterfoil.storage import reports, senders
from counterfoil.storage.models import Station
from counterfoil.web.sending.guard import Token, new_token, sender_view, stale
from counterfoil.web.sending.memory import memory
from counterfoil.web.texts import local
from counterfoil.workflow.codes import draw_receipt, hash_receipt
from counterfoil.workflow.sending import DISPUTE_REASONS

REASONS = {
    "figures_differ": _l("The published figures are not those on the paper"),
    "wrong_station": _l("The photo is of another station"),
    "newer_protocol": _l("There is a newer protocol of this station"),
    "not_a_protocol": _l("The photo shows no protocol"),
    "copy_is_forged": _l("The copy is not genuine"),
    "photo_shows_a_person": _l("The published photo shows a person, a name or a signature"),
}
_TOO_MANY = gettext_noop("Not received: too many reports are coming in at this moment. Try again in a minute.")


@sender_view
def dispute(request: HttpRequest, station: str) -> HttpResponse:
    """Somebody says that something about one station is wrong."""
    found = _station(station)
    contest = _contest(request)
    if request.method != "POST":
        return _dispute_form(request, found, contest)
    token = Token(request, "dispute")
    if not token.fresh:
        return stale(request)
    memory(server().settings).reports.take("busy", _TOO_MANY)
    words = draw_receipt(secrets.token_bytes) if request.POST.get("receipt") == "on" else ""
    try:
        reports.take_dispute(
            found,
            contest.id,
            request.POST.get("reason", ""),
            request.POST.getlist("field"),
            election=server().election,
            slot=server().slot,
            receipt=hash_receipt(words, server().pepper) if words else "",
        )
    except InputError as error:
        token.give_back()
        return _dispute_form(request, found, contest, wrong=error.code)
    return render(request, "sending/reported.html", {"station": found, "words": words, "what": "dispute"})


def _dispute_form(request: HttpRequest, station: Station, contest: Contest, wrong: str = "") -> HttpResponse:
    context = {
        **_about(station, contest),
        "token": new_token("dispute"),
        "reasons": [(reason, REASONS[reason]) for reason in DISPUTE_REASONS],
        "wrong": wrong,
    }
    return render(request, "sending/dispute.html", context, status=422 if wrong else 200)


@sender_view
def figures(request: HttpRequest, station: str) -> HttpResponse:
    """Figures without a photo, from senders with an invitation code, and from strangers where organisers allow it."""
    return _figures(request, station, lane="")


@sender_view
def told_figures(request: HttpRequest, station: str) -> HttpResponse:
    """Figures that a coordinator was told by telephone or message."""
    return _figures(request, station, lane="coordinator")


def _figures(request: HttpRequest, station: str, *, lane: str) -> HttpResponse:
    found = _station(station)
    contest = _contest(request)
    strangers = senders.limits().figures_from_strangers
    if request.method != "POST":
        return _figures_form(request, found, contest, strangers=strangers, lane=lane, typed={})
    token = Token(request, "figures")
    if not token.fresh:
        return stale(request)
    memory(server().settings).reports.take("busy", _TOO_MANY)
    told = lane == "coordinator"
    lane = lane or senders.sender_of(request.POST.get("code", "")[:100], server().pepper).lane
    typed = {name.removeprefix("f."): str(value) for name, value in request.POST.items() if name.startswith("f.")}
    if lane == "stranger" and not strangers:
        token.give_back()
        return _figures_form(request, found, contest, strangers=strangers, lane="", typed=typed, wrong="needs-code")
    try:
        reports.take_figures(found, contest.id, typed, election=server().election, lane=lane, slot=server().slot)
    except InputError as error:
        token.give_back()
        return _figures_form(
            request, found, contest, strangers=strangers, lane=lane, typed=typed, wrong=error.code, at=error.where
        )
    return render(
        request, "sending/reported.html", {"station": found, "words": "", "what": "figures", "coordinator": told}
    )


def _figures_form(
    request: HttpRequest,
    station: Station,
    contest: Contest,
    *,
    strangers: bool,
    lane: str,
    typed: dict[str, str],
    wrong: str = "",
    at: str = "",
) -> HttpResponse:
    form = server().election.form(contest.form)
    labels: dict[str, str] = {one.id: local(one.label) for one in form.fields}
    context = {
        **_about(station, contest),
        "token": new_token("figures"),
        "boxes": [(name, label, typed.get(name, "")) for name, label in labels.items()],
        "strangers": strangers,
        "coordinator": lane == "coordinator",
        "wrong": wrong,
        "at": labels.get(at, at),
    }
    return render(request, "sending/figures.html", context, status=422 if wrong else 200)


def _station(station: str) -> Station:
    found = senders.station(station)
    if found is None:
        raise Http404
    return found


def _contest(request: HttpRequest) -> Contest:
    election = server().election
    asked = request.POST.get("contest") or request.GET.get("contest") or election.contests[0].id
    found = next((one for one in election.contests if one.id == asked), None)
    if found is None:
        raise Http404
    return found


def _about(station: Station, contest: Contest) -> dict[str, Any]:
    election = server().election
    return {
        "station": station,
        "contest": contest.id,
        "contest_title": local(contest.title),
        "others": [(one.id, local(one.title)) for one in election.contests if one.id != contest.id],
        "fields": [(one.id, local(one.label)) for one in election.form(contest.form).fields],
    }
