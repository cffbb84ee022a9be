"""What log-in tests need: an address, and codes as an app would show them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.cache import cache

PASSWORD = "otter kettle quartz meadow"  # noqa: S105 - of test accounts

App = Callable[..., str]


class QuickArgon2(Argon2PasswordHasher):
    """The same function with little work: there is nobody to keep out."""

    time_cost, memory_cost, parallelism = 1, 64, 1


@pytest.fixture(autouse=True)
def fresh_budgets(settings: Any, db: None) -> Iterator[None]:
    """No test pays for the tries of another."""
    settings.PASSWORD_HASHERS = ["tests.server.accounts.conftest.QuickArgon2"]
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def app() -> App:
    """The code that an app shows for a key; `step` codes later or earlier."""

    def show(key: str, step: int = 0) -> str:
        return str(format_hotp_value(hotp_value(key, int(time.time()) // 30 + step)))

    return show
