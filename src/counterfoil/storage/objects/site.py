"""A publication copied into a bucket, so that any server of static files or the bucket itself serves it.

* Only what the signed manifest names goes up, and only with the bytes that it names: a stray file never becomes public.
* What the bucket has already stays: where the server's ETag is the MD5 of the file (where a server's is not, the file
  goes up again). Files that are named by their content are compared by size, so that pictures aren't read again each
  time; `thorough` reads them too.
* Order: the log's key, what never changes, pages and data, checkpoint, manifest; then what is no longer published is
  deleted, with its older versions. Killed at any point, the next run goes on. A reader who verifies in between finds
  files that are newer than the manifest, and repeats.
* The bucket must be empty or hold an older state of the same log; nothing else is overwritten or deleted.

One run at a time: the caller sees to it. `frozen` keeps a site still that is published anew meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from counterfoil.primitives.canonical import sha256_hex
from counterfoil.primitives.errors import RecordError, Refusal
from counterfoil.record.checkpoint import open_checkpoint
from counterfoil.record.layout import CHECKPOINT, OBJECTS, RECORD, VKEY
from counterfoil.record.manifest import MANIFEST
from counterfoil.record.note import Verifier
from counterfoil.record.reader import FolderReader
from counterfoil.storage.objects.bucket import Bucket, Listed
from counterfoil.verify.history import Older, one_history, open_manifest
from counterfoil.workflow.stores import StoreError

THREADS = 8
Given = TypeVar("Given")
Made = TypeVar("Made")
_LAST = (RECORD + CHECKPOINT, MANIFEST)
_BY_CONTENT = re.compile(r"(objects|copies)/(.*/)?[0-9a-f]{64}(\.[a-z]+)?")
_NEVER_CHANGES = re.compile(r"record/(tile|checkpoints|manifests)/.*")
_JPEG = b"\xff\xd8\xff"
_KINDS = {
    "css": "text/css; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "jpg": "image/jpeg",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "pdf": "application/pdf",
    "png": "image/png",
    "py": "text/plain; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "woff2": "font/woff2",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml",
}
_TEXTS = {RECORD + CHECKPOINT, MANIFEST, RECORD + VKEY, "data/SHA256SUMS"}


@dataclass(frozen=True)
class Mirrored:
    """Numbers of files; `sent_bytes` is what went over the network."""

    sent: int
    kept: int
    deleted: int
    sent_bytes: int


@contextmanager
def frozen(site: Path) -> Iterator[Path]:
    """The folder `site` as it is now, by links beside it: it may be published anew while the block works on this one.

    The caller keeps it from being published anew until the block begins. What an earlier crash left is deleted.
    """
    still = site.with_name(f".{site.name}.frozen")
    shutil.rmtree(still, ignore_errors=True)
    try:
        shutil.copytree(site, still, copy_function=os.link, symlinks=True)
        yield still
    finally:
        shutil.rmtree(still, ignore_errors=True)


def mirror_site(site: Path, bucket: Bucket, *, thorough: bool = False) -> Mirrored:
    """Make `bucket` hold the publication in the folder `site`, and nothing else.

    Raises:
        Refusal: the bucket holds something else than this log's publication; nothing was changed.
        RecordError: `site` is no publication, or the bucket holds a newer or another state of the log.
        StoreError: the bucket fails, or (code `changed`, passing) the folder was published anew meanwhile.
    """
    reader = FolderReader(site)
    try:
        vkey = reader.read(RECORD + VKEY)
        note, checkpoint = reader.read(MANIFEST), reader.read(RECORD + CHECKPOINT)
    except FileNotFoundError as error:
        raise RecordError(f"{site}: expected a publication, found no record ({error})", code="missing-file") from None
    verifier = Verifier(vkey.decode("utf-8", "replace").strip())
    manifest = open_manifest(reader, MANIFEST, verifier)
    listed = {item.key: item for item in bucket.list()}
    _check_replaceable(
        bucket, listed, vkey, Older(RECORD + CHECKPOINT, open_checkpoint(checkpoint, verifier)[0]), verifier
    )
    run = _Run(reader, bucket, {**manifest.files, MANIFEST: sha256_hex(note)}, listed, thorough)
    first = [RECORD + VKEY]
    fixed = [path for path in manifest.files if _is_fixed(path)]
    other = [path for path in manifest.files if not _is_fixed(path) and path not in (*first, *_LAST)]
    for group in (first, fixed, other, *([path] for path in _LAST)):
        run.send(group)
    gone = sorted(listed.keys() - manifest.files.keys() - {MANIFEST})
    _each(gone, bucket.delete)
    return Mirrored(run.sent, len(manifest.files) + 1 - run.sent, len(gone), run.sent_bytes)


def _check_replaceable(bucket: Bucket, listed: dict[str, Listed], vkey: bytes, ours: Older, verifier: Verifier) -> None:
    if not listed:
        return
    if bucket.get(RECORD + VKEY) != vkey:
        raise Refusal(
            f"{bucket.where()}: expected an empty place or a publication of {verifier.name}, found something else; "
            "nothing was changed, name another bucket or prefix.",
            code="not-a-publication",
        )
    there = bucket.get(RECORD + CHECKPOINT)
    if there is not None:
        one_history(ours.checkpoint, Older(bucket.where(RECORD + CHECKPOINT), open_checkpoint(there, verifier)[0]))


class _Run:
    """One copying. `files`: path -> SHA-256."""

    def __init__(
        self, reader: FolderReader, bucket: Bucket, files: dict[str, str], listed: dict[str, Listed], thorough: bool
    ) -> None:
        self.reader, self.bucket, self.files, self.listed, self.thorough = reader, bucket, files, listed, thorough
        self.sent = self.sent_bytes = 0

    def send(self, paths: Iterable[str]) -> None:
        for size in _each(paths, self._send):
            if size is not None:
                self.sent, self.sent_bytes = self.sent + 1, self.sent_bytes + size

    def _send(self, path: str) -> int | None:
        """Bytes sent; None where the bucket has the file."""
        there = self.listed.get(path)
        try:
            if (
                there is not None
                and not self.thorough
                and _BY_CONTENT.fullmatch(path)
                and self._size(path) == there.size
            ):
                return None
            data = self.reader.read(path)
        except FileNotFoundError:
            raise self._changed(path) from None
        if sha256_hex(data) != self.files[path]:
            raise self._changed(path)
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if there is not None and (there.size, there.etag) == (len(data), etag):
            return None
        self.bucket.put(path, data, kind=_kind(path, data), cache=_cache(path))
        return len(data)

    def _size(self, path: str) -> int:
        return (self.reader.root / path).lstat().st_size

    def _changed(self, path: str) -> StoreError:
        return StoreError(
            f"{self.reader.root / path}: expected what the manifest names, found another file; it was published anew "
            "meanwhile or the disk is failing: try again",
            code="changed",
            passing=True,
        )


def _is_fixed(path: str) -> bool:
    return _BY_CONTENT.fullmatch(path) is not None or _NEVER_CHANGES.fullmatch(path) is not None


def _kind(path: str, data: bytes) -> str:
    if path in _TEXTS:
        return _KINDS["txt"]
    if path.startswith(OBJECTS):
        return _KINDS["jpg"] if data.startswith(_JPEG) else "application/octet-stream"
    return _KINDS.get(path.rpartition(".")[2], "application/octet-stream")


def _cache(path: str) -> str:
    """Pictures may be withdrawn: nobody keeps one for more than an hour without asking. Tiles never change."""
    if _NEVER_CHANGES.fullmatch(path):
        return "public, max-age=31536000, immutable"
    return "public, max-age=3600" if _is_fixed(path) else "no-cache"


def _each(items: Iterable[Given], work: Callable[[Given], Made]) -> list[Made]:
    """`work` on all of them, several at once; the first error stops what has not begun."""
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            return list(pool.map(work, items))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
