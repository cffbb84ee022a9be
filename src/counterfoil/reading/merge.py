"""What the readers say of one field, made one: a candidate for each thing that one of them thinks possible.

Log-linear: the merged probability is proportional to the product of the readers' own, each to a power that says how far
that reader may be trusted. A floor keeps one reader from vetoing what others are sure of. What none names keeps
a share ("something else").
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from counterfoil.reading.belief import Belief, Candidate, State

Key = tuple[State, int | None]
"""What a candidate means; leading zeros and crosses in unused boxes are no difference."""


@dataclass(frozen=True, slots=True)
class Merging:
    """How far each reader is trusted: fitted, in `weights/calibration.json`."""

    trust: Mapping[str, float] = field(default_factory=lambda: {"digits": 0.6, "recurrent": 0.6, "line": 0.8})
    """Power of each reader's probability."""
    floor: Mapping[str, float] = field(default_factory=lambda: {"digits": 0.002, "recurrent": 0.002, "line": 0.002})
    """Probability that a reader at least gives to anything."""
    other: float = -2.0
    """Logarithm of the weight of "something else", against a candidate of the same probability."""


@dataclass(frozen=True, slots=True)
class Merged:
    """One field by all readers: candidates by falling probability, and what each reader gave each of them."""

    candidates: tuple[Candidate, ...]
    by_reader: Mapping[str, Mapping[Key, float]]
    signs: Mapping[str, float]

    @property
    def best(self) -> Candidate | None:
        return self.candidates[0] if self.candidates else None

    @property
    def rest(self) -> float:
        """Probability of something else."""
        return max(0.0, 1.0 - sum(candidate.p for candidate in self.candidates))


def merge(beliefs: Sequence[Belief], how: Merging, *, most: int = 12) -> Merged:
    """One field's beliefs, at most one of each reader, merged."""
    by_reader: dict[str, dict[Key, float]] = {}
    raw: dict[Key, tuple[float, str]] = {}
    signs: dict[str, float] = {}
    for belief in beliefs:
        said = by_reader.setdefault(belief.reader, {})
        for candidate in belief.candidates:
            key = (candidate.state, candidate.value)
            said[key] = said.get(key, 0.0) + candidate.p
            # our own network sees the boxes, so its spelling goes before the other's
            rank = candidate.p + (1.0 if belief.reader == "digits" and candidate.p > 0.01 else 0.0)
            if key not in raw or rank > raw[key][0]:
                raw[key] = (rank, candidate.raw)
        signs |= {f"{belief.reader}.{name}": value for name, value in belief.signs.items()}
    scores = {key: sum(_score(said.get(key, 0.0), reader, how) for reader, said in by_reader.items()) for key in raw}
    rest = how.other + sum(_score(1 - sum(said.values()), reader, how) for reader, said in by_reader.items())
    top = max([*scores.values(), rest])
    whole = sum(math.exp(score - top) for score in scores.values()) + math.exp(rest - top)
    candidates = [
        Candidate(raw[key][1], *key, math.exp(score - top) / whole)
        for key, score in sorted(scores.items(), key=lambda item: -item[1])
    ]
    return Merged(tuple(candidates[:most]), by_reader, signs)


def _score(p: float, reader: str, how: Merging) -> float:
    floor = how.floor.get(reader, 0.01)
    return how.trust.get(reader, 0.5) * math.log(max(p, 0.0) * (1 - floor) + floor)
