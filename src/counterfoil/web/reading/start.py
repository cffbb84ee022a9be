"""The reader's and arbiter's part of the start page: what waits for them, what they have in hand, how they read."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from counterfoil.storage import leases, standing
from counterfoil.storage.models import Account, Task
from counterfoil.web.reading.desk import desk

MOST = 1000
"""More than so many are not counted: a start page must not walk through a million rows."""


def start(request: HttpRequest) -> dict[str, Any] | None:
    """For the template `reading/start.html`; None for somebody who has no tasks."""
    account = request.user
    kinds = leases.kinds_of(account) if isinstance(account, Account) else ()
    if not isinstance(account, Account) or not kinds:
        return None
    waiting = {kind: Task.objects.filter(kind=kind, gold=False)[:MOST].count() for kind in kinds}
    return {
        "held": leases.held(account, desk()) is not None,
        "waiting": [(kind, number, number == MOST) for kind, number in waiting.items() if number],
        "stage": standing.stage_of(account) if "read" in kinds else "",
    }
