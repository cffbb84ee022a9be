"""Accounts: log-in, invitations, recovery, sessions."""
