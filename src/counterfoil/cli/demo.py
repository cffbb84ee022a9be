"""`counterfoil demo`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from counterfoil.cli.files import make_server, serve_forever
from counterfoil.cli.options import ANYWHERE
from counterfoil.cli.output import Output, with_output
from counterfoil.cli.text import count_lines
from counterfoil.workflow.demo import Demo
from counterfoil.workflow.demo import demo as run_demo


@click.command()
@click.option(
    "--out",
    metavar="SITE",
    type=ANYWHERE,
    help="Folder to publish to, new or empty; election and truth go to SITE.private [default: a temporary one].",
)
@click.option("--scenario", default="mixed", show_default=True, help="What is planted; see `counterfoil simulate`.")
@click.option("--seed", default=1, show_default=True, help="Decides everything that is drawn.")
@click.option("--stations", default=600, show_default=True, help="Number of stations.")
@click.option("--port", default=8000, show_default=True, help="Port of this machine to serve on.")
@click.option("--no-serve", is_flag=True, help="Only build.")
@with_output
def demo(out: Path | None, scenario: str, seed: int, stations: int, port: int, no_serve: bool, say: Output) -> None:
    """Simulate an election, count it, publish it, print what was planted beside what was found, and serve it."""
    site = out or Path(tempfile.mkdtemp(prefix="counterfoil-demo-")) / "site"
    server = None if no_serve else make_server(site, port)
    made = run_demo(site, scenario=scenario, seed=seed, stations=stations, progress=say.progress)
    say.result(_data(made), _lines(made))
    if server is not None:
        say.line(f"\nServing http://localhost:{server.server_port} (Ctrl-C ends it)")
        serve_forever(server)


def _data(made: Demo) -> dict[str, object]:
    return {
        "site": str(made.result.site),
        "private": str(made.private),
        "scenario": made.truth.scenario,
        "seed": made.truth.seed,
        "found": len(made.score.found),
        "missed": len(made.score.missed),
        "not_planted_but_found": len(made.score.extra),
        "lines": made.score.lines(),
        **made.result.summary,
    }


def _lines(made: Demo) -> list[str]:
    return [
        *count_lines(made.result),
        "",
        f"Planted ({made.truth.scenario}, seed {made.truth.seed}) beside found:",
        *(f"  {line}" for line in made.score.lines()),
        "",
        f"election: {made.private / 'election'}",
        f"truth:    {made.private / 'truth.json'}",
        f"site:     {made.result.site}",
    ]
