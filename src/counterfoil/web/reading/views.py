"""Tasks as pages: the next one, the form, the photo, autosave, giving back, undoing. Every page works without scripts.

Rules:

* A task, its photo and its draft are only for whoever holds it; for everybody else there is no such address.
* No page of a reader holds a value that somebody else or a program typed. An arbiter sees the readings of the fields in
  dispute, without names, sorted by value.
* An answer is acknowledged after its transaction is committed; the next task comes then.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from counterfoil.primitives.errors import Refusal
from counterfoil.storage import answers, leases, standing
from counterfoil.storage.models import Account, Task
from counterfoil.web.reading import choosing, deciding, identifying, pictures, typing
from counterfoil.web.reading.boxes import as_typed, typed_of
from counterfoil.web.reading.desk import desk
from counterfoil.workflow.roles import may

_LAST = "last_reading"
"""In the session: the reading that can be undone. No row says in what order somebody worked."""
_PARTS: Mapping[str, tuple[Callable[..., HttpResponse], Callable[..., Any]]] = {
    "identify": (identifying.show, identifying.answer),
    "place": (identifying.show, identifying.answer),
    "decide": (deciding.show, deciding.answer),
    "choose": (choosing.show, choosing.answer),
}
NOTHING = str(uuid.UUID(int=0))
PHOTO_POLICY = "default-src 'none'; sandbox"


def next_task(request: HttpRequest) -> HttpResponse:
    """The next task for this person: never one of their choosing."""
    account = _person(request)
    found = leases.hand_out(account, desk())
    if found is None:
        paused = standing.stage_of(account) == "paused"
        return render(request, "reading/nothing.html", {"paused": paused, "undo": _LAST in request.session})
    return redirect("work_task", key=found.pk)


def task(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """One task: its photo and its form; by POST, the answer."""
    found = _held(request, key)
    part = "choose" if found.copy is None else found.kind
    show, answer = _PARTS.get(part, (typing.show, typing.answer))
    if request.method != "POST":
        return show(request, found, _LAST in request.session)
    try:
        if problem := request.POST.get("problem"):
            said = typing.report(found, _person(request), problem, desk())
        else:
            done = answer(request, found, _person(request))
            if isinstance(done, HttpResponse):
                return done
            said = done
    except Refusal as refused:
        if refused.code != "not-yours":
            raise
        messages.warning(request, _("Somebody else has this task by now. Here is the next one."))
        return redirect("work_next")
    if found.kind in ("read", "third"):
        request.session[_LAST] = str(said.pk)
    messages.success(request, _("Saved."))
    return redirect("work_next")


def photo(request: HttpRequest, key: uuid.UUID, number: int = 0) -> HttpResponse:
    """The sanitised picture, for the holder of the task, as a fixed type that can do nothing; of a third reading only
    the fields in dispute, where it is known where they lie.

    Args:
        number: which copy, where the task is about several that differ.
    """
    found = _held(request, key)
    copies = [found.copy] if found.copy is not None else choosing.copies(found, desk())
    if number >= len(copies) or not copies[number].picture:
        raise Http404
    return _picture(pictures.of_task(found, copies[number]))


def crop(request: HttpRequest, key: uuid.UUID, field: str) -> HttpResponse:
    """One field in dispute, cut out of the sanitised picture, for the holder of the task."""
    found = pictures.of_field(_held(request, key), field)
    if found is None:
        raise Http404
    return _picture(found)


def _picture(jpeg: bytes) -> HttpResponse:
    answer = HttpResponse(jpeg, content_type="image/jpeg")
    answer["Content-Security-Policy"] = PHOTO_POLICY
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store"
    answer["Content-Disposition"] = "inline"
    return answer


def draft(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Autosave: keeps what was typed and the task with it."""
    found = _held(request, key)
    leases.save_draft(found, {"typed": typed_of(request.POST, found.fields)}, desk())
    return JsonResponse({"saved": True})


def back(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Somebody would rather not do this one."""
    leases.give_back(_held(request, key), _person(request), desk())
    return redirect("work_next")


def undo(request: HttpRequest) -> HttpResponse:
    """Take the last reading back and type it again."""
    account = _person(request)
    try:
        again, values = answers.take_back(uuid.UUID(request.session.pop(_LAST, NOTHING)), account, desk())
    except Refusal:
        messages.warning(request, _("There is no reading that you could take back."))
        return redirect("work_next")
    if again is None:
        messages.success(request, _("Your last reading does not count any more. Nobody needs to read that copy again."))
        return redirect("work_next")
    leases.save_draft(again, {"typed": as_typed(values)}, desk())
    return redirect("work_task", key=again.pk)


def _person(request: HttpRequest) -> Account:
    if not isinstance(request.user, Account):
        raise Http404
    return request.user


def _held(request: HttpRequest, key: uuid.UUID) -> Task:
    account = _person(request)
    found = leases.mine(account, key)
    if found is None or not may(account.roles, found.kind):
        raise Http404
    return found
