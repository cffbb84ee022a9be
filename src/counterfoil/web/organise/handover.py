"""When colleagues are arrested: end their access at once, see what is left to do, hand the state to somebody abroad.

The state is a backup sealed for a secret that exists only in parts: drawn once and shown, each part to be kept by
another person. The server keeps neither secret nor parts; it asks for as many as are needed, which also shows that they
were written down rightly, and gives the sealed file.
"""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from counterfoil.bootstrap.backup import back_up
from counterfoil.bootstrap.server import server
from counterfoil.primitives.errors import InputError, RecordError
from counterfoil.record.keys import join, split
from counterfoil.storage import accounts, audit, overview
from counterfoil.storage.models import Account, Proposal
from counterfoil.web.organise import describe
from counterfoil.web.organise.common import done, key_of, means, page, person, post_back
from counterfoil.workflow.sealed import Secret

SEED_BYTES = 32
MOST_PARTS = 20


def handover(request: HttpRequest) -> HttpResponse:
    """The checklist, and everybody's access."""
    mine = person(request)
    people = [
        {"account": one, "roles": [describe.ROLES[role] for role in one.roles], "own": one.pk == mine.pk}
        for one in Account.objects.order_by("-is_active", "username")
    ]
    return page(
        request,
        "handover.html",
        people=people,
        organisers=accounts.organisers().count(),
        waiting=overview.waiting(mine.pk),
        theirs=[
            {"proposal": one, "title": describe.title(one)}
            for one in Proposal.objects.filter(state="open", proposed_by__is_active=False)
        ],
    )


@post_back("/organise/handover/")
def end(request: HttpRequest) -> HttpResponse:
    """End the access of everybody who was ticked: sessions, tokens, leases and invitations of theirs go."""
    mine = person(request)
    keys = [key_of(text) for text in request.POST.getlist("account")]
    chosen = list(Account.objects.filter(pk__in=keys, is_active=True))
    if not chosen:
        raise InputError("account", expected="somebody to be ticked", found="nobody", code="nobody")
    if mine.pk in {one.pk for one in chosen}:
        raise InputError("account", expected="colleagues", found="yourself", do="ask a colleague", code="own-account")
    for account in chosen:
        accounts.deactivate(mine, account, now=means().now)
    names = ", ".join(account.username for account in chosen)
    return done(request, _("Access ended: %(names)s") % {"names": names}, reverse("organise_handover"))


@post_back("/organise/handover/")
def parts(request: HttpRequest) -> HttpResponse:
    """Draw a secret and show its parts, this once."""
    count, needed = _number(request, "count"), _number(request, "needed")
    if not 2 <= needed <= count <= MOST_PARTS:
        raise InputError(
            "parts", expected=f"2 to {MOST_PARTS} parts", found=f"{needed} of {count}", code="no-key-parts"
        )
    lines = split(_name(), secrets.token_bytes(SEED_BYTES), count, needed, secrets.token_bytes)
    audit.note(person(request), "handover_parts", "", {"count": count, "needed": needed}, now=means().now)
    return page(request, "parts.html", lines=lines, needed=needed)


@post_back("/organise/handover/")
def bundle(request: HttpRequest) -> HttpResponseBase:
    """The whole state, sealed for the secret whose parts were typed in."""
    lines = [line for line in request.POST.get("parts", "").splitlines() if line.strip()]
    if not lines:
        raise InputError("parts", expected="the parts, a line each", found="none", code="no-key-parts")
    name, seed = join(lines)
    if name != _name():
        raise RecordError(f"expected parts of {_name()}, found parts of {name}", code="bad-part")
    at = server()
    with tempfile.TemporaryDirectory(prefix="handover-", dir=at.settings.private) as folder:
        file = Path(folder) / "handover.backup"
        made = back_up(at, file, Secret(seed=seed), lambda what, done, of: None)
        detail = {"entries": made.entries, "bytes": made.bytes}
        audit.note(person(request), "handover_bundle", "", detail, now=means().now)
        # Opened before the folder goes: its name is gone when this returns, its bytes when it was sent.
        return FileResponse(file.open("rb"), as_attachment=True, filename=f"{at.election.id}.handover")


def _name() -> str:
    return f"{server().election.id}/handover"


def _number(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else 0
