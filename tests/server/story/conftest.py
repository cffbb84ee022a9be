"""A running server of the example election, as programs of its own, on the database that this run tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.environment import ON_POSTGRESQL
from tests.server.running.material import Running, make_election, serving
from tests.server.windows import browser
from tests.servers.fixtures import fast_postgres
from tests.servers.postgres import PostgresServer

__all__ = ["browser", "fast_postgres"]


@pytest.fixture
def running(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Running]:
    """`counterfoil serve`, with batches that go in at once. Never a connection to anywhere else."""
    folder, settings = make_election(tmp_path / "election"), {}
    if ON_POSTGRESQL:
        server: PostgresServer = request.getfixturevalue("fast_postgres")
        (folder / "keys").mkdir(mode=0o700)
        (folder / "keys" / "database.password").write_text(server.password, "ascii")
        address = re.sub(r":[^:@/]*@", "@", server.url(server.create_database()))
        settings["COUNTERFOIL_DATABASE"] = address
    with serving(folder, settings) as found:
        yield found
