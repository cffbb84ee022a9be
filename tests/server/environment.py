"""Loaded before Django: where this test process keeps its election, and which database it works on.

`COUNTERFOIL_TEST_DATABASE=postgresql` starts a private PostgreSQL for the run; the default is SQLite. Each process of a
parallel run has a folder of its own.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.servers.postgres import postgres_server

FOLDER = Path(tempfile.mkdtemp(prefix="counterfoil-tests-"))
ON_POSTGRESQL = os.environ.get("COUNTERFOIL_TEST_DATABASE") == "postgresql"
_OWNER = os.getpid()
os.environ["COUNTERFOIL_FOLDER"] = str(FOLDER)
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in the thread of the tests
os.environ["COUNTERFOIL_REHEARSAL"] = "true"
os.environ["COUNTERFOIL_BATCH_S"] = "10"


@atexit.register
def _remove() -> None:
    if os.getpid() == _OWNER:
        shutil.rmtree(FOLDER, ignore_errors=True)


_controller = "PYTEST_XDIST_WORKER" not in os.environ and any(a.startswith("-n") and a != "-n0" for a in sys.argv)
if ON_POSTGRESQL and not _controller:
    _running = postgres_server(fsync=False)
    _server = _running.__enter__()
    atexit.register(_running.__exit__, None, None, None)
    (FOLDER / "keys").mkdir(mode=0o700)
    (FOLDER / "keys" / "database.password").write_text(_server.password, "ascii")
    os.environ["COUNTERFOIL_DATABASE"] = _server.url(_server.create_database())
