"""Numba's compiler behind a typed decorator:

inner loops in machine code, compiled once per machine and kept on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def jit(function: F) -> F:
    """Compiles on first call.

    Without fast-math: sums keep their order, so every machine gives the same figures. Without the interpreter's lock,
    so that threads run beside each other.
    """
    try:
        return cast(F, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # nowhere to keep the result: a read-only installation of a user without a home
        return cast(F, numba.njit(nogil=True)(function))
