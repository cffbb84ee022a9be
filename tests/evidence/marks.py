"""Canary files: photos with planted marks wherever formats can hide some, each mark a word found by scanning bytes."""

from __future__ import annotations

import contextlib
import io
import re
import struct
import zlib

from PIL import Image, ImageCms, PngImagePlugin

from tests.sandbox import files

MARK = "CANARY-"
_WORD = re.compile(rb"CANARY-[a-z0-9-]+")


def word(name: str) -> bytes:
    return f"{MARK}{name}".encode()


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def _exif(prefix: str) -> Image.Exif:
    exif = Image.Exif()
    for tag, name in ((0x010F, "make"), (0x0110, "model"), (0x0131, "software"), (0x013B, "owner"), (0x010E, "title")):
        exif[tag] = f"{MARK}{prefix}-{name}"
    exif[0x0132] = "2026:11:22 20:14:05"
    camera = exif.get_ifd(0x8769)
    camera[0xA431] = f"{MARK}{prefix}-serial"
    camera[0xA430] = f"{MARK}{prefix}-camera-owner"
    camera[0x9286] = b"ASCII\0\0\0" + word(f"{prefix}-comment")
    camera[0x927C] = word(f"{prefix}-maker-note")
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "N", (53.0, 54.0, 16.0)
    gps[0x1B] = word(f"{prefix}-gps")
    return exif


def _xmp(prefix: str) -> bytes:
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="' + word(f"{prefix}-xmp") + b'"/></rdf:RDF></x:xmpmeta>'
    )


def _profile(prefix: str) -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile + word(f"{prefix}-icc") + b"\0" * 16


def _iptc(prefix: str) -> bytes:
    dataset = b"\x1c\x02\x50" + struct.pack(">H", len(word(f"{prefix}-iptc"))) + word(f"{prefix}-iptc")
    return b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(dataset)) + dataset + b"\0" * (len(dataset) % 2)


def canary_jpeg() -> bytes:
    """All that a JPEG of a modern phone carries, and more: 18 kinds."""
    plain = files.jpeg(exif=_exif("jpeg"), icc_profile=_profile("jpeg"), comment=word("jpeg-com"))
    thumbnail = files.jpeg(files.scene(80, 64), comment=word("jpeg-thumbnail"))
    extended = (
        b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + struct.pack(">II", 60, 0) + word("jpeg-extended-xmp")
    )
    jumbf = (
        b"JP\0\x01\0\0\0\x01" + struct.pack(">I4s", 60, b"jumb") + struct.pack(">I4s", 40, b"jumd") + word("jpeg-c2pa")
    )
    extra = b"".join(
        (
            _segment(0xE0, b"JFXX\0\x10" + thumbnail[:30_000]),
            _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + _xmp("jpeg")),
            _segment(0xE1, extended),
            _segment(0xE2, b"MPF\0II*\0" + word("jpeg-mpf") + b"\0" * 40),
            _segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + word("jpeg-gain-map-box")),
            _segment(0xE4, word("jpeg-app4-maker")),
            _segment(0xEB, jumbf),
            _segment(0xEC, b"Ducky" + word("jpeg-app12")),
            _segment(0xED, _iptc("jpeg")),
            _segment(0xEF, word("jpeg-app15")),
        )
    )
    gain_map = files.jpeg(files.scene(80, 64), comment=word("jpeg-gain-map"))
    film = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + word("jpeg-motion-film") + b"MotionPhoto_Data"
    return plain[:2] + extra + plain[2:] + gain_map + film + word("jpeg-trailer")


def canary_png() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", f"{MARK}png-text")
    info.add_text("Comment", f"{MARK}png-ztext", zip=True)
    info.add_itxt("XML:com.adobe.xmp", _xmp("png").decode())
    info.add(b"prVt", word("png-private"))
    data = files.saved(files.scene(), "PNG", pnginfo=info, exif=_exif("png"), icc_profile=_profile("png"))
    time = files.png_chunk(b"tIME", struct.pack(">HBBBBB", 2026, 11, 22, 20, 14, 5))
    hidden = files.png_chunk(b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(word("png-raw-profile")))
    return data[:33] + time + hidden + data[33:] + word("png-trailer")


def canary_webp() -> bytes:
    data = files.saved(files.scene(), "WEBP", exif=_exif("webp"), xmp=_xmp("webp"), icc_profile=_profile("webp"))
    body = data[8:] + b"CNRY" + struct.pack("<I", 20) + word("webp-chunk").ljust(20, b"\0")
    return b"RIFF" + struct.pack("<I", len(body)) + body + word("webp-trailer")


def canary_heic() -> bytes:
    image = files.scene()
    image.info["icc_profile"] = _profile("heic")
    data = files.heic(image, exif=_exif("heic").tobytes(), xmp=_xmp("heic"), thumbnails=[64])
    return data + struct.pack(">I4s", 8 + 20, b"free") + word("heic-trailer").ljust(20, b"\0")


def canary_tiff() -> bytes:
    exif = _exif("tiff")
    exif[700] = _xmp("tiff")
    exif[33723] = word("tiff-iptc")
    return files.saved(files.scene(), "TIFF", tiffinfo=exif, icc_profile=_profile("tiff")) + word("tiff-trailer")


def canary_pdf() -> bytes:
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/Metadata 5 0 R/Names<</EmbeddedFiles<</Names[(a)6 0 R]>>>>>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]>>",
        b"<</Author("
        + word("pdf-author")
        + b")/Producer("
        + word("pdf-producer")
        + b")/CreationDate(D:20261122201405)>>",
        b"<</Type/Metadata/Subtype/XML/Length %d>>stream\n%s\nendstream" % (len(_xmp("pdf")), _xmp("pdf")),
        b"<</Type/Filespec/F(" + word("pdf-attachment") + b")>>",
    ]
    return files.pdf_of(objects, b"/Info 4 0 R/ID[<aa><bb>]") + b"\n%" + word("pdf-trailer")


def canaries() -> dict[str, bytes]:
    return {
        "jpeg": canary_jpeg(),
        "png": canary_png(),
        "webp": canary_webp(),
        "heic": canary_heic(),
        "tiff": canary_tiff(),
        "pdf": canary_pdf(),
    }


def planted(data: bytes) -> set[str]:
    """The marks that a scan of the bytes finds, also in UTF-16 and inside what zlib packs."""
    found = set()
    for seen in (data, *_unpacked(data)):
        for text in (seen, seen.replace(b"\0", b"")):
            found |= {match.decode() for match in _WORD.findall(text)}
    return found


def _unpacked(data: bytes) -> list[bytes]:
    out = []
    for head in (b"\x78\x9c", b"\x78\xda", b"\x78\x01", b"\x78\x5e"):
        at = data.find(head)
        while at >= 0:
            with contextlib.suppress(zlib.error):
                out.append(zlib.decompressobj().decompress(data[at:], 1_000_000))
            at = data.find(head, at + 1)
    return out


def segments(jpeg: bytes) -> list[int]:
    """Marker bytes of a JPEG, up to the end of the picture; fails if anything stands behind it."""
    stream = io.BytesIO(jpeg)
    assert stream.read(2) == b"\xff\xd8"
    found = []
    while True:
        lead, marker = stream.read(2)
        assert lead == 0xFF
        found.append(marker)
        length = struct.unpack(">H", stream.read(2))[0]
        stream.seek(length - 2, io.SEEK_CUR)
        if marker == 0xDA:
            assert jpeg.index(b"\xff\xd9", stream.tell()) == len(jpeg) - 2
            return found
