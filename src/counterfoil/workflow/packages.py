"""Many photos in one ZIP file: which files are taken, and what their names say about station and page.

Leaves out: decoding (each file goes through the sandbox by itself) and rows. Nothing is ever unpacked to a disk, so no
path in the file can lead anywhere; a name is only read.

Rules:

* Sizes are counted while unpacking, whatever the file's own directory says: a bomb ends at the limit.
* Only plain files that are stored or deflated; encrypted ones and links are refused by name.
* `0123.jpg`, `0123-2.jpg` and `0123/anything-2.jpg`: station 0123, page 2. What names no station is taken without one.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from counterfoil.primitives.errors import InputError

MAX_FILES = 500
MAX_FILE_BYTES = 25_000_000
MAX_BYTES = 1_000_000_000
"""Unpacked, all together."""
_CHUNK = 1 << 16
_PAGE = re.compile(r"(.*?)[-_ ](?:p|page)?(\d{1,2})")
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True)
class Item:
    """One file of a package. `wrong` says why it is not taken; then `data` is empty."""

    name: str
    data: bytes = b""
    wrong: str = ""
    """encrypted, too-large, damaged, not-plain"""


def is_zip(data: bytes) -> bool:
    """Whether these bytes begin as a ZIP file does."""
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def unpack(data: bytes) -> Iterator[Item]:
    """The files of a ZIP, one after the other; hidden ones and folders left out.

    Raises:
        InputError: no ZIP, or more than it may hold; files that were given out before are what they are.
    """
    try:
        package = zipfile.ZipFile(io.BytesIO(data))
        listed = [info for info in package.infolist() if not info.is_dir() and not _hidden(info.filename)]
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise InputError("the package", expected="a ZIP file", found="a damaged one", do="pack it again") from error
    if len(listed) > MAX_FILES:
        raise InputError(
            "the package", expected=f"at most {MAX_FILES} files", found=str(len(listed)), do="send it in parts"
        )
    left = MAX_BYTES
    with package:
        for info in listed:
            item = _read(package, info, min(MAX_FILE_BYTES, left))
            left -= len(item.data)
            yield item


def _hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return not parts or any((part[0] == "." and part != "..") or part == "__MACOSX" for part in parts)


def _read(package: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> Item:
    name = info.filename[-200:]
    mode = info.external_attr >> 16
    if info.flag_bits & 0x1:
        return Item(name, wrong="encrypted")
    if info.compress_type not in _PLAIN or (stat.S_IFMT(mode) not in (0, stat.S_IFREG)):
        return Item(name, wrong="not-plain")
    read = bytearray()
    try:
        with package.open(info) as file:
            while chunk := file.read(_CHUNK):
                read += chunk
                if len(read) > most:
                    return Item(name, wrong="too-large")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError):
        return Item(name, wrong="damaged")
    return Item(name, bytes(read))


def place(path: str, known: Callable[[str], bool]) -> tuple[str, int]:
    """Station and page that a path names: ("", 1) where it names no known station.

    Args:
        known: whether there is a station of this id.
    """
    parts = PurePosixPath(path.replace("\\", "/")).parts[-2:]
    if not parts:
        return "", 1
    stem = PurePosixPath(parts[-1]).stem
    if known(stem):
        return stem, 1
    found = _PAGE.fullmatch(stem)
    page = int(found[2]) if found is not None and int(found[2]) > 0 else 1
    if found is not None and known(found[1]):
        return found[1], page
    if len(parts) == 2 and known(parts[0]):
        return parts[0], page
    return "", 1
