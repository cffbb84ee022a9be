"""Form templates as files: YAML beside its pictures, and the one file (`.template.zip`) in which they are exchanged.

* A template of a file holds its pictures or knows where they lie; each is checked against its SHA-256, size and kind
  before anyone uses it.
* The one-file form is a ZIP of `template.yaml` and the pictures, nothing else, not compressed (pictures are already),
  with fixed times: the same template gives the same bytes every time.
* A ZIP comes from strangers: names, sizes and count are checked before a byte is unpacked, nothing is ever written to
  a path that the ZIP names, and no file is read beyond its stated size.
* A YAML on disk may say `pictures: FOLDER`, a folder beside or above it. What lies there is read only to be compared
  with a SHA-256 that the template states. Inside a ZIP, or in what was uploaded, the key is refused.

    >>> template = read_template("tests/forms/ke34a.yaml")          # doctest: +SKIP
    >>> write_template_zip(template) == write_template_zip(template)  # doctest: +SKIP
    True
"""

from __future__ import annotations

import dataclasses
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from counterfoil.election.nodes import Node
from counterfoil.election.template_format import (
    FieldPlace,
    FormTemplate,
    PageCode,
    Picture,
    Point,
    Polygon,
    SumRule,
    TemplatePage,
    read_template_plain,
)
from counterfoil.election.yaml_source import MAX_YAML_BYTES, read_yaml
from counterfoil.primitives.canonical import sha256_hex
from counterfoil.primitives.errors import InputError

__all__ = [
    "FieldPlace",
    "FormTemplate",
    "PageCode",
    "Picture",
    "Point",
    "Polygon",
    "SumRule",
    "TemplatePage",
    "picture_of",
    "read_template",
    "read_template_bytes",
    "read_template_plain",
    "template_plain",
    "with_pictures",
    "write_template_yaml",
    "write_template_zip",
]

TEMPLATE_FILE = "template.yaml"
MAX_PICTURE_BYTES = 20_000_000
MAX_ZIP_BYTES = 100_000_000
_KEYS = "counterfoil_template name version title languages numerals zero_words fields pages checks"
_FIELD_KEYS = "id label kind empty boxes"
_PAGE_KEYS = "page variant picture outline places codes masks"
_PICTURE_KEYS = "file sha256 width height filled"
_CODE_KEYS = "kind dictionary pattern outline"
_CHECK_KEYS = "id rule code severity tolerance blank explanation"
_MEMBER = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\.(?:png|jpg|jpeg)"
_UNSAFE = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def read_template(source: Path | str, pictures: Path | None = None) -> FormTemplate:
    """The template of a YAML file or of a ZIP, with its pictures found and checked.

    Args:
        pictures: the folder below which the pictures of a YAML lie, instead of the one it names.

    Raises:
        InputError: naming file, line and column.
    """
    path = Path(source)
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_ZIP_BYTES else b""
    except OSError:
        raise InputError(
            str(source), expected="a template: YAML or ZIP", found="no such file", code="no-template"
        ) from None
    if size > MAX_ZIP_BYTES:
        raise InputError(path.name, expected=f"at most {MAX_ZIP_BYTES} bytes", found=str(size), code="too-large")
    if data[:4] == b"PK\x03\x04":
        return read_template_bytes(data, path.name)
    plain, locate = read_yaml(data, path.name)
    top = Node(plain, (), locate)
    base = path.parent
    if top.has("pictures"):
        base = base / top.string("pictures")
        plain = {key: value for key, value in plain.items() if key != "pictures"}
    base = pictures or base

    def fetch(picture: Picture, where: str) -> Picture:
        file = base / picture.file
        try:
            too_large = file.stat().st_size > MAX_PICTURE_BYTES
            found = b"" if too_large else file.read_bytes()
        except OSError:
            raise InputError(
                where, expected=f"the picture {picture.file}", found="no such file", code="no-picture"
            ) from None
        _check_picture(picture, found, where)
        return dataclasses.replace(picture, path=file.resolve())

    return _fetched(read_template_plain(plain, locate), lambda at: locate(("pages", at, "picture")), fetch)


def read_template_bytes(data: bytes, name: str = "template.zip", *, draft: bool = False) -> FormTemplate:
    """The template of the one-file form; `draft` as of `read_template_plain`.

    Raises:
        InputError: no ZIP, a member that is not expected, larger than it may be or than it says, a path, a picture
            that is not the stated one; or what `read_template_plain` refuses.
    """
    if len(data) > MAX_ZIP_BYTES:
        raise InputError(name, expected=f"at most {MAX_ZIP_BYTES} bytes", found=str(len(data)), code="too-large")
    members = _unpack(data, name)
    if TEMPLATE_FILE not in members:
        raise InputError(name, expected=f"a {TEMPLATE_FILE}", found="none", code="no-template")
    plain, locate = read_yaml(members.pop(TEMPLATE_FILE), f"{name}: {TEMPLATE_FILE}")
    template = read_template_plain(plain, locate, draft=draft)
    used = {page.picture.file for page in template.pages}
    for other in sorted(set(members) - used):
        raise InputError(name, expected="the template and its pictures only", found=other, code="extra-file")

    def fetch(picture: Picture, where: str) -> Picture:
        if picture.file not in members:
            raise InputError(where, expected=f"the picture {picture.file} in the file", found="none", code="no-picture")
        _check_picture(picture, members[picture.file], where)
        return dataclasses.replace(picture, data=members[picture.file])

    return _fetched(template, lambda at: locate(("pages", at, "picture")), fetch)


def with_pictures(template: FormTemplate, load: Callable[[str], bytes]) -> FormTemplate:
    """A template of the record with its pictures, got by their SHA-256 and checked."""

    def fetch(picture: Picture, where: str) -> Picture:
        data = load(picture.sha256)
        _check_picture(picture, data, where)
        return dataclasses.replace(picture, data=data)

    return _fetched(template, lambda at: f"template {template.name}, picture {at + 1}", fetch)


def picture_of(page: TemplatePage) -> bytes:
    """The bytes of the page's picture, checked against its SHA-256.

    Raises:
        InputError: the template was read without pictures, or the file is gone or another.
    """
    picture, where = page.picture, f"page {page.name}"
    data = picture.data
    if data is None and picture.path is not None:
        try:
            data = picture.path.read_bytes()
        except OSError:
            data = None
    if data is None:
        raise InputError(where, expected=f"the picture {picture.file}", found="none", code="no-picture")
    _check_picture(picture, data, where)
    return data


def template_plain(template: FormTemplate) -> dict[str, Any]:
    """The template as plain data with our own names for its pictures: the same for the same template, wherever it was
    read from. Holds texts, whole numbers, lists and keys only."""
    names: dict[str, str] = {}
    pages = []
    order = {one.id: at for at, one in enumerate(template.fields)}
    for page, given in zip(template.pages, template.plain.get("pages") or [], strict=True):
        ending = "png" if page.picture.file.endswith(".png") else "jpg"
        names.setdefault(page.picture.sha256, f"page-{page.name}.{ending}")
        ordered = _ordered(given, _PAGE_KEYS)
        ordered["picture"] = _ordered({**given["picture"], "file": names[page.picture.sha256]}, _PICTURE_KEYS)
        if "places" in ordered:
            ordered["places"] = dict(sorted(ordered["places"].items(), key=lambda item: order[item[0]]))
        if "codes" in ordered:
            ordered["codes"] = [_ordered(code, _CODE_KEYS) for code in ordered["codes"]]
        pages.append(ordered)
    plain = _texts(_ordered(template.plain, _KEYS), "title", template.languages)
    plain["fields"] = [_texts(_ordered(item, _FIELD_KEYS), "label", template.languages) for item in plain["fields"]]
    if "checks" in plain:
        plain["checks"] = [
            _texts(_ordered(item, _CHECK_KEYS), "explanation", template.languages) for item in plain["checks"]
        ]
    return {**plain, "pages": pages}


def _texts(item: dict[str, Any], key: str, languages: Sequence[str]) -> dict[str, Any]:
    """`item` with a text by language in the template's order of languages, others after them by name."""
    if isinstance(item.get(key), Mapping):
        first = [language for language in languages if language in item[key]]
        item[key] = {one: item[key][one] for one in (*first, *sorted(set(item[key]) - set(first)))}
    return item


def _ordered(given: Mapping[str, Any], keys: str) -> dict[str, Any]:
    """`given` in the order of `keys`, without what says nothing."""
    return {key: given[key] for key in keys.split() if given.get(key) not in (None, [], {})}


def write_template_yaml(plain: Mapping[str, Any]) -> bytes:
    """Plain data as YAML that people can read: one line for each field, place, code, mask and check."""
    lines = []
    for key, value in plain.items():
        if key == "pages":
            lines.append("pages:")
            for page in value:
                lines.extend(_page_lines(page))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append(f"{key}:")
            lines.extend(f"  - {_flow(item)}" for item in value)
        else:
            lines.append(f"{key}: {_flow(value)}")
    return ("\n".join(lines) + "\n").encode()


def write_template_zip(template: FormTemplate) -> bytes:
    """The one-file form: the same template gives the same bytes.

    Raises:
        InputError: a picture is not there, or the whole is larger than a reader takes.
    """
    plain = template_plain(template)
    members = {TEMPLATE_FILE: write_template_yaml(plain)}
    for page, given in zip(template.pages, plain["pages"], strict=True):
        members[given["picture"]["file"]] = picture_of(page)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in (TEMPLATE_FILE, *sorted(set(members) - {TEMPLATE_FILE})):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3  # else it says on which system it was written
            info.external_attr = 0o644 << 16
            archive.writestr(info, members[name])
    data = out.getvalue()
    if len(data) > MAX_ZIP_BYTES:
        raise InputError(
            template.name, expected=f"at most {MAX_ZIP_BYTES} bytes", found=str(len(data)), code="too-large"
        )
    return data


def _page_lines(page: Mapping[str, Any]) -> list[str]:
    lines = []
    for key, value in page.items():
        if key == "places":
            lines.append("places:")
            lines.extend(f"  {_flow(name)}: {_flow(corners)}" for name, corners in value.items())
        elif key in ("codes", "masks") and value:
            lines.append(f"{key}:")
            lines.extend(f"  - {_flow(item)}" for item in value)
        else:
            lines.append(f"{key}: {_flow(value)}")
    return [f"  - {line}" if at == 0 else f"    {line}" for at, line in enumerate(lines)]


def _flow(value: Any) -> str:
    """JSON, which is YAML too; characters that YAML does not allow as they are, escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _fetched(
    template: FormTemplate, where: Callable[[int], str], fetch: Callable[[Picture, str], Picture]
) -> FormTemplate:
    pages = tuple(
        dataclasses.replace(page, picture=fetch(page.picture, where(at))) for at, page in enumerate(template.pages)
    )
    return dataclasses.replace(template, pages=pages)


def _unpack(data: bytes, name: str) -> dict[str, bytes]:
    """Every member by name; each is read to its stated size and not further."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        infos = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError) as error:
        raise InputError(name, expected="a ZIP file", found=str(error)[:80], code="not-zip") from None
    members: dict[str, bytes] = {}
    total = 0
    for info in infos[:200]:
        limit = MAX_YAML_BYTES if info.filename == TEMPLATE_FILE else MAX_PICTURE_BYTES
        total += info.file_size
        problem = _member_problem(info, limit, total)
        if problem is None and info.filename in members:
            problem = ("each file once", "duplicate-file")
        if problem is not None:
            raise InputError(name, expected=problem[0], found=repr(info.filename)[:80], code=problem[1])
        try:
            with archive.open(info) as stream:
                content = stream.read(info.file_size + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            RuntimeError,
            EOFError,
            OSError,
            ValueError,
        ) as error:
            raise InputError(name, expected=f"{info.filename} whole", found=str(error)[:80], code="not-zip") from None
        if len(content) != info.file_size:
            raise InputError(
                name, expected=f"{info.file_size} bytes of {info.filename}", found="others", code="not-zip"
            )
        members[info.filename] = content
    if len(infos) > 200:
        raise InputError(name, expected="at most 200 files", found=str(len(infos)), code="too-many-files")
    return members


def _member_problem(info: zipfile.ZipInfo, limit: int, total: int) -> tuple[str, str] | None:
    """What is wrong with a member before it is opened: what was expected, and a code."""
    named = info.filename == TEMPLATE_FILE or re.fullmatch(_MEMBER, info.filename)
    plain_file = (info.external_attr >> 16) & 0o170000 in (0, 0o100000)
    rules = (
        (bool(named), "the template and pictures without a path", "extra-file"),
        (not info.flag_bits & 0x1, "files without a password", "encrypted"),
        (plain_file, "plain files", "extra-file"),
        (info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED), "files stored or deflated", "not-zip"),
        (info.file_size <= limit, f"files of at most {limit} bytes", "too-large"),
        (total <= MAX_ZIP_BYTES, f"at most {MAX_ZIP_BYTES} bytes in all", "too-large"),
    )
    return next(((expected, code) for good, expected, code in rules if not good), None)


def _check_picture(picture: Picture, data: bytes, where: str) -> None:
    if len(data) > MAX_PICTURE_BYTES or not data:
        raise InputError(
            where, expected=f"a picture of at most {MAX_PICTURE_BYTES} bytes", found="more or none", code="too-large"
        )
    digest = sha256_hex(data)
    if digest != picture.sha256:
        raise InputError(
            where, expected=f"{picture.file} with SHA-256 {picture.sha256}", found=digest, code="wrong-picture"
        )
    size = picture_size(data)
    if size != (picture.width, picture.height):
        raise InputError(
            where,
            expected=f"a PNG or JPEG of {picture.width} x {picture.height} pixels",
            found="another kind of file" if size is None else f"{size[0]} x {size[1]}",
            code="wrong-picture",
        )


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG or JPEG by its header; None for anything else. No pixel is decoded."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR" and len(data) >= 24:
        return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a frame header, ITU-T T.81 B.2.2
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None
