"""Deciding: the photo, the fields in dispute, what was read there (sorted, without names or numbers of readers)."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from counterfoil.primitives.cells import Cell, FieldState
from counterfoil.primitives.words import DECISION_REASONS
from counterfoil.storage import answers
from counterfoil.storage.models import Account, Entry, Opinion, Task
from counterfoil.storage.work import Desk, gather
from counterfoil.web.reading.boxes import Box, boxes, cells, state_word, typed_of
from counterfoil.web.reading.desk import PROBLEMS, REASONS, STATES, desk
from counterfoil.web.reading.typing import asked_context, copy_of, form_of, place_context
from counterfoil.workflow.typed import questions
from counterfoil.workflow.work import work

READ_REASONS = ("read_again", "cannot_be_settled")
OUT_REASONS = ("not_a_protocol", "wrong_station", "duplicate", "forged", "better_photo")
OTHER = "other"


def show(request: HttpRequest, task: Task, undo: bool) -> HttpResponse:
    """The photo and what was read."""
    return _page(request, task, desk(), {}, [])


def answer(request: HttpRequest, task: Task, account: Account) -> Entry | Opinion | HttpResponse | None:
    """A ruling on the fields, or that the copy does not count."""
    at = desk()
    reason = request.POST.get("reason", "")
    if reason not in DECISION_REASONS:
        return _page(request, task, at, _sent(request, task), [], error="reason", status=422)
    if reason in OUT_REASONS:
        return answers.decide(task, account, "exclude_copy", reason, at)
    form = form_of(copy_of(task), at)
    typed = _sent(request, task)
    values, found = cells(boxes(form, task.fields, typed))
    if any(box.error for box in found):
        return _page(request, task, at, typed, found, status=422)
    settled = _settled(task, at)
    answered = request.POST.getlist("answered")
    asked = questions(form, {**settled, **values}, answered, asked=(*settled, *values))
    if asked:
        return _page(request, task, at, typed, found, asked=asked_context(asked, form), answered=answered)
    return answers.decide(task, account, "settle_fields", reason, at, values=values)


def _sent(request: HttpRequest, task: Task) -> dict[str, str]:
    """The choice of each field as if it had been typed: one of the readings, or another value."""
    typed = typed_of(request.POST, task.fields)
    for name in task.fields:
        choice = request.POST.get(f"c-{name}", OTHER)
        if choice == OTHER:
            continue
        typed.pop(f"f-{name}", None)
        typed.pop(f"s-{name}", None)
        kind, _, value = choice.partition(":")
        typed[f"{kind}-{name}"] = value
    return typed


def _settled(task: Task, at: Desk) -> dict[str, Cell]:
    said, _ = gather(copy_of(task), at.election)
    return dict(work(said, at.election).settled)


def _choices(task: Task, at: Desk, typed: dict[str, str], found: list[Box]) -> list[dict[str, Any]]:
    said, _ = gather(copy_of(task), at.election)
    errors = {box.id: box.error for box in found}
    rows = []
    for box in boxes(form_of(copy_of(task), at), task.fields, typed):
        read = {a.values[box.id] for a in said.answers if box.id in a.values}
        options = sorted(read, key=lambda c: (isinstance(c, FieldState), c if isinstance(c, int) else 0, str(c)))
        values = [(f"s:{c.value}" if isinstance(c, FieldState) else f"f:{c}", state_word(c)) for c in options]
        now = f"s:{box.state}" if box.state != "number" else f"f:{box.text}"
        rows.append(
            {
                "box": box,
                "options": values,
                "now": now if now in dict(values) else OTHER if box.text or box.state != "number" else "",
                "error": errors.get(box.id, ""),
            }
        )
    return rows


def _page(
    request: HttpRequest,
    task: Task,
    at: Desk,
    typed: dict[str, str],
    found: list[Box],
    *,
    asked: list[dict[str, Any]] | None = None,
    answered: list[str] | None = None,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    copy = copy_of(task)
    if not copy.station:
        raise Http404
    said, _ = gather(copy, at.election)
    context = {
        "task": task,
        "rows": _choices(task, at, typed, found),
        "states": STATES,
        "reported": [PROBLEMS[p] for p in PROBLEMS if any(a.problem == p for a in said.answers)],
        "read_reasons": [(r, REASONS[r]) for r in READ_REASONS],
        "out_reasons": [(r, REASONS[r]) for r in OUT_REASONS],
        "reason": request.POST.get("reason", ""),
        "questions": asked or [],
        "answered": answered or [],
        "error": error,
        "place": place_context(copy, at),
    }
    return render(request, "reading/decide.html", context, status=status)
