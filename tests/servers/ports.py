"""A port for a server of a test. Below those that the kernel gives to connections: one of a parallel test can't take it
between the look and the start, nor while the server is down and comes back at the same address."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress

_FIRST, _LAST = 20_000, 32_000
"""The kernel gives out 32768 to 60999 (net.ipv4.ip_local_port_range)."""


def free_port() -> int:
    """One of 127.0.0.1 on which nobody listens."""
    while True:
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
