"""`counterfoil serve`, and its two halves for who starts them apart: `counterfoil web` and `counterfoil worker`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from counterfoil.bootstrap.processes import Supervisor, die_with_parent
from counterfoil.bootstrap.setup import setup_django
from counterfoil.cli.options import FOLDER
from counterfoil.cli.output import Output, with_output
from counterfoil.config.settings import Settings, load_settings
from counterfoil.web.serving import check_port, serve_web

PORT = click.option("--port", type=int, help="Port to listen on [default: the setting `port`, 8000].")
PROCESSES = click.option("--processes", type=int, help="Web processes; more than one only with PostgreSQL.")


@click.command()
@click.argument("folder", type=FOLDER)
@PORT
@PROCESSES
@with_output
def serve(folder: Path, port: int | None, processes: int | None, say: Output) -> None:
    """Run the server of the election in FOLDER: pages, worker and publication, until Ctrl-C.

    Listens on this machine only; a reverse proxy or an onion service brings it to others (docs/deployment.md).
    """
    environment = _environment(port=port, processes=processes)
    settings = _settings(folder, environment)
    check_port(settings)
    say.progress("open the election", 0, 0)
    setup_django(folder, environment)
    from counterfoil.bootstrap.prepare import prepare  # noqa: PLC0415 - models, after Django is ready

    prepare()
    say.line(f"Open http://{settings.hosts[0]}:{settings.port} (Ctrl-C ends it)")
    Supervisor({"web": ["web", str(folder)], "worker": ["worker", str(folder)]}, environment).run()


@click.command()
@click.argument("folder", type=FOLDER)
@PORT
@PROCESSES
@with_output
def web(folder: Path, port: int | None, processes: int | None, say: Output) -> None:
    """Run only the pages and the publication of the election in FOLDER. `counterfoil worker` makes its tables first."""
    die_with_parent()
    environment = _environment(port=port, processes=processes)
    settings = _settings(folder, environment)
    setup_django(folder, environment)
    serve_web(settings)


@click.command()
@click.argument("folder", type=FOLDER)
@with_output
def worker(folder: Path, say: Output) -> None:
    """Run only the worker of the election in FOLDER: batches into the record, the publication after each."""
    die_with_parent()
    setup_django(folder)
    from counterfoil.bootstrap.prepare import prepare  # noqa: PLC0415 - models, after Django is ready
    from counterfoil.bootstrap.worker import Worker  # noqa: PLC0415 - as above

    Worker(prepare()).run()


def _environment(**given: int | None) -> dict[str, str]:
    return {f"COUNTERFOIL_{name.upper()}": str(value) for name, value in given.items() if value is not None}


def _settings(folder: Path, environment: dict[str, str]) -> Settings:
    return load_settings(folder, {**os.environ, **environment})
