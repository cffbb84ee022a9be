"""From what the readers saw of all fields of a sheet to its answers: merged, decided together, with how sure of each.

* `raw` is what the readers see, without arithmetic. `value`, `state` and `p` are what the whole sheet makes likeliest.
* A rule that is broken is reported, never repaired.
* A rule that holds only because arithmetic gave one of its fields what the readers hardly see there confirms none of
  them: among enough answers there is nearly always one that makes a sum hold.
* A sum with one part above 0 only repeats a figure, in the same hand: what is misread once is misread twice. It
  confirms only what is clear in both places.
* What lies outside the picture is absent, never empty.

Nothing here looks at a picture: an observation can be kept, and concluded again with another calibration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from counterfoil.reading.belief import Belief, Candidate, State
from counterfoil.reading.confidence import Calibration, Outcome, Seen
from counterfoil.reading.joint import Joint, Option, Rule, decide
from counterfoil.reading.merge import Merged, merge

LEAST_NAMED = 0.1
"""Probability below which what the readers name is no reading at all."""
LEAST_TAKEN = 0.02
"""Probability before the sums that every field of a rule must have in what it adds, for the rule to confirm others."""
LEAST_REPEATED = 0.9
"""The same for a rule that only repeats a figure."""
LEAST_SHARE = 0.5
"""Of what a reader gives its likeliest answer: so much it must give another to name it in earnest."""
LEAST_GIVEN = 0.02
"""Probability that a reader must give what it names in earnest."""
VOICES = 2
"""Readers who must name an answer in earnest for it to be accepted."""
LEAST_INSIDE = 0.5
"""Part of a field that must lie in the picture to be read at all."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One field as it was seen, before anything is concluded."""

    name: str
    beliefs: tuple[Belief, ...]
    in_picture: float
    """Part of the field inside the picture."""


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


def conclude(
    observed: Sequence[Observed], rules: Sequence[Rule], calibration: Calibration, residual_px: float = 0.0
) -> tuple[dict[str, FieldReading], tuple[BrokenRule, ...]]:
    """Every field's answer, and the rules that the answers break."""
    inside = [one for one in observed if one.in_picture >= LEAST_INSIDE]
    merged = {one.name: _named(merge(one.beliefs, calibration.merging)) for one in inside}
    options = {name: [option(candidate) for candidate in one.candidates] for name, one in merged.items()}
    outside = {one.name: [Option(1.0, None, None)] for one in observed if one.name not in merged}
    joint = decide(options | outside, rules, slip=calibration.slip, spread=calibration.spread)
    final = {name: _likeliest(one, joint, name) for name, one in merged.items()}
    broken, holding = _rules(rules, final)
    confirmed = {name for rule in holding if _confirms(rule, final) for name in rule.fields}
    doubted = {name for rule in broken for name in (*rule.parts, rule.total)}
    fields = {}
    for one in observed:
        name = one.name
        if name not in merged:
            fields[name] = _absent(one)
            continue
        seen = _seen(one, merged[name], joint, final[name], name in confirmed, name in doubted, residual_px)
        fields[name] = _field(name, merged[name], joint, final[name], seen, calibration)
    return fields, broken


def _seen(
    observed: Observed,
    merged: Merged,
    joint: Joint,
    final: Candidate | None,
    covered: bool,
    broken: bool,
    residual_px: float,
) -> Seen:
    key = None if final is None else (final.state, final.value)
    marginals = joint.fields[observed.name]
    given = {name: said.get(key, 0.0) if key else 0.0 for name, said in merged.by_reader.items()}
    best = merged.best
    return Seen(
        posterior=marginals.posterior[_place(merged, final)],
        gap=marginals.gap,
        merged=0.0 if final is None else final.p,
        digits=given.get("digits"),
        recurrent=given.get("recurrent"),
        line=given.get("line"),
        agree=sum(_in_earnest(p, merged.by_reader[name]) for name, p in given.items()) >= VOICES,
        same_as_raw=best is not None and key == (best.state, best.value),
        covered=covered,
        broken=broken,
        digit_px=merged.signs.get("line.digit_px", 0.0),
        in_picture=observed.in_picture,
        residual_px=residual_px,
        crossed=final is not None
        and final.state is State.NUMBER
        and "X" in final.raw
        and merged.signs.get("line.free", 0.0) > 0,
        signs=merged.signs,
    )


def _in_earnest(p: float, said: Mapping[Any, float]) -> bool:
    return p >= max(LEAST_GIVEN, LEAST_SHARE * max(said.values(), default=0.0))


def _field(
    name: str, merged: Merged, joint: Joint, final: Candidate | None, seen: Seen, calibration: Calibration
) -> FieldReading:
    best = merged.best
    raw = "?" if best is None or best.p < LEAST_NAMED else best.raw
    state, value = (State.ILLEGIBLE, None) if final is None else (final.state, final.value)
    p = calibration.probability(seen, state)
    outcome, why = calibration.outcome(seen, state, p)
    posterior = joint.fields[name].posterior
    others: dict[int, float] = {}
    for candidate, share in zip(merged.candidates, posterior, strict=False):
        if candidate.value is not None and candidate.value != value:
            others[candidate.value] = others.get(candidate.value, 0.0) + share
    # what certainty takes from the first answer goes to the others in proportion
    scale = (1 - p) / max(1 - seen.posterior, 1e-9)
    alternatives = [(other, min(1 - p, share * scale)) for other, share in others.items()]
    alternatives = sorted((a for a in alternatives if a[1] > 0.001), key=lambda a: -a[1])[:5]
    return FieldReading(name, raw, value, state, p, tuple(alternatives), outcome, why, seen)


def _named(merged: Merged) -> Merged:
    """Without "illegible": that is no answer beside figures, it is part of something else. As an answer of its own it
    would escape every sum."""
    return replace(merged, candidates=tuple(c for c in merged.candidates if c.state is not State.ILLEGIBLE))


def option(candidate: Candidate) -> Option:
    """What a candidate counts in a sum: an empty part nothing, an empty total is no claim."""
    match candidate.state:
        case State.EMPTY:
            return Option(candidate.p, 0, None)
        case State.NUMBER | State.STRUCK | State.WORD:
            return Option(candidate.p, candidate.value, candidate.value)
        case _:
            return Option(candidate.p, None, None)


def _likeliest(merged: Merged, joint: Joint, name: str) -> Candidate | None:
    """The likeliest of what the readers name; None, and so illegible, where they name nothing in earnest."""
    named = joint.fields[name].posterior[:-1]
    if not named or max(named) < LEAST_NAMED:
        # the sums speak against all that was named, but clear ink is not made illegible by arithmetic
        return merged.best if merged.best is not None and merged.best.p >= LEAST_NAMED else None
    return merged.candidates[named.index(max(named))]


def _place(merged: Merged, final: Candidate | None) -> int:
    """Where the answer stands among the options; something else is the last."""
    return -1 if final is None else merged.candidates.index(final)


def _rules(
    rules: Sequence[Rule], final: Mapping[str, Candidate | None]
) -> tuple[tuple[BrokenRule, ...], tuple[Rule, ...]]:
    """The rules that what was read breaks, and those that it keeps; of others nothing can be said."""
    broken, holding = [], []
    for rule in rules:
        said = [final.get(name) for name in rule.fields]
        options = [None if one is None else option(one) for one in said]
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


def _confirms(rule: Rule, final: Mapping[str, Candidate | None]) -> bool:
    """Whether a rule that holds says anything of its fields."""
    answers = [final[name] for name in rule.fields]
    least = min(0.0 if one is None else one.p for one in answers)
    added = sum(bool(one and one.value) for one in answers[:-1])
    return least >= (LEAST_TAKEN if added > 1 else LEAST_REPEATED)


def _absent(observed: Observed) -> FieldReading:
    seen = Seen.nothing(observed.in_picture)
    return FieldReading(observed.name, "", None, State.ABSENT, 1.0, (), Outcome.PEOPLE, "outside the picture", seen)
