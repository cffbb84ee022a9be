"""Serving a publication on this machine, for looking at it: nothing but its files, to nobody but this machine."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from counterfoil.primitives.errors import InputError

HOST = "127.0.0.1"


class _Files(SimpleHTTPRequestHandler):
    """The folder's files, without a line on the terminal for each."""

    protocol_version = "HTTP/1.1"
    extensions_map = {  # noqa: RUF012 - the base class reads it as it is
        **SimpleHTTPRequestHandler.extensions_map,
        ".css": "text/css; charset=utf-8",
        ".csv": "text/csv; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".json": "application/json",
        ".parquet": "application/vnd.apache.parquet",
        ".svg": "image/svg+xml",
        ".txt": "text/plain; charset=utf-8",
    }

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Keep quiet: nobody's reading is written down."""


def make_server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of `folder` on this machine; port 0 takes any that is free.

    Raises:
        InputError: the port is taken, or may not be used.
    """
    try:
        return ThreadingHTTPServer((HOST, port), partial(_Files, directory=str(folder)))
    except (OSError, OverflowError) as error:
        raise InputError(
            f"port {port} of this machine",
            expected="one that is free",
            found=getattr(error, "strerror", None) or str(error),
            do="choose another with --port, or leave serving out with --no-serve",
            code="port-taken",
        ) from None


def serve_forever(server: ThreadingHTTPServer) -> None:
    """Serve until somebody presses Ctrl-C."""
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        return
    finally:
        server.server_close()
