"""Evidence packs: choose a station, take its PDF."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from counterfoil.bootstrap.server import server
from counterfoil.primitives.errors import CounterfoilError
from counterfoil.record.reader import FolderReader
from counterfoil.storage import audit
from counterfoil.storage.models import Entry, Station
from counterfoil.storage.senders import find
from counterfoil.web.organise.common import explain, page, person
from counterfoil.workflow.pack import gather
from counterfoil.workflow.pack_pdf import render


def packs(request: HttpRequest) -> HttpResponse:
    """Find a station by code, name or area."""
    words = request.GET.get("q", "").strip()
    return page(
        request, "packs.html", words=words, stations=find(words) if words else [], contests=server().election.contests
    )


def pack(request: HttpRequest) -> HttpResponse:
    """The PDF of one station and contest, in the language of this page."""
    station, contest = request.GET.get("station", ""), request.GET.get("contest", "")
    language = get_language() or "en"
    try:
        found = gather(
            FolderReader(server().settings.site),
            server().election,
            station,
            contest,
            _entries(station, contest),
            language,
        )
    except CounterfoilError as error:
        return page(
            request,
            "packs.html",
            status=404,
            error=explain(error),
            words=station,
            stations=Station.objects.none(),
            contests=server().election.contests,
        )
    audit.note(person(request), "pack", f"{station} {contest}")
    answer = HttpResponse(render(found, language, _), content_type="application/pdf")
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in f"{station}-{contest}")
    answer["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    return answer


def _entries(station: str, contest: str) -> list[tuple[int, dict[str, object]]]:
    """What the record says about a station and contest and still counts."""
    here = Entry.objects.filter(station=station, contest=contest, index__isnull=False, withdrawn=False)
    copies = list(here.filter(type="copy").values_list("copy", flat=True))
    about = Entry.objects.filter(copy__in=copies, index__isnull=False, withdrawn=False)
    rows = {e.pk: e for e in (*here.filter(type="decision"), *about.filter(type__in=("copy", "reading", "release")))}
    return [
        (e.index, {**e.body, "batch": e.batch.slot if e.batch else e.slot})
        for e in rows.values()
        if e.index is not None
    ]
