"""Keys, sessions and codes: nobody reaches another's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.mfa.models import Authenticator

from counterfoil.bootstrap.server import Server
from counterfoil.storage import tokens
from counterfoil.storage.models import Account, Session, Token
from counterfoil.storage.sessions import SessionStore, hashed
from tests.server.objects import Case


def _session(server: Server, owner: Account) -> tuple[str, Callable[[], Any]]:
    store = SessionStore()
    store["_auth_user_id"] = str(owner.pk)
    store.create()
    key = hashed(store.session_key or "")
    return f"/account/sessions/{key}/end/", lambda: Session.objects.filter(session_key=key).exists()


def _passkey(action: str) -> Callable[[Server, Account], tuple[str, Callable[[], Any]]]:
    def make(server: Server, owner: Account) -> tuple[str, Callable[[], Any]]:
        made = Authenticator.objects.create(user=owner, type=Authenticator.Type.WEBAUTHN, data={"name": "mine"})
        return f"/account/passkeys/{made.pk}/{action}/", lambda: Authenticator.objects.get(pk=made.pk).data

    return make


def _token(server: Server, owner: Account) -> tuple[str, Callable[[], Any]]:
    word = tokens.make("mine", account=owner)
    made = Token.objects.get(account=owner, name="mine")
    return f"/account/tokens/{made.pk}/end/", lambda: tokens.find(word) is not None


CASES = [
    Case("end another's token", "organiser", _token),
    Case("end another's session", "reader", _session),
    Case("remove another's passkey", "reader", _passkey("remove")),
    Case("rename another's passkey", "organiser", _passkey("rename"), data=(("name", "yours"),)),
    Case("look at another's passkey", "reader", _passkey("remove"), method="GET"),
]
