"""Learning on the job: from what people settled, how sure the reader should have been. `counterfoil reader fit`.

* A label is one field: the probability that the reader gave its answer, and whether people settled on that answer. No
  picture is opened, and no reading changes: only how sure the reader is.
* A line (two numbers) is fitted, or rising steps (isotonic): the steps only if they do better on a third of the sheets
  that are fitted on (`scaling`). What caps certainty (`confidence`) stays as it is.
* By sheet: the fields of one copy are on one side. A quarter of the sheets, by the hash of their names, is held out:
  nothing is fitted or chosen on it, and what is said of before and after is measured there.
* A fit that does not help on what was held out, or has more wrong figures accepted there, changes nothing.
* Every version is kept, each step is a line in the log, and `undo` goes back.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.primitives.canonical import sha256_hex
from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.reading.belief import State
from counterfoil.reading.confidence import Calibration, Outcome, shipped
from counterfoil.reading.scaling import Line, Map, Stairs, fitted_line, fitted_stairs, log_loss

LEAST_LABELS: Final = 100
"""Fields; with fewer nothing can be learned."""
LEAST_SHEETS: Final = 12
HELD_OUT: Final = 4
"""One sheet in so many."""
CHOOSING: Final = 3
"""One sheet in so many of those that are fitted on: it chooses between line and steps."""
_SAID_TO: Final = 2e-6
"""How exactly a label has what was said."""
CURRENT, LOG = "calibration.json", "calibration.log.jsonl"


@dataclass(frozen=True, slots=True)
class Label:
    """One field that people settled, and what the reader had said."""

    sheet: str
    template: str
    p: float
    right: bool
    outcome: Outcome = Outcome.PEOPLE
    number: bool = True
    """False: an empty field, which is never accepted."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How good probabilities are over some fields."""

    fields: int
    right: int
    log_loss: float
    """Mean, in nats; less is better."""
    ece: float
    """Mean distance of what was said from what was found, over ten bins."""
    accepted: int
    """Figures. After a fit: at most, for a label does not tell whether a rule confirms a figure that was only
    suggested; one that was said as sure as an unconfirmed figure may be counts as unconfirmed."""
    wrong: int
    """Of them."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "fields": self.fields,
            "right": self.right,
            "log_loss": round(self.log_loss, 5),
            "ece": round(self.ece, 5),
            "accepted": self.accepted,
            "wrong": self.wrong,
        }


@dataclass(frozen=True, slots=True)
class Fit:
    """What was learned, and what it does to the sheets that were held out."""

    calibration: Calibration
    step: Map
    """What was learned, on top of the calibration before."""
    helps: bool
    sheets: int
    left_out: int
    """Labels of other versions of the reader."""
    before: Mapping[str, Measured]
    """By form type, and `all`."""
    after: Mapping[str, Measured]

    def to_dict(self) -> dict[str, Any]:
        return {
            "version": self.calibration.version,
            "helps": self.helps,
            "sheets": self.sheets,
            "left_out": self.left_out,
            "kind": "line" if isinstance(self.step, Line) else "steps",
            **self.step.to_dict(),
            "before": {name: one.to_dict() for name, one in self.before.items()},
            "after": {name: one.to_dict() for name, one in self.after.items()},
        }


def read_labels(path: Path, version: str) -> tuple[list[Label], int]:
    """The labels of a file (one JSON object a line, docs/reading.md), and how many were of other versions.

    Raises:
        InputError: no such file, or a line that is not of this shape, by its number.
    """
    labels: list[Label] = []
    others = 0
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(str(path), expected="labels, one JSON object a line", found="none", code="no-labels") from None
    for number, line in enumerate(lines, 1):
        try:
            plain = json.loads(line)
            found = list(_labels(plain))
            same = plain.get("calibration", version) == version
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path}, line {number}",
                expected="a label as docs/reading.md describes it",
                found=f"{type(error).__name__}: {error}"[:80],
                code="bad-labels",
            ) from None
        if same:
            labels += found
        else:
            others += len(found)
    return labels, others


def _labels(plain: Mapping[str, Any]) -> Iterator[Label]:
    for field in plain["fields"].values():
        said = field.get("machine")
        if said is None or State(said["state"]) not in (State.NUMBER, State.EMPTY):
            continue
        right = said["state"] == field["state"] and said["value"] == field["value"]
        p = float(said["p"])
        if not 0 <= p <= 1:
            raise ValueError(f"p is {p}")
        outcome = Outcome(said.get("outcome", Outcome.PEOPLE))
        number = said["state"] == State.NUMBER
        yield Label(str(plain["sheet"]), str(plain["template"]), p, right, outcome, number)


def fit(labels: Sequence[Label], current: Calibration, version: str, left_out: int = 0) -> Fit:
    """
    Raises:
        Refusal: too few labels, or all right, or all wrong: nothing can be learned.
    """
    sheets = in_order(label.sheet for label in labels)
    held = held_out(sheets)
    fitting = [label for label in labels if label.sheet not in held]
    checking = [label for label in labels if label.sheet in held]
    if len(labels) < LEAST_LABELS or len(sheets) < LEAST_SHEETS or not checking:
        raise Refusal(
            f"Fitting needs {LEAST_LABELS} settled fields of {LEAST_SHEETS} copies at least; there are {len(labels)} "
            f"of {len(sheets)}.",
            code="too-few-labels",
        )
    if len({label.right for label in fitting}) < 2:
        raise Refusal("Fitting needs right and wrong answers; here all are alike.", code="all-alike")
    choosing = set(sheets[len(sheets) // HELD_OUT :: CHOOSING])
    step = _fitted(fitting, _better(fitting, choosing))
    made = dataclasses.replace(
        current.with_step(step),
        version=version,
        made={"from": current.version, "sheets": len(sheets), "fields": len(labels)},
    )
    before = _by_template(checking, Line(), current)
    after = _by_template(checking, step, current)
    helps = after["all"].log_loss < before["all"].log_loss and after["all"].wrong <= before["all"].wrong
    return Fit(made, step, helps, len(sheets), left_out, before, after)


def in_order(sheets: Iterable[str]) -> list[str]:
    """Sheets, each once, in the order of the hashes of their names: none that anybody chose."""
    return sorted(set(sheets), key=lambda sheet: sha256_hex(sheet.encode()))


def held_out(sheets: Sequence[str]) -> set[str]:
    """Of sheets `in_order`, those that nothing is learned from."""
    return set(sheets[: len(sheets) // HELD_OUT])


def _better(labels: Sequence[Label], choosing: set[str]) -> type[Map]:
    """The kind of map that does better on the sheets `choosing`, fitted on the others; too few: a line."""
    trying = [label for label in labels if label.sheet not in choosing]
    if len(trying) < LEAST_LABELS or len(trying) == len(labels):
        return Line
    z, right = _arrays([label for label in labels if label.sheet in choosing])
    line, stairs = (log_loss(_fitted(trying, kind)(z), right) for kind in (Line, Stairs))
    return Stairs if stairs < line else Line


def _fitted(labels: Sequence[Label], kind: type[Map]) -> Map:
    z, right = _arrays(labels)
    return fitted_line(z, right) if kind is Line else fitted_stairs(z, right)


def _arrays(labels: Sequence[Label]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    p = np.clip([label.p for label in labels], 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p)), np.array([label.right for label in labels], np.float64)


def _by_template(labels: Sequence[Label], step: Map, current: Calibration) -> dict[str, Measured]:
    groups: dict[str, list[Label]] = {"all": list(labels)}
    for label in labels:
        groups.setdefault(label.template, []).append(label)
    return {name: _measured(group, step, current) for name, group in groups.items()}


def _measured(labels: Sequence[Label], step: Map, current: Calibration) -> Measured:
    z, right = _arrays(labels)
    z = step(z)
    p = 1 / (1 + np.exp(-z))
    accepted = np.array([_accepted(label, chance, current) for label, chance in zip(labels, p, strict=True)])
    return Measured(
        fields=len(labels),
        right=int(right.sum()),
        log_loss=log_loss(z, right),
        ece=expected_error(p, right),
        accepted=int(accepted.sum()),
        wrong=int((accepted & (right == 0)).sum()),
    )


def _accepted(label: Label, p: float, current: Calibration) -> bool:
    if label.outcome is Outcome.ACCEPT:
        return p >= current.accept
    capped = abs(label.p - current.most_unconfirmed) <= _SAID_TO
    return label.outcome is Outcome.SUGGEST and label.number and not capped and p >= current.accept


def expected_error(p: NDArray[np.float64], right: NDArray[np.float64], bins: int = 10) -> float:
    """Mean distance between the probability said and the share found right, over bins of equal width."""
    place = np.minimum((p * bins).astype(np.int64), bins - 1)
    weight = np.bincount(place, minlength=bins)
    said = np.bincount(place, p, bins)
    found = np.bincount(place, right, bins)
    return float(np.abs(said - found).sum() / max(1, weight.sum()))


# Versions on disk


def current(folder: Path) -> Calibration:
    """The calibration in use: the one in `folder`, or the shipped one."""
    path = folder / CURRENT
    return Calibration.from_bytes(path.read_bytes()) if path.exists() else shipped()


def next_version(folder: Path) -> str:
    """`fit1`, `fit2`, ...: never one that was used before."""
    numbers = [int(path.stem.removeprefix("calibration-fit")) for path in folder.glob("calibration-fit*.json")]
    return f"fit{max(numbers, default=0) + 1}"


def adopt(folder: Path, did: str, calibration: Calibration, told: Mapping[str, Any]) -> Path:
    """Put what was learned to use: its own file first, the log second, then the file that readers take. `told`: what
    the log says of it."""
    data = calibration.to_bytes()
    kept = folder / f"calibration-{calibration.version}.json"
    _write(kept, data)
    _note(folder, {"did": did, "sha256": sha256_hex(data), "was": current(folder).version, **told})
    _write(folder / CURRENT, data)
    return kept


def undo(folder: Path) -> str:
    """Back to the version before the current one; its name.

    Raises:
        Refusal: the shipped calibration is in use.
    """
    now = current(folder)
    if now.version == shipped().version:
        raise Refusal("There is no fit to take back; the shipped calibration is in use.", code="nothing-to-undo")
    before = str(now.made["from"])
    _note(folder, {"did": "undo", "was": now.version, "version": before})
    if before == shipped().version:
        (folder / CURRENT).unlink()
    else:
        _write(folder / CURRENT, (folder / f"calibration-{before}.json").read_bytes())
    return before


def _note(folder: Path, event: Mapping[str, Any]) -> None:
    with (folder / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
