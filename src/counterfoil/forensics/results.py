"""What every forensic test hands back: figures with their null model, their doubt and their source.

A result is a frozen object. It says how many stations were used and why the others were not, against which null model
the figure is held, what innocent thing gives the same picture, and where the method was published. `summary()` is a
paragraph that may be quoted; it states measurements and never a verdict.

Leaves out: the tests themselves, and whether a figure is alarming across many tests (that needs all of them at once).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from matplotlib.figure import Figure

_PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class Reference:
    """A published source. `doi` is None where the source has none; then `text` says where it stands."""

    text: str
    doi: str | None = None

    def __str__(self) -> str:
        return f"{self.text} https://doi.org/{self.doi}" if self.doi else self.text


@dataclass(frozen=True, slots=True)
class Method:
    """What a test asks and how far its answer reaches; one constant per test, shown with each of its results."""

    name: str
    question: str
    null: str
    minimum: str
    innocent: tuple[str, ...]
    """Harmless things that give the same picture."""
    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """How many stations (or what `unit` names) a figure rests on, and for each reason how many were left out."""

    used: int
    excluded: Mapping[str, int]
    unit: str = "stations"

    @property
    def given(self) -> int:
        return self.used + sum(self.excluded.values())

    def __str__(self) -> str:
        reasons = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in self.excluded.items() if count)
        return f"{self.used:,} of {self.given:,} {self.unit}" + (f" (left out: {reasons})" if reasons else "")


@dataclass(frozen=True)
class Result(ABC):
    """Base of all results: the sample, the warnings, and three ways to show them."""

    method: ClassVar[Method]
    sample: Sample
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values only (for JSON): own fields, lazily computed figures where already computed, and the method."""
        return {**_plain_fields(self), "method": plain(self.method)}

    @abstractmethod
    def measured(self) -> str:
        """The sentences on what was measured; each test writes its own."""

    def summary(self) -> str:
        """A paragraph that may be quoted: measurement, null model, sample, innocent explanations, source."""
        parts = [
            f"{self.method.name}: {self.measured()}",
            f"Based on {self.sample}.",
            f"Compared with: {self.method.null}",
            f"Also seen when: {'; '.join(self.method.innocent)}.",
            *self.warnings,
            f"Source: {self.method.references[0]}",
        ]
        return " ".join(parts)

    @abstractmethod
    def plot(self) -> Figure:
        """The picture of this result."""


def _plain_fields(value: Any) -> dict[str, Any]:
    """Public fields of a dataclass, with public cached properties that somebody has already asked for."""
    out = {f.name: plain(getattr(value, f.name)) for f in fields(value) if not f.name.startswith("_")}
    for name, attribute in vars(type(value)).items():
        if isinstance(attribute, cached_property) and name in getattr(value, "__dict__", {}):
            out[name] = plain(getattr(value, name))
    return out


def plain(value: Any) -> Any:
    """A value as JSON can hold it: NumPy scalars and arrays to Python, NaN and infinity to None, fractions as text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, _PLAIN):
        return None if isinstance(value, float) and not np.isfinite(value) else value
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if is_dataclass(value):
        return _plain_fields(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no plain form")
