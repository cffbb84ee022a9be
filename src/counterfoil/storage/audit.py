"""The internal log of privileged actions: who did what to what, and when. Nobody edits it; auditors read it.

Rules:

* Every line holds the SHA-256 of the line before it, and the newest digest and the number of lines stand apart
  (`Setting` "audit-head"): a changed, dropped or added line shows in `verify`.
* A line is written in the transaction of what it tells of: both happen, or neither.
* It names accounts and is never published. Nothing of a sender is in it; what a sender caused is no privileged action.
* Who can write the whole database can write a new chain; so auditors write the newest digest down, outside
  (docs/organisers.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from counterfoil.primitives.canonical import canonical, sha256_hex
from counterfoil.storage.models import Account, Audit, Setting

HEAD = "audit-head"
_EMPTY: dict[str, Any] = {"count": 0, "digest": ""}


def note(
    actor: Account | None,
    action: str,
    subject: str = "",
    detail: Mapping[str, Any] | None = None,
    *,
    now: datetime | None = None,
) -> Audit:
    """Write a line. `actor` None: the server itself, or its command line.

    Args:
        action: what was done, a word (`propose`, `approve`, `invite`, `setting`...).
        subject: what it was done to: an id or a name, at most 200 characters.
        detail: plain JSON without floats; never a secret, a code or anything of a sender.
    """
    moment = (now or timezone.now()).astimezone(UTC).replace(microsecond=0)
    with transaction.atomic():
        head, _ = Setting.objects.select_for_update().get_or_create(pk=HEAD, defaults={"value": dict(_EMPTY)})
        line = Audit(at=moment, actor=actor, action=action, subject=subject[:200], detail=dict(detail or {}))
        line.digest = _digest(line, head.value["digest"])
        line.save(force_insert=True)
        head.value = {"count": head.value["count"] + 1, "digest": line.digest}
        head.save(update_fields=["value"])
    return line


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """`broken`: the number of the first line that does not follow from the ones before it; None: all do."""

    lines: int
    digest: str
    broken: int | None
    missing: bool
    """The newest lines were cut off, or lines were added behind them."""

    @property
    def whole(self) -> bool:
        return self.broken is None and not self.missing


def verify() -> AuditCheck:
    """Follow the chain from its first line."""
    before, count, broken = "", 0, None
    for line in Audit.objects.order_by("number").iterator(chunk_size=2000):
        count += 1
        if line.digest != _digest(line, before):
            broken = line.number
            break
        before = line.digest
    kept = Setting.objects.filter(pk=HEAD).first()
    head = kept.value if kept is not None else _EMPTY
    missing = broken is None and (head["count"], head["digest"]) != (count, before)
    return AuditCheck(head["count"], head["digest"], broken, missing)


def _digest(line: Audit, before: str) -> str:
    said = {
        "before": before,
        "at": f"{line.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "actor": str(line.actor_id) if line.actor_id is not None else None,
        "action": line.action,
        "subject": line.subject,
        "detail": line.detail,
    }
    return sha256_hex(canonical(said))
