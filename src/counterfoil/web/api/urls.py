"""Addresses of the API."""

from __future__ import annotations

from django.urls import path

from counterfoil.web.api import public, work
from counterfoil.web.api.core import api

api.add_router("", public.router)
api.add_router("", work.router)

urlpatterns = [path("v1/", api.urls)]
