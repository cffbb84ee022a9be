"""First and last of every request: what could tell who somebody is goes before anything can store it.

Rules (security.md, section 7): no address, no forwarding headers, no user agent, no referring page beyond its host; the
language is chosen first, then its header goes. Nothing personal is cached by anybody.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

Get = Callable[[HttpRequest], HttpResponse]
_FORGOTTEN = (
    "HTTP_USER_AGENT",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_REAL_IP",
    "HTTP_FORWARDED",
    "HTTP_VIA",
    "HTTP_CF_CONNECTING_IP",
    "HTTP_TRUE_CLIENT_IP",
    "REMOTE_HOST",
    "REMOTE_PORT",
    "REMOTE_USER",
)
NOBODY = "0.0.0.0"  # noqa: S104 - stands for every sender; nothing listens on it


class ForgetTheSender:
    """Before anything else sees the request."""

    def __init__(self, get_response: Get) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        language = translation.get_supported_language_variant
        chosen = settings.LANGUAGE_CODE
        for code, _ in translation.trans_real.parse_accept_lang_header(meta.pop("HTTP_ACCEPT_LANGUAGE", "")):
            try:
                chosen = language(code)
                break
            except LookupError:
                continue
        request.accepted_language = chosen  # type: ignore[attr-defined]
        for name in _FORGOTTEN:
            meta.pop(name, None)
        meta["REMOTE_ADDR"] = NOBODY
        return self.get_response(request)


class ChosenLanguage:
    """The language of the cookie, else the one that the browser asked for."""

    def __init__(self, get_response: Get) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        code = request.COOKIES.get("language", "")
        if code not in dict(settings.LANGUAGES):
            code = request.accepted_language  # type: ignore[attr-defined]
        translation.activate(code)
        request.LANGUAGE_CODE = code
        answer = self.get_response(request)
        answer.headers.setdefault("Content-Language", code)
        return answer


class Headers:
    """Headers of every answer that Django does not set itself."""

    def __init__(self, get_response: Get) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        headers = answer.headers
        headers.setdefault("Cache-Control", "no-store")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Embedder-Policy", "require-corp")
        headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), interest-cohort=()")
        return answer
