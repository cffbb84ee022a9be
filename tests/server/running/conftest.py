"""Real database servers for the tests of this folder."""

from tests.servers.fixtures import fast_postgres, postgres, swift

__all__ = ["fast_postgres", "postgres", "swift"]
