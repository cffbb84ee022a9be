"""Proposals and who decides on them; the audit log; settings that change while the server runs."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from counterfoil.primitives.errors import CounterfoilError, InputError
from counterfoil.storage import audit, organise, proposals, running
from counterfoil.storage.imports import published_figures
from counterfoil.storage.models import Audit, Proposal
from counterfoil.storage.releases import masked
from counterfoil.web.organise import describe
from counterfoil.web.organise.common import done, means, page, person, post_back, refused
from counterfoil.workflow.approvals import second
from counterfoil.workflow.running import RUNNING, needs_two, read

DECIDED_SHOWN = 100
AUDIT_PAGE = 200


def all_proposals(request: HttpRequest) -> HttpResponse:
    """What waits for a second person, one's own drafts, and what was decided."""
    mine = person(request)
    rows = Proposal.objects.select_related("proposed_by", "decided_by")
    return page(
        request,
        "proposals.html",
        waiting=[_row(p) for p in rows.filter(state="open").order_by("proposed_at")],
        drafts=[_row(p) for p in rows.filter(state="draft", proposed_by=mine).order_by("proposed_at")],
        decided=[_row(p) for p in rows.exclude(state__in=("open", "draft")).order_by("-proposed_at")[:DECIDED_SHOWN]],
    )


def _row(proposal: Proposal) -> dict[str, object]:
    return {
        "proposal": proposal,
        "title": describe.title(proposal),
        "state": describe.STATES[proposal.state],
    }


def proposal(request: HttpRequest, key: UUID) -> HttpResponse:
    """One proposal in full, and the buttons that this person may press."""
    found = _visible(request, key)
    mine = person(request)
    act = request.POST.get("act", "")
    here = reverse("organise_proposal", kwargs={"key": key})
    if request.method == "POST":
        return _decide(request, found, act, here)
    own = found.proposed_by_id == mine.pk
    return page(
        request,
        "proposal.html",
        proposal=found,
        title=describe.title(found),
        state=describe.STATES[found.state],
        lines=describe.lines(found),
        preview=found.payload.get("preview"),
        own=own,
        may_decide=second(str(found.proposed_by_id), proposals.someone(mine), proposals.everybody()),
        alone=found.state == "draft" and not needs_two(running.get("phase"), published_figures()),
        picture=found.action == "release" and found.state == "open",
    )


def _decide(request: HttpRequest, found: Proposal, act: str, here: str) -> HttpResponse:
    mine = person(request)
    try:
        match act:
            case "open":
                found = organise.confirm_import(found.pk, mine, means())
                told = _("Done.") if found.state == "approved" else _("It waits for a second person now.")
            case "approve":
                found = organise.decide(found.pk, "approve", mine, means())
                told = _("Approved. It goes into the record with the next batch.")
                if found.state == "outdated":
                    told = _("Nothing was done: what this rests on has changed meanwhile.")
            case "refuse":
                organise.decide(found.pk, "refuse", mine, means())
                told = _("Refused.")
            case "take_back":
                organise.decide(found.pk, "take_back", mine, means())
                told = _("Taken back.")
            case _:
                raise InputError("act", expected="approve, refuse or take back", found=repr(act[:20]), code="bad-act")
    except CounterfoilError as error:
        return refused(request, error, here)
    return done(request, told, here)


def _visible(request: HttpRequest, key: UUID) -> Proposal:
    """Drafts are seen by their author only."""
    found = Proposal.objects.select_related("proposed_by", "decided_by").filter(pk=key).first()
    if found is None or (found.state == "draft" and found.proposed_by_id != person(request).pk):
        raise Http404
    return found


def masked_picture(request: HttpRequest, key: UUID) -> HttpResponse:
    """The picture as it would be public, made anew for the second look."""
    found = _visible(request, key)
    if found.action != "release" or found.state != "open":
        raise Http404
    audit.note(person(request), "see_masked", found.payload["copy"])
    return HttpResponse(masked(found.payload, means()).picture, content_type="image/jpeg")


def audit_log(request: HttpRequest) -> HttpResponse:
    """The audit log, newest first, and whether its chain holds."""
    before = request.GET.get("before", "")
    rows = Audit.objects.select_related("actor").order_by("-number")
    if before.isascii() and before.isdecimal():
        rows = rows.filter(number__lt=int(before))
    shown = list(rows[: AUDIT_PAGE + 1])
    return page(
        request,
        "audit.html",
        check=audit.verify(),
        lines=shown[:AUDIT_PAGE],
        older=shown[AUDIT_PAGE - 1].number if len(shown) > AUDIT_PAGE else None,
    )


@post_back("/organise/settings/")
def settings(request: HttpRequest) -> HttpResponse:
    """Numbers and switches that take effect at once."""
    values = running.everything()
    if request.method == "POST":
        for name, kind in RUNNING.items():
            if kind.by_hand and (name in request.POST or kind.kind == "switch"):
                values[name] = read(name, request.POST.get(name, "").strip())
        for name, kind in RUNNING.items():
            if kind.by_hand:
                running.put(name, values[name], person(request))
        return done(request, _("Saved."), reverse("organise_settings"))
    shown = [
        {"name": name, "kind": kind, "value": values[name], "meaning": _(kind.meaning)}
        for name, kind in RUNNING.items()
        if kind.by_hand
    ]
    return page(request, "settings.html", settings=shown)
