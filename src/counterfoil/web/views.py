"""Views that belong to no part: the start page of each role, the language, the health check."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language

from counterfoil.web.organise.lists import start as organising
from counterfoil.web.reading.start import start as reading


def work(request: HttpRequest) -> HttpResponse:
    """What is missing and what to do next, for the roles of this person."""
    return render(request, "web/work.html", {"organise": organising(request), "reading": reading(request)})


def language(request: HttpRequest) -> HttpResponse:
    """Choose a language; kept in a cookie that says nothing else."""
    to = request.GET.get("next", "/")
    safe = url_has_allowed_host_and_scheme(to, allowed_hosts=None)
    answer = HttpResponseRedirect(to if safe else "/")
    code = request.GET.get("to", "")
    if check_for_language(code):
        answer.set_cookie("language", code, samesite="Strict", httponly=True, secure=request.is_secure())
    return answer


def health(request: HttpRequest) -> HttpResponse:
    """Answers when the web process runs."""
    return HttpResponse("ok\n", content_type="text/plain")
