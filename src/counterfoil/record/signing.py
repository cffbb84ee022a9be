"""Signing a checkpoint as the first witness of one's own log: only what provably extends the last one signed.

A key that signs whatever it is given can be made to sign two histories by a restored backup, a second copy of the
program or a changed folder. So the holder of the key remembers its last checkpoint, **writes it down before it hands
out the signature**, and asks for a consistency proof. The same rule serves the key on this machine and, through the
text of a `SignRequest`, a key on another that has no network (`--offline-sign`).

    counterfoil-sign-request/v1
    old 2                        size that the proof starts from, 0 for none
    <base64 hash>                the proof, one hash a line

    <checkpoint text>            origin, size, root: what is to be signed

    <signed note>                the old checkpoint as signed; nothing where old is 0
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from counterfoil.primitives.errors import RecordError
from counterfoil.record.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from counterfoil.record.manifest import HEADER as MANIFEST_HEADER
from counterfoil.record.manifest import parse_manifest
from counterfoil.record.note import Signer, Verifier, sign, strict_base64
from counterfoil.record.tree import verify_consistency

REQUEST_HEADER = "counterfoil-sign-request/v1"


@dataclass(frozen=True, slots=True)
class SignRequest:
    """`new` is to be signed; `proof` shows that it extends `old_note`'s checkpoint of `old` entries."""

    new: Checkpoint
    old: int
    proof: tuple[bytes, ...]
    old_note: bytes

    @property
    def text(self) -> str:
        hashes = "".join(base64.b64encode(value).decode("ascii") + "\n" for value in self.proof)
        return f"{REQUEST_HEADER}\nold {self.old}\n{hashes}\n{self.new.text}\n{self.old_note.decode('utf-8')}"


def sign_offline(text: str, witness: FirstWitness) -> bytes:
    """The machine with the key: the signed note for what the other machine wrote, a `SignRequest` or a manifest.

    Raises:
        RecordError: neither of the two, or the key does not sign it.
    """
    if text.startswith(MANIFEST_HEADER):
        return witness.sign_manifest(text)
    return witness.sign(parse_request(text))


def parse_request(text: str) -> SignRequest:
    """The request that `SignRequest.text` wrote.

    Raises:
        RecordError: another form.
    """
    head, _, rest = text.partition("\n\n")
    body, _, old_note = rest.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != REQUEST_HEADER or len(lines) < 2 or not lines[1].startswith("old ") or not lines[1][4:].isdecimal():
        raise RecordError(
            f"expected a request to sign ({REQUEST_HEADER}), found {text[:60]!r}; pass the file that the log wrote",
            code="bad-request",
        )
    proof = tuple(strict_base64(line, what="hash of a request to sign") for line in lines[2:])
    request = SignRequest(parse_checkpoint(body + "\n"), int(lines[1][4:]), proof, old_note.encode("utf-8"))
    if request.text != text:
        raise RecordError(
            "expected a request to sign exactly as the log wrote it, found other text", code="bad-request"
        )
    return request


class FirstWitness:
    """A signer with a memory of its own. `remember` must make the note durable before it returns."""

    def __init__(self, signer: Signer, last: bytes | None, remember: Callable[[bytes], None]) -> None:
        self.vkey, self.name = signer.vkey, signer.name
        self._signer, self._verifier, self._remember = signer, Verifier(signer.vkey), remember
        self._last = open_checkpoint(last, self._verifier)[0] if last is not None else None

    @property
    def last(self) -> Checkpoint | None:
        """The newest checkpoint signed."""
        return self._last

    def sign(self, request: SignRequest) -> bytes:
        """The signed checkpoint.

        Raises:
            RecordError: it is not shown to extend the last one signed. Nothing was signed.
        """
        new, last = request.new, self._last
        if new.origin != self.name:
            raise RecordError(f"expected a checkpoint of {self.name}, found one of {new.origin}", code="wrong-key")
        if last is None and request.old:  # a memory that was lost: our own signature is as good
            last = open_checkpoint(request.old_note, self._verifier)[0]
        if last is not None:
            self._check_extends(last, request)
        note = new.sign(self._signer)
        self._remember(note)
        self._last = new
        return note

    def sign_manifest(self, text: str) -> bytes:
        """The signed manifest (`record.manifest`), for the checkpoint signed last and no other.

        Raises:
            RecordError: it is a manifest of another checkpoint, or none.
        """
        manifest = parse_manifest(text)
        if manifest.checkpoint != self._last:
            last = "none" if self._last is None else f"{self._last.size} entries"
            raise RecordError(
                f"{self.name}: expected a manifest for the checkpoint that this key signed last ({last}), found one "
                f"for {manifest.checkpoint.size} entries of {manifest.checkpoint.origin}",
                code="wrong-checkpoint",
            )
        return sign(text, self._signer)

    def _check_extends(self, last: Checkpoint, request: SignRequest) -> None:
        new = request.new
        if new.size < last.size or (new.size == last.size and new.root != last.root):
            raise RecordError(
                f"{self.name}: this key has signed {last.size} entries with root {last.root.hex()[:16]}; it does not "
                f"sign {new.size} entries with root {new.root.hex()[:16]}: that would be a second log under one key. "
                "Restore the folder that the key signed last, or start a new log with a new key",
                code="not-an-extension",
            )
        if new.size == last.size:
            return
        if last.size not in (0, request.old):
            raise RecordError(
                f"{self.name}: expected a proof from the {last.size} entries that this key signed last, found one from "
                f"{request.old}; write the request again from that size",
                code="not-an-extension",
            )
        if last.size:
            try:
                verify_consistency(last.size, new.size, last.root, new.root, request.proof)
            except RecordError as error:
                raise RecordError(f"{self.name}: {error}; the key does not sign it", code="not-an-extension") from None
