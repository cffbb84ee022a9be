"""A publication on the disk: everything written beside the old one, signed, then put in its place in one step.

Whoever kills this at any point finds the old publication, whole. What a crash left is removed by the next run.

* The folder that is replaced must be a publication of the same log, or empty, or not there: nothing else is deleted.
* Files of the record and its objects are copied, never linked: who edits the publication must not edit the record.
* Who publishes again and again (`Kept`) may take a file over from the old publication, by a link, if it wrote that very
  file itself and it is what the new one needs. What each file says is computed anew all the same.
* The manifest comes last: a signed note over the SHA-256 of every other file and the checkpoint.

It is not synced to the disk: a publication can always be made again from the record, and `verify` tells a torn one.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from counterfoil.primitives.canonical import sha256_hex
from counterfoil.primitives.errors import Refusal
from counterfoil.publish.assemble import Progress, silent
from counterfoil.publish.data import Encoded, data_files
from counterfoil.publish.model import Publication
from counterfoil.publish.pages import pages
from counterfoil.record.checkpoint import Checkpoint
from counterfoil.record.layout import CHECKPOINT, OBJECTS, RECORD, VKEY, copy_path, object_path, published_paths
from counterfoil.record.manifest import MANIFEST, encode_manifest

Sign = Callable[[str], bytes | None]
"""A manifest's text to the signed note; None where it has to be signed elsewhere first."""
Print = tuple[int, int, int]
"""Number, size and time of change of a file."""
MANIFESTS = "manifests"
"""Below the log's folder: the manifest of each size that was published, by size."""


@dataclass
class Kept:
    """What one process wrote when it last published, so that it need not copy, encode or write the same again.

    A file is recognised by number, size and time as this process left them. One that somebody changed since in the
    published folder is written afresh.
    """

    encoded: Encoded = field(default_factory=Encoded)
    files: dict[str, tuple[str, Print]] = field(default_factory=dict)
    """path -> SHA-256 and what the file looked like."""
    reused: int = 0
    """Files of the newest publication that were taken over."""

    def link(self, path: str, digest: str | None, out: Path, target: Path) -> str | None:
        """Take `path` over from `out`, if it has this digest (None: whatever it has). The digest; None: not done."""
        known = self.files.get(path)
        if known is None or (digest is not None and known[0] != digest):
            return None
        try:
            if _print(out / path) != known[1]:
                return None
            target.hardlink_to(out / path)
        except OSError:  # gone, or a disk without links
            return None
        self.reused += 1
        return known[0]


def _print(path: Path) -> Print:
    found = path.stat(follow_symlinks=False)
    return found.st_ino, found.st_size, found.st_mtime_ns


def write_site(
    publication: Publication,
    folder: Path,
    out: Path,
    sign: Sign,
    progress: Progress = silent,
    kept: Kept | None = None,
) -> bytes | None:
    """Write the publication of `folder` (it holds `record/` and `objects/`) to `out`.

    Args:
        kept: of the process that wrote `out`; afterwards it is of the new one.

    Returns:
        The signed manifest, or None: it waits to be signed, and `out` is as it was.

    Raises:
        Refusal: `out` is something else than a publication of this log.
    """
    out = out.absolute()
    new, old = out.with_name(f".{out.name}.new"), out.with_name(f".{out.name}.old")
    if not out.exists() and old.exists():  # killed between two renames
        old.rename(out)
    _check_replaceable(publication, out)
    for left in (new, old):
        if left.exists():
            shutil.rmtree(left)
    new.mkdir(parents=True)
    try:
        kept = kept or Kept()
        kept.reused = 0
        digests = [
            *_copied(publication, folder, new, out, progress, kept),
            *_written(publication, new, out, progress, kept),
        ]
        files = {path: (digest, _print(new / path)) for path, digest in digests}
        record = publication.record
        note = sign(encode_manifest(Checkpoint(record.origin, record.size, record.root), digests))
        if note is not None:
            (new / MANIFEST).write_bytes(note)
            _put_in_place(new, out, old)
            kept.files = files
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return note


def _check_replaceable(publication: Publication, out: Path) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    vkey = out / RECORD / VKEY
    found = vkey.read_text("utf-8").strip() if vkey.is_file() and (out / MANIFEST).is_file() else None
    if found != publication.record.vkey:
        what = "something else" if found is None else f"a publication of {found.partition('+')[0]}"
        raise Refusal(
            f"{out}: expected no folder, an empty one or a publication of {publication.record.origin} to replace, "
            f"found {what}; nothing was deleted, name another folder.",
            code="not-a-publication",
        )


def _copied(
    publication: Publication, folder: Path, new: Path, out: Path, progress: Progress, kept: Kept
) -> Iterator[tuple[str, str]]:
    """The record, its objects and the released pictures, as they are: (path, SHA-256). All but the checkpoint never
    change."""
    sizes = publication.record.checkpoints
    paths = [RECORD + path for path in published_paths(sizes)]
    paths += [path for size in sizes[:-1] if (folder / (path := f"{RECORD}{MANIFESTS}/{size}")).is_file()]
    paths += [OBJECTS + object_path(sha256) for sha256 in sorted(publication.results.replay.objects)]
    released = sorted(set(publication.results.replay.releases.values()))
    sources = {path: path for path in paths} | {copy_path(one): OBJECTS + object_path(one) for one in released}
    for done, (path, source) in enumerate(sources.items()):
        progress("copy the record", done, len(sources))
        target = new / path
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = kept.link(path, None, out, target) if path != RECORD + CHECKPOINT else None
        if digest is None:
            shutil.copyfile(folder / source, target)
            with target.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        yield path, digest


def site_files(
    publication: Publication, progress: Progress = silent, encoded: Encoded | None = None
) -> Iterator[tuple[str, bytes]]:
    """Every file that follows from the record: data, pages, the stand-alone checker."""
    yield from data_files(publication, each=lambda path: progress(f"data/{path}", 0, 0), encoded=encoded)
    progress("pages", 0, 0)
    for done, (path, data) in enumerate(pages(publication)):
        progress("pages", done, 0)
        yield path, data
    yield "check.py", files("counterfoil.publish").joinpath("check.py").read_bytes()


def _written(
    publication: Publication, new: Path, out: Path, progress: Progress, kept: Kept
) -> Iterator[tuple[str, str]]:
    folders: set[Path] = set()
    for path, data in site_files(publication, progress, kept.encoded):
        target = new / path
        if target.parent not in folders:
            target.parent.mkdir(parents=True, exist_ok=True)
            folders.add(target.parent)
        digest = sha256_hex(data)
        if kept.link(path, digest, out, target) is None:
            with target.open("xb") as file:  # two pages of one path are a fault
                file.write(data)
        yield path, digest


def _put_in_place(new: Path, out: Path, old: Path) -> None:
    if not out.exists():
        new.rename(out)
    elif _exchange(new, out):
        new.rename(old)
    else:  # a kill between the two leaves `old`, which the next run puts back
        out.rename(old)
        new.rename(out)
    shutil.rmtree(old, ignore_errors=True)


_RENAME_EXCHANGE = 2
_AT_FDCWD = -100


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step (renameat2, Linux 3.15); False where the system can't."""
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None) if os.name == "posix" else None
    if renameat2 is None:
        return False
    return bool(renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)
