"""Which kind of file the bytes are, by content alone; names and declared types are never asked."""

from __future__ import annotations

from typing import Final

from .codes import Code, Refused

JPEG: Final = "jpeg"
PNG: Final = "png"
WEBP: Final = "webp"
HEIF: Final = "heif"
PDF: Final = "pdf"
TIFF: Final = "tiff"

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"mif2"})
_HEIF_SEQUENCES = frozenset({b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})


def kind_of(data: bytes, *, documents: bool) -> str:
    """One of the six kinds. Raises Refused for anything else, and for PDF and TIFF unless `documents`."""
    if not data:
        raise Refused(Code.EMPTY)
    if data[:3] == b"\xff\xd8\xff":
        return JPEG
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return PNG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data[4:8] == b"ftyp":
        return _heif(data)
    if data[:5] == b"%PDF-":  # readers also take it further in (ISO 32000-1, H.3.4.1), which polyglots live on
        return _document(PDF, Code.PDF_FROM_STRANGER, documents)
    if data[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return _document(TIFF, Code.TIFF_FROM_STRANGER, documents)
    if data[:6] in (b"GIF87a", b"GIF89a"):
        raise Refused(Code.GIF)
    if data[:2] == b"BM":
        raise Refused(Code.BITMAP)
    if data[:4] == b"\x1aE\xdf\xa3" or data[:4] == b"RIFF":
        raise Refused(Code.FILM)
    if b"<svg" in data[:4096].lower():
        raise Refused(Code.SVG)
    raise Refused(Code.UNKNOWN_FORMAT)


def _document(kind: str, refusal: Code, documents: bool) -> str:
    if not documents:
        raise Refused(refusal)
    return kind


def _heif(data: bytes) -> str:
    """ISO/IEC 14496-12 `ftyp`: size, "ftyp", major brand, version, compatible brands."""
    size = int.from_bytes(data[:4], "big")
    major = data[8:12]
    brands = {data[at : at + 4] for at in range(16, min(size, 256, len(data)), 4)}
    if major in _AVIF_BRANDS or (brands & _AVIF_BRANDS and not brands & (_HEIF_BRANDS - {b"mif1", b"mif2"})):
        raise Refused(Code.AVIF)
    if major in _HEIF_SEQUENCES:
        raise Refused(Code.ANIMATED)
    if major in _HEIF_BRANDS:
        return HEIF
    raise Refused(Code.FILM)
