"""One publication for all tests of this folder; each test changes a copy of it."""

from __future__ import annotations

import pytest

from tests.verify.worlds import Published, publish


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return publish(tmp_path_factory.mktemp("original"))


@pytest.fixture
def site(original: Published) -> Published:
    return original.copy()
