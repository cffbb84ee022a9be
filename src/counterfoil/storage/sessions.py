"""Django's sessions in the database, with the account in a column and the cookie's hash as key.

Rules:

* The row's key is SHA-256 of the cookie (40 hex digits, 160 bits): a copy of the database opens no session.
* No address and no browser is kept; the row says whose it is, a word and the day it began.
* Two idle hours end it. The row's time is rounded up to a quarter of an hour: it tells roughly when somebody last
  worked, not to the second.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from counterfoil.storage.models import Session

WORD = "word"
BEGAN = "began"
ROUND_S = 15 * 60
_KEY_CHARACTERS = 40


def hashed(key: str) -> str:
    """What is stored of a cookie's value."""
    return hashlib.sha256(key.encode("utf-8")).hexdigest()[:_KEY_CHARACTERS]


class SessionStore(DatabaseStore):
    """The engine (`SESSION_ENGINE`)."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        found = Session.objects.filter(
            session_key=hashed(self.session_key or ""), expire_date__gt=timezone.now()
        ).first()
        if found is None:
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(session_key=hashed(session_key)).exists()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        expires = self.get_expiry_date().timestamp()
        return Session(
            session_key=hashed(self._get_or_create_session_key()),  # type: ignore[attr-defined]
            session_data=self.encode(data),
            expire_date=datetime.fromtimestamp(-(-expires // ROUND_S) * ROUND_S, UTC),
            account_id=data.get(SESSION_KEY),
            word=data.get(WORD, 0),
            began_on=date.fromisoformat(data[BEGAN]) if BEGAN in data else None,
        )

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            Session.objects.filter(session_key=hashed(key)).delete()


def renew_slot(now: datetime) -> int:
    """Changes every quarter of an hour; a session that is in use is written again when it does."""
    return int(now.timestamp()) // ROUND_S
