"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
"""An existing folder."""
ANYWHERE = click.Path(path_type=Path)
"""A path that need not exist."""

NOW = click.option(
    "--now", metavar="TIME", help="Time of the new entries' batch [default: SOURCE_DATE_EPOCH, else the clock]."
)
ORIGIN = click.option(
    "--origin", metavar="NAME", help="Name of the record when it is made, such as organisation.example/xx-2026."
)
OFFLINE = click.option(
    "--offline-sign",
    "vkey",
    metavar="VKEY",
    help="The key is on another machine; its verifier key, for the run that makes the record.",
)
