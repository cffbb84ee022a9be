"""Addresses of the API."""

from __future__ import annotations

from django.urls import path

from counterfoil.web.api import after, organise, public, work
from counterfoil.web.api.core import api

for part in (public, after, work, organise):
    api.add_router("", part.router)

urlpatterns = [path("v1/", api.urls)]
