"""Masks, releases, withdrawals and the purge of a dangerous picture.

A mask is drawn on the photo with a script, or typed as rectangles in percent without one; both send the same fields.
"""

from __future__ import annotations

import re
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from counterfoil.bootstrap.server import server
from counterfoil.evidence import Mask as Regions
from counterfoil.evidence import Region
from counterfoil.evidence.masks import WHOLE
from counterfoil.primitives.errors import InputError
from counterfoil.primitives.words import WITHDRAWAL_REASONS
from counterfoil.storage import audit, machine, organise, releases, running
from counterfoil.storage.models import Copy, Entry, Mask, Proposal, Station
from counterfoil.web.organise import describe
from counterfoil.web.organise.common import done, key_of, means, page, person, post_back
from counterfoil.web.reading.desk import KINDS as COPY_KINDS
from counterfoil.workflow.outlines import masks

SHOWN = 100
LINES = 8
"""Rectangles that the form has fields for; the script adds more by the hidden field."""
_PERCENT = re.compile(r"(\d{1,3})(?:[.,](\d{1,4}))?")


def copies(request: HttpRequest) -> HttpResponse:
    """Copies that may be released, those that wait for a second look, and those that are public."""
    waiting = releases.waiting_for_release()
    public = Copy.objects.exclude(released="").order_by("station", "page", "copy")
    asked = Proposal.objects.filter(action="release", state="open").order_by("proposed_at")
    return page(
        request,
        "copies.html",
        waiting=waiting[:SHOWN],
        waiting_count=waiting.count(),
        asked=[{"proposal": p, "title": describe.title(p)} for p in asked],
        public=public[:SHOWN],
        public_count=public.count(),
    )


@post_back("/organise/copies/{copy}/")
def copy_page(request: HttpRequest, copy: str) -> HttpResponse:
    """Draw a mask on one copy and propose its release."""
    found = _copy(copy)
    if request.method == "POST":
        payload = releases.draw(found, _regions(request), person(request), means())
        made = organise.propose("release", payload, person(request), means())
        return redirect("organise_proposal", key=made.pk)
    drawn = Mask.objects.filter(copy=found).first()
    placed = _by_registration(found) if drawn is None else []
    regions = drawn.regions if drawn is not None else placed or _of_form(found)
    entry = releases.entry_of(copy)
    return page(
        request,
        "copy.html",
        copy=found,
        entry=entry,
        station=Station.objects.select_related("area").filter(pk=found.station).first(),
        release=releases.release_of(copy),
        lines=_lines(regions),
        drawn=drawn,
        from_form=drawn is None and bool(regions) and not placed,
        placed=bool(placed),
        reasons=[(word, describe.REASONS[word]) for word in WITHDRAWAL_REASONS],
    )


def picture(request: HttpRequest, copy: str) -> HttpResponse:
    """The unmasked picture, for the one who draws the mask; who looked is written down."""
    found = _copy(copy)
    if not found.picture:
        raise Http404
    audit.note(person(request), "see_copy", copy)
    return HttpResponse(server().pictures.get(found.picture), content_type="image/jpeg")


@post_back("/organise/copies/{copy}/")
def purge(request: HttpRequest, copy: str) -> HttpResponse:
    """Delete a picture that endangers somebody; the copy's withdrawal waits for a second person."""
    found = _copy(copy)
    if request.POST.get("sure") != "yes":
        raise InputError("sure", expected="the box to be ticked", found="nothing", code="not-sure")
    payload = releases.purge(found, person(request), means())
    if payload is None:
        return done(request, _("The picture was deleted."), reverse("organise_copies"))
    made = organise.propose("withdraw", payload, person(request), means(), reason="endangers_somebody")
    return done(
        request,
        _("The picture was deleted everywhere. That the copy no longer counts waits for a second person."),
        reverse("organise_proposal", kwargs={"key": made.pk}),
    )


@post_back("/organise/withdraw/")
def withdraw(request: HttpRequest) -> HttpResponse:
    """Find an entry by its number or its station, and propose its withdrawal."""
    if request.method == "POST":
        chosen = Entry.objects.filter(pk__in=[key_of(one) for one in request.POST.getlist("entry")])
        every = {e.pk: e for entry in chosen for e in releases.with_what_hangs_on(entry)}
        payload = releases.withdrawal(list(every.values()), request.POST.get("reason", ""))
        made = organise.propose("withdraw", payload, person(request), means(), reason=payload["reason"])
        return redirect("organise_proposal", key=made.pk)
    number, station = request.GET.get("number", "").strip(), request.GET.get("station", "").strip()
    rows = Entry.objects.filter(type__in=releases.WITHDRAWABLE).order_by("type", "index")
    if number.isascii() and number.isdecimal():
        rows = rows.filter(index=int(number))
    elif station:
        rows = rows.filter(station=station)
    else:
        rows = rows.filter(type__in=("table", "notice"))
    return page(
        request,
        "withdraw.html",
        number=number,
        station=station,
        entries=[_entry(e) for e in rows[:SHOWN]],
        reasons=[(word, describe.REASONS[word]) for word in WITHDRAWAL_REASONS],
        exclude_reasons=[(word, describe.REASONS[word]) for word in releases.EXCLUDE_REASONS],
        contests=server().election.contests,
    )


@post_back("/organise/withdraw/")
def exclude(request: HttpRequest) -> HttpResponse:
    """Propose that a station stays out of the tally of a contest."""
    payload = {name: request.POST.get(name, "").strip() for name in ("station", "contest", "reason")}
    made = organise.propose("exclude", payload, person(request), means(), reason=payload["reason"])
    return redirect("organise_proposal", key=made.pk)


@post_back("/organise/form-masks/")
def form_masks(request: HttpRequest) -> HttpResponse:
    """Regions that are proposed on every copy of a form's page; each copy is still looked at."""
    kept = running.get("form_masks")
    if request.method == "POST":
        key = request.POST.get("form", "")
        if key not in dict(_forms()):
            raise InputError("form", expected="a page of a form", found=repr(key[:60]), code="no-form")
        regions = _regions(request, may_be_empty=True)
        new = {**kept, key: regions.data()["regions"]}
        running.put("form_masks", {name: value for name, value in new.items() if value}, person(request))
        return done(request, _("Saved."), f"{reverse('organise_form_masks')}?form={key}")
    forms = _forms()
    key = request.GET.get("form", forms[0][0])
    return page(
        request, "form_masks.html", forms=forms, key=key, lines=_lines(kept.get(key, [])), example=_example(key)
    )


def _example(key: str) -> Copy | None:
    """A copy of this page of the form, to draw on."""
    form, _colon, number = key.rpartition(":")
    contests = [contest.id for contest in server().election.contests if contest.form == form]
    here = Copy.objects.filter(contest__in=contests, page=int(number) if number.isdecimal() else 0)
    return here.exclude(picture="").exclude(state="withdrawn").order_by("slot", "copy").first()


def _forms() -> list[tuple[str, str]]:
    return [
        (f"{form.id}:{number}", f"{form.id} · {_('page %(number)s') % {'number': number}}")
        for form in server().election.forms
        for number in range(1, form.pages + 1)
    ]


def _of_form(copy: Copy) -> list[Any]:
    contest = next((c for c in server().election.contests if c.id == copy.contest), None)
    return running.get("form_masks").get(f"{contest.form}:{copy.page}", []) if contest is not None else []


def _by_registration(copy: Copy) -> list[Any]:
    """What the form's template covers, where the machine found it to lie on this photo; a person still looks."""
    election = server().election
    read = machine.fitting(copy, election)
    template = election.form(election.contest(copy.contest).form).template if read is not None else None
    if read is None or template is None:
        return []
    return [[list(corner) for corner in polygon] for polygon in masks(read, template)]


def _copy(copy: str) -> Copy:
    found = Copy.objects.filter(pk=copy).first()
    if found is None:
        raise Http404
    return found


def _entry(entry: Entry) -> dict[str, Any]:
    body = entry.body
    told = body.get("name") or body.get("problem") or body.get("action") or COPY_KINDS.get(body.get("kind"), "")
    return {"entry": entry, "type": describe.TYPES[entry.type], "told": told}


def _lines(regions: list[Any]) -> list[dict[str, str]]:
    """Fields of rectangles: what is kept, as the box around each region, then empty ones."""
    found = []
    for region in regions:
        xs, ys = [x for x, _y in region], [y for _x, y in region]
        edges = {"left": min(xs), "top": min(ys), "right": max(xs), "bottom": max(ys)}
        found.append({name: _percent(value) for name, value in edges.items()})
    empty = {"left": "", "top": "", "right": "", "bottom": ""}
    found += [dict(empty) for _number in range(max(LINES - len(found), 2))]
    return [{"number": str(number), **line} for number, line in enumerate(found)]


def _percent(millionths: int) -> str:
    whole, rest = divmod(millionths, WHOLE // 100)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".")


def _millionths(text: str, name: str) -> int:
    match = _PERCENT.fullmatch(text)
    if match is None:
        raise InputError(name, expected="a percentage such as 12.5", found=repr(text[:20]), code="bad-percent")
    return int(match[1]) * (WHOLE // 100) + int((match[2] or "").ljust(4, "0"))


def _regions(request: HttpRequest, *, may_be_empty: bool = False) -> Regions:
    """The mask that a form says: rectangles `left-0`, `top-0`, `right-0`, `bottom-0`... in percent.

    Raises:
        InputError: a rectangle with a missing edge, outside the picture, or nothing and no "nothing to hide".
    """
    regions = []
    numbers = sorted({name.partition("-")[2] for name in request.POST if name.startswith("left-")}, key=len)
    for number in numbers:
        texts = [request.POST.get(f"{edge}-{number}", "").strip() for edge in ("left", "top", "right", "bottom")]
        if any(texts):
            left, top, right, bottom = (_millionths(text, _("a rectangle")) for text in texts)
            regions.append(Region.rectangle(min(left, right), min(top, bottom), max(left, right), max(top, bottom)))
    nothing = request.POST.get("nothing_to_hide") == "yes" or (may_be_empty and not regions)
    return Regions(tuple(regions), nothing_to_hide=nothing)
