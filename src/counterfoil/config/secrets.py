"""The server's own secrets: one file each below `keys/`, drawn on first use."""

from __future__ import annotations

import os
from pathlib import Path

from counterfoil.primitives.errors import RecordError
from counterfoil.record.keys import create_secret, read_secret

SECRET_BYTES = 32


def secret(keys: Path, name: str) -> str:
    """The secret `name` as 64 hex digits; drawn from the system's random source where there is none yet.

    Raises:
        RecordError: others may read the file or its folder.
    """
    if not (keys / name).exists():
        try:
            create_secret(keys, name, os.urandom(SECRET_BYTES).hex().encode("ascii") + b"\n")
        except RecordError as error:
            if error.code != "key-exists":  # another process of this server was first
                raise
    return read_secret(keys, name).decode("ascii").strip()
