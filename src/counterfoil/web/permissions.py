"""Who may open which address with which method: one table, default deny.

Rules:

* A view that has no line here answers 404 to everybody; a test walks every address, role and method.
* `PUBLIC` needs no account and never makes a session or a cookie. `ENTRANCE` needs no account, but may begin a
  session: where people log in. `SETTING_UP` needs an account, not yet a second factor: where one is set up. Everything
  else needs an account, a session opened with a second factor, and a role that may do the action
  (`workflow.roles.ACTIONS`).
* A session counts as opened with a second factor when one was used or set up in it: a session that somebody opened with
  a stolen password before there was any factor gains nothing when its owner adds one.
* Methods are GET, HEAD and POST unless `METHODS` says otherwise; every other one answers 405.
* Which copy or station somebody may see is asked in the view, by `storage` queries that start from the person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from urllib.parse import urlencode

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone

from counterfoil.storage import tokens
from counterfoil.storage.sessions import renew_slot
from counterfoil.web.errors import forbidden, not_found
from counterfoil.workflow.roles import may

PUBLIC = "public"
ENTRANCE = "entrance"
SETTING_UP = "setting_up"
"""Any account, even before it has a second factor."""
ACCOUNT = "account"
"""Any account with a second factor: its own keys and sessions."""

FACTOR = "second_factor"
"""In the session: whose second factor opened it (the account's id)."""
_RENEWED = "renewed"
API = "api-1:"
"""What the names of the API's addresses begin with."""

READ = frozenset({"GET", "HEAD"})
FORM = READ | {"POST"}
POST = frozenset({"POST"})

VIEWS: Mapping[str, str] = {
    # name of the address -> PUBLIC, ENTRANCE, SETTING_UP, ACCOUNT or an action of workflow.roles
    "api-1:openapi-json": PUBLIC,
    "api-1:election": PUBLIC,
    "api-1:areas": PUBLIC,
    "api-1:stations": PUBLIC,
    "api-1:station": PUBLIC,
    "api-1:copies": PUBLIC,
    "api-1:receipt-open": PUBLIC,
    "api-1:receipt-withdraw": PUBLIC,
    "api-1:proof": PUBLIC,
    "api-1:disputes": PUBLIC,
    "api-1:figures": PUBLIC,
    "api-1:proposals": "approve",
    "api-1:propose": "approve",
    "api-1:proposal-act": "approve",
    "api-1:import": "import_tables",
    "api-1:import-confirm": "import_tables",
    "api-1:official": PUBLIC,
    "api-1:entries": "withdraw",
    "api-1:notice": "notice",
    "api-1:phase": "notice",
    "api-1:settings": "running_settings",
    "api-1:settings-change": "running_settings",
    "api-1:disputes-open": "answer_disputes",
    "api-1:dispute-answer": "answer_disputes",
    "api-1:people": "manage_people",
    "api-1:people-invite": "invite_people",
    "api-1:people-out": "manage_people",
    "api-1:standing": "see_standing",
    "api-1:audit": "see_audit",
    "api-1:progress": "see_progress",
    "api-1:branches": "invite_senders",
    "api-1:branch-new": "invite_senders",
    "api-1:branch-codes": "invite_senders",
    "api-1:branch-token": "invite_senders",
    "api-1:me": ACCOUNT,
    "api-1:tasks-next": "work",
    "api-1:task": "work",
    "api-1:task-picture": "work",
    "api-1:task-draft": "work",
    "api-1:task-back": "work",
    "api-1:task-reading": "work",
    "api-1:task-problem": "work",
    "api-1:task-place": "identify",
    "api-1:task-decision": "decide",
    "work": "work",
    "language": PUBLIC,
    "health": PUBLIC,
    "send": PUBLIC,
    "send_areas": PUBLIC,
    "send_area": PUBLIC,
    "send_station": PUBLIC,
    "send_receipt": PUBLIC,
    "send_dispute": PUBLIC,
    "send_figures": PUBLIC,
    "send_told_figures": "invite_senders",
    "send_wishes": "withdraw",
    "send_bulk": "send_bulk",
    "send_tus": PUBLIC,
    "send_tus_upload": PUBLIC,
    "send_worker": PUBLIC,
    "send_manifest": PUBLIC,
    "send_queue": PUBLIC,
    "account_login": ENTRANCE,
    "account_logout": SETTING_UP,
    "account_inactive": ENTRANCE,
    "account_invitation": ENTRANCE,
    "mfa_authenticate": ENTRANCE,
    "mfa_login_webauthn": ENTRANCE,
    "mfa_index": SETTING_UP,
    "account_reauthenticate": SETTING_UP,
    "account_change_password": SETTING_UP,
    "account_set_password": SETTING_UP,
    "mfa_reauthenticate": ACCOUNT,
    "mfa_reauthenticate_webauthn": ACCOUNT,
    "mfa_activate_totp": SETTING_UP,
    "mfa_deactivate_totp": ACCOUNT,
    "mfa_generate_recovery_codes": ACCOUNT,
    "mfa_view_recovery_codes": ACCOUNT,
    "mfa_add_webauthn": SETTING_UP,
    "mfa_remove_webauthn": ACCOUNT,
    "mfa_edit_webauthn": ACCOUNT,
    "account_end_session": ACCOUNT,
    "account_end_sessions": ACCOUNT,
    "account_new_token": ACCOUNT,
    "account_end_token": ACCOUNT,
    "work_next": "identify",
    "work_undo": "read",
    "work_task": "identify",
    "work_photo": "see_copy",
    "work_photo_of": "see_copy",
    "work_crop": "see_copy",
    "work_draft": "identify",
    "work_back": "identify",
    "people": "manage_people",
    "people_invite": "invite_people",
    "people_recover": "manage_people",
    "people_approve": "approve",
    "people_withdraw": "manage_people",
    "people_end_sessions": "manage_people",
    "people_deactivate": "manage_people",
    "organise": "set_up",
    "organise_proposals": "approve",
    "organise_proposal": "approve",
    "organise_masked": "approve",
    "organise_audit": "see_audit",
    "organise_settings": "running_settings",
    "organise_set_up": "set_up",
    "organise_import": "import_tables",
    "organise_layouts": "set_up",
    "organise_layout": "set_up",
    "organise_layout_page": "set_up",
    "organise_layout_picture": "set_up",
    "organise_layout_try": "set_up",
    "organise_layout_file": "set_up",
    "organise_layout_propose": "import_tables",
    "organise_layout_delete": "set_up",
    "organise_snapshots": "import_official",
    "organise_notices": "notice",
    "organise_freeze": "freeze",
    "organise_phase": "notice",
    "organise_disputes": "answer_disputes",
    "organise_dispute": "answer_disputes",
    "organise_copies": "release",
    "organise_copy": "release",
    "organise_picture": "release",
    "organise_purge": "release",
    "organise_form_masks": "release",
    "organise_withdraw": "withdraw",
    "organise_exclude": "withdraw",
    "organise_missing": "see_progress",
    "organise_ageing": "see_progress",
    "organise_told": "see_progress",
    "organise_machine": "see_machine",
    "organise_look_alikes": "withdraw",
    "organise_readers": "see_standing",
    "organise_invalidate": "withdraw",
    "organise_stage": "withdraw",
    "organise_roles": "manage_people",
    "organise_branches": "invite_senders",
    "organise_branch_codes": "invite_senders",
    "organise_branch_revoke": "invite_senders",
    "organise_handover": "handover",
    "organise_end": "handover",
    "organise_parts": "handover",
    "organise_bundle": "handover",
    "organise_packs": "evidence_pack",
    "organise_pack": "evidence_pack",
}
METHODS: Mapping[str, frozenset[str]] = {
    "work": READ,
    "language": READ,
    "health": READ,
    "account_inactive": READ,
    "mfa_index": READ,
    "mfa_view_recovery_codes": READ,
    "account_end_session": POST,
    "account_end_sessions": POST,
    "account_end_token": POST,
    "send": READ,
    "send_areas": READ,
    "send_area": READ,
    "send_tus": frozenset({"OPTIONS", "POST"}),
    "send_tus_upload": frozenset({"DELETE", "HEAD", "OPTIONS", "PATCH", "POST"}),
    "send_worker": READ,
    "send_manifest": READ,
    "send_queue": READ,
    "work_next": FORM,
    "work_undo": POST,
    "work_photo": READ,
    "work_photo_of": READ,
    "work_crop": READ,
    "work_draft": POST,
    "work_back": POST,
    "people": READ,
    "people_invite": POST,
    "people_recover": POST,
    "people_approve": POST,
    "people_withdraw": POST,
    "people_end_sessions": POST,
    "people_deactivate": POST,
    "organise": READ,
    "organise_proposals": READ,
    "organise_masked": READ,
    "organise_audit": READ,
    "organise_set_up": READ,
    "organise_layout_page": POST,
    "organise_layout_picture": READ,
    "organise_layout_try": POST,
    "organise_layout_file": READ,
    "organise_layout_propose": POST,
    "organise_layout_delete": POST,
    "organise_snapshots": READ,
    "organise_phase": POST,
    "organise_disputes": READ,
    "organise_copies": READ,
    "organise_picture": READ,
    "organise_purge": POST,
    "organise_exclude": POST,
    "organise_missing": READ,
    "organise_ageing": READ,
    "organise_told": READ,
    "organise_machine": READ,
    "organise_look_alikes": READ,
    "organise_readers": READ,
    "organise_invalidate": POST,
    "organise_stage": POST,
    "organise_branch_codes": POST,
    "organise_branch_revoke": POST,
    "organise_end": POST,
    "organise_parts": POST,
    "organise_bundle": POST,
    "organise_packs": READ,
    "organise_pack": READ,
}


class Verdict(Enum):
    """What becomes of a request before its view is asked."""

    OPEN = 200
    LOG_IN = 302
    SET_UP = 303
    FORBIDDEN = 403
    UNKNOWN = 404
    METHOD = 405


def verdict(  # noqa: PLR0911 - a line a rule
    name: str | None, method: str, roles: Iterable[str] | None, *, factor: bool
) -> Verdict:
    """The rule. `roles` None: nobody is logged in. `factor`: the session was opened with a second factor."""
    needed = VIEWS.get(name or "")
    if needed is None:
        return Verdict.UNKNOWN
    if method not in METHODS.get(name or "", FORM):
        return Verdict.METHOD
    if needed in (PUBLIC, ENTRANCE):
        return Verdict.OPEN
    if roles is None:
        return Verdict.LOG_IN
    if needed == SETTING_UP:
        return Verdict.OPEN
    if not factor:
        return Verdict.SET_UP
    if needed == ACCOUNT or may(roles, needed):
        return Verdict.OPEN
    return Verdict.FORBIDDEN


class DefaultDeny:
    """Middleware after authentication; carries the verdict out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:  # noqa: PLR0911 - an answer a verdict
        try:
            name = resolve(request.path_info).view_name
        except Resolver404:
            return not_found(request)
        if name.startswith(API):
            return self._program(request, name)
        roles, factor = None, False
        if VIEWS.get(name, PUBLIC) not in (PUBLIC, ENTRANCE) and request.user.is_authenticated:
            roles, factor = request.user.roles, request.session.get(FACTOR) == str(request.user.pk)
            _stay(request)
        found = verdict(name, request.method or "", roles, factor=factor)
        match found:
            case Verdict.OPEN:
                return self.get_response(request)
            case Verdict.LOG_IN:
                back = {"next": request.path} if request.method in READ else {}
                return HttpResponseRedirect(f"{reverse('account_login')}{'?' if back else ''}{urlencode(back)}")
            case Verdict.SET_UP:
                return HttpResponseRedirect(reverse("mfa_index"))
            case Verdict.METHOD:
                return HttpResponseNotAllowed(sorted(METHODS.get(name, FORM)))
            case Verdict.FORBIDDEN:
                return forbidden(request)
            case Verdict.UNKNOWN:
                return not_found(request)

    def _program(self, request: HttpRequest, name: str) -> HttpResponse:
        """The API: cookies mean nothing, the caller is who the token says."""
        shown = "Authorization" in request.headers
        token = tokens.shown(request.headers.get("Authorization", ""))
        request.user = token.account if token is not None and token.account is not None else AnonymousUser()
        roles = token.account.roles if token is not None and token.account is not None else None
        found = verdict(name, request.method or "", roles, factor=True)
        if found is Verdict.OPEN and (token is not None or not shown):
            return self.get_response(request)
        status = {Verdict.OPEN: 401, Verdict.LOG_IN: 401}.get(found, found.value)
        if found is Verdict.METHOD:
            return HttpResponseNotAllowed(sorted(METHODS.get(name, FORM)))
        words = {401: "no-token", 403: "not-your-role", 404: "not-found"}
        sentences = {
            401: "expected a token that holds (Authorization: Bearer ...), found none; make one under My keys",
            403: "expected the token of somebody whose role may do this, found another",
            404: "expected an address of this API (see openapi.json), found another",
        }
        return JsonResponse({"code": words[status], "message": sentences[status]}, status=status)


def _stay(request: HttpRequest) -> None:
    """A session that is in use does not end; written at most once in a quarter of an hour."""
    slot = renew_slot(timezone.now())
    if request.session.get(_RENEWED) != slot:
        request.session[_RENEWED] = slot
