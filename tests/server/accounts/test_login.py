"""From an invitation to a session with a second factor, and back in by password and code."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from counterfoil.bootstrap.server import Server
from counterfoil.storage import accounts
from counterfoil.storage.models import Account, Invitation, Session
from counterfoil.storage.sessions import hashed
from tests.server.accounts.conftest import PASSWORD, App
from tests.server.conftest import Clock, Person

pytestmark = pytest.mark.usefixtures("transactional_db")


def enter(server: Server, roles: tuple[str, ...] = ("reader",), name: str = "heron-258") -> tuple[Client, str]:
    """A browser in which an invitation was accepted; no key yet."""
    code = accounts.operator_invites(now=server.now())
    Invitation.objects.filter(used=False, account=None).update(roles=list(roles))
    client = Client()
    answer = client.post(f"/account/invitation/{code}", {"name": name})
    assert (answer.status_code, answer["Location"]) == (302, "/account/keys/")
    return client, code


def set_up_codes(client: Client, app: App) -> str:
    """Set a password and one-time codes up; the key of the codes."""
    answer = client.post("/account/password/first/", {"password1": PASSWORD, "password2": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/account/one-time-codes/")
    page = client.get("/account/one-time-codes/").content.decode()
    key = str(re.findall(r'<code class="secret">([A-Z2-7]+)</code>', page)[0])
    answer = client.post("/account/one-time-codes/", {"code": app(key)})
    assert (answer.status_code, answer["Location"]) == (302, "/account/recovery-codes/")
    return key


def log_in(client: Client, name: str, code: str, password: str = PASSWORD) -> int:
    answer = client.post("/account/login/", {"login": name, "password": password})
    if answer.status_code != 302:
        return answer.status_code
    assert answer["Location"] == "/account/login/code/"
    return client.post("/account/login/code/", {"code": code}).status_code


def test_an_invited_person_gets_in_by_password_and_one_time_code(server: Server, app: App) -> None:
    client, code = enter(server)
    assert client.get("/work/")["Location"] == "/account/keys/"
    key = set_up_codes(client, app)
    shown = re.findall(r"<li><code>(\d{10})</code>", client.get("/account/recovery-codes/").content.decode())
    assert len(shown) == 10
    assert not re.findall(r"\d{10}", client.get("/account/recovery-codes/").content.decode())
    assert client.get("/work/").status_code == 200
    assert Client().get(f"/account/invitation/{code}").status_code == 404

    again = Client()
    assert log_in(again, "heron-258", app(key)) == 302
    assert again.get("/work/").status_code == 200
    third = Client()
    assert log_in(third, "HERON-258", shown[0]) == 302
    assert third.get("/work/").status_code == 200
    fourth = Client()
    assert log_in(fourth, "heron-258", shown[0]) == 200
    assert fourth.get("/work/").status_code == 302


def test_a_password_alone_opens_only_the_pages_that_set_a_factor_up(server: Server, app: App) -> None:
    client, _ = enter(server)
    client.post("/account/password/first/", {"password1": PASSWORD, "password2": PASSWORD})
    stolen = Client()
    answer = stolen.post("/account/login/", {"login": "heron-258", "password": PASSWORD})
    assert answer.status_code == 302
    for path in ("/work/", "/account/recovery-codes/", "/account/recovery-codes/new/", "/account/people/"):
        assert stolen.get(path)["Location"] == "/account/keys/", path
    set_up_codes_with_password(client, app)
    assert stolen.get("/account/keys/").status_code == 302
    assert "/account/login/" in stolen.get("/work/")["Location"]


def set_up_codes_with_password(client: Client, app: App) -> str:
    page = client.get("/account/one-time-codes/").content.decode()
    key = str(re.findall(r'<code class="secret">([A-Z2-7]+)</code>', page)[0])
    client.post("/account/one-time-codes/", {"code": app(key)})
    return key


def test_a_closed_browser_before_the_first_key_locks_nobody_out(server: Server, app: App) -> None:
    _, code = enter(server)
    account = Account.objects.get(username="heron-258")
    again = Client()
    assert again.post(f"/account/invitation/{code}", {"name": "other-name"}).status_code == 302
    assert Account.objects.count() == 1
    set_up_codes(again, app)
    assert accounts.has_factor(account)


def test_an_invitation_ends_after_a_week(server: Server, clock: Clock) -> None:
    code = accounts.operator_invites(now=server.now())
    clock.forward(days=7, seconds=1)
    assert Client().get(f"/account/invitation/{code}").status_code == 404
    assert Client().post(f"/account/invitation/{code}", {"name": "somebody"}).status_code == 404
    assert not Account.objects.exists()


def test_the_database_holds_no_code_no_cookie_and_no_secret_in_the_clear(server: Server, app: App) -> None:
    client, code = enter(server)
    key = set_up_codes(client, app)
    cookie = client.cookies["session"].value
    assert Session.objects.filter(session_key=hashed(cookie)).exists()
    rows = [repr(row) for model in (Session, Invitation, Authenticator) for row in model.objects.values()]
    for secret in (code, cookie, key, PASSWORD):
        assert not any(secret in row for row in rows)


def test_the_last_second_factor_cannot_be_removed(server: Server, app: App) -> None:
    client, _ = enter(server)
    set_up_codes(client, app)
    client.post("/account/one-time-codes/stop/")
    assert accounts.has_factor(Account.objects.get())


def test_people_see_and_end_their_sessions_and_nobody_elses(server: Server, app: App) -> None:
    client, _ = enter(server)
    key = set_up_codes(client, app)
    other, _ = enter(server, name="lark-100")
    set_up_codes(other, app)
    second = Client()
    assert log_in(second, "heron-258", app(key)) == 302
    page = client.get("/account/keys/").content.decode()
    ends = re.findall(r"/account/sessions/([0-9a-f]{40})/end/", page)
    assert ends == [hashed(second.cookies["session"].value)]
    assert other.post(f"/account/sessions/{ends[0]}/end/").status_code == 404
    assert second.get("/work/").status_code == 200
    assert client.post(f"/account/sessions/{ends[0]}/end/").status_code == 302
    assert second.get("/work/").status_code == 302
    assert client.get("/work/").status_code == 200


def test_a_new_browser_ends_two_hours_after_it_was_last_used(
    server: Server, as_person: object, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.utils import timezone

    client = as_person(person("reader"))  # type: ignore[operator]
    start = timezone.now()
    for minutes in (100, 200, 300):
        monkeypatch.setattr(timezone, "now", lambda at=minutes: start + timedelta(minutes=at))
        assert client.get("/work/").status_code == 200, minutes
    monkeypatch.setattr(timezone, "now", lambda: start + timedelta(minutes=300 + 136))
    assert client.get("/work/").status_code == 302
