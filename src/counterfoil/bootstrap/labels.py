"""What people settled, as labels for `counterfoil reader fit`: a private file in the server's folder.

    server/reader/labels.jsonl  {"sheet", "picture", "template", "page", "calibration", "quad", "fields"}, one a copy

`sheet`: station, contest and page, the same for all photos of one paper, so that a fit can keep whole sheets apart.
`picture`: SHA-256 of the sanitised picture in the private store. `quad`: the sheet's corners in its pixels.
`calibration`: the one that the reader spoke with. `fields`: by field, `state` and `value` as people settled them, and
`machine`, what the reader said then.

Rules:

* Only copies that persons agreed on or arbiters decided, and that show the page they stand under. A machine's voice
  alone never makes a label, or the reader would teach itself.
* Nothing leaves the server's private folder; a picture that was purged is no label any more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from counterfoil.bootstrap.server import Server
from counterfoil.primitives.cells import Cell
from counterfoil.record.durable import make_folder
from counterfoil.storage import machine
from counterfoil.storage.said import gather
from counterfoil.workflow.work import work

FILE = Path("reader", "labels.jsonl")


def labels(at: Server) -> Iterator[dict[str, Any]]:
    """Each label, in the order of the copies' names."""
    after = ""
    while copies := machine.settled_copies(after):
        for copy in copies:
            after = copy.pk
            said, _ = gather(copy, at.election)
            persons = {name for answer in said.answers if not answer.machine for name in answer.values}
            settled: dict[str, Cell] = {n: c for n, c in work(said, at.election).settled.items() if n in persons}
            label = machine.label(copy, settled, at.election)
            if label is not None:
                yield label


def write_labels(at: Server) -> tuple[Path, int]:
    """Write the file anew; where it lies, and how many copies it has."""
    path = at.settings.private / FILE
    make_folder(path.parent, 0o700)
    new, count = path.with_suffix(".new"), 0
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        for label in labels(at):
            file.write(json.dumps(label, sort_keys=True) + "\n")
            count += 1
    new.replace(path)
    return path, count
