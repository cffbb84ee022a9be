"""Probabilities of strings under the steps of a network: exact, and found."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.reading import ctc


def _steps(seed: int, steps: int, signs: int) -> ctc.Steps:
    rng = np.random.default_rng(seed)
    made = rng.random((steps, signs)) ** 4 + 1e-3
    return np.asarray(made / made.sum(axis=1, keepdims=True))


def _collapsed(path: tuple[int, ...]) -> ctc.Text:
    return tuple(sign for sign, _ in itertools.groupby(path) if sign)


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(2, 4))
@settings(deadline=None, max_examples=40)
def test_a_string_is_as_likely_as_all_its_stretches_together(seed: int, steps: int, signs: int) -> None:
    made = _steps(seed, steps, signs)
    truth: dict[ctc.Text, float] = {}
    for path in itertools.product(range(signs), repeat=steps):
        p = float(np.prod([made[i, sign] for i, sign in enumerate(path)]))
        truth[_collapsed(path)] = truth.get(_collapsed(path), 0.0) + p
    texts = sorted(truth)
    found = ctc.probabilities(made, texts)
    assert found == pytest.approx([truth[text] for text in texts], abs=1e-12)
    assert found.sum() == pytest.approx(1.0)


@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=40)
def test_the_likeliest_string_is_found(seed: int) -> None:
    made = _steps(seed, 5, 4)
    texts = [text for n in range(6) for text in itertools.product(range(1, 4), repeat=n)]
    best = texts[int(ctc.probabilities(made, texts).argmax())]
    assert best in ctc.likeliest(made, 10)


def test_steps_that_surely_say_nothing_are_left_out_without_joining_two_equal_signs() -> None:
    quiet, one = [0.9999, 0.0001], [0.01, 0.99]
    made = np.array([quiet, quiet, one, quiet, quiet, quiet, one, quiet])
    short = ctc.shortened(made)
    assert len(short) == 5
    assert ctc.likeliest(short)[0] == (1, 1)


def test_each_sign_stands_at_the_step_that_says_it_most() -> None:
    made = np.full((9, 3), 0.01)
    made[:, 0] = 0.98
    for step, sign, p in ((1, 1, 0.6), (2, 1, 0.9), (5, 2, 0.95), (7, 2, 0.9)):
        made[step] = 0.01
        made[step, sign] = p
    assert ctc.places(made, (1, 2, 2)) == [2, 5, 7]
    assert ctc.places(made, ()) == []
