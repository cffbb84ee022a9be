"""The Django application of this folder."""

from __future__ import annotations

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Pages and API."""

    name = "counterfoil.web"
    label = "web"
