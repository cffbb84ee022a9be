"""The servers as pytest fixtures, one server per test run (xdist: per worker), started when the first test asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.postgres import PostgresServer, postgres_server
from tests.servers.swift import SwiftServer, swift_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """PostgreSQL 15 as an operator runs it: fsync on. A test that stops or kills it starts it again."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def fast_postgres() -> Iterator[PostgresServer]:
    """PostgreSQL 15 that does not sync: for tests of anything but durability."""
    with postgres_server(fsync=False) as server:
        yield server


@pytest.fixture
def postgres_url(fast_postgres: PostgresServer) -> Iterator[str]:
    """URL of an empty database, dropped after the test."""
    name = fast_postgres.create_database()
    yield fast_postgres.url(name)
    fast_postgres.drop_database(name)


@pytest.fixture(scope="session")
def swift() -> Iterator[SwiftServer]:
    """OpenStack Swift with its S3 interface. A test that stops or kills it starts it again."""
    with swift_server() as server:
        yield server
