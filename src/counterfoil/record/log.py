"""The log on disk: appending by batches so that a kill at any point leaves a log that opens and verifies.

Answers: what is in the log, and how do entries get in. Leaves out: what an entry may say (`record.entries`).

    checkpoint                newest signed checkpoint          (the only file that changes)
    checkpoints/<size>        every checkpoint ever published
    tile/<L>/<N>[.p/<W>]      hash tiles
    tile/entries/<N>[.p/<W>]  entry bundles
    log.vkey                  the verifier key, a convenience: a reader should have it from elsewhere
    .staging .request .lock   the writer's own; never published

A batch goes through four states; normal work and recovery after a crash take the same steps:

1. **staged**: all new files in `.staging.new`, synced, renamed to `.staging`. This rename is the only commit point:
   before it the batch does not exist (what is left of it is dropped), after it the batch is in.
2. **applied**: each file written immutable and synced, read back, the root recomputed from what was read.
3. **requested**: `.request` holds the checkpoint to be signed and the proof that it extends the last; `.staging` goes.
4. **published**: signed (here, or on another machine), `checkpoints/<size>`, then `checkpoint`; `.request` goes.

* Nothing is signed before it was read back (two public logs died of one flipped bit).
* After an error of the disk this object refuses to go on; open the log again. A file whose sync failed is never synced
  again, only written afresh.
* `append` returns when the batch is published; without a signer, when it is requested.

What a thief of the folder can do: withhold or destroy. To show a second history he needs the key, and then readers with
an older checkpoint see it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

from counterfoil.primitives.errors import RecordError
from counterfoil.record.builder import TileBuilder
from counterfoil.record.checkpoint import Checkpoint, open_checkpoint
from counterfoil.record.durable import (
    FolderLock,
    make_folder,
    replace_file,
    sync_folder,
    write_immutable,
    write_immutables,
)
from counterfoil.record.layout import CHECKPOINT, CHECKPOINTS, VKEY
from counterfoil.record.note import Signer, Verifier
from counterfoil.record.proof import consistency_proof
from counterfoil.record.reader import FolderReader, read_bundle
from counterfoil.record.signing import FirstWitness, SignRequest, parse_request
from counterfoil.record.staging import Staged, read_staging, write_staging
from counterfoil.record.tiles import TILE_WIDTH, bundles
from counterfoil.record.tree import EMPTY_ROOT, verify_consistency

_STAGING, _STAGING_NEW, _REQUEST, _LOCK = ".staging", ".staging.new", ".request", ".lock"


class Log:
    """One log. Use `create` or `open`; close it, or use it in a `with` block, so that another writer can go on."""

    def __init__(self, folder: Path, verifier: Verifier, signer: FirstWitness | None, lock: FolderLock | None) -> None:
        self.folder = folder
        self.reader = FolderReader(folder)
        self._verifier, self._signer, self._lock = verifier, signer, lock
        self._note = b""
        self._checkpoint = Checkpoint(verifier.name, 0, EMPTY_ROOT)
        self._broken = False

    @classmethod
    def create(cls, folder: Path, signer: Signer | FirstWitness | Verifier) -> Log:
        """A new, empty log that is open for appending; it has a `checkpoint` from its first batch on. With a
        `Verifier`, checkpoints are signed elsewhere.

        Raises:
            RecordError: there is a log in `folder` already.
        """
        make_folder(folder)
        lock = FolderLock(folder / _LOCK)
        try:
            if (folder / VKEY).exists() or (folder / CHECKPOINT).exists():
                raise RecordError(f"{folder}: expected no log yet, found one; open it instead", code="log-exists")
            replace_file(folder / VKEY, f"{signer.vkey}\n".encode())
        finally:
            lock.release()
        return cls.open(folder, None if isinstance(signer, Verifier) else signer, writable=True)

    @classmethod
    def open(cls, folder: Path, signer: Signer | FirstWitness | None = None, *, writable: bool | None = None) -> Log:
        """An existing log. With a signer (or `writable=True`, to have batches signed elsewhere) it is locked and a
        batch that a crash interrupted is completed or dropped; otherwise it is only read.

        Raises:
            RecordError: no log, another key, a wrong signature, tiles that don't have the checkpoint's root, another
                writer.
        """
        vkey = _read_vkey(folder)
        if signer is not None and signer.vkey != vkey:
            raise RecordError(f"{folder}: expected the key {vkey}, found {signer.vkey}", code="wrong-key")
        witness = FirstWitness(signer, None, lambda _: None) if isinstance(signer, Signer) else signer
        may_write = writable if writable is not None else signer is not None
        lock = FolderLock(folder / _LOCK) if may_write else None
        log = cls(folder, Verifier(vkey), witness, lock)
        try:
            log._load()
            if may_write:
                with log._stop_on_disk_error():
                    log._recover()
        except BaseException:
            log.close()
            raise
        return log

    def __enter__(self) -> Log:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let another writer in."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    @property
    def origin(self) -> str:
        return self._verifier.name

    @property
    def vkey(self) -> str:
        return self._verifier.vkey

    @property
    def checkpoint(self) -> Checkpoint:
        """The newest published checkpoint; of size 0 where nothing is published yet."""
        return self._checkpoint

    @property
    def note(self) -> bytes:
        """The newest checkpoint as signed; empty where nothing is published yet."""
        return self._note

    @property
    def size(self) -> int:
        return self._checkpoint.size

    @property
    def root(self) -> bytes:
        return self._checkpoint.root

    @property
    def pending(self) -> SignRequest | None:
        """What waits to be signed elsewhere; give the signed note to `commit`."""
        path = self.folder / _REQUEST
        return parse_request(path.read_text("utf-8")) if path.exists() else None

    def entries(self, start: int = 0) -> Iterator[bytes]:
        """Published entries from number `start` on."""
        for path, first, width in bundles(self.size):
            if first + width > start:
                yield from read_bundle(self.reader, path, width)[max(0, start - first) :]

    def append(self, entries: Iterable[bytes]) -> range:
        """One batch: its entries' numbers, once they are published (without a signer: once they wait to be signed).
        No entries: nothing happens.

        Raises:
            RecordError: an entry is too large, the signer refuses, or the disk fails. Nothing was acknowledged; after a
                failure of the disk, opening the log again shows whether the batch got in.
        """
        self._check_may_append()
        before, grown = self.size, self._edge.copy()
        with self._stop_on_disk_error():
            try:
                write_staging(
                    self.folder / _STAGING_NEW, before, grown.grow(entries), end=lambda: (grown.size, grown.root())
                )
            except BaseException:  # also one from the caller's iterator: nothing half-written is left
                with contextlib.suppress(OSError):
                    (self.folder / _STAGING_NEW).unlink(missing_ok=True)
                raise
            if grown.size == before:
                (self.folder / _STAGING_NEW).unlink()
                return range(before, before)
            (self.folder / _STAGING_NEW).replace(self.folder / _STAGING)
            self._broken = True  # until the steps below are done, memory and disk differ
            sync_folder(self.folder)
            self._recover()
            self._broken = False
        return range(before, grown.size)

    def commit(self, note: bytes) -> Checkpoint:
        """Publish the pending batch under a signature made elsewhere.

        Raises:
            RecordError: nothing is pending, the note is of another checkpoint, or its signature does not hold.
        """
        self._check_lock()
        request = self.pending
        if request is None:
            raise RecordError(f"{self.folder}: no checkpoint waits to be signed", code="nothing-pending")
        with self._stop_on_disk_error():
            self._publish(request, note)
        return self._checkpoint

    # The steps, in order. Each may be repeated.

    def _recover(self) -> None:
        (self.folder / _STAGING_NEW).unlink(missing_ok=True)
        if (self.folder / _STAGING).exists():
            self._apply(read_staging(self.folder / _STAGING))
        request = self.pending
        if request is None:
            return
        if request.new == self._checkpoint:
            (self.folder / _REQUEST).unlink()
        elif self._signer is not None:
            self._publish(request, self._signer.sign(request))

    def _apply(self, staged: Staged) -> None:
        """From staged to requested."""
        if staged.before == self.size:
            write_immutables(self.folder, staged.files())
            self._read_back(staged)
            request = self._request(Checkpoint(self.origin, staged.after, staged.root))
            replace_file(self.folder / _REQUEST, request.text.encode("utf-8"))
        elif staged.after != self.size or staged.root != self.root:
            raise RecordError(
                f"{self.folder}: expected a staged batch after entry {self.size}, found one after {staged.before}; "
                "the folder was put together from two copies: keep both, go on with the newer",
                code="staging-differs",
            )
        (self.folder / _STAGING).unlink()
        sync_folder(self.folder)

    def _read_back(self, staged: Staged) -> None:
        """Recompute every new file and the root from the entries as they now lie on the disk."""
        again = self._edge.copy()
        first = staged.before - staged.before % TILE_WIDTH
        on_disk = (
            entry
            for path, start, width in bundles(staged.after)
            if start >= first
            for entry in read_bundle(self.reader, path, width)[max(0, staged.before - start) :]
        )
        for path, data in again.grow(on_disk):
            if self.reader.read(path) != data:
                raise RecordError(
                    f"{path}: what was read back is not what follows from the entries", code="tile-differs"
                )
        if (again.size, again.root()) != (staged.after, staged.root):
            raise RecordError(
                f"{self.folder}: read back, {again.size} entries have root {again.root().hex()}; expected "
                f"{staged.root.hex()}. Memory or disk is failing: stop, go on with another machine",
                code="tile-differs",
            )

    def _request(self, new: Checkpoint) -> SignRequest:
        last = self._signer.last if self._signer is not None else None
        since = last.size if last is not None and 0 < last.size < self.size else self.size
        note = self.reader.read(f"{CHECKPOINTS}{since}") if since else b""
        return SignRequest(new, since, consistency_proof(self.reader, since, new.size), note)

    def _publish(self, request: SignRequest, note: bytes) -> None:
        """From requested to published."""
        checkpoint, _ = open_checkpoint(note, self._verifier)
        if checkpoint != request.new:
            raise RecordError(
                f"expected a signature over {request.new.size} entries with root {request.new.root.hex()[:16]}, found "
                f"one over {checkpoint.size} with {checkpoint.root.hex()[:16]}",
                code="wrong-checkpoint",
            )
        make_folder(self.folder / CHECKPOINTS)
        write_immutable(self.folder / f"{CHECKPOINTS}{checkpoint.size}", note)
        replace_file(self.folder / CHECKPOINT, note)
        (self.folder / _REQUEST).unlink(missing_ok=True)
        self._load()

    # What is on the disk.

    def _load(self) -> None:
        path = self.folder / CHECKPOINT
        self._note = path.read_bytes() if path.exists() else b""
        if self._note:
            try:
                self._checkpoint, _ = open_checkpoint(self._note, self._verifier)
            except RecordError as error:
                raise RecordError(f"{path}: {error}; put the log's own back from a mirror", code=error.code) from None
        self._edge = TileBuilder.load(self.reader, self.size)
        if self._edge.root() != self.root:
            raise RecordError(
                f"{self.folder}: expected tiles with root {self.root.hex()}, found {self._edge.root().hex()}; "
                "compare with a mirror before anything is appended",
                code="tile-differs",
            )

    def _check_lock(self) -> None:
        if self._lock is None:
            raise RecordError(f"{self.folder}: this log was opened for reading only", code="read-only")
        if self._broken:
            raise RecordError(
                f"{self.folder}: a write failed earlier; end the program and open the log again", code="cannot-write"
            )

    def _check_may_append(self) -> None:
        """Before anything is staged: a batch that could never be signed would block the log."""
        self._check_lock()
        request = self.pending
        if request is not None:
            raise RecordError(
                f"{self.folder}: the checkpoint of {request.new.size} entries waits to be signed; commit it first",
                code="signature-pending",
            )
        last = self._signer.last if self._signer is not None else None
        if last is None:
            return
        try:
            proof = consistency_proof(self.reader, last.size, self.size)
            verify_consistency(last.size, self.size, last.root, self.root, proof)
        except RecordError:
            raise RecordError(
                f"{self.folder}: the key has signed {last.size} entries that this log of {self.size} does not "
                "continue; restore the folder that the key signed last, or start a new log with a new key",
                code="not-an-extension",
            ) from None

    @contextlib.contextmanager
    def _stop_on_disk_error(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._broken = True
            raise RecordError(
                f"{self.folder}: writing failed ({error}); nothing that was acknowledged is lost; see to the disk, "
                "then start again",
                code="cannot-write",
            ) from error


def _read_vkey(folder: Path) -> str:
    try:
        return (folder / VKEY).read_text("utf-8").strip()
    except FileNotFoundError:
        raise RecordError(f"{folder}: expected a log with {VKEY}, found none; create it first", code="no-log") from None
