"""`counterfoil count` and `counterfoil publish`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from counterfoil.cli.options import ANYWHERE, FOLDER, NOW, OFFLINE, ORIGIN
from counterfoil.cli.output import Output, with_output
from counterfoil.cli.text import count_lines
from counterfoil.workflow import CountResult
from counterfoil.workflow import count as run_count
from counterfoil.workflow import publish as run_publish
from counterfoil.workflow.moment import parse_moment


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--out", type=ANYWHERE, help="Folder to publish to; a publication of this record is replaced.")
@NOW
@ORIGIN
@OFFLINE
@with_output
def count(folder: Path, out: Path | None, now: str | None, origin: str | None, vkey: str | None, say: Output) -> None:
    """Put what is new in FOLDER into its record, count from the record, publish to --out.

    The first run makes FOLDER/keys, FOLDER/record and FOLDER/objects. A run that finds nothing new appends nothing. Bad
    input leaves everything as it was.
    """
    moment = parse_moment(now, where="--now") if now else None
    result = run_count(folder, out, now=moment, origin=origin, vkey=vkey, progress=say.progress)
    say.result(result_data(result), list(count_lines(result)))


@click.command()
@click.argument("folder", type=FOLDER)
@click.option(
    "--out", type=ANYWHERE, required=True, help="Folder to publish to; a publication of this record is replaced."
)
@with_output
def publish(folder: Path, out: Path, say: Output) -> None:
    """Publish again from FOLDER's record alone; its tables are not read."""
    result = run_publish(folder, out, progress=say.progress)
    say.result(result_data(result), list(count_lines(result)))


def result_data(result: CountResult) -> dict[str, Any]:
    """The summary as published, and what the run did."""
    return {
        **result.summary,
        "appended": result.appended,
        "news": [{"change": n.change, "kind": n.kind, "name": n.name, "count": n.count} for n in result.news],
        "site": str(result.site) if result.site else None,
        "waiting_to_be_signed": [str(path) for path in result.waiting],
    }
