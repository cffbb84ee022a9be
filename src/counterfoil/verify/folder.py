"""Checking a publication with nothing but its files and the log's public key.

Written to be read by strangers. What it takes on trust: this program, SHA-256, Ed25519, and that `key` is the
organisers' (without `key`, the one in the folder is used: that proves integrity, not origin).

| check | says |
| --- | --- |
| checkpoint | the newest checkpoint is signed by the log's key |
| history | every older checkpoint is signed by it too; none is larger (rolled back) or of the same size and different |
| tree | entries give the tiles, tiles the root of every checkpoint: none changed, dropped, added or moved |
| seen | the checkpoint that the reader brought is of the same log |
| objects | every object has the hash that it is named by |
| entries | every entry is canonical and of a known type; the objects they name are there; the figures can be computed |
| manifest | no file was changed, added or taken away since the manifest was signed |
| data | every file under data/, computed again, says the same |
| pages | every page, rendered again, has the same bytes, and so has check.py (only where asked for) |

A check that fails does not stop those that don't rest on it. The first failure is the one to act on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from itertools import chain

from polars.exceptions import PanicException

from counterfoil.primitives.errors import CounterfoilError, InputError, RecordError, Refusal
from counterfoil.publish.assemble import Progress, publication, silent
from counterfoil.publish.model import Publication
from counterfoil.record.checkpoint import Checkpoint, open_checkpoint
from counterfoil.record.layout import CHECKPOINT, RECORD, VKEY
from counterfoil.record.manifest import MANIFEST, Manifest
from counterfoil.record.note import Verifier
from counterfoil.record.reader import PathReader
from counterfoil.verify import content, history
from counterfoil.verify.content import File
from counterfoil.verify.history import Older
from counterfoil.verify.report import Check, Report

PagesOf = Callable[[Publication], Iterator[tuple[str, bytes]]]
_KEPT = re.compile(r"record/checkpoints/(0|[1-9][0-9]{0,18})")
_OLD_MANIFEST = re.compile(r"record/manifests/(0|[1-9][0-9]{0,18})")


def verify_folder(
    reader: PathReader,
    *,
    key: str | None = None,
    seen: bytes | None = None,
    pages: bool = False,
    progress: Progress = silent,
) -> Report:
    """Check everything that can be checked.

    Args:
        key: the log's verifier key, from elsewhere than the publication.
        seen: a signed checkpoint of this log that the reader kept from earlier, or from another mirror.
        pages: render every page again, too.

    Raises:
        InputError: code `cannot-read` where there is no publication to check or the disk fails, `bad-key` where `key`
            is no verifier key.
    """
    try:
        reader.read(RECORD + CHECKPOINT)
        found = reader.read(RECORD + VKEY).decode("utf-8", "replace").strip() if key is None else key.strip()
        try:
            verifier = Verifier(found)
        except RecordError as error:
            if key is not None:
                raise InputError("--key", expected="a verifier key", found=f"none ({error})", code="bad-key") from None
            return Report("", 0, "", False, (Check("checkpoint", False, f"{RECORD}{VKEY}: {error}"),), ())
        return _Run(reader, verifier, seen, pages, progress).report(key_given=key is not None)
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> InputError:
    return InputError(
        RECORD + CHECKPOINT if isinstance(error, FileNotFoundError) else "the publication",
        expected="a publication that can be read, with a checkpoint and a verifier key",
        found=str(error),
        do="name the folder that holds record/, or see to the disk",
        code="cannot-read",
    )


class _Run:
    """One verification, step by step; each step notes what later ones rest on."""

    def __init__(
        self, reader: PathReader, verifier: Verifier, seen: bytes | None, pages: bool, progress: Progress
    ) -> None:
        self.reader, self.verifier, self.seen, self.pages, self.progress = reader, verifier, seen, pages, progress
        self.checks: list[Check] = []
        self.not_checked: list[str] = []
        self.newest: Checkpoint | None = None
        self.manifest: Manifest | None = None
        self.made: Publication | None = None
        self.files: dict[str, File] = {}
        self.no_files: list[str] = []
        self.names: list[str] = []

    def report(self, *, key_given: bool) -> Report:
        self._checkpoint(key_given)
        if self.newest is not None:
            self._list_files()
            self._history_and_tree(self.newest)
            self._hash_files()
            self._objects()
            self._entries(self.newest)
            self._manifest(self.newest)
            self._data()
            self._pages()
        newest = self.newest
        return Report(
            origin=self.verifier.name,
            size=newest.size if newest else 0,
            root=newest.root.hex() if newest else "",
            key_given=key_given,
            checks=tuple(self.checks),
            not_checked=tuple(self.not_checked),
        )

    @contextmanager
    def _step(self, name: str) -> Iterator[Callable[[str], None]]:
        """The block says its sentence through what is yielded; a refusal inside becomes a failed check.

        So does whatever else goes wrong inside: a publication may be made to break the program that checks it, and then
        it does not hold. A disk or a server that fails is another matter: it says nothing about the publication.
        """
        said: list[str] = []
        try:
            yield said.append
        except (RecordError, InputError, Refusal, FileNotFoundError) as error:
            self._add(name, False, str(error))
        except (CounterfoilError, OSError, MemoryError):  # the reader's own: place, disk, machine
            raise
        except (Exception, PanicException) as error:
            self._add(name, False, f"this can't be computed from the record ({type(error).__name__}: {error})")
        else:
            self._add(name, True, " ".join(said))

    def _add(self, name: str, ok: bool, sentence: str) -> None:
        """Nothing that a publication holds may write to the reader's terminal."""
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in sentence)
        self.checks.append(Check(name, ok, shown))

    def _checkpoint(self, key_given: bool) -> None:
        with self._step("checkpoint") as say:
            newest = history.open_named(self.reader, RECORD + CHECKPOINT, self.verifier)
            in_folder = history.must_read(self.reader, RECORD + VKEY).decode("utf-8", "replace").strip()
            self.newest = newest
            if in_folder != self.verifier.vkey:
                raise RecordError(
                    f"{RECORD}{VKEY}: names the key {in_folder[:200]}, the record is signed by {self.verifier.vkey}",
                    code="wrong-key",
                )
            say(f"{newest.size} entries, signed by {self.verifier.vkey}.")
            if not key_given:
                say("The key was taken from the folder: this proves integrity, not origin.")

    def _list_files(self) -> None:
        listed = self.reader.names()
        try:
            self.manifest = history.open_manifest(self.reader, MANIFEST, self.verifier)
        except RecordError:
            self.manifest = None  # its own check says so
        if listed is not None:
            self.names = sorted(listed)
            return
        self.names = sorted({*(self.manifest.files if self.manifest else ()), MANIFEST})
        self.not_checked.append("Files that the manifest does not name: a web address can't be listed.")

    def _history_and_tree(self, newest: Checkpoint) -> None:
        kept: list[Older] = []
        with self._step("history") as say:
            sizes = [int(found[1]) for found in map(_KEPT.fullmatch, self.names) if found]
            kept = history.kept_checkpoints(self.reader, sizes, newest, self.verifier)
            by_size = {older.checkpoint.size: older.checkpoint for older in kept}
            for name in self.names:
                if (found := _OLD_MANIFEST.fullmatch(name)) is not None:
                    old = history.open_manifest(self.reader, name, self.verifier)
                    if old.checkpoint != by_size.get(int(found[1])):
                        raise RecordError(f"{name}: is of no checkpoint kept here", code="wrong-checkpoint")
            say(f"Checkpoints kept: {len(kept)}, all signed, none larger than the newest.")
        with self._step("tree") as say:
            for done in history.check_tree(self.reader, newest, kept):
                self.progress("tree", done, newest.size)
            say(f"{newest.size} entries have the root of every checkpoint.")
        if self.seen is not None:
            self._seen(newest, self.seen, tree_holds=self.checks[-1].ok)

    def _seen(self, newest: Checkpoint, note: bytes, *, tree_holds: bool) -> None:
        where = "the checkpoint that you brought"
        with self._step("seen") as say:
            try:
                seen = open_checkpoint(note, self.verifier)[0]
            except RecordError as error:
                raise RecordError(f"{where}: {error}", code=error.code) from None
            history.one_history(newest, Older(where, seen))
            if seen.size == newest.size:
                say("The checkpoint that you brought is this one.")
                return
            if not tree_holds:
                raise RecordError(f"{where}: whether the publication extends it can't be told, its tree does not hold")
            history.check_extends(self.reader, newest, Older(where, seen))
            say(f"The publication extends the {seen.size} entries that you have seen by {newest.size - seen.size}.")

    def _hash_files(self) -> None:
        self.progress("hash", 0, len(self.names))
        for done, (path, file) in enumerate(content.hash_files(self.reader, self.names), start=1):
            if isinstance(file, File):
                self.files[path] = file
            else:
                self.no_files.append(file)
            self.progress("hash", done, len(self.names))

    def _objects(self) -> None:
        with self._step("objects") as say:
            count = content.check_objects_named_by_hash(self.files)
            say(f"{count} objects have the hash that they are named by.")

    def _entries(self, newest: Checkpoint) -> None:
        with self._step("entries") as say:
            made = publication(self.reader, self.names, self.progress)
            if made.record.size != newest.size or made.record.root != newest.root:
                raise RecordError(f"{RECORD}{CHECKPOINT}: changed while it was read", code="changed")
            content.check_objects_of_entries(self.files, made.results.replay.objects)
            content.check_copies(self.files, made.results.replay.releases.values())
            self.made = made
            say(f"{newest.size} entries are canonical and of known types; all objects they name are here.")

    def _manifest(self, newest: Checkpoint) -> None:
        with self._step("manifest") as say:
            if self.no_files:
                raise RecordError(self.no_files[0], code="bad-path")
            manifest = self.manifest or history.open_manifest(self.reader, MANIFEST, self.verifier)
            content.check_manifest(manifest, newest, self.files)
            say(f"{len(manifest.files)} files are as they were signed; none is missing or added.")

    def _data(self) -> None:
        if self.made is None:
            self.not_checked.append("data/: the record gives no figures to compare it with.")
            return
        with self._step("data") as say:
            count = content.check_data(
                self.reader, self.files, self.made, lambda path: self.progress(f"data/{path}", 0, 0)
            )
            say(f"{count} files under data/ computed again from the record: the same.")

    def _pages(self) -> None:
        if not self.pages:
            self.not_checked.append(
                "Pages were not rendered again (--pages does it); the manifest shows that they are as they were signed."
            )
            return
        if self.made is None:
            self.not_checked.append("Pages: the record gives no figures to render.")
            return
        # Only here is a template engine needed; without --pages this program runs on Polars and cryptography.
        from counterfoil.publish.pages import pages  # noqa: PLC0415

        with self._step("pages") as say:
            program = ("check.py", files("counterfoil.publish").joinpath("check.py").read_bytes())
            made = chain(pages(self.made), [program])
            count = content.check_pages(self.files, made, lambda path: self.progress(path, 0, 0))
            say(f"{count} pages and programs made again: the same bytes.")
