"""Training the digits network: what can be held without its libraries. With them: `tests.reading.training`."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from counterfoil.primitives.errors import InputError
from counterfoil.simulate.lessons import CHUNK, chunk
from counterfoil.workflow.train_reader import OTHERS, stream, teach


def _teach(out: Path, *, numerals: str = "others", recurrent: bool = False, start: Path | None = None) -> None:
    teach(
        out,
        folder=None,
        numerals=numerals,
        seed=1,
        steps=1,
        threads=1,
        note=lambda text: None,
        start=start,
        recurrent=recurrent,
    )


def test_fields_come_from_another_process_in_the_order_of_the_seed() -> None:
    streamed = list(itertools.islice(stream(3, 3, None, OTHERS, 0), 3))
    expected = chunk(3, 0, None, OTHERS[0], CHUNK)[:3]
    assert [head for head, _ in streamed] == [0, 0, 0]
    for (_, given), own in zip(streamed, expected, strict=True):
        assert np.array_equal(given.x, own.x)
        assert np.array_equal(given.signs, own.signs)
        assert np.array_equal(given.marks, own.marks)


def test_without_the_extra_a_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith("counterfoil.reading.train"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=r"counterfoil\[train\]"):
        _teach(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_trained_is_refused_before_anything_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Western digits, found --numerals others; leave one out"):
        _teach(tmp_path, recurrent=True)
    with pytest.raises(InputError, match="--digits"):
        _teach(tmp_path, numerals="western")
    with pytest.raises(InputError, match="state"):
        _teach(tmp_path, start=tmp_path / "none.pt")
    assert list(tmp_path.iterdir()) == []
