"""0 metadata survives: 80 planted marks, scanned for byte by byte, segment by segment, and by exiftool."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from counterfoil.evidence import Mask, Region, apply_mask, sanitise
from counterfoil.sandbox import Sandbox
from tests.evidence import marks
from tests.sandbox import files

APP0, QUANTISATION, HUFFMAN, BASELINE, SCAN = 0xE0, 0xDB, 0xC4, 0xC0, 0xDA
HARMLESS = {
    *("JFIFVersion", "ResolutionUnit", "XResolution", "YResolution", "ImageWidth", "ImageHeight", "EncodingProcess"),
    *("BitsPerSample", "ColorComponents", "YCbCrSubSampling", "ImageSize", "Megapixels"),
    *("FileSize", "FileType", "FileTypeExtension", "MIMEType"),
}


def kept(sandbox: Sandbox, data: bytes) -> list[bytes]:
    """Every picture that is kept or released of a file."""
    out = []
    for page in sanitise(data, sandbox, random=np.random.default_rng(5).bytes, documents=True):
        mask = Mask((Region.rectangle(0, 0, 200_000, 200_000),))
        out += [page.picture, apply_mask(page.picture, mask, sha256=page.sha256).picture]
    return out


@pytest.mark.parametrize(
    ("name", "least"), [("jpeg", 24), ("png", 16), ("webp", 14), ("heic", 13), ("tiff", 8), ("pdf", 5)]
)
def test_nothing_planted_survives(sandbox: Sandbox, name: str, least: int) -> None:
    canary = marks.canaries()[name]
    assert len(marks.planted(canary)) >= least, "the scan must see what was planted, or it proves nothing"
    for picture in kept(sandbox, canary):
        assert marks.planted(picture) == set()
        for trace in (b"Exif", b"http", b"ICC", b"8BIM", b"xmp", b"MPF", b"jumb", b"2026"):
            assert trace not in picture


@pytest.mark.parametrize("name", [*marks.canaries(), *files.kinds()])
def test_a_kept_picture_has_the_segments_a_jpeg_needs_and_no_other(sandbox: Sandbox, name: str) -> None:
    for picture in kept(sandbox, {**files.kinds(), **marks.canaries()}[name]):
        assert set(marks.segments(picture)) == {APP0, QUANTISATION, HUFFMAN, BASELINE, SCAN}
        assert picture[:20] == bytes.fromhex("ffd8ffe000104a46494600010100000100010000")


def test_tables_and_settings_are_the_same_for_every_phone(sandbox: Sandbox) -> None:
    heads = set()
    for data in (*files.kinds().values(), *(files.jpeg(quality=quality) for quality in (30, 60, 95))):
        (picture, _) = kept(sandbox, data)
        size = picture.index(b"\xff\xc0") + 5
        heads.add(picture[:size] + picture[size + 4 : picture.index(b"\xff\xda")])
    assert len(heads) == 1


def test_exiftool_finds_nothing_but_what_every_jpeg_has(sandbox: Sandbox, tmp_path: Path) -> None:
    for name, canary in marks.canaries().items():
        for number, picture in enumerate(kept(sandbox, canary)):
            (tmp_path / f"{name}-{number}.jpg").write_bytes(picture)
        (tmp_path / f"before-{name}").write_bytes(canary)
    told = json.loads(
        subprocess.run(
            ["exiftool", "-j", "-a", "-u", *sorted(tmp_path.iterdir())], check=True, capture_output=True
        ).stdout
    )
    assert len(told) == 2 * len(marks.canaries()) + 6
    about_us = {"SourceFile", "ExifToolVersion", "FileName", "Directory", "FilePermissions"}
    for file in told:
        found = {key for key in file if key not in about_us and not key.startswith("File")}
        if Path(file["SourceFile"]).name.startswith("before-"):
            assert found - HARMLESS, file["SourceFile"]
        else:
            assert found <= HARMLESS


def test_a_picture_under_alpha_is_not_in_the_kept_one(sandbox: Sandbox) -> None:
    image = files.scene().convert("RGBA")
    image.putalpha(0)
    (picture, _) = kept(sandbox, files.saved(image, "PNG"))
    (white, _) = kept(sandbox, files.saved(image.convert("L").point(lambda _: 255).convert("RGB"), "PNG"))
    assert picture == white
