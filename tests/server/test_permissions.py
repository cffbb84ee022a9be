"""Every address x persona x method: what the table says is what happens; objects of others are not found."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest
from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from counterfoil.bootstrap.server import Server
from counterfoil.storage import tokens
from counterfoil.storage.models import Account, Session
from counterfoil.web import permissions
from counterfoil.web.permissions import ACCOUNT, API, ENTRANCE, FACTOR, PUBLIC, SETTING_UP, VIEWS
from counterfoil.workflow.roles import ACTIONS, ROLES, may
from tests.server.conftest import Person
from tests.server.objects import Case, all_cases

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
STRANGER, CLOSED, NO_FACTOR, OTHERS_FACTOR = "stranger", "closed account", "no second factor", "factor of another"
PERSONAS = (STRANGER, CLOSED, NO_FACTOR, OTHERS_FACTOR, *ROLES)
REACHED = 299
UNANSWERED = {"api-1:api-root"}
"""Addresses that a library makes and nobody may use."""
_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class Reached:
    """The last middleware: answers in place of the view, so that nothing runs with made-up arguments."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> HttpResponse:
        return HttpResponse(status=REACHED)


def addresses() -> Iterator[tuple[str, str]]:
    """Name and an example of every address of the URL configuration."""
    yield from _below(get_resolver(), "/", "")


def _below(resolver: URLResolver, prefix: str, space: str) -> Iterator[tuple[str, str]]:
    for pattern in resolver.url_patterns:
        part = _example(pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from _below(pattern, prefix + part, inner)
        else:
            yield f"{space}{pattern.name}", prefix + part


_EXAMPLES = ("abc", "7", "6f1c0d3e-9a52-4f0e-8f6e-3a1f4c2b7d90")


def _example(pattern: URLPattern | URLResolver) -> str:
    route = str(pattern.pattern)
    for name, converter in pattern.pattern.converters.items():
        example = next(text for text in _EXAMPLES if re.fullmatch(converter.regex, text))
        route = re.sub(rf"<(\w+:)?{name}>", example, route)
    return route


def enter(persona: str, person: Person) -> Client:
    """A browser of this persona."""
    client = Client()
    if persona == STRANGER:
        return client
    account = person(*((persona,) if persona in ROLES else ROLES))
    client.force_login(account, backend=_BACKEND)
    session = client.session
    if persona != NO_FACTOR:
        session[FACTOR] = str(person("reader").pk if persona == OTHERS_FACTOR else account.pk)
    session.save()
    if persona == CLOSED:
        Account.objects.filter(pk=account.pk).update(is_active=False)
    return client


def expected(name: str, persona: str, method: str) -> int | str:  # noqa: PLR0911 - a line a rule
    """Said a second time, in other words than `permissions.verdict`."""
    needed = VIEWS.get(name)
    if needed is None:
        return 404
    if method not in permissions.METHODS.get(name, {"GET", "HEAD", "POST"}):
        return 405
    if needed in (PUBLIC, ENTRANCE):
        return REACHED
    if name.startswith(API):
        return 401  # cookies mean nothing to the API
    if persona in (STRANGER, CLOSED):
        return "/account/login/"
    if needed == SETTING_UP:
        return REACHED
    if persona in (NO_FACTOR, OTHERS_FACTOR):
        return "/account/keys/"
    return REACHED if needed == ACCOUNT or may([persona], needed) else 403


def test_every_address_is_in_the_table_and_every_line_of_it_is_an_address() -> None:
    names = {name for name, _ in addresses()}
    assert names - set(VIEWS) == UNANSWERED, "addresses without a line in web.permissions.VIEWS"
    assert set(VIEWS) - names == set(), "lines without an address"
    assert set(permissions.METHODS) - names == set()
    assert set(VIEWS.values()) <= {PUBLIC, ENTRANCE, SETTING_UP, ACCOUNT, *ACTIONS}


@pytest.mark.parametrize("persona", PERSONAS)
def test_each_address_answers_each_persona_and_method_as_the_table_says(
    server: Server, person: Person, settings: object, persona: str
) -> None:
    settings.MIDDLEWARE = [*django_settings.MIDDLEWARE, "tests.server.test_permissions.Reached"]  # type: ignore[attr-defined]
    client = enter(persona, person)
    wrong = []
    for name, address in addresses():
        for method in METHODS:
            answer = client.generic(method, address)
            found: int | str = answer.status_code
            if found == 302:
                found = answer["Location"].partition("?")[0]
            if found != expected(name, persona, method):
                wrong.append((name, method, found, expected(name, persona, method)))
    assert wrong == []


@pytest.mark.parametrize("persona", [CLOSED, *ROLES])
def test_the_api_answers_each_token_as_the_table_says(
    server: Server, person: Person, settings: object, persona: str
) -> None:
    settings.MIDDLEWARE = [*django_settings.MIDDLEWARE, "tests.server.test_permissions.Reached"]  # type: ignore[attr-defined]
    account = person(*((persona,) if persona in ROLES else ROLES))
    text = tokens.make("test", account=account)
    if persona == CLOSED:
        Account.objects.filter(pk=account.pk).update(is_active=False)
    wrong = []
    for name, address in addresses():
        if name.startswith(API):
            for method in METHODS:
                found = Client().generic(method, address, headers={"Authorization": f"Bearer {text}"}).status_code
                said = expected(name, persona, method)
                needed = VIEWS.get(name, "")
                if said in (401, REACHED) and persona == CLOSED:
                    said = 401
                elif said == 401:
                    said = REACHED if needed == ACCOUNT or may([persona], needed) else 403
                if found != said:
                    wrong.append((name, method, found, said))
    assert wrong == []


def test_a_view_without_a_line_answers_nobody(
    server: Server, person: Person, as_person: Callable[[Account], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permissions, "VIEWS", {k: v for k, v in VIEWS.items() if k != "work"})
    assert as_person(person(*ROLES)).get("/work/").status_code == 404


def _plain() -> list[tuple[str, str]]:
    return [(name, address) for name, address in addresses() if name in VIEWS and "abc" not in address]


@pytest.mark.parametrize("persona", [STRANGER, *ROLES])
def test_each_page_without_arguments_opens_for_whom_it_is_and_fails_for_nobody(
    server: Server, person: Person, persona: str
) -> None:
    client = enter(persona, person)
    for name, address in _plain():
        if expected(name, persona, "GET") == REACHED and "7" not in address and "6f1c" not in address:
            answer = client.get(address)
            assert answer.status_code < 500, (name, answer.status_code)


def test_public_pages_begin_no_session_and_set_no_cookie(server: Server) -> None:
    """But for the language, which somebody chooses."""
    for name, address in _plain():
        if VIEWS[name] == PUBLIC:
            for method in ("GET", "POST"):
                answer = Client().generic(method, address)
                assert not answer.cookies, (name, method, answer.cookies)
                assert "Cookie" not in answer.get("Vary", "") or name != "health"
    chosen = Client().get("/language/?to=ar&next=/")
    assert set(chosen.cookies) == {"language"}
    assert not Session.objects.exists()


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_attack_on_an_object_of_another(server: Server, person: Person, case: Case) -> None:
    owner, other = person(case.role, name="owner"), person(case.role, name="other")
    address, kept = case.make(server, owner)
    before = kept()
    client = Client()
    client.force_login(other, backend=_BACKEND)
    session = client.session
    session[FACTOR] = str(other.pk)
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "password", "at": time.time(), "reauthenticated": True}]
    session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(other.pk)
    session.save()
    answer = client.generic(
        case.method,
        address,
        "&".join(f"{name}={value}" for name, value in case.data),
        content_type="application/x-www-form-urlencoded",
        headers={"Authorization": f"Bearer {tokens.make('other', account=other)}"} if "/api/" in address else {},
    )
    assert answer.status_code in case.refused
    assert kept() == before
