"""How sure a field's answer is, and what may be done with it: accept, suggest, or leave it to people.

A probability comes from a logistic model of what is seen around the answer (`Seen`). It is followed by caps that no
probability can lift:

* Accepted is only a figure that a rule of the form covers and confirms (`sheet`), that two of three readers name in
  earnest, that is sure enough before the sums, and that arithmetic did not change. An empty field is not: a sum is the
  same with an empty part and with a 0.
* What no rule confirms, or one reader alone is sure of, is never said with more than `most_unconfirmed`: as many of
  such answers as were found right.
* What is illegible, a word, a mark instead of a figure, partly outside the picture, or written in less than
  `LEAST_DIGIT_PX` goes to people, and so do a figure that arithmetic changed and one in which both our networks see
  something struck out or written over. Where no rule confirms it, so do smaller writing, writing that runs out of the
  field above or below, and digits beside a cross in a field without boxes.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Final

import numpy as np

from counterfoil.primitives.errors import InputError
from counterfoil.reading.belief import State
from counterfoil.reading.joint import SLIP, SPREAD
from counterfoil.reading.merge import Merging
from counterfoil.reading.scaling import Line, Map, map_of

LEAST_DIGIT_PX: Final = 6.0
"""Pixels of the photo; smaller writing is never suggested."""
LEAST_DIGIT_PX_ALONE: Final = 9.0
"""The same where no rule confirms what is read."""
MOST_MARKED: Final = 0.2
"""Probability of a crossed-out or overwritten sign above which people look."""
MOST_MARKED_ALONE: Final = 0.1
"""The same where no rule confirms what is read."""
MOST_CUT: Final = 0.5
"""Part of a field's ink in strokes that run out of the crop: half a figure reads like another one."""
LEAST_READ: Final = 0.5
"""Probability before the sums of a figure that is accepted: it is read, not computed."""
LEAST_SEEN: Final = 0.97
"""Part of the field inside the picture."""
FILE: Final = "calibration.json"


class Outcome(enum.StrEnum):
    ACCEPT = "accept"
    SUGGEST = "suggest"
    PEOPLE = "people"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the certainty of one field's answer rests on."""

    posterior: float
    """After the sums of the sheet."""
    gap: float
    """Nats before the best sheet with another answer here."""
    merged: float
    """Of all readers together, before the sums."""
    digits: float | None
    """Of our network alone; None: it was not asked."""
    recurrent: float | None
    line: float | None
    agree: bool
    """Two readers name this answer in earnest: hold it for likeliest, or for at least half as likely as that."""
    same_as_raw: bool
    """The sums did not change it."""
    covered: bool
    """A rule over it holds, and not only because arithmetic made it."""
    broken: bool
    """A rule over it is broken."""
    digit_px: float
    """Height of the writing in the photo."""
    in_picture: float
    residual_px: float
    crossed: bool = False
    """Digits beside a cross in a field without boxes: struck out, or part of a word."""
    signs: Mapping[str, float] = field(default_factory=dict)

    @property
    def confirmed(self) -> bool:
        """By a rule, and by two readers."""
        return self.covered and not self.broken and self.agree

    @classmethod
    def nothing(cls, in_picture: float) -> Seen:
        """Of a field that is not in the picture."""
        return cls(1.0, math.inf, 1.0, None, None, None, False, True, False, False, 0.0, in_picture, 0.0)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything fitted, in one small JSON."""

    version: str = "shipped"
    merging: Merging = field(default_factory=Merging)
    slip: float = SLIP
    spread: float = SPREAD
    weights: Mapping[str, float] = field(default_factory=lambda: {"posterior": 1.0})
    """Of each feature of `features`, and `bias`."""
    slope: float = 1.0
    shift: float = 0.0
    """What `reader fit` learned on the job, on the logit of the probability."""
    steps: tuple[Map, ...] = ()
    """What later fits learned, in their order, once one of them is no line."""
    accept: float = 0.995
    suggest: float = 0.6
    most_unconfirmed: float = 0.99
    """The most that is said of an answer without a rule and two readers behind it."""
    network: bytes = field(default=b"", repr=False)
    """Weights of our network (ONNX) that `reader fit --fine-tune` taught further; empty: as shipped."""
    made: Mapping[str, Any] = field(default_factory=dict)
    """On what it was fitted, and what it measured there."""

    @classmethod
    def from_bytes(cls, data: bytes) -> Calibration:
        """
        Raises:
            InputError: not the JSON that `to_bytes` writes.
        """
        try:
            plain = json.loads(data)
            merging = plain["merging"]
            return cls(
                version=str(plain["version"]),
                merging=Merging(
                    {str(k): float(v) for k, v in merging["trust"].items()},
                    {str(k): float(v) for k, v in merging["floor"].items()},
                    float(merging["other"]),
                ),
                slip=float(plain["slip"]),
                spread=float(plain["spread"]),
                weights={str(k): float(v) for k, v in plain["weights"].items()},
                slope=float(plain["slope"]),
                shift=float(plain["shift"]),
                steps=tuple(map_of(step) for step in plain.get("steps", ())),
                accept=float(plain["accept"]),
                suggest=float(plain["suggest"]),
                most_unconfirmed=float(plain["most_unconfirmed"]),
                network=base64.b64decode(plain.get("network", ""), validate=True),
                made=dict(plain["made"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                "the calibration",
                expected="a file of `counterfoil reader fit`",
                found=str(error)[:80],
                code="bad-calibration",
            ) from None

    def to_bytes(self) -> bytes:
        """JSON, the same for the same calibration."""
        plain = {
            "version": self.version,
            "merging": {
                "trust": dict(self.merging.trust),
                "floor": dict(self.merging.floor),
                "other": self.merging.other,
            },
            "slip": self.slip,
            "spread": self.spread,
            "weights": dict(self.weights),
            "slope": self.slope,
            "shift": self.shift,
            "accept": self.accept,
            "suggest": self.suggest,
            "most_unconfirmed": self.most_unconfirmed,
            "made": dict(self.made),
        }
        if self.network:
            plain["network"] = base64.b64encode(self.network).decode("ascii")
        if self.steps:
            plain["steps"] = [step.to_dict() for step in self.steps]
        return (json.dumps(plain, ensure_ascii=False, indent=1) + "\n").encode()

    def probability(self, seen: Seen, state: State) -> float:
        """That the answer is what stands in the field, 0 to 1 without either end."""
        found = features(seen, state)
        z = self.weights.get("bias", 0.0) + sum(self.weights.get(name, 0.0) * x for name, x in found.items())
        z = self.slope * z + self.shift
        for step in self.steps:
            z = float(step(np.array([z]))[0])
        most = 1 - 1e-6 if seen.confirmed and state is not State.EMPTY else self.most_unconfirmed
        return min(max(1 / (1 + math.exp(-max(-30.0, min(30.0, z)))), 1e-6), most)

    def with_step(self, step: Map) -> Calibration:
        """With one more map behind those that it has."""
        if isinstance(step, Line) and not self.steps:
            slope, shift = self.slope * step.slope, self.shift * step.slope + step.shift
            return dataclasses.replace(self, slope=round(slope, 6), shift=round(shift, 6))
        return dataclasses.replace(self, steps=(*self.steps, step))

    def outcome(self, seen: Seen, state: State, p: float) -> tuple[Outcome, str]:
        """What may be done with the answer, and the first reason that kept it down."""
        to_people = (
            (state not in (State.NUMBER, State.EMPTY), f"{state}, not a number"),
            (not seen.same_as_raw, "arithmetic prefers another figure than the readers see"),
            (seen.in_picture < LEAST_SEEN, "partly outside the picture"),
            (
                _marked(seen) > (MOST_MARKED if seen.confirmed else MOST_MARKED_ALONE),
                "something is struck out or written over",
            ),
            (seen.crossed and not seen.confirmed, "digits beside a cross"),
            (seen.signs.get("line.cut", 0.0) > MOST_CUT and not seen.confirmed, "the ink runs out of the field"),
            (
                state is State.NUMBER and seen.digit_px < (LEAST_DIGIT_PX if seen.confirmed else LEAST_DIGIT_PX_ALONE),
                "the writing is too small",
            ),
            (p < self.suggest, "not sure"),
        )
        for holds, why in to_people:
            if holds:
                return Outcome.PEOPLE, why
        only_suggest = (
            (state is State.EMPTY, "a sum tells no empty field from a 0"),
            (not seen.covered, "no rule of the form confirms it"),
            (seen.broken, "a rule of the form is broken"),
            (not seen.agree, "only one reader is sure"),
            (seen.merged < LEAST_READ, "without the sums it is not sure"),
            (p < self.accept, "not sure enough"),
        )
        for holds, why in only_suggest:
            if holds:
                return Outcome.SUGGEST, why
        return Outcome.ACCEPT, ""


def features(seen: Seen, state: State) -> dict[str, float]:
    """Numbers of about the same size, by name."""
    return {
        "posterior": _logit(seen.posterior),
        "gap": min(seen.gap, 12.0) / 4,
        "digits": _log(seen.digits),
        "recurrent": _log(seen.recurrent),
        "line": _log(seen.line),
        "agree": float(seen.agree),
        "changed": float(not seen.same_as_raw),
        "covered": float(seen.covered),
        "broken": float(seen.broken),
        "small": max(0.0, 1 - seen.digit_px / 24) if state is State.NUMBER else 0.0,
        "empty": float(state is State.EMPTY),
        "cut": seen.signs.get("line.cut", 0.0),
        "views": seen.signs.get("line.views_agree", 1.0) + seen.signs.get("digits.views_agree", 1.0) - 2,
        "marked": _marked(seen),
    }


def _marked(seen: Seen) -> float:
    """How probable both our networks hold a crossed-out, or an overwritten, sign in what they read; where only one
    reads, that one."""
    signs = seen.signs
    return max(
        min(signs.get(f"digits.{mark}", 0.0), signs.get(f"recurrent.{mark}", 1.0)) for mark in ("struck", "over")
    )


def _logit(p: float) -> float:
    p = min(max(p, 1e-6), 1 - 1e-6)
    return math.log(p / (1 - p))


def _log(p: float | None) -> float:
    return 0.0 if p is None else math.log(max(p, 1e-3))


def shipped() -> Calibration:
    """The calibration that lies in the package."""
    return Calibration.from_bytes(resources.files("counterfoil.reading").joinpath("weights", FILE).read_bytes())
