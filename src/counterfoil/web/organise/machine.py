"""What the machine reads, for organisers: how far it is, and what it alone would add up to. Unconfirmed, never public.

Who also reads or decides does not see the figures: nobody may know what the machine read before they typed.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from counterfoil.bootstrap.server import server
from counterfoil.election.definition import Contest
from counterfoil.storage import machine
from counterfoil.storage.models import Station
from counterfoil.web.organise.common import page, person
from counterfoil.web.texts import local
from counterfoil.workflow.roles import may

TYPING = ("read", "decide")


def machine_only(request: HttpRequest) -> HttpResponse:
    """The separate page of machine readings."""
    election = server().election
    readable = machine.contests_with_template(election)
    may_see = not any(may(person(request).roles, action) for action in TYPING)
    contests = [c for c in election.contests if c.id in readable] if may_see else []
    return page(
        request,
        "machine.html",
        readable=bool(readable),
        may_see=may_see,
        progress=machine.progress(readable),
        expected=election.expected_stations or Station.objects.count(),
        contests=[_tally(contest) for contest in contests],
    )


def _tally(contest: Contest) -> dict[str, Any]:
    found = server().machine_sums.of(contest, server().election)
    options = [(local(o.name), found.sure.votes[o.id], found.likely.votes[o.id]) for o in contest.options]
    return {"title": local(contest.title), "found": found, "options": options}
