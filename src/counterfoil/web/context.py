"""What every template may use: the election, the roles of the person, whether this is a rehearsal."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from counterfoil.bootstrap.server import server as current
from counterfoil.workflow.roles import ACTIONS, may


def server(request: HttpRequest) -> dict[str, Any]:
    """Values are looked up when a template asks for them."""
    user = getattr(request, "user", None)
    roles = user.roles if user is not None and user.is_authenticated else []
    return {
        "rehearsal": current().settings.rehearsal,
        "election": lambda: current().election,
        "may": {action: may(roles, action) for action in ACTIONS},
    }
