"""One's own keys and sessions, and the link of an invitation. Log-in and codes are allauth's views, our templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.login import record_authentication
from allauth.account.views import PasswordSetView
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.webauthn.internal import auth, flows
from allauth.mfa.webauthn.views import AddWebAuthnView, EditWebAuthnView, RemoveWebAuthnView
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.http.request import split_domain_port
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.safestring import mark_safe
from django.utils.translation import gettext

from counterfoil.bootstrap.server import server
from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.storage import accounts, tokens
from counterfoil.storage.models import Account, Session
from counterfoil.storage.sessions import hashed
from counterfoil.web.accounts.forms import InvitationForm, TokenForm
from counterfoil.web.accounts.words import WORDS, suggested_name
from counterfoil.web.errors import not_found

_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
View = Callable[..., HttpResponseBase]
again: Callable[[View], View] = reauthentication_required(app="allauth.mfa")


def invitation(request: HttpRequest, code: str) -> HttpResponse:
    """Where an invitation's link leads: choose a name, or take an account back; then set up a key."""
    now = server().now()
    found = accounts.invitation_of(code, now=now)
    if found is None:
        return render(request, "account/invitation_over.html", status=404)
    named = found.account or found.recovers
    form = InvitationForm(request.POST or None, initial={"name": suggested_name()})
    if request.method == "POST" and (named is not None or form.is_valid()):
        try:
            account = accounts.accept(found, form.data.get("name", ""), now=now)
        except InputError as error:
            form.add_error("name", _name_error(error))
        except Refusal:
            return render(request, "account/invitation_over.html", status=404)
        else:
            request.session.flush()
            login(request, account, backend=_BACKEND)
            return redirect("mfa_index")
    return render(request, "account/invitation.html", {"form": form, "named": named, "invitation": found})


def _name_error(error: InputError) -> str:
    if error.code == "name-taken":
        return gettext("Somebody here has this name already. Choose another.")
    return gettext("Use 3 to 40 letters, digits, dots or dashes, and begin and end with a letter or digit.")


def keys(request: HttpRequest) -> HttpResponse:
    """One's keys and sessions; before there is a second factor, what to do to get one."""
    account = _account(request)
    found = Authenticator.objects.filter(user=account)
    codes = found.filter(type=Authenticator.Type.RECOVERY_CODES).first()
    host = server().settings.hosts[0]
    here = hashed(request.session.session_key or "")
    sessions = Session.objects.filter(account=account, expire_date__gt=server().now()).order_by("began_on", "word")
    return render(
        request,
        "account/keys.html",
        {
            "passkeys": [a for a in found.order_by("pk") if a.type == Authenticator.Type.WEBAUTHN],
            "totp": found.filter(type=Authenticator.Type.TOTP).exists(),
            "codes_left": len(codes.wrap().get_unused_codes()) if codes else None,
            "set_up": accounts.has_factor(account),
            "passkeys_here": split_domain_port(request.get_host())[0] == host,
            "passkey_host": host,
            "tokens": account.tokens.filter(revoked=False).order_by("name"),
            "sessions": [
                {"key": s.session_key, "word": WORDS[s.word], "began_on": s.began_on, "here": s.session_key == here}
                for s in sessions
            ],
        },
    )


def end_session(request: HttpRequest, key: str) -> HttpResponse:
    """End one of one's own sessions."""
    if not accounts.end_session(_account(request), key):
        return not_found(request)
    return redirect("mfa_index")


def end_sessions(request: HttpRequest) -> HttpResponse:
    """End all of one's sessions but this one."""
    accounts.end_sessions(_account(request), but=hashed(request.session.session_key or ""))
    return redirect("mfa_index")


@again
def new_token(request: HttpRequest) -> HttpResponse:
    """A token for the API; it may what its owner may, and is shown once."""
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        word = tokens.make(form.cleaned_data["name"], account=_account(request))
        return render(request, "account/token.html", {"word": word})
    return render(request, "account/token.html", {"form": form})


def end_token(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End one of one's own tokens."""
    if not tokens.revoke(pk, _account(request)):
        return not_found(request)
    return redirect("mfa_index")


class SetPassword(PasswordSetView):  # type: ignore[misc]
    """A first password, for one-time codes. Who has keys already proves it first: else an open browser would do."""

    success_url = reverse_lazy("mfa_activate_totp")

    @method_decorator(again)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        answer: HttpResponse = super().dispatch(request, *args, **kwargs)
        return answer

    def form_valid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)
        record_authentication(self.request, self.request.user, "password", reauthenticated=True)
        return answer


class OneTimeCodes(ActivateTOTPView):  # type: ignore[misc]
    """Codes of an app. They are the second step after a password, so there must be one."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not _account(request).has_usable_password():
            return HttpResponseRedirect(reverse("account_set_password"))
        answer: HttpResponse = super().dispatch(request, *args, **kwargs)
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().get_context_data(**kwargs)
        # The picture is drawn by us from a secret of ours; inside the page, as the policy allows no data: pictures.
        found["totp_svg"] = mark_safe(found["totp_svg"].partition("?>")[2])  # noqa: S308
        return found


class AddPasskey(AddWebAuthnView):  # type: ignore[misc]
    """A passkey that logs in by itself: discoverable, and its device asks who holds it."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super(AddWebAuthnView, self).get_context_data(**kwargs)
        options = auth.begin_registration(self.request.user, passwordless=True)
        return found | {"js_data": {"creation_options": options}}

    def form_valid(self, form: Any) -> HttpResponse:
        flows.signup_authenticator(
            self.request,
            user=self.request.user,
            name=form.cleaned_data["name"],
            credential=form.cleaned_data["credential"],
        )
        return HttpResponseRedirect(reverse("mfa_index"))


class EditPasskey(EditWebAuthnView):  # type: ignore[misc]
    """Another name for a passkey."""

    success_url = reverse_lazy("mfa_index")


class RemovePasskey(RemoveWebAuthnView):  # type: ignore[misc]
    """A passkey is gone, and with it every other session: whoever had the device is out. The last factor stays."""

    success_url = reverse_lazy("mfa_index")

    def form_valid(self, form: Any) -> HttpResponse:
        if not get_adapter().can_delete_authenticator(self.get_object()):
            refused: HttpResponse = self.render_to_response(self.get_context_data(last=True))
            return refused
        answer: HttpResponse = super().form_valid(form)
        accounts.end_sessions(_account(self.request), but=hashed(self.request.session.session_key or ""))
        return answer


def _account(request: HttpRequest) -> Account:
    return get_object_or_404(Account, pk=request.user.pk)
