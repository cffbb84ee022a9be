"""`counterfoil key` and `counterfoil sign`: what is done on the machine that holds the key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

import click

from counterfoil.cli.options import ANYWHERE, FOLDER
from counterfoil.cli.output import Output, with_output
from counterfoil.record.keys import PARTS, create_key, join, load_seed, show_key, split
from counterfoil.workflow.offline import sign_request

KEYS = click.argument("keys", type=ANYWHERE)
_SEED_BYTES = 32


@click.group()
def key() -> None:
    """Make, show, split and join the key of a record. KEYS is a folder such as FOLDER/keys."""


@key.command()
@KEYS
@click.option("--origin", required=True, metavar="NAME", help="Name of the record: organisation.example/xx-2026.")
@with_output
def new(keys: Path, origin: str, say: Output) -> None:
    """Make a new key in KEYS (0700; the key file 0600). A key that is there is never overwritten."""
    signer = create_key(keys, origin, os.urandom(_SEED_BYTES))
    say.result({"vkey": signer.vkey}, [signer.vkey])


@key.command()
@click.argument("keys", type=FOLDER)
@with_output
def show(keys: Path, say: Output) -> None:
    """Print the verifier key, which is public: spread it by other ways than the publication."""
    vkey = show_key(keys)
    say.result({"vkey": vkey}, [vkey])


@key.command("split")
@click.argument("keys", type=FOLDER)
@click.option("--parts", required=True, type=int, help="How many parts to make.")
@click.option("--needed", required=True, type=int, help="How many of them give the key back.")
@with_output
def split_(keys: Path, parts: int, needed: int, say: Output) -> None:
    """Print the key as parts, one line each, for safes in different places. Fewer than --needed say nothing of it."""
    lines = split(*load_seed(keys), parts, needed, os.urandom)
    (keys / PARTS).write_text(f"{needed} of {parts}\n", "ascii")
    (keys / PARTS).chmod(0o600)
    say.note("These lines are secret: print each, keep none on this machine.")
    say.result({"parts": lines}, lines)


@key.command("join")
@KEYS
@click.argument("parts", type=click.File("r", encoding="utf-8"), default="-")
@with_output
def join_(keys: Path, parts: TextIO, say: Output) -> None:
    """Make the key again in KEYS from parts, one line each, in a file or on standard input."""
    name, seed = join([line for line in parts.read().splitlines() if line.strip()])
    signer = create_key(keys, name, seed)
    say.result({"vkey": signer.vkey}, [signer.vkey])


@click.command()
@click.argument("request", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--keys", required=True, type=FOLDER, help="Folder of the key.")
@click.option("--out", type=ANYWHERE, help="Signed file [default: REQUEST with the ending .signed].")
@with_output
def sign(request: Path, keys: Path, out: Path | None, say: Output) -> None:
    """Sign REQUEST (a checkpoint or a manifest that waits in FOLDER/to-sign) on a machine without network.

    A checkpoint is signed only if it provably extends the last one that this key signed; a manifest only for that one.
    """
    target = out or request.with_suffix(".signed")
    target.write_bytes(sign_request(request.read_text("utf-8"), keys))
    say.result({"signed": str(target)}, [f"signed: {target}"])
