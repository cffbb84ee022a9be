"""Printed codes, looked for in the jail before a photo is made small. Whatever they are, the photo comes through."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from counterfoil.sandbox import PrintedCode, Sandbox, SandboxStopped, answer, launch
from counterfoil.sandbox.jail.codes import MOST_PRINTED
from tests.sandbox import files
from tests.sandbox.test_escapes import taken_over

QR = zxingcpp.BarcodeFormat.QRCode


@cache
def code(text: str, scale: int, level: str = "L") -> Image.Image:
    drawn = zxingcpp.create_barcode(text, QR, ec_level=level).to_image(scale=scale, add_quiet_zones=True)
    return Image.fromarray(np.array(drawn))


def page(*texts: str, width: int = 800, height: int = 600, scale: int = 4) -> bytes:
    """A photo of a page with these codes in one row."""
    image = files.scene(width, height)
    left = 200
    for text in texts:
        drawn = code(text, scale)
        image.paste(drawn, (left, 200))
        left += drawn.width + 20
    return files.jpeg(image)


def said(sandbox: Sandbox, photo: bytes, *names: str) -> list[str]:
    (pixels,) = sandbox.pictures(photo, codes=names)
    return [one.payload for one in pixels.codes]


def test_what_a_code_says_comes_with_the_pixels(sandbox: Sandbox) -> None:
    (pixels,) = sandbox.pictures(page("033-7-AB", "033-7-CD"), codes=["36h11", "qr"])
    assert pixels.codes == (PrintedCode("qr", "033-7-AB"), PrintedCode("qr", "033-7-CD"))
    assert (pixels.width, pixels.height) == (800, 600)


def test_only_the_kinds_that_are_asked_for_are_told(sandbox: Sandbox) -> None:
    assert said(sandbox, page("033-7-AB")) == []
    assert said(sandbox, page("033-7-AB"), "code128", "36h10") == []


def test_pages_of_a_document_bring_their_own(sandbox: Sandbox) -> None:
    first, second = (Image.open(io.BytesIO(page(text))) for text in ("page-1", "page-2"))
    document = files.saved(first, "TIFF", save_all=True, append_images=[second])
    pages = list(sandbox.pictures(document, documents=True, codes=["qr"]))
    assert [[one.payload for one in pixels.codes] for pixels in pages] == [["page-1"], ["page-2"]]


def test_attack_ten_thousand_codes(sandbox: Sandbox) -> None:
    side, step = 4000, 40
    drawn = [code(f"{number:04d}", 1) for number in range(50)]
    image = Image.new("L", (side, side), 255)
    for number in range((side // step) ** 2):
        one = drawn[number % len(drawn)]
        image.paste(one.resize((step - 4, step - 4)), (number * step % side, number * step // side * step))
    found = said(sandbox, files.jpeg(image), "qr")
    assert len(found) <= MOST_PRINTED
    few = page("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", width=1600)
    assert len(said(sandbox, few, "qr")) == MOST_PRINTED


@pytest.mark.parametrize("text", ["x" * 201, "x" * 2900, "\N{GREEK SMALL LETTER ALPHA}" * 101])
def test_attack_a_code_that_says_too_much(sandbox: Sandbox, text: str) -> None:
    assert said(sandbox, beside("001", text), "qr") == ["001"]


@pytest.mark.parametrize("text", ["001\n002", "\x1b[2J", "\0", "\u202e100"])
def test_attack_a_code_with_signs_that_cannot_be_printed(sandbox: Sandbox, text: str) -> None:
    found = said(sandbox, beside("001", text), "qr")
    assert "001" in found
    assert text not in found
    assert all(one.isprintable() for one in found)


def beside(good: str, bad: str) -> bytes:
    drawn, small = code(bad, 4), code(good, 4)
    image = Image.new("L", (drawn.width + 500, drawn.height + 300), 235)
    image.paste(drawn, (20, 20))
    image.paste(small, (drawn.width + 100, 60))
    return files.saved(image, "PNG")


def test_attack_a_page_on_which_looking_for_codes_takes_seconds(sandbox: Sandbox) -> None:
    ring = np.zeros((9, 9), np.uint8)
    ring[1:8, 1:8] = 255
    ring[2:7, 2:7] = 0
    ring[3:6, 3:6] = 255
    image = Image.fromarray(np.tile(255 - ring, (223, 223))[:1999, :1999])
    assert said(sandbox, files.saved(image, "PNG"), "qr") == []


Broken = Callable[[str], Sandbox]


@pytest.fixture(params=[True, False], ids=["bubblewrap", "own"])
def broken(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broken]:
    """A jail in which these lines stand where codes are looked for."""
    with contextlib.ExitStack() as stack:

        def made(lines: str) -> Sandbox:
            jail = tmp_path / "jail"
            shutil.copytree(launch.JAIL, jail, ignore=shutil.ignore_patterns("__pycache__"))
            text = f"import os, types\n\ndef read_printed(grey, names, **_):\n    {lines}\n"
            (jail / "printed.py").write_text(text, "utf-8")
            monkeypatch.setattr(launch, "JAIL", jail)
            monkeypatch.setattr(answer, "PRINTED_WALL_S", 2.0)
            return stack.enter_context(Sandbox(workers=1, bubblewrap=request.param, wall_s=60))

        yield made


@pytest.mark.parametrize(
    "lines",
    [
        "raise ValueError('a text of a stranger')",
        "raise MemoryError",
        "os._exit(0)",
        "__import__('ctypes').string_at(0)",
        "while True: pass",
        "return [types.SimpleNamespace(name='pdf417', payload='of a kind that was not asked for')]",
    ],
)
def test_a_photo_comes_through_whatever_happens_to_its_codes(broken: Broken, lines: str) -> None:
    sandbox = broken(lines)
    for _ in range(2):
        (pixels,) = sandbox.pictures(page("001"), codes=["qr"])
        assert (pixels.width, pixels.height, pixels.codes) == (800, 600, ())
    (plain,) = sandbox.pictures(page("001"))
    assert plain.rgb == pixels.rgb


@pytest.mark.parametrize(
    "told",
    [
        "00 0001 0001 aabbcc 16 09" + "00 01 41" * 9,  # nine codes
        "00 0001 0001 aabbcc 16 01 02 01 41",  # of a kind that was not asked for
        "00 0001 0001 aabbcc 16 01 00 c9" + "41" * 201,  # too long
        "00 0001 0001 aabbcc 16 01 00 01 0a",  # not printable
        "00 0001 0001 aabbcc 16 01 00 01 ff",  # no text
        "00 0001 0001 aabbcc 16 01 00 05 41",  # cut off
        "00 0001 0001 aabbcc 01",  # none told
    ],
)
def test_attack_codes_against_the_rules_are_none(taken: Sandbox, told: str) -> None:
    (pixels,) = taken.pictures(f"say {told.replace(' ', '')}".encode(), codes=["qr", "36h10"])
    assert (pixels.width, bytes(pixels.rgb), pixels.codes) == (1, b"\xaa\xbb\xcc", ())
    with pytest.raises(SandboxStopped):
        list(taken.pictures(f"say {told.replace(' ', '')}".encode(), documents=True, codes=["qr", "36h10"]))


@pytest.fixture
def taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A jail whose decoder was taken over."""
    monkeypatch.setattr(launch, "JAIL", taken_over(tmp_path))
    with Sandbox(workers=1, wall_s=60) as sandbox:
        yield sandbox


def test_attack_nothing_can_be_said_behind_the_codes(taken: Sandbox) -> None:
    with pytest.raises(SandboxStopped) as stopped:
        list(taken.pictures(b"say 0000010001aabbcc16000100", codes=["qr"]))
    assert stopped.value.code == "decoder-broke-rules"
