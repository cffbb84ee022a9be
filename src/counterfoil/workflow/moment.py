"""What time it is, for the batch of new entries: `now` as given, else SOURCE_DATE_EPOCH, else the clock."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from counterfoil.primitives.errors import InputError


def moment(now: datetime | None = None) -> datetime:
    """The time of this run, in UTC.

    Raises:
        InputError: SOURCE_DATE_EPOCH is set and no whole number of seconds.
    """
    if now is not None:
        return now.astimezone(UTC)
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        return datetime.now(UTC)
    if not epoch.isdecimal() or len(epoch) > 11:
        raise InputError(
            "SOURCE_DATE_EPOCH",
            expected="seconds since 1970 as a whole number",
            found=repr(epoch[:40]),
            code="bad-time",
        )
    return datetime.fromtimestamp(int(epoch), UTC)


def parse_moment(text: str, *, where: str) -> datetime:
    """A time as people write it: `2026-11-22T20:17Z`; a time without a zone is UTC.

    Raises:
        InputError: no such time.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            where, expected="a time such as 2026-11-22T20:17Z", found=repr(text[:40]), code="bad-time"
        ) from None
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
