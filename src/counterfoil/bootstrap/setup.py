"""Django made ready for one election, once per process; before that nothing that knows a model can be imported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import django


def setup_django(folder: Path, environment: Mapping[str, str] = MappingProxyType({})) -> None:
    """Make Django ready for the election in `folder`. `environment`: settings (`COUNTERFOIL_...`) that stand over all
    others.

    Raises:
        InputError: a setting is not what it must be.
    """
    os.environ.update(environment)
    os.environ["COUNTERFOIL_FOLDER"] = str(folder.absolute())
    os.environ["DJANGO_SETTINGS_MODULE"] = "counterfoil.config.django"
    django.setup()
