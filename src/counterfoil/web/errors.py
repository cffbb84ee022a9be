"""Answers when something is wrong: pages of our own that tell what to do and nothing else.

Rules: no path, value or trace goes out; what the operator needs goes to the log as the kind of error and the places in
our code, without values of variables and without the error's own text, which may quote what somebody sent.
"""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers

RETRY_AFTER_S = 30
_PLACES = 6
log = logging.getLogger("counterfoil.web")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400"""
    return _page("400.html", 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403"""
    return _page("403.html", 403)


def expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form was too old, or came from another site (`CSRF_FAILURE_VIEW`)."""
    return _page("403_csrf.html", 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404"""
    return _page("404.html", 404)


def fault(request: HttpRequest) -> HttpResponse:
    """500; or 503 where the database cannot be reached, which passes."""
    kind, error, where = sys.exc_info()
    log.error("fault: %s at %s", kind.__name__ if kind else "unknown", places(where))
    if isinstance(error, OperationalError | InterfaceError):
        return unavailable()
    return _page("500.html", 500)


def unavailable() -> HttpResponse:
    """503: come again."""
    answer = _page("503.html", 503)
    answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def places(trace: TracebackType | None) -> str:
    """The innermost places of a trace, as file:line function."""
    frames = traceback.extract_tb(trace)[-_PLACES:]
    return " < ".join(f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in reversed(frames))


def _short(path: str) -> str:
    return "/".join(path.replace("\\", "/").split("/")[-2:])


def _page(template: str, status: int) -> HttpResponse:
    # Without a request: no context processor runs, so the page comes even where database and session are gone.
    answer = HttpResponse(render_to_string(template), status=status)
    patch_vary_headers(answer, ["Accept-Language"])
    return answer
