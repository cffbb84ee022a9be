"""What is taken, what is refused by which number, and that a picture comes out as a person would see it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from counterfoil.sandbox import Code, FileRefused, Pixels, Sandbox
from tests.sandbox import files

RED, BLUE, PAPER = (255, 0, 0), (0, 0, 255), (235, 230, 220)


def one(sandbox: Sandbox, data: bytes, *, documents: bool = False) -> NDArray[np.uint8]:
    (pixels,) = sandbox.pictures(data, documents=documents)
    return array(pixels)


def array(pixels: Pixels) -> NDArray[np.uint8]:
    return np.frombuffer(pixels.rgb, np.uint8).reshape(pixels.height, pixels.width, 3)


def near(found: NDArray[np.uint8], wanted: tuple[int, int, int], within: int = 30) -> bool:
    return bool((np.abs(found.astype(int) - wanted) <= within).all())


@pytest.mark.parametrize("name", files.kinds())
def test_every_kind_of_photo_is_taken_in_its_size(sandbox: Sandbox, name: str) -> None:
    assert one(sandbox, files.kinds()[name]).shape == (files.HEIGHT, files.WIDTH, 3)


@pytest.mark.parametrize("name", files.documents())
def test_documents_are_taken_from_invited_senders_and_refused_from_strangers(sandbox: Sandbox, name: str) -> None:
    data = files.documents()[name]
    refused = files.refusal(sandbox, data)
    assert refused is (Code.PDF_FROM_STRANGER if name == "pdf" else Code.TIFF_FROM_STRANGER)
    assert len(list(sandbox.pictures(data, documents=True))) == (2 if name in ("pdf", "tiff") else 1)


@pytest.mark.parametrize("name", ["jpeg", "jpeg-444", "png", "png-alpha", "webp", "heic", "jpeg-cmyk"])
def test_colours_stay_what_they_were(sandbox: Sandbox, name: str) -> None:
    pixels = one(sandbox, files.kinds()[name])
    assert near(pixels[4:10, 4:10], RED, 60)
    assert near(pixels[-10:-4, -10:-4], BLUE, 60)
    assert near(pixels[5:9, 100:200], PAPER)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", Code.EMPTY),
        (b"hello, is this the office?" * 10, Code.UNKNOWN_FORMAT),
        (files.saved(files.scene(), "GIF"), Code.GIF),
        (files.saved(files.scene(), "BMP"), Code.BITMAP),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', Code.SVG),
        (b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00avifmif1", Code.AVIF),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42", Code.FILM),
        (b"\x00\x00\x00\x18ftyphevc\x00\x00\x00\x00hevcmif1", Code.ANIMATED),
        (files.special()["webp moving"](), Code.ANIMATED),
        (files.special()["png moving"](), Code.ANIMATED),
        (files.jpeg()[:-3000], Code.DAMAGED),
        (files.jpeg(files.scene(63, 200)), Code.SIDE_TOO_SHORT),
        (files.png_claiming(10_001, 70), Code.SIDE_TOO_LONG),
        (files.png_claiming(9_000, 9_000), Code.TOO_MANY_PIXELS),
        (b"\xff\xd8\xff" + b"\0" * 25_000_000, Code.FILE_TOO_LARGE),
    ],
)
def test_everything_else_is_refused_by_a_stable_number(sandbox: Sandbox, data: bytes, code: Code) -> None:
    assert files.refusal(sandbox, data) is code


def test_a_refusal_says_what_was_expected_found_and_what_to_do(sandbox: Sandbox) -> None:
    with pytest.raises(FileRefused, match=r"expected a JPEG.*photo, found a PDF; send a photo") as caught:
        list(sandbox.pictures(files.pdf()))
    assert caught.value.code == "pdf-from-stranger"


def test_every_number_of_a_refusal_has_its_sentence() -> None:
    for code in set(Code) - {Code.PICTURE, Code.END, Code.JAIL_FAILED, Code.PRINTED}:
        assert str(FileRefused(code))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_turned_upright_once(sandbox: Sandbox, orientation: int, kind: str) -> None:
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that undoes each orientation
    image = files.scene()
    turned = image if orientation == 1 else image.transpose(Image.Transpose(back[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = one(sandbox, files.saved(turned, kind, exif=exif, quality=95))
    assert pixels.shape == (files.HEIGHT, files.WIDTH, 3)
    assert near(pixels[4:10, 4:10], RED, 60)
    assert near(pixels[-10:-4, -10:-4], BLUE, 60)


def test_heic_is_turned_by_its_own_box_and_not_again_by_its_exif(sandbox: Sandbox) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = files.heic(files.scene().transpose(Image.Transpose.ROTATE_90), exif=exif.tobytes())
    assert b"irot" in data
    pixels = one(sandbox, data)
    assert pixels.shape == (files.HEIGHT, files.WIDTH, 3)
    assert near(pixels[4:10, 4:10], RED, 60)


def test_a_picture_hidden_under_alpha_becomes_white(sandbox: Sandbox) -> None:
    image = files.scene().convert("RGBA")
    image.putalpha(0)
    for kind in ("PNG", "WEBP"):
        options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
        assert (one(sandbox, files.saved(image, kind, **options)) == 255).all()


def test_palette_and_grey_transparency_become_white(sandbox: Sandbox) -> None:
    image = Image.new("P", (100, 100), 0)
    image.putpalette([10, 20, 30, 200, 200, 200])
    assert (one(sandbox, files.saved(image, "PNG", transparency=0)) == 255).all()


def test_sixteen_bits_keep_their_order(sandbox: Sandbox) -> None:
    ramp = np.tile(np.linspace(0, 65_535, 256).astype(np.uint16), (100, 1))
    row = one(sandbox, files.saved(Image.fromarray(ramp), "PNG"))[50, :, 0].astype(int)
    assert row[0] == 0
    assert row[-1] == 255
    assert (np.diff(row) >= 0).all()


def test_a_profile_is_applied_before_it_is_dropped(sandbox: Sandbox) -> None:
    """A profile that maps (200, 100, 100) elsewhere must move the pixels; the same file without it must not."""
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    flat = Image.new("RGB", (100, 100), (200, 100, 100))
    plain = one(sandbox, files.saved(flat, "PNG"))
    assert near(plain, (200, 100, 100), 1)
    for odd in (wide, lab, b"not a profile"):  # profiles that do not fit RGB, and none at all: ignored, never an error
        assert one(sandbox, files.saved(flat, "PNG", icc_profile=odd)).shape == (100, 100, 3)
    swapped = _profile_with_red_and_green_swapped()
    assert near(one(sandbox, files.saved(flat, "PNG", icc_profile=swapped)), (100, 200, 100), 12)


def _profile_with_red_and_green_swapped() -> bytes:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for name, other in ((b"rXYZ", b"tmp!"), (b"gXYZ", b"rXYZ"), (b"tmp!", b"gXYZ")):
        at = profile.index(name, 128)
        profile[at : at + 4] = other
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be")).replace(b"sRGB", b"swap")


@pytest.mark.parametrize(
    ("width", "height", "longest"), [(1999, 1000, 1999), (2000, 1500, 1000), (4000, 3000, 2000), (6000, 2000, 2000)]
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_pictures_are_halved_and_held_to_two_thousand(
    sandbox: Sandbox, width: int, height: int, longest: int, kind: str
) -> None:
    pixels = one(sandbox, files.saved(files.scene(width, height), kind))
    assert max(pixels.shape[:2]) == longest
    assert abs(min(pixels.shape[:2]) - longest * height / width) <= 1
    assert near(pixels[1:4, 1:4], RED, 70)


def test_of_a_jpeg_with_further_pictures_only_the_first_is_seen(sandbox: Sandbox) -> None:
    data = files.saved(files.scene(), "MPO", save_all=True, append_images=[Image.new("RGB", (320, 240), "black")])
    assert near(one(sandbox, data)[5:9, 100:200], PAPER)


def test_a_pdf_gives_its_pages_in_order_at_most_twenty(sandbox: Sandbox) -> None:
    pages = [array(pixels) for pixels in sandbox.pictures(files.pdf(3), documents=True)]
    assert [page.shape for page in pages] == [(2000, 1414, 3)] * 3
    assert all((page < 100).any() for page in pages)
    assert len(list(sandbox.pictures(files.pdf(20, 100, 100), documents=True))) == 20
    assert files.refusal(sandbox, files.pdf(21), documents=True) is Code.TOO_MANY_PAGES


def test_a_small_page_is_drawn_at_200_dots_an_inch(sandbox: Sandbox) -> None:
    assert max(one(sandbox, files.pdf(1, 360, 180), documents=True).shape) == 1000


def test_a_locked_pdf_says_so(sandbox: Sandbox) -> None:
    encrypt = b"/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>/ID[<00><00>]" % (b"11" * 32, b"22" * 32)
    data = files.pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>"], encrypt)
    assert files.refusal(sandbox, data, documents=True) is Code.LOCKED


def test_the_same_file_gives_the_same_pixels(sandbox: Sandbox) -> None:
    for data in files.kinds().values():
        assert list(sandbox.pictures(data)) == list(sandbox.pictures(data))


def test_half_scale_decoding_looks_like_scaling(sandbox: Sandbox) -> None:
    image = files.scene(2400, 1800)
    wanted = np.asarray(Image.open(io.BytesIO(files.jpeg(image, quality=95))).reduce(2)).astype(int)
    assert np.abs(one(sandbox, files.jpeg(image, quality=95)).astype(int) - wanted).mean() < 1.5
