"""The manifest: a signed note over the SHA-256 of every file of a publication, bound to one checkpoint.

    counterfoil-manifest/v1
    <origin>
    <size>
    <base64 root>
    <SHA-256 hex>  <path>        every file but the manifest itself, sorted by path (by code points)

It has more than a checkpoint's three lines, so neither can be passed off as the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from counterfoil.primitives.errors import RecordError
from counterfoil.record.checkpoint import Checkpoint, parse_checkpoint

MANIFEST = "record/manifest"
"""Path of the manifest in a publication; the manifest names every file but this one."""
HEADER = "counterfoil-manifest/v1"
_LINE = re.compile(r"([0-9a-f]{64})  ([^\x00-\x1f\x7f]+)")


@dataclass(frozen=True, slots=True)
class Manifest:
    """`files`: path -> SHA-256 as hex."""

    checkpoint: Checkpoint
    files: dict[str, str]


def encode_manifest(checkpoint: Checkpoint, files: Iterable[tuple[str, str]]) -> str:
    """The text to be signed. `files` are (path, SHA-256 hex) in any order.

    Raises:
        RecordError: a path twice, with a control character, absolute, or with an empty, `.` or `..` part.
    """
    ordered = sorted(files)
    lines = [f"{digest}  {_check_path(path)}\n" for path, digest in ordered]
    if len({path for path, _ in ordered}) != len(ordered):
        raise RecordError("manifest: expected every path once", code="bad-manifest")
    return f"{HEADER}\n{checkpoint.text}{''.join(lines)}"


def parse_manifest(text: str) -> Manifest:
    """The manifest that `encode_manifest` wrote.

    Raises:
        RecordError: any other form, also paths out of order.
    """
    lines = text.split("\n")
    if lines[0] != HEADER or len(lines) < 5 or lines[-1] != "":
        raise RecordError(f"manifest: expected {HEADER} and a checkpoint, found {lines[0][:60]!r}", code="bad-manifest")
    checkpoint = parse_checkpoint("\n".join(lines[1:4]) + "\n")
    files = {}
    for line in lines[4:-1]:
        match = _LINE.fullmatch(line)
        if match is None:
            raise RecordError(f"manifest: expected a SHA-256 and a path, found {line[:100]!r}", code="bad-manifest")
        files[match[2]] = match[1]
    manifest = Manifest(checkpoint, files)
    if encode_manifest(checkpoint, files.items()) != text:
        raise RecordError("manifest: expected every path once, in order", code="bad-manifest")
    return manifest


def _check_path(path: str) -> str:
    if (
        not path
        or any(part in ("", ".", "..") for part in path.split("/"))
        or not _LINE.fullmatch("0" * 64 + "  " + path)
    ):
        raise RecordError(f"manifest: expected a relative path, found {path[:100]!r}", code="bad-manifest")
    return path
