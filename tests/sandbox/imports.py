"""A program that tries to import what it is handed the names of, and answers with those it found."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable


def prepare(setup: bytes) -> Callable[[bytes], bytes]:
    found = []
    for name in setup.decode().split():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
            found.append(name)
    return lambda _: " ".join(found).encode()
