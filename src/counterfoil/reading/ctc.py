"""Strings under the steps of a network that says, step by step, which sign stands there or that none does.

Connectionist temporal classification (Graves et al. 2006, DOI 10.1145/1143844.1143891): a string's probability is the
sum over all ways of stretching it over the steps. Sign 0 is "none". Strings are tuples of sign numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Steps = NDArray[np.float64]
"""Steps x signs: probabilities, each row's sum 1."""
Text = tuple[int, ...]
_SURE = 0.9995
_LIKELY = 1e-3


def shortened(steps: Steps) -> Steps:
    """Without all but the first of steps in a row that surely say nothing: they change no string's probability much."""
    quiet = steps[:, 0] > _SURE
    keep = ~quiet
    keep[1:] |= quiet[1:] & ~quiet[:-1]
    keep[:1] = True
    return steps[keep]


def likeliest(steps: Steps, width: int = 10, least: float = _LIKELY) -> list[Text]:
    """Up to `width` strings, likeliest first: prefix beam search (Graves 2012, "Supervised sequence labelling").

    Args:
        least: probability from which a sign is looked at in a step.
    """
    beams: dict[Text, tuple[float, float]] = {(): (1.0, 0.0)}  # ending in none; ending in its last sign
    for row in steps:
        likely = [(int(sign), float(row[sign])) for sign in np.flatnonzero(row > least) if sign]
        if not likely:  # one after the other they change nothing but where the last sign ends
            beams = {text: (open_ + closed, 0.0) for text, (open_, closed) in beams.items()}
            continue
        nothing, said = float(row[0]), dict(likely)
        after: dict[Text, list[float]] = {}
        for text, (open_, closed) in beams.items():
            both = open_ + closed
            stay = after.setdefault(text, [0.0, 0.0])
            stay[0] += both * nothing
            last = text[-1] if text else 0
            if last in said:
                stay[1] += closed * said[last]
            for sign, p in likely:
                longer = after.setdefault((*text, sign), [0.0, 0.0])
                longer[1] += (open_ if sign == last else both) * p
        best = sorted(after, key=lambda text: (-sum(after[text]), text))[:width]
        whole = sum(sum(after[text]) for text in best) or 1.0
        beams = {text: (after[text][0] / whole, after[text][1] / whole) for text in best}
    return list(beams)


def probabilities(steps: Steps, texts: Sequence[Text]) -> NDArray[np.float64]:
    """Of each text, all ways of stretching it over the steps together."""
    longest = max((len(text) for text in texts), default=0)
    states = np.zeros((len(texts), 2 * longest + 1), np.int64)
    for row, text in zip(states, texts, strict=True):
        row[1 : 2 * len(text) : 2] = text
    skips = np.zeros(states.shape)
    skips[:, 3::2] = (states[:, 3::2] != states[:, 1:-2:2]) & (states[:, 3::2] > 0)
    ways = np.zeros(states.shape)
    ways[:, :2] = steps[0][states[:, :2]]
    for row in steps[1:]:
        moved = ways.copy()
        moved[:, 1:] += ways[:, :-1]
        moved[:, 2:] += skips[:, 2:] * ways[:, :-2]
        ways = moved * row[states]
    ends = np.array([2 * len(text) for text in texts], np.int64)
    rows = np.arange(len(texts))
    total = ways[rows, ends] + np.where(ends > 0, ways[rows, np.maximum(ends - 1, 0)], 0.0)
    return np.asarray(total, np.float64)


def places(steps: Steps, text: Text) -> list[int]:
    """The step at which each sign of `text` stands, in its likeliest stretch."""
    states = np.zeros(2 * len(text) + 1, np.int64)
    states[1::2] = text
    skips = np.full(len(states), -np.inf)
    skips[3::2] = np.where(states[3::2] != states[1:-2:2], 0.0, -np.inf)
    said = np.log(np.maximum(steps, 1e-12))[:, states]
    best = np.full(len(states), -np.inf)
    best[:2] = said[0, :2]
    came = np.zeros((len(steps), len(states)), np.int64)
    for number, row in enumerate(said[1:], 1):
        ways = np.full((3, len(states)), -np.inf)
        ways[0] = best
        ways[1, 1:] = best[:-1]
        ways[2, 2:] = best[:-2] + skips[2:]
        came[number] = ways.argmax(axis=0)
        best = ways.max(axis=0) + row
    at = len(states) - 1 if len(states) == 1 or best[-1] >= best[-2] else len(states) - 2
    path = []
    for number in range(len(steps) - 1, -1, -1):
        path.append(at)
        at -= int(came[number, at])
    stood: dict[int, list[int]] = {}
    for number, state in enumerate(reversed(path)):
        if state % 2:
            stood.setdefault(state // 2, []).append(number)
    return [max(stood[i], key=lambda step: float(steps[step, text[i]])) for i in range(len(text))]
