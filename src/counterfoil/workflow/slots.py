"""Slots: the only time that is kept of what people send. A slot is the start of a batch, in UTC, to the minute.

>>> slot_of(datetime(2026, 11, 22, 20, 17, 42, tzinfo=UTC), 600)
'2026-11-22T20:10Z'
"""

from __future__ import annotations

from datetime import UTC, datetime

MINUTE_S = 60


def slot_of(moment: datetime, batch_s: int) -> str:
    """The slot that a moment falls into; of batches shorter than a minute, the minute."""
    start = int(moment.timestamp()) // max(batch_s, MINUTE_S) * max(batch_s, MINUTE_S)
    return f"{datetime.fromtimestamp(start, UTC):%Y-%m-%dT%H:%MZ}"


def is_over(slot: str, moment: datetime, batch_s: int) -> bool:
    """Whether what came in this slot may go into the log. In a rehearsal (under a minute) it always may."""
    return batch_s < MINUTE_S or slot < slot_of(moment, batch_s)
