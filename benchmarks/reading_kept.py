"""`python -m benchmarks.reading_kept FORMS [--seeds 1]`: what keeping less costs the machine reader, in figures.

Each labelled photo is read twice from its template alone, as it is and as the server keeps it (`evidence.sanitise`:
half size and at most 2,000 pixels, turned, bent, filtered, encoded anew), with the shipped calibration. Printed by form
type and by the longer side of what is kept: below `LEAST_SURE_PX` the server holds nothing that the machine says for
sure. A seed is one drawing of turn and bend. Prints Markdown.
"""

from __future__ import annotations

import argparse
import collections
import sys
from pathlib import Path

import numpy as np

from benchmarks.reading import Form, Score, forms_of, template_of
from counterfoil.evidence import sanitise
from counterfoil.reading.reader import PageReading, Reader
from counterfoil.sandbox import Sandbox
from counterfoil.workflow.machine import LEAST_SURE_PX


class Side:
    """Originals, or copies."""

    def __init__(self) -> None:
        self.score = Score()
        self.photos = self.registered = self.codes = self.codes_read = 0

    def add(self, form: Form, reading: PageReading) -> None:
        self.score.add(form.truth, reading.fields)
        self.photos += 1
        self.registered += reading.accepted
        seen = {code["payload"] for code in reading.codes}
        wanted = [str(code.get("text", code.get("id"))) for code in form.plain["codes"]]
        self.codes += len(wanted)
        self.codes_read += sum(one in seen for one in wanted)

    def row(self) -> str:
        score = self.score
        figures = f"{score.right}/{score.figures} | {score.accepted} | {score.accepted_wrong}"
        suggested_wrong = len(score.said) - sum(score.found)
        return f"{self.registered}/{self.photos} | {figures} | {suggested_wrong} | {self.codes_read}/{self.codes}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading_kept", description=__doc__)
    parser.add_argument("forms", type=Path, help="folder with the labelled forms of each country")
    parser.add_argument("--seeds", type=int, default=1, help="copies of each photo")
    given = parser.parse_args()
    sides: dict[str, tuple[Side, Side]] = collections.defaultdict(lambda: (Side(), Side()))
    readers: dict[str, Reader] = {}
    forms = [form for form in forms_of(given.forms) if form.plain["figures"]]
    with Sandbox(workers=1) as sandbox:
        for number, form in enumerate(forms, 1):
            reader = readers.setdefault(form.template, Reader([template_of(form.template)]))
            photo = form.path.read_bytes()
            whole = reader.read(photo)
            for seed in range(given.seeds):
                (kept,) = sanitise(photo, sandbox, random=np.random.default_rng(seed).bytes)
                copy = reader.read(kept.picture)
                large = max(kept.width, kept.height) >= LEAST_SURE_PX
                size = f"kept with {'at least' if large else 'less than'} {LEAST_SURE_PX:,} pixels"
                for name in (form.template, size, "all"):
                    original, smaller = sides[name]
                    original.add(form, whole)
                    smaller.add(form, copy)
            print(f"{number} of {len(forms)} photos", file=sys.stderr)
    print("| form type | | registered | figures right | accepted | wrong | accepted or suggested, wrong | codes |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, (original, smaller) in sorted(sides.items(), key=lambda one: (one[0] == "all", " " in one[0], one[0])):
        print(f"| {name} | original | {original.row()} |\n| | kept | {smaller.row()} |")


if __name__ == "__main__":
    main()
