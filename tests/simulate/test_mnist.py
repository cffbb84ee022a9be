"""Strokes of MNIST's pictures: thin, of their own digit, and none that lost what made it one."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from counterfoil.primitives.errors import InputError
from counterfoil.simulate.mnist import Strokes, mnist

MNIST = Path(__file__).parents[3] / "shared" / "data" / "digits"
COUNT = 400


@pytest.fixture(scope="module")
def strokes() -> Strokes:
    return mnist(MNIST, "t10k", COUNT)


def _gz(path: Path, header: int, data: bytes) -> None:
    path.write_bytes(gzip.compress(bytes(header) + data))


def test_digits_become_thin_strokes(strokes: Strokes) -> None:
    kept = sum(len(which) for which in strokes.by_digit)
    assert 0.85 * COUNT < kept < COUNT
    assert len(strokes.starts) == COUNT + 1
    assert strokes.segments.min() >= -0.01
    assert strokes.segments.max() <= 1.01
    lengths = np.linalg.norm(strokes.segments[:, 1] - strokes.segments[:, 0], axis=1)
    assert float(np.quantile(lengths, 0.9)) < 0.1
    ones = [len(strokes.glyph(np.random.default_rng(i), 1)) for i in range(20)]
    zeros = [len(strokes.glyph(np.random.default_rng(i), 0)) for i in range(20)]
    assert np.mean(zeros) > 1.5 * np.mean(ones)


def test_a_loop_that_the_pen_filled_is_left_out(tmp_path: Path) -> None:
    """Each 6 once as it is and once with all its holes filled: the middle of a blot is a bow or a line."""
    for name in MNIST.glob("mnist-train-*.gz"):
        shutil.copy(name, tmp_path)
    labels = np.frombuffer(gzip.decompress((MNIST / "mnist-t10k-labels-idx1-ubyte.gz").read_bytes())[8:], np.uint8)
    pixels = np.frombuffer(gzip.decompress((MNIST / "mnist-t10k-images-idx3-ubyte.gz").read_bytes())[16:], np.uint8)
    sixes = pixels.reshape(-1, 28, 28)[labels == 6][:60]
    filled = sixes.copy()
    for picture in filled:
        loops, _ = cv2.findContours((picture > 110).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, loops, -1, 255, cv2.FILLED)
    _gz(tmp_path / "mnist-t10k-images-idx3-ubyte.gz", 16, np.concatenate([sixes, filled]).tobytes())
    _gz(tmp_path / "mnist-t10k-labels-idx1-ubyte.gz", 8, bytes([6]) * 120)
    kept = mnist(tmp_path, "t10k").by_digit[6]
    assert np.count_nonzero(kept < 60) > 50
    assert np.count_nonzero(kept >= 60) < 20


def test_strokes_that_say_another_digit_are_left_out(tmp_path: Path) -> None:
    for name in MNIST.glob("mnist-t*.gz"):
        shutil.copy(name, tmp_path)
    labels = gzip.decompress((MNIST / "mnist-t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    _gz(tmp_path / "mnist-t10k-labels-idx1-ubyte.gz", 8, bytes((digit + 1) % 10 for digit in labels))
    kept = sum(len(which) for which in mnist(tmp_path, "t10k", 200).by_digit)
    assert kept < 10


def test_a_folder_without_mnist_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="mnist-train-images"):
        mnist(tmp_path)


def test_a_cut_file_says_so(tmp_path: Path) -> None:
    name = "mnist-t10k-images-idx3-ubyte.gz"
    (tmp_path / name).write_bytes((MNIST / name).read_bytes()[:1000])
    with pytest.raises(InputError, match=name):
        mnist(tmp_path, "t10k")
