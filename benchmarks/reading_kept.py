"""`python -m benchmarks.reading_kept FORMS [--seeds 1] [--sheets 20] [--mnist DIR]`: what keeping less costs figures.

Each labelled photo is read twice from its template alone, as it is and as the server keeps it (`evidence.sanitise`:
half size and at most 2,000 pixels, turned, bent, smoothed, encoded anew), with the shipped calibration. Beside them
photographs of 12 megapixels, which the labelled forms have none of: synthetic sheets of our own layouts that no network
saw, drawn 3,000 pixels wide (4 : 3 or the page's own shape), with a camera's noise as `simulate` has it.

Printed by form type and by the longer side of what is kept: below `LEAST_SURE_PX` the server holds nothing that the
machine says for sure. Codes of kept ones: those that the jail read when the photo came in, and those that the copy
still shows. A seed is one drawing of turn and bend. Prints Markdown.
"""

from __future__ import annotations

import argparse
import collections
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reading import Score, forms_of, template_of
from counterfoil.election.templates import FormTemplate
from counterfoil.evidence import sanitise
from counterfoil.reading.belief import State
from counterfoil.reading.merge import Key
from counterfoil.reading.reader import PageReading, Reader
from counterfoil.sandbox import Sandbox
from counterfoil.simulate.blank import blank_form, payload
from counterfoil.simulate.mnist import mnist
from counterfoil.simulate.sheets import random_sheet
from counterfoil.workflow.machine import LEAST_SURE_PX, printed_kinds

LARGE = "12 megapixels, synthetic"
_WIDTH = 3_000


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo, and what is written and printed on it."""

    name: str
    data: bytes
    template: FormTemplate
    truth: Mapping[str, Key]
    codes: Collection[str]


def labelled(folder: Path) -> Iterator[Photo]:
    for form in forms_of(folder):
        if form.plain["figures"]:
            codes = [str(code["text"]) for code in form.plain["codes"]]
            yield Photo(form.template, form.path.read_bytes(), template_of(form.template), form.truth, codes)


def large(count: int, digits: Path | None) -> Iterator[Photo]:
    """Sheets as a phone of 12 megapixels photographs them, each of another layout with an odd number."""
    source = mnist(digits, "t10k") if digits is not None else None

    def strokes(rng: np.random.Generator, digit: int) -> list[Any]:
        return list(source.glyph(rng, digit)) if source is not None else []

    for number in range(count):
        form = blank_form(2 * number + 1)
        hand = strokes if source is not None else None
        said = payload(f"{number:04d}", 1)
        sheet = random_sheet(form.template, 2 * number + 1, words=form.words, strokes=hand, width=_WIDTH, payload=said)
        truth: dict[str, Key] = {
            str(name): (State.NUMBER if one.state is None else State(one.state.value), one.value)
            for name, one in sheet.fields.items()
            if one.seen > 0.99 and (one.state is None or one.state.value != "illegible")
        }
        codes = [said] if "qr" in printed_kinds([form.template]) else []
        yield Photo(LARGE, sheet.picture, form.template, truth, codes)


class Side:
    """Originals, or copies."""

    def __init__(self) -> None:
        self.score = Score()
        self.photos = self.registered = self.codes = self.codes_read = 0

    def add(self, photo: Photo, reading: PageReading, before: Collection[str] = ()) -> None:
        """`before`: what the codes said when the photo came in."""
        self.score.add(photo.truth, reading.fields)
        self.photos += 1
        self.registered += reading.accepted
        seen = {code["payload"] for code in reading.codes} | set(before)
        self.codes += len(photo.codes)
        self.codes_read += sum(one in seen for one in photo.codes)

    def row(self) -> str:
        score = self.score
        figures = f"{score.right}/{score.figures} | {score.accepted} | {score.accepted_wrong}"
        suggested_wrong = len(score.said) - sum(score.found)
        return f"{self.registered}/{self.photos} | {figures} | {suggested_wrong} | {self.codes_read}/{self.codes}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading_kept", description=__doc__)
    parser.add_argument("forms", type=Path, help="folder with the labelled forms of each country")
    parser.add_argument("--seeds", type=int, default=1, help="copies of each photo")
    parser.add_argument("--sheets", type=int, default=20, help="synthetic photos of 12 megapixels")
    parser.add_argument("--mnist", type=Path, help="folder with MNIST's files: strokes of the sheets, else drawn ones")
    given = parser.parse_args()
    sides: dict[str, tuple[Side, Side]] = collections.defaultdict(lambda: (Side(), Side()))
    readers: dict[str, Reader] = {}
    photos = [*labelled(given.forms), *large(given.sheets, given.mnist)]
    with Sandbox(workers=1) as sandbox:
        for number, photo in enumerate(photos, 1):
            reader = readers.setdefault(photo.template.name, Reader([photo.template]))
            whole = reader.read(photo.data)
            for seed in range(given.seeds):
                draw = np.random.default_rng(seed).bytes
                (kept,) = sanitise(photo.data, sandbox, random=draw, codes=printed_kinds([photo.template]))
                copy = reader.read(kept.picture)
                size = "at least" if max(kept.width, kept.height) >= LEAST_SURE_PX else "less than"
                names = [photo.name]
                if photo.name != LARGE:
                    names += [f"kept with {size} {LEAST_SURE_PX:,} pixels", "all labelled"]
                for name in names:
                    original, smaller = sides[name]
                    original.add(photo, whole)
                    smaller.add(photo, copy, [code.payload for code in kept.codes])
            if photo.name == LARGE:
                del readers[photo.template.name]
            print(f"{number} of {len(photos)} photos", file=sys.stderr)
    print("| form type | | registered | figures right | accepted | wrong | accepted or suggested, wrong | codes |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, (original, smaller) in sorted(sides.items(), key=lambda one: (" " in one[0], one[0])):
        print(f"| {name} | original | {original.row()} |\n| | kept | {smaller.row()} |")


if __name__ == "__main__":
    main()
