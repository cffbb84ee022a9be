"""The folder of a rehearsal: a simulated election without copies; what people will send and type lies beside it.

election.yaml, tables, server.toml      as of a real election; batches of ten seconds
rehearsal/transcripts.csv               what simulated people will type
rehearsal/truth.json                    what was planted, for the score
"""

from __future__ import annotations

from pathlib import Path

import yaml

from counterfoil.simulate.election import write_election

FOLDER = "rehearsal"


def make_rehearsal(folder: Path, *, stations: int, seed: int) -> None:
    """An election's folder for a rehearsal: definition, areas, stations, announced figures; batches of ten seconds.

    Raises:
        InputError: something stands in `folder` that is no rehearsal.
    """
    if (folder / FOLDER).is_dir():
        return
    truth = write_election("mixed", seed=seed, to=folder, stations=stations)
    definition = yaml.safe_load((folder / "election.yaml").read_text("utf-8"))
    definition.pop("entries")
    definition["simulated"] = True
    text = yaml.safe_dump(definition, sort_keys=False, allow_unicode=True, width=110)
    (folder / "election.yaml").write_text(text, "utf-8")
    kept = folder / FOLDER
    kept.mkdir()
    truth.save(kept / "truth.json")
    (folder / "transcripts.csv").rename(kept / "transcripts.csv")
    (folder / "decisions.csv").unlink(missing_ok=True)
    (folder / "server.toml").write_text("rehearsal = true\nbatch_s = 10\n", "utf-8")
