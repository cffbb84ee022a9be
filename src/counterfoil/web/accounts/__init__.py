"""Accounts: passkeys, password and one-time codes, invitations, sessions."""
