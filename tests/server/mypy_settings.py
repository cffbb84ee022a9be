"""Django's settings for the type checker, in a folder of its own."""

from tests.server import environment  # noqa: F401, I001 - sets where the election is
from counterfoil.config.django import *  # noqa: F403
