"""Filters that every template knows without loading them (`TEMPLATES` in `config.django`)."""

from __future__ import annotations

from django import template
from django.utils.translation import get_language_bidi

from counterfoil.web.texts import isolated

register = template.Library()


@register.filter
def in_sentence(value: object) -> str:
    """A code or name for a sentence: from right to left its digits and signs would change places with what is around it
    (`01-02-0003` becomes `0003-02-01`). From left to right it stays as it is."""
    return isolated(str(value)) if get_language_bidi() else str(value)
