"""Forms of log-in and invitation, where they differ from allauth's."""

from __future__ import annotations

from typing import Any

from allauth.mfa import app_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import normalize_user_code
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms
from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from counterfoil.workflow.roles import ROLES

ROLE_NAMES = {
    "sender_coordinator": _("Coordinator of senders: hands out invitations to send"),
    "reader": _("Reader: types what photos show"),
    "arbiter": _("Arbiter: decides where readings differ"),
    "organiser": _("Organiser: sets up, invites, publishes"),
    "auditor": _("Auditor: sees everything, changes nothing"),
}


class _OnceMixin:
    """A one-time code is good once. allauth remembers it for one period, but takes it for three (clocks differ)."""

    user: Any
    authenticator: Any

    def clean_code(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]
        if self.authenticator.type == Authenticator.Type.TOTP:
            lasts = app_settings.TOTP_PERIOD * (2 * app_settings.TOTP_TOLERANCE + 1)
            if not cache.add(f"totp-used:{self.user.pk}:{normalize_user_code(code)}", True, timeout=lasts):
                raise get_adapter().validation_error("incorrect_code")
        return code


class CodeForm(_OnceMixin, AuthenticateForm):  # type: ignore[misc]
    """The second step of log-in."""


class CodeAgainForm(_OnceMixin, ReauthenticateForm):  # type: ignore[misc]
    """Proving again who one is."""


class PasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A new passkey; always one that logs in by itself and asks for finger, face or PIN."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("passwordless")
        self.fields["name"].label = _("A name for this passkey, such as where it is kept")
        self.fields["name"].max_length = 60

    def clean(self) -> dict[str, Any]:
        self.cleaned_data["passwordless"] = True  # the device must have verified its user
        cleaned: dict[str, Any] = super().clean()
        return cleaned


class InvitationForm(forms.Form):
    """The name of a new account."""

    name = forms.CharField(
        label=_("Name"),
        max_length=40,
        help_text=_("Not your own name: nobody here needs it. 3 to 40 letters, digits, dots or dashes."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )


class TokenForm(forms.Form):
    """What a token is called."""

    name = forms.CharField(label=_("What it is for"), max_length=60)


class RolesForm(forms.Form):
    """What somebody new may do."""

    roles = forms.MultipleChoiceField(
        label=_("What they may do"),
        choices=[(role, ROLE_NAMES[role]) for role in ROLES],
        widget=forms.CheckboxSelectMultiple,
    )
