"""The smoother that takes what the sensor left out of paper, and leaves the pen's strokes: `smoothed`.

A bilateral filter (Tomasi and Manduchi 1998, doi:10.1109/ICCV.1998.710815) on brightness: each pixel becomes the mean
of the near ones that are about as light. On paper that is a mean over all of them, in which a pattern of one per cent
drowns; across the edge of a stroke nothing is mixed. Colours, which are kept at half the size anyway, are blurred.

Against a 3x3 median, which it replaced, it hides more and costs less to read: docs/evidence.md.
"""

from __future__ import annotations

import cv2
import numpy as np

from counterfoil.evidence.picture import Image

ACROSS_PX = 11
ACROSS_REDUCED_PX = 5
"""In a picture that was reduced each pixel is a mean already; a smaller circle then hides as much in less time."""
ALIKE = 12
"""Of 255: how far apart two pixels may be in brightness to count as one paper (one standard deviation)."""
NEAR_PX = 6
"""One standard deviation."""
COLOURS_PX = 5


def smoothed(image: Image, *, reduced: bool) -> Image:
    """`image` without its fine noise. `reduced`: it was made smaller by half at least."""
    light, red, blue = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb))
    light = smoothed_light(np.asarray(light, np.uint8), reduced=reduced)
    red, blue = (cv2.blur(colour, (COLOURS_PX, COLOURS_PX)) for colour in (red, blue))
    return cv2.cvtColor(cv2.merge((light, red, blue)), cv2.COLOR_YCrCb2RGB).astype(np.uint8, copy=False)


def smoothed_light(light: Image, *, reduced: bool = False) -> Image:
    """The same for brightness alone, one byte a pixel."""
    across = ACROSS_REDUCED_PX if reduced else ACROSS_PX
    return cv2.bilateralFilter(light, across, ALIKE, NEAR_PX).astype(np.uint8, copy=False)
