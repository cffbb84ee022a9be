"""What the server asks of a store of objects: bytes named by their SHA-256, durable once `put` has returned.

Leaves out where they lie (`storage.objects`: a folder, or a bucket that speaks S3) and what they are.

Rules that every store keeps, and that the same tests check on each:

* `put` returns only when the bytes survive loss of power; a crash before that leaves nothing under the name.
* An object is never overwritten with other bytes, and never handed out without its hash having been checked.
* `delete` is final: a private picture that was purged can't be had again from the store. If the store can't promise
  that, it raises.
* Private and public objects are two stores, in two folders or buckets: what is public as a whole holds no private one.
* A store is safe for threads, and for several processes at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from counterfoil.primitives.errors import RecordError
from counterfoil.record.objects import ObjectName


class StoreError(RecordError):
    """A store did not do what it was asked; nothing was acknowledged.

    `passing`: the same call may succeed later with nobody changing a setting (a full disk, a server that is away). If
    it is false, an engineer has to act first. The sentence holds no secret.

    | code | passing | says |
    | --- | --- | --- |
    | `store-full` | yes | no space is left |
    | `store-busy` | yes | too many open files, or the server asks to come again |
    | `store-unreachable` | yes | no connection, or no answer in time |
    | `store-damaged` | yes | what arrived is not what was sent; it was not stored |
    | `store-refused` | no | wrong key or missing right |
    | `disk-failing` | no | an input or output error |
    | `no-bucket` | no | there is no such bucket |
    | `missing-object` | no | there is no such object |
    | `object-differs` | no | the bytes under a name have another hash |
    | `versions-remain` | no | what was deleted can still be had as an old version |
    """

    def __init__(self, message: str, *, code: str, passing: bool) -> None:
        super().__init__(message, code=code)
        self.passing = passing


class Store(Protocol):
    """Objects by SHA-256. Every method raises `StoreError`, and nothing else, where the store fails."""

    def put(self, data: bytes) -> ObjectName:
        """Store `data` durably; the same bytes twice are one object."""

    def get(self, sha256: str) -> bytes:
        """The object's bytes, hash checked; `missing-object` if there is none."""

    def has(self, sha256: str) -> bool:
        """Whether there is one (its bytes are not read)."""

    def delete(self, sha256: str) -> None:
        """No longer there when this returns, nor any older version of it. One that is not there is no error, so that a
        purge that was interrupted can be repeated."""

    def names(self) -> Iterator[str]:
        """The SHA-256 of every object, in order; one stored or deleted meanwhile may or may not be among them."""
