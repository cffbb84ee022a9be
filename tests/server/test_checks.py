"""`counterfoil check`: each check holds where all is well and says so where something is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection

from counterfoil.bootstrap.organiser import first_organiser_link
from counterfoil.bootstrap.server import Server
from counterfoil.config import checks_machine as machine
from counterfoil.config import checks_settings as given
from counterfoil.config import checks_state as state
from counterfoil.config.checks import CHECKS, Check, run_checks, table
from counterfoil.config.settings import Settings
from counterfoil.record.keys import PARTS
from counterfoil.storage import accounts, audit
from counterfoil.storage.models import Audit, Head
from counterfoil.workflow.folder import init
from tests.server.conftest import EVENING, Clock, Person
from tests.server.environment import ON_POSTGRESQL
from tests.server.test_inbox import NOTICE, put

GOOD = Settings(folder=Path("/nowhere"), hosts=("count.example", "abc.onion"), https=True, behind_proxy=True)


@pytest.mark.parametrize(
    ("look", "change"),
    [
        (given.hosts, {"hosts": ("*",)}),
        (given.hosts, {"hosts": (".count.example",)}),
        (given.hosts, {"hosts": ("count.example:443",)}),
        (given.https, {"https": False}),
        (given.https, {"behind_proxy": False}),
        (given.listens, {"host": "0.0.0.0"}),  # noqa: S104 - what is to be found
        (given.onion, {"hosts": ("count.example",)}),
        (given.rehearsal, {"rehearsal": True}),
        (given.batches, {"batch_s": 300}),
        (given.no_secret, {"database": "postgresql://user:secret@localhost/count"}),
    ],
)
def test_a_setting_that_exposes_somebody_is_found(look: Any, change: dict[str, Any]) -> None:
    assert list(look(GOOD, EVENING)) == []
    assert len(list(look(replace(GOOD, **change), EVENING))) == 1


def test_keys_that_others_can_read_are_found(server: Server) -> None:
    assert list(machine.keys(server.settings, EVENING) or ()) == []
    key = next(server.settings.keys.iterdir())
    key.chmod(0o640)
    assert [text for text in machine.keys(server.settings, EVENING) or () if key.name in text]
    key.chmod(0o600)
    server.settings.keys.chmod(0o755)
    assert len(list(machine.keys(server.settings, EVENING) or ())) == 1
    server.settings.keys.chmod(0o700)


def test_a_full_disk_is_found(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "FREE_BYTES", 10**18)
    assert "GB are free" in next(iter(machine.disk(server.settings, EVENING)))


def test_a_database_that_forgets_or_talks_is_found(server: Server) -> None:
    if ON_POSTGRESQL:
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
        assert "synchronous_commit is off" in list(state.durable(server.settings, EVENING))
        assert [text for text in state.quiet(server.settings, EVENING) if "log_min_error_statement" in text]
    else:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete=OFF")
            found = list(state.quiet(server.settings, EVENING))
            cursor.execute("PRAGMA secure_delete=ON")
        assert found
        assert list(state.quiet(server.settings, EVENING)) == []
    assert list(state.database(server.settings, EVENING)) == []


def test_pictures_are_stored_and_read_and_nothing_stays(server: Server) -> None:
    assert list(state.pictures(server.settings, EVENING)) == []
    assert not list(server.pictures.names())


def test_a_database_that_does_not_belong_to_the_log_is_found(server: Server) -> None:
    assert list(state.record(server.settings, EVENING) or ()) == []
    Head.objects.update(size=7)
    assert "restored" in next(iter(state.record(server.settings, EVENING) or ()))


def test_a_clock_before_the_record_is_found(server: Server, clock: Clock) -> None:
    from counterfoil.storage import inbox

    assert state.clock_order(server.settings, EVENING) is None
    inbox.say(NOTICE, slot=server.slot)
    clock.forward(minutes=10)
    put(server)
    assert list(state.clock_order(server.settings, clock()) or ()) == []
    assert list(state.clock_order(server.settings, EVENING - timedelta(days=1)) or ())


def test_a_count_that_one_arrest_ends_is_found(server: Server, person: Person) -> None:
    from allauth.mfa.models import Authenticator

    assert list(state.organisers(server.settings, EVENING) or ()) == ["none"]
    assert first_organiser_link(server)
    for number, name in enumerate(("one", "two"), 1):
        account = person("organiser", name=name)
        assert list(state.factors(server.settings, EVENING) or ())
        Authenticator.objects.create(user=account, type=Authenticator.Type.WEBAUTHN, data={})
        assert list(state.organisers(server.settings, EVENING) or ()) == []
        assert bool(list(state.second_organiser(server.settings, EVENING) or ())) == (number < 2)
    assert first_organiser_link(server) is None
    assert list(state.factors(server.settings, EVENING) or ()) == []


def test_a_changed_line_of_the_audit_log_is_found(server: Server, person: Person) -> None:
    accounts.invite(person("organiser"), ["reader"], now=server.now())
    assert list(state.audit_log(server.settings, EVENING) or ()) == []
    Audit.objects.update(action="nothing")
    assert list(state.audit_log(server.settings, EVENING) or ())
    assert not audit.verify().whole


def test_a_backup_that_is_old_and_parts_that_nobody_holds_are_found(server: Server) -> None:
    now = datetime.now(UTC)
    assert list(state.backup(server.settings, now))
    assert list(state.key_parts(server.settings, now))
    server.settings.private.mkdir(exist_ok=True)
    mark = server.settings.last_backup
    mark.touch()
    (server.settings.keys / PARTS).touch()
    assert list(state.backup(server.settings, now)) == []
    assert list(state.key_parts(server.settings, now)) == []
    os.utime(mark, (now.timestamp() - 3 * 86400,) * 2)
    assert "3 days" in next(iter(state.backup(server.settings, now)))


def test_a_check_that_fails_by_itself_is_unknown_and_hides_no_other(server: Server) -> None:
    def broken(settings: Settings, now: datetime) -> list[str]:
        raise OSError("no such device")

    def lazily(settings: Settings, now: datetime) -> Any:
        yield "one"
        raise OSError("no such device")

    looks: list[Any] = [broken, lazily, lambda s, n: [], lambda s, n: None]
    checks = [Check("x", "error", "?", "!", look) for look in looks]
    results = list(run_checks(server.settings, EVENING, checks))
    assert [result.state for result in results] == ["unknown", "unknown", "ok", "unknown"]


def test_each_code_stands_once_and_the_table_in_the_docs_is_the_one_of_the_code() -> None:
    assert len({check.code for check in CHECKS}) == len(CHECKS)
    docs = Path(__file__).parent.parent.parent / "docs" / "checks.md"
    assert table() in docs.read_text("utf-8")


def _outside() -> dict[str, str]:
    """The environment without what the tests set."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("COUNTERFOIL_", "DJANGO_"))}


def _command(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "counterfoil", *arguments, str(folder)],
        env=_outside() | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_command_ends_with_1_where_there_is_an_error_and_holds_django_s_checks_under_https(tmp_path: Path) -> None:
    folder = tmp_path / "election"
    init(folder)
    https = {
        "COUNTERFOIL_HTTPS": "true",
        "COUNTERFOIL_BEHIND_PROXY": "true",
        "COUNTERFOIL_HOSTS": "count.example abc.onion",
    }
    done = _command(folder, "check", "--json", **https)
    found = {check["code"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1, done.stderr
    assert found["django"] == found["django"] | {"state": "ok", "found": []}
    for code in ("hosts", "https", "keys", "private-folder", "database-durable", "database-quiet", "pictures"):
        assert found[code]["state"] == "ok", found[code]
    assert found["database"]["state"] == "error"
    assert found["organisers"]["state"] == "unknown"

    deploy = subprocess.run(
        [sys.executable, "-m", "django", "check", "--deploy", "--fail-level", "WARNING"],
        env=_outside()
        | https
        | {"COUNTERFOIL_FOLDER": str(folder), "DJANGO_SETTINGS_MODULE": "counterfoil.config.django"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert deploy.returncode == 0, deploy.stderr


def test_under_https_cookies_are_bound_to_the_host_and_sent_by_tls_only(tmp_path: Path) -> None:
    folder = tmp_path / "election"
    init(folder)
    names = ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")
    printed = subprocess.run(
        [sys.executable, "-c", f"import counterfoil.config.django as d; print([getattr(d, n) for n in {names}])"],
        env=_outside() | {"COUNTERFOIL_FOLDER": str(folder), "COUNTERFOIL_HTTPS": "true"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    assert printed.strip() == "['__Host-session', '__Host-csrf', True, True]"
    assert django_settings.SESSION_COOKIE_NAME == "session"
