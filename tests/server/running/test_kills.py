"""A whole server under load, and everything in it dies: web, worker, database, the supervisor itself."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.server.running.load import Load, send
from tests.server.running.material import (
    Running,
    alive,
    children,
    make_election,
    photo,
    run_script,
    until,
)
from tests.servers.postgres import PostgresServer

KILLS = 100 if os.environ.get("COUNTERFOIL_CAMPAIGN") == "whole" else 20


class Country:
    """The example election with its limits lifted, on SQLite or PostgreSQL."""

    def __init__(self, work: Path, server: PostgresServer | None) -> None:
        self.server, self.settings = server, {}
        self.folder = make_election(work / "e")
        if server is not None:
            (self.folder / "keys").mkdir(mode=0o700)
            (self.folder / "keys/database.password").write_text(server.password, "ascii")
            (self.folder / "keys/database.password").chmod(0o600)
            self.settings = {"COUNTERFOIL_DATABASE": re.sub(r":[^:@/]*@", "@", server.url(server.create_database()))}
        done = run_script("open_wide", self.folder, settings=self.settings)
        assert done.returncode == 0, done.stderr


@pytest.fixture(params=["sqlite", "postgresql"])
def country(request: pytest.FixtureRequest, tmp_path: Path) -> Country:
    return Country(tmp_path, request.getfixturevalue("postgres") if request.param == "postgresql" else None)


@pytest.fixture
def running(country: Country) -> Iterator[Running]:
    server = Running(country.folder, country.settings)
    try:
        until(server.answers, "expected a server that answers", server)
        yield server
    finally:
        server.end()


def _everything_below(pid: int) -> list[int]:
    """Web, gunicorn's workers, worker: every process of ours but the jail's."""
    parts = children(pid)
    return [*parts, *(below for part in parts for below in children(part) if _is_ours(below))]


def _is_ours(pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        return b"counterfoil\0web" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def test_killed_at_random_moments_under_load_nothing_acknowledged_is_lost(
    country: Country, running: Running, record_property: Callable[[str, object], None]
) -> None:
    record_property("points", KILLS)
    chance = random.Random(2026)  # noqa: S311 - which process dies when
    with Load(running.port) as load:
        for _ in range(KILLS):
            _another(load, running)
            time.sleep(chance.uniform(0, 0.6))
            # Between an end and the next start there may be nothing to kill.
            until(lambda: bool(_everything_below(running.process.pid)), "expected parts that run", running)
            with suppress(ProcessLookupError, IndexError):
                os.kill(chance.choice(_everything_below(running.process.pid)), signal.SIGKILL)
        _another(load, running)
    assert running.end() == 0
    assert len(load.acknowledged) == len(set(load.acknowledged))
    done = run_script("checker", country.folder, *load.acknowledged, settings=country.settings)
    assert done.returncode == 0, done.stderr


def _takes(server: Running) -> bool:
    """Whether a photo is acknowledged; no answer is none yet."""
    with suppress(OSError):
        return send(server.port, photo(3), "003")[0] == 201
    return False


def _another(load: Load, running: Running) -> None:
    """Wait until one more photo was acknowledged."""
    before = len(load.acknowledged)
    until(lambda: len(load.acknowledged) > before, "expected photos to be taken", running)


def test_nothing_outlives_a_supervisor_that_was_killed(country: Country, running: Running) -> None:
    parts = _everything_below(running.process.pid)
    assert len(parts) >= 3
    running.end(signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in parts), "expected every part to end with the supervisor", running)


def test_ctrl_c_ends_everything_in_order(country: Country, running: Running) -> None:
    parts = _everything_below(running.process.pid)
    assert running.end(signal.SIGINT) == 0
    until(lambda: not any(alive(pid) for pid in parts), "expected every part to end", running)
    assert "Traceback" not in running.said()


def test_while_the_database_is_gone_senders_are_told_and_afterwards_photos_are_taken(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    country = Country(tmp_path, postgres)
    server = Running(country.folder, country.settings)
    try:
        until(server.answers, "expected a server that answers", server)
        status, body = send(server.port, photo(1), "001")
        assert status == 201, body
        until((country.folder / "site" / "index.html").exists, "expected a first publication", server)
        postgres.kill()
        status, body = send(server.port, photo(2), "002")
        assert status == 503
        assert b"not-received" in body
        assert b"<!doctype" in server.get("/").lower()  # the publication needs no database
        postgres.start()
        until(lambda: _takes(server), "expected photos to be taken again", server)
    finally:
        server.end()
    done = run_script("checker", country.folder, settings=country.settings)
    assert done.returncode == 0, done.stderr
