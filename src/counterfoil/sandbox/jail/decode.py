"""A stranger's file to pixels. Runs in a child of the jail that dies after one file.

Each format's plugin is called by name: `Image.open` would ask every plugin that anything has imported, and would turn a
JPEG with an index of further pictures into a container of all of them.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator

import pillow_heif
import pypdfium2
from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from .codes import KEPT_SIDE, MAX_FILE_BYTES, MAX_PAGES, MAX_PIXELS, PDF_DPI, Code, Refused, check_size
from .formats import HEIF, JPEG, PDF, PNG, TIFF, kind_of
from .pixels import kept_side, plain

Pixels = tuple[int, int, bytes]

Image.MAX_IMAGE_PIXELS = MAX_PIXELS
ImageFile.LOAD_TRUNCATED_IMAGES = False
warnings.simplefilter("error", Image.DecompressionBombWarning)
pillow_heif.options.DECODE_THREADS = 1
pillow_heif.options.THUMBNAILS = False
pillow_heif.options.DEPTH_IMAGES = False
pillow_heif.options.AUX_IMAGES = False


def decode(data: bytes, *, documents: bool) -> Iterator[Pixels]:
    """The picture, or the pages of a document, as (width, height, RGB bytes). Raises Refused, and nothing else."""
    try:
        yield from _decode(data, documents)
    except Refused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise Refused(Code.TOO_MANY_PIXELS) from error
    except Exception as error:  # decoders raise whatever their format's trouble is; all of it means: damaged
        raise Refused(Code.DAMAGED) from error


def _decode(data: bytes, documents: bool) -> Iterator[Pixels]:
    if len(data) > MAX_FILE_BYTES:
        raise Refused(Code.FILE_TOO_LARGE)
    kind = kind_of(data, documents=documents)
    if kind == PDF:
        yield from _pdf(data)
    elif kind == TIFF:
        yield from _tiff(data)
    elif kind == HEIF:
        yield _heif(data)
    elif kind == JPEG:
        yield _jpeg(data)
    else:
        image = (PngImagePlugin.PngImageFile if kind == PNG else WebPImagePlugin.WebPImageFile)(io.BytesIO(data))
        check_size(*image.size)
        if getattr(image, "n_frames", 1) > 1:
            raise Refused(Code.ANIMATED)
        image.load()
        yield plain(image, kept_side(max(image.size)), turn=True)


def _jpeg(data: bytes) -> Pixels:
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    check_size(*image.size)
    longest = kept_side(max(image.size))
    share = longest / max(image.size)
    # libjpeg leaves out the fine half of each block: the same as scaling, at a third of the time.
    image.draft("RGB", (int(image.width * share), int(image.height * share)))
    image.load()
    return plain(image, longest, turn=True)


def _heif(data: bytes) -> Pixels:
    """Only the primary picture: not its thumbnail, depth map, gain map, nor the film behind it."""
    container = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)
    primary = container[container.primary_index]
    check_size(*primary.size)
    image = primary.to_pillow()
    return plain(image, kept_side(max(image.size)), turn=False)


def _tiff(data: bytes) -> Iterator[Pixels]:
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    check_size(*image.size)
    pages = image.n_frames
    if pages > MAX_PAGES:
        raise Refused(Code.TOO_MANY_PAGES)
    for page in range(pages):
        image.seek(page)
        check_size(*image.size)
        image.load()
        yield plain(image.copy(), KEPT_SIDE, turn=False)


def _pdf(data: bytes) -> Iterator[Pixels]:
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise Refused(Code.LOCKED if "password" in str(error).lower() else Code.DAMAGED) from error
    pages = len(document)
    if pages == 0:
        raise Refused(Code.NO_PAGES)
    if pages > MAX_PAGES:
        raise Refused(Code.TOO_MANY_PAGES)
    document.init_forms()
    for number in range(pages):
        page = document[number]
        width, height = page.get_size()
        scale = min(PDF_DPI / 72, KEPT_SIDE / max(width, height, 1e-6))
        check_size(int(width * scale), int(height * scale))
        image = page.render(scale=scale).to_pil()
        yield plain(image, KEPT_SIDE, turn=False)
        page.close()
