"""The Django application of this folder."""

from __future__ import annotations

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Pages and API."""

    name = "counterfoil.web"
    label = "web"

    def ready(self) -> None:
        import counterfoil.web.accounts.signals  # noqa: F401, PLC0415 - receivers, and models must be there first
