"""The tus protocol 1.0.0 (https://tus.io/protocols/resumable-upload), core, creation, expiration, termination: what its
headers say. Leaves out: requests (`web.sending.tus`) and where partial uploads lie (`web.sending.partials`).

Rules of the protocol that stand here:

* `Tus-Resumable` of another version is answered 412; a length that is no non-negative number 400, one above
  `Tus-Max-Size` 413; an offset that is not the upload's 409; another content type of a PATCH 415.
* `Upload-Metadata` is pairs of a key and a Base64 value, parted by commas; keys are ASCII without space and comma, each
  once; a value may be empty.

>>> read_metadata("station MDAx,receipt")
{'station': '001', 'receipt': ''}
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

VERSION = "1.0.0"
EXTENSIONS = "creation,expiration,termination"
CONTENT_TYPE = "application/offset+octet-stream"
LIFE_S = 30 * 60
"""security.md: partial uploads live for 30 minutes."""
MAX_METADATA = 2000
_KEY = re.compile(r"[!-+\--~]+")
_COUNT = re.compile(r"[0-9]{1,12}")


class ProtocolError(Exception):
    """The request is not as the protocol wants it; `status` is the answer's."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


@dataclass(frozen=True, slots=True)
class Creation:
    """A new upload of `length` bytes."""

    length: int
    metadata: Mapping[str, str] = field(default_factory=dict)


def check_version(headers: Mapping[str, str]) -> None:
    """Every request but OPTIONS says which version it speaks."""
    if headers.get("Tus-Resumable") != VERSION:
        raise ProtocolError(412, f"expected Tus-Resumable: {VERSION}")


def read_creation(headers: Mapping[str, str], max_bytes: int) -> Creation:
    """What a POST asks for."""
    check_version(headers)
    length = _count(headers, "Upload-Length")
    if length > max_bytes:
        raise ProtocolError(413, f"expected at most {max_bytes} bytes")
    return Creation(length, read_metadata(headers.get("Upload-Metadata", "")))


def read_metadata(text: str) -> dict[str, str]:
    """Keys and values of `Upload-Metadata`."""
    if len(text) > MAX_METADATA:
        raise ProtocolError(400, f"Upload-Metadata: expected at most {MAX_METADATA} characters")
    found: dict[str, str] = {}
    for pair in text.split(",") if text.strip() else ():
        key, _, value = pair.strip().partition(" ")
        if not _KEY.fullmatch(key) or key in found:
            raise ProtocolError(400, "Upload-Metadata: expected keys without spaces, each once")
        try:
            found[key] = base64.b64decode(value, validate=True).decode("utf-8")
        except ValueError:
            raise ProtocolError(400, f"Upload-Metadata: expected Base64 of a text for {key[:40]}") from None
    return found


def read_patch(headers: Mapping[str, str], offset: int) -> None:
    """That a PATCH goes on where the upload stands."""
    check_version(headers)
    if headers.get("Content-Type", "").strip().lower() != CONTENT_TYPE:
        raise ProtocolError(415, f"expected Content-Type: {CONTENT_TYPE}")
    if _count(headers, "Upload-Offset") != offset:
        raise ProtocolError(409, f"expected Upload-Offset: {offset}")


def _count(headers: Mapping[str, str], name: str) -> int:
    text = headers.get(name, "")
    if not _COUNT.fullmatch(text):
        raise ProtocolError(400, f"expected {name}: a whole number")
    return int(text)
