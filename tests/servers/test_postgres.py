"""The private PostgreSQL does what tests rely on: survives being killed, keeps what was committed, leaves nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psycopg

from tests.servers.postgres import PostgresServer, postgres_server

REPOSITORY = Path(__file__).parents[2]


def test_it_is_version_15_and_syncs(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url()) as connection:
        assert connection.info.server_version // 10_000 == 15
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


def test_both_ways_in_lead_to_the_same_database(postgres: PostgresServer) -> None:
    name = postgres.create_database()
    with psycopg.connect(postgres.url(name, over="socket")) as connection:
        connection.execute("CREATE TABLE t (n int)")
    with psycopg.connect(postgres.url(name)) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    postgres.drop_database(name)


def test_it_listens_on_this_machine_only(postgres: PostgresServer) -> None:
    listening = subprocess.run(["cat", "/proc/net/tcp", "/proc/net/tcp6"], capture_output=True, text=True, check=True)
    local = [line.split()[1] for line in listening.stdout.splitlines() if f":{postgres.port:04X} " in line[:28]]
    assert set(local) == {f"0100007F:{postgres.port:04X}"}


def test_a_wrong_password_does_not_get_in(postgres: PostgresServer) -> None:
    for url in (postgres.url(), postgres.url(over="socket")):
        try:
            psycopg.connect(url.replace(postgres.password, "wrong")).close()
        except psycopg.OperationalError as error:
            assert "password authentication failed" in str(error)
        else:
            raise AssertionError(url)


def test_each_test_has_its_own_empty_database(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert found == (0,)


def test_what_was_committed_survives_the_kill_of_every_process() -> None:
    with postgres_server() as server:
        with psycopg.connect(server.url()) as connection:
            connection.execute("CREATE TABLE t (n int)")
            connection.execute("INSERT INTO t VALUES (7)")
        held = psycopg.connect(server.url())
        held.execute("INSERT INTO t VALUES (8)")
        server.kill()
        assert not server.running
        held.close()
        server.start()
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT n FROM t").fetchall() == [(7,)]


def test_a_killed_test_run_leaves_neither_process_nor_folder() -> None:
    script = (
        "from tests.servers.postgres import postgres_server\nimport time\n"
        "with postgres_server(fsync=False) as s:\n    print(s.pid, s.folder, flush=True)\n    time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        pid, folder = run.stdout.readline().split()
        run.kill()
    gone_by = time.monotonic() + 30
    while (Path(f"/proc/{pid}").exists() or Path(folder).exists()) and time.monotonic() < gone_by:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
    assert not Path(folder).exists()


def test_an_ordinary_stop_is_in_order() -> None:
    with postgres_server(fsync=False) as server:
        server.stop()
        assert "database system is shut down" in server.log.read_text("utf-8")
        assert not server.running
        folder = server.folder
    assert not folder.exists()
