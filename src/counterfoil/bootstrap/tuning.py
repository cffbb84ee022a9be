"""Our network taught further on what people settled in this election: `counterfoil reader fit --fine-tune`.

    labels -> kept pictures -> the jail: what the network is shown -> a few rounds -> the jail again: held-out sheets

Rules:

* Photos are opened in the jail only; what comes out of it is views of fields, and readings held to the usual rules.
* Nothing is learned from a quarter of the sheets, by the hash of their names. The whole reader, with the new network
  and with the one in use, reads their photos, and so does each network alone (the other readers and the sums make up
  for much); the new one is taken only if both have as many figures right there at least, and not more wrong ones are
  accepted.
* What is taken is a new version of the calibration with the weights in it: logged and taken back like every fit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from counterfoil.bootstrap.labels import labels
from counterfoil.bootstrap.machine import CALIBRATION, CPU_S, MEMORY_BYTES, WALL_S, Machine, complete, make
from counterfoil.bootstrap.server import Server
from counterfoil.election.template_format import FormTemplate
from counterfoil.primitives.canonical import sha256_hex
from counterfoil.primitives.errors import InputError, RecordError, Refusal
from counterfoil.reading import handed
from counterfoil.reading.confidence import Calibration
from counterfoil.reading.digits import DigitsReader, shipped_weights
from counterfoil.reading.fit import LEAST_LABELS, LEAST_SHEETS, current, held_out, in_order, next_version
from counterfoil.reading.lessons import MOST_BYTES, Bytes, Lesson, floats, lessons, unpack_views
from counterfoil.sandbox import Program
from counterfoil.sandbox.refusals import SandboxStopped
from counterfoil.storage.models import Copy
from counterfoil.workflow.machine import NotAReading

MOST_LESSONS: Final = 20_000
"""Views that are learned from; what is more adds hours and little else."""
MOST_CHECKED: Final = 400
"""Photos of held-out sheets that are read."""
LEARNABLE: Final = ("number", "empty")
_Label = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Counted:
    """Of one form type, on held-out sheets."""

    fields: int = 0
    right: int = 0
    accepted: int = 0
    wrong: int = 0
    """Of those accepted."""
    alone: int = 0
    """Right by our network alone."""

    def __add__(self, other: Counted) -> Counted:
        mine, theirs = dataclasses.astuple(self), dataclasses.astuple(other)
        return Counted(*(a + b for a, b in zip(mine, theirs, strict=True)))


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was learned, and what it does to the sheets that were held out."""

    calibration: Calibration
    helps: bool
    sheets: int
    lessons: int
    before: Mapping[str, Counted]
    """By form type, and `all`."""
    after: Mapping[str, Counted]

    def to_dict(self) -> dict[str, Any]:
        return {
            "version": self.calibration.version,
            "network": sha256_hex(self.calibration.network),
            "helps": self.helps,
            "sheets": self.sheets,
            "lessons": self.lessons,
            "before": {name: dataclasses.asdict(one) for name, one in self.before.items()},
            "after": {name: dataclasses.asdict(one) for name, one in self.after.items()},
        }


def fine_tune(at: Server, *, rounds: int, seed: int, note: Callable[[str], None]) -> Tuned:
    """Teach the network in use further on what people settled.

    Raises:
        InputError: the extra `train` is not installed.
        Refusal: no template, or too little was settled.
    """
    try:
        from counterfoil.reading.train import tune  # noqa: PLC0415 torch
    except ModuleNotFoundError as error:
        raise InputError(
            "fine-tuning", expected="the extra `train`", found=str(error), do="pip install 'counterfoil[train]'"
        ) from None
    known, sheets = _settled(at)
    held = held_out(sheets)
    now = current((at.settings.private / CALIBRATION).parent)
    templates = complete(at.templates, at.pictures)
    network = DigitsReader(taught=now.network)
    order = {sheet: number for number, sheet in enumerate(sheets)}
    known.sort(key=lambda label: order[label["sheet"]])
    given: list[Lesson] = []
    boxes = _boxes(templates)
    for label, shown in _shown(at, [one for one in known if one["sheet"] not in held], templates, now):
        for name, (state, value) in _fields(label).items():
            given += lessons(shown.get(name, []), state, value, boxes[label["template"], name], network)
        if len(given) >= MOST_LESSONS:
            break
    note(f"{len(given)} views of fields to learn from")
    weights = tune.tuned(now.network or shipped_weights("western")[0], given, rounds=rounds, seed=seed, note=note)
    made = {"from": now.version, "sheets": len(sheets), "lessons": len(given), "rounds": rounds, "seed": seed}
    version = next_version((at.settings.private / CALIBRATION).parent)
    new = dataclasses.replace(now, version=version, network=weights, made=made)
    checking = [one for one in known if one["sheet"] in held][:MOST_CHECKED]
    seen = list(_shown(at, checking, templates, now))
    before, after = (_counted(at, checking, seen, templates, one) for one in (now, new))
    was, becomes = before["all"], after["all"]
    as_good = becomes.right >= max(1, was.right) and becomes.alone >= max(1, was.alone)
    helps = as_good and becomes.wrong <= was.wrong
    return Tuned(new, helps, len(sheets), len(given), before, after)


def _settled(at: Server) -> tuple[list[dict[str, Any]], list[str]]:
    """The labels that can be learned from, and their sheets in order."""
    known = [label for label in labels(at) if _fields(label)]
    sheets, fields = in_order(label["sheet"] for label in known), sum(len(_fields(label)) for label in known)
    if not at.templates or fields < LEAST_LABELS or len(sheets) < LEAST_SHEETS:
        raise Refusal(
            f"Fine-tuning needs a form with a template and {LEAST_LABELS} settled fields of {LEAST_SHEETS} copies at "
            f"least; there are {fields} of {len(sheets)}.",
            code="too-few-labels",
        )
    return known, sheets


def _fields(label: Mapping[str, Any]) -> dict[str, tuple[str, int | None]]:
    return {n: (f["state"], f["value"]) for n, f in label["fields"].items() if f["state"] in LEARNABLE}


def _boxes(templates: Sequence[FormTemplate]) -> dict[tuple[str, str], int | None]:
    """Of each field of each template."""
    return {(form.name, place.id): place.boxes for form in templates for page in form.pages for place in page.fields}


def _shown(
    at: Server, known: Sequence[_Label], templates: tuple[FormTemplate, ...], now: Calibration
) -> Iterator[tuple[_Label, dict[str, list[Bytes]]]]:
    """What the network is shown of the fields of each of these copies, by the jail."""
    module, *packages = at.reader_program
    jail = Program(
        module,
        packages,
        handed.pack(templates, now.to_bytes()),
        cpu_s=CPU_S,
        wall_s=WALL_S,
        memory_bytes=MEMORY_BYTES,
        answer_bytes=MOST_BYTES,
    )
    fields = _boxes(templates)
    with jail:
        for label in known:
            names = frozenset(name for template, name in fields if template == label["template"])
            try:
                yield label, unpack_views(jail.ask(b"L" + at.pictures.get(label["picture"])), names)
            except (SandboxStopped, RecordError):
                continue  # a photo that nothing can be made of teaches nothing


def _counted(
    at: Server,
    known: Sequence[_Label],
    seen: Sequence[tuple[_Label, dict[str, list[Bytes]]]],
    templates: tuple[FormTemplate, ...],
    with_: Calibration,
) -> dict[str, Counted]:
    """How the whole reader reads these copies, and its network alone what it is shown of them."""
    counted = [(label["template"], _alone(DigitsReader(taught=with_.network), label, shown)) for label, shown in seen]
    machine = make(templates, with_.to_bytes(), 1, at.reader_program)
    try:
        counted += [(label["template"], _read(machine, at, label)) for label in known]
    finally:
        machine.program.close()
    found = {"all": Counted()}
    for template, one in counted:
        for name in ("all", template):
            found[name] = found.get(name, Counted()) + one
    return found


def _alone(network: DigitsReader, label: _Label, shown: Mapping[str, Sequence[Bytes]]) -> Counted:
    said = {n: network.says([floats(view) for view in views]) for n, views in shown.items() if views}
    return Counted(alone=sum(said.get(name) == settled for name, settled in _fields(label).items()))


def _read(machine: Machine, at: Server, label: _Label) -> Counted:
    settled = _fields(label)
    copy = Copy.objects.filter(picture=label["picture"]).first()
    try:
        read = machine.read(at.pictures.get(label["picture"]), copy.width, copy.height) if copy is not None else None
    except (SandboxStopped, NotAReading):
        read = None
    if read is None or read.template != label["template"]:
        return Counted(len(settled))
    said = {name: one for name, one in read.fields.items() if name in settled}
    right = {name for name, one in said.items() if (one.state, one.value) == settled[name]}
    accepted = {name for name, one in said.items() if one.outcome == "accept"}
    return Counted(len(settled), len(right), len(accepted), len(accepted - right))
