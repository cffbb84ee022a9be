"""The one way a picture is written: JPEG, one quality, one table, one sampling, no marker that is not needed.

Every picture that leaves this folder is written here, so all look the same to whoever asks which phone or program made
them. Read back are only pictures that were written here.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.primitives.canonical import sha256_hex
from counterfoil.primitives.errors import InputError

Image = NDArray[np.uint8]
"""Height x width x 3, RGB."""

QUALITY = 75
_SETTINGS = (
    cv2.IMWRITE_JPEG_QUALITY,
    QUALITY,
    cv2.IMWRITE_JPEG_PROGRESSIVE,
    0,
    cv2.IMWRITE_JPEG_OPTIMIZE,
    0,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
)

cv2.setNumThreads(1)  # web servers and workers bring their own; a second layer of threads only makes them wait


def encode(image: Image) -> bytes:
    """The JPEG of `image`: quality 75, 4:2:0, the tables of libjpeg, nothing but the picture."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), _SETTINGS)
    if not done:
        raise MemoryError("the JPEG encoder gave nothing")
    return data.tobytes()


def decode(picture: bytes, *, sha256: str) -> Image:
    """The pixels of a picture written here, proved by its hash. Never give it anything a stranger wrote."""
    if sha256_hex(picture) != sha256:
        raise InputError("the picture", expected=f"SHA-256 {sha256}", found="other bytes", code="picture-changed")
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise InputError("the picture", expected="a JPEG of ours", found="something else", code="picture-changed")
    return image.astype(np.uint8, copy=False)
