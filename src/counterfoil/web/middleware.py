"""First and last of every request: what could tell who somebody is goes before anything can store it.

Rules (security.md, section 7):

* Headers are kept by name (`KEPT`); every other one is dropped. A list of what to drop would miss the next one that
  browsers invent (screen, model, battery). Of the referring page only its origin stays, for the check of forms.
* The language is chosen first, then its header goes. Nothing personal is cached by anybody.
* Every answer, errors too, has the headers of `Headers`; pictures and downloads that are opened as a page run nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import translation
from django.utils.http import urlencode
from django.utils.translation.trans_real import parse_accept_lang_header

Get = Callable[[HttpRequest], HttpResponse]
NOBODY = "0.0.0.0"  # noqa: S104 - stands for every sender; nothing listens on it
KEPT = frozenset(
    "HTTP_" + name
    for name in (
        "ACCEPT AUTHORIZATION CONNECTION COOKIE EXPECT HOST IDEMPOTENCY_KEY IF_MATCH IF_MODIFIED_SINCE IF_NONE_MATCH "
        "ORIGIN RANGE REFERER SEC_FETCH_DEST SEC_FETCH_MODE SEC_FETCH_SITE TRANSFER_ENCODING TUS_RESUMABLE "
        "UPLOAD_CHECKSUM UPLOAD_LENGTH UPLOAD_METADATA UPLOAD_OFFSET X_CSRFTOKEN X_FORWARDED_PROTO X_REQUESTED_WITH "
        "X_HTTP_METHOD_OVERRIDE"
    ).split()
)
"""Names of headers, as WSGI has them, that the server works with. None of them tells a browser from another."""
_FROM_THE_SOCKET = ("REMOTE_HOST", "REMOTE_PORT", "REMOTE_USER", "REMOTE_IDENT", "gunicorn.socket", "SSL_CLIENT_CERT")
RUNS_NOTHING = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""Policy of pictures and downloads: opened as a page of their own, they are only shown."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Permitted-Cross-Domain-Policies": "none",
}


class ForgetTheSender:
    """Before anything else sees the request."""

    def __init__(self, get_response: Get) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        request.accepted_language = _language(meta.pop("HTTP_ACCEPT_LANGUAGE", ""))  # type: ignore[attr-defined]
        for name in [name for name in meta if name.startswith("HTTP_") and name not in KEPT]:
            del meta[name]
        for name in _FROM_THE_SOCKET:
            meta.pop(name, None)
        if "HTTP_REFERER" in meta:
            came = urlsplit(meta["HTTP_REFERER"])
            meta["HTTP_REFERER"] = f"{came.scheme}://{came.netloc}/"
        meta["REMOTE_ADDR"] = NOBODY
        request.__dict__.pop("headers", None)
        translation.activate(request.accepted_language)  # type: ignore[attr-defined]
        return self.get_response(request)


def _language(header: str) -> str:
    for code, _ in parse_accept_lang_header(header):
        try:
            return translation.get_supported_language_variant(code)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE


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
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        if kind.startswith("image/") or "attachment" in answer.headers.get("Content-Disposition", ""):
            answer.headers["Content-Security-Policy"] = RUNS_NOTHING
        if "no-store" in answer.headers["Cache-Control"]:
            answer.headers.pop("ETag", None)
        return answer


class AskAgain:
    """Whoever must prove again who they are comes back to the page, not to the form they sent: allauth would keep the
    whole request in the session, with cookies and what was typed."""

    def __init__(self, get_response: Get) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, ReauthenticationRequired):
            return None
        return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': request.path})}")
