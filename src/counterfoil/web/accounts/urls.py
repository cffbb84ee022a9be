"""Addresses of accounts. allauth's views one by one: nothing of mail, of open sign-up, of forgotten passwords."""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.urls import path

from counterfoil.web.accounts import people, views

urlpatterns = [
    path("login/", account.login, name="account_login"),
    path("login/code/", mfa.authenticate, name="mfa_authenticate"),
    path("login/passkey/", webauthn.login_webauthn, name="mfa_login_webauthn"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("invitation/<slug:code>", views.invitation, name="account_invitation"),
    path("keys/", views.keys, name="mfa_index"),
    path("again/", account.reauthenticate, name="account_reauthenticate"),
    path("again/code/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("again/passkey/", webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("password/", account.password_change, name="account_change_password"),
    path("password/first/", views.SetPassword.as_view(), name="account_set_password"),
    path("one-time-codes/", views.OneTimeCodes.as_view(), name="mfa_activate_totp"),
    path("one-time-codes/stop/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("recovery-codes/", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("recovery-codes/new/", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("passkeys/add/", views.AddPasskey.as_view(), name="mfa_add_webauthn"),
    path("passkeys/<int:pk>/rename/", views.EditPasskey.as_view(), name="mfa_edit_webauthn"),
    path("passkeys/<int:pk>/remove/", views.RemovePasskey.as_view(), name="mfa_remove_webauthn"),
    path("sessions/end/", views.end_sessions, name="account_end_sessions"),
    path("sessions/<slug:key>/end/", views.end_session, name="account_end_session"),
    path("tokens/new/", views.new_token, name="account_new_token"),
    path("tokens/<uuid:pk>/end/", views.end_token, name="account_end_token"),
    path("people/", people.people, name="people"),
    path("people/invite/", people.invite, name="people_invite"),
    path("people/<uuid:pk>/give-back/", people.recover, name="people_recover"),
    path("people/<uuid:pk>/end-sessions/", people.end_sessions, name="people_end_sessions"),
    path("people/<uuid:pk>/deactivate/", people.deactivate, name="people_deactivate"),
    path("invitations/<uuid:pk>/approve/", people.approve, name="people_approve"),
    path("invitations/<uuid:pk>/withdraw/", people.withdraw, name="people_withdraw"),
]
