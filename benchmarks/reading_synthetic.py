"""Sheets of our own layouts with figures in strokes of MNIST's test part, read on all cores: `synthetic_cases`.

Layouts with even numbers are for fitting, those with odd numbers for judging; no network saw either. The same numbers
give the same sheets, however many processes read them.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from counterfoil.reading.belief import State
from counterfoil.reading.crops import crops_given
from counterfoil.reading.joint import Rule
from counterfoil.reading.learning import Case
from counterfoil.reading.merge import Key
from counterfoil.reading.pages import decode
from counterfoil.reading.reader import Reader
from counterfoil.simulate.blank import blank_form
from counterfoil.simulate.mnist import mnist
from counterfoil.simulate.sheets import random_sheet

PER_LAYOUT = 5
"""Sheets of each layout."""
_NOTE_EVERY_S = 20.0


def synthetic_cases(folder: Path, figures: int, *, odd: bool, workers: int) -> Iterator[Case]:
    """Cases until they hold so many figures.

    Args:
        folder: with MNIST's files.
        odd: layouts for judging; else those for fitting.
        workers: processes, each with a reader of its own.
    """
    start = noted = time.monotonic()
    count = first = 0
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(folder,)) as pool:
        while count < figures:
            numbers = range(first, first + 8 * workers)
            first = numbers.stop
            for case in pool.map(_case, [(number, odd) for number in numbers]):
                if count >= figures:
                    return
                yield case
                count += sum(state is State.NUMBER for state, _ in case.truth.values())
                if time.monotonic() - noted > _NOTE_EVERY_S:
                    noted = time.monotonic()
                    spent = noted - start
                    left = spent * (figures / count - 1)
                    print(f"synthetic: {count} of {figures} figures, {spent:.0f} s, {left:.0f} left", file=sys.stderr)


_worker: list[Any] = []
"""Of this process: its reader, and the strokes."""


def _start(folder: Path) -> None:
    _worker[:] = [Reader(), mnist(folder, "t10k")]


def _case(which: tuple[int, bool]) -> Case:
    """The sheet with this number, as the reader of this process sees it with outlines given."""
    number, odd = which
    reader, source = _worker

    def strokes(rng: np.random.Generator, digit: int) -> list[Any]:
        return list(source.glyph(rng, digit))

    form = blank_form(2 * (number // PER_LAYOUT) + odd)
    sheet = random_sheet(form.template, 2 * number + odd, words=form.words, strokes=strokes)
    truth: dict[str, Key] = {
        str(name): (State.NUMBER if one.state is None else State(one.state.value), one.value)
        for name, one in sheet.fields.items()
        if one.seen > 0.99 and (one.state is None or one.state.value != "illegible")
    }
    quads = {str(name): np.asarray(one.quad, np.float64) for name, one in sheet.fields.items()}
    crops = crops_given(decode(sheet.picture), quads)
    rules = tuple(Rule(tuple(rule.parts), rule.total) for rule in sheet.rules)
    name = f"{'odd' if odd else 'even'}-{number}"
    return Case(name, "synthetic", tuple(reader.observe(crops)), rules, truth)
