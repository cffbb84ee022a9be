"""A private PostgreSQL 15: a fresh cluster in a temporary folder, on a free port of 127.0.0.1 and a socket.

* Settings are PostgreSQL's own defaults, but for the place and the time zone: fsync is on, because durability is tested
  against it. `fsync=False` is for tests of anything else.
* Root can't run PostgreSQL: as root it runs as the user `postgres` that the package makes.
* The password is made anew for each cluster: another user of the machine can't log in.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import psycopg
from psycopg import sql

from tests.servers.ports import free_port
from tests.servers.process import ServerError, ServerProcess, children

BIN = Path("/usr/lib/postgresql/15/bin")
USER = "counterfoil"
_STOP = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_TRIES = 5
"""Another process may take the free port before PostgreSQL does."""


class PostgresServer:
    """One cluster. `folder` is its own; it holds `data/`, the socket and `log`."""

    def __init__(self, folder: Path, *, fsync: bool = True, settings: Mapping[str, str] | None = None) -> None:
        """A cluster in the empty `folder`, not started yet.

        Args:
            settings: more of PostgreSQL's settings, as in postgresql.conf.
        """
        if not (BIN / "initdb").exists():
            raise ServerError(f"expected PostgreSQL 15 in {BIN}, found none: apt-get install postgresql-15")
        self.folder, self.data, self.log = folder, folder / "data", folder / "log"
        self.password = secrets.token_hex(16)
        self.port = 0
        self.system_user = "postgres" if os.geteuid() == 0 else None
        self._settings = {"fsync": "on" if fsync else "off", "timezone": "UTC", "log_timezone": "UTC"}
        self._settings.update(settings or {})
        self._process: ServerProcess | None = None
        self._initialise()

    def _initialise(self) -> None:
        words = self.folder / "password"
        words.write_text(self.password, "ascii")
        if self.system_user is not None:
            account = pwd.getpwnam(self.system_user)
            for path in (self.folder, words):
                os.chown(path, account.pw_uid, account.pw_gid)
        options = [f"--pgdata={self.data}", f"--username={USER}", f"--pwfile={words}", "--auth=scram-sha-256"]
        switch = {"user": self.system_user, "group": self.system_user, "extra_groups": ()} if self.system_user else {}
        done = subprocess.run(
            [str(BIN / "initdb"), *options, "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            **switch,  # type: ignore[call-overload]
        )
        words.unlink()
        if done.returncode:
            raise ServerError(f"initdb failed in {self.folder}: {done.stdout[-2000:]}{done.stderr[-2000:]}")

    @property
    def pid(self) -> int:
        """Of the postmaster, the first of PostgreSQL's processes."""
        assert self._process is not None, "not started"
        return int((self.data / "postmaster.pid").read_text("ascii").split("\n", 1)[0])

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    def start(self, under: Sequence[str] = ()) -> None:
        """Start and wait until it answers. A cluster that was killed recovers first.

        Args:
            under: a command to run it under, such as strace with its options.
        """
        for left in reversed(range(_TRIES)):
            port = self.port or free_port()
            try:
                self._start(under, port)
            except ServerError:
                if not left or "Address already in use" not in self.log.read_text("utf-8", "replace")[-4000:]:
                    raise
            else:
                self.port = port  # a restart has the same address
                return

    def _start(self, under: Sequence[str], port: int) -> None:
        places = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": str(self.folder)}
        options = [word for key, value in {**places, **self._settings}.items() for word in ("-c", f"{key}={value}")]
        self._process = ServerProcess(
            [*under, BIN / "postgres", "-D", self.data, *options],
            log=self.log,
            stop=signal.SIGQUIT,  # for a run that died: at once, the folder goes with it
            user=self.system_user,
            remove=self.folder,
        )
        self._process.until(lambda: self._answers(port), "a PostgreSQL that takes connections")

    def _answers(self, port: int) -> bool:
        try:
            psycopg.connect(self._url("postgres", "127.0.0.1", port), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """End it in one of PostgreSQL's own ways and wait."""
        if self._process is not None and self._process.running:
            os.kill(self.pid, _STOP[how])
            self._process.wait()

    def kill(self) -> None:
        """SIGKILL to each of its processes, as a crash of the machine would; `start` recovers."""
        assert self._process is not None, "not started"
        first = self.pid
        os.kill(first, signal.SIGSTOP)  # starts no new one while we list them
        for pid in (*children(first), first):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def url(self, database: str = "postgres", *, over: Literal["tcp", "socket"] = "tcp") -> str:
        """`postgresql://counterfoil:...` of a database."""
        return self._url(database, "127.0.0.1" if over == "tcp" else str(self.folder), self.port)

    def _url(self, database: str, host: str, port: int) -> str:
        if host.startswith("/"):
            return f"postgresql://{USER}:{self.password}@/{database}?host={host}&port={port}"
        return f"postgresql://{USER}:{self.password}@{host}:{port}/{database}"

    def create_database(self, name: str | None = None, *, template: str = "template0") -> str:
        """A new database; its name, by default one that no other has. A `template` is copied (nobody may be in it)."""
        name = name or f"test_{uuid.uuid4().hex}"
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop_database(self, name: str) -> None:
        """Also while somebody is connected to it."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def close(self) -> None:
        """End it at once and delete the folder."""
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def postgres_server(
    *, fsync: bool = True, settings: Mapping[str, str] | None = None, below: Path | None = None
) -> Iterator[PostgresServer]:
    """A running cluster, gone afterwards.

    Args:
        below: the folder to make its folder in; the user `postgres` must be able to enter it where root runs the tests.
    """
    folder = Path(tempfile.mkdtemp(prefix="counterfoil-postgres-", dir=below))
    try:
        server = PostgresServer(folder, fsync=fsync, settings=settings)
        try:
            server.start()
            yield server
        finally:
            server.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
