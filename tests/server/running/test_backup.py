"""A server goes into one sealed file and comes back from it; an old state never signs a second history."""

from __future__ import annotations

import json
import re
import subprocess
import sys
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
