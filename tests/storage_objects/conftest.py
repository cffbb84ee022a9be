"""The same store twice: in a folder and in a bucket of a real Swift. What only one can do has its own module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from counterfoil.record.layout import object_path
from counterfoil.storage.objects import Bucket, FolderStore, S3Store
from counterfoil.workflow.stores import Store
from tests.servers.swift import KEY, SwiftServer


@dataclass(frozen=True)
class World:
    """A store, and what an attacker or a failing machine can do behind its back."""

    store: Store
    reopened: Callable[[], Store]
    overwrite: Callable[[str, bytes], object]
    """Put these bytes under that hash."""


def bucket_of(swift: SwiftServer, keys: Path, name: str, *, secret: str | None = None, prefix: str = "") -> Bucket:
    """The bucket as the server opens it: an address and two files."""
    keys.mkdir(mode=0o700, exist_ok=True)
    for part, text in (("id", KEY), ("secret", secret or swift.secret)):
        (keys / f"objects.{part}").write_text(f"{text}\n", "ascii")
        (keys / f"objects.{part}").chmod(0o600)
    return Bucket.of(f"s3+{swift.endpoint}/{name}{prefix}", keys, "objects")


@pytest.fixture
def bucket(swift: SwiftServer, tmp_path: Path) -> Bucket:
    """A new, private one."""
    return bucket_of(swift, tmp_path / "keys", swift.create_bucket())


@pytest.fixture(params=["folder", "swift"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    if request.param == "folder":
        folder = tmp_path / "store"

        def overwrite(sha256: str, data: bytes) -> None:
            path = folder / object_path(sha256)
            path.unlink()
            path.write_bytes(data)

        return World(FolderStore(folder), lambda: FolderStore(folder), overwrite)
    swift: SwiftServer = request.getfixturevalue("swift")
    bucket = bucket_of(swift, tmp_path / "keys", swift.create_bucket(), prefix="/election")
    pictures = bucket.below("pictures")
    return World(
        S3Store(pictures),
        lambda: S3Store(bucket_of(swift, tmp_path / "keys", bucket.place.bucket, prefix="/election").below("pictures")),
        lambda sha256, data: pictures.put(object_path(sha256), data),
    )


@pytest.fixture
def store(world: World) -> Store:
    return world.store
