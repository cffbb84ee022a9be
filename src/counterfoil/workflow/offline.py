"""Signing on another machine: requests are written to `to-sign/`, signed files are put back there.

    to-sign/checkpoint.request   written by `count`; to be signed with `counterfoil sign`
    to-sign/checkpoint.signed    what came back; the next `count` takes it
    to-sign/manifest.request     written by that run; signed the same way
    to-sign/manifest.signed      taken by the next run, which then publishes

Two trips, because a publication holds its checkpoint's signature and the manifest is signed over that. A manifest comes
out the same in both runs, so that nothing has to be kept in between.
"""

from __future__ import annotations

from pathlib import Path

from counterfoil.record.durable import make_folder, replace_file
from counterfoil.record.keys import load_key
from counterfoil.record.note import Verifier, open_note
from counterfoil.record.signing import sign_offline
from counterfoil.workflow.holdings import Holdings

FOLDER = "to-sign"


class Offline:
    """The exchange of one folder."""

    def __init__(self, folder: Path, held: Holdings) -> None:
        self.folder, self.held = folder / FOLDER, held

    def _path(self, what: str, state: str) -> Path:
        return self.folder / f"{what}.{state}"

    def take_signature(self) -> None:
        """Publish a pending batch in the log if its checkpoint came back signed.

        Raises:
            RecordError: it is of another checkpoint, or by another key.
        """
        signed = self._path("checkpoint", "signed")
        log = self.held.log
        if log is None or log.pending is None or not signed.exists():
            return
        log.commit(signed.read_bytes())
        signed.unlink()
        self._path("checkpoint", "request").unlink(missing_ok=True)

    def pending(self) -> tuple[Path, ...]:
        """The request of a checkpoint that waits to be signed, written out; nothing if none does."""
        log = self.held.log
        request = log.pending if log is not None else None
        return () if request is None else (self._write("checkpoint", request.text),)

    def sign_manifest(self, text: str) -> bytes | None:
        """The signed manifest if it came back; else its text is written out."""
        signed = self._path("manifest", "signed")
        if signed.exists() and self.held.log is not None:
            note = signed.read_bytes()
            if open_note(note, [Verifier(self.held.log.vkey)]).text == text:
                signed.unlink()
                self._path("manifest", "request").unlink(missing_ok=True)
                return note
        self._write("manifest", text)
        return None

    @property
    def manifest_request(self) -> Path:
        """Where the text of a manifest waits to be signed."""
        return self._path("manifest", "request")

    def _write(self, what: str, text: str) -> Path:
        make_folder(self.folder)
        path = self._path(what, "request")
        replace_file(path, text.encode("utf-8"))
        return path


def sign_request(text: str, keys: Path) -> bytes:
    """Sign a request on the machine with the key: a checkpoint (only what extends the last one signed) or a manifest.

    A manifest is signed only for the checkpoint that was signed last.

    Raises:
        RecordError: neither of the two, or it does not extend what the key signed.
    """
    return sign_offline(text, load_key(keys))
