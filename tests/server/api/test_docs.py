"""Every example of docs/api.md, in its order; and the description of the API itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver

from counterfoil.bootstrap.server import Server
from counterfoil.storage import tokens
from counterfoil.web.api.core import api
from counterfoil.web.permissions import VIEWS
from counterfoil.workflow.roles import ROLES, may
from tests.server.conftest import Person

DOC = Path(__file__).parents[3] / "docs" / "api.md"
EXAMPLE = re.compile(r"```http\n(GET|POST) (\S+)\n(?:as (\w+)\n)?(?:(\{.*\})\n)?(\d{3})(?: (\S+))?\n```")


def test_every_example_of_the_documentation_runs(server: Server, client: Client, person: Person) -> None:
    words = {role: tokens.make("docs", account=person(role, name=f"docs-{role}")) for role in ROLES}
    found = EXAMPLE.findall(DOC.read_text("utf-8"))
    assert len(found) == DOC.read_text("utf-8").count("```http") >= 15
    for method, path, role, body, status, code in found:
        more: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {words[role]}"} if role else {}
        answer = client.generic(method, f"/api/v1/{path}", body.encode(), content_type="application/json", **more)
        assert answer.status_code == int(status), (method, path, body, answer.content)
        if code:
            assert answer.json()["code"] == code


def names() -> list[str]:
    found = []
    for pattern in get_resolver().url_patterns:
        for inner in getattr(pattern, "url_patterns", ()):
            if getattr(inner, "namespace", "") == api.urls_namespace:
                found += [f"{api.urls_namespace}:{one.name}" for one in inner.url_patterns if one.name]
    return found


def test_every_address_of_the_api_has_a_line_in_the_table() -> None:
    assert len(names()) > 30
    assert set(names()) - {"api-1:api-root"} <= set(VIEWS)
    assert {name for name in VIEWS if name.startswith("api-1:")} <= set(names())


@pytest.mark.parametrize("role", ROLES)
def test_a_role_without_the_right_gets_403_from_every_operation(
    server: Server, client: Client, person: Person, role: str
) -> None:
    word = tokens.make("walk", account=person(role))
    nobody = "00000000-0000-0000-0000-000000000000"
    walked = 0
    for path, methods in api.get_openapi_schema()["paths"].items():
        name = _name_of(path)
        needed = VIEWS[name]
        if needed in ("public", "account") or may([role], needed):
            continue
        address = path.replace("{key}", nobody).replace("{act}", "approve")
        for method in methods:
            answer = client.generic(method.upper(), address, b"{}", HTTP_AUTHORIZATION=f"Bearer {word}")
            assert (answer.status_code, answer.json()["code"]) == (403, "not-your-role"), (name, role)
            bare = client.generic(method.upper(), address, b"{}")
            assert (bare.status_code, bare.json()["code"]) == (401, "no-token"), name
            walked += 1
    assert walked > 0


def _name_of(path: str) -> str:
    from django.urls import resolve

    concrete = (
        path.replace("{key}", "00000000-0000-0000-0000-000000000000")
        .replace("{act}", "approve")
        .replace("{index}", "1")
        .replace("{station}", "001")
    )
    return resolve(concrete).view_name


def test_the_description_is_openapi_3_1_and_every_operation_says_what_it_does(server: Server, client: Client) -> None:
    schema = client.get("/api/v1/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    for methods in schema["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
