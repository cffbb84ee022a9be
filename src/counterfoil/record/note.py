"""Signed notes (C2SP signed-note v1.0.0): a text and lines of signatures under it.

Answers: who signed this text? Leaves out: whose keys to trust (the caller passes verifiers) and what the text means.

* The text ends in a newline and is UTF-8 without control characters; a blank line parts it from the signatures.
* A signature line is `— name base64(key ID || signature)`. Base64 is strict: padded, no stray bits, no white space.
* A line under a key that the caller doesn't know is ignored, by rule. A line under a known key that fails **refuses
  the whole note**. At least one line must be by a known key. More than 100 lines are refused.
* Key types: 0x01 Ed25519 over the text; 0x04 Ed25519 cosignature/v1 of a witness (tlog-cosignature v1.0.1), over
  `cosignature/v1\\ntime N\\n` and the text. Others (0x06, ML-DSA-44) are unknown lines until we can verify them.

    >>> signer = Signer("counterfoil.example/demo", bytes(32))
    >>> open_note(sign("hello\\n", signer), [Verifier(signer.vkey)]).text
    'hello\\n'
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from counterfoil.primitives.errors import RecordError

ED25519 = 0x01
COSIGNATURE_V1 = 0x04
MAX_SIGNATURE_LINES = 100
"""signed-note: at least 16 must be accepted; the Go implementation stops at 100."""
MAX_NOTE_BYTES = 100_000_000
"""Room for a manifest, which has a line of about 100 bytes for each of a million files; a checkpoint has 200 bytes."""
_DASH = "— "


@dataclass(frozen=True, slots=True)
class Signature:
    """One verified line. `time` is a witness's own time (Unix seconds), None under a key of type 0x01."""

    vkey: str
    name: str
    time: int | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A note of which at least one known key's signature holds, and none fails."""

    text: str
    signatures: tuple[Signature, ...]
    unknown_lines: int


def strict_base64(text: str, *, what: str) -> bytes:
    """Padded standard base64 with no other form of the same bytes.

    Raises:
        RecordError: anything else; `what` names the thing in the sentence.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        data = None
    if data is None or base64.b64encode(data).decode("ascii") != text:
        raise RecordError(f"{what}: expected strict base64, found {text[:60]!r}", code="bad-base64")
    return data


def check_name(name: str) -> str:
    """A key's name: not empty, no white space, no `+`, no control characters."""
    if not name or "+" in name or any(c.isspace() or ord(c) < 0x20 or c == "\x7f" for c in name):
        raise RecordError(
            f"expected a key name without spaces or +, such as organisation.example/country-year, found {name[:100]!r}",
            code="bad-key-name",
        )
    return name


def key_id(name: str, key: bytes) -> bytes:
    """First 4 bytes of SHA-256(name, newline, type byte and public key)."""
    return hashlib.sha256(name.encode("utf-8") + b"\n" + key).digest()[:4]


class Verifier:
    """A public key as its one-line text, `name+hex key ID+base64(type || 32 bytes)`.

    Raises:
        RecordError: not such a line, a key ID that does not fit, or a type that can't be verified here.
    """

    def __init__(self, vkey: str) -> None:
        parts = vkey.split("+", 2)
        if len(parts) != 3:
            raise RecordError(
                f"expected a verifier key (name+key ID+base64), found {vkey[:100]!r}", code="bad-verifier-key"
            )
        self.vkey = vkey
        self.name = check_name(parts[0])
        key = strict_base64(parts[2], what="verifier key")
        if len(key) != 33 or key[0] not in (ED25519, COSIGNATURE_V1):
            raise RecordError(
                f"expected an Ed25519 verifier key (type 01 or 04 and 32 bytes), found {len(key)} bytes of type "
                f"{key[:1].hex() or 'none'}",
                code="bad-verifier-key",
            )
        self.type = key[0]
        self.key_id = key_id(self.name, key)
        if parts[1] != self.key_id.hex():
            raise RecordError(
                f"verifier key of {self.name}: expected key ID {self.key_id.hex()}, found {parts[1][:16]!r}; "
                "copy the whole line again",
                code="bad-verifier-key",
            )
        self._key = Ed25519PublicKey.from_public_bytes(key[1:])

    def check(self, text: str, signature: bytes) -> Signature | None:
        """The signature line's meaning, or None where it does not hold."""
        time, message = None, text.encode("utf-8")
        if self.type == COSIGNATURE_V1:
            if len(signature) != 72:
                return None
            time = int.from_bytes(signature[:8], "big")
            message = f"cosignature/v1\ntime {time}\n".encode() + message
            signature = signature[8:]
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return None
        return Signature(self.vkey, self.name, time)


class Signer:
    """An Ed25519 key that signs notes. `name` is the log's origin, `seed` the 32 secret bytes."""

    def __init__(self, name: str, seed: bytes) -> None:
        if len(seed) != 32:
            raise RecordError(f"expected a seed of 32 bytes, found {len(seed)}", code="bad-key")
        self.name = check_name(name)
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        public = bytes([ED25519]) + self._key.public_key().public_bytes_raw()
        self.key_id = key_id(name, public)
        self.vkey = f"{name}+{self.key_id.hex()}+{base64.b64encode(public).decode('ascii')}"

    def __repr__(self) -> str:
        return f"Signer({self.vkey})"

    def line(self, text: str) -> str:
        """One signature line over `text`, without its newline. Ed25519: the same text gives the same line."""
        signature = self._key.sign(text.encode("utf-8"))
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + signature).decode('ascii')}"


def sign(text: str, signer: Signer) -> bytes:
    """The signed note.

    Raises:
        RecordError: the text is empty, has control characters, or does not end in a newline.
    """
    _check_text(text)
    return f"{text}\n{signer.line(text)}\n".encode()


def open_note(note: bytes, verifiers: Iterable[Verifier]) -> Opened:
    """The text and who signed it.

    Raises:
        RecordError: code `bad-note` (not the form), `bad-signature` (a known key's line fails) or `unknown-signer`
            (no line by a known key).
    """
    text, lines = split_note(note)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    signatures, unknown = [], 0
    for name, signature in lines:
        verifier = known.get((name, signature[:4]))
        if verifier is None:
            unknown += 1
            continue
        found = verifier.check(text, signature[4:])
        if found is None:
            raise RecordError(f"the signature of {name} does not fit the text above it", code="bad-signature")
        signatures.append(found)
    if not signatures:
        expected = ", ".join(sorted(verifier.vkey for verifier in known.values())) or "any key (none was given)"
        signers = ", ".join(f"{name}+{signature[:4].hex()}" for name, signature in lines[:5])
        raise RecordError(f"expected a signature by {expected}, found {signers}", code="unknown-signer")
    return Opened(text, tuple(signatures), unknown)


def split_note(note: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """Text, and per signature line the name and the bytes (key ID first). Nothing is verified."""
    if len(note) > MAX_NOTE_BYTES:
        raise RecordError(f"expected a note of at most {MAX_NOTE_BYTES} bytes, found {len(note)}", code="bad-note")
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecordError(f"expected a signed note in UTF-8, found {error}", code="bad-note") from None
    head, blank, tail = whole.rpartition("\n\n")
    text = head + "\n"
    if not blank or not tail.endswith("\n"):
        raise RecordError("expected a text, a blank line and signature lines, found no such note", code="bad-note")
    _check_text(text)
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURE_LINES:
        raise RecordError(
            f"expected at most {MAX_SIGNATURE_LINES} signature lines, found {len(lines)}", code="bad-note"
        )
    return text, [_split_line(line) for line in lines]


def _split_line(line: str) -> tuple[str, bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise RecordError(f"expected a signature line '{_DASH}name base64', found {line[:80]!r}", code="bad-note")
    signature = strict_base64(encoded, what=f"signature line of {name[:60]}")
    if len(signature) < 5:
        raise RecordError(f"signature line of {name[:60]}: expected a key ID and a signature", code="bad-note")
    return check_name(name), signature


def _check_text(text: str) -> None:
    if not text.endswith("\n") or text == "\n" or any(c < " " and c != "\n" for c in text):
        raise RecordError("expected a text of whole lines without control characters, found another", code="bad-note")
