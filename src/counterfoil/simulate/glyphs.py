"""Characters as pen strokes: digits of four scripts, letters of the words that mean none, and MNIST's digits thinned.

A glyph is a list of strokes, a stroke an N x 2 array in a unit box (x to the right, y down). Own polylines
are rounded by cutting corners and bent at random as hands do; MNIST pictures are thinned to one pixel and become short
segments, so that one pen (`strokes`) draws both. Nothing of MNIST ships: its folder is an argument.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.primitives.errors import InputError

Stroke = NDArray[np.float32]
Glyph = list[Stroke]

# Points of each stroke as "x,y x,y ..." in tenths; "|" parts strokes; several ways of writing one character.
_WESTERN: Mapping[str, Sequence[str]] = {
    "0": (
        "5,0 2,1 0,5 2,9 5,10 8,9 10,5 8,1 5,0 4,0",
        "6,0 3,1 2,5 3,9 5,10 7,9 8,5 7,1 5,0",
        "7,1 5,0 2,2 1,6 3,10 7,9 9,5 8,2 5,0 3,1",
    ),
    "1": (
        "5,0 5,10",
        "6,0 5,10",
        "3,2 5,0 5,10",
        "2,4 4,1 6,0 6,10",
        "2,3 5,0 5,0 5,10 5,10|2,10 8,10",
        "4,0 5,3 5,10",
    ),
    "2": (
        "1,2 3,0 7,0 9,3 6,6 1,10 1,10 9,10",
        "1,3 2,0 6,0 8,2 7,5 3,9 1,9 3,8 6,10 9,9",
        "1,0 1,0 9,0 9,0 9,5 9,5 1,5 1,5 1,10 1,10 9,10",
        "1,1 5,0 8,2 5,6 1,10 1,10 5,9 9,10",
        "3,2 5,0 6,2 5,6 2,10 2,10 8,9",
        "2,3 3,2 2,1 5,0 7,2 5,6 1,10 1,10 9,10",
    ),
    "3": (
        "1,1 5,0 8,2 7,4 4,5 4,5 8,6 9,8 6,10 1,9",
        "1,0 1,0 8,0 8,0 4,4 4,4 8,5 9,8 5,10 1,9",
        "1,0 9,0 9,0 9,10 9,10 1,10|2,5 9,5",
        "2,1 6,0 7,3 3,5 7,5 8,8 5,10 1,9",
    ),
    "4": (
        "2,0 1,6 1,6 9,6|7,2 7,10",
        "6,0 6,0 0,7 0,7 9,7|6,0 6,10",
        "1,0 1,5 1,5 8,5 8,5|8,0 8,0 7,10",
        "3,0 1,5 2,6 8,5|8,1 6,10",
        "6,1 3,4 2,6 2,6 8,6|6,1 6,1 6,10",
        "7,0 2,4 2,6 7,6 7,6 7,0 7,0 7,10",
    ),
    "5": (
        "8,0 8,0 2,0 2,0 2,4 2,4 6,4 9,6 8,9 5,10 1,9",
        "2,0 2,4 2,4 6,3 9,6 7,10 1,9|2,0 9,0",
        "9,0 9,0 1,0 1,0 1,5 1,5 9,5 9,5 9,10 9,10 1,10",
        "8,0 3,1 2,4 7,5 8,8 5,10 1,9",
    ),
    "6": (
        "7,0 3,3 1,7 3,10 7,10 9,7 6,5 2,6",
        "4,0 2,5 2,9 5,10 8,8 6,6 2,7",
        "8,1 5,0 1,4 1,8 5,10 9,8 8,5 4,5 1,7",
    ),
    "7": (
        "1,0 1,0 9,0 9,0 4,10",
        "1,0 9,0 9,0 5,10|2,5 8,5",
        "1,2 1,0 1,0 9,0 9,0 6,5 5,10",
        "1,2 1,0 1,0 9,0 9,0 5,10|3,5 8,4",
        "2,1 8,0 6,5 6,10",
    ),
    "8": (
        "8,1 5,0 2,2 4,4 8,7 6,10 3,9 2,7 7,4 8,1",
        "5,0 2,1 2,4 5,5 8,4 8,1 5,0|5,5 1,7 2,9 5,10 8,9 9,7 5,5",
        "7,2 4,0 2,2 5,5 8,8 5,10 2,8 5,5 8,1",
        "6,0 4,2 6,6 5,10 3,8 6,4 6,0",
    ),
    "9": (
        "8,2 5,0 1,2 2,5 6,5 8,2 8,2 8,10",
        "8,2 4,0 1,3 4,5 8,3 8,1 8,6 6,10 2,9",
        "8,3 6,0 2,1 2,4 6,5 8,2 6,10",
        "7,2 4,0 2,3 5,5 8,2 8,8 4,10 1,8",
        "8,4 5,6 2,4 3,0 7,0 8,3 8,6 7,10",
        "8,3 6,6 2,5 2,1 6,0 8,2 7,8 5,10",
    ),
}
_ARABIC: Mapping[str, Sequence[str]] = {
    "0": ("5,5 4,5 5,6 6,5 5,5", "4,5 5,4 6,5 5,6 4,5", "4,5 6,6"),
    "1": ("4,0 5,4 5,10", "5,0 6,10", "3,1 4,0 5,3 6,10"),
    "2": ("2,1 3,3 6,3 8,0|2,1 4,10", "2,0 3,3 7,2 8,0|2,0 4,5 4,10", "1,0 2,3 8,2|1,0 4,10", "9,1 3,0 3,0 3,2 6,10"),
    "3": ("1,0 2,3 4,2 5,0 6,3 8,2 9,0|1,0 3,5 3,10", "1,1 2,3 5,3 5,1 5,3 8,3 9,0|1,1 3,10"),
    "4": ("8,0 4,1 3,3 6,4 3,5 2,8 5,10 9,9", "7,0 3,2 6,4 2,7 4,10 8,10"),
    "5": (
        "5,1 2,4 1,8 4,10 8,9 9,5 5,1",
        "5,0 1,5 2,9 8,9 9,5 5,0",
        "4,1 1,6 3,10 8,9 8,4 4,1",
        "5,3 3,5 3,8 5,9 7,8 7,5 5,3",
    ),
    "6": ("1,1 1,1 7,1 7,1 6,10", "2,0 3,2 8,1 7,5 7,10", "1,0 2,2 7,1 7,1 7,10"),
    "7": ("1,0 5,10 5,10 9,0", "2,0 4,5 5,10 6,5 8,0", "1,1 5,9 9,1"),
    "8": ("1,10 5,0 5,0 9,10", "2,10 4,5 5,0 6,5 8,10", "1,9 5,1 9,9"),
    "9": (
        "7,3 5,0 2,2 4,5 7,3 7,3 7,10",
        "7,2 4,0 2,3 5,4 7,2 6,10",
        "8,2 4,0 2,3 5,5 7,3 8,10",
        "8,5 3,5 2,2 4,0 7,1 8,5 8,5 9,10",
    ),
}
_PERSIAN: Mapping[str, Sequence[str]] = {
    **{sign: _ARABIC[sign] for sign in "0123789"},
    "4": (
        "2,0 4,3 7,2 9,0|5,3 8,4|2,0 4,10",
        "2,1 4,10|3,4 5,4 6,2 9,1|5,3 6,5 9,4",
        "8,1 5,2 5,4 9,4|2,0 3,5 5,4|3,5 4,10",
        "2,1 4,10|2,4 8,3|7,0 5,2 5,4",
    ),
    "5": (
        "5,0 1,5 1,9 3,10 5,8 7,10 9,9 9,5 5,0",
        "5,1 2,5 1,9 4,9 5,7 6,9 9,9 8,5 5,1",
        "4,0 1,6 3,9 5,7 7,9 9,6 6,1 4,0",
    ),
    "6": (
        "8,1 4,0 3,3 5,4 8,4|5,4 3,7 2,10",
        "7,1 4,1 3,3 8,4 4,7 2,10",
        "8,0 4,1 3,4 8,4 5,6 3,10",
        "7,1 4,0 3,3 4,5 7,4|6,5 3,9",
    ),
}
_DEVANAGARI: Mapping[str, Sequence[str]] = {
    "0": ("5,1 1,3 1,8 5,10 9,8 9,3 5,1", "5,2 2,4 2,8 5,9 8,8 8,4 5,2", "6,3 3,4 2,7 4,8 7,7 8,4 6,3"),
    "1": (
        "4,5 2,3 4,0 7,1 8,4 6,7 7,10",
        "5,4 3,4 3,1 6,0 8,3 5,7 7,10",
        "5,5 3,3 5,1 7,2 7,6 5,8 8,10",
        "4,3 2,3 3,0 6,0 7,3 5,5 3,6 7,7 7,10",
        "5,2 3,3 2,1 5,0 6,2 4,5 4,6 6,8 7,10",
        "4,4 3,2 4,0 6,0 7,2 6,4 4,6 4,6 7,8 7,10",
        "4,4 6,4 7,2 6,0 4,1 4,3 5,5 4,6 4,7 6,8 6,10",
    ),
    "2": (
        "2,1 6,0 7,3 5,5 2,5 2,5 6,7 8,10",
        "2,2 5,0 8,2 5,5 2,6 5,7 9,10",
        "2,1 5,0 7,2 6,5 3,6 3,6 5,6 6,10",
        "2,2 5,1 7,3 6,5 3,5|4,5 7,9",
    ),
    "3": (
        "2,1 6,0 7,2 4,4 4,4 7,5 6,7 3,7 3,7 6,8 7,10",
        "2,1 6,0 6,3 3,4 7,5 6,7 3,7 8,10",
        "2,1 6,0 7,3 4,4 8,5 7,8 3,8|5,8 7,10",
    ),
    "4": ("2,0 6,5 8,8 5,10 3,8 5,5 8,0", "1,1 5,5 7,8 5,10 3,8 5,5 9,1"),
    "5": (
        "2,1 2,5 2,5 6,5 7,5|7,0 7,0 7,7 7,7 9,10",
        "1,1 2,5 7,5|7,0 7,5 4,4 7,7 9,10",
        "2,0 1,4 4,6 7,4|7,0 7,6 9,10",
        "3,0 1,3 2,6 6,6 6,6 6,3|5,6 9,10",
        "2,0 2,5 4,6 6,5 6,2 6,6 9,10",
        "3,1 2,3 4,6 6,6 6,6 8,9",
        "3,0 2,4 5,6 7,5 7,5 9,10",
    ),
    "6": (
        "8,1 4,0 3,3 6,4 3,5 2,8 5,9 8,8 7,10",
        "7,1 3,1 4,4 6,4 2,6 3,9 7,9 9,10",
        "7,0 3,0 2,3 5,4 3,4 2,7 4,8 7,8|7,7 8,10",
        "8,0 4,0 3,3 6,4 2,5 2,8 6,8 7,7 8,10",
        "6,0 3,1 3,3 6,3 3,4 3,7 5,8 7,7 7,7 8,10",
    ),
    "7": (
        "3,2 1,5 2,8 6,9 9,6 8,2 5,1 4,4 6,5",
        "2,1 1,6 4,9 8,8 9,4 6,2 4,4 6,6",
        "1,1 2,6 3,10 8,9 9,4 8,1 5,1 4,4 6,5",
        "2,0 2,7 4,10 8,9 8,3 6,1 4,3 6,5",
        "1,0 3,6 6,10 9,8 8,3 5,2 5,5 8,6",
    ),
    "8": (
        "2,1 3,6 6,9 9,10",
        "3,0 2,4 4,8 9,10",
        "2,1 8,1|3,1 2,6 8,10",
        "8,0 4,3 2,7 4,10 9,9",
        "4,0 1,4 2,8 5,10 9,9",
        "8,1 3,5 3,7 5,9 8,9",
    ),
    "9": (
        "7,2 5,0 2,2 4,5 7,4 7,2|4,5 5,8 8,10",
        "8,3 6,0 3,1 3,4 6,5 8,3|5,5 5,8 8,10",
        "6,3 5,0 2,2 4,5 7,3 7,3|5,5 4,7 7,10",
        "4,4 6,4 7,2 6,0 3,1 3,3 6,5 8,7 8,10",
    ),
}
SCRIPTS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "western": _WESTERN,
    "arabic": _ARABIC,
    "persian": _PERSIAN,
    "devanagari": _DEVANAGARI,
}
_LETTERS: Mapping[str, Sequence[str]] = {
    "A": ("1,10 5,0 5,0 9,10|3,6 7,6",),
    "B": ("2,0 2,10|2,0 7,1 7,4 2,5 8,6 8,9 2,10",),
    "C": ("9,1 5,0 1,4 2,9 5,10 9,9",),
    "D": ("2,0 2,10|2,0 7,1 9,5 7,9 2,10",),
    "E": ("8,0 8,0 2,0 2,0 2,10 2,10 8,10|2,5 7,5", "8,0 2,1 2,5 7,5 2,5 2,10 8,10"),
    "F": ("8,0 8,0 2,0 2,0 2,10|2,5 7,5",),
    "G": ("9,1 4,0 1,5 3,10 8,9 8,6 8,6 5,6",),
    "H": ("2,0 2,10|8,0 8,10|2,5 8,5",),
    "I": ("5,0 5,10", "5,0 5,10|3,0 7,0|3,10 7,10"),
    "K": ("2,0 2,10|8,0 3,5 8,10",),
    "L": ("2,0 2,10 2,10 8,10", "3,0 2,10 2,10 8,9", "2,0 2,10 8,10"),
    "M": ("1,10 2,0 2,0 5,7 5,7 8,0 8,0 9,10",),
    "N": ("2,10 2,0 2,0 8,10 8,10 8,0", "2,10 2,1 2,1 7,9 7,9 8,0", "1,10 3,0 3,0 6,10 6,10 9,0"),
    "O": ("5,0 1,3 1,7 5,10 9,7 9,3 5,0", "6,0 2,2 2,9 7,10 9,4 5,0"),
    "P": ("2,10 2,0 2,0 8,1 8,5 2,5",),
    "R": ("2,10 2,0 2,0 8,1 8,4 2,5 2,5 8,10",),
    "S": ("8,1 4,0 2,3 7,6 7,9 2,10",),
    "T": ("1,0 9,0|5,0 5,10",),
    "U": ("2,0 2,8 5,10 8,8 8,0",),
    "V": ("1,0 5,10 5,10 9,0",),
    "Z": ("1,0 9,0 9,0 1,10 1,10 9,10",),
    "a": ("8,5 4,4 2,7 4,10 8,7 8,5 8,10",),
    "b": ("2,0 2,10 6,10 8,7 6,5 2,6",),
    "c": ("8,5 4,4 2,7 4,10 8,9",),
    "d": ("8,6 4,5 2,8 5,10 8,7|8,0 8,10",),
    "e": ("2,7 8,6 6,4 2,6 3,10 8,9", "2,7 7,7 6,4 2,5 2,9 8,10", "3,7 7,5 5,4 3,6 4,10 9,8"),
    "f": ("7,1 5,0 4,2 4,10|2,4 7,4",),
    "h": ("2,0 2,10|2,6 5,5 8,6 8,10",),
    "i": ("5,5 5,10|5,2 5,3", "5,4 5,10", "5,5 5,10 7,9|5,1 5,2"),
    "k": ("2,0 2,10|8,5 3,7 8,10",),
    "l": ("5,0 5,9 7,10", "5,0 4,10", "4,8 6,1 4,0 4,9 6,10"),
    "m": ("1,5 1,10|1,6 3,5 5,6 5,10|5,6 7,5 9,6 9,10",),
    "n": (
        "2,5 2,10|2,6 5,4 8,6 8,10",
        "1,4 2,5 2,10|2,7 5,4 7,6 7,10",
        "2,10 2,5 2,5 5,4 7,5 7,10 9,9",
        "2,5 2,10 2,10 5,5 8,5 8,10",
    ),
    "o": ("5,4 2,6 3,9 6,10 8,7 5,4", "4,4 1,7 4,10 7,7 5,4 8,5", "6,5 3,5 2,8 5,10 7,7 6,4"),
    "r": ("3,5 3,10|3,7 5,5 8,5", "2,5 3,10|3,7 5,5 7,5 8,6"),
    "s": ("8,5 4,4 3,6 7,8 6,10 2,9",),
    "t": ("5,1 5,9 8,10|2,4 8,4",),
    "u": ("2,5 2,9 5,10 8,8|8,5 8,10",),
    "v": ("2,5 5,10 5,10 8,5",),
    "w": ("1,5 3,10 5,6 7,10 9,5",),
    "z": ("2,5 8,5 8,5 2,10 2,10 8,10", "2,5 8,5 8,5 2,10 2,10 8,10|3,7 7,7"),
}
_MARKS: Mapping[str, Sequence[str]] = {
    "X": ("1,0 9,10|9,0 1,10", "0,2 10,8|9,0 2,10", "2,0 8,10|8,0 5,5 1,10", "1,0 9,10 9,10 9,0 9,0 1,10"),
    "-": ("0,5 10,5", "0,6 10,4", "0,4 5,5 10,5", "0,5 5,6 10,4"),
}
NONE_WORDS = (
    "NIL",
    "NILL",
    "Nil",
    "nil",
    "NONE",
    "None",
    "none",
    "NOL",
    "nol",
    "nihil",
    "NIHIL",
    "ZERO",
    "zero",
    "cero",
    "CERO",
)
OTHER_WORDS = ("VOID", "seen", "uno", "dos", "tres", "DUA", "TIGA", "lima", "Fifth", "ten", "THREE", "one", "satu")


def _parse(text: str) -> Glyph:
    return [
        np.array([[float(part) / 10 for part in point.split(",")] for point in stroke.split()], np.float32)
        for stroke in text.split("|")
    ]


def _rounded(stroke: Stroke, times: int = 2) -> Stroke:
    """Corners cut (Chaikin); a point given twice stays a corner."""
    for _ in range(times):
        if len(stroke) < 3:
            return stroke
        a, b = stroke[:-1], stroke[1:]
        inner = np.stack([0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b], axis=1).reshape(-1, 2)
        stroke = np.concatenate([stroke[:1], inner[1:-1], stroke[-1:]])
    return stroke


_PARSED: Mapping[str, Mapping[str, list[Glyph]]] = {
    **{
        script: {sign: [_parse(way) for way in ways] for sign, ways in signs.items()}
        for script, signs in SCRIPTS.items()
    },
    "letters": {sign: [_parse(way) for way in ways] for sign, ways in _LETTERS.items()},
    "marks": {sign: [_parse(way) for way in ways] for sign, ways in _MARKS.items()},
}


def glyph(rng: np.random.Generator, sign: str, script: str = "western", wobble: float = 0.035) -> Glyph:
    """One way of writing `sign`, its points moved at random by about `wobble` of the box."""
    signs = _PARSED["marks"] if sign in _PARSED["marks"] else _PARSED[script if sign.isdigit() else "letters"]
    ways = signs[sign]
    chosen = ways[int(rng.integers(len(ways)))]
    out = []
    for stroke in chosen:
        moved = stroke + rng.normal(0, wobble, stroke.shape).astype(np.float32)
        same = np.all(np.diff(stroke, axis=0) == 0, axis=1)
        moved[1:][same] = moved[:-1][same]  # a corner stays a corner
        out.append(_rounded(moved))
    return out


@dataclass(frozen=True)
class Strokes:
    """MNIST digits as segments: `segments[starts[i]:starts[i + 1]]` is picture i; `by_digit` their numbers."""

    segments: NDArray[np.float32]
    starts: NDArray[np.int64]
    by_digit: tuple[NDArray[np.int64], ...]

    def glyph(self, rng: np.random.Generator, digit: int) -> Glyph:
        which = self.by_digit[digit]
        at = int(which[int(rng.integers(len(which)))])
        wide = np.array([1.3, 1.0], np.float32)  # they come in a square; the pen sets digits narrower than high
        return list((self.segments[self.starts[at] : self.starts[at + 1]] - 0.5) * wide + 0.5)


def _idx(path: Path, header: int) -> tuple[NDArray[np.uint8], str]:
    try:
        raw = gzip.decompress(path.read_bytes())[header:]
    except (OSError, EOFError) as error:
        raise InputError(
            str(path),
            expected="a gzip-compressed MNIST file",
            found=str(error),
            do="give the folder that holds the four files",
        ) from None
    return np.frombuffer(raw, np.uint8), hashlib.sha256(raw).hexdigest()


def hashes(folder: Path, part: str) -> Mapping[str, str]:
    """SHA-256 of the raw bytes behind the headers of a part's two files."""
    return {
        "images": _idx(folder / f"mnist-{part}-images-idx3-ubyte.gz", 16)[1],
        "labels": _idx(folder / f"mnist-{part}-labels-idx1-ubyte.gz", 8)[1],
    }


def mnist(folder: Path, part: str = "train", limit: int | None = None) -> Strokes:
    """Thin the pictures of `part` (`train` or `t10k`), the first `limit`; InputError for a missing or damaged file."""
    pixels, _ = _idx(folder / f"mnist-{part}-images-idx3-ubyte.gz", 16)
    labels, _ = _idx(folder / f"mnist-{part}-labels-idx1-ubyte.gz", 8)
    pictures = pixels.reshape(-1, 28, 28)[:limit]
    labels = labels[: len(pictures)]
    pieces: list[NDArray[np.float32]] = []
    for start in range(0, len(pictures), 2000):
        block = pictures[start : start + 2000]
        large = np.stack([cv2.resize(p, (56, 56), interpolation=cv2.INTER_CUBIC) for p in block])
        pieces += [_segments(thin) for thin in _thinned(large > 110)]
    starts = np.concatenate([[0], np.cumsum([len(p) for p in pieces])]).astype(np.int64)
    by_digit = tuple(np.flatnonzero(labels == d) for d in range(10))
    return Strokes(np.concatenate(pieces), starts, by_digit)


def _thinning_tables() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each of 256 neighbourhoods (bit i: neighbour i, clockwise from above): is the middle taken away?"""
    n = (np.arange(256)[:, None] >> np.arange(8) & 1).astype(bool)
    count = n.sum(axis=1)
    turns = (~n & np.roll(n, -1, axis=1)).sum(axis=1)
    edge = (count >= 2) & (count <= 6) & (turns == 1)
    first = edge & ~(n[:, 0] & n[:, 2] & n[:, 4]) & ~(n[:, 2] & n[:, 4] & n[:, 6])
    second = edge & ~(n[:, 0] & n[:, 2] & n[:, 6]) & ~(n[:, 0] & n[:, 4] & n[:, 6])
    return first, second


def _thinned(pictures: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Zhang and Suen, "A fast parallel algorithm for thinning digital patterns", CACM 27 (1984), on a stack at once."""
    p = np.pad(pictures, ((0, 0), (1, 1), (1, 1))).astype(np.uint8)
    steps = [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)]
    h, w = pictures.shape[1:]
    tables = _thinning_tables()
    code = np.empty(pictures.shape, np.uint8)
    while True:
        before = int(p.sum())
        for table in tables:
            code[:] = 0
            for bit, (dy, dx) in enumerate(steps):
                code |= p[:, 1 + dy : 1 + dy + h, 1 + dx : 1 + dx + w] << np.uint8(bit)
            p[:, 1:-1, 1:-1][table[code]] = 0
        if int(p.sum()) == before:
            return p[:, 1:-1, 1:-1].astype(bool)


def traced(picture: NDArray[np.bool_]) -> Glyph:
    """The middle of the strokes of a picture, in heights of the picture: for glyphs that come from fonts."""
    return list(_segments(_thinned(picture[None])[0], float(picture.shape[0])))


def _segments(thin: NDArray[np.bool_], unit: float | None = None) -> NDArray[np.float32]:
    """Neighbouring pixels of a thinned picture as segments, evened out twice, scaled by `unit` pixels or to the unit
    box."""
    ys, xs = np.nonzero(thin)
    if len(xs) < 2:
        return np.array([[[0.5, 0.0], [0.5, 1.0]] if unit is None else [[0.5, 0.5], [0.5, 0.52]]], np.float32)
    index = np.full((thin.shape[0] + 2, thin.shape[1] + 2), -1)
    index[ys + 1, xs + 1] = np.arange(len(xs))
    pairs = []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        other = index[ys + 1 + dy, xs + 1 + dx]
        has = other >= 0
        if dy and dx:  # a diagonal beside a corner pixel would make a small triangle
            has &= (index[ys + 1 + dy, xs + 1] < 0) & (index[ys + 1, xs + 1 + dx] < 0)
        pairs.append(np.stack([np.arange(len(xs))[has], other[has]], axis=1))
    links = np.concatenate(pairs)
    points = np.stack([xs, ys], axis=1).astype(np.float32)
    for _ in range(2):
        total, number = points.copy(), np.ones(len(points), np.float32)
        for a, b in ((0, 1), (1, 0)):
            np.add.at(total, links[:, a], points[links[:, b]])
            np.add.at(number, links[:, a], 1)
        points = total / number[:, None]
    low, high = points.min(axis=0), points.max(axis=0)
    size = unit or max(float((high - low).max()), 1.0)
    points = (points - (low + high) / 2) / size + 0.5
    return np.asarray(points[links], np.float32)
