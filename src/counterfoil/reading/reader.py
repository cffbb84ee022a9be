"""The whole way from a photo to figures: one independent reader, which knows what it does not know.

    photo -> pixels -> codes -> page -> crops -> two readers -> merged -> whole sheet -> certainty -> outcome

* `raw` is what the readers see, without arithmetic: the only reading of the paper. `value`, `state` and `p` are what
  the whole sheet makes likeliest. Where the two differ, the field goes to people, and both are kept.
* A rule that is broken is reported, never repaired.
* A page that is refused has no figures at all.
* The same photo gives the same answer on every run, on one thread; no file is opened after the reader is made.

Leaves out: who may see what, the record, the database, and whose figures count.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import cv2
import numpy as np

from counterfoil.reading.belief import Belief, Candidate, Crop, Quad, Rgb, State
from counterfoil.reading.confidence import Calibration, Outcome, Seen, shipped
from counterfoil.reading.crops import crops_given
from counterfoil.reading.given import Outlines
from counterfoil.reading.joint import Joint, Option, Rule, decide
from counterfoil.reading.line import LineReader
from counterfoil.reading.merge import Merged, merge
from counterfoil.reading.pages import decode

VERSION = "1"
"""Of the reader as shipped; a fitted calibration adds to it. The record says `counterfoil-reader@VERSION`."""

cv2.setNumThreads(1)


class FieldReader(Protocol):
    """One of the two readers."""

    name: str

    def read(self, crops: Sequence[Crop]) -> list[Belief]: ...


@dataclass(frozen=True, slots=True)
class FieldReading:
    """One field of a photo."""

    name: str
    raw: str
    value: int | None
    state: State
    p: float
    """That `state` and `value` are what stands there."""
    alternatives: tuple[tuple[int, float], ...]
    """Other numbers and their probabilities."""
    outcome: Outcome
    why: str
    """The first cap that kept the outcome down; empty where none did."""
    quad: Quad
    """The field in the photo."""
    seen: Seen
    """What its certainty rests on; for `reader fit` and the benchmark."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "raw": self.raw,
            "value": self.value,
            "state": str(self.state),
            "p": round(self.p, 6),
            "alternatives": [[value, round(p, 6)] for value, p in self.alternatives],
            "outcome": str(self.outcome),
        }


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """Parts that do not add up to their total, as they were read."""

    parts: tuple[str, ...]
    total: str
    sum: int
    written: int

    def to_dict(self) -> dict[str, Any]:
        return {"parts": list(self.parts), "total": self.total, "sum": self.sum, "written": self.written}


@dataclass(frozen=True, slots=True)
class PageReading:
    """One photo."""

    accepted: bool
    reason: str | None
    template: str
    page: int | None
    residual_px: float
    quad: Quad
    codes: tuple[Mapping[str, str], ...]
    fields: Mapping[str, FieldReading]
    broken_rules: tuple[BrokenRule, ...]
    seconds: float
    stages: Mapping[str, float] = field(default_factory=dict)
    """Seconds of each step."""

    def to_dict(self) -> dict[str, Any]:
        """What `counterfoil read --json` prints."""
        return {
            "page": {
                "accepted": self.accepted,
                "reason": self.reason,
                "template": self.template,
                "page": self.page,
                "registration_residual_px": round(self.residual_px, 3),
                "quad": [[round(float(x), 1), round(float(y), 1)] for x, y in self.quad],
            },
            "codes": [dict(code) for code in self.codes],
            "fields": {name: reading.to_dict() for name, reading in self.fields.items()},
            "broken_rules": [rule.to_dict() for rule in self.broken_rules],
            "seconds": round(self.seconds, 3),
        }


class Reader:
    """Reads photos. Make one a process: the networks are loaded here."""

    def __init__(self, *, calibration: bytes | None = None, readers: Sequence[FieldReader] | None = None) -> None:
        """
        Args:
            calibration: contents of a file that `counterfoil reader fit` wrote; None: as shipped.
            readers: instead of the two that are shipped; for measuring one alone.
        """
        self._readers = tuple(readers) if readers is not None else (LineReader(),)
        self._calibration = shipped() if calibration is None else Calibration.from_bytes(calibration)
        self.version = VERSION if calibration is None else f"{VERSION}-{self._calibration.version}"

    def read_given(self, photo: bytes, given: Outlines) -> PageReading:
        """A photo whose fields' outlines are known: nothing is registered, and no page refused.

        Raises:
            InputError: `photo` is no picture that can be decoded.
        """
        clock = _Clock()
        with clock.stage("decode"):
            image = decode(photo)
        with clock.stage("crops"):
            crops = crops_given(image, given.quads)
        fields, broken = self._figures(crops, given.quads, given.rules, 0.0, clock)
        return PageReading(
            True, None, given.template, None, 0.0, _whole(image), (), fields, broken, clock.whole(), clock.stages
        )

    def _figures(
        self, crops: Sequence[Crop], quads: Mapping[str, Quad], rules: Sequence[Rule], residual: float, clock: _Clock
    ) -> tuple[dict[str, FieldReading], tuple[BrokenRule, ...]]:
        inside = [crop for crop in crops if crop.seen >= 0.5]
        beliefs: dict[str, list[Belief]] = {crop.name: [] for crop in inside}
        for reader in self._readers:
            with clock.stage(reader.name):
                for crop, belief in zip(inside, reader.read(inside), strict=True):
                    beliefs[crop.name].append(belief)
        with clock.stage("joint"):
            merged = {name: merge(of_one, self._calibration.merging) for name, of_one in beliefs.items()}
            options = {name: [_option(c) for c in one.candidates] for name, one in merged.items()}
            outside = {crop.name: [Option(1.0, None, None)] for crop in crops if crop.name not in merged}
            joint = decide(options | outside, rules, slip=self._calibration.slip, spread=self._calibration.spread)
            final = {name: _likeliest(one, joint, name) for name, one in merged.items()}
            broken, holding = _rules(rules, final)
        fields = {}
        for crop in crops:
            if crop.name not in merged:
                fields[crop.name] = _absent(crop, quads[crop.name])
                continue
            seen = self._seen(crop, merged[crop.name], joint, final[crop.name], rules, broken, holding, residual)
            fields[crop.name] = self._field(crop, merged[crop.name], joint, final[crop.name], seen, quads[crop.name])
        return fields, broken

    def _seen(
        self,
        crop: Crop,
        merged: Merged,
        joint: Joint,
        final: Candidate | None,
        rules: Sequence[Rule],
        broken: Sequence[BrokenRule],
        holding: Sequence[Rule],
        residual: float,
    ) -> Seen:
        key = None if final is None else (final.state, final.value)
        marginals = joint.fields[crop.name]
        posterior = max(marginals.posterior)
        given = {name: said.get(key, 0.0) if key else 0.0 for name, said in merged.by_reader.items()}
        best = merged.best
        return Seen(
            posterior=posterior,
            gap=marginals.gap,
            merged=0.0 if final is None else final.p,
            digits=given.get("digits"),
            line=given.get("line"),
            agree=len(given) > 1 and all(merged.favourite(name) == key for name in given),
            same_as_raw=best is not None and key == (best.state, best.value),
            covered=any(crop.name in rule.fields for rule in holding),
            broken=any(crop.name in (*rule.parts, rule.total) for rule in broken),
            digit_px=merged.signs.get("line.digit_px", 0.0),
            in_picture=crop.seen,
            residual_px=residual,
            signs=merged.signs,
        )

    def _field(
        self, crop: Crop, merged: Merged, joint: Joint, final: Candidate | None, seen: Seen, quad: Quad
    ) -> FieldReading:
        best = merged.best
        raw = "?" if best is None or merged.rest > best.p else best.raw
        state, value = (State.ILLEGIBLE, None) if final is None else (final.state, final.value)
        p = self._calibration.probability(seen, state)
        outcome, why = self._calibration.outcome(seen, state, p)
        posterior = joint.fields[crop.name].posterior
        others: dict[int, float] = {}
        for candidate, share in zip(merged.candidates, posterior, strict=False):
            if candidate.value is not None and candidate.value != value:
                others[candidate.value] = others.get(candidate.value, 0.0) + share
        # what certainty takes from the first answer goes to the others in proportion
        left = sum(others.values())
        scale = (1 - p) / (1 - max(posterior)) if max(posterior) < 1 and left > 0 else 1.0
        alternatives = [(v, min(1 - p, share * min(scale, 1e3))) for v, share in others.items()]
        alternatives = sorted((a for a in alternatives if a[1] > 0.001), key=lambda a: -a[1])[:5]
        return FieldReading(crop.name, raw, value, state, p, tuple(alternatives), outcome, why, quad, seen)


class _Clock:
    """Seconds since it was made, and of each stage."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self.stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.stages[name] = self.stages.get(name, 0.0) + time.perf_counter() - start

    def whole(self) -> float:
        return time.perf_counter() - self._start


def _option(candidate: Candidate) -> Option:
    """What a candidate counts in a sum: an empty part nothing, an empty total is no claim."""
    match candidate.state:
        case State.EMPTY:
            return Option(candidate.p, 0, None)
        case State.NUMBER | State.STRUCK | State.WORD:
            return Option(candidate.p, candidate.value, candidate.value)
        case _:
            return Option(candidate.p, None, None)


def _likeliest(merged: Merged, joint: Joint, name: str) -> Candidate | None:
    posterior = joint.fields[name].posterior
    first = int(np.argmax(posterior))
    return merged.candidates[first] if first < len(merged.candidates) else None


def _rules(
    rules: Sequence[Rule], final: Mapping[str, Candidate | None]
) -> tuple[tuple[BrokenRule, ...], tuple[Rule, ...]]:
    """The rules that what was read breaks, and those that it keeps; of others nothing can be said."""
    broken, holding = [], []
    for rule in rules:
        said = [final.get(name) for name in rule.fields]
        options = [None if one is None else _option(one) for one in said]
        alone = len(rule.parts) == 1
        parts = [o and (o.as_total if alone else o.as_part) for o in options[:-1]]
        total = options[-1] and options[-1].as_total
        known = [part for part in parts if isinstance(part, int)]
        if len(known) < len(parts) or not isinstance(total, int):
            continue
        if sum(known) == total:
            holding.append(rule)
        else:
            broken.append(BrokenRule(rule.parts, rule.total, sum(known), total))
    return tuple(broken), tuple(holding)


def _absent(crop: Crop, quad: Quad) -> FieldReading:
    """Outside the picture: never taken for empty."""
    seen = Seen.nothing(crop.seen)
    return FieldReading(crop.name, "", None, State.ABSENT, 1.0, (), Outcome.PEOPLE, "outside the picture", quad, seen)


def _whole(image: Rgb) -> Quad:
    height, width = image.shape[:2]
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
