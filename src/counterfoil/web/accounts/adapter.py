"""allauth, made to forget: it would keep addresses and user agents."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Closed sign-up; the same address for everybody."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return "0.0.0.0"  # noqa: S104 - stands for everybody; nothing listens on it

    def get_http_user_agent(self, request: HttpRequest) -> str:
        return ""
