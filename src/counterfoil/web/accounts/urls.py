"""Addresses of accounts: allauth's own, without those for mail and open sign-up."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("allauth.urls")),
]
