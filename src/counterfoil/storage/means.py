"""What an organiser's action works with besides the database: the time, the stores, the record's tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from counterfoil.record.objects import ObjectStore
from counterfoil.record.state import Replay
from counterfoil.workflow.stores import Store


@dataclass(frozen=True)
class Means:
    """Made once per request by `web.organise` or the API."""

    now: datetime
    slot: str
    """The slot of what is said now."""
    at_once: str
    """A slot that is over: what is said in it goes into the next batch."""
    objects: ObjectStore
    pictures: Store
    intake: Store
    state: Callable[[], Replay]
    """The record's tables."""
    entries: Callable[[], Iterable[bytes]]
    """All entries of the log; many."""
    pseudonyms: bytes
    site: Path
    """The publication's folder."""
