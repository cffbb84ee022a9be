"""Notices, phases, freezing, and answers to what strangers dispute."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from counterfoil.primitives.errors import InputError
from counterfoil.storage import organise, running
from counterfoil.storage.models import Dispute, Entry, Station
from counterfoil.web.organise.common import done, key_of, languages, means, page, person, post_back, texts_of
from counterfoil.web.texts import local
from counterfoil.workflow.running import FREEZABLE, next_phases

SHOWN = 100
KINDS = {
    "announced": gettext_lazy("Announcement"),
    "corrected": gettext_lazy("Correction"),
    "froze": gettext_lazy("Freeze"),
    "stopped": gettext_lazy("Something stopped"),
    "explained": gettext_lazy("Explanation"),
}
PHASES = {
    "preparing": gettext_lazy("Preparing"),
    "intake_open": gettext_lazy("Intake open"),
    "official_published": gettext_lazy("Official results published"),
    "objection_window": gettext_lazy("Objection window"),
    "frozen": gettext_lazy("Frozen"),
}
DISPUTE_REASONS = {
    "figures_differ": gettext_lazy("my paper shows other figures"),
    "wrong_station": gettext_lazy("the copy is of another station"),
    "newer_protocol": gettext_lazy("there is a newer protocol"),
    "not_a_protocol": gettext_lazy("the copy is not a protocol"),
    "copy_is_forged": gettext_lazy("the copy is forged"),
    "photo_shows_a_person": gettext_lazy("the photo shows a person"),
}


@post_back("/organise/notices/")
def notices(request: HttpRequest) -> HttpResponse:
    """Say something in the record; what was said."""
    if request.method == "POST":
        organise.give_notice(request.POST.get("kind", ""), texts_of(request), person(request), means())
        return done(request, _("It goes into the record with the next batch."), reverse("organise_notices"))
    rows = Entry.objects.filter(type="notice").order_by("-slot", "-index")[:SHOWN]
    return page(
        request,
        "notices.html",
        kinds=[(kind, name) for kind, name in KINDS.items() if kind != "froze"],
        languages=languages(),
        notices=[{"entry": e, "kind": KINDS[e.body["kind"]], "text": local(e.body["text"])} for e in rows],
    )


@post_back("/organise/freeze/")
def freeze(request: HttpRequest) -> HttpResponse:
    """What stands still, and a proposal to change that."""
    frozen = running.get("frozen")
    if request.method == "POST":
        what = [one for one in FREEZABLE if one in request.POST.getlist("what")]
        payload = {"what": what, "text": {k: v.strip() for k, v in texts_of(request).items() if v.strip()}}
        made = organise.propose("freeze", payload, person(request), means())
        return redirect("organise_proposal", key=made.pk)
    notice = Entry.objects.filter(pk=frozen["entry"]).first() if frozen else None
    phase = running.get("phase")
    return page(
        request,
        "freeze.html",
        frozen=frozen.get("what", ()),
        notice=notice,
        text=local(notice.body["text"]) if notice is not None else "",
        phase=PHASES[phase],
        next_phases=[(one, PHASES[one]) for one in next_phases(phase)],
        languages=languages(),
    )


@post_back("/organise/freeze/")
def phase(request: HttpRequest) -> HttpResponse:
    """Go to another phase."""
    organise.set_phase(request.POST.get("phase", ""), texts_of(request), person(request), means())
    return done(request, _("The phase was changed and goes into the record."), reverse("organise_freeze"))


def disputes(request: HttpRequest) -> HttpResponse:
    """What strangers dispute: open ones first."""
    rows = Dispute.objects.order_by("closed", "slot", "pk")[: SHOWN * 5]
    names = Station.objects.in_bulk([row.station for row in rows])

    def line(row: Dispute) -> dict[str, object]:
        reason = DISPUTE_REASONS.get(row.reason, row.reason)
        return {"dispute": row, "reason": reason, "station": names.get(row.station)}

    return page(
        request,
        "disputes.html",
        open=[line(row) for row in rows if not row.closed],
        closed=[line(row) for row in rows if row.closed],
    )


@post_back("/organise/disputes/{key}/")
def dispute(request: HttpRequest, key: UUID) -> HttpResponse:
    """One dispute: what stands in the record about the station, and the answer."""
    found = Dispute.objects.select_related("answer").filter(pk=key).first()
    if found is None:
        raise Http404
    decisions = Entry.objects.filter(
        type="decision", station=found.station, contest=found.contest, withdrawn=False
    ).order_by("-slot")
    if request.method == "POST":
        if request.POST.get("by") == "decision":
            chosen = decisions.filter(pk=key_of(request.POST.get("decision", ""))).first()
            if chosen is None:
                raise InputError("decision", expected="a decision about this station", found="none", code="no-entry")
            organise.answer_by_decision(found, chosen, person(request), means())
        else:
            organise.answer(found, request.POST.get("kind", ""), texts_of(request), person(request), means())
        return done(request, _("Answered. It goes into the record with the next batch."), reverse("organise_disputes"))
    answer = found.answer
    return page(
        request,
        "dispute.html",
        dispute=found,
        reason=DISPUTE_REASONS.get(found.reason, found.reason),
        station=Station.objects.select_related("area").filter(pk=found.station).first(),
        rests_on=organise.rests_of(found),
        decisions=decisions,
        kinds=[(kind, KINDS[kind]) for kind in ("explained", "corrected")],
        languages=languages(),
        answer=answer,
        answer_text=local(answer.body["text"]) if answer is not None and answer.type == "notice" else "",
    )
