"""allauth, made to forget and to keep secrets: what it asks of its adapters."""

from __future__ import annotations

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.translation import gettext

from counterfoil.bootstrap.server import server
from counterfoil.config.secrets import secret
from counterfoil.primitives.errors import RecordError
from counterfoil.storage.accounts import FACTORS
from counterfoil.web.middleware import NOBODY


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Closed sign-up, no mail, and one address for everybody: what allauth counts by address is a global budget."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return NOBODY

    def get_http_user_agent(self, request: HttpRequest) -> str:
        return ""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        raise RuntimeError("expected no mail to be sent, found one; nothing here has an address")

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        """Only what went wrong: the pages themselves show what went well."""
        if message:
            super().add_message(request, level, extra_tags=extra_tags, message=message)


class Keys(DefaultMFAAdapter):  # type: ignore[misc]
    """Passkeys belong to the first of our names; secrets of one-time codes lie encrypted in the database."""

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        name = server().settings.hosts[0]
        return {"id": name, "name": name}

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:  # noqa: A002
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return gettext("Passkey %(number)d") % {"number": number}

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """The last second factor stays."""
        others = Authenticator.objects.filter(user_id=authenticator.user_id, type__in=FACTORS)
        return bool(others.exclude(pk=authenticator.pk).exists())

    def encrypt(self, text: str) -> str:
        return _box().encrypt(text.encode("utf-8")).decode("ascii")

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return _box().decrypt(encrypted_text.encode("ascii")).decode("utf-8")
        except InvalidToken:
            raise RecordError(
                "factors.key: expected the key with which one-time codes were stored, found another; "
                "put it back from the backup",
                code="wrong-key",
            ) from None


def _box() -> Fernet:
    key = bytes.fromhex(secret(server().settings.keys, "factors.key"))
    return Fernet(base64.urlsafe_b64encode(key))
