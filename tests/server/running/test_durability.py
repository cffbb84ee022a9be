"""What was acknowledged to a sender survives: the order of writing, and a kill or a failing disk at every step of it.

The web process's path, from the photo to the answer, runs under strace in `sender.py`. COUNTERFOIL_CAMPAIGN=whole tries
every point; without it a fixed part of them.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from counterfoil.primitives.canonical import sha256_hex
from tests.server.running.material import make_election, run_script
from tests.servers.postgres import PostgresServer

WHOLE = os.environ.get("COUNTERFOIL_CAMPAIGN") == "whole"
SENDS = 2
CALLS = "openat,fsync,fdatasync,rename,mkdir,write,pwrite64,sendto"
Points = Iterator[tuple[str, int]]
Tell = Callable[[str, object], None]


class World:
    """An election that is open, and one more of it for each case, on SQLite or PostgreSQL."""

    def __init__(self, work: Path, server: PostgresServer | None) -> None:
        self.work, self.server, self.cases = work, server, 0
        self.folder = make_election(work / "world")
        self.database = ""
        if server is not None:
            keys = self.folder / "keys"
            keys.mkdir(mode=0o700)
            (keys / "database.password").write_text(server.password, "ascii")
            (keys / "database.password").chmod(0o600)
            self.database = server.create_database()
        done = run_script("checker", self.folder, settings=self.settings(self.database))
        assert done.returncode == 0, done.stderr

    def settings(self, database: str) -> dict[str, str]:
        if self.server is None:
            return {}
        return {"COUNTERFOIL_DATABASE": re.sub(r":[^:@/]*@", "@", self.server.url(database))}

    def case(self) -> Case:
        self.cases += 1
        folder = self.work / f"case-{self.cases}"
        shutil.copytree(self.folder, folder)
        database = self.server.create_database(template=self.database) if self.server is not None else ""
        return Case(self, folder, database)


class Case:
    """One run of the sender on an election of its own."""

    def __init__(self, world: World, folder: Path, database: str) -> None:
        self.world, self.folder, self.database = world, folder, database
        self.acknowledged: list[str] = []
        self.refused: list[str] = []

    def send(self, *strace: str, first: int = 0) -> int:
        """Send under strace, if options for it are given; the exit code."""
        under = ("strace", *strace) if strace else ()
        settings = self.world.settings(self.database)
        done = run_script("sender", self.folder, first, SENDS, under=under, settings=settings)
        words = [line.split() for line in done.stdout.splitlines()]
        self.acknowledged += [word for what, word in words if what == "acknowledged"]
        self.refused += [word for what, word in words if what == "refused"]
        return done.returncode

    def rows(self) -> dict[str, str]:
        """copy -> picture of everything that the database has."""
        query = "SELECT copy, picture FROM storage_arrival"
        if self.world.server is None:
            with closing(sqlite3.connect(self.folder / "server/work.sqlite3")) as connection:
                return dict(connection.execute(query).fetchall())
        with psycopg.connect(self.world.server.url(self.database)) as postgres_connection:
            return dict(postgres_connection.execute(query).fetchall())

    def check(self, *, whole: bool = False) -> None:
        """Every acknowledged copy has its row and its picture; `whole`: and gets into a record that verifies."""
        rows = self.rows()
        for copy in self.acknowledged:
            picture = rows[copy]
            assert sha256_hex((self.folder / "server/intake" / picture[:2] / picture).read_bytes()) == picture
        if whole or WHOLE:
            done = run_script("checker", self.folder, *self.acknowledged, settings=self.world.settings(self.database))
            assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    return World(tmp_path_factory.mktemp(request.param), server)


@pytest.fixture(scope="module")
def traced(world: World) -> tuple[Case, list[str]]:
    """One whole run: its lines in strace's words."""
    case = world.case()
    log = case.folder / "trace"
    assert case.send("-y", "-o", str(log), "-e", f"trace={CALLS}") == 0
    assert len(case.acknowledged) == SENDS
    return case, log.read_text("utf-8", "replace").splitlines()


def test_a_photo_is_synced_before_it_is_named_named_before_it_is_committed_and_committed_before_it_is_acknowledged(
    traced: tuple[Case, list[str]],
) -> None:
    """strace's order, so that a missing sync shows, which no kill would."""
    case, lines = traced
    rows, start = case.rows(), 0
    for copy in case.acknowledged:
        picture = rows[copy]
        answer = _find(lines, start, "write(1<", f"acknowledged {copy[:14]}")
        named = _find(lines, start, "rename(", f'/{picture}"')
        staged = re.search(r'rename\("([^"]+)"', lines[named])
        assert staged is not None
        made = _find(lines, start, "openat(", staged[1], "O_CREAT")
        written = _last(lines, made, named, "write(", staged[1])
        synced = _find(lines, written, "fsync(", staged[1])
        folder_synced = _find(lines, named, "fsync(", f"<{case.folder / 'server/intake' / picture[:2]}>")
        commit = ("fdatasync(", "work.sqlite3-wal>") if case.world.server is None else ("sendto(", "COMMIT")
        committed = _last(lines, start, answer, *commit)
        assert made < written < synced < named < folder_synced < committed < answer
        start = answer
    assert all(line.endswith("= 0") for line in lines if line.startswith(("fsync(", "fdatasync(", "rename(")))


def _find(lines: list[str], start: int, call: str, *words: str) -> int:
    """The first line from `start` on with this call and these words."""
    return next(i for i in range(start, len(lines)) if _is(lines[i], call, words))


def _last(lines: list[str], start: int, end: int, call: str, *words: str) -> int:
    return next(i for i in range(end - 1, start - 1, -1) if _is(lines[i], call, words))


def _is(line: str, call: str, words: tuple[str, ...]) -> bool:
    return line.startswith(call) and all(word in line for word in words)


def _points(lines: list[str], calls: tuple[str, ...], in_ci: int) -> Points:
    """(call, how many times it was made before and at this point): all of the sends, or some of them."""
    first = _find(lines, 0, "", "server/intake")
    count: Counter[str] = Counter()
    found = []
    for number, line in enumerate(lines):
        name = line.partition("(")[0]
        count[name] += 1
        if number >= first and name in calls and ("/server/" in line or name == "sendto"):
            found.append((name, count[name]))
    step = 1 if WHOLE else max(1, len(found) // in_ci)
    yield from found[step // 2 :: step][: None if WHOLE else in_ci]


def test_killed_at_any_step_nothing_acknowledged_is_lost(
    world: World, traced: tuple[Case, list[str]], record_property: Tell
) -> None:
    points = list(_points(traced[1], ("fsync", "fdatasync", "rename", "mkdir", "pwrite64", "sendto"), 4))
    record_property("points", len(points))
    for number, (call, when) in enumerate(points):
        case = world.case()
        code = case.send("-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={when}")
        assert code != 0, (call, when)
        case.check(whole=number == 1)


@pytest.mark.parametrize(("calls", "error"), [(("fsync", "fdatasync"), "EIO"), (("write", "pwrite64"), "ENOSPC")])
def test_a_failing_or_full_disk_is_said_to_the_sender_and_later_photos_are_taken(
    calls: tuple[str, ...], error: str, world: World, traced: tuple[Case, list[str]], record_property: Tell
) -> None:
    said: Counter[str] = Counter()
    points = list(_points(traced[1], calls, 2))
    record_property("points", len(points))
    for call, when in points:
        case = world.case()
        inject = f"inject={call}:error={error}:when={when}"
        assert case.send("-o", os.devnull, "-e", f"trace={call}", "-e", inject) == 0, (call, when)
        assert len(case.acknowledged) + len(case.refused) == SENDS
        said.update(case.refused)
        case.send(first=SENDS)
        assert len(case.acknowledged) >= SENDS
        case.check()
    assert set(said) == {"not-received"}


def test_a_rename_that_fails_is_said_to_the_sender(world: World, traced: tuple[Case, list[str]]) -> None:
    (call, when), *_ = _points(traced[1], ("rename",), 1)
    case = world.case()
    assert case.send("-o", os.devnull, "-e", "trace=rename", "-e", f"inject={call}:error=EIO:when={when}") == 0
    assert case.refused == ["not-received"]
    assert len(case.acknowledged) == SENDS - 1
    case.check(whole=True)
