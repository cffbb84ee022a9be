"""Accounts, invitations, keys and sessions as rows: each function is one transaction with its line in the audit log.

Rules: `workflow.accounts`. Codes leave only as return values. Ending access (`end_sessions`, `deactivate`) never waits;
giving it may wait for a second organiser.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Q, QuerySet

from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.storage import audit
from counterfoil.storage.models import Account, Invitation, Kept, Session, Token
from counterfoil.storage.proposals import everybody, someone
from counterfoil.workflow import accounts as rules
from counterfoil.workflow.approvals import second

FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def invite(
    by: Account, roles: Iterable[str], *, now: datetime, recovers: Account | None = None
) -> tuple[Invitation, str]:
    """An invitation and its code; the code is empty while a second organiser must approve first.

    Raises:
        InputError, Refusal: roles that are unknown, or that `by` may not give; an own recovery.
    """
    if recovers is not None and recovers.pk == by.pk:
        raise Refusal("expected another person's account, found your own; add a key instead", code="own-account")
    given = rules.check_grant(by.roles, recovers.roles if recovers is not None else roles)
    with transaction.atomic():
        waits = rules.needs_second(given, recovers=recovers is not None, organisers=organisers_ever())
        code = "" if waits else rules.code_of(os.urandom(rules.CODE_BYTES))
        made = Invitation.objects.create(
            code_hash=rules.code_hash(code) if code else None,
            roles=list(given),
            invited_by=by,
            recovers=recovers,
            expires_at=(now + rules.LASTS).replace(minute=0, second=0, microsecond=0),
        )
        _note(by, "invite", made, now)
    return made, code


def approve(by: Account, invitation: Invitation, *, now: datetime) -> str:
    """The code of an invitation that waited for a second organiser; it is shown to this one.

    Raises:
        Refusal: `by` is the first one, of their line, or it waits no more.
    """
    with transaction.atomic():
        found = Invitation.objects.select_for_update().get(pk=invitation.pk)
        rules.check_grant(by.roles, found.roles)
        if found.code_hash is not None or found.used or found.expires_at <= now:
            raise Refusal(
                "expected an invitation that waits, found one that does not; make a new one", code="not-waiting"
            )
        first = str(found.invited_by_id)
        if found.recovers_id == by.pk or not second(first, someone(by), everybody()):
            raise Refusal(
                "expected a second organiser, found the first or somebody whom the first invited; ask another",
                code="own-proposal",
            )
        code = rules.code_of(os.urandom(rules.CODE_BYTES))
        found.code_hash, found.approved_by = rules.code_hash(code), by
        found.save(update_fields=["code_hash", "approved_by"])
        _note(by, "approve_invitation", found, now)
    return code


def withdraw(by: Account, invitation: Invitation, *, now: datetime) -> None:
    """The link is good no more."""
    with transaction.atomic():
        Invitation.objects.filter(pk=invitation.pk).update(used=True)
        _note(by, "withdraw_invitation", invitation, now)


def invitation_of(code: str, *, now: datetime) -> Invitation | None:
    """The invitation that a code opens now; of one that is unknown, used or too old, alike, nothing."""
    return Invitation.objects.filter(code_hash=rules.code_hash(code), used=False, expires_at__gt=now).first()


def accept(invitation: Invitation, name: str, *, now: datetime) -> Account:
    """The account of an invitation, without any key yet: made, or given back with its old keys and sessions gone.

    The link stays good until the account has a second factor (`finished`), and `name` counts only the first time.

    Raises:
        InputError: a name that is taken or none.
        Refusal: it was used meanwhile.
    """
    with transaction.atomic():
        found = Invitation.objects.select_for_update().get(pk=invitation.pk)
        if found.used or found.expires_at <= now:
            raise Refusal("expected a link that is still good, found one that was used; ask for a new one", code="used")
        if found.account is not None:
            strip(found.account)
            return found.account
        if found.recovers is not None:
            account = found.recovers
            strip(account)
            Token.objects.filter(account=account).update(revoked=True)
            account.is_active = True
            account.save(update_fields=["is_active"])
        else:
            chosen = rules.clean_name(name)
            if Account.objects.filter(username=chosen).exists():
                raise InputError("name", expected="one that nobody here has", found=chosen, code="name-taken")
            account = Account.objects.create_account(chosen, found.roles, found.invited_by)
        found.account = account
        found.save(update_fields=["account"])
        audit.note(account, "accept_invitation", str(account.pk), {"roles": found.roles}, now=now)
    return account


def finished(account: Account) -> None:
    """The account has a second factor: its link is good no more."""
    Invitation.objects.filter(account=account, used=False).update(used=True)


def strip(account: Account) -> None:
    """All keys, the password and all sessions go."""
    Authenticator.objects.filter(user=account).delete()
    Session.objects.filter(account=account).delete()
    account.set_unusable_password()
    account.save(update_fields=["password"])


def has_factor(account: Account) -> bool:
    """Whether there is a passkey or one-time codes."""
    return bool(Authenticator.objects.filter(user=account, type__in=FACTORS).exists())


def end_session(account: Account, key: str) -> bool:
    """End one session of this person, by its row's key. False: they have none of this key."""
    return Session.objects.filter(account=account, session_key=key).delete()[0] > 0


def end_sessions(account: Account, *, but: str = "", by: Account | None = None, now: datetime | None = None) -> int:
    """End all sessions of somebody, but the one with this row's key; how many. Logged where another person did it."""
    with transaction.atomic():
        count, _ = Session.objects.filter(account=account).exclude(session_key=but).delete()
        if by is not None and by.pk != account.pk:
            audit.note(by, "end_sessions", str(account.pk), {"sessions": count}, now=now)
    return count


def deactivate(by: Account | None, account: Account, *, now: datetime) -> None:
    """End somebody's access at once: sessions, tokens, leases and open invitations of theirs. Their entries stay."""
    with transaction.atomic():
        account.is_active = False
        account.save(update_fields=["is_active"])
        Session.objects.filter(account=account).delete()
        Token.objects.filter(account=account).update(revoked=True)
        Invitation.objects.filter(Q(invited_by=account) | Q(account=account), used=False).update(used=True)
        account.leases.update(leased_by=None, leased_until=None)
        audit.note(by, "deactivate", str(account.pk), now=now)


def set_roles(by: Account | None, account: Account, roles: Iterable[str], *, now: datetime) -> None:
    """Change what somebody may do; call it when a second person has approved (`roles` is an action of four eyes).
    Their sessions end: what was open under the old roles closes."""
    with transaction.atomic():
        given = list(rules.check_grant(by.roles if by is not None else ("organiser",), roles))
        audit.note(by, "roles", str(account.pk), {"before": account.roles, "after": given}, now=now)
        account.roles = given
        account.save(update_fields=["roles"])
        Session.objects.filter(account=account).delete()


def organisers() -> QuerySet[Account]:
    """Active organisers."""
    keys = [
        key for key, roles in Account.objects.filter(is_active=True).values_list("pk", "roles") if "organiser" in roles
    ]
    return Account.objects.filter(pk__in=keys)


def organisers_ever() -> int:
    """How many organisers there are or were."""
    return sum("organiser" in roles for roles in Account.objects.values_list("roles", flat=True))


def tidy(now: datetime) -> None:
    """Ended sessions and what budgets remembered go from the disk."""
    Session.objects.filter(expire_date__lt=now).delete()
    Kept.objects.filter(expires__lt=now).delete()


def operator_invites(*, now: datetime) -> str:
    """The code of an invitation of a new organiser, made by whoever owns the machine; older ones of this kind end."""
    code = rules.code_of(os.urandom(rules.CODE_BYTES))
    with transaction.atomic():
        Invitation.objects.filter(invited_by__isnull=True, used=False, account__isnull=True).update(used=True)
        made = Invitation.objects.create(
            code_hash=rules.code_hash(code), roles=["organiser"], expires_at=now + rules.LASTS
        )
        _note(None, "invite", made, now)
    return code


def _note(by: Account | None, action: str, invitation: Invitation, now: datetime) -> None:
    detail = {"roles": list(invitation.roles)}
    if invitation.recovers_id is not None:
        detail["recovers"] = [str(invitation.recovers_id)]
    audit.note(by, action, str(invitation.pk), detail, now=now)
