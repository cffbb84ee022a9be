"""A small template with pictures of its own, for the tests of templates."""

from __future__ import annotations

import copy
import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

from counterfoil.election.templates import FormTemplate, read_template, write_template_yaml
from counterfoil.primitives.canonical import sha256_hex


def png(width: int = 200, height: int = 300, grey: int = 255) -> bytes:
    """A PNG of one shade."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([grey]) * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


FRONT, BACK = png(), png(grey=250)

PLAIN: dict[str, Any] = {
    "counterfoil_template": 1,
    "name": "sheet",
    "version": 2,
    "title": {"en": "A sheet", "be": "Аркуш"},
    "languages": ["en", "be"],
    "zero_words": ["nil"],
    "fields": [
        {"id": "ada", "label": "Ada Hill", "boxes": 3},
        {"id": "bob", "label": {"en": "Bob Dale", "be": "Боб Дэйл"}},
        {"id": "valid", "kind": "total"},
        {"id": "registered", "kind": "total", "empty": "zero"},
    ],
    "pages": [
        {
            "picture": {"file": "page-1.png", "sha256": sha256_hex(FRONT), "width": 200, "height": 300},
            "outline": [[2, 2], [198, 2], [198, 298], [2, 298]],
            "places": {
                "ada": [[100, 20], [160, 20], [160, 40], [100, 40]],
                "bob": [[100, 50], [160, 50], [160, 70], [100, 70]],
                "valid": [[100, 80], [160, 80], [160, 100], [100, 100]],
            },
            "codes": [
                {"kind": "qr", "pattern": "S(?P<station>[0-9]{4})", "outline": [[5, 5], [40, 5], [40, 40], [5, 40]]},
                {"kind": "apriltag", "dictionary": "36h10", "pattern": "101"},
            ],
            "masks": [[[10, 200], [190, 200], [190, 280], [10, 280]]],
        },
        {
            "page": 2,
            "picture": {"file": "page-2.png", "sha256": sha256_hex(BACK), "width": 200, "height": 300, "filled": True},
            "places": {"registered": [[100, 20], [160, 20], [160, 40], [100, 40]]},
        },
    ],
    "checks": [
        {"id": "sum", "rule": "ada + bob == valid"},
        {"id": "most", "rule": "valid <= registered", "code": "turnout-over-register", "severity": "check"},
    ],
}


def plain() -> dict[str, Any]:
    """A copy to be changed."""
    return copy.deepcopy(PLAIN)


def write_folder(folder: Path, given: dict[str, Any] | None = None) -> Path:
    """The template as YAML beside its pictures; the path of the YAML."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "page-1.png").write_bytes(FRONT)
    (folder / "page-2.png").write_bytes(BACK)
    (folder / "template.yaml").write_bytes(write_template_yaml(given or PLAIN))
    return folder / "template.yaml"


def sheet(folder: Path) -> FormTemplate:
    return read_template(write_folder(folder))


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A ZIP of these files, in their order."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return out.getvalue()


def whole() -> dict[str, bytes]:
    """What the ZIP of the template holds."""
    return {"template.yaml": write_template_yaml(PLAIN), "page-1.png": FRONT, "page-2.png": BACK}
