"""A server goes into one sealed file and comes back from it; an old state never signs a second history."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from counterfoil.record.keys import LAST_SIGNED
from counterfoil.record.log import Log
from tests.server.running.material import ROOT, environment, make_election, run_script
from tests.servers.postgres import PostgresServer

WORDS = "kettle lantern orchard violin harbour sparrow\n"


class Place:
    """Where a test's servers are, on SQLite or PostgreSQL."""

    def __init__(self, work: Path, server: PostgresServer | None) -> None:
        self.work, self.server = work, server
        self.databases: dict[Path, str] = {}
        (work / "passphrase").write_text(WORDS, "utf-8")

    def settings(self, folder: Path) -> dict[str, str]:
        if self.server is None:
            return {}
        name = self.databases.setdefault(folder, "") or self.server.create_database()
        self.databases[folder] = name
        return {"COUNTERFOIL_DATABASE": re.sub(r":[^:@/]*@", "@", self.server.url(name))}

    def election(self) -> Path:
        folder = make_election(self.work / "e")
        if self.server is not None:
            (folder / "keys").mkdir(mode=0o700)
            (folder / "keys/database.password").write_text(self.server.password, "ascii")
            (folder / "keys/database.password").chmod(0o600)
        return folder

    def kept(self, folder: Path) -> str:
        """The database as it is now, put aside while nobody is in it: its name or its file."""
        if self.server is not None:
            return self.server.create_database(template=self.databases[folder])
        older = folder.with_name("older.sqlite3")
        with closing(sqlite3.connect(folder / "server/work.sqlite3")) as now, closing(sqlite3.connect(older)) as then:
            now.backup(then)
        return str(older)

    def put_back(self, folder: Path, older: str) -> None:
        """In place of the folder's database."""
        if self.server is not None:
            self.databases[folder] = older
            return
        for ending in ("-wal", "-shm"):
            (folder / f"server/work.sqlite3{ending}").unlink(missing_ok=True)
        shutil.copyfile(older, folder / "server/work.sqlite3")

    def script(self, module: str, folder: Path, *arguments: object) -> list[str]:
        done = run_script(module, folder, *arguments, settings=self.settings(folder))
        assert done.returncode == 0, done.stderr
        return [line.split()[-1] for line in done.stdout.splitlines()]

    def command(self, name: str, *words: object, of: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "counterfoil", name, *map(str, words), "--json"]
            + (["--passphrase-file", str(self.work / "passphrase")] if len(words) > 1 and name != "verify" else []),
            cwd=ROOT,
            env=environment(**self.settings(of)),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(tmp_path, request.getfixturevalue("fast_postgres") if request.param == "postgresql" else None)


def size_of(folder: Path) -> int:
    with Log.open(folder / "record", None, writable=False) as log:
        return log.size


def test_a_server_comes_back_with_all_that_was_acknowledged_and_signs_only_after_it_was_compared(place: Place) -> None:
    folder = place.election()
    place.script("checker", folder)
    sealed = place.script("sender", folder, 0, 2)
    place.script("checker", folder, *sealed)
    waiting = place.script("sender", folder, 2, 1)
    made = place.command("backup", folder, place.work / "b", of=folder)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["purged"] == 0

    # The first server goes on: the photo that waited is recorded, and one more that the backup does not have.
    later = [*waiting, *place.script("sender", folder, 3, 1)]
    place.script("checker", folder, *later)

    back = place.work / "back"
    done = place.command("restore", place.work / "b", back, of=back)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["held"]
    assert not (back / "keys" / LAST_SIGNED).exists()
    refused = run_script("checker", back, *sealed, settings=place.settings(back))
    assert refused.returncode
    assert "not compared with the newest publication" in refused.stderr
    before = size_of(back)

    settled = place.command("restore", back, "--compare", folder / "site", of=back)
    assert settled.returncode == 0, settled.stderr
    assert json.loads(settled.stdout) == {"entries": size_of(folder), "taken": 2, "held": False}
    assert size_of(back) == before + 2
    # What the backup had is held whole; of the copy that came later the record has the entry, its picture is gone.
    assert place.script("checker", back, "lost=1", *sealed, *waiting) == ["4"]

    over = place.command("restore", place.work / "b", folder, of=folder)
    assert over.returncode == 3
    assert json.loads(over.stdout)["error"]["code"] == "not-empty"


def test_an_older_database_is_brought_up_to_its_record_and_nothing_is_signed_before(place: Place) -> None:
    folder = place.election()
    place.script("checker", folder)
    copies = place.script("sender", folder, 0, 2)
    older = place.kept(folder)
    place.script("checker", folder, *copies)
    size = size_of(folder)

    place.put_back(folder, older)
    refused = run_script("checker", folder, *copies, settings=place.settings(folder))
    assert refused.returncode
    assert "restore --adopt" in refused.stderr
    assert size_of(folder) == size

    adopted = place.command("restore", folder, "--adopt", of=folder)
    assert adopted.returncode == 0, adopted.stderr
    assert json.loads(adopted.stdout) == {"entries": size, "taken": 0, "held": False}
    assert size_of(folder) == size
    assert place.script("checker", folder, *copies) == ["2"]
    later = place.script("sender", folder, 2, 1)
    assert place.script("checker", folder, *copies, *later) == ["3"]
