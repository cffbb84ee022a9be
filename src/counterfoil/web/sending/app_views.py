"""What makes the sending pages installable: the queue page, the service worker, the manifest.

The worker keeps only the queue page and its own files on a phone, and only after somebody asked for it there. No other
page is kept: it would tell which station somebody opened.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext as _

from counterfoil.bootstrap.server import server
from counterfoil.web.sending.guard import sender_view
from counterfoil.web.sending.views import KINDS
from counterfoil.web.texts import local
from counterfoil.workflow.sending import COPY_KINDS

_FILES = ("app.css", "send.css", "send-queue.js", "send-page.js", "send-icon.svg")
_COLOUR = "#064f8c"


@sender_view
def queue(request: HttpRequest) -> HttpResponse:
    """Photos that wait on this phone, and a form that works without a network."""
    election = server().election
    context = {
        "contests": [(one.id, local(one.title)) for one in election.contests],
        "pages": range(1, max(election.form(one.form).pages for one in election.contests) + 1),
        "kinds": [(kind, KINDS[kind]) for kind in COPY_KINDS],
    }
    return render(request, "sending/queue.html", context)


def worker(request: HttpRequest) -> HttpResponse:
    """The service worker. Another version of any kept file makes another worker, so that phones take the new ones."""
    shell = [reverse("send_queue"), *(static(f"app/{name}") for name in _FILES)]
    head = f"const VERSION = {json.dumps(_version())};\nconst SHELL = {json.dumps(shell)};\n"
    return HttpResponse(head + _file("sw.js").decode("utf-8"), content_type="text/javascript; charset=utf-8")


@cache
def _version() -> str:
    return hashlib.sha256(b"".join(_file(name) for name in (*_FILES, "sw.js"))).hexdigest()[:16]


@cache
def _file(name: str) -> bytes:
    return (files("counterfoil.web") / "static" / "app" / name).read_bytes()


def manifest(request: HttpRequest) -> HttpResponse:
    """The web app manifest, in the language of the page that asks."""
    said = {
        "name": _("Send photos of protocols"),
        "short_name": _("Protocols"),
        "dir": "rtl" if get_language_bidi() else "ltr",
        "start_url": reverse("send_queue"),
        "scope": reverse("send"),
        "display": "standalone",
        "background_color": "#ffffff",
        "theme_color": _COLOUR,
        "icons": [{"src": static("app/send-icon.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"}],
    }
    return JsonResponse(said, content_type="application/manifest+json")
