"""`counterfoil reader`: what makes and adjusts the weights of the machine reader. Reading itself: `counterfoil read`.

Torch (extra `train`) is imported only when training starts.
"""

from __future__ import annotations

from pathlib import Path

import click

from counterfoil.cli.options import ANYWHERE, FOLDER
from counterfoil.cli.output import Output, with_output


@click.group()
def reader() -> None:
    """Make and adjust the machine reader: its weights, its calibration."""


@reader.command()
@click.argument("out", type=ANYWHERE)
@click.option("--digits", "mnist", type=FOLDER, help="Folder with the four MNIST files; needed for Western digits.")
@click.option(
    "--numerals",
    type=click.Choice(["western", "others"]),
    default="western",
    show_default=True,
    help="Western digits; or Eastern Arabic, Persian and Devanagari in one network.",
)
@click.option("--seed", default=1, show_default=True, help="All that is drawn follows from it.")
@click.option("--steps", default=6000, show_default=True, type=click.IntRange(1), help="Batches of 64 fields.")
@click.option("--start", type=ANYWHERE, help="Go on from the NUMERALS.pt that an earlier training left in its OUT.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1, 64), help="Cores for the network.")
@with_output
def train(
    out: Path, mnist: Path | None, numerals: str, seed: int, steps: int, start: Path | None, threads: int, say: Output
) -> None:
    """Rebuild the shipped weights in OUT from public digits and synthetic fields.

    Writes OUT/NUMERALS.onnx and says in OUT/weights.json how it was made. Needs the extra: pip install
    'counterfoil[train]'.
    """
    from counterfoil.workflow.train_reader import teach  # noqa: PLC0415 torch is asked for only here

    made = teach(
        out, folder=mnist, numerals=numerals, seed=seed, steps=steps, threads=threads, note=say.note, start=start
    )
    say.result(made, [f"{made['file']}: {made['bytes']} bytes, SHA-256 {made['sha256']}"])
