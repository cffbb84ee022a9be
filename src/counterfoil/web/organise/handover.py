"""When colleagues are arrested: end their access at once, see what is left to do, hand the state to somebody abroad."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from counterfoil.primitives.errors import InputError
from counterfoil.storage import accounts, overview
from counterfoil.storage.models import Account
from counterfoil.web.organise import describe
from counterfoil.web.organise.common import done, means, page, person, post_back


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
    )


@post_back("/organise/handover/")
def end(request: HttpRequest) -> HttpResponse:
    """End the access of everybody who was ticked: sessions, tokens, leases and invitations of theirs go."""
    mine = person(request)
    keys = []
    for text in request.POST.getlist("account"):
        try:
            keys.append(UUID(text))
        except ValueError:
            raise Http404 from None
    chosen = list(Account.objects.filter(pk__in=keys, is_active=True))
    if not chosen:
        raise InputError("account", expected="somebody to be ticked", found="nobody", code="nobody")
    if mine.pk in {one.pk for one in chosen}:
        raise InputError("account", expected="colleagues", found="yourself", do="ask a colleague", code="own-account")
    for account in chosen:
        accounts.deactivate(mine, account, now=means().now)
    names = ", ".join(account.username for account in chosen)
    return done(request, _("Access ended: %(names)s") % {"names": names}, reverse("organise_handover"))
