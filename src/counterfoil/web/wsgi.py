"""The WSGI application: server pages from Django, everything else from the publication's folder.

Whoever reads the publication never touches Django or the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from counterfoil.web.site import Files

DYNAMIC = ("account", "api", "healthz", "language", "organise", "send", "work")
"""First parts of the addresses that Django answers (`web.urls`)."""
STATIC = "static"


class Site:
    """Hands each request to Django, to the pages' own files or to the publication."""

    def __init__(self, django: WSGIApplication, static: WSGIApplication, publication: WSGIApplication) -> None:
        self._parts: dict[str, WSGIApplication] = dict.fromkeys(DYNAMIC, django)
        self._static, self._publication = static, publication

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "/")
        first, _, rest = path[1:].partition("/")
        if first == STATIC:
            return self._static({**environ, "PATH_INFO": "/" + rest}, start_response)
        return self._parts.get(first, self._publication)(environ, start_response)


def make_application() -> Site:
    """The application of this process's election."""
    counterfoil = settings.COUNTERFOIL
    secure = [("Strict-Transport-Security", "max-age=31536000; includeSubDomains")] if counterfoil.https else []
    static = Path(__file__).with_name("static")
    return Site(
        get_wsgi_application(), Files(static, secure, public=False), Files(counterfoil.site, secure, public=True)
    )


application = make_application()
