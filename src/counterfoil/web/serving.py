"""The web processes: gunicorn with threads, told to write nothing down about anybody.

Rules: no access log; of gunicorn's own messages only the critical ones, which name no request (its warnings hold
addresses, its errors pages); nothing of a request on a disk; no control socket.
"""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from counterfoil.config.settings import Settings
from counterfoil.primitives.errors import InputError

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - gunicorn's heartbeat; holds nothing
_OURS = logging.getLogger("counterfoil")


class _Critical(logging.Handler):
    """Passes on only that a worker hung or could not start: of the process, not of a request."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.CRITICAL:
            _OURS.critical("%s", record.getMessage())


class SilentLogger(Logger):
    """Gunicorn's logger without what it says about requests."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers, log.propagate = [logging.NullHandler()], False
        self.error_log.handlers.append(_Critical())


class _Gunicorn(BaseApplication):
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        s = self._settings
        for name, value in {
            "bind": [f"{s.host}:{s.port}"],
            "worker_class": "gthread",
            "workers": s.processes,
            "threads": s.threads,
            "worker_connections": 1000,
            "keepalive": 15,
            "timeout": 60,
            "graceful_timeout": 15,
            "accesslog": None,
            "errorlog": "-",
            "logger_class": SilentLogger,
            "worker_tmp_dir": str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None,
            "control_socket_disable": True,
            "secure_scheme_headers": {},  # whether the proxy is trusted is Django's setting
            "default_proc_name": "counterfoil",
            "limit_request_line": 4094,
            "limit_request_fields": 60,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from counterfoil.web.wsgi import application  # noqa: PLC0415 - in the worker, after the fork

        return application


def serve_web(settings: Settings) -> None:
    """Serve until SIGTERM; does not return.

    Raises:
        InputError: the port is taken, or the address is not this machine's.
    """
    check_port(settings)
    _Gunicorn(settings).run()


def check_port(settings: Settings) -> None:
    """That the address can be listened on: gunicorn would try again and again.

    Raises:
        InputError: it can't.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except (OSError, OverflowError) as error:
            raise InputError(
                f"port {settings.port} of {settings.host}",
                expected="one that is free",
                found=getattr(error, "strerror", None) or str(error),
                do="choose another with --port",
                code="port-taken",
            ) from None


def is_taken(settings: Settings) -> bool:
    """Whether something answers at the server's address."""
    with socket.socket() as probe:
        return probe.connect_ex((settings.host, settings.port)) == 0
