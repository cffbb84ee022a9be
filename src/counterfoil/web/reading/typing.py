"""Reading: the boxes of a page, or only those in dispute; typed, asked about, said."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from counterfoil.election.definition import Form
from counterfoil.primitives.words import PROBLEMS as KNOWN_PROBLEMS
from counterfoil.storage import answers
from counterfoil.storage.models import Account, Copy, Entry, Opinion, Station, Task
from counterfoil.storage.work import Desk
from counterfoil.web.reading import pictures
from counterfoil.web.reading.boxes import Box, boxes, cells, typed_of
from counterfoil.web.reading.desk import PROBLEMS, STATES, desk
from counterfoil.web.texts import isolated, local
from counterfoil.workflow.typed import Question, questions


def form_of(copy: Copy, at: Desk) -> Form:
    """The form that the copy is a page of."""
    return at.election.form(at.election.contest(copy.contest).form)


def copy_of(task: Task) -> Copy:
    """The task's copy."""
    if task.copy is None:
        raise Http404
    return task.copy


def show(request: HttpRequest, task: Task, undo: bool) -> HttpResponse:
    """The photo and the boxes, with what this person typed before."""
    at = desk()
    found = boxes(form_of(copy_of(task), at), task.fields, task.draft.get("typed"))
    return _page(request, task, at, found, undo=undo)


def answer(request: HttpRequest, task: Task, account: Account) -> Entry | Opinion | HttpResponse:
    """What was typed: said, or asked about."""
    at = desk()
    form = form_of(copy_of(task), at)
    values, found = cells(boxes(form, task.fields, typed_of(request.POST, task.fields)))
    if any(box.error for box in found):
        return _page(request, task, at, found, status=422)
    answered = request.POST.getlist("answered")
    asked = questions(form, values, answered, asked=task.fields)
    if asked:
        return _page(request, task, at, found, asked=asked, answered=answered)
    return answers.read(task, account, values, at)


def report(task: Task, account: Account, problem: str, at: Desk) -> Entry | Opinion:
    """A problem instead of figures."""
    if problem not in KNOWN_PROBLEMS or task.kind == "decide":
        raise Http404
    return answers.report(task, account, problem, at)


def asked_context(asked: list[Question], form: Form) -> list[dict[str, Any]]:
    """Questions as a template shows them."""
    labels: dict[str, str] = {f.id: local(f.label) for f in form.fields}
    return [
        {
            "text": local(question.check.explanation),
            "left": question.left,
            "right": question.right,
            "left_fields": [labels[f] for f in question.check.rule.left],
            "right_fields": [labels[f] for f in question.check.rule.right],
            "operator": question.check.rule.operator,
            "answered_as": question.answered_as,
            "fields": question.check.rule.fields,
        }
        for question in asked
    ]


def place_context(copy: Copy, at: Desk) -> dict[str, Any]:
    """Of which paper the photo is said to be."""
    station = Station.objects.filter(pk=copy.station).first()
    return {
        "station": copy.station,
        "station_name": isolated(station.name) if station else "",
        "contest": isolated(local(at.election.contest(copy.contest).title)),
        "contests": len(at.election.contests),
        "page": copy.page,
        "pages": form_of(copy, at).pages,
    }


def _page(
    request: HttpRequest,
    task: Task,
    at: Desk,
    found: list[Box],
    *,
    asked: list[Question] | None = None,
    answered: list[str] | None = None,
    undo: bool = False,
    status: int = 200,
) -> HttpResponse:
    copy = copy_of(task)
    form = form_of(copy, at)
    context = {
        "task": task,
        "boxes": found,
        "whole": task.kind == "read",
        "cut_out": bool(pictures.outlines(task)),
        "states": STATES,
        "problems": PROBLEMS,
        "questions": asked_context(asked or [], form),
        "answered": answered or [],
        "errors": sum(1 for box in found if box.error),
        "undo": undo,
        "place": place_context(copy, at),
    }
    return render(request, "reading/read.html", context, status=status)
