"""The name of a copy in the record: a salted commitment to its sanitised picture.

`copy = HMAC-SHA256(key=salt, message=SHA-256(picture))`. Without the salt the record says nothing about the picture,
not even to somebody who holds it; with salt and picture anyone checks that this is the picture that was meant. The salt
stays private with the picture, and throwing it away makes the entry say nothing for ever.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from counterfoil.primitives.canonical import sha256_hex
from counterfoil.primitives.ids import CopyId

SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Commitment:
    """`copy` is public, `salt` private until the picture may be opened."""

    copy: CopyId
    salt: bytes


def commit(picture: bytes, *, random: Callable[[int], bytes]) -> Commitment:
    """A commitment to a sanitised picture. `random(n)` gives n unpredictable bytes."""
    return commit_again(sha256_hex(picture), random=random)


def commit_again(picture_sha256: str, *, random: Callable[[int], bytes]) -> Commitment:
    """Another commitment to a picture that is kept already: nobody outside can tell that it is the same picture."""
    salt = random(SALT_BYTES)
    if len(salt) != SALT_BYTES:
        raise ValueError(f"expected {SALT_BYTES} random bytes, found {len(salt)}")
    return Commitment(_copy(salt, picture_sha256), salt)


def open_commitment(copy: str, *, salt: bytes, picture_sha256: str) -> bool:
    """Whether `copy` is the commitment to the picture with this SHA-256 (64 hex digits) under `salt`."""
    return len(salt) == SALT_BYTES and hmac.compare_digest(_copy(salt, picture_sha256), copy)


def _copy(salt: bytes, picture_sha256: str) -> CopyId:
    return CopyId(hmac.new(salt, bytes.fromhex(picture_sha256), hashlib.sha256).hexdigest())
