"""Hostile files from a seed: good ones broken in one of many ways, and hand-made ones."""

from __future__ import annotations

import struct
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np

from counterfoil.evidence import sanitise
from counterfoil.primitives.errors import CounterfoilError
from counterfoil.sandbox import FileRefused, Sandbox, SandboxStopped
from tests.evidence import marks
from tests.sandbox import files

_SIZES = (0, 1, 63, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x8000_0000)


@cache
def bases() -> list[tuple[str, bytes]]:
    """Every kind that is taken, and the canaries with all their boxes: what mutations start from.

    The HEIC encoder does not write the same bytes in every process; all else is the same for the same libraries.
    """
    return sorted(
        {**files.kinds(), **files.documents(), **{f"full-{k}": v for k, v in marks.canaries().items()}}.items()
    )


def mutated(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """`count` files, each named by what was done to it; the same for the same seed."""
    good = bases()
    for number in range(count):
        draw = np.random.default_rng([seed, number])
        name, data = good[number % len(good)]
        how = ("flip", "cut", "repeat", "zero", "size", "splice", "shuffle", "noise")[int(draw.integers(8))]
        yield f"{how} {name} #{number}", _broken(how, bytearray(data), draw, good)


def _broken(how: str, data: bytearray, draw: np.random.Generator, good: list[tuple[str, bytes]]) -> bytes:
    size = len(data)
    # Half of all damage goes into the first kilobyte, where the headers are.
    start = int(draw.integers(4, min(size, 1024) if draw.random() < 0.5 else size))
    length = int(draw.integers(1, 200))
    if how == "flip":
        for at in draw.integers(4, size, int(draw.integers(1, 60))):
            data[at] ^= 1 << int(draw.integers(8))
    elif how == "cut":
        del data[start:]
    elif how == "repeat":
        data[start:start] = data[start : start + length] * int(draw.integers(1, 200))
    elif how == "zero":
        data[start : start + length] = bytes(len(data[start : start + length]))
    elif how == "size":
        value = _SIZES[int(draw.integers(len(_SIZES)))]
        packed = struct.pack(("<I", ">I", "<H", ">H")[int(draw.integers(4))][0] + "I", value)
        data[start : start + 4] = packed
    elif how == "splice":
        other = good[int(draw.integers(len(good)))][1]
        data[start:] = other[int(draw.integers(len(other))) :]
    elif how == "shuffle":
        piece = np.frombuffer(bytes(data[start : start + length]), np.uint8)
        data[start : start + length] = draw.permutation(piece).tobytes()
    else:
        data[start : start + length] = draw.bytes(length)
    return bytes(data)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: "taken", or the code of its refusal; `seconds` on this machine."""

    name: str
    code: str
    seconds: float
    leaked: frozenset[str]


def tried(sandbox: Sandbox, name: str, data: bytes) -> Outcome:
    """Sanitises `data` as an invited sender's file. Anything but pictures or a named refusal is raised."""
    started = time.monotonic()
    try:
        pages = sanitise(data, sandbox, random=np.random.default_rng(1).bytes, documents=True)
    except (FileRefused, SandboxStopped) as refused:
        return Outcome(name, refused.code, time.monotonic() - started, frozenset())
    leaked = frozenset().union(*(marks.planted(page.picture) for page in pages))
    for page in pages:
        assert max(page.width, page.height) <= 2000
        marks.segments(page.picture)
    return Outcome(name, "taken", time.monotonic() - started, leaked)


def campaign(seed: int, count: int) -> tuple[Counter[str], list[str]]:
    """Tries `count` mutated files and all hand-made ones; returns how often which code, and what went wrong."""
    codes: Counter[str] = Counter()
    wrong: list[str] = []

    def run(case: tuple[str, bytes]) -> Outcome | str:
        try:
            return tried(sandbox, *case)
        except (CounterfoilError, AssertionError, ValueError, MemoryError) as error:
            return f"{case[0]}: {error!r}"

    with Sandbox(workers=2, waiting=8) as sandbox, ThreadPoolExecutor(2) as threads:
        special = ((name, make()) for name, make in files.special().items())
        for cases in (mutated(seed, count), special):
            for outcome in threads.map(run, cases):
                if isinstance(outcome, str):
                    wrong.append(outcome)
                    continue
                codes[outcome.code] += 1
                if outcome.leaked or outcome.code == "decoder-broke-rules":
                    wrong.append(f"{outcome.name}: {outcome.code} {sorted(outcome.leaked)}")
    return codes, wrong
