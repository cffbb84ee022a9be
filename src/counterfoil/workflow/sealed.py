"""A stream of bytes sealed for one secret: what is changed, cut off or put in another order does not open.

    counterfoil-sealed/v1 LF  kind LF  salt (16 bytes)  prefix (7 bytes)  chunks

* The key comes from a passphrase by scrypt (N 2^17, r 8, p 1: 128 MB, half a second; RFC 7914), or from 32 random bytes
  that are kept as parts.
* Chunks of 1 MiB, each by AES-256-GCM; its nonce is prefix, number and a byte that marks the last one (the STREAM
  construction: Hoang, Reyhanitabar, Rogaway, Vizár 2015, doi:10.1007/978-3-662-47989-6_24). The header is authenticated
  with each chunk.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from counterfoil.primitives.errors import RecordError

MAGIC = b"counterfoil-sealed/v1\n"
CHUNK = 1 << 20
_TAG, _SALT, _PREFIX = 16, 16, 7
_KINDS = {b"passphrase\n": "passphrase", b"parts\n": "parts"}
Random = Callable[[int], bytes]


class Secret:
    """What opens a sealed stream: a passphrase, or 32 random bytes."""

    def __init__(self, *, passphrase: str = "", seed: bytes = b"") -> None:
        self._passphrase, self._seed = passphrase, seed

    @property
    def kind(self) -> str:
        return "parts" if self._seed else "passphrase"

    def key(self, salt: bytes) -> bytes:
        """The stream's key of 32 bytes."""
        if self._seed:
            return HKDF(SHA256(), 32, salt, b"counterfoil backup").derive(self._seed)
        return Scrypt(salt, 32, 2**17, 8, 1).derive(self._passphrase.encode("utf-8"))


class SealedWriter(io.RawIOBase):
    """Seals what is written to it into `file`; complete only once it was closed."""

    def __init__(self, file: BinaryIO, secret: Secret, random: Random) -> None:
        kind = f"{secret.kind}\n".encode("ascii")
        salt, self._prefix = random(_SALT), random(_PREFIX)
        self._head = MAGIC + kind + salt + self._prefix
        self._cipher, self._file = AESGCM(secret.key(salt)), file
        self._waiting, self._number = bytearray(), 0
        file.write(self._head)

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._waiting += piece
        while len(self._waiting) > CHUNK:  # the last chunk must be marked, so one always waits
            self._seal(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]
        return len(piece)

    def finish(self) -> None:
        """Seal the last chunk. Without it the stream is cut off, and does not open."""
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _seal(self, data: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._prefix, self._number, last=last), data, self._head))
        self._number += 1


class SealedReader(io.RawIOBase):
    """What was sealed into `file`.

    Raises:
        RecordError: another file, another secret, or a changed or cut stream; nothing that was changed is ever given
            out.
    """

    def __init__(self, file: BinaryIO, secret: Secret) -> None:
        kind = kind_of(file)
        if kind != secret.kind:
            raise RecordError(f"expected what opens a file sealed by {kind}, found {secret.kind}", code="bad-secret")
        rest = file.read(_SALT + _PREFIX)
        self._head = MAGIC + f"{kind}\n".encode("ascii") + rest
        self._prefix = rest[_SALT:]
        self._cipher, self._file = AESGCM(secret.key(rest[:_SALT])), file
        self._ready, self._number, self._over = b"", 0, False
        self._next = file.read(CHUNK + _TAG)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        while not self._ready and not self._over:
            self._open()
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _open(self) -> None:
        sealed, self._next = self._next, self._file.read(CHUNK + _TAG)
        last = not self._next
        try:
            self._ready = self._cipher.decrypt(_nonce(self._prefix, self._number, last=last), sealed, self._head)
        except InvalidTag:
            what = "changed or missing bytes" if self._number else "another secret, or changed or missing bytes"
            raise RecordError(
                f"chunk {self._number}: expected what was sealed, found {what}; try another copy",
                code="not-as-sealed",
            ) from None
        self._number += 1
        self._over = last


def kind_of(file: BinaryIO) -> str:
    """How the sealed stream at the beginning of `file` is opened: `passphrase` or `parts`. Read up to its salt.

    Raises:
        RecordError: no sealed stream.
    """
    start = file.readline(64)
    kind = _KINDS.get(file.readline(64)) if start == MAGIC else None
    if kind is None:
        raise RecordError("expected a sealed file of counterfoil, found another", code="not-sealed")
    return kind


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])
