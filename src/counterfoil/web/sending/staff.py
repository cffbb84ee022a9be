"""Sending in bulk by coordinators, and for organisers the wishes of senders. Branches: `organise/branches.py`.

These pages need an account and its session, so they carry Django's own token against forged forms.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from counterfoil.bootstrap.server import server
from counterfoil.primitives.errors import CounterfoilError, InputError
from counterfoil.sandbox import Code, FileRefused
from counterfoil.storage import organise, receipts, releases, senders
from counterfoil.storage.arrivals import Received, Sender
from counterfoil.storage.models import Branch, WithdrawalRequest
from counterfoil.web.organise.common import means, person
from counterfoil.web.sending.answers import outcome, status
from counterfoil.web.sending.door import take
from counterfoil.web.sending.views import KINDS
from counterfoil.web.texts import local
from counterfoil.web.uploads import MAX_BYTES, MemoryOnly
from counterfoil.workflow.packages import Item, is_zip, place, unpack
from counterfoil.workflow.sending import COPY_KINDS, Claim

MAX_BULK_BYTES = 200_000_000


def wishes(request: HttpRequest) -> HttpResponse:
    """Senders who asked, by receipt, that a copy is taken out."""
    if request.method == "POST":
        found = WithdrawalRequest.objects.filter(pk=_uuid(request.POST.get("wish", "")), proposal=None).first()
        entry = releases.entry_of(found.copy) if found is not None else None
        if found is None or entry is None:
            messages.error(request, _("Nothing was proposed: it is gone already, or waits for its batch."))
            return redirect("send_wishes")
        payload = releases.withdrawal(releases.with_what_hangs_on(entry), "sender_asked")
        try:
            found.proposal = organise.propose("withdraw", payload, person(request), means(), reason="sender_asked")
        except CounterfoilError as error:
            messages.error(request, str(error))
        else:
            found.save(update_fields=["proposal"])
            messages.success(request, _("Proposed. A second organiser has to approve it."))
        return redirect("send_wishes")
    return render(request, "sending/wishes.html", {"wishes": receipts.open_requests()})


@csrf_exempt
def bulk(request: HttpRequest) -> HttpResponse:
    """Many photos, PDF or TIFF files or a ZIP, for a branch of an organisation."""
    # Before anything reads the form: other handlers could not be set any more.
    request.upload_handlers = [MemoryOnly(request, most=MAX_BULK_BYTES)]
    return _bulk(request)


@csrf_protect
def _bulk(request: HttpRequest) -> HttpResponse:
    organisations = Branch.objects.filter(kind="organisation", revoked=False).order_by("name")
    context: dict[str, Any] = {
        "branches": organisations,
        "contests": [(one.id, local(one.title)) for one in server().election.contests],
        "kinds": [(kind, KINDS[kind]) for kind in COPY_KINDS],
    }
    if request.method != "POST":
        return render(request, "sending/bulk.html", context)
    branch = organisations.filter(pk=_uuid(request.POST.get("branch", ""))).first()
    files = [one for one in request.FILES.getlist("file") if one.size]
    if branch is None or not files:
        messages.error(request, _("Nothing was received: choose a branch and at least one file."))
        return render(request, "sending/bulk.html", context, status=422)
    outcomes = [
        outcome(number, partial(_take, request, branch, item), name=item.name)
        for number, item in enumerate(_items(request, files), 1)
    ]
    context |= {"outcomes": outcomes, "received": sum(one.received for one in outcomes)}
    return render(request, "sending/bulk_sent.html", context, status=status(outcomes))


def _items(request: HttpRequest, files: list[UploadedFile[bytes]]) -> Iterator[Item]:
    """One file after the other: what is unpacked is never in memory all at once."""
    for file in files:
        data = file.read()
        if is_zip(data):
            try:
                yield from unpack(data)
            except InputError as error:
                messages.error(request, str(error))
        elif (file.size or 0) > MAX_BYTES:
            yield Item(file.name or "", wrong="too-large")
        else:
            yield Item(file.name or "", data)


def _take(request: HttpRequest, branch: Branch, item: Item) -> list[Received]:
    if item.wrong == "too-large":
        raise FileRefused(Code.FILE_TOO_LARGE)
    if item.wrong:
        raise FileRefused(Code.LOCKED if item.wrong == "encrypted" else Code.DAMAGED)
    station, page = place(item.name, lambda one: senders.station(one) is not None)
    claim = Claim(
        station=station,
        contest=request.POST.get("contest", "") if station else "",
        page=page if station else 1,
        kind=request.POST.get("kind", ""),
    )
    return take(item.data, claim, sender=Sender("organisation", branch), documents=True)


def _uuid(text: str) -> UUID:
    """The id that a form gave; one that nothing has where it gave none."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
