"""A photo of a protocol, drawn."""

from __future__ import annotations

import io
from collections.abc import Mapping

from PIL import Image, ImageDraw, ImageFont

LABELS = {
    "voters": "Voters on the list",
    "ballots": "Ballots found in the boxes",
    "spoilt": "Spoilt ballots",
    "valid": "Valid ballots",
    "ada": "Ada Example",
    "bob": "Bob Sample",
    "against": "Against all",
}


def photo(values: Mapping[str, object], station: str = "001") -> bytes:
    """A JPEG of a sheet with these figures, slightly askew on a table."""
    sheet = Image.new("RGB", (900, 1200), "#f7f4ea")
    draw = ImageDraw.Draw(sheet)
    large, small = ImageFont.load_default(44), ImageFont.load_default(30)
    draw.text((60, 60), f"PROTOCOL   Station {station}", fill="black", font=large)
    for row, (name, value) in enumerate(values.items()):
        top = 180 + row * 120
        draw.rectangle((60, top, 840, top + 90), outline="black", width=3)
        draw.text((80, top + 26), LABELS[name], fill="black", font=small)
        draw.text((640, top + 18), str(value), fill="#1a2a7a", font=large)
    table = Image.new("RGB", (1100, 1400), "#7a6a55")
    table.paste(sheet.rotate(2, expand=True, fillcolor="#7a6a55"), (80, 90))
    out = io.BytesIO()
    table.save(out, "JPEG", quality=75)
    return out.getvalue()
