"""Two real elections, from the recipe to the publication, once per test run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from counterfoil.election.recipes import apply_recipe
from counterfoil.workflow import CountResult, count

DATA = Path(__file__).parents[3] / "shared" / "data"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def counted(recipe: str, source: Path, folder: Path) -> CountResult:
    apply_recipe(recipe, source, folder / "election")
    return count(folder / "election", folder / "site", now=NOW)


@pytest.fixture(scope="session")
def belarus(tmp_path_factory: pytest.TempPathFactory) -> CountResult:
    return counted("belarus-2020", DATA / "belarus-2020", tmp_path_factory.mktemp("belarus"))


@pytest.fixture(scope="session")
def venezuela(tmp_path_factory: pytest.TempPathFactory) -> CountResult:
    return counted("venezuela-2024", DATA / "venezuela-2024", tmp_path_factory.mktemp("venezuela"))
