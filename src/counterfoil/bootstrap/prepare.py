"""Before a server serves: its database has today's tables, and its election stands in the record."""

from __future__ import annotations

from django.core.management import call_command

from counterfoil.bootstrap.server import Server, server
from counterfoil.primitives.errors import RecordError
from counterfoil.workflow.restore import RESTORING


def prepare() -> Server:
    """The server of this process (`bootstrap.setup` came before), ready to be served. Idempotent; killed anywhere, it
    is done again.

    Raises:
        InputError: a file of the folder is not what it must be.
        RecordError: database and record don't belong together.
    """
    found = server()
    if (found.settings.private / RESTORING).exists():
        raise RecordError(
            f"{found.settings.folder}: expected a whole server, found one whose restoring was cut off; restore again, "
            "into another folder",
            code="half-restored",
        )
    call_command("migrate", interactive=False, verbosity=0)
    found.open_election()
    return found
