"""Columns of station figures, checked before any statistic sees them.

A forensic test on a wrong column gives a confident wrong answer, so what cannot be a count is refused here, by name
and row. Accepted are one-dimensional NumPy arrays, Polars series or plain sequences of whole numbers, all of one
length.

* A missing figure is refused, not read as 0: leave the station out before the call.
* Figures that are counts but contradict each other (more ballots than voters) belong to single stations: those
  stations are left out under a named reason. Where more than one station in five is like that, the columns are not
  what they were called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from counterfoil.forensics.results import Sample
from counterfoil.primitives.errors import InputError, Refusal

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Series(Protocol):
    """The part of a Polars series that is used here."""

    def to_numpy(self) -> NDArray[Any]: ...


Column = NDArray[np.integer[Any]] | Series | Sequence[int]
Labels = Sequence[object] | NDArray[np.generic] | Series

LARGEST_COUNT = 2**40
"""No column holds a larger figure: products of a count with 100 stay far inside 64 bits."""

CONTRADICTING_SHARE = 0.2


def counts(name: str, values: Column) -> Ints:
    """One column as 64-bit whole numbers.

    Raises:
        InputError: not one-dimensional, not whole numbers, a value missing, negative or above 2**40.
    """
    array = np.asarray(values if isinstance(values, np.ndarray | list | tuple | range) else values.to_numpy())  # type: ignore[union-attr]
    if array.ndim != 1:
        raise InputError(name, expected="one figure per station", found=f"an array of shape {array.shape}")
    if array.dtype.kind not in "iu":
        missing = array.dtype.kind == "f" and bool(np.isnan(array).any())
        raise InputError(
            name,
            expected="whole numbers",
            found="missing values" if missing else f"values of type {array.dtype}",
            do="leave stations without this figure out of all columns" if missing else "pass the counts as integers",
        )
    if array.size and (array.min() < 0 or array.max() > LARGEST_COUNT):
        row = int(np.flatnonzero((array < 0) | (array > LARGEST_COUNT))[0])
        raise InputError(f"{name}, row {row}", expected=f"a count from 0 to {LARGEST_COUNT}", found=str(array[row]))
    return np.ascontiguousarray(array, dtype=np.int64)


def columns(**named: Column) -> dict[str, Ints]:
    """Several columns of the same stations, in the same order.

    Raises:
        InputError: a column is not a column of counts, or they differ in length.
    """
    checked = {name: counts(name, values) for name, values in named.items()}
    first, size = next((name, column.size) for name, column in checked.items())
    for name, column in checked.items():
        if column.size != size:
            raise InputError(name, expected=f"{size} stations as in {first}", found=f"{column.size}")
    return checked


def groups(name: str, values: Labels, size: int) -> tuple[list[str], Ints]:
    """Group labels (area, commission): their sorted names, and each station's place among them.

    Raises:
        InputError: another length than the counts, or a label missing.
    """
    array = np.asarray(values if isinstance(values, np.ndarray | list | tuple | range) else values.to_numpy())  # type: ignore[union-attr]
    if array.shape != (size,):
        raise InputError(name, expected=f"{size} labels, one per station", found=f"an array of shape {array.shape}")
    if array.dtype.kind == "f" and np.isnan(array).any():
        missing = np.isnan(array)
    else:
        missing = np.array([x is None for x in array.tolist()], dtype=np.bool_)
    if missing.any():
        raise InputError(
            f"{name}, row {int(np.flatnonzero(missing)[0])}",
            expected="a label",
            found="none",
            do="leave stations without one out of all columns, or give them one of their own",
        )
    names, codes = np.unique(array.astype(str), return_inverse=True)
    return [str(n) for n in names], codes.astype(np.int64)


def labels(name: str, values: Labels, size: int) -> Ints:
    """The second part of `groups`: each station's group as a number from 0."""
    return groups(name, values, size)[1]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which stations a test uses, and why the others are out."""

    keep: Bools
    sample: Sample

    def __call__(self, column: Ints) -> Ints:
        return column[self.keep]


def select(size: int, reasons: Mapping[str, Bools], *, minimum: int, method: str) -> Selection:
    """Leaves stations out, each under the first reason that holds for it.

    Args:
        reasons: for each reason the stations it holds for, in order of precedence.
        minimum: fewest stations the method can answer from.

    Raises:
        Refusal: fewer stations are left than the minimum.
    """
    keep = np.ones(size, dtype=np.bool_)
    excluded: dict[str, int] = {}
    for reason, hit in reasons.items():
        excluded[reason] = int(np.count_nonzero(hit & keep))
        keep &= ~hit
    used = int(np.count_nonzero(keep))
    sample = Sample(used, excluded)
    if used < minimum:
        raise Refusal(f"{method}: expected at least {minimum:,} stations, found {sample}.", code="too-few-stations")
    return Selection(keep, sample)


def turnout_reasons(registered: Ints, given: Ints, cast: Ints, leader: Ints, min_registered: int) -> dict[str, Bools]:
    """The reasons shared by all tests on turnout and share.

    Raises:
        InputError: more than one station in five has more ballots than voters, or more votes than ballots.
    """
    broken = {"given_above_registered": given > registered, "leader_above_cast": leader > cast}
    for reason, hit in broken.items():
        if np.count_nonzero(hit) > CONTRADICTING_SHARE * max(hit.size, 1):
            part, whole = reason.split("_above_")
            raise InputError(
                part,
                expected=f"figures up to those of {whole}",
                found=f"{np.count_nonzero(hit):,} of {hit.size:,} stations above",
                do="check that the columns are passed in their order",
            )
    return {"registered_below_minimum": registered < min_registered, "nothing_cast": cast == 0, **broken}
