"""A store of objects in a bucket of any server that speaks S3: `<prefix><2 hex>/<sha256>`.

* `put` asks first what is there, sends, and reads back what the server then has: it returns only when the same bytes
  came back. Durability is the server's promise; that it holds these bytes is checked.
* Two that store the same object at once send the same bytes; which one stays makes no difference. While one replaces
  the other some servers say for a moment that there is none (seen with Swift): "none" is asked about again, after
  `PAUSES_S`, before it is believed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

from counterfoil.primitives.canonical import sha256_hex
from counterfoil.record.layout import object_path
from counterfoil.record.objects import ObjectName
from counterfoil.storage.objects.bucket import Bucket
from counterfoil.storage.objects.folder import missing
from counterfoil.workflow.stores import StoreError

_KEY = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})")
KEYS = "objects"
"""The key is in `keys/objects.id` and `keys/objects.secret`."""
PAUSES_S = (0.05, 0.2, 0.8)
"""Between one "none" and the next."""


class S3Store:
    """Objects in `bucket`."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket

    @classmethod
    def of(cls, address: str, name: str, *, keys: Path) -> S3Store:
        """The store `name` below the setting's `address`; errors as `Bucket.of`."""
        return cls(Bucket.of(address, keys, KEYS).below(name))

    def put(self, data: bytes) -> ObjectName:
        sha256 = sha256_hex(data)
        key = object_path(sha256)
        if self._checked(sha256) is None:
            self.bucket.put(key, data)
            if self._surely(sha256) is None:
                raise StoreError(
                    f"{self.bucket.where(key)}: expected what was just stored, found none; try again",
                    code="store-busy",
                    passing=True,
                )
        return {"sha256": sha256, "bytes": len(data)}

    def _checked(self, sha256: str) -> bytes | None:
        key = object_path(sha256)
        data = self.bucket.get(key)
        if data is not None and (found := sha256_hex(data)) != sha256:
            raise StoreError(
                f"{self.bucket.where(key)}: expected SHA-256 {sha256}, found {found}; it was changed or the server is "
                "failing: stop, keep a copy, restore it from a backup",
                code="object-differs",
                passing=False,
            )
        return data

    def _surely(self, sha256: str) -> bytes | None:
        """As `_checked`, with every pause before a None."""
        data = self._checked(sha256)
        for pause_s in PAUSES_S:
            if data is not None:
                break
            time.sleep(pause_s)
            data = self._checked(sha256)
        return data

    def get(self, sha256: str) -> bytes:
        data = self._surely(sha256)
        if data is None:
            raise missing(self.bucket.where(object_path(sha256)))
        return data

    def has(self, sha256: str) -> bool:
        return self.bucket.has(object_path(sha256))

    def delete(self, sha256: str) -> None:
        self.bucket.delete(object_path(sha256))

    def names(self) -> Iterator[str]:
        for item in self.bucket.list():
            if (match := _KEY.fullmatch(item.key)) is not None:
                yield match[2]
