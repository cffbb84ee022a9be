"""The Django application of this folder."""

from __future__ import annotations

from django.apps import AppConfig


class StorageConfig(AppConfig):
    """Models of the work state."""

    name = "counterfoil.storage"
    label = "storage"
