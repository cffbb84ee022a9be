"""What organisers set while the server runs (`workflow.running`), and what stands still."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from counterfoil.storage import audit
from counterfoil.storage.models import Account, Entry, Setting
from counterfoil.workflow.running import RUNNING, value

_PREFIX = "running:"


def get(name: str) -> Any:
    """The value in force."""
    kept = Setting.objects.filter(pk=_PREFIX + name).first()
    return value(name, kept.value if kept is not None else None)


def everything() -> dict[str, Any]:
    """Every value in force, by name."""
    kept = dict(Setting.objects.filter(pk__startswith=_PREFIX).values_list("name", "value"))
    return {name: value(name, kept.get(_PREFIX + name)) for name in RUNNING}


def put(name: str, new: Any, by: Account | None) -> None:
    """Change a value, and write down who did."""
    with transaction.atomic():
        before = get(name)
        if new == before:
            return
        Setting.objects.update_or_create(pk=_PREFIX + name, defaults={"value": new})
        audit.note(by, "setting", name, {"before": before, "after": new})


def intake_frozen() -> bool:
    """Whether nothing is taken from senders now: they are told so before they send."""
    return "intake" in get("frozen").get("what", ())


def may_publish(published: int | None) -> bool:
    """Whether the publication may grow. `published`: entries in what is published now; None: nothing is.

    A freeze is never silent: the publication grows until the notice that says why stands in it.
    """
    frozen = get("frozen")
    if "publication" not in frozen.get("what", ()):
        return True
    index = Entry.objects.filter(pk=frozen["entry"]).values_list("index", flat=True).first()
    return index is None or published is None or published <= index
