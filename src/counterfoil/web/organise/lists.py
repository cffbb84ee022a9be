"""Lists with what is missing: stations, stages, look-alikes, readers, branches of senders; the start page's numbers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from counterfoil.bootstrap.server import server
from counterfoil.primitives.errors import InputError
from counterfoil.storage import audit, organise, overview, running, standing
from counterfoil.storage.models import Account, Area, PhoneFigures, Standing
from counterfoil.web.organise import describe
from counterfoil.web.organise.common import done, key_of, means, page, person, post_back
from counterfoil.web.organise.notices import PHASES
from counterfoil.web.texts import local
from counterfoil.workflow.roles import ROLES, may

STAGES = {
    "batch": gettext_lazy("Photos that wait for their batch"),
    "identify": gettext_lazy("Copies to identify"),
    "place": gettext_lazy("Copies of which people say different things"),
    "read": gettext_lazy("Readings to do"),
    "third": gettext_lazy("Fields for a third reader"),
    "decide": gettext_lazy("Differences for an arbiter"),
    "record": gettext_lazy("Entries that wait for the record"),
    "release": gettext_lazy("Copies that are not public yet"),
}
STANDINGS = {
    "new": gettext_lazy("new"),
    "trusted": gettext_lazy("trusted"),
    "watched": gettext_lazy("watched"),
    "reviewed": gettext_lazy("reviewed"),
    "paused": gettext_lazy("paused"),
}

REASONS = {
    "few_copies": gettext_lazy("%(n)s of %(of)s copies that a newcomer reads first"),
    "error_rate": gettext_lazy("%(n)s of %(of)s settled fields were typed otherwise"),
    "shared_errors": gettext_lazy("%(n)s of %(of)s wrong fields are wrong in the same way as another reader's"),
    "ordered": gettext_lazy("set by an organiser"),
}


def start(request: HttpRequest) -> dict[str, Any] | None:
    """What the start page says to organisers, coordinators and auditors; None: to nobody of these."""
    user = person(request)
    if not any(may(user.roles, action) for action in ("approve", "invite_senders", "see_audit")):
        return None
    return {
        "waiting": overview.waiting(user.pk),
        "phase": PHASES[running.get("phase")],
        "frozen": running.get("frozen").get("what", ()),
        "stages": _stages(),
    }


def home(request: HttpRequest) -> HttpResponse:
    """Everything that organisers can do, by what it is for."""
    return page(request, "home.html", organise=start(request))


def _stages() -> list[dict[str, Any]]:
    return [{"name": STAGES[s.name], "stage": s} for s in overview.ageing(server().now())]


def missing(request: HttpRequest) -> HttpResponse:
    """Areas with stations of which nothing came in; of one area, which."""
    area = request.GET.get("area", "")
    if area:
        found = Area.objects.filter(pk=area).first()
        if found is None:
            raise Http404
        stations, count = overview.missing_stations(area)
        told = set(overview.told_only().filter(station__in=[one.pk for one in stations]))
        return page(request, "missing_area.html", area=found, stations=stations, count=count, told=told)
    areas = overview.missing_by_area()
    return page(
        request,
        "missing.html",
        areas=areas[: overview.MOST],
        more=max(0, len(areas) - overview.MOST),
        expected=sum(one.expected for one in areas),
        missing=sum(one.missing for one in areas),
    )


def ageing(request: HttpRequest) -> HttpResponse:
    """What waits in which stage, and for how long at most."""
    return page(request, "ageing.html", stages=_stages())


LANES = {
    "stranger": gettext_lazy("somebody without a code"),
    "invited": gettext_lazy("somebody with a code"),
    "organisation": gettext_lazy("an organisation"),
    "coordinator": gettext_lazy("a coordinator"),
}
TOLD_SHOWN = 500
LIKENESS = {
    "same": gettext_lazy("One shot, as far as can be measured."),
    "part": gettext_lazy("One is a part of the other."),
    "differs": gettext_lazy("They fit but for some places: two flat pictures of one form, or one that was changed."),
}


def told(request: HttpRequest) -> HttpResponse:
    """Figures that came without a photo; stations of which no photo came first."""
    count, received = PhoneFigures.objects.count(), overview.received()
    election = server().election
    rows = []
    for one in PhoneFigures.objects.order_by("station", "contest", "pk")[:TOLD_SHOWN]:
        form = election.form(election.contest(one.contest).form)
        figures = [(local(f.label), one.values[f.id]) for f in form.fields if f.id in one.values]
        rows.append({"told": one, "figures": figures, "lane": LANES[one.lane], "received": one.station in received})
    return page(request, "told.html", rows=sorted(rows, key=lambda row: bool(row["received"])), count=count)


def look_alikes(request: HttpRequest) -> HttpResponse:
    """Copies that look like one photo and stand under different stations, side by side."""
    pairs, count = overview.look_alikes()
    number = request.GET.get("pair", "0")
    chosen = int(number) if number.isascii() and number.isdecimal() and int(number) < len(pairs) else 0
    pair = pairs[chosen] if pairs else None
    kind = LIKENESS[pair.kind] if pair else ""
    return page(request, "look_alikes.html", pairs=pairs, count=count, pair=pair, kind=kind, chosen=chosen)


def readers(request: HttpRequest) -> HttpResponse:
    """How well readers read, the ones to look at first."""
    order = list(reversed(STANDINGS))
    rows = sorted(
        Standing.objects.select_related("account").filter(account__is_active=True),
        key=lambda row: (order.index(row.stage), -overview.wrong_thousandths(row), row.account.username),
    )
    shown = [
        {
            "standing": row,
            "stage": STANDINGS[row.stage],
            "settled": row.fields_right + row.fields_wrong,
            "wrong_thousandths": overview.wrong_thousandths(row),
            "reasons": [REASONS[code] % {"n": n, "of": of} for code, n, of in row.reasons if code in REASONS],
        }
        for row in rows
    ]
    return page(request, "readers.html", readers=shown, stages=STANDINGS)


@post_back("/organise/readers/")
def order(request: HttpRequest, key: UUID) -> HttpResponse:
    """Set how closely a reader's work is looked at; empty: what the figures say."""
    account, stage = Account.objects.filter(pk=key).first(), request.POST.get("stage", "")
    if account is None:
        raise Http404
    if stage and stage not in STANDINGS:
        raise InputError("stage", expected=f"one of {', '.join(STANDINGS)}", found=repr(stage[:20]), code="bad-stage")
    with transaction.atomic():
        standing.order(account, stage)
        audit.note(person(request), "order_stage", str(account.pk), {"stage": stage}, now=means().now)
    return done(request, _("Saved."), reverse("organise_readers"))


@post_back("/organise/roles/")
def roles(request: HttpRequest) -> HttpResponse:
    """Everybody's roles, and a proposal to change somebody's."""
    if request.method == "POST":
        chosen = [role for role in ROLES if role in request.POST.getlist("role")]
        payload = {"account": str(key_of(request.POST.get("account", ""))), "roles": chosen}
        made = organise.propose("roles", payload, person(request), means())
        return redirect("organise_proposal", key=made.pk)
    people = Account.objects.filter(is_active=True).order_by("username")
    shown = [{"account": one, "roles": [describe.ROLES[role] for role in one.roles]} for one in people]
    return page(request, "roles.html", people=shown, roles=describe.ROLES)


@post_back("/organise/readers/")
def invalidate(request: HttpRequest, key: UUID) -> HttpResponse:
    """Propose that all readings of a person stop counting and are done again."""
    account = Account.objects.filter(pk=key).first()
    if account is None:
        raise Http404
    made = organise.propose(
        "invalidate_reader", {"account": str(key)}, person(request), means(), reason="reader_withdrawn"
    )
    return redirect("organise_proposal", key=made.pk)
