"""`counterfoil serve`, and its two halves for who starts them apart: `counterfoil web` and `counterfoil worker`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from counterfoil.bootstrap.processes import Supervisor, die_with_parent
from counterfoil.bootstrap.setup import setup_django
from counterfoil.cli.options import FOLDER
from counterfoil.cli.output import Output, with_output
from counterfoil.config.settings import Settings, load_settings
from counterfoil.web.serving import check_port, is_taken, serve_web
from counterfoil.workflow.rehearsal_folder import make_rehearsal

if TYPE_CHECKING:
    from counterfoil.bootstrap.rehearsal import Seeded

PORT = click.option("--port", type=int, help="Port to listen on [default: the setting `port`, 8000].")
PROCESSES = click.option("--processes", type=int, help="Web processes; more than one only with PostgreSQL.")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@PORT
@PROCESSES
@click.option("--rehearsal", is_flag=True, help="A simulated election in progress; FOLDER is new [default: temporary].")
@click.option("--stations", default=60, show_default=True, help="Of the rehearsal.")
@click.option("--seed", default=1, show_default=True, help="Decides everything that is drawn for the rehearsal.")
@with_output
def serve(
    folder: Path | None,
    port: int | None,
    processes: int | None,
    rehearsal: bool,
    stations: int,
    seed: int,
    say: Output,
) -> None:
    """Run the server of the election in FOLDER: pages, worker and publication, until Ctrl-C.

    Listens on this machine only; a reverse proxy or an onion service brings it to others (deploy/README.md).
    """
    folder = _folder(folder, rehearsal)
    if rehearsal:
        make_rehearsal(folder, stations=stations, seed=seed)
    environment = _environment(port=port, processes=processes)
    settings = _settings(folder, environment)
    check_port(settings)
    say.progress("open the election", 0, 0)
    setup_django(folder, environment)
    from counterfoil.bootstrap.organiser import first_organiser_link  # noqa: PLC0415 - models, after Django is ready
    from counterfoil.bootstrap.prepare import prepare  # noqa: PLC0415 - as above

    at = prepare()
    if rehearsal:
        from counterfoil.bootstrap.rehearsal import seed_rehearsal  # noqa: PLC0415 - as above

        _show(say, seed_rehearsal(at, seed=seed, progress=say.progress))
    link = first_organiser_link(at)
    if link:
        say.line(f"The first organiser opens {link} (good for seven days, for one person)")
    say.progress("start", 0, 0)
    at.close()
    Supervisor(
        {"web": ["web", str(folder)], "worker": ["worker", str(folder)]},
        environment,
        answers=lambda: is_taken(settings),
        ready=lambda: _open(say, f"http://{settings.hosts[0]}:{settings.port}"),
    ).run()


def _open(say: Output, at: str) -> None:
    say.line(f"Open {at} for what the public sees, {at}/send/ to send a photo, {at}/work/ to log in. Ctrl-C ends it.")


def _folder(folder: Path | None, rehearsal: bool) -> Path:
    if folder is None:
        if not rehearsal:
            raise click.UsageError("Missing argument 'FOLDER'; or use --rehearsal.")
        return Path(tempfile.mkdtemp(prefix="counterfoil-rehearsal-")) / "election"
    if not rehearsal and not folder.is_dir():
        raise click.UsageError(f"Directory '{folder}' does not exist; start one by `counterfoil init`.")
    return folder


def _show(say: Output, seeded: Seeded) -> None:
    say.line("A rehearsal: a simulated election, batches of 10 seconds. Nothing here is real.")
    if seeded.sent:
        say.line(f"{seeded.sent} photos were sent, {seeded.read} of them read twice.")
    say.line(f"Photos to send: {seeded.to_send}")
    say.line("Log in with name, password and one of the codes, each good once:")
    for login in seeded.logins:
        say.line(f"  {login.name:<10} {login.password}   {' '.join(login.codes[:3])}")


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
@click.option("--only-read", is_flag=True, help="Read copies by machine and nothing else; needs no key of the log.")
@with_output
def worker(folder: Path, only_read: bool, say: Output) -> None:
    """Run only the worker of the election in FOLDER: batches into the record, the publication after each, copies read
    by machine."""
    die_with_parent()
    setup_django(folder)
    if only_read:
        from counterfoil.bootstrap.machine_host import MachineHost  # noqa: PLC0415 - models, after Django is ready
        from counterfoil.bootstrap.server import server  # noqa: PLC0415 - as above

        MachineHost(server()).run()
        return
    from counterfoil.bootstrap.prepare import prepare  # noqa: PLC0415 - models, after Django is ready
    from counterfoil.bootstrap.worker import Worker  # noqa: PLC0415 - as above

    Worker(prepare()).run()


def _environment(**given: int | None) -> dict[str, str]:
    return {f"COUNTERFOIL_{name.upper()}": str(value) for name, value in given.items() if value is not None}


def _settings(folder: Path, environment: dict[str, str]) -> Settings:
    return load_settings(folder, {**os.environ, **environment})
