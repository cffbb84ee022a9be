"""Claims, failures, kills and several hosts: every copy is read, none is read in vain, none holds up the rest."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from counterfoil.bootstrap.jobs import due, grow, read_by_machine
from counterfoil.bootstrap.machine import CALIBRATION, Reading
from counterfoil.storage import machine
from counterfoil.storage.models import Copy, Entry, MachineReading
from counterfoil.workflow.folder import init
from counterfoil.workflow.machine import MachineRead
from tests.server.machine.conftest import Machines, make_template, reading, with_template
from tests.server.reading.conftest import PAPER
from tests.server.running.material import ROOT, WAIT_S, children, environment, until
from tests.servers.postgres import PostgresServer


def test_two_claims_are_of_two_copies_and_end_after_a_while(hall: Machines) -> None:
    for _ in range(2):
        hall.copy(reading())
    made_by, now = hall.reading().machine.made_by, hall.server.now()
    claimed = {
        copy.pk
        for copy in (machine.claim(made_by, ["president"], now), machine.claim(made_by, ["president"], now))
        if copy is not None
    }
    assert len(claimed) == 2
    assert machine.claim(made_by, ["president"], now) is None
    hall.clock.forward(seconds=machine.CLAIM_S + 1)
    assert machine.claim(made_by, ["president"], hall.server.now()) is not None


def test_who_lost_the_claim_keeps_nothing_twice(hall: Machines) -> None:
    copy = hall.copy(reading())
    made_by = hall.reading().machine.made_by
    machine.claim(made_by, ["president"], hall.server.now())
    read = hall.reading().machine.read(hall.server.pictures.get(copy.picture), 900, 1200)
    assert machine.keep(copy, read, made_by)
    assert not machine.keep(copy, read, made_by)


@pytest.mark.parametrize("told", ["die", "raise", "raw nothing", 'raw {"page": {"accepted": true}, "fields": {}}'])
def test_a_photo_that_the_reader_fails_on_is_tried_a_few_times_and_left_to_people(hall: Machines, told: str) -> None:
    copy = hall.copy(told)
    other = hall.copy(reading())
    tries = 0
    while read_by_machine in due(hall.server):
        hall.machine()
        tries += 1
        assert tries <= machine.MOST_TRIES
        hall.clock.forward(seconds=machine.AGAIN_S + 1)
    row = MachineReading.objects.get(copy=copy)
    assert (row.state, row.tries, row.read_by) == ("failed", machine.MOST_TRIES, "")
    assert MachineReading.objects.get(copy=other).state == "read"
    assert copy.tasks.filter(kind="read").count() == 2


def test_a_fitted_reader_reads_again_and_replaces_what_the_record_heard(hall: Machines) -> None:
    copy = hall.copy(reading())
    hall.machine()
    hall.type(copy, PAPER)
    hall.type(copy, PAPER)
    fitted = hall.server.settings.private / CALIBRATION
    fitted.parent.mkdir(parents=True)
    fitted.write_bytes(b'{"version": "fit1"}')
    assert read_by_machine in due(hall.server)
    hall.machine()
    (said,) = hall.said(copy)
    assert said["reader"] == "counterfoil-reader@pretend-fit1"
    assert Entry.objects.filter(type="withdrawal", body__reason="replaced").count() == 1


def test_a_machine_that_cannot_be_started_holds_up_nothing_else(hall: Machines) -> None:
    hall.copy(reading())
    hall.server.reader_program = ("tests.server.machine.no_such_program", "tests")
    hall.server.__dict__.pop("_reading", None)
    hall.arrive()
    hall.clock.forward(minutes=20)
    found = due(hall.server)
    assert read_by_machine not in found
    assert grow in found
    assert isinstance(hall.server.reading(), Reading)


def test_a_copy_that_was_moved_is_not_read_a_second_time(hall: Machines) -> None:
    copy = hall.copy("die")
    made_by = hall.reading().machine.made_by
    read = MachineRead(False, "foreign")
    machine.claim(made_by, ["president"], hall.server.now())
    machine.keep(copy, read, made_by)
    values = {f.attname: getattr(copy, f.attname) for f in Copy._meta.concrete_fields}
    moved = Copy.objects.create(**{**values, "copy": "ab" * 32, "moved_from_id": copy.pk, "station": "002"})
    assert hall.machine() == 1, "the reader would have died"
    assert MachineReading.objects.get(copy=moved).found == read.data()


def test_a_purged_picture_is_not_asked_for(hall: Machines) -> None:
    copy = hall.copy(reading())
    Copy.objects.filter(pk=copy.pk).update(picture="")
    assert read_by_machine not in due(hall.server)


# --- real hosts ---------------------------------------------------------------------------------------------------

COPIES = 16


class Hosts:
    """The example election with a template and `COPIES` copies; worker hosts as processes of their own."""

    def __init__(self, work: Path, server: PostgresServer | None) -> None:
        self.folder = work / "e"
        init(self.folder)
        transcripts = self.folder / "transcripts.csv"
        transcripts.write_text(transcripts.read_text("utf-8").split("\n")[0] + "\n", "utf-8")
        with_template(self.folder, make_template())
        (self.folder / "server.toml").write_text("rehearsal = true\nbatch_s = 10\nreaders = 1\n", "utf-8")
        self.settings = {}
        if server is not None:
            (self.folder / "keys").mkdir(mode=0o700)
            (self.folder / "keys/database.password").write_text(server.password, "ascii")
            (self.folder / "keys/database.password").chmod(0o600)
            self.settings = {"COUNTERFOIL_DATABASE": re.sub(r":[^:@/]*@", "@", server.url(server.create_database()))}
        self.run("seed", COPIES)
        self.without_keys()

    def without_keys(self) -> None:
        """What a host that only reads needs, and no more."""
        for path in (self.folder / "keys").glob("*.key"):
            path.unlink()
        shutil.rmtree(self.folder / "record")

    def start(self, *what: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.server.machine.host", str(self.folder), *map(str, what)],
            cwd=ROOT,
            env=environment(**self.settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def reading(self) -> subprocess.Popen[str]:
        """A host whose jail is up, and that reads once `go` says so."""
        host = self.start("read")
        assert host.stdout is not None
        assert host.stdout.readline() == "ready\n"
        return host

    def run(self, *what: object) -> str:
        host = self.start(*what)
        said, _ = host.communicate("\n", timeout=WAIT_S)
        assert host.returncode == 0, said
        return said

    def check_all_read(self) -> None:
        state = json.loads(self.run("state").splitlines()[-1])
        assert state["copies"] == COPIES
        assert Counter(map(tuple, state["rows"])) == {("read", 0, "example"): COPIES}


def go(host: subprocess.Popen[str]) -> None:
    assert host.stdin is not None
    host.stdin.write("\n")
    host.stdin.flush()


@pytest.fixture(params=["sqlite", "postgresql"])
def hosts(request: pytest.FixtureRequest, tmp_path: Path) -> Hosts:
    return Hosts(tmp_path, request.getfixturevalue("postgres") if request.param == "postgresql" else None)


def test_two_hosts_share_the_work_and_read_nothing_in_vain(hosts: Hosts) -> None:
    pair = [hosts.reading() for _ in range(2)]
    for host in pair:
        go(host)
    said = [host.communicate(timeout=WAIT_S)[0].split() for host in pair]
    assert [host.returncode for host in pair] == [0, 0]
    kept = [words[1::2] for words in said]
    assert Counter([*kept[0], *kept[1]]).most_common(1)[0][1] == 1
    assert len(kept[0]) + len(kept[1]) == COPIES
    assert all(kept), "each of them read some"
    assert "lost" not in [*said[0], *said[1]]
    hosts.check_all_read()


def test_a_host_killed_in_the_middle_is_followed_by_one_that_reads_what_is_left(hosts: Hosts) -> None:
    for _ in range(2):
        host = hosts.reading()
        go(host)
        assert host.stdout is not None
        host.stdout.readline()  # it has kept one
        host.send_signal(signal.SIGKILL)
        host.communicate(timeout=WAIT_S)
    hosts.run("read")
    hosts.check_all_read()


def test_no_process_of_the_reader_outlives_a_killed_host(tmp_path: Path) -> None:
    hosts = Hosts(tmp_path, None)
    host = hosts.reading()
    below = _below(host.pid)
    assert below
    host.send_signal(signal.SIGKILL)
    host.communicate(timeout=WAIT_S)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below), "expected the jail to end with its host")


def _below(pid: int) -> list[int]:
    mine = children(pid)
    return [*mine, *(deeper for one in mine for deeper in _below(one))]
