"""Bytes to upright pixels, and what is refused before anything is read."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from counterfoil.primitives.errors import InputError
from counterfoil.reading.belief import Rgb
from counterfoil.reading.pages import decode, gates
from tests.reading.real_forms import photo


def _corners() -> Rgb:
    """Another colour in each quarter, and no side like another."""
    image = np.zeros((40, 60, 3), np.uint8)
    image[:20, :30], image[:20, 30:], image[20:, :30] = (250, 0, 0), (0, 250, 0), (0, 0, 250)
    return image


def _bytes(image: Image.Image, kind: str = "PNG", **how: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_every_turn_that_a_camera_notes_is_undone(turn: int, kind: str) -> None:
    back = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[turn]
    upright = Image.fromarray(_corners())
    stored = upright if back is None else upright.transpose(back)
    exif = Image.Exif()
    exif[0x0112] = turn
    seen = decode(_bytes(stored, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {"quality": 95})))
    assert seen.shape == (40, 60, 3)
    assert np.abs(seen.astype(int) - _corners())[::39, ::59].max() < 30


def test_transparent_parts_are_paper_not_ink() -> None:
    clear = Image.new("RGBA", (50, 50), (0, 0, 0, 0))
    assert (decode(_bytes(clear)) == 255).all()


def test_a_picture_of_a_hundred_megapixels_is_refused_before_it_is_decoded() -> None:
    small_file = _bytes(Image.new("1", (10_000, 10_000), 1))
    assert len(small_file) < 100_000
    with pytest.raises(InputError, match="64 million") as refused:
        decode(small_file)
    assert refused.value.code == "picture-too-large"


def test_a_bomb_of_a_picture_is_refused() -> None:
    head = bytearray(_bytes(Image.new("1", (100, 100))))
    head[16:24] = (60_000).to_bytes(4, "big") * 2
    with pytest.raises(InputError) as refused:
        decode(bytes(head))
    assert refused.value.code in ("picture-too-large", "picture-damaged", "picture-unknown")


@pytest.mark.parametrize("data", [b"", b"no picture", b"GIF89a" + bytes(100), b"%PDF-1.4\n", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(InputError) as refused:
        decode(data)
    assert refused.value.code == "picture-unknown"


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_cut_short_is_refused_because_its_missing_half_would_look_empty(kind: str) -> None:
    rng = np.random.default_rng(1)
    whole = _bytes(Image.fromarray(rng.integers(0, 255, (400, 300, 3), np.uint8)), kind)
    decode(whole)
    with pytest.raises(InputError) as refused:
        decode(whole[: len(whole) // 2])
    assert refused.value.code == "picture-damaged"


def test_a_picture_of_200_pixels_is_refused_with_its_size() -> None:
    small = cv2.resize(photo("ng-05"), (150, 200), interpolation=cv2.INTER_AREA).astype(np.uint8)
    assert "150 x 200" in (gates(small) or "")


def test_a_black_picture_is_refused_as_black() -> None:
    rng = np.random.default_rng(2)
    assert "black" in (gates(rng.integers(0, 6, (900, 700, 3), np.uint8)) or "")


def test_a_picture_of_one_colour_is_refused() -> None:
    rng = np.random.default_rng(3)
    assert "nothing can be seen" in (gates(rng.integers(180, 186, (900, 700, 3), np.uint8)) or "")


def test_a_picture_without_focus_is_refused_as_blurred() -> None:
    blurred = cv2.GaussianBlur(photo("ng-14"), (0, 0), 9).astype(np.uint8)
    assert "blurred" in (gates(blurred) or "")


@pytest.mark.parametrize(
    "form", ["ng-05", "ng-01", "hn-18118", "id14-1420467", "id17-4", "id19-mock1", "ke-030157078100101"]
)
def test_real_photos_pass_faint_small_and_soft_ones_too(form: str) -> None:
    assert gates(photo(form)) is None
