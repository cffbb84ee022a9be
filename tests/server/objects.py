"""Objects that belong to somebody, and the addresses under which others might try to reach them.

Each part adds its cases to a list `CASES` in its own `tests/server/<part>/objects.py`; `test_permissions` walks them:
another person of the same roles tries the address and must find nothing (404), and the object must be as before.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterfoil.bootstrap.server import Server
from counterfoil.storage.models import Account


@dataclass(frozen=True)
class Case:
    """`make(server, owner)` makes the object; gives its address, and a function that reads what must not change."""

    name: str
    role: str
    make: Callable[[Server, Account], tuple[str, Callable[[], Any]]]
    method: str = "POST"
    refused: tuple[int, ...] = (404,)
    data: tuple[tuple[str, str], ...] = ()


def all_cases() -> list[Case]:
    """The cases of every part that has any."""
    found: list[Case] = []
    for part in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if part.ispkg and (Path(__file__).parent / part.name / "objects.py").exists():
            found += importlib.import_module(f"tests.server.{part.name}.objects").CASES
    return found
