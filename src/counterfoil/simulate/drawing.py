"""A protocol as somebody may photograph it: a sheet with boxes and figures, lying a little askew on a table.

Drawn for rehearsals and load, not for judging machine reading. The same arguments give the same bytes.
"""

from __future__ import annotations

import io
import random
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFilter, ImageFont

INK, PENCIL, PAPER, TABLE = (25, 25, 35), (20, 40, 120), (247, 246, 240), (112, 96, 84)
_SHEET = (820, 1160)
"""A4 at 100 dots per inch, about."""


def draw_protocol(
    title: str, station: str, boxes: Sequence[tuple[str, str]], *, seed: int, width: int = 1200, quality: int = 80
) -> bytes:
    """A JPEG photo of one protocol.

    Args:
        boxes: (label, what stands in it) from top to bottom.
        seed: decides how it lies, how it is lit, and the hand.
        width: of the photo in pixels; it is a third higher.
    """
    rng = random.Random(seed)  # noqa: S311 - looks, not secrets
    sheet = _sheet(title, station, boxes, rng)
    high = width * 4 // 3
    photo = Image.new("RGB", (width, high), tuple(c + rng.randrange(-12, 13) for c in TABLE))
    scale = min(width * 0.9 / _SHEET[0], high * 0.9 / _SHEET[1])
    size = (int(_SHEET[0] * scale), int(_SHEET[1] * scale))
    turned = sheet.resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    turned = turned.rotate(rng.uniform(-2.5, 2.5), resample=Image.Resampling.BICUBIC, expand=True)
    at = ((width - turned.width) // 2 + rng.randrange(-9, 10), (high - turned.height) // 2 + rng.randrange(-9, 10))
    photo.paste(turned, at, turned)
    light = Image.linear_gradient("L").rotate(rng.choice((0, 90, 180, 270))).resize(photo.size)
    shade, depth = Image.new("RGB", photo.size, (0, 0, 0)), rng.uniform(0.15, 0.3)
    photo = Image.composite(shade, photo, light.point([int(v * depth) for v in range(256)]))
    photo = photo.filter(ImageFilter.GaussianBlur(0.6))
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _sheet(title: str, station: str, boxes: Sequence[tuple[str, str]], rng: random.Random) -> Image.Image:
    sheet = Image.new("RGB", _SHEET, PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((60, 60), "PROTOCOL OF RESULTS", font=_font(34), fill=INK)
    pen.text((60, 110), title, font=_font(22), fill=INK)
    pen.text((60, 150), f"Polling station {station}", font=_font(26), fill=INK)
    pen.line((60, 195, 760, 195), fill=INK, width=2)
    step = min(70, 760 // max(1, len(boxes)))
    for number, (label, figure) in enumerate(boxes):
        y = 220 + number * step
        pen.text((60, y + 12), f"{number + 1}. {label}", font=_font(22), fill=INK)
        pen.rectangle((560, y, 760, y + step - 14), outline=INK, width=2)
        x = 575 + rng.randrange(0, 12)
        for digit in figure:
            pen.text((x, y + 4 + rng.randrange(-3, 4)), digit, font=_font(32), fill=PENCIL)
            x += int(pen.textlength(digit, font=_font(32))) + rng.randrange(2, 6)
    below = 220 + len(boxes) * step + 40
    pen.text((60, below), "Signed by the members of the commission:", font=_font(20), fill=INK)
    for number in range(3):
        y = below + 60 + 50 * number
        points = [(90 + 14 * i, y + rng.randrange(-14, 15)) for i in range(rng.randrange(9, 18))]
        pen.line(points, fill=PENCIL, width=3, joint="curve")
    return sheet


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def figure_text(value: str) -> str:
    """What a clerk writes for a cell of a table: a dash for `struck`, a blot for `illegible`, nothing for `absent`.

    >>> figure_text("412"), figure_text("struck")
    ('412', '--')
    """
    return {"struck": "--", "illegible": "##", "word": "nil", "absent": "", "empty": ""}.get(value, value)
