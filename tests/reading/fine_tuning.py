"""The network taught further: it learns, to the byte, and is refused where lessons destroy it.

Needs the extra `train`, which the test suite does not: `python -m pytest tests/reading/fine_tuning.py
tests/server/machine/fine_tuning.py`.
"""

from __future__ import annotations

import pytest

from counterfoil.primitives.errors import Refusal
from counterfoil.reading.belief import State
from counterfoil.reading.digits import DigitsReader, shipped_weights
from counterfoil.reading.lessons import Lesson, floats
from counterfoil.reading.train import tune
from tests.reading.test_lessons import views


def test_the_network_learns_and_the_same_lessons_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "RATE", 1e-3)
    monkeypatch.setattr(tune, "BLEND", 1.0)
    network, weights = DigitsReader(), shipped_weights("western")[0]
    signs = tuple(network.sign(s) for s in "88")
    given = [Lesson(views(seed), signs) for seed in range(4)]
    told: list[str] = []
    taught = tune.tuned(weights, given, rounds=25, seed=3, note=told.append)
    assert taught == tune.tuned(weights, given, rounds=25, seed=3, note=told.append)
    assert len(taught) == len(weights)
    assert told[24].startswith("round 25 of 25")
    seen = [floats(views(1))]
    assert network.says(seen) != (State.NUMBER, 88)
    assert DigitsReader(taught=taught).says(seen) == (State.NUMBER, 88)
    assert DigitsReader(taught=taught).version != network.version


def test_lessons_that_destroy_the_network_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "RATE", 1e6)
    given = [Lesson(views(n), (1, 2)) for n in range(64)]
    with pytest.raises(Refusal, match="forgets"):
        tune.tuned(shipped_weights("western")[0], given, rounds=9, seed=1, note=lambda line: None)
