"""From an opened picture to plain sRGB pixels, the right way up, with nothing else left of it.

* 16 bits become 8, palettes and alpha are flattened on white (a transparent area may hide a second picture);
* made small before colours are converted: the profile then costs a quarter;
* an ICC profile is applied (phones photograph in Display P3) and gone; a broken one is ignored;
* EXIF orientation is applied once, by the caller's say: libheif and libtiff have already turned theirs.
"""

from __future__ import annotations

import io

from PIL import Image, ImageCms, ImageOps

from .codes import KEPT_SIDE, Code, Refused

_SRGB = ImageCms.createProfile("sRGB")
_SIXTEEN_TO_EIGHT = [value >> 8 for value in range(65_536)]
_EXIF_ORIENTATION = 0x0112


def kept_side(longest: int) -> int:
    """Half, at most 2,000; a picture under 2,000 keeps its size (security.md, "Decided")."""
    return longest if longest < KEPT_SIDE else min(KEPT_SIDE, (longest + 1) // 2)


def plain(image: Image.Image, longest: int, *, turn: bool) -> tuple[int, int, bytes]:
    """Width, height and RGB bytes of `image`, at most `longest` pixels on its longer side."""
    profile = image.info.get("icc_profile")
    orientation = image.getexif().get(_EXIF_ORIENTATION, 1) if turn else 1
    image = _smaller(_flat(image), longest)
    image = _srgb(image, profile)
    if orientation in range(2, 9):
        image.getexif()[_EXIF_ORIENTATION] = orientation
        image = ImageOps.exif_transpose(image)
    return image.width, image.height, image.tobytes()


def _flat(image: Image.Image) -> Image.Image:
    """The picture in mode L, RGB or CMYK."""
    if image.mode.startswith("I;16"):
        return image.convert("I").point(_SIXTEEN_TO_EIGHT, "L")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGB", image.size, "white")
        paper.paste(image, mask=image.getchannel("A"))
        return paper
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    if image.mode in ("1", "P", "YCbCr", "LAB", "HSV", "RGBX"):
        return image.convert("RGB")
    raise Refused(Code.UNSUPPORTED_COLOURS)


def _smaller(image: Image.Image, longest: int) -> Image.Image:
    now = max(image.size)
    if now <= longest:
        return image
    if (now + 1) // 2 == longest:
        return image.reduce(2)
    size = (max(1, round(image.width * longest / now)), max(1, round(image.height * longest / now)))
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def _srgb(image: Image.Image, profile: object) -> Image.Image:
    if isinstance(profile, bytes) and profile and image.mode in ("RGB", "CMYK"):
        try:
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" not in (given.profile.profile_description or ""):
                converted = ImageCms.profileToProfile(image, given, _SRGB, outputMode="RGB")
                if converted is not None:
                    return _bare(converted)
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a profile that does not fit: the numbers are shown as they stand
    return _bare(image.convert("RGB"))


def _bare(image: Image.Image) -> Image.Image:
    image.info = {}
    return image
