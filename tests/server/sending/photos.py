"""Photos as phones make them, drawn here: a page with lines of text, and whatever a phone writes into a file."""

from __future__ import annotations

import io
import random

import numpy as np
from PIL import Image, ImageDraw


def drawn(seed: int = 1, size: tuple[int, int] = (600, 800)) -> Image.Image:
    """A page of dark strokes that no other seed gives."""
    draw_from = random.Random(seed)  # noqa: S311 - a picture
    image = Image.new("RGB", size, (235, 232, 225))
    pen = ImageDraw.Draw(image)
    for line in range(12):
        y = 40 + line * size[1] // 14
        x = 30
        while x < size[0] - 60:
            width = draw_from.randrange(8, 50)
            pen.rectangle((x, y + draw_from.randrange(4), x + width, y + draw_from.randrange(8, 22)), fill=(30, 30, 40))
            x += width + draw_from.randrange(6, 30)
    noise = np.random.default_rng(seed).integers(-6, 7, (size[1], size[0], 3))
    return Image.fromarray((np.asarray(image).astype(int) + noise).clip(0, 255).astype(np.uint8))


def jpeg(seed: int = 1, size: tuple[int, int] = (600, 800), **save: object) -> bytes:
    out = io.BytesIO()
    drawn(seed, size).save(out, "JPEG", quality=90, **save)
    return out.getvalue()
