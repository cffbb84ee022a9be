"""The machine's operator lets an organiser in: on the first run, and when all organisers have lost their keys."""

from __future__ import annotations

from counterfoil.bootstrap.server import Server
from counterfoil.storage import accounts


def first_organiser_link(server: Server) -> str | None:
    """The link at which the first organiser makes a passkey; None where there is an organiser with a key. Each call
    makes a new link and ends the one before: it is shown on the terminal of whoever starts the server, and kept
    nowhere."""
    if any(accounts.has_factor(account) for account in accounts.organisers()):
        return None
    return operator_link(server)


def operator_link(server: Server) -> str:
    """A link for a new organiser, made by whoever owns the machine; it stands in the audit log."""
    settings = server.settings
    code = accounts.operator_invites(now=server.now())
    if settings.https:
        return f"https://{settings.hosts[0]}/account/invitation/{code}"
    return f"http://{settings.hosts[0]}:{settings.port}/account/invitation/{code}"
