"""What a picture looks like, in a few numbers: to find look-alikes, never to drop one.

* `whole`: 64 bits of the coarse shape of light and dark (signs of the lowest waves of the picture, after Zauner 2010,
  "Implementation and benchmarking of perceptual image hash functions"). Re-encoding, scaling and a small turn leave it
  within `NEAR_BITS`; a crop does not.
* `words`: 20 bits each of what stands around up to 128 corners of the picture (ORB, Rublee and others 2011,
  doi:10.1109/ICCV.2011.6126544). A crop keeps those inside it. What is printed on every form of an election gives the
  same words everywhere; a search leaves out words that are common.

A fingerprint is taken from the sanitised picture and from nothing else: whoever holds it knows no more than whoever
holds that picture, and it is thrown away with it. There is no hash of the original, keyed or not: with the key, it
would prove that a phone's photo is the one that was sent. The price: that two files were the same, bit by bit, cannot
be told; that they show the same shot can (`likeness`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.evidence.picture import Image

NEAR_BITS = 8
"""Of 64. The same shot sent twice was measured at 0 to 6; different sheets of one form at 6 and more."""
WORD_BITS = 20
MAX_WORDS = 128

_SIDE = 32
_WAVES = 8
_WORDS_SIDE = 1_000
_CHOSEN_BITS = np.random.Generator(np.random.PCG64(2011)).permutation(256)[:WORD_BITS]
"""Which of ORB's 256 bits make a word: spread, and the same for ever."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`whole`: 64-bit perceptual hash, unsigned. `words`: up to 128 numbers below 2**20, ascending, each once."""

    whole: int
    words: tuple[int, ...]

    def signed(self) -> int:
        """`whole` as a database's signed 64-bit integer."""
        return self.whole - (1 << 64) if self.whole >> 63 else self.whole

    @classmethod
    def stored(cls, signed: int, words: Iterator[int] | tuple[int, ...]) -> Fingerprint:
        """The fingerprint from what `signed` gave and its words."""
        return cls(signed % (1 << 64), tuple(sorted(words)))


def distance(first: Fingerprint, second: Fingerprint) -> int:
    """Bits by which the two `whole` hashes differ, 0 to 64."""
    return (first.whole ^ second.whole).bit_count()


def shared_words(first: Fingerprint, second: Fingerprint) -> int:
    """How many words two pictures have in common."""
    return len(set(first.words) & set(second.words))


def fingerprint(image: Image) -> Fingerprint:
    """The fingerprint of a sanitised picture."""
    scale = _WORDS_SIDE / max(image.shape[:2])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
    return Fingerprint(_whole(grey), _words(grey))


def _whole(grey: NDArray[np.uint8]) -> int:
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(small.astype(np.float32))[:_WAVES, :_WAVES].ravel()
    bits = waves > np.median(waves[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _words(grey: NDArray[np.uint8]) -> tuple[int, ...]:
    finder = cv2.ORB.create(
        nfeatures=MAX_WORDS, scaleFactor=1.3, nlevels=8, edgeThreshold=41, patchSize=41, fastThreshold=5
    )
    corners, found = finder.detectAndCompute(cv2.GaussianBlur(grey, (0, 0), 1.5), None)
    if not corners:  # a blank sheet
        return ()
    bits = np.unpackbits(np.asarray(found, np.uint8), axis=1)[:, _CHOSEN_BITS]
    numbers = bits.astype(np.int64) @ (1 << np.arange(WORD_BITS, dtype=np.int64))
    return tuple(sorted({int(number) for number in numbers}))
