"""The API object: one version, one form of errors, who asks.

Rules:

* A caller shows a token (`Authorization: Bearer counterfoil_...`). Cookies mean nothing here, so no page of another
  site can use them. What is public needs none.
* Which action an address needs stands in `web.permissions.VIEWS`, like that of every page; the operations are named
  `api-1:<name>` there.
* An error is {"code": stable word, "message": one sentence: expected, found, what to do}. 422: the caller can mend it;
  409: things stand otherwise; 503 with Retry-After: the same again later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.db import Error as DatabaseTrouble
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.errors import ValidationError

from counterfoil.primitives.errors import CounterfoilError, InputError, RecordError, Refusal
from counterfoil.storage import tokens
from counterfoil.storage.models import Account, Token
from counterfoil.web.sending.answers import PASSING

NAMESPACE = "api-1"
DESCRIPTION = (
    "Everything that the pages of a Counterfoil server do. Published figures are not here: they are files of the "
    "publication (data/), for any mirror. Figures are integers; unknown is null or a named state, never 0."
)

api = NinjaAPI(
    title="Counterfoil",
    version="1",
    description=DESCRIPTION,
    docs_url=None,
    openapi_url="openapi.json",
    urls_namespace=NAMESPACE,
)


class Problem(Schema):
    """Why something was not done."""

    code: str
    message: str


PROBLEMS = {frozenset({401, 403, 404, 409, 422, 503}): Problem}
"""Answers that any operation may give."""


def token_of(request: HttpRequest) -> Token | None:
    """The token that the caller shows, if it holds."""
    return tokens.shown(request.headers.get("Authorization", ""))


def caller(request: HttpRequest) -> Account:
    """Whose token this is; `permissions.DefaultDeny` let nobody else through."""
    return cast(Account, request.user)


def problem(request: HttpRequest, error: CounterfoilError, status: int) -> HttpResponse:
    answer = api.create_response(request, {"code": error.code, "message": str(error)}, status=status)
    if status == 503:
        answer.headers["Retry-After"] = str(getattr(error, "retry_after_s", 10))
    return answer


@api.exception_handler(CounterfoilError)
def _counterfoil(request: HttpRequest, error: CounterfoilError) -> HttpResponse:
    if isinstance(error, PASSING):
        return problem(request, error, 503)
    if isinstance(error, InputError):
        return problem(request, error, 422)
    if isinstance(error, Refusal):
        return problem(request, error, 409)
    return problem(request, error, 503 if isinstance(error, RecordError) else 422)


@api.exception_handler(DatabaseTrouble)
def _database(request: HttpRequest, error: DatabaseTrouble) -> HttpResponse:
    said = "not done: the server cannot write anything down at this moment; the same is welcome in half a minute"
    answer = problem(request, RecordError(said, code="not-received"), 503)
    answer.headers["Retry-After"] = "30"
    return answer


@api.exception_handler(ValidationError)
def _wrong_form(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first: Mapping[str, Any] = error.errors[0] if error.errors else {}
    place = ".".join(str(part) for part in first.get("loc", ()))
    return problem(request, InputError(place, expected="another form", found=str(first.get("msg", ""))), 422)


@api.exception_handler(Http404)
def _nothing(request: HttpRequest, error: Http404) -> HttpResponse:
    return problem(request, InputError(request.path, expected="something that exists", found="nothing"), 404)
