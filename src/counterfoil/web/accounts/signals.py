"""What happens to a session and to other sessions when somebody logs in or changes their keys."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_used
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from counterfoil.storage import accounts
from counterfoil.storage.models import Account, Session
from counterfoil.storage.sessions import BEGAN, WORD, hashed
from counterfoil.web.accounts.words import draw_word
from counterfoil.web.permissions import FACTOR


@receiver(user_logged_in)
def name_session(sender: object, request: HttpRequest, user: Account, **kwargs: Any) -> None:
    """A session has a word and the day it began. Ended ones are cleared away here: log-ins are rare."""
    accounts.tidy(timezone.now())
    request.session[WORD] = draw_word(set(Session.objects.filter(account=user).values_list("word", flat=True)))
    request.session[BEGAN] = timezone.now().date().isoformat()


@receiver(authenticator_used)
def used(sender: object, request: HttpRequest, user: Account, **kwargs: Any) -> None:
    """The session was opened with a second factor of this account."""
    request.session[FACTOR] = str(user.pk)


@receiver(authenticator_added)
def added(sender: object, request: HttpRequest, user: Account, authenticator: Any, **kwargs: Any) -> None:
    """A factor set up here opens this session; all others of the account end, and its invitation is used."""
    if authenticator.type in accounts.FACTORS:
        request.session[FACTOR] = str(user.pk)
        accounts.finished(user)
        accounts.end_sessions(user, but=hashed(request.session.session_key or ""))


@receiver(pre_save, sender=Authenticator)
def no_times(sender: object, instance: Any, **kwargs: Any) -> None:
    """Of a key, only the day on which it was made is kept, and not when it was last used."""
    instance.created_at = instance.created_at.replace(hour=0, minute=0, second=0, microsecond=0)
    instance.last_used_at = None
