"""What a picture looks like, in a few numbers: to link look-alikes, never to drop one.

`whole` is a 64-bit hash of the coarse shape of light and dark (the signs of the 8 x 8 lowest waves of the picture,
after Zauner 2010, "Implementation and benchmarking of perceptual image hash functions"): re-encoding, scaling and small
turns change few of its bits. Two hashes within `NEAR_BITS` are look-alikes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from counterfoil.evidence.picture import Image

NEAR_BITS = 8
BANDS = 4
_BAND_BITS = 16
_SIDE = 32
_WAVES = 8


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`whole`: 64-bit perceptual hash, unsigned."""

    whole: int

    def bands(self) -> Iterator[tuple[int, int]]:
        """(band number, 16 bits): what a database looks up by equality."""
        for band in range(BANDS):
            yield band, self.whole >> (_BAND_BITS * band) & 0xFFFF


def distance(first: Fingerprint, second: Fingerprint) -> int:
    """Bits by which two hashes differ, 0 to 64."""
    return (first.whole ^ second.whole).bit_count()


def fingerprint(image: Image) -> Fingerprint:
    """The fingerprint of an upright picture."""
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(grey.astype(np.float32))[:_WAVES, :_WAVES].ravel()
    bits = waves > np.median(waves[1:])
    return Fingerprint(int.from_bytes(np.packbits(bits).tobytes(), "big"))
