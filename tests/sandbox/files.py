"""Files as strangers send them: good ones of each kind, and hand-made hostile ones. All are made here."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, ImageDraw

from counterfoil.sandbox import Code, FileRefused, Sandbox

WIDTH, HEIGHT = 320, 240


def scene(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """Light paper with dark figures: red in the upper left corner, blue in the lower right."""
    image = Image.new("RGB", (width, height), (235, 230, 220))
    draw = ImageDraw.Draw(image)
    for row in range(20, height - 20, 24):
        draw.text((40, row), f"{row * 37 % 1000:03d}  {row * 91 % 1000:03d}  {row * 57 % 1000:03d}", fill=(20, 20, 60))
    draw.rectangle((0, 0, 15, 15), fill=(255, 0, 0))
    draw.rectangle((width - 16, height - 16, width, height), fill=(0, 0, 255))
    return image


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg(image: Image.Image | None = None, **options: Any) -> bytes:
    return saved(image or scene(), "JPEG", **{"quality": 90, **options})


def heic(image: Image.Image | None = None, **options: Any) -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(image or scene()).save(out, quality=80, **options)
    return out.getvalue()


def pdf(pages: int = 1, width: int = 595, height: int = 842) -> bytes:
    """A PDF of text pages, written by hand."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>"]
    kids = " ".join(f"{4 + 2 * page} 0 R" for page in range(pages))
    objects.append(f"<</Type/Pages/Kids[{kids}]/Count {pages}>>".encode())
    objects.append(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    for page in range(pages):
        stream = f"BT /F1 40 Tf 60 {height // 2} Td (page {page + 1}: 412 votes) Tj ET".encode()
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Contents {5 + 2 * page} 0 R"
            "/Resources<</Font<</F1 3 0 R>>>>>>".encode()
        )
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream))
    return pdf_of(objects)


def pdf_of(objects: list[bytes], trailer: bytes = b"") -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, trailer, start)
    return bytes(out)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is as large as asked."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = png_chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + body + png_chunk(b"IEND", b"")


def jpeg_claiming(width: int, height: int) -> bytes:
    data = bytearray(jpeg())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def display_p3() -> bytes:
    """An ICC profile whose red is not sRGB's: a linear XYZ stand-in would do, but phones send RGB matrices."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"sRGB", b"wide")


def refusal(sandbox: Sandbox, data: bytes, *, documents: bool = False) -> Code:
    """The number by which `data` is refused; fails if it is taken."""
    try:
        taken = list(sandbox.pictures(data, documents=documents))
    except FileRefused as refused:
        return refused.number
    raise AssertionError(f"expected a refusal, found {len(taken)} pictures")


def kinds() -> dict[str, bytes]:
    """One good file of every kind that is taken."""
    picture = scene()
    grey16 = Image.fromarray((np.arange(HEIGHT * WIDTH, dtype=np.uint16) * 7).reshape(HEIGHT, WIDTH))
    return {
        "jpeg": jpeg(),
        "jpeg-progressive": jpeg(progressive=True),
        "jpeg-grey": jpeg(picture.convert("L")),
        "jpeg-cmyk": jpeg(picture.convert("CMYK")),
        "jpeg-444": jpeg(subsampling=0),
        "png": saved(picture, "PNG"),
        "png-palette": saved(picture.convert("P"), "PNG"),
        "png-alpha": saved(picture.convert("RGBA"), "PNG"),
        "png-grey-16": saved(grey16, "PNG"),
        "png-bilevel": saved(picture.convert("1"), "PNG"),
        "webp": saved(picture, "WEBP"),
        "webp-lossless": saved(picture.convert("RGBA"), "WEBP", lossless=True),
        "heic": heic(),
    }


def documents() -> dict[str, bytes]:
    picture = scene()
    return {
        "pdf": pdf(2),
        "tiff": saved(picture, "TIFF", save_all=True, append_images=[scene(200, 300)]),
        "tiff-lzw": saved(picture, "TIFF", compression="tiff_lzw"),
        "tiff-g4": saved(picture.convert("1"), "TIFF", compression="group4"),
        "tiff-jpeg": saved(picture, "TIFF", compression="jpeg"),
    }


def special() -> dict[str, Callable[[], bytes]]:
    """Hand-made hostile files, each under the name of what it tries."""
    return {
        "empty": lambda: b"",
        "one byte": lambda: b"\xff",
        "png of 65,000 x 65,000 in 85 bytes": lambda: png_claiming(65_000, 65_000),
        "png of 10,000 x 10,000": lambda: png_claiming(10_000, 10_000),
        "png of 0 x 0": lambda: png_claiming(0, 0),
        "png with negative sides": lambda: png_claiming(0xFFFF_FFFF, 0x8000_0000),
        "png that inflates to 1 GB": _png_bomb,
        "png with a text of 200 MB": _png_text_bomb,
        "png with a profile of 200 MB": _png_profile_bomb,
        "png with 5,000 chunks": lambda: _png_with(png_chunk(b"tEXt", b"a\0b") * 5000),
        "jpeg that claims 65,500 x 65,500": lambda: jpeg_claiming(65_500, 65_500),
        "jpeg that claims 9,999 x 6,400": lambda: jpeg_claiming(9_999, 6_400),
        "jpeg of 500 empty scans": _scan_bomb,
        "jpeg cut off": lambda: jpeg()[:-2000],
        "jpeg of markers only": lambda: b"\xff\xd8\xff" + b"\xe1\xff\xff" * 2000,
        "jpeg with an exif loop": _exif_loop,
        "jpeg then zip": lambda: jpeg() + b"PK\x03\x04" + b"\0" * 500,
        "gif then jpeg": lambda: b"GIF89a" + jpeg(),
        "pdf then jpeg": lambda: b"%PDF-1.4\n" + jpeg(),
        "html then jpeg": lambda: b"<html><script>alert(1)</script>" + jpeg(),
        "svg with an entity bomb": lambda: b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><svg/>',
        "webp that claims 16,384 x 16,384": _webp_claiming,
        "webp moving": lambda: saved(scene(), "WEBP", save_all=True, append_images=[scene(320, 240).rotate(9)] * 3),
        "png moving": lambda: saved(scene(), "PNG", save_all=True, append_images=[scene().rotate(9)] * 3),
        "heic cut off": lambda: heic()[:-1500],
        "heic without a picture": lambda: heic()[:400],
        "heic that is a film": lambda: b"\x00\x00\x00\x18ftyphevc\x00\x00\x00\x00hevcmif1" + b"\0" * 100,
        "mp4": lambda: b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42" + b"\0" * 100,
        "avif": lambda: b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00avifmif1" + b"\0" * 100,
        "pdf of a page of 200 inches x 200 inches": lambda: pdf(1, 14_400, 14_400),
        "pdf of a page of nothing": lambda: pdf(1, 0, 0),
        "pdf of 500 pages": lambda: pdf(500),
        "pdf whose pages are their own parents": lambda: pdf_of(
            [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 9>>"]
        ),
        "pdf that runs a script and a program": lambda: pdf_of(
            [b"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/Launch/F(sh)>>>>", b"<</Type/Pages/Kids[]/Count 0>>"]
        ),
        "pdf stream that inflates to 1 GB": _pdf_bomb,
        "tiff of 60,000 x 60,000": lambda: _tiff_claiming(60_000, 60_000),
        "tiff whose folders run in a ring": _tiff_ring,
        "tiff of 100 pages": lambda: saved(scene(), "TIFF", save_all=True, append_images=[scene()] * 99),
        "noise": lambda: np.random.default_rng(7).bytes(20_000),
        "jpeg head, then noise": lambda: jpeg()[:700] + np.random.default_rng(8).bytes(20_000),
        "icc profile of noise": lambda: jpeg(icc_profile=np.random.default_rng(9).bytes(30_000)),
    }


def _png_with(extra: bytes) -> bytes:
    data = saved(scene(), "PNG")
    return data[:33] + extra + data[33:]


def _png_bomb() -> bytes:
    pack = zlib.compressobj(9)
    body = b"".join(pack.compress(b"\0" * 1_000_000) for _ in range(1_000)) + pack.flush()
    header = struct.pack(">IIBBBBB", 7_900, 7_900, 16, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")


def _png_text_bomb() -> bytes:
    return _png_with(png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 200_000_000, 1)))


def _png_profile_bomb() -> bytes:
    return _png_with(png_chunk(b"iCCP", b"wide\0\0" + zlib.compress(b"a" * 200_000_000, 1)))


def _scan_bomb() -> bytes:
    """A progressive JPEG whose last scan is repeated: each costs a pass over the whole picture."""
    data = jpeg(scene(3000, 2500), progressive=True, quality=20)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 500 + data[-2:]


def _exif_loop() -> bytes:
    """An EXIF folder whose next folder is itself."""
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + struct.pack("<HHII", 0x0112, 3, 1, 6) + struct.pack("<I", 8)
    body = b"Exif\0\0" + tiff
    data = jpeg()
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def _webp_claiming() -> bytes:
    body = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + b"\xff\x3f\x00" * 2 + saved(scene(), "WEBP")[12:]
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _pdf_bomb() -> bytes:
    pack = zlib.compressobj(9)
    body = b"".join(pack.compress(b"q Q " * 250_000) for _ in range(1_000)) + pack.flush()
    return pdf_of(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 500 500]/Contents 4 0 R>>",
            b"<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(body), body),
        ]
    )


def _tiff_claiming(width: int, height: int) -> bytes:
    data = bytearray(saved(scene(), "TIFF"))
    for tag, value in ((256, width), (257, height)):
        at = data.index(struct.pack("<H", tag), struct.unpack_from("<I", data, 4)[0])
        data[at : at + 12] = struct.pack("<HHII", tag, 4, 1, value)
    return bytes(data)


def _tiff_ring() -> bytes:
    data = bytearray(saved(scene(), "TIFF"))
    start = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, start)[0]
    struct.pack_into("<I", data, start + 2 + 12 * entries, start)
    return bytes(data)
