from __future__ import annotations

from collections.abc import Iterator

import pytest

from counterfoil.sandbox import Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2, waiting=16) as box:
        yield box
