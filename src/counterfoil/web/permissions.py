"""Who may open which address: one table, default deny.

Rules:

* A view that has no line here answers 404 to everybody; a test walks every address, role and method.
* `PUBLIC` needs no account and never makes a session or a cookie; everything else needs an account, a second factor
  and a role that may do the action (`workflow.roles.ACTIONS`).
* Which copy or station somebody may see is asked in the view, by `storage` queries that start from the person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, HttpResponseRedirect
from django.urls import Resolver404, resolve, reverse

from counterfoil.workflow.roles import may

PUBLIC = "public"
ACCOUNT = "account"
"""Any account: its own keys and sessions."""

VIEWS: Mapping[str, str] = {
    # name of the address -> PUBLIC, ACCOUNT or an action of workflow.roles
    "work": "work",
    "language": PUBLIC,
    "health": PUBLIC,
    "account_login": PUBLIC,
    "account_logout": ACCOUNT,
    "account_reauthenticate": ACCOUNT,
    "account_change_password": ACCOUNT,
    "account_set_password": ACCOUNT,
    "mfa_index": ACCOUNT,
    "mfa_authenticate": PUBLIC,
    "mfa_reauthenticate": ACCOUNT,
    "mfa_activate_totp": ACCOUNT,
    "mfa_deactivate_totp": ACCOUNT,
    "mfa_generate_recovery_codes": ACCOUNT,
    "mfa_view_recovery_codes": ACCOUNT,
    "mfa_list_webauthn": ACCOUNT,
    "mfa_add_webauthn": ACCOUNT,
    "mfa_remove_webauthn": ACCOUNT,
    "mfa_edit_webauthn": ACCOUNT,
    "mfa_login_webauthn": PUBLIC,
    "mfa_reauthenticate_webauthn": ACCOUNT,
}


class DefaultDeny:
    """Middleware after authentication: 404 for what is not in the table, the login page, or 403."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            name = resolve(request.path_info).view_name
        except Resolver404:
            return HttpResponseNotFound("not found\n", content_type="text/plain")
        needed = VIEWS.get(name)
        if needed is None:
            return HttpResponseNotFound("not found\n", content_type="text/plain")
        if needed == PUBLIC:
            return self.get_response(request)
        user = request.user
        if not user.is_authenticated:
            return HttpResponseRedirect(f"{reverse('account_login')}?next={request.path}")
        if needed != ACCOUNT and not may(user.roles, needed):
            return HttpResponse("forbidden\n", status=403, content_type="text/plain")
        return self.get_response(request)
