"""Branches of senders: make one, draw codes to print, take a whole branch back."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from counterfoil.bootstrap.server import server
from counterfoil.primitives.errors import InputError
from counterfoil.primitives.words import WITHDRAWAL_REASONS
from counterfoil.storage import branches as rows
from counterfoil.storage import organise
from counterfoil.storage.models import Branch
from counterfoil.web.organise import describe
from counterfoil.web.organise.common import done, key_of, means, page, person, post_back

KINDS = {
    "invited": gettext_lazy("people with printed codes"),
    "organisation": gettext_lazy("an organisation: may send PDF, folders and ZIP files"),
}


@post_back("/organise/branches/")
def branches(request: HttpRequest) -> HttpResponse:
    """All branches, and a form for a new one."""
    if request.method == "POST":
        post = request.POST
        parent = _branch(key_of(post["parent"])) if post.get("parent") else None
        quota = _number(post.get("quota", ""), "quota") if post.get("quota", "").strip() else None
        rows.make_branch(post.get("name", ""), post.get("kind", ""), person(request), parent=parent, quota=quota)
        return done(request, _("The branch was made. Draw codes for it."), reverse("organise_branches"))
    tree = [{"depth": depth, "branch": b, "codes": b.codes.filter(uses_left__gt=0).count()} for depth, b in rows.tree()]
    return page(
        request,
        "branches.html",
        tree=tree,
        kinds=KINDS,
        reasons=[(word, describe.REASONS[word]) for word in WITHDRAWAL_REASONS],
    )


@post_back("/organise/branches/")
def codes(request: HttpRequest, key: UUID) -> HttpResponse:
    """Draw codes; they are shown this once, to be printed and cut apart."""
    branch = _branch(key)
    count, uses = _number(request.POST.get("count", ""), "count"), _number(request.POST.get("uses", ""), "uses")
    drawn = rows.draw_codes(branch, count, uses, person(request), pepper=server().pepper)
    context = {"codes": drawn, "uses": uses, "address": f"{request.scheme}://{request.get_host()}/send/"}
    return render(request, "sending/cards.html", context)


@post_back("/organise/branches/")
def revoke(request: HttpRequest, key: UUID) -> HttpResponse:
    """Propose that a branch and all below it are taken back, with every copy that came through them."""
    payload = rows.revocation(_branch(key), request.POST.get("reason", ""))
    made = organise.propose("revoke_branch", payload, person(request), means(), reason=payload["reason"])
    if "organiser" not in person(request).roles:
        return done(request, _("It waits for an organiser now."), reverse("organise_branches"))
    return redirect("organise_proposal", key=made.pk)


def _branch(key: UUID) -> Branch:
    found = Branch.objects.filter(pk=key).first()
    if found is None:
        raise Http404
    return found


def _number(text: str, name: str) -> int:
    if not (text.strip().isascii() and text.strip().isdecimal()):
        raise InputError(name, expected="a whole number", found=repr(text[:20]), code="bad-number")
    return int(text)
