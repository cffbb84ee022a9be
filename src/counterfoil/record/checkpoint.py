"""A checkpoint (C2SP tlog-checkpoint v1.0.0): the head of the log, as three lines that a key signs.

Origin, size without leading zeros, base64 of the root hash. No extension lines: they would be signed but not auditable.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from counterfoil.primitives.errors import RecordError
from counterfoil.record.note import Opened, Signer, Verifier, check_name, open_note, sign, strict_base64
from counterfoil.record.tree import EMPTY_ROOT

MAX_SIZE = 2**63 - 1
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`size` entries have the RFC 6962 root `root` (32 bytes) in the log named `origin`."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        check_name(self.origin)
        if len(self.root) != 32:
            raise RecordError(
                f"checkpoint: expected a root hash of 32 bytes, found {len(self.root)}", code="bad-checkpoint"
            )
        if not 0 <= self.size <= MAX_SIZE:
            raise RecordError(f"checkpoint: expected a size below 2**63, found {self.size}", code="bad-checkpoint")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise RecordError("checkpoint of size 0: expected the root of the empty tree", code="bad-checkpoint")

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"

    def sign(self, signer: Signer) -> bytes:
        """The signed note. A log's key has the name of its origin.

        Raises:
            RecordError: a key of another name.
        """
        if signer.name != self.origin:
            raise RecordError(f"expected the key of {self.origin}, found the key of {signer.name}", code="wrong-key")
        return sign(self.text, signer)


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint that a note's text states.

    Raises:
        RecordError: not three lines, a size with leading zeros, a hash that is not 32 bytes, an extension line.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] != "":
        raise RecordError(
            f"checkpoint: expected three lines (origin, size, root), found {len(lines) - 1}", code="bad-checkpoint"
        )
    if not _SIZE.fullmatch(lines[1]):
        raise RecordError(
            f"checkpoint: expected a size without leading zeros, found {lines[1][:40]!r}", code="bad-checkpoint"
        )
    return Checkpoint(lines[0], int(lines[1]), strict_base64(lines[2], what="root hash of a checkpoint"))


def open_checkpoint(note: bytes, verifier: Verifier, witnesses: tuple[Verifier, ...] = ()) -> tuple[Checkpoint, Opened]:
    """The checkpoint of a note signed by the log's own key (witnesses' lines alone are not enough).

    Raises:
        RecordError: what `open_note` and `parse_checkpoint` refuse; `wrong-key` where origin and key differ.
    """
    opened = open_note(note, (verifier, *witnesses))
    if all(signature.vkey != verifier.vkey for signature in opened.signatures):
        raise RecordError(
            f"expected a signature by the log's key {verifier.vkey}, found only witnesses'", code="unknown-signer"
        )
    checkpoint = parse_checkpoint(opened.text)
    if checkpoint.origin != verifier.name:
        raise RecordError(
            f"expected a checkpoint of {verifier.name}, found one of {checkpoint.origin}", code="wrong-key"
        )
    return checkpoint, opened
