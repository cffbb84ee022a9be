"""Tokens of the API: a long random word, shown once; only its hash is kept.

A token belongs to an account (it may what the account's roles may) or to a branch of senders (it may send). It stops
with its owner: an account that was taken out, a branch that was taken back.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid

from counterfoil.storage.models import Account, Branch, Token

PREFIX = "counterfoil_"
TOKEN_BYTES = 32


def make(name: str, *, account: Account | None = None, branch: Branch | None = None) -> str:
    """A new token; the only time that it is seen.

    Raises:
        ValueError: not exactly one owner.
    """
    if (account is None) == (branch is None):
        raise ValueError("expected an account or a branch")
    word = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    Token.objects.create(token_hash=_hash(word), name=name, account=account, branch=branch)
    return word


def find(word: str) -> Token | None:
    """The token, if it holds and its owner does."""
    if not word.startswith(PREFIX):
        return None
    found = Token.objects.filter(token_hash=_hash(word), revoked=False).select_related("account", "branch").first()
    if found is None or (found.account is not None and not found.account.is_active):
        return None
    return None if found.branch is not None and found.branch.revoked else found


def shown(header: str) -> Token | None:
    """The token of an `Authorization` header, if it holds."""
    kind, _, word = header.partition(" ")
    return find(word.strip()) if kind == "Bearer" else None


def revoke(key: uuid.UUID, account: Account) -> bool:
    """End one of one's own tokens; whether there was such a token."""
    return bool(Token.objects.filter(pk=key, account=account, revoked=False).update(revoked=True))


def _hash(word: str) -> str:
    return hashlib.sha256(word.encode("ascii", "replace")).hexdigest()
