"""Drawing a probability sample that is declared beforehand, for a quick count."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from counterfoil.election.definition import SampleDesign
from counterfoil.election.folder import load_folder
from counterfoil.election.tables import read_canonical
from counterfoil.primitives.canonical import sha256_hex
from counterfoil.tally.sampling import draw


@dataclass(frozen=True)
class Drawn:
    """A design, and the stations it draws."""

    design: SampleDesign
    stations: tuple[str, ...]

    @property
    def declaration(self) -> str:
        """What is to be put into `election.yaml` and published before the first protocol comes in."""
        d = self.design
        optional = {"stratum": d.stratum, "cluster": d.cluster, "stations_sha256": d.stations_sha256}
        lines = [f"  {name}: {value}" for name, value in optional.items() if value is not None]
        return (
            "\n".join(["sample:", f"  design: {d.design}", f'  seed: "{d.seed}"', f"  size: {d.size}", *lines]) + "\n"
        )


def draw_sample(
    folder: Path,
    *,
    design: str,
    seed: str,
    size: int,
    stratum: str | None = None,
    cluster: str | None = None,
) -> Drawn:
    """Draw from the folder's stations table. The table's hash goes into the design: the frame can't be changed later.

    Args:
        design: `simple`, `stratified` or `clustered`.
        seed: public, and beyond anybody's choice: dice on camera, a lottery.
        size: stations; clusters, if clustered.
        stratum, cluster: column of the stations table; default `stratum`, `cluster`.

    Raises:
        InputError: the frame can't carry the design.
    """
    table = next(t for t in load_folder(folder).tables if t.kind == "stations")
    declared = SampleDesign(design, seed, size, stratum, cluster, sha256_hex(table.data))
    return Drawn(declared, tuple(draw(read_canonical(table.data), declared)))
