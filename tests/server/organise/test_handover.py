"""Colleagues are arrested: their access ends at once; the state goes to somebody else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.record.keys import join
from counterfoil.storage import accounts
from counterfoil.storage.models import Account, Audit, Invitation, Session, Task
from tests.server.conftest import Clock, Person
from tests.server.organise.world import bring, grow
from tests.server.running.material import ROOT, environment, make_election


@pytest.fixture
def team(server: Server, person: Person) -> tuple[Account, Account]:
    return person("organiser", name="ann"), person("organiser", "reader", name="ben")


def test_ending_access_takes_sessions_leases_and_invitations_at_once(
    server: Server, clock: Clock, team: tuple[Account, Account], as_person: object
) -> None:
    ann, ben = team
    arrested: Client = as_person(ben)  # type: ignore[operator]
    assert arrested.get("/organise/").status_code == 200
    copy = bring(server)
    grow(server, clock.forward)
    task = Task.objects.create(kind="read", copy=copy, leased_by=ben, leased_until=server.now())
    accounts.invite(ben, ["reader"], now=server.now())
    client: Client = as_person(ann)  # type: ignore[operator]
    answer = client.post("/organise/handover/end", {"account": str(ben.pk)}, follow=True)
    assert "ben" in answer.content.decode()
    ben.refresh_from_db()
    task.refresh_from_db()
    assert not ben.is_active and task.leased_by is None
    assert not Session.objects.filter(account=ben).exists()
    assert not Invitation.objects.filter(invited_by=ben, used=False).exists()
    assert arrested.get("/organise/").status_code == 302
    assert Audit.objects.filter(action="deactivate", subject=str(ben.pk), actor=ann).exists()


def test_nobody_ends_their_own_access_here(server: Server, team: tuple[Account, Account], as_person: object) -> None:
    client: Client = as_person(team[0])  # type: ignore[operator]
    client.post("/organise/handover/end", {"account": [str(one.pk) for one in team]})
    assert Account.objects.filter(is_active=True).count() == 2


def test_parts_are_shown_once_kept_nowhere_and_any_enough_of_them_join(
    server: Server, team: tuple[Account, Account], as_person: object
) -> None:
    client: Client = as_person(team[0])  # type: ignore[operator]
    answer = client.post("/organise/handover/parts", {"count": "5", "needed": "3"})
    lines = re.findall(r"counterfoil-key-part/v1 [^<]+", answer.content.decode().replace("&#x27;", "'"))
    assert len(lines) == 5
    name, seed = join(lines[:3])
    assert join(lines[2:]) == (name, seed)
    for path in server.settings.folder.rglob("*"):
        assert not path.is_file() or (seed not in path.read_bytes() and seed.hex().encode() not in path.read_bytes())
    assert not any(seed.hex() in str(line.detail) for line in Audit.objects.all())


@pytest.mark.parametrize("post", [{"count": "5", "needed": "1"}, {"count": "2", "needed": "3"}, {"count": "x"}, {}])
def test_too_few_parts_are_refused(
    server: Server, team: tuple[Account, Account], as_person: object, post: dict[str, str]
) -> None:
    client: Client = as_person(team[0])  # type: ignore[operator]
    answer = client.post("/organise/handover/parts", post, follow=True)
    assert "counterfoil-key-part" not in answer.content.decode()
    assert 'class="error"' in answer.content.decode()


def test_a_mistyped_part_is_named_and_nothing_is_made(
    server: Server, team: tuple[Account, Account], as_person: object
) -> None:
    client: Client = as_person(team[0])  # type: ignore[operator]
    text = client.post("/organise/handover/parts", {"count": "2", "needed": "2"}).content.decode()
    lines = re.findall(r"counterfoil-key-part/v1 [^<]+", text)
    wrong = lines[1][:-1] + ("0" if lines[1][-1] != "0" else "1")
    answer = client.post("/organise/handover/bundle", {"parts": f"{lines[0]}\n{wrong}"}, follow=True)
    assert "part 2" in answer.content.decode()
    assert not Audit.objects.filter(action="handover_bundle").exists()


def program(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.slow
def test_a_second_organiser_takes_over_on_another_machine_with_enough_parts(tmp_path: Path) -> None:
    folder = make_election(tmp_path / "e")
    done = program("tests.server.organise.hand_over", folder, tmp_path)
    assert done.returncode == 0, done.stderr
    entries = int(done.stdout.split()[-1])
    sealed = (tmp_path / "state.handover").read_bytes()
    for path in (folder / "keys").iterdir():
        assert path.read_bytes()[:32] not in sealed
    (tmp_path / "two").write_text("\n".join((tmp_path / "parts").read_text("utf-8").split("\n")[:2]), "utf-8")
    few = program(
        "counterfoil", "restore", tmp_path / "state.handover", tmp_path / "no", "--key-parts", tmp_path / "two"
    )
    assert few.returncode != 0 and not (tmp_path / "no" / "keys").exists()
    back = program(
        *("counterfoil", "restore", tmp_path / "state.handover", tmp_path / "back"),
        *("--key-parts", tmp_path / "parts", "--compare", folder / "site", "--json"),
    )
    assert back.returncode == 0, back.stderr
    assert json.loads(back.stdout) == {"entries": entries, "taken": 0, "held": False}
    assert (tmp_path / "back/keys/log.key").read_bytes() == (folder / "keys/log.key").read_bytes()
