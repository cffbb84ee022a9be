"""`counterfoil simulate` and `counterfoil sample`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from counterfoil.cli.options import ANYWHERE, FOLDER
from counterfoil.cli.output import Output, with_output
from counterfoil.simulate.problems import SCENARIOS
from counterfoil.workflow import draw_sample, write_election


@click.command()
@click.argument("scenario", type=click.Choice(list(SCENARIOS)), metavar="SCENARIO")
@click.option("--to", type=ANYWHERE, required=True, help="Folder to make; new or empty.")
@click.option("--truth", type=ANYWHERE, help="File for the truth [default: beside the folder, FOLDER.truth.json].")
@click.option("--stations", default=600, show_default=True, help="Number of stations.")
@click.option("--options", default=4, show_default=True, help="Number of options.")
@click.option("--missing", "missing_percent", default=30, show_default=True, help="Percent of stations without a copy.")
@click.option("--seed", default=1, show_default=True, help="Decides everything that is drawn.")
@click.option("--bulk", is_flag=True, help="One table of readings instead of copies and persons: for large elections.")
@with_output
def simulate(
    scenario: str,
    to: Path,
    truth: Path | None,
    stations: int,
    options: int,
    missing_percent: int,
    seed: int,
    bulk: bool,
    say: Output,
) -> None:
    """Make an election with known truth as a folder; the truth goes beside it, never into it.

    SCENARIO is honest, rounded-up, stuffed, columns-swapped, digits-transposed, missing-areas, selective-collection,
    flooded-with-fakes or mixed.
    """
    say.progress("simulate")
    made = write_election(
        scenario,
        seed=seed,
        to=to,
        stations=stations,
        options=options,
        missing_share=missing_percent / 100,
        bulk=bulk,
    )
    kept = truth or to.with_name(f"{to.name}.truth.json")
    made.save(kept)
    data = {"folder": str(to), "truth": str(kept), "planted": [asdict(p) for p in made.planted]}
    say.result(
        data,
        [
            f"written: {to}",
            f"truth:   {kept} ({len(made.planted)} planted)",
            f"next: counterfoil count {to} --out SITE",
        ],
    )


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--design", type=click.Choice(["simple", "stratified", "clustered"]), default="simple", show_default=True)
@click.option("--seed", required=True, help="Public, and beyond anybody's choice: dice on camera, a lottery.")
@click.option("--size", required=True, type=int, help="Number of stations; of clusters, if clustered.")
@click.option("--stratum", help="Column of the stations table [default: stratum].")
@click.option("--cluster", help="Column of the stations table [default: cluster].")
@click.option("--out", type=ANYWHERE, help="File for the drawn stations, one a line.")
@with_output
def sample(
    folder: Path,
    design: str,
    seed: str,
    size: int,
    stratum: str | None,
    cluster: str | None,
    out: Path | None,
    say: Output,
) -> None:
    """Draw a probability sample of FOLDER's stations and print the declaration for election.yaml.

    Publish the declaration before the first protocol comes in: an estimate is given only for a sample that was declared
    beforehand. Anyone can draw it again from the seed.
    """
    drawn = draw_sample(folder, design=design, seed=seed, size=size, stratum=stratum, cluster=cluster)
    if out is not None:
        out.write_text("".join(f"{station}\n" for station in drawn.stations), encoding="utf-8")
    declared = {name: value for name, value in asdict(drawn.design).items() if value is not None}
    lines = [drawn.declaration.rstrip("\n"), f"# {len(drawn.stations)} stations drawn"]
    if out is None:
        lines += drawn.stations
    say.result({"sample": declared, "stations": list(drawn.stations)}, lines)
