"""The publication grows: from the record as it lies on the disk to the folder that is served, swapped in one step.

Answers: is the site what the record says now, and make it so. Leaves out how entries get into the record
(`storage.inbox`) and when this is done (`storage.jobs`).

Rules:

* The site is a function of the record: it can be thrown away at any time.
* It is current when it holds the record's newest checkpoint.
* Whoever kills this at any point finds the old site, whole (`publish.site`).
* What is remembered from one time to the next (the results before, encoded tables, files already written) is compared
  by all that it follows from. A recomputation from nothing gives the same bytes, and is done each night.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from counterfoil.publish.assemble import Progress, publication, silent
from counterfoil.publish.model import Publication
from counterfoil.publish.site import MANIFESTS, Kept, write_site
from counterfoil.record.durable import make_folder, replace_file
from counterfoil.record.layout import CHECKPOINT, RECORD, checkpoint_sizes
from counterfoil.record.manifest import MANIFEST
from counterfoil.record.reader import FolderReader, SubReader


def is_current(folder: Path, site: Path) -> bool:
    """Whether `site` shows the newest checkpoint of the record in `folder`."""
    try:
        return (site / RECORD / "checkpoint").read_bytes() == (folder / RECORD / "checkpoint").read_bytes()
    except FileNotFoundError:
        return False


def published_size(site: Path) -> int | None:
    """Entries of the record that `site` shows; None: there is no site."""
    try:
        return int((site / RECORD / CHECKPOINT).read_bytes().split(b"\n", 2)[1])
    except FileNotFoundError:
        return None


def site_stamp(site: Path) -> str:
    """Changes whenever any file of `site` does: the hash of its manifest. Empty: there is no site."""
    try:
        return _digest(site / MANIFEST)
    except FileNotFoundError:
        return ""


@dataclass(frozen=True, slots=True)
class Grown:
    """What was published: entries, files, and how many of them were taken over from the site before."""

    size: int
    files: int
    reused: int


class Grower:
    """Publishes the record in `folder` to `site`, again and again. What it remembers only spares work: a new one gives
    the same bytes.

    Args:
        sign: a manifest's text to the signed note.
    """

    def __init__(self, folder: Path, site: Path, sign: Callable[[str], bytes]) -> None:
        self._folder, self._site, self._sign = folder, site, sign
        self._forget()

    def _forget(self) -> None:
        self._last: Publication | None = None
        self._kept = Kept()

    def grow(self, progress: Progress = silent) -> Grown:
        """Show the record as it is now. The caller keeps everybody else from appending meanwhile.

        Raises:
            RecordError: the record or an object is not what it must be; `site` is as it was.
            Refusal: `site` is something else than a publication of this record.
        """
        try:
            made = self._made(progress, self._last)
            note = write_site(made, self._folder, self._site, self._sign, progress, self._kept)
        except BaseException:
            self._forget()
            raise
        if note is not None:
            kept = self._folder / RECORD / MANIFESTS
            make_folder(kept)
            replace_file(kept / str(made.record.size), note)
        self._last = made
        return Grown(made.record.size, len(self._kept.files) + 1, self._kept.reused)

    def _made(self, progress: Progress, before: Publication | None) -> Publication:
        reader = FolderReader(self._folder)
        sizes = checkpoint_sizes(SubReader(reader, RECORD))
        return publication(reader, [f"{RECORD}checkpoints/{size}" for size in sizes], progress, before)

    def recompute(self, progress: Progress = silent) -> Recomputed:
        """Everything once more from the record alone, nothing taken over, and set beside what is served.

        Where they differ, what was computed now is put in its place.
        """
        self._forget()
        fresh = self._site.with_name(f".{self._site.name}.again")
        if fresh.exists():
            shutil.rmtree(fresh)
        try:
            write_site(self._made(progress, None), self._folder, fresh, self._sign, progress, self._kept)
            expected = {path: digest for path, (digest, _) in self._kept.files.items()}
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        self._forget()
        drift = _differing(self._site, expected)
        if drift:
            self.grow(progress)
        return Recomputed(len(expected), tuple(drift))


@dataclass(frozen=True, slots=True)
class Recomputed:
    """`drift`: paths of the served site that are not what follows from the record; none is how it must be."""

    files: int
    drift: tuple[str, ...]


def _differing(site: Path, expected: Mapping[str, str]) -> list[str]:
    served = {str(path.relative_to(site)): path for path in site.rglob("*") if path.is_file() or path.is_symlink()}
    served.pop(MANIFEST, None)
    differing = set(served) ^ set(expected)
    for path in served.keys() & expected.keys():
        if served[path].is_symlink() or _digest(served[path]) != expected[path]:
            differing.add(path)
    return sorted(differing)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
