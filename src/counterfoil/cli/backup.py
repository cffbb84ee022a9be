"""`counterfoil backup` and `counterfoil restore`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

import click

from counterfoil.bootstrap.setup import setup_django
from counterfoil.cli.options import ANYWHERE, FOLDER
from counterfoil.cli.output import Output, with_output
from counterfoil.primitives.errors import InputError
from counterfoil.record.keys import join, split
from counterfoil.workflow.restore import unpack_into
from counterfoil.workflow.sealed import Secret, kind_of

_LEAST_CHARACTERS = 16
_NAME = "counterfoil.backup"
"""What the lines of a backup's key are called; the key of the record has the record's name."""
PASSPHRASE = click.option(
    "--passphrase-file",
    type=click.File("r", encoding="utf-8"),
    help="File whose first line is the passphrase [default: asked for].",
)


@click.command()
@click.argument("folder", type=FOLDER)
@click.argument("to", type=ANYWHERE)
@PASSPHRASE
@click.option("--parts", type=int, help="Seal it with a new key in so many parts instead, printed once.")
@click.option("--needed", type=int, help="How many of the parts open it.")
@with_output
def backup(
    folder: Path, to: Path, passphrase_file: TextIO | None, parts: int | None, needed: int | None, say: Output
) -> None:
    """Write all of the server in FOLDER to the file TO, sealed, while it runs; then read it again and check it."""
    if to.exists():
        raise InputError(str(to), expected="a new file", found="one that exists", do="name another")
    lines: list[str] = []
    if parts is not None:
        seed = os.urandom(32)
        lines = split(_NAME, seed, parts, needed or parts, os.urandom)
        secret = Secret(seed=seed)
    else:
        secret = Secret(passphrase=_passphrase(passphrase_file, confirm=True))
    setup_django(folder)
    from counterfoil.bootstrap.backup import back_up  # noqa: PLC0415 - models, after Django is ready
    from counterfoil.bootstrap.server import server  # noqa: PLC0415 - as above

    done = back_up(server(), to, secret, say.progress)
    server().settings.last_backup.touch(mode=0o600)
    if lines:
        say.note("These lines open the backup: print each, keep none on this machine.")
    data = {"entries": done.entries, "members": done.members, "bytes": done.bytes, "purged": done.purged}
    text = f"{to}: {done.entries} entries of the record, {done.members} members, {done.bytes} bytes; read again, holds"
    say.result({**data, **({"parts": lines} if lines else {})}, [*lines, text])


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="[FROM] FOLDER", type=ANYWHERE)
@PASSPHRASE
@click.option("--key-parts", type=click.File("r", encoding="utf-8"), help="File with the parts of its key, one a line.")
@click.option(
    "--compare",
    "site",
    metavar="SITE",
    type=FOLDER,
    help="The newest publication, as a folder: what it has more is taken from it, then the server may sign.",
)
@click.option("--nothing-newer", is_flag=True, help="Nothing was published after the backup: the server may sign.")
@click.option("--adopt", is_flag=True, help="Only FOLDER: bring its database up to its record.")
@with_output
def restore(
    paths: tuple[Path, ...],
    passphrase_file: TextIO | None,
    key_parts: TextIO | None,
    site: Path | None,
    nothing_newer: bool,
    adopt: bool,
    say: Output,
) -> None:
    """Make FOLDER (new) of the backup FROM. Nothing is signed there before the newest publication was compared.

    With FOLDER alone and --compare, --nothing-newer or --adopt: settle a folder that was restored before.
    """
    if len(paths) > 2 or (len(paths) == 1 and not (site or nothing_newer or adopt)):
        raise click.UsageError("Expected FROM and FOLDER, or FOLDER with --compare, --nothing-newer or --adopt.")
    folder = paths[-1]
    about = None
    if len(paths) == 2:
        say.progress("unpack", 0, 0)
        about = unpack_into(paths[0], folder, _secret(paths[0], passphrase_file, key_parts))
    setup_django(folder)
    from counterfoil.bootstrap.restore import put_back, settle  # noqa: PLC0415 - models, after Django is ready
    from counterfoil.bootstrap.server import server  # noqa: PLC0415 - as above

    at = put_back(about) if about is not None else server()
    done = settle(at, site, nothing_newer=nothing_newer)
    at.close()
    state = "held: it signs nothing until it was compared with the newest publication" if done.held else "may sign"
    data = {"entries": done.entries, "taken": done.taken, "held": done.held}
    say.result(data, [f"{folder}: {done.entries} entries, {done.taken} of them from the publication; {state}"])


def _secret(backup_file: Path, passphrase_file: TextIO | None, key_parts: TextIO | None) -> Secret:
    with backup_file.open("rb") as file:
        kind = kind_of(file)
    if kind == "passphrase":
        return Secret(passphrase=_passphrase(passphrase_file, confirm=False))
    if key_parts is None:
        raise InputError("--key-parts", expected="the parts of the key that sealed this backup", found="none")
    return Secret(seed=join([line.strip() for line in key_parts if line.strip()])[1])


def _passphrase(file: TextIO | None, *, confirm: bool) -> str:
    text = (
        file.readline().rstrip("\n")
        if file is not None
        else str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True))
    )
    if confirm and len(text) < _LEAST_CHARACTERS:
        raise InputError(
            "the passphrase",
            expected=f"{_LEAST_CHARACTERS} characters or more, better six random words",
            found=f"{len(text)}",
        )
    return text
