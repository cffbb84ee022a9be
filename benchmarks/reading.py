"""`python -m benchmarks.reading FORMS [--only given,own,pages,synthetic,others] [--mnist DIR] [--write FILE]`

Measures the machine reader on the labelled forms, per form type, with the calibration fitted on other sheets (split by
sheet of paper), and on synthetic sheets with strokes that no network was trained on. Prints Markdown.

| part | what |
| --- | --- |
| given | figures with outlines given; beside them both readers alone |
| own | the same with our own registration, from the photo and its template alone |
| pages | registration of right pages, each photo against every other template, codes |
| synthetic | sheets of our own layouts with MNIST's test strokes, by the shipped calibration: errors among accepted |
| others | RapidOCR's recogniser as it comes, and Tesseract 5, on the same outlines in the same run |

A figure is right if every digit is. Struck out and illegible fields are left out. An invented vote is a blank, dash,
cross or word field that comes back as a positive number, accepted or suggested. `--write` fits the calibration that is
shipped, on forms and synthetic sheets together.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import importlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.stats import beta

from benchmarks.reading_synthetic import synthetic_cases
from counterfoil.election.templates import FormTemplate, read_template
from counterfoil.reading.belief import Crop, State
from counterfoil.reading.confidence import Calibration, Outcome, shipped
from counterfoil.reading.crops import crops_given
from counterfoil.reading.fit import expected_error
from counterfoil.reading.given import Outlines, read_outlines
from counterfoil.reading.joint import Rule
from counterfoil.reading.learning import Case, fitted, folds
from counterfoil.reading.merge import Key
from counterfoil.reading.pages import decode
from counterfoil.reading.reader import Reader
from counterfoil.reading.sheet import FieldReading, Observed, conclude

TEMPLATES = Path(__file__).parents[1] / "tests" / "forms"
COUNTRIES = ("nigeria", "honduras", "kenya", "indonesia")
_STATES = {
    "digits": State.NUMBER,
    "cross": State.STRUCK,
    "dash": State.STRUCK,
    "word": State.WORD,
    "blank": State.EMPTY,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Form:
    """One labelled photo."""

    path: Path
    labels: Path
    plain: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.plain["id"])

    @property
    def template(self) -> str:
        return str(self.plain["template"])

    @property
    def outlines(self) -> Outlines:
        return read_outlines(self.labels, self.id)

    @property
    def truth(self) -> dict[str, Key]:
        """Of every field that is scored."""
        return {
            name: (_STATES[figure["mark"]], figure["value"])
            for name, figure in self.plain["figures"].items()
            if figure["mark"] in _STATES
        }

    def case(self, observed: Sequence[Observed], rules: Sequence[Rule]) -> Case:
        return Case(str(self.plain["sheet"]), self.template, tuple(observed), tuple(rules), self.truth)


@dataclasses.dataclass
class Score:
    """What is counted over some fields."""

    figures: int = 0
    right: int = 0
    forms: int = 0
    whole: int = 0
    others: int = 0
    invented: int = 0
    accepted: int = 0
    accepted_others: int = 0
    """Accepted, and no figure stands there."""
    accepted_wrong: int = 0
    said: list[float] = dataclasses.field(default_factory=list)
    found: list[bool] = dataclasses.field(default_factory=list)

    def add(self, truth: Mapping[str, Key], fields: Mapping[str, FieldReading]) -> None:
        """One photo; a photo without fields was refused, and all its figures count as not read."""
        figures = [name for name, (state, _) in truth.items() if state is State.NUMBER]
        hits = {name: name in fields and (fields[name].state, fields[name].value) == truth[name] for name in truth}
        self.figures += len(figures)
        self.right += sum(hits[name] for name in figures)
        self.forms += bool(figures)
        self.whole += bool(figures) and all(hits[name] for name in figures)
        self.others += len(truth) - len(figures)
        for name, (state, _) in truth.items():
            if name not in fields:
                continue
            field = fields[name]
            if field.outcome is Outcome.ACCEPT:
                self.accepted += state is State.NUMBER
                self.accepted_others += state is not State.NUMBER
                self.accepted_wrong += not hits[name]
            if field.outcome is not Outcome.PEOPLE and field.state is State.NUMBER:
                self.said.append(field.p)
                self.found.append(hits[name])
                self.invented += state is not State.NUMBER and bool(field.value)

    def row(self) -> str:
        right = f"{self.right}/{self.figures} | {100 * self.right / max(1, self.figures):.0f} %"
        accepted = f"{self.accepted} ({100 * self.accepted / max(1, self.figures):.0f} %) | {self.accepted_wrong}"
        suggested = f"{len(self.said)} | {len(self.said) - sum(self.found)}"
        return f"{right} | {self.whole}/{self.forms} | {accepted} | {suggested} | {self.invented}/{self.others}"

    HEAD = "figures | | forms whole | accepted | wrong | accepted or suggested | wrong | invented"

    @property
    def most_wrong(self) -> float:
        """The share of wrong ones among accepted fields that chance allows at 95 % (Clopper and Pearson, one side)."""
        accepted = self.accepted + self.accepted_others
        return float(beta.ppf(0.95, self.accepted_wrong + 1, accepted - self.accepted_wrong)) if accepted else 1.0

    @property
    def ece(self) -> float:
        return expected_error(np.array(self.said), np.array(self.found, np.float64)) if self.said else 0.0


def table(scores: Mapping[str, Score]) -> None:
    """By form type, and all together."""
    print(f"| form type | {Score.HEAD} |")
    print("| --- |" + " ---: |" * (Score.HEAD.count("|") + 1))
    for name, score in sorted(scores.items(), key=lambda item: (item[0] == "all", item[0])):
        print(f"| {name} | {score.row()} |")
    whole = scores["all"]
    accepted = whole.accepted + whole.accepted_others
    share = 100 * whole.accepted_wrong / max(1, accepted)
    print(f"\nWrong among {accepted} accepted: {whole.accepted_wrong} = {share:.4f} %, at 95 % less than ", end="")
    print(f"{100 * whole.most_wrong:.4f} %.")
    print(f"\nExpected calibration error over accepted and suggested figures: {whole.ece:.4f}.\n")
    said, found = np.array(whole.said), np.array(whole.found, np.float64)
    print("| said | figures | mean said | found right |\n| --- | ---: | ---: | ---: |")
    for low, high in (
        (0, 0.6),
        (0.6, 0.7),
        (0.7, 0.8),
        (0.8, 0.9),
        (0.9, 0.95),
        (0.95, 0.99),
        (0.99, 0.999),
        (0.999, 1),
    ):
        inside = (said > low) & (said <= high)
        if inside.any():
            print(f"| {low} to {high} | {inside.sum()} | {said[inside].mean():.4f} | {found[inside].mean():.4f} |")
    print()


def crossed(
    cases: Sequence[Case], extra: Sequence[Case], count: int, measured: Sequence[Case] = ()
) -> Iterator[tuple[Case, Calibration]]:
    """Each case with a calibration that was fitted without its sheet; `slip` alone is as shipped.

    Args:
        cases: with outlines given, as what is shipped is fitted on.
        measured: the same sheets seen otherwise; empty: `cases` themselves.
    """
    for fitting, checking in folds(cases, count):
        calibration = fitted([*fitting, *extra], slip=shipped().slip)
        sheets = {case.sheet for case in checking}
        yield from ((case, calibration) for case in measured or cases if case.sheet in sheets)


def measure(title: str, pairs: Sequence[tuple[Case, Calibration]]) -> dict[str, Score]:
    scores: dict[str, Score] = collections.defaultdict(Score)
    slips = 0
    for case, calibration in pairs:
        fields, broken = conclude(case.observed, case.rules, calibration)
        slips += len(broken)
        for name in (case.template, "all"):
            scores[name].add(case.truth, fields)
    print(f"### {title}\n")
    table(scores)
    print(f"Broken rules reported: {slips}.\n")
    return scores


def forms_of(folder: Path) -> list[Form]:
    found = []
    for country in COUNTRIES:
        labels = folder / country / "labels.json"
        found += [Form(labels.parent / form["file"], labels, form) for form in json.loads(labels.read_bytes())["forms"]]
    return found


def given_cases(reader: Reader, forms: Sequence[Form]) -> tuple[list[Case], dict[str, list[Crop]]]:
    cases, crops = [], {}
    for form in forms:
        if form.plain["figures"]:
            outlines = form.outlines
            crops[form.id] = crops_given(decode(form.path.read_bytes()), outlines.quads)
            cases.append(form.case(reader.observe(crops[form.id]), outlines.rules))
    return cases, crops


def own_cases(forms: Sequence[Form]) -> tuple[list[Case], list[tuple[str, float, Mapping[str, float], float]]]:
    """By the photo and its template alone; also seconds, stages and the time of decoding, of each photo."""
    cases, times = [], []
    readers: dict[str, Reader] = {}
    for form in forms:
        if not form.plain["figures"]:
            continue
        template = template_of(form.template)
        reader = readers.setdefault(form.template, Reader([template]))
        photo = form.path.read_bytes()
        before = time.process_time()
        cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
        limit = time.process_time() - before
        before = time.process_time()
        reading = reader.read(photo)
        times.append((form.id, time.process_time() - before, reading.stages, limit))
        rules = [Rule(rule.parts, rule.total) for rule in template.sums]
        cases.append(form.case(reading.observed, rules))
        if not reading.accepted:
            print(f"refused: {form.id}: {reading.reason}\n")
    return cases, times


def template_of(name: str) -> FormTemplate:
    return read_template(TEMPLATES / f"{name}.yaml")


def pages(forms: Sequence[Form]) -> None:
    """Right pages accepted and in place, foreign templates refused, codes."""
    names = sorted({form.template for form in forms if form.plain["figures"]})
    readers = {name: Reader([template_of(name)], readers=()) for name in names}
    accepted = placed = own = foreign = refused = codes = codes_right = 0
    for form in forms:
        photo = form.path.read_bytes()
        if form.plain["figures"]:
            reading = readers[form.template].read(photo)
            own += 1
            accepted += reading.accepted
            placed += reading.accepted and all(
                np.linalg.norm(reading.places[name] - quad, axis=1).max() < np.linalg.norm(quad[3] - quad[0]) / 3
                for name, quad in form.outlines.quads.items()
                if name in reading.places
            )
            for code in form.plain["codes"]:
                codes += 1
                codes_right += any(seen["payload"] == str(code.get("text", code.get("id"))) for seen in reading.codes)
        for name in names:
            if name != form.template:
                foreign += 1
                reading = readers[name].read(photo)
                refused += not reading.accepted
                if reading.accepted:
                    print(f"taken for {name}: {form.id}\n")
    print("### Pages\n\n| what | |\n| --- | ---: |")
    print(f"| right page accepted | {accepted}/{own} |")
    print(f"| every field corner within a third of the field's height | {placed}/{own} |")
    print(f"| photo against a foreign template refused | {refused}/{foreign} |")
    print(f"| codes | {codes_right}/{codes} |\n")


def speed(times: Sequence[tuple[str, float, Mapping[str, float], float]]) -> None:
    seconds = np.array([one[1] for one in times])
    print("### Time\n\nSeconds of one core per photo (processor time), from the file's bytes to the answer.\n")
    print("| stage | median | p95 |\n| --- | ---: | ---: |")
    print(f"| whole | {np.median(seconds):.2f} | {np.percentile(seconds, 95):.2f} |")
    for stage in dict.fromkeys(name for one in times for name in one[2]):
        of_stage = np.array([one[2].get(stage, 0.0) for one in times])
        print(f"| {stage} | {np.median(of_stage):.3f} | {np.percentile(of_stage, 95):.3f} |")
    limit = np.array([one[3] for one in times])
    print(f"| limit: decoding the JPEG | {np.median(limit):.3f} | {np.percentile(limit, 95):.3f} |\n")
    print(f"Memory at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB.\n")


def others(forms: Sequence[Form], crops: Mapping[str, Sequence[Crop]]) -> None:
    """RapidOCR's recogniser and Tesseract on the same fields; letters that look like digits count as digits."""
    rapidocr: Any = importlib.import_module("rapidocr")  # measured against, never used by the reader
    engine = rapidocr.RapidOCR(params={"Global.log_level": "error"})
    print("### Others, outlines given\n\n| reader | figures | invented | s per photo |\n| --- | ---: | ---: | ---: |")
    readers: dict[str, Callable[[Crop], int | None]] = {
        "RapidOCR 3.10.0, recogniser as it comes": lambda crop: _rapid(engine, crop)
    }
    if shutil.which("tesseract"):
        readers["Tesseract, psm 7, digits only"] = _tesseract
    for name, read in readers.items():
        right = figures = invented = rest = 0
        start = time.perf_counter()
        for form in forms:
            for crop in crops.get(form.id, ()):
                if crop.name not in form.truth:
                    continue
                state, value = form.truth[crop.name]
                found = read(crop)
                figures += state is State.NUMBER
                right += state is State.NUMBER and found == value
                rest += state is not State.NUMBER
                invented += state is not State.NUMBER and bool(found)
        each = (time.perf_counter() - start) / max(1, len(crops))
        print(f"| {name} | {right}/{figures} = {100 * right / figures:.0f} % | {invented}/{rest} | {each:.2f} |")
    print()


_LOOK_ALIKE = str.maketrans("OoDQIl|!iZzSsbBgq", "00001111122556899")


def _field_alone(crop: Crop) -> np.ndarray[Any, Any]:
    m = crop.margin_px
    return cv2.cvtColor(crop.image[m:-m, m:-m], cv2.COLOR_RGB2BGR)


def _rapid(engine: Any, crop: Crop) -> int | None:
    answer = engine(_field_alone(crop), use_det=False, use_cls=False, use_rec=True)
    text = "".join(answer.txts or ()).translate(_LOOK_ALIKE)
    digits = "".join(c for c in text if c in "0123456789")
    return int(digits) if digits else None


def _tesseract(crop: Crop) -> int | None:
    large = cv2.resize(_field_alone(crop), None, fx=1.5, fy=1.5, interpolation=cv2.INTER_CUBIC)
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        cv2.imwrite(file.name, large)
        command = ["tesseract", file.name, "-", "--psm", "7", "-c", "tessedit_char_whitelist=0123456789"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_THREAD_LIMIT": "1"}
        )
    digits = "".join(c for c in done.stdout if c in "0123456789")
    return int(digits) if digits else None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading", description=__doc__)
    parser.add_argument("forms", type=Path)
    parser.add_argument("--only", default="given,own,pages,synthetic,others")
    parser.add_argument("--folds", type=int, default=6)
    parser.add_argument("--mnist", type=Path, help="folder with MNIST's four files")
    parser.add_argument("--figures", type=int, default=20_000, help="synthetic figures to measure on")
    parser.add_argument("--fit-figures", type=int, default=2_000, help="synthetic figures to fit on, other sheets")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="for the synthetic sheets")
    parser.add_argument("--write", type=Path, help="fit on everything and write the calibration to this file")
    arguments = parser.parse_args()
    parts = arguments.only.split(",")
    forms = forms_of(arguments.forms)
    reader = Reader()
    print(f"Python {sys.version.split()[0]}, numpy {np.__version__}, cv2 {cv2.__version__}.\n")
    extra: list[Case] = []
    if arguments.mnist is not None and ({"given", "own"} & set(parts) or arguments.write):
        # less than the real figures together: they are what the reader is for
        extra = [
            dataclasses.replace(case, weight=0.1)
            for case in synthetic_cases(arguments.mnist, arguments.fit_figures, odd=False, workers=arguments.workers)
        ]
    cases: list[Case] = []
    crops: dict[str, list[Crop]] = {}
    if {"given", "own", "others"} & set(parts) or arguments.write:
        cases, crops = given_cases(reader, forms)
    if "given" in parts:
        measure("Outlines given, all readers and the sheet's sums", list(crossed(cases, extra, arguments.folds)))
        for name in ("digits", "recurrent", "line"):
            alone = [_alone(case, name) for case in cases]
            measure(f"Outlines given, `{name}` alone, without sums", [(case, shipped()) for case in alone])
    if "own" in parts:
        own, times = own_cases(forms)
        measure("Own registration", list(crossed(cases, extra, arguments.folds, own)))
        speed(times)
    if "pages" in parts:
        pages(forms)
    if "others" in parts:
        others(forms, crops)
    if "synthetic" in parts:
        unseen = synthetic_cases(arguments.mnist, arguments.figures, odd=True, workers=arguments.workers)
        calibration = shipped()
        measure("Synthetic sheets, strokes and layouts never seen", [(case, calibration) for case in unseen])
    if arguments.write is not None:
        figures = sum(state is State.NUMBER for case in cases for state, _ in case.truth.values())
        made = {"figures": figures, "synthetic_sheets": len(extra)}
        calibration = dataclasses.replace(fitted([*cases, *extra]), made=made)
        arguments.write.write_bytes(calibration.to_bytes())


def _alone(case: Case, reader: str) -> Case:
    observed = tuple(
        dataclasses.replace(one, beliefs=tuple(b for b in one.beliefs if b.reader == reader)) for one in case.observed
    )
    return dataclasses.replace(case, observed=observed, rules=())


if __name__ == "__main__":
    main()
