"""`counterfoil rehearse`: exit code 0 if every rule held, 1 if one was broken."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from counterfoil.bootstrap.rehearse_client import Client
from counterfoil.bootstrap.setup import setup_django
from counterfoil.cli.options import ANYWHERE
from counterfoil.cli.output import DOES_NOT_HOLD, Output, with_output
from counterfoil.primitives.errors import RecordError
from counterfoil.workflow.rehearsal import Rehearsed, make_election, plan

_STARTS_S, _ENDS_S = 120, 60


@click.command()
@click.option("--stations", default=24, show_default=True, help="Number of stations, 20 or more.")
@click.option("--seed", default=1, show_default=True, help="Decides what is drawn, planted and mistyped.")
@click.option("--minutes", default=10.0, show_default=True, help="After so long the score is of what there is.")
@click.option("--folder", type=ANYWHERE, help="New folder, kept afterwards [default: a temporary one].")
@with_output
def rehearse(stations: int, seed: int, minutes: float, folder: Path | None, say: Output) -> int:
    """Run a simulated election through a real server, with planted errors, forgers, liars and a flood, and score it.

    Starts a server of its own on a free port of this machine and sends, reads, rules and organises over HTTP as people
    would. Exit code 1 if a rule was broken: docs/rehearsal.md lists them.
    """
    with _place(folder) as election:
        say.progress("draw an election")
        make_election(election, stations=stations, seed=seed)
        done = _rehearse(election, seed, minutes, say)
    say.result(done.data(), done.lines())
    return 0 if done.passed else DOES_NOT_HOLD


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    work = Path(tempfile.mkdtemp(prefix="counterfoil-rehearse-"))
    try:
        yield work / "election"
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _rehearse(folder: Path, seed: int, minutes: float, say: Output) -> Rehearsed:
    setup_django(folder)
    from counterfoil.bootstrap.prepare import prepare  # noqa: PLC0415 - models, after Django is ready
    from counterfoil.bootstrap.rehearse import Rehearsal  # noqa: PLC0415 - as above

    say.progress("start a server")
    at = prepare()
    papers, truth = plan(folder)
    try:
        with _serving(folder) as port:
            return Rehearsal(at, port, papers, truth, seed, minutes * 60, say.progress).run()
    finally:
        at.close()


@contextmanager
def _serving(folder: Path) -> Iterator[int]:
    """`counterfoil serve FOLDER` as programs of its own, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    log = folder / "rehearsal" / "serve.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "counterfoil", "serve", str(folder), "--port", str(port)]
        server = subprocess.Popen(command, stdout=output, stderr=output)  # noqa: S603 - our own program
        try:
            _wait(server, port, log)
            yield port
        finally:
            server.terminate()
            server.wait(_ENDS_S)


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    limit = time.monotonic() + _STARTS_S
    while Client(port).get("/healthz").status != 200:
        if server.poll() is not None or time.monotonic() > limit:
            said = log.read_text("utf-8", "replace")[-2000:]
            raise RecordError(f"expected a server that answers, found none; it said: {said}", code="no-server")
        time.sleep(0.2)
