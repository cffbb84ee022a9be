"""Tasks for programs that help people type: the next one, its picture, the answer. As on the pages, nobody picks."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Literal

from django.http import Http404, HttpRequest, HttpResponse
from ninja import Router, Schema, Status

from counterfoil.primitives.cells import Cell, FieldState
from counterfoil.primitives.errors import InputError
from counterfoil.primitives.words import DECISION_ACTIONS, DECISION_REASONS, PROBLEMS
from counterfoil.storage import answers, leases, stations
from counterfoil.storage.models import Account, Copy, Entry, Opinion, Task
from counterfoil.storage.work import gather
from counterfoil.web.api.core import PROBLEMS as ERRORS
from counterfoil.web.api.core import caller
from counterfoil.web.reading import pictures
from counterfoil.web.reading.choosing import REASONS_OF
from counterfoil.web.reading.desk import desk
from counterfoil.workflow.roles import may
from counterfoil.workflow.sending import COPY_KINDS

router = Router(tags=["work"])

CellText = int | Literal["empty", "struck", "word", "illegible", "absent"]
MOST_VOTES = 10**12 - 1


class MeOut(Schema):
    """Whose token this is."""

    name: str
    roles: list[str]


class ChoiceOut(Schema):
    """One of the copies of a station that differ, and what was agreed for it."""

    copy_id: str
    values: dict[str, CellText]


class TaskOut(Schema):
    """A task that the caller holds. `fields`: what is asked for, in the form's order. `read`: for an arbiter, by field,
    what was read there, without names; for everybody else empty. `choices`: where the task is about copies of a station
    that differ, these, in the order of their pictures."""

    id: uuid.UUID
    kind: str
    station: str
    contest: str
    page: int
    fields: list[str]
    read: dict[str, list[CellText]]
    choices: list[ChoiceOut]
    draft: dict[str, Any]
    leased_until: str


class ReadingIn(Schema):
    """Every field of the task: a number of votes, or the state of its box."""

    values: dict[str, CellText]


class ProblemIn(Schema):
    """Why the copy cannot be read as asked."""

    problem: str


class PlaceIn(Schema):
    """What the photo shows."""

    station: str
    contest: str
    page: int = 1
    kind: str = "other"


class DecisionIn(Schema):
    """A ruling: `settle_fields` with values, or `exclude_copy`. Of copies that differ: `choose_copy` or `exclude_copy`
    with `copy_id`, or `exclude_station`."""

    action: str
    reason: str
    values: dict[str, CellText] | None = None
    copy_id: str = ""


class DraftIn(Schema):
    """What was typed so far; keeps the task for its holder."""

    draft: dict[str, Any]


class SaidOut(Schema):
    """It is durable. `recorded_later`: it waits for its batch (false: it is kept, and is no entry of the record)."""

    recorded_later: bool


@router.get("/me", response={200: MeOut, **ERRORS}, url_name="me", summary="Whose token this is")
def me(request: HttpRequest) -> dict[str, Any]:
    account = caller(request)
    return {"name": account.username, "roles": account.roles}


@router.post(
    "/tasks/next", response={200: TaskOut, 204: None, **ERRORS}, url_name="tasks-next", summary="The next task"
)
def next_task(request: HttpRequest) -> Any:
    """Handed out, not picked; 204 where there is nothing for this person now."""
    found = leases.hand_out(caller(request), desk())
    return Status(204, None) if found is None else _task(found)


@router.get("/tasks/{uuid:key}", response={200: TaskOut, **ERRORS}, url_name="task", summary="A task that you hold")
def task(request: HttpRequest, key: uuid.UUID) -> dict[str, Any]:
    return _task(_held(request, key))


@router.get("/tasks/{uuid:key}/picture", url_name="task-picture", summary="The photo of a task that you hold")
def picture(request: HttpRequest, key: uuid.UUID, number: int = 0) -> HttpResponse:
    """`number`: which of the copies, where the task is about several that differ. Of a third reading only the fields
    that are asked for, where it is known where they lie."""
    found = _held(request, key)
    copies = [found.copy] if found.copy is not None else [copy for copy, _ in _choices(found)]
    if not 0 <= number < len(copies) or not copies[number].picture:
        raise Http404
    return HttpResponse(pictures.of_task(found, copies[number]), content_type="image/jpeg")


@router.post("/tasks/{uuid:key}/draft", response={204: None, **ERRORS}, url_name="task-draft", summary="Keep a draft")
def draft(request: HttpRequest, key: uuid.UUID, given: DraftIn) -> Any:
    leases.save_draft(_held(request, key), given.draft, desk())
    return Status(204, None)


@router.post("/tasks/{uuid:key}/back", response={204: None, **ERRORS}, url_name="task-back", summary="Give a task back")
def back(request: HttpRequest, key: uuid.UUID) -> Any:
    leases.give_back(_held(request, key), caller(request), desk())
    return Status(204, None)


@router.post(
    "/tasks/{uuid:key}/reading", response={201: SaidOut, **ERRORS}, url_name="task-reading", summary="Say what was read"
)
def reading(request: HttpRequest, key: uuid.UUID, given: ReadingIn) -> Any:
    found = _held(request, key, "read", "third")
    return _said(answers.read(found, caller(request), _cells(given.values), desk()))


@router.post(
    "/tasks/{uuid:key}/problem", response={201: SaidOut, **ERRORS}, url_name="task-problem", summary="Report a problem"
)
def problem(request: HttpRequest, key: uuid.UUID, given: ProblemIn) -> Any:
    found = _held(request, key, "identify", "place", "read", "third")
    if given.problem not in PROBLEMS:
        raise _unknown("problem", PROBLEMS, given.problem)
    return _said(answers.report(found, caller(request), given.problem, desk()))


@router.post(
    "/tasks/{uuid:key}/place",
    response={201: SaidOut, **ERRORS},
    url_name="task-place",
    summary="Say what a photo shows",
)
def place(request: HttpRequest, key: uuid.UUID, given: PlaceIn) -> Any:
    found = _held(request, key, "identify", "place")
    at = desk()
    if given.kind not in COPY_KINDS:
        raise _unknown("kind", COPY_KINDS, given.kind)
    if given.contest not in {contest.id for contest in at.election.contests}:
        raise _unknown("contest", [contest.id for contest in at.election.contests], given.contest)
    if not 1 <= given.page <= at.election.form(at.election.contest(given.contest).form).pages:
        raise InputError("page", expected="a page of the form", found=str(given.page))
    where = (given.station, given.contest, given.page)
    return _said(answers.identify(found, caller(request), where, given.kind, at))


@router.post(
    "/tasks/{uuid:key}/decision", response={201: SaidOut, **ERRORS}, url_name="task-decision", summary="Decide"
)
def decision(request: HttpRequest, key: uuid.UUID, given: DecisionIn) -> Any:
    found = _held(request, key, "decide")
    if given.action not in DECISION_ACTIONS:
        raise _unknown("action", DECISION_ACTIONS, given.action)
    if given.reason not in DECISION_REASONS:
        raise _unknown("reason", DECISION_REASONS, given.reason)
    if found.copy is None:
        return _said(_rule_on_station(found, caller(request), given))
    values = _cells(given.values or {})
    return _said(answers.decide(found, caller(request), given.action, given.reason, desk(), values=values))


def _rule_on_station(found: Task, account: Account, given: DecisionIn) -> Entry | None:
    if given.action == "settle_fields":
        raise _unknown("action", DECISION_ACTIONS[1:], given.action)
    if given.reason not in REASONS_OF[given.action]:
        raise _unknown("reason", REASONS_OF[given.action], given.reason)
    names = [copy.pk for copy, _ in _choices(found)]
    if given.action != "exclude_station" and given.copy_id not in names:
        raise _unknown("copy_id", names, given.copy_id)
    return answers.decide_station(found, account, given.action, given.reason, desk(), copy=given.copy_id or None)


def _choices(found: Task) -> list[tuple[Copy, Mapping[str, Cell]]]:
    """The copies that a task about a station is about, with what was agreed for each."""
    return stations.values_of(found.station, found.contest, desk()) if found.copy is None else []


def _held(request: HttpRequest, key: uuid.UUID, *kinds: str) -> Task:
    account = caller(request)
    found = leases.mine(account, key)
    if found is None or not may(account.roles, found.kind):
        raise Http404
    if kinds and found.kind not in kinds:
        raise InputError(
            "task", expected=f"a task of the kind {' or '.join(kinds)}", found=found.kind, code="other-kind"
        )
    return found


def _task(found: Task) -> dict[str, Any]:
    copy = found.copy
    place_known = copy is not None and found.kind not in ("identify", "place")
    return {
        "id": found.pk,
        "kind": found.kind,
        "station": found.station if copy is None else copy.station if place_known else "",
        "contest": found.contest if copy is None else copy.contest if place_known else "",
        "page": copy.page if copy is not None and place_known else 1,
        "fields": found.fields,
        "read": _read(found),
        "choices": [{"copy_id": one.pk, "values": dict(values)} for one, values in _choices(found)],
        "draft": found.draft,
        "leased_until": found.leased_until.isoformat() if found.leased_until else "",
    }


def _read(found: Task) -> dict[str, list[int | str]]:
    """For an arbiter only: distinct values by field, numbers first, in order of size."""
    if found.kind != "decide" or found.copy is None:
        return {}
    said, _ = gather(found.copy, desk().election)
    read: dict[str, set[Cell]] = {name: set() for name in found.fields}
    for answer in said.answers:
        for name in read.keys() & answer.values.keys():
            read[name].add(answer.values[name])
    return {
        name: [*sorted(c for c in cells if isinstance(c, int)), *sorted(c for c in cells if isinstance(c, FieldState))]
        for name, cells in read.items()
    }


def _cells(values: dict[str, CellText]) -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    for name, value in values.items():
        if isinstance(value, int) and not 0 <= value <= MOST_VOTES:
            raise InputError(name, expected="a number of votes of at most 12 digits", found=str(value)[:40])
        cells[name] = value if isinstance(value, int) else FieldState(value)
    return cells


def _said(said: Entry | Opinion | None) -> Any:
    return Status(201, {"recorded_later": isinstance(said, Entry)})


def _unknown(where: str, known: Any, found: str) -> InputError:
    return InputError(where, expected=f"one of {', '.join(known)}", found=repr(found[:40]))
