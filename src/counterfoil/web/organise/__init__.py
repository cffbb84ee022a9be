"""Organisers: set-up, people, official figures, releases, notices, and what changes published figures."""
