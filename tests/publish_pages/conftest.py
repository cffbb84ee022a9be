"""One small publication, written once; no test changes it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from counterfoil.publish.model import Publication
from counterfoil.publish.pages import pages
from tests.publish_pages.html import Element, read
from tests.publish_pages.worlds import catalogues, publication, small_world


@pytest.fixture(scope="session")
def small() -> Publication:
    return publication(small_world())


@pytest.fixture(scope="session")
def site(small: Publication) -> Mapping[str, bytes]:
    files = list(pages(small, catalogues=catalogues))
    assert len({path for path, _ in files}) == len(files), "two files of one path"
    return dict(files)


@pytest.fixture(scope="session")
def trees(site: Mapping[str, bytes]) -> Mapping[str, Element]:
    """Every HTML page, read."""
    return {path: read(data) for path, data in site.items() if path.endswith(".html")}
