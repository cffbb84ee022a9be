"""Texts by language (of the definition, of a notice) in the language of the page; names in another script."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import get_language


def local(text: Mapping[str, str]) -> str:
    """The text in the language of the page, else in its first."""
    code = get_language() or ""
    return text.get(code) or text.get(code.partition("-")[0]) or next(iter(text.values()))


def isolated(name: str) -> str:
    """A name inside a sentence: its script moves no sign around it (FIRST STRONG ISOLATE, UAX #9)."""
    return f"\u2068{name}\u2069" if name else ""
