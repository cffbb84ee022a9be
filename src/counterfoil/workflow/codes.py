"""Codes that people hold: receipts, printed invitation codes, the one-time token of a form. Only hashes are stored.

| code | looks like | bits | stored |
| --- | --- | --- | --- |
| receipt | six words of a list of 7,776 | 77 | scrypt with the server's pepper |
| invitation | XXXX-XXXX-XXXX-XXXX, without letters that look like digits | 80 | HMAC-SHA-256 with the pepper |
| form token | nonce, expiry, HMAC | 128 | not at all; its nonce in memory until it expires |

Rules: randomness and time come in as arguments. A code is read as people type it: in any case, with any spaces or
hyphens between its parts; O is read as 0, I and L as 1. Whoever has the database but not the pepper can't test a guess.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files

WORDS_OF_RECEIPT = 6
TOKEN_LIFE_S = 6 * 3600
"""How long a form may lie open; long enough for a night with a bad network."""

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_INVITATION_BYTES = 10
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**14, 8, 1
"""16 MB and about 40 ms: the words alone hold 77 bits, so this is against whoever steals database and pepper."""
_RANDOM_WORD_BYTES = 4

Random = Callable[[int], bytes]
"""Gives n unpredictable bytes."""


@cache
def words() -> tuple[str, ...]:
    """The 7,776 words of receipts, in alphabetical order."""
    text = (files("counterfoil.workflow") / "receipt_words.txt").read_text("ascii")
    return tuple(line for line in text.splitlines() if not line.startswith("#"))


def draw_receipt(random: Random) -> str:
    """Six words, each drawn evenly and apart from the others."""
    return " ".join(words()[_below(len(words()), random)] for _ in range(WORDS_OF_RECEIPT))


def _below(limit: int, random: Random) -> int:
    """A number from 0 to limit - 1, each as likely: what would favour the low ones is drawn again."""
    space = 1 << (8 * _RANDOM_WORD_BYTES)
    while True:
        drawn = int.from_bytes(random(_RANDOM_WORD_BYTES), "big")
        if drawn < space - space % limit:
            return drawn % limit


def read_receipt(typed: str) -> str | None:
    """The receipt as it was drawn, from what somebody typed; None if it cannot be one."""
    found = list(_words_in(typed))
    return " ".join(found) if len(found) == WORDS_OF_RECEIPT and _known().issuperset(found) else None


def _words_in(text: str) -> Iterator[str]:
    """The words of a text as the list has them: "t-shirt" is one, however it is written."""
    parts = re.findall(r"[a-z]+", text.casefold())
    at = 0
    while at < len(parts):
        both = "-".join(parts[at : at + 2])
        yield both if both in _known() else parts[at]
        at += 2 if both in _known() and "-" in both else 1


@cache
def _known() -> frozenset[str]:
    return frozenset(words())


def hash_receipt(receipt: str, pepper: bytes) -> str:
    """What is stored of a receipt: 64 hex digits. Slow on purpose (scrypt, 16 MB)."""
    salt = hmac.digest(pepper, b"receipt", "sha256")
    return hashlib.scrypt(
        receipt.encode("ascii"), salt=salt, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P, maxmem=64 * 2**20, dklen=32
    ).hex()


def tells_receipt(text: str) -> bool:
    """Whether a text that is about to be kept holds six words of the list in a row: somebody pasted their receipt."""
    run = 0
    for word in _words_in(text):
        run = run + 1 if word in _known() else 0
        if run >= WORDS_OF_RECEIPT:
            return True
    return False


def draw_invitation(random: Random) -> str:
    """An invitation code of 80 bits, in four groups of four."""
    text = base64.b32encode(random(_INVITATION_BYTES)).decode("ascii")
    text = text.translate(str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _CROCKFORD))
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def read_invitation(typed: str) -> str | None:
    """The code as it was drawn, from what somebody typed; None if it cannot be one."""
    plain = re.sub(r"[\s-]", "", typed).upper().translate(str.maketrans("OIL", "011"))
    if len(plain) != 16 or any(letter not in _CROCKFORD for letter in plain):
        return None
    return "-".join(plain[at : at + 4] for at in range(0, 16, 4))


def hash_invitation(code: str, pepper: bytes) -> str:
    """What is stored of an invitation code: 64 hex digits."""
    return hmac.new(pepper, b"invitation:" + code.encode("ascii"), hashlib.sha256).hexdigest()


def form_key(pepper: bytes) -> bytes:
    """The key of form tokens: the same in every process of this server, and of no use for anything else."""
    return hmac.digest(pepper, b"form-token", "sha256")


def make_token(key: bytes, channel: str, now_s: float, random: Random) -> str:
    """A one-time token for one form. `channel` says which form it is good for."""
    body = f"{random(16).hex()}.{int(now_s) + TOKEN_LIFE_S}"
    return f"{body}.{_mac(key, channel, body)}"


def read_token(token: str, key: bytes, channel: str, now_s: float) -> tuple[str, int] | None:
    """Nonce and expiry of a token that this server made for this form and that has not expired; else None."""
    parts = token.split(".")
    if len(parts) != 3 or not token.isascii():
        return None
    nonce, expires, mac = parts
    body = f"{nonce}.{expires}"
    if not hmac.compare_digest(mac, _mac(key, channel, body)) or int(expires) <= now_s:
        return None
    return nonce, int(expires)


def solves(puzzle: str, answer: str, bits: int) -> bool:
    """Whether `answer` was worked for: SHA-256 of "puzzle:answer" begins with this many zero bits."""
    if len(answer) > 20 or not answer.isascii() or not answer.isdecimal():
        return False
    digest = hashlib.sha256(f"{puzzle}:{answer}".encode("ascii")).digest()
    return int.from_bytes(digest, "big") >> (256 - bits) == 0


def _mac(key: bytes, channel: str, body: str) -> str:
    return hmac.new(key, f"{channel}.{body}".encode(), hashlib.sha256).hexdigest()
