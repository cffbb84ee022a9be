"""Who may do what: roles, actions, and which actions need two persons. The one place; views and the API ask here.

>>> may(["reader"], "read")
True
>>> may(["auditor"], "decide")
False
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

ROLES = ("sender_coordinator", "reader", "arbiter", "organiser", "auditor")

ACTIONS: Mapping[str, tuple[str, ...]] = {
    # what -> the roles that may
    "work": ROLES,  # the start page: what is missing, what to do next
    "identify": ("reader", "arbiter", "organiser"),
    "read": ("reader",),
    "third": ("reader",),
    "decide": ("arbiter",),
    "place": ("arbiter", "organiser"),  # where a copy belongs, after people contradicted each other
    "see_copy": ("reader", "arbiter", "organiser"),  # only while a task is leased, but for organisers
    "invite_senders": ("sender_coordinator", "organiser"),
    "send_bulk": ("sender_coordinator", "organiser"),
    "invite_people": ("organiser",),
    "manage_people": ("organiser",),
    "set_up": ("organiser",),
    "import_tables": ("organiser",),
    "import_official": ("organiser",),
    "release": ("organiser",),
    "withdraw": ("organiser",),
    "notice": ("organiser",),
    "freeze": ("organiser",),
    "answer_disputes": ("organiser", "arbiter"),
    "approve": ("organiser",),
    "evidence_pack": ("organiser", "arbiter", "auditor"),
    "handover": ("organiser",),
    "see_machine": ("organiser",),  # and nobody who reads or decides, whatever else they are
    "see_standing": ("organiser", "auditor"),
    "see_audit": ("organiser", "auditor"),
    "see_progress": ROLES,
    "running_settings": ("organiser",),
}

FOUR_EYES = ("release", "withdraw", "exclude", "freeze", "import_tables", "roles", "revoke_branch", "invalidate_reader")
"""Actions that change what is published: one person proposes, another approves."""


def may(roles: Iterable[str], action: str) -> bool:
    """Whether somebody with these roles may do this. An unknown action is refused loudly."""
    allowed = ACTIONS[action]
    return any(role in allowed for role in roles)
