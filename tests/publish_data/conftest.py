"""The three-station election, counted once."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterfoil import workflow
from counterfoil.publish.data import data_files
from counterfoil.publish.model import Publication
from tests.workflow.folders import NOW, make_folder


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory) -> Publication:
    folder: Path = make_folder(tmp_path_factory.mktemp("three") / "e")
    made = workflow.count(folder, now=NOW).publication
    assert made is not None
    return made


@pytest.fixture(scope="session")
def package(three: Publication) -> dict[str, bytes]:
    """data/ of the three-station election."""
    return dict(data_files(three))
