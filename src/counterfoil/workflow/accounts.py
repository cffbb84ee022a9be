"""Invitations, names and recovery: the rules, without a database.

Rules:

* A code is drawn with 120 random bits, shown once and stored as its SHA-256; a link ends after seven days.
* Somebody may give only what they may give (`GRANTS`); a new organiser, and an account given back to somebody who lost
  their keys, need a second organiser as soon as there ever were two. Ending access never needs a second person.
* A name is whatever its bearer likes, best not their own; names differ by more than case.

>>> needs_second(["organiser"], recovers=False, organisers=1), needs_second(["reader"], recovers=True, organisers=2)
(False, True)
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta

from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.workflow.roles import ROLES

CODE_BYTES = 15
"""120 bits, 24 letters and digits: not to be guessed even without a limit on tries."""
LASTS = timedelta(days=7)
GRANTS: Mapping[str, tuple[str, ...]] = {"organiser": ROLES}
"""Role -> the roles that it may give to others."""
NAME = re.compile(r"[^\W_](?:[\w.-]{1,38})[^\W_]")
SESSION_WORDS = 64
"""How many words there are to tell one's sessions apart (`web.accounts.words`)."""


def code_of(random: bytes) -> str:
    """The code that people see of `CODE_BYTES` random bytes."""
    return base64.b32encode(random).decode("ascii").lower()


def code_hash(code: str) -> str:
    """SHA-256 (hex) of a code as somebody typed it: case, blanks and dashes don't matter."""
    plain = "".join(code.lower().split()).replace("-", "")
    return hashlib.sha256(plain.encode("utf-8")).hexdigest()


def check_grant(giver: Iterable[str], roles: Iterable[str]) -> tuple[str, ...]:
    """The roles in the order of `ROLES`, if somebody with the roles `giver` may give them.

    Raises:
        InputError: no role, or an unknown one.
        Refusal: a role that the giver may not give.
    """
    wanted = set(roles)
    if not wanted or not wanted <= set(ROLES):
        raise InputError("roles", expected=f"some of {', '.join(ROLES)}", found=", ".join(sorted(wanted)) or "none")
    allowed = {role for own in giver for role in GRANTS.get(own, ())}
    if not wanted <= allowed:
        refused = ", ".join(sorted(wanted - allowed))
        raise Refusal(f"roles: expected only roles that you may give, found {refused}; ask an organiser.", code="roles")
    return tuple(role for role in ROLES if role in wanted)


def needs_second(roles: Iterable[str], *, recovers: bool, organisers: int) -> bool:
    """Whether an invitation waits for a second organiser. `organisers`: how many there ever were, ended ones too;
    otherwise one could end all others and then act alone."""
    return organisers > 1 and (recovers or "organiser" in roles)


def clean_name(text: str) -> str:
    """A name as it is stored: lower case, 3 to 40 letters, digits, dots, dashes.

    Raises:
        InputError: anything else.
    """
    name = text.strip().casefold()
    if not NAME.fullmatch(name):
        raise InputError("name", expected="3 to 40 letters, digits, dots or dashes", found=repr(text[:60]), code="name")
    return name


def suggest_name(word: str, random: bytes) -> str:
    """A name that says nothing about its bearer: a word and three digits.

    >>> suggest_name("heron", b"\\x01\\x02")
    'heron-258'
    """
    return f"{word}-{int.from_bytes(random, 'big') % 1000:03d}"
