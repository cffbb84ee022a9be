"""What every page of the organisers needs: the means of an action, the person, one way to say what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from counterfoil.bootstrap.jobs import means_of
from counterfoil.bootstrap.server import server
from counterfoil.primitives.errors import CounterfoilError
from counterfoil.storage.means import Means
from counterfoil.storage.models import Account


def means() -> Means:
    """What an action of this request works with."""
    return means_of(server())


def person(request: HttpRequest) -> Account:
    """Who asks; `permissions.DefaultDeny` let nobody else through."""
    return cast(Account, request.user)


def page(request: HttpRequest, template: str, status: int = 200, **values: Any) -> HttpResponse:
    """A page of `organise/`."""
    return render(request, f"organise/{template}", values, status=status)


def done(request: HttpRequest, text: str, to: str) -> HttpResponseRedirect:
    """It was done: say so on the next page."""
    messages.success(request, text)
    return HttpResponseRedirect(to)


def refused(request: HttpRequest, error: CounterfoilError, to: str) -> HttpResponseRedirect:
    """It was not done: say why on the page that it was asked from."""
    messages.error(request, explain(error))
    return HttpResponseRedirect(to)


def explain(error: CounterfoilError) -> str:
    """The sentence of an error in the person's language where it is a known one."""
    texts = {
        "own-proposal": _("You proposed this yourself. Another organiser has to approve it."),
        "own-line": _("The proposer invited you, and there are organisers whom they did not invite. Ask one of them."),
        "already-decided": _("This was decided already. Nothing was done again."),
        "not-an-organiser": _("Only an active organiser decides on this."),
        "not-yours": _("Somebody else proposed this. You can refuse it."),
        "withdrawn": _("This was withdrawn already. Nothing was done again."),
        "already-released": _("This copy is public already. Withdraw that release first, so that its picture goes."),
        "already-answered": _("This was answered already."),
        "purged": _("This picture was purged."),
        "wait": _("An earlier change waits for its batch. Try again in a few minutes."),
        "as-it-is": _("This is how it is already. Nothing was done."),
        "no-text": _("Write a text in the first language of the election."),
        "table-changed": _("The table was changed since. Upload the file again."),
        "bad-mask": _("Draw an area that covers something, or say that there is nothing to hide."),
        "wrong-phase": _("The count can't go to that phase from here."),
        "no-key-parts": _("Say how many parts there shall be, and how many of them are needed: at least two."),
    }
    found = texts.get(error.code)
    return found if found is not None else str(error)


View = Callable[..., HttpResponseBase]


def key_of(text: str) -> UUID:
    """The key of a row that a form sent; anything else is a page that there is not."""
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


def texts_of(request: HttpRequest) -> dict[str, str]:
    """What was written by language, from the fields `text.<language>`."""
    return {name.removeprefix("text."): str(value) for name, value in request.POST.items() if name.startswith("text.")}


def languages() -> list[tuple[str, bool]]:
    """The election's languages, and whether a text in it must be given."""
    return [(code, number == 0) for number, code in enumerate(server().election.languages)]


def post_back(to: str) -> Callable[[View], View]:
    """A view that does something: an error on purpose becomes a message on the page `to`."""

    def wrap(view: View) -> View:
        @wraps(view)
        def inner(request: HttpRequest, **given: Any) -> HttpResponseBase:
            try:
                return view(request, **given)
            except CounterfoilError as error:
                if request.method != "POST":  # the page would send itself back for ever
                    raise
                return refused(request, error, to.format(**given))

        return inner

    return wrap
