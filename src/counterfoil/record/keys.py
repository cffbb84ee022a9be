"""The log's key on a disk: making it, loading it, remembering what it signed, splitting it for a safe.

* `keys/` is 0700, each file 0600; looser permissions are refused, not repaired: somebody may have read the key already.
* `log.key` is one line in the form that other C2SP programs read (`PRIVATE+KEY+name+key ID+base64`); `log.last` is the
  last checkpoint signed (`record.signing`). **Never restore `log.last` from an older copy.**
* Nothing here draws random bytes; they come in as arguments.
* `split` cuts the seed by Shamir's scheme (CACM 22 (1979) 612, doi 10.1145/359168.359176) over GF(256) with the
  polynomial 0x11b: fewer than `needed` parts say nothing about the key. A part is one line with a checksum, in hex, so
  that it can be printed and typed.

What a thief of the key can do: sign a second history. What he can't: make it fit an older checkpoint that
somebody kept.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from counterfoil.primitives.errors import RecordError
from counterfoil.record.durable import make_folder, replace_file, stage_file, sync_folder
from counterfoil.record.note import ED25519, Signer, Verifier, strict_base64
from counterfoil.record.signing import FirstWitness

LOG_KEY, LAST_SIGNED = "log.key", "log.last"
PARTS = "log.parts"
"""Beside the key once it was split: how many parts were made, and how many give it back. Nothing of the key."""
_PRIVATE = "PRIVATE+KEY+"
_PART = re.compile(r"counterfoil-key-part/v1 (\S+) ([1-9][0-9]*) of ([1-9][0-9]*), ([1-9][0-9]*) needed: ([0-9a-f-]+)")


def create_secret(folder: Path, name: str, secret: bytes) -> Path:
    """A new secret file (0600) in a private folder (0700).

    Raises:
        RecordError: the file exists, or the folder can be entered by others.
    """
    if not folder.exists():
        make_folder(folder.absolute().parent)
        folder.mkdir(0o700)
        sync_folder(folder.absolute().parent)
    _check_private(folder)
    path = folder / name
    temporary = stage_file(path, secret, 0o600)
    try:
        os.link(temporary, path)  # unlike a rename, never replaces
    except FileExistsError:
        raise RecordError(
            f"{path}: expected no key yet, found one; a key is never overwritten", code="key-exists"
        ) from None
    finally:
        temporary.unlink()
    sync_folder(folder)
    return path


def read_secret(folder: Path, name: str) -> bytes:
    """The bytes of a secret file.

    Raises:
        RecordError: there is none, or others may read it.
    """
    path = folder / name
    if not path.is_file():
        raise RecordError(f"{path}: expected a key, found none; make one with 'counterfoil key new'", code="no-key")
    _check_private(folder)
    _check_private(path)
    return path.read_bytes()


def create_key(folder: Path, name: str, seed: bytes) -> Signer:
    """A new log key. `name` is the log's origin (organisation.example/country-year), `seed` 32 random bytes."""
    signer = Signer(name, seed)
    create_secret(folder, LOG_KEY, f"{private_line(name, seed)}\n".encode())
    return signer


def load_seed(folder: Path) -> tuple[str, bytes]:
    """(name, seed) of the log key."""
    return parse_private_line(read_secret(folder, LOG_KEY).decode("utf-8", "replace").strip())


def load_key(folder: Path) -> FirstWitness:
    """The log key with its memory: signs only what extends the last checkpoint it signed."""
    signer = Signer(*load_seed(folder))
    last = folder / LAST_SIGNED

    def remember(note: bytes) -> None:
        replace_file(last, note, 0o600)

    try:
        return FirstWitness(signer, last.read_bytes() if last.exists() else None, remember)
    except RecordError as error:
        raise RecordError(
            f"{last}: expected the checkpoint that this key signed last, found something else ({error}); "
            "without it the key can't tell a second history: look for the newest copy of this file",
            code="bad-memory",
        ) from None


def show_key(folder: Path) -> str:
    """The verifier key that readers need: public, to be spread by other ways than the publication."""
    return Signer(*load_seed(folder)).vkey


def private_line(name: str, seed: bytes) -> str:
    """The key as one secret line."""
    signer = Signer(name, seed)
    return f"{_PRIVATE}{name}+{signer.key_id.hex()}+{base64.b64encode(bytes([ED25519]) + seed).decode('ascii')}"


def parse_private_line(line: str) -> tuple[str, bytes]:
    """(name, seed) of a secret line.

    Raises:
        RecordError: not such a line, or its key ID does not fit. The message never holds the key.
    """
    parts = line.removeprefix(_PRIVATE).split("+", 2)
    if not line.startswith(_PRIVATE) or len(parts) != 3:
        raise RecordError(f"expected a private key line ({_PRIVATE}name+key ID+base64), found another", code="bad-key")
    try:
        key = strict_base64(parts[2], what="private key")
    except RecordError:
        raise RecordError("private key: expected strict base64, found another form", code="bad-key") from None
    if len(key) != 33 or key[0] != ED25519 or private_line(parts[0], key[1:]) != line:
        raise RecordError("private key: its key ID does not fit; the line was cut or changed", code="bad-key")
    return parts[0], key[1:]


def split(name: str, seed: bytes, parts: int, needed: int, random: Callable[[int], bytes]) -> list[str]:
    """`parts` lines of which any `needed` give the key back. `random(n)` gives n unpredictable bytes.

    Raises:
        RecordError: not 2 <= needed <= parts <= 100.
    """
    if not 2 <= needed <= parts <= 100:
        raise RecordError(
            f"expected 2 to 100 parts with 2 to all of them needed, found {needed} of {parts}", code="bad-split"
        )
    vkey = Signer(name, seed).vkey
    rows = [seed, *(random(len(seed)) for _ in range(needed - 1))]
    lines = []
    for x in range(1, parts + 1):
        value = bytes(_evaluate([row[i] for row in rows], x) for i in range(len(seed)))
        text = f"counterfoil-key-part/v1 {vkey} {x} of {parts}, {needed} needed: "
        body = value.hex() + hashlib.sha256(text.encode() + value).hexdigest()[:8]
        lines.append(text + "-".join(body[i : i + 4] for i in range(0, len(body), 4)))
    return lines


def join(lines: Sequence[str]) -> tuple[str, bytes]:
    """(name, seed) from enough parts; all that are given must fit.

    Raises:
        RecordError: a mistyped part (named by its number), parts of different keys, or too few.
    """
    found = [_parse_part(line) for line in lines]
    keys = {(vkey, needed) for vkey, needed, _, _ in found}
    if len(keys) != 1:
        raise RecordError(f"expected parts of one key, found parts of {len(keys)}", code="bad-part")
    vkey, needed = keys.pop()
    points = {x: value for _, _, x, value in found}
    if len(points) < needed:
        raise RecordError(f"expected {needed} different parts, found {len(points)}", code="too-few-parts")
    xs = list(points)[:needed]
    seed = _interpolate({x: points[x] for x in xs}, 0)
    name = Verifier(vkey).name
    rest = {x: value for x, value in points.items() if x not in xs}
    if Signer(name, seed).vkey != vkey or any(
        _interpolate({y: points[y] for y in xs}, x) != v for x, v in rest.items()
    ):
        raise RecordError("the parts are well-formed but don't give the key that they name", code="bad-part")
    return name, seed


def _parse_part(line: str) -> tuple[str, int, int, bytes]:
    text = " ".join(line.split())
    head, _, digits = text.rpartition(": ")
    match = _PART.fullmatch(f"{head}: {digits.lower().replace(' ', '')}")
    if match is None:
        raise RecordError(
            f"expected a line that begins with counterfoil-key-part/v1, found {text[:40]!r}", code="bad-part"
        )
    vkey, x, needed = match[1], int(match[2]), int(match[4])
    body = match[5].replace("-", "")
    value = bytes.fromhex(body[:64]) if len(body) == 72 else b""
    if hashlib.sha256(f"{head}: ".encode() + value).hexdigest()[:8] != body[64:]:
        raise RecordError(f"part {x}: its checksum does not fit; look for a mistyped digit", code="bad-part")
    if not 1 <= x <= 100:
        raise RecordError(f"expected a part from 1 to 100, found {x}", code="bad-part")
    return vkey, needed, x, value


# GF(256), polynomial x^8 + x^4 + x^3 + x + 1. Not constant-time: used by hand, offline, on one's own machine.


def _multiply(a: int, b: int) -> int:
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def _inverse(a: int) -> int:
    result = 1
    for _ in range(254):  # a**254 = 1 / a
        result = _multiply(result, a)
    return result


def _evaluate(coefficients: Sequence[int], x: int) -> int:
    value = 0
    for coefficient in reversed(coefficients):
        value = _multiply(value, x) ^ coefficient
    return value


def _interpolate(points: dict[int, bytes], at: int) -> bytes:
    """Value at `at` of the polynomial through `points` (Lagrange), byte by byte."""
    result = bytearray(len(next(iter(points.values()))))
    for x, value in points.items():
        weight = 1
        for other in points:
            if other != x:
                weight = _multiply(weight, _multiply(at ^ other, _inverse(x ^ other)))
        for i, byte in enumerate(value):
            result[i] ^= _multiply(weight, byte)
    return bytes(result)


def _check_private(path: Path) -> None:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise RecordError(
            f"{path}: expected permissions for the owner only, found {mode:o}; somebody may have read it: make a new "
            "key, or set them right if you are sure",
            code="loose-permissions",
        )
