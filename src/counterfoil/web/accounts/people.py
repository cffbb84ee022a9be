"""People: who is here, invitations, giving an account back, ending access. For organisers."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext

from counterfoil.bootstrap.server import server
from counterfoil.primitives.errors import CounterfoilError
from counterfoil.storage import accounts
from counterfoil.storage.models import Account, Invitation
from counterfoil.web.accounts.forms import ROLE_NAMES, RolesForm


def people(request: HttpRequest, form: RolesForm | None = None, status: int = 200) -> HttpResponse:
    """Everybody, open invitations, and the form to invite."""
    open_ones = Invitation.objects.filter(used=False, expires_at__gt=server().now()).select_related(
        "invited_by", "recovers", "account"
    )
    found = [
        {"account": a, "roles": [ROLE_NAMES[r] for r in a.roles], "sessions": a.sessions.count()}
        for a in Account.objects.prefetch_related("sessions").order_by("username")
    ]
    context = {
        "form": form or RolesForm(),
        "people": found,
        "invitations": [{"it": i, "roles": [ROLE_NAMES[r] for r in i.roles]} for i in open_ones.order_by("expires_at")],
        "organisers": accounts.organisers().count(),
    }
    return render(request, "account/people.html", context, status=status)


def invite(request: HttpRequest) -> HttpResponse:
    """Make an invitation; its link is shown once, here."""
    form = RolesForm(request.POST)
    if not form.is_valid():
        return people(request, form, status=422)
    return _made(request, form.cleaned_data["roles"], None)


def recover(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Begin to give an account back to somebody who lost their keys."""
    return _made(request, [], get_object_or_404(Account, pk=pk))


def _made(request: HttpRequest, roles: list[str], recovers: Account | None) -> HttpResponse:
    try:
        _, code = accounts.invite(_me(request), roles, now=server().now(), recovers=recovers)
    except CounterfoilError as error:
        return _refused(request, error)
    if not code:
        messages.info(request, gettext("A second organiser must approve this; they will see it on this page."))
        return redirect("people")
    return _link(request, code)


def approve(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The second organiser's yes; the link is shown once, to them."""
    found = get_object_or_404(Invitation, pk=pk)
    try:
        code = accounts.approve(_me(request), found, now=server().now())
    except CounterfoilError as error:
        return _refused(request, error)
    return _link(request, code)


def withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    """An invitation is good no more."""
    accounts.withdraw(_me(request), get_object_or_404(Invitation, pk=pk), now=server().now())
    return redirect("people")


def end_sessions(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End all sessions of somebody, at once."""
    accounts.end_sessions(get_object_or_404(Account, pk=pk), by=_me(request), now=server().now())
    return redirect("people")


def deactivate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End somebody's access, at once."""
    accounts.deactivate(_me(request), get_object_or_404(Account, pk=pk), now=server().now())
    return redirect("people")


def _link(request: HttpRequest, code: str) -> HttpResponse:
    link = request.build_absolute_uri(reverse("account_invitation", args=[code]))
    return render(request, "account/invited.html", {"link": link})


def _refused(request: HttpRequest, error: CounterfoilError) -> HttpResponse:
    messages.error(request, str(error))
    return people(request, status=409)


def _me(request: HttpRequest) -> Account:
    return get_object_or_404(Account, pk=request.user.pk)
