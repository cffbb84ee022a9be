"""Organising by program: proposals and their second person, imports, notices, people, senders, lists, settings.

The same functions of `storage` as the pages; a program can't be the second person for its own owner either.
"""

from __future__ import annotations

import uuid
from typing import Any, Literal

from django.http import Http404, HttpRequest
from ninja import File, Form, Router, Schema, Status
from ninja.files import UploadedFile

from counterfoil.bootstrap.server import server
from counterfoil.primitives.errors import InputError
from counterfoil.storage import accounts, audit, branches, imports, organise, overview, running, tokens
from counterfoil.storage.models import Account, Audit, Branch, Copy, Dispute, Entry, Proposal
from counterfoil.storage.models import Standing as ReaderStanding
from counterfoil.storage.releases import WITHDRAWABLE
from counterfoil.web.api.core import PROBLEMS, caller
from counterfoil.web.organise.common import means
from counterfoil.workflow.approvals import Act
from counterfoil.workflow.imports import Upload, read_upload
from counterfoil.workflow.roles import FOUR_EYES
from counterfoil.workflow.running import RUNNING, read

router = Router(tags=["organise"])
MOST_SHOWN = 500


class ProposalIn(Schema):
    """One of the actions that need two persons. The payload of each stands in docs/api.md."""

    action: str
    payload: dict[str, Any]
    reason: str = ""


class ProposalOut(Schema):
    """`state`: draft, open, approved, refused, taken_back or outdated."""

    id: uuid.UUID
    action: str
    payload: dict[str, Any]
    reason: str
    state: str
    proposed_by: str
    decided_by: str | None


class UploadIn(Schema):
    """What a file is: its kind (election, areas, stations, official, readings, reports) and where it comes from."""

    kind: str
    name: str = ""
    contest: str = ""
    snapshot: str = ""
    announced_at: str = ""
    unit: str = "area"
    source_name: str = ""
    source_address: str = ""
    encoding: str = "utf-8"
    delimiter: str = ","


class TextsIn(Schema):
    """A text by language; the election's first language must be there."""

    kind: str = "announced"
    text: dict[str, str]


class PhaseIn(Schema):
    """The next phase, and the notice that says so."""

    phase: str
    text: dict[str, str]


class EntryOut(Schema):
    """An entry that waits for its batch."""

    id: uuid.UUID
    type: str


class AnswerIn(Schema):
    """An answer in the record: `corrected` or `explained`."""

    kind: str
    text: dict[str, str]


class InviteIn(Schema):
    """Roles of the person who is invited."""

    roles: list[str]


class InvitedOut(Schema):
    """`code` is shown this once, and is empty while a second organiser must approve first."""

    id: uuid.UUID
    code: str


class BranchIn(Schema):
    """A branch of invited senders."""

    name: str
    kind: Literal["invited", "organisation"] = "invited"
    parent: uuid.UUID | None = None
    quota: int | None = None


class CodesIn(Schema):
    """How many codes, and how often each may be used."""

    count: int
    uses: int = 1


class SettingsIn(Schema):
    """Values by name."""

    values: dict[str, int | bool | str]


class TokenIn(Schema):
    """What the token is for, as a reminder."""

    name: str


class WordOut(Schema):
    """Shown this once."""

    token: str


@router.get("/proposals", response=list[ProposalOut], url_name="proposals", summary="What waits, and what was decided")
def proposals(request: HttpRequest, state: str = "open") -> list[dict[str, Any]]:
    rows = Proposal.objects.select_related("proposed_by", "decided_by").filter(state=state)
    if state == "draft":
        rows = rows.filter(proposed_by=caller(request))
    return [_proposal(row) for row in rows.order_by("-proposed_at")[:MOST_SHOWN]]


@router.post("/proposals/new", response={201: ProposalOut, **PROBLEMS}, url_name="propose", summary="Propose")
def propose(request: HttpRequest, given: ProposalIn) -> Any:
    if given.action not in FOUR_EYES or given.action == "import_tables":
        known = [action for action in FOUR_EYES if action != "import_tables"]
        raise InputError("action", expected=f"one of {', '.join(known)}", found=repr(given.action[:40]))
    try:
        made = organise.propose(given.action, given.payload, caller(request), means(), reason=given.reason)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(
            "payload", expected=f"what docs/api.md says of {given.action}", found="another form", code="bad-payload"
        ) from None
    return Status(201, _proposal(made))


@router.post(
    "/proposals/{uuid:key}/{act}", response={200: ProposalOut, **PROBLEMS}, url_name="proposal-act", summary="Decide"
)
def decide(request: HttpRequest, key: uuid.UUID, act: Literal["approve", "refuse", "take_back"]) -> dict[str, Any]:
    if not Proposal.objects.filter(pk=key).exclude(state="draft").exists():
        raise Http404
    chosen: Act = act
    return _proposal(organise.decide(key, chosen, caller(request), means()))


@router.post("/imports", response={201: ProposalOut, **PROBLEMS}, url_name="import", summary="Preview an import")
def preview_import(request: HttpRequest, given: Form[UploadIn], file: File[UploadedFile]) -> Any:
    """A draft with its preview (`payload.preview`); nothing is in the record yet."""
    at = means()
    source = {"name": given.source_name, "address": given.source_address}
    upload = Upload(
        kind=given.kind,
        data=file.read(),
        name=given.name,
        contest=given.contest,
        snapshot=given.snapshot,
        announced_at=given.announced_at,
        unit=given.unit,
        source={name: text for name, text in source.items() if text},
        encoding=given.encoding,
        delimiter=given.delimiter,
        columns={},
        ignore=[],
    )
    found = read_upload(upload, imports.standing(at), at.pseudonyms, at.slot)
    if found.body is None:
        raise InputError("file", expected="something new", found="what the record says already", code="as-it-is")
    at.objects.put(found.data)
    return Status(
        201, _proposal(organise.propose("import_tables", imports.payload(found), caller(request), at, draft=True))
    )


@router.post(
    "/imports/{uuid:key}/confirm", response={200: ProposalOut, **PROBLEMS}, url_name="import-confirm", summary="Confirm"
)
def confirm_import(request: HttpRequest, key: uuid.UUID) -> dict[str, Any]:
    """Its author saw the preview: it goes to a second person, or, while setting up, into the record."""
    if not Proposal.objects.filter(pk=key, proposed_by=caller(request), state="draft").exists():
        raise Http404
    return _proposal(organise.confirm_import(key, caller(request), means()))


@router.get("/official", response=list[dict[str, Any]], url_name="official", summary="The authority's snapshots")
def official(request: HttpRequest) -> list[dict[str, Any]]:
    return [
        {
            "snapshot": one.snapshot,
            "contest": one.contest,
            "announced_at": one.announced_at,
            "source": dict(one.source),
            "entries": list(one.entries),
        }
        for one in means().state().official
    ]


@router.get("/entries", response=list[dict[str, Any]], url_name="entries", summary="Entries that can be withdrawn")
def entries(request: HttpRequest, station: str = "", copy_id: str = "") -> list[dict[str, Any]]:
    """Of a station, or about one copy. `index`: in the record; null while it waits for its batch."""
    rows = Entry.objects.filter(type__in=WITHDRAWABLE, withdrawn=False).order_by("type", "index", "pk")
    rows = rows.filter(copy=copy_id) if copy_id else rows.filter(station=station)
    return [{"id": str(row.pk), "type": row.type, "index": row.index, "copy_id": row.copy} for row in rows[:MOST_SHOWN]]


@router.post("/notices", response={201: EntryOut, **PROBLEMS}, url_name="notice", summary="Give notice")
def notice(request: HttpRequest, given: TextsIn) -> Any:
    entry = organise.give_notice(given.kind, given.text, caller(request), means())
    return Status(201, {"id": entry.pk, "type": entry.type})


@router.post("/phase", response={201: EntryOut, **PROBLEMS}, url_name="phase", summary="Go to the next phase")
def phase(request: HttpRequest, given: PhaseIn) -> Any:
    entry = organise.set_phase(given.phase, given.text, caller(request), means())
    return Status(201, {"id": entry.pk, "type": entry.type})


@router.get("/settings", response=dict[str, Any], url_name="settings", summary="What can be changed while it runs")
def settings(request: HttpRequest) -> dict[str, Any]:
    return running.everything()


@router.post(
    "/settings/change", response={200: dict[str, Any], **PROBLEMS}, url_name="settings-change", summary="Change"
)
def change_settings(request: HttpRequest, given: SettingsIn) -> dict[str, Any]:
    """All of these, or none."""
    words = {True: "on", False: "off"}
    values = {
        name: read(name, words[value] if isinstance(value, bool) else str(value))
        for name, value in given.values.items()
    }
    for name, value in values.items():
        running.put(name, value, caller(request))
    return {name: running.get(name) for name in RUNNING}


@router.get("/disputes/open", response=list[dict[str, Any]], url_name="disputes-open", summary="Disputes to answer")
def disputes(request: HttpRequest) -> list[dict[str, Any]]:
    rows = Dispute.objects.filter(closed=False).order_by("station", "pk")[:MOST_SHOWN]
    return [
        {"id": str(row.pk), "station": row.station, "contest": row.contest, "reason": row.reason, "fields": row.fields}
        for row in rows
    ]


@router.post(
    "/disputes/{uuid:key}/answer", response={201: EntryOut, **PROBLEMS}, url_name="dispute-answer", summary="Answer"
)
def answer(request: HttpRequest, key: uuid.UUID, given: AnswerIn) -> Any:
    found = Dispute.objects.filter(pk=key).first()
    if found is None:
        raise Http404
    entry = organise.answer(found, given.kind, given.text, caller(request), means())
    return Status(201, {"id": entry.pk, "type": entry.type})


@router.get("/people", response=list[dict[str, Any]], url_name="people", summary="Accounts, by their chosen names")
def people(request: HttpRequest) -> list[dict[str, Any]]:
    rows = Account.objects.order_by("username")[:MOST_SHOWN]
    return [{"id": str(row.pk), "name": row.username, "roles": row.roles, "active": row.is_active} for row in rows]


@router.post("/people/invite", response={201: InvitedOut, **PROBLEMS}, url_name="people-invite", summary="Invite")
def invite(request: HttpRequest, given: InviteIn) -> Any:
    made, code = accounts.invite(caller(request), given.roles, now=means().now)
    return Status(201, {"id": made.pk, "code": code})


@router.post(
    "/people/{uuid:key}/take-out", response={204: None, **PROBLEMS}, url_name="people-out", summary="Take somebody out"
)
def take_out(request: HttpRequest, key: uuid.UUID) -> Any:
    """Account, sessions, tokens, invitations and leases end at once: for a colleague who was arrested."""
    found = Account.objects.filter(pk=key).first()
    if found is None:
        raise Http404
    accounts.deactivate(caller(request), found, now=means().now)
    return Status(204, None)


@router.get("/standing", response=list[dict[str, Any]], url_name="standing", summary="How well readers read")
def standing(request: HttpRequest) -> list[dict[str, Any]]:
    rows = ReaderStanding.objects.select_related("account").order_by("account__username")[:MOST_SHOWN]
    return [
        {
            "name": row.account.username,
            "stage": row.stage,
            "fields_right": row.fields_right,
            "fields_wrong": row.fields_wrong,
            "gold_right": row.gold_right,
            "gold_wrong": row.gold_wrong,
        }
        for row in rows
    ]


@router.get("/audit", response=dict[str, Any], url_name="audit", summary="The audit log, newest first")
def audit_log(request: HttpRequest, before: int = 0) -> dict[str, Any]:
    rows = Audit.objects.select_related("actor").order_by("-number")
    if before:
        rows = rows.filter(number__lt=before)
    return {
        "holds": audit.verify().whole,
        "lines": [
            {
                "number": row.number,
                "at": row.at.isoformat(),
                "actor": row.actor.username if row.actor else None,
                "action": row.action,
                "subject": row.subject,
                "detail": row.detail,
            }
            for row in rows[:MOST_SHOWN]
        ],
    }


@router.get(
    "/progress", response=dict[str, Any], url_name="progress", summary="How far the work is, and what is missing"
)
def progress(request: HttpRequest) -> dict[str, Any]:
    states = dict.fromkeys(Copy.objects.values_list("state", flat=True).distinct(), 0)
    for state in states:
        states[state] = Copy.objects.filter(state=state).count()
    return {
        "phase": running.get("phase"),
        "copies": states,
        "stages": [{"name": s.name, "count": s.count} for s in overview.ageing(means().now)],
        "missing": [
            {"area": m.area.pk, "expected": m.expected, "received": m.received, "deadline": m.deadline}
            for m in overview.missing_by_area()[:MOST_SHOWN]
        ],
    }


@router.get("/branches", response=list[dict[str, Any]], url_name="branches", summary="Branches of invited senders")
def all_branches(request: HttpRequest) -> list[dict[str, Any]]:
    return [
        {
            "id": str(branch.pk),
            "parent": str(branch.parent_id) if branch.parent_id else None,
            "name": branch.name,
            "kind": branch.kind,
            "quota": branch.quota,
            "sent": branch.sent,
            "revoked": branch.revoked,
        }
        for _, branch in branches.tree()
    ]


@router.post("/branches/new", response={201: dict[str, Any], **PROBLEMS}, url_name="branch-new", summary="New branch")
def new_branch(request: HttpRequest, given: BranchIn) -> Any:
    parent = None
    if given.parent is not None:
        parent = Branch.objects.filter(pk=given.parent).first()
        if parent is None:
            raise Http404
    made = branches.make_branch(given.name, given.kind, caller(request), parent=parent, quota=given.quota)
    return Status(201, {"id": str(made.pk)})


@router.post(
    "/branches/{uuid:key}/codes", response={201: list[str], **PROBLEMS}, url_name="branch-codes", summary="Draw codes"
)
def codes(request: HttpRequest, key: uuid.UUID, given: CodesIn) -> Any:
    """For printed cards; shown this once. Shuffle them, and write down no names."""
    from_branch = _branch(key)
    drawn = branches.draw_codes(from_branch, given.count, given.uses, caller(request), pepper=server().pepper)
    return Status(201, drawn)


@router.post(
    "/branches/{uuid:key}/token", response={201: WordOut, **PROBLEMS}, url_name="branch-token", summary="New token"
)
def branch_token(request: HttpRequest, key: uuid.UUID, given: TokenIn) -> Any:
    """A token with which programs of this branch send; an organisation's may send PDF and TIFF too."""
    found = _branch(key)
    if found.revoked:
        raise Http404
    word = tokens.make(given.name, branch=found)
    audit.note(caller(request), "branch_token", str(found.pk), {"name": given.name})
    return Status(201, {"token": word})


def _branch(key: uuid.UUID) -> Branch:
    found = Branch.objects.filter(pk=key).first()
    if found is None:
        raise Http404
    return found


def _proposal(row: Proposal) -> dict[str, Any]:
    return {
        "id": row.pk,
        "action": row.action,
        "payload": row.payload,
        "reason": row.reason,
        "state": row.state,
        "proposed_by": row.proposed_by.username,
        "decided_by": row.decided_by.username if row.decided_by else None,
    }
