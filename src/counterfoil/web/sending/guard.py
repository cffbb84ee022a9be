"""What surrounds every sending view: the one-time token in place of a cookie, and clear words when something is broken.

Rules: no cookie and no session is made or needed; a form is good once, for six hours; a token under which nothing was
received may be used again, so that "back" and "send" work after a busy moment.
"""

from __future__ import annotations

import functools
import secrets
import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadedfile import UploadedFile
from django.db import Error as DatabaseTrouble
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from counterfoil.bootstrap.server import server
from counterfoil.web.sending.answers import sentence
from counterfoil.web.sending.memory import memory
from counterfoil.workflow.codes import form_key, make_token, read_token
from counterfoil.workflow.sending import NotNow
from counterfoil.workflow.stores import StoreError

MAX_BODY_BYTES = 60_000_000
"""Of one form with all its photos."""
_DRAINED_BYTES = 300_000_000
"""A body that is too large is read and thrown away up to here: a browser shows no answer before it has sent all."""

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def sender_view(view: View[P]) -> View[P]:
    """A page for senders: no CSRF cookie (its forms carry a token of their own); what is broken is said clearly."""

    @csrf_exempt
    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.method == "POST" and (answer := _too_large(request)) is not None:
            return answer
        try:
            return view(request, *args, **kwargs)
        except NotNow as error:
            return say(request, 503, _("Not now"), _not_now(error), retry_after_s=error.retry_after_s)
        except TooManyFilesSent:
            return say(request, 413, _("Nothing was received"), _("Send at most 20 photos at once."))
        except (MultiPartParserError, UnreadablePostError):
            return say(request, 400, _("Nothing was received"), _("The form was cut off on the way. Send it again."))
        except (DatabaseTrouble, StoreError):
            text = _("The server cannot write anything down at the moment. Keep your photos and send them again later.")
            return say(request, 503, _("Nothing was received"), text, retry_after_s=60)

    return guarded  # type: ignore[return-value]  # a view is called by position


def _not_now(error: NotNow) -> str:
    """In the language of the page; "busy" says itself what was too much."""
    return _(str(error)) if error.code == "busy" else sentence(error.code)


def _too_large(request: HttpRequest) -> HttpResponse | None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    size = int(length) if length.isascii() and length.isdecimal() else MAX_BODY_BYTES + 1
    if size <= MAX_BODY_BYTES:
        return None
    left = min(size, _DRAINED_BYTES)
    while left > 0 and (data := request.read(min(left, 1 << 20))):
        left -= len(data)
    return say(
        request,
        413,
        _("Nothing was received"),
        _("All photos together are larger than 60 MB. Send fewer at once, one after the other."),
    )


def say(request: HttpRequest, status: int, title: str, text: str, *, retry_after_s: int = 0) -> HttpResponse:
    """A page with one sentence. Asks no database: it is also the answer when that is gone."""
    answer = render(request, "sending/say.html", {"title": title, "text": text}, status=status)
    if retry_after_s:
        answer.headers["Retry-After"] = str(retry_after_s)
    return answer


def new_token(channel: str) -> str:
    """For a hidden field of a form."""
    return make_token(form_key(server().pepper), channel, time.time(), secrets.token_bytes)


class Token:
    """The token that came with a form. `fresh`: it is ours, of this form, in time, and now used."""

    def __init__(self, request: HttpRequest, channel: str) -> None:
        self._nonces = memory(server().settings).nonces
        self._read = read_token(request.POST.get("token", ""), form_key(server().pepper), channel, time.time())
        self.fresh = self._read is not None and self._nonces.use(*self._read)

    def give_back(self) -> None:
        """Nothing was received: the same form may be sent again."""
        if self._read is not None and self.fresh:
            self._nonces.give_back(*self._read)


def stale(request: HttpRequest) -> HttpResponse:
    """The answer to a form that was sent before, or is too old, or not from here."""
    return say(
        request,
        409,
        _("This form was sent already, or it is too old"),
        _("If you saw that your photos were received, they were. If not, go back to the start, and send them again."),
    )


def files(request: HttpRequest, name: str) -> list[UploadedFile[bytes]]:
    """The files of a field that were chosen: a browser sends an empty one where none was."""
    return [one for one in request.FILES.getlist(name) if one.size]
