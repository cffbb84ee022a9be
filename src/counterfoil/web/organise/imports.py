"""Set-up in steps: what the record has, what comes next, and a file that is previewed before it goes in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from counterfoil.election.table_files import ENCODINGS
from counterfoil.primitives.errors import CounterfoilError, InputError
from counterfoil.storage import imports, organise, running
from counterfoil.storage.accounts import organisers
from counterfoil.storage.models import Account
from counterfoil.web.organise import describe
from counterfoil.web.organise.common import explain, means, page, person
from counterfoil.web.organise.notices import PHASES
from counterfoil.workflow.imports import KINDS, Upload, read_upload

DELIMITERS = {",": ",", ";": ";", "tab": "\t", "|": "|"}
_SOURCE = ("name", "published_at", "address", "note")


def set_up(request: HttpRequest) -> HttpResponse:
    """The steps, each with what stands and what is missing."""
    at = means()
    state, rows = at.state(), imports.tables_of_record()
    every = [{"name": t.name, "kind": t.kind, "rows": t.rows, "entry": rows[t.entry][0]} for t in state.tables]
    kinds = {kind: [t for t in every if t["kind"] == kind] for kind in KINDS}
    steps = [{"kind": kind, "name": describe.KINDS[kind], "tables": kinds[kind]} for kind in ("areas", "stations")]
    return page(
        request,
        "set_up.html",
        election=state.election,
        definition=rows[state.election_entry][0],
        steps=steps,
        others=[
            {"kind": kind, "name": describe.KINDS[kind], "tables": kinds[kind]} for kind in ("readings", "reports")
        ],
        stations=state.stations.height,
        areas=state.areas.height,
        forms=len(state.election.forms),
        with_layout=sum(form.template is not None for form in state.election.forms),
        masks=running.get("form_masks"),
        organisers=organisers().count(),
        people=Account.objects.filter(is_active=True).count(),
        phase=PHASES[running.get("phase")],
        snapshots=len(state.official),
    )


def upload(request: HttpRequest) -> HttpResponse:
    """Choose a file; it becomes a draft that shows what it would change."""
    at = means()
    kind = request.POST.get("kind") or request.GET.get("kind", "areas")
    if kind not in KINDS:
        kind = "areas"
    error = ""
    if request.method == "POST":
        try:
            given = _upload(request, kind)
            found = read_upload(given, imports.standing(at), at.pseudonyms, at.slot)
            if found.body is None:
                error = _("The record says all of this already. Nothing would change.")
            else:
                at.objects.put(found.data)
                made = organise.propose("import_tables", imports.payload(found), person(request), at, draft=True)
                return redirect("organise_proposal", key=made.pk)
        except CounterfoilError as refusal:
            error = explain(refusal)
    return page(
        request,
        "upload.html",
        status=400 if error else 200,
        kind=kind,
        name=describe.KINDS[kind],
        kinds=[(one, describe.KINDS[one]) for one in KINDS],
        contests=at.state().election.contests,
        encodings=ENCODINGS,
        delimiters=DELIMITERS,
        error=error,
        given=request.POST,
    )


def _upload(request: HttpRequest, kind: str) -> Upload:
    file = request.FILES.get("file")
    if file is None:
        raise InputError("file", expected="a file of at most 25 MB", found="none", code="no-file")
    post = request.POST
    source = {name: post.get(f"source.{name}", "").strip() for name in _SOURCE}
    return Upload(
        kind=kind,
        data=file.read(),
        name=post.get("name", "").strip(),
        contest=post.get("contest", ""),
        snapshot=post.get("snapshot", "").strip(),
        announced_at=post.get("announced_at", "").strip(),
        unit=post.get("unit", "area"),
        source={name: text for name, text in source.items() if text},
        encoding=post.get("encoding", "utf-8"),
        delimiter=DELIMITERS.get(post.get("delimiter", ","), ","),
        columns=_columns(post.get("columns", "")),
        ignore=[part.strip() for part in post.get("ignore", "").split(",") if part.strip()],
    )


def _columns(text: str) -> dict[str, str]:
    """Lines "our name = name in the file"."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        ours, equals, theirs = line.partition("=")
        if line.strip() and (not equals or not ours.strip() or not theirs.strip()):
            raise InputError(
                "columns", expected="lines such as registered = Voters", found=repr(line[:60]), code="columns"
            )
        if line.strip():
            found[ours.strip()] = theirs.strip()
    return found


def snapshots(request: HttpRequest) -> HttpResponse:
    """Every official snapshot, and which of them the publication compares with."""
    found: list[dict[str, Any]] = [dict(one) for one in imports.snapshots(means())]
    return page(request, "snapshots.html", snapshots=found, election=means().state().election)
