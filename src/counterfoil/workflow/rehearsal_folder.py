"""The folder of a rehearsal: a simulated election without copies; what people will send and type lies beside it.

election.yaml, tables, server.toml      as of a real election; batches of ten seconds
protocol.template.zip                   its form, printed: the machine reads the photos drawn on it
rehearsal/transcripts.csv               what simulated people will type
rehearsal/truth.json                    what was planted, for the score
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from counterfoil.election.templates import write_template_zip
from counterfoil.simulate.blank import BlankForm, Printed
from counterfoil.simulate.drawing import paper_form
from counterfoil.simulate.election import write_election

FOLDER = "rehearsal"
TEMPLATE = "protocol.template.zip"


def make_rehearsal(folder: Path, *, stations: int, seed: int, template: bool = True) -> None:
    """An election's folder for a rehearsal: definition, areas, stations, announced figures; batches of ten seconds.

    Args:
        template: whether the form has a template, and so a machine that reads.

    Raises:
        InputError: something stands in `folder` that is no rehearsal.
    """
    if (folder / FOLDER).is_dir():
        return
    truth = write_election("mixed", seed=seed, to=folder, stations=stations)
    definition = yaml.safe_load((folder / "election.yaml").read_text("utf-8"))
    definition.pop("entries")
    definition["simulated"] = True
    if template:
        form = rehearsal_form(definition)
        (folder / TEMPLATE).write_bytes(write_template_zip(form.template))
        definition["forms"] = [{"id": definition["forms"][0]["id"], "template": TEMPLATE}]
    text = yaml.safe_dump(definition, sort_keys=False, allow_unicode=True, width=110)
    (folder / "election.yaml").write_text(text, "utf-8")
    kept = folder / FOLDER
    kept.mkdir()
    truth.save(kept / "truth.json")
    (folder / "transcripts.csv").rename(kept / "transcripts.csv")
    (folder / "decisions.csv").unlink(missing_ok=True)
    (folder / "server.toml").write_text("rehearsal = true\nbatch_s = 10\n", "utf-8")


def rehearsal_form(definition: Mapping[str, Any]) -> BlankForm:
    """The form of a simulated election's definition (plain data), printed."""
    contest, form = definition["contests"][0], definition["forms"][0]
    names = {option.get("field", option["id"]): option["name"] for option in contest["options"]}
    labels = {one["id"]: names.get(one["id"], one["id"].replace("_", " ").capitalize()) for one in form["fields"]}
    printed = [Printed(one["id"], labels[one["id"]], one.get("kind", "votes")) for one in form["fields"]]
    return paper_form(contest["title"], printed, form["checks"])
