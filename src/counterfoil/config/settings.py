"""The server's settings: each with its meaning, unit and default; read once, frozen.

Answers: where is everything, and how does this server behave. Leaves out: what the election is (`election.yaml`) and
what the organisers may change while it runs (`storage.models.Setting`).

Rules:

* A setting comes from the environment (`COUNTERFOIL_<NAME>`), else from `<folder>/server.toml`, else it is the default.
* An unknown name and a value of another type are refused: a mistyped setting must not be a default in silence.
* Secrets are files below `<folder>/keys/`, never settings; a setting may name such a file.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from counterfoil.primitives.errors import InputError
from counterfoil.storage.objects.bucket import check_apart

FILE = "server.toml"
STRANGERS_BATCH_LEAST_S = 300
"""Photos from strangers never go in by shorter batches, but in a rehearsal (security.md, Decided)."""


@dataclass(frozen=True)
class Settings:
    """Paths are absolute. Times are in seconds, sizes in bytes."""

    folder: Path
    """The election's folder: election.yaml, tables, record/, objects/, keys/; the server adds server/ and site/."""
    database: str = ""
    """A PostgreSQL address (postgresql://user@host:port/name, password in `keys/database.password`); empty: SQLite."""
    objects: str = ""
    """An S3 address for private pictures (s3+https://host:port/bucket/prefix, keys in `keys/objects.id` and
    `keys/objects.secret`); empty: a folder."""
    site_objects: str = ""
    """An S3 address to which the publication is copied after each growth (keys in `keys/site.id` and
    `keys/site.secret`); empty: none."""
    host: str = "127.0.0.1"
    port: int = 8000
    hosts: tuple[str, ...] = ("localhost",)
    """Names under which the server is opened; passkeys belong to the first of them."""
    https: bool = False
    """Whether a proxy in front speaks TLS: secure cookies, HSTS. Off only on localhost and for onion services."""
    behind_proxy: bool = False
    """Whether the proxy is trusted to say so by X-Forwarded-Proto."""
    batch_s: int = 600
    """Length of a batch. Below 300 only where `rehearsal` is on."""
    rehearsal: bool = False
    """A simulated election: short batches, and every page says so."""
    processes: int = 1
    """Web processes; more than one only with PostgreSQL."""
    threads: int = 16
    """Threads of a web process."""
    sandboxes: int = 2
    """Pictures decoded at once."""
    waiting_pictures: int = 16
    """Pictures that may wait for a decoder; beyond it the sender is asked to come again."""
    readers: int = field(default_factory=lambda: min(4, os.cpu_count() or 1))
    """Photos that the machine reads at once on this host, one process (0.4 GB) each; 0: none."""
    origin: str = ""
    """Name of the log where it is made; empty: counterfoil.example/<election id>."""

    @property
    def private(self) -> Path:
        """Database, pictures, nothing of it public."""
        return self.folder / "server"

    @property
    def last_backup(self) -> Path:
        """An empty file whose time is that of the newest backup."""
        return self.private / "last-backup"

    @property
    def site(self) -> Path:
        return self.folder / "site"

    @property
    def keys(self) -> Path:
        return self.folder / "keys"


def load_settings(folder: Path, environment: Mapping[str, str] = os.environ, **given: Any) -> Settings:
    """The settings of the election in `folder`; `given` stands over file and environment.

    Raises:
        InputError: an unknown name, a wrong type, or settings that exclude each other.
    """
    folder = folder.absolute()
    path = folder / FILE
    values = _from_file(path) | _from_environment(environment) | given
    settings = Settings(folder=folder, **values)
    if settings.batch_s < STRANGERS_BATCH_LEAST_S and not settings.rehearsal:
        raise _refused(
            "batch_s", f"at least {STRANGERS_BATCH_LEAST_S} outside a rehearsal", str(settings.batch_s), path
        )
    if settings.processes > 1 and not settings.database:
        raise _refused("processes", "1 on SQLite", str(settings.processes), path)
    if settings.objects and settings.site_objects:
        check_apart(settings.objects, settings.site_objects)
    if not settings.hosts:
        raise _refused("hosts", "at least one name", "none", path)
    return settings


_TYPES = {f.name: f.type for f in fields(Settings) if f.name != "folder"}


def _from_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(str(path), expected="TOML", found=str(error), code="bad-setting") from None
    return {name: _value(name, value, path) for name, value in found.items()}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, kind in _TYPES.items():
        variable = f"COUNTERFOIL_{name.upper()}"
        text = environment.get(variable)
        if text is None:
            continue
        match kind:
            case "int":
                found[name] = int(text) if text.isdecimal() else _refuse(variable, "a whole number", text)
            case "bool":
                words = {"1": True, "true": True, "0": False, "false": False, "": False}
                found[name] = words[text] if text in words else _refuse(variable, "true or false", text)
            case "tuple[str, ...]":
                found[name] = tuple(text.split())
            case _:
                found[name] = text
    return found


def _value(name: str, value: Any, path: Path) -> Any:
    match _TYPES.get(name):
        case "int" if type(value) is int and value >= 0:
            return value
        case "bool" if type(value) is bool:
            return value
        case "str" if isinstance(value, str):
            return value
        case "tuple[str, ...]" if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        case None:
            raise _refused(name, f"one of {', '.join(_TYPES)}", "an unknown setting", path)
        case kind:
            raise _refused(name, f"a value of type {kind}", repr(value), path)


def _refused(name: str, expected: str, found: str, path: Path) -> InputError:
    return InputError(f"{path}: {name}", expected=expected, found=found, code="bad-setting")


def _refuse(where: str, expected: str, found: str) -> Any:
    raise InputError(where, expected=expected, found=repr(found[:40]), code="bad-setting")
