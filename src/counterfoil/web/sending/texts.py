"""Texts of the election in the language of the page."""

from __future__ import annotations

from django.utils.translation import get_language

from counterfoil.election.definition import Text


def local(text: Text) -> str:
    """A text of the election in the language of the page, else in its first."""
    code = get_language() or ""
    return text.get(code) or text.get(code.partition("-")[0]) or next(iter(text.values()))
