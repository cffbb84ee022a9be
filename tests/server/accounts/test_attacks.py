"""Attacks on log-in, recovery and pages, each by its name; after each, nothing has changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings as django_settings
from django.core import mail
from django.core.cache import cache
from django.template.loader import get_template
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from counterfoil.bootstrap.server import Server
from counterfoil.primitives.errors import CounterfoilError, InputError, Refusal
from counterfoil.storage import accounts, audit, tokens
from counterfoil.storage.models import Account, Audit, Invitation, Kept, Session
from counterfoil.web.permissions import FACTOR
from counterfoil.workflow import accounts as rules
from counterfoil.workflow.roles import ROLES
from tests.server.accounts.conftest import PASSWORD, App
from tests.server.accounts.test_login import enter, log_in, set_up_codes
from tests.server.conftest import Clock, Person

committed = pytest.mark.usefixtures("transactional_db")
GUESS = "guess guess guess"
OUTSIDE = (
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "javascript:alert(1)",
    "http:evil.example",
    "https:///evil.example",
    " //evil.example",
    "/\t/evil.example",
)


@committed
def test_attack_by_using_a_one_time_code_twice(server: Server, app: App) -> None:
    client, _ = enter(server)
    key = set_up_codes(client, app)
    code = app(key, 1)
    assert log_in(Client(), "heron-258", code) == 302
    again = Client()
    assert log_in(again, "heron-258", code) == 200
    assert again.get("/work/").status_code == 302


@committed
def test_attack_by_using_a_one_time_code_again_after_allauth_has_forgotten_it(server: Server, app: App) -> None:
    """allauth remembers a code for 30 s and takes it for 90."""
    client, _ = enter(server)
    key = set_up_codes(client, app)
    code = app(key, 1)
    assert log_in(Client(), "heron-258", code) == 302
    assert cache.delete(f"allauth.mfa.totp.used?user={Account.objects.get().pk}&code={code}")
    assert log_in(Client(), "heron-258", code) == 200


@committed
def test_attack_by_asking_who_has_an_account(server: Server, app: App) -> None:
    client, _ = enter(server)
    set_up_codes(client, app)
    answers = []
    for name in ("heron-258", "nobody-000"):
        answer = Client().post("/account/login/", {"login": name, "password": "wrong wrong wrong"})
        text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode()).replace(name, "NAME")
        answers.append((answer.status_code, text))
    assert answers[0] == answers[1]
    for code in ("aaaaaaaaaaaaaaaaaaaaaaaa", "x"):
        assert Client().get(f"/account/invitation/{code}").status_code == 404


@committed
def test_attack_by_guessing_passwords_is_slowed_by_name_and_locks_nobody_else_out(server: Server, app: App) -> None:
    client, _ = enter(server)
    key = set_up_codes(client, app)
    other, _ = enter(server, name="lark-100")
    other_key = set_up_codes(other, app)
    for _ in range(5):
        assert log_in(Client(), "heron-258", "", GUESS) == 200
    assert log_in(Client(), "heron-258", app(key, 1)) == 200, "the name is slowed down, even with the right password"
    assert log_in(Client(), "lark-100", app(other_key, 1)) == 302
    assert client.get("/work/").status_code == 200


@committed
def test_attack_by_guessing_one_time_codes_is_slowed(server: Server, app: App) -> None:
    client, _ = enter(server)
    key = set_up_codes(client, app)
    attacker = Client()
    attacker.post("/account/login/", {"login": "heron-258", "password": PASSWORD})
    for _ in range(6):
        attacker.post("/account/login/code/", {"code": "000000"})
    assert attacker.post("/account/login/code/", {"code": app(key, 1)}).status_code == 200
    assert attacker.get("/work/").status_code == 302


@committed
def test_attack_by_a_flood_of_log_ins_meets_a_budget_that_knows_no_address(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(django_settings, "ACCOUNT_RATE_LIMITS", {"login": "3/m/ip"})
    keys: list[str] = []
    add = cache.add

    def heard(key: str, *args: Any, **more: Any) -> bool:
        keys.append(key)
        return bool(add(key, *args, **more))

    monkeypatch.setattr(cache, "add", heard)
    found = [
        Client(REMOTE_ADDR=f"203.0.113.{number}").post("/account/login/", {"login": "x", "password": GUESS}).status_code
        for number in range(5)
    ]
    assert found == [200, 200, 200, 429, 429]
    assert keys and not [key for key in keys if "203.0.113" in key]


@committed
def test_what_ended_goes_from_the_disk_at_the_next_log_in(server: Server, app: App) -> None:
    client, _ = enter(server)
    key = set_up_codes(client, app)
    past = timezone.now() - timedelta(hours=3)
    Session.objects.update(expire_date=past)
    Kept.objects.create(cache_key="old", value="times", expires=past)
    assert log_in(Client(), "heron-258", app(key, 1)) == 302
    assert Session.objects.filter(expire_date__lt=timezone.now()).count() == 0
    assert not Kept.objects.filter(cache_key="old").exists()


@committed
def test_attack_by_session_fixation(server: Server, app: App) -> None:
    """The key that somebody had before log-in is worth nothing after it."""
    client, _ = enter(server)
    key = set_up_codes(client, app)
    victim = Client()
    victim.get("/account/login/passkey/", headers={"accept": "application/json"})
    planted = victim.cookies["session"].value
    assert log_in(victim, "heron-258", app(key, 1)) == 302
    attacker = Client()
    attacker.cookies["session"] = planted
    assert attacker.get("/work/").status_code == 302
    assert victim.cookies["session"].value != planted
    forged = Client()
    forged.cookies["session"] = "a" * 32
    assert forged.get("/account/login/").status_code == 200
    assert "session" not in forged.cookies or forged.cookies["session"].value != "a" * 32


@committed
def test_attack_by_a_get_that_logs_out(server: Server, person: Person, as_person: Callable[[Account], Client]) -> None:
    client = as_person(person("reader"))
    assert client.get("/account/logout/").status_code == 200
    assert client.get("/work/").status_code == 200
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert strict.post("/account/logout/").status_code == 403
    assert client.get("/work/").status_code == 200
    assert client.post("/account/logout/").status_code == 302
    assert client.get("/work/").status_code == 302


@committed
def test_attack_by_a_link_that_leads_elsewhere(server: Server, app: App) -> None:
    client, _ = enter(server)
    key = set_up_codes(client, app)
    client.post("/account/logout/")
    for to in OUTSIDE:
        cache.clear()
        places = [Client().get("/language/", {"to": "ar", "next": to})["Location"]]
        entering = Client()
        entering.post("/account/login/", {"login": "heron-258", "password": PASSWORD, "next": to})
        places.append(entering.post("/account/login/code/", {"code": app(key, 1)})["Location"])
        places.append(entering.get("/account/login/", {"next": to})["Location"])
        places.append(entering.post("/account/logout/", {"next": to})["Location"])
        for place in places:
            assert place.startswith("/"), to
            assert not place.startswith(("//", "/\\", "/\t", "/%5C")), to


@committed
def test_attack_by_a_stolen_open_browser_cannot_set_a_password_or_take_the_keys(
    server: Server, person: Person, as_person: Callable[[Account], Client]
) -> None:
    account = person("reader")
    key = Authenticator.objects.create(user=account, type=Authenticator.Type.WEBAUTHN, data={"name": "mine"})
    client = as_person(account)
    for path in (
        "/account/password/first/", "/account/passkeys/add/", "/account/one-time-codes/",
        f"/account/passkeys/{key.pk}/remove/", f"/account/passkeys/{key.pk}/rename/",
    ):  # fmt: skip
        answer = client.post(path, {"password1": PASSWORD, "password2": PASSWORD, "name": "yours"})
        assert answer.status_code == 302, path
        assert "password" not in str(dict(client.session)), "what was typed is not kept in the session"
    account.refresh_from_db()
    assert not account.has_usable_password()
    assert Authenticator.objects.get().data == {"name": "mine"}


@committed
def test_a_token_is_shown_once_ends_at_once_and_needs_proof_of_who_one_is(
    server: Server, person: Person, as_person: Callable[[Account], Client], app: App
) -> None:
    client, _ = enter(server)
    set_up_codes(client, app)
    word = re.findall(
        r"counterfoil_[\w-]{43}", client.post("/account/tokens/new/", {"name": "mirror"}).content.decode()
    )[0]
    found = tokens.find(word)
    assert found is not None
    assert word not in client.get("/account/keys/").content.decode()
    assert client.post(f"/account/tokens/{found.pk}/end/").status_code == 302
    assert tokens.find(word) is None
    stolen = person("reader")
    Authenticator.objects.create(user=stolen, type=Authenticator.Type.WEBAUTHN, data={"name": "mine"})
    assert as_person(stolen).post("/account/tokens/new/", {"name": "theirs"}).status_code == 302
    assert not stolen.tokens.exists()


@committed
def test_nothing_sends_mail_and_no_address_of_mail_or_open_sign_up_answers(server: Server, app: App) -> None:
    client, _ = enter(server)
    set_up_codes(client, app)
    assert mail.outbox == []
    for name in ("account_signup", "account_email", "account_reset_password", "account_confirm_email"):
        with pytest.raises(NoReverseMatch):
            reverse(name)
    for path in ("signup/", "email/", "password/reset/", "confirm-email/", "3rdparty/", "phone/verify/"):
        assert client.get(f"/account/{path}").status_code == 404
        assert Client().post(f"/account/{path}").status_code == 404


def test_every_page_that_allauth_may_show_is_one_of_ours() -> None:
    for name in (
        "account/login account/logout account/account_inactive account/reauthenticate account/password_change "
        "account/password_set mfa/authenticate mfa/reauthenticate mfa/totp/activate_form mfa/totp/deactivate_form "
        "mfa/recovery_codes/index mfa/recovery_codes/generate mfa/webauthn/add_form mfa/webauthn/edit_form "
        "mfa/webauthn/authenticator_confirm_delete mfa/webauthn/reauthenticate 429"
    ).split():
        assert "counterfoil" in str(get_template(f"{name}.html").origin.name)  # type: ignore[attr-defined]


# --- four eyes -----------------------------------------------------------------------------------------------------


def test_one_organiser_alone_invites_the_second_but_not_a_third(server: Server, person: Person) -> None:
    first = person("organiser")
    _, code = accounts.invite(first, ["organiser"], now=server.now())
    assert code
    person("organiser", name="second")
    made, code = accounts.invite(first, ["organiser"], now=server.now())
    assert code == ""
    with pytest.raises(Refusal):
        accounts.approve(first, made, now=server.now())
    assert Invitation.objects.get(pk=made.pk).code_hash is None


def test_attack_by_closing_the_others_and_acting_alone(server: Server, person: Person) -> None:
    coerced, second = person("organiser", name="coerced"), person("organiser", name="second")
    accounts.deactivate(coerced, second, now=server.now())
    made, code = accounts.invite(coerced, ["organiser"], now=server.now())
    assert code == ""
    with pytest.raises(Refusal):
        accounts.approve(coerced, made, now=server.now())


def test_attack_by_inviting_one_s_own_second_person(server: Server, person: Person) -> None:
    first, second = person("organiser", name="first"), person("organiser", name="second")
    puppet = Account.objects.create_account("puppet", ["organiser"], invited_by=first)
    made, _ = accounts.invite(first, ["organiser"], now=server.now())
    with pytest.raises(Refusal):
        accounts.approve(puppet, made, now=server.now())
    assert accounts.approve(second, made, now=server.now())


@committed
def test_recovery_takes_two_organisers_and_ends_old_keys_and_sessions(
    server: Server, person: Person, as_person: Callable[[Account], Client], app: App
) -> None:
    first, second, lost = (
        person("organiser", name="one"),
        person("organiser", name="two"),
        person("reader", name="lost"),
    )
    lost.set_password(PASSWORD)
    lost.save()
    old = Authenticator.objects.create(user=lost, type=Authenticator.Type.WEBAUTHN, data={"name": "taken"})
    thief = as_person(lost)
    assert thief.get("/work/").status_code == 200
    answer = as_person(first).post(f"/account/people/{lost.pk}/give-back/")
    assert answer.status_code == 302
    waiting = Invitation.objects.get(recovers=lost)
    assert as_person(first).post(f"/account/invitations/{waiting.pk}/approve/").status_code == 409
    page = as_person(second).post(f"/account/invitations/{waiting.pk}/approve/").content.decode()
    code = re.findall(r"/account/invitation/(\w+)", page)[0]
    assert thief.get("/work/").status_code == 200, "nothing ends before the link is used"
    back = Client()
    assert back.post(f"/account/invitation/{code}").status_code == 302
    assert thief.get("/work/").status_code == 302
    assert not Authenticator.objects.filter(pk=old.pk).exists()
    set_up_codes(back, app)
    assert back.get("/work/").status_code == 200
    assert Client().get(f"/account/invitation/{code}").status_code == 404
    actions = list(Audit.objects.order_by("number").values_list("action", flat=True))
    assert actions == ["invite", "approve_invitation", "accept_invitation"]
    assert audit.verify().whole


def test_nobody_recovers_their_own_account(server: Server, person: Person) -> None:
    organiser = person("organiser")
    with pytest.raises(Refusal):
        accounts.invite(organiser, [], now=server.now(), recovers=organiser)


def test_closing_an_account_ends_sessions_links_and_invitations_at_once(
    server: Server, person: Person, as_person: Callable[[Account], Client]
) -> None:
    organiser, other = person("organiser"), person("organiser", name="other")
    client = as_person(other)
    _, code = accounts.invite(other, ["reader"], now=server.now())
    accounts.deactivate(organiser, other, now=server.now())
    assert client.get("/work/").status_code == 302
    assert accounts.invitation_of(code, now=server.now()) is None
    assert not Session.objects.filter(account=other).exists()


@given(giver=st.sets(st.sampled_from(ROLES)), roles=st.sets(st.sampled_from([*ROLES, "root"])))
@hypothesis_settings(deadline=None, max_examples=80)
def test_nobody_gives_what_they_may_not_give(giver: set[str], roles: set[str]) -> None:
    try:
        given_roles = rules.check_grant(giver, roles)
    except CounterfoilError:
        assert "organiser" not in giver or not roles or "root" in roles
    else:
        assert set(given_roles) == roles
        assert "organiser" in giver


@given(st.text(max_size=60))
@hypothesis_settings(deadline=None, max_examples=200)
def test_a_name_is_refused_or_kept_as_it_will_be_compared(text: str) -> None:
    try:
        name = rules.clean_name(text)
    except InputError:
        return
    assert 3 <= len(name) <= 40
    assert rules.clean_name(name) == name
    assert not set(name) & set(" <>&'\"/\\\n\t=+@")


@given(st.binary(min_size=rules.CODE_BYTES, max_size=rules.CODE_BYTES))
@hypothesis_settings(deadline=None, max_examples=50)
def test_a_code_is_found_however_it_is_typed(random: bytes) -> None:
    code = rules.code_of(random)
    assert re.fullmatch(r"[a-z2-7]{24}", code)
    typed = "-".join(code[at : at + 4] for at in range(0, 24, 4)).upper() + " "
    assert rules.code_hash(typed) == rules.code_hash(code)


def test_a_link_is_good_once_even_for_two_at_once(server: Server, clock: Clock) -> None:
    code = accounts.operator_invites(now=server.now())
    found = accounts.invitation_of(code, now=server.now())
    assert found is not None
    account = accounts.accept(found, "heron-258", now=server.now())
    accounts.finished(account)
    with pytest.raises(Refusal):
        accounts.accept(found, "lark-100", now=server.now())
    assert Account.objects.count() == 1
    clock.forward(days=1)
    assert server.now() - clock() == timedelta(0)


def test_the_cookies_of_staff_are_host_bound_and_strict_under_https() -> None:
    assert django_settings.SESSION_COOKIE_SAMESITE == django_settings.CSRF_COOKIE_SAMESITE == "Strict"
    assert django_settings.SESSION_COOKIE_HTTPONLY
    assert not django_settings.SESSION_SAVE_EVERY_REQUEST
    assert FACTOR == "second_factor"
