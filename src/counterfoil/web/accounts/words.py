"""Words by which people tell their own sessions apart; also the start of a suggested name."""

from __future__ import annotations

import secrets

from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from counterfoil.workflow.accounts import SESSION_WORDS, suggest_name

WORDS = (
    _("acorn"), _("amber"), _("apple"), _("arrow"), _("aspen"), _("badger"), _("bamboo"), _("barley"),
    _("basil"), _("beacon"), _("beaver"), _("birch"), _("bison"), _("bridge"), _("candle"), _("canoe"),
    _("cedar"), _("cherry"), _("clover"), _("comet"), _("coral"), _("crane"), _("daisy"), _("delta"),
    _("dune"), _("elm"), _("fern"), _("finch"), _("flute"), _("garnet"), _("ginger"), _("harbour"),
    _("hazel"), _("heron"), _("island"), _("ivy"), _("juniper"), _("kettle"), _("lantern"), _("lark"),
    _("lemon"), _("lily"), _("linen"), _("maple"), _("meadow"), _("mint"), _("moss"), _("oak"),
    _("olive"), _("orchard"), _("otter"), _("pebble"), _("pepper"), _("pine"), _("plum"), _("quartz"),
    _("raven"), _("reed"), _("river"), _("rowan"), _("saffron"), _("sparrow"), _("walnut"), _("willow"),
)  # fmt: skip


def draw_word(taken: set[int]) -> int:
    """A word that no other open session of this person has, where there is one."""
    free = [number for number in range(SESSION_WORDS) if number not in taken] or list(range(SESSION_WORDS))
    return secrets.choice(free)


def suggested_name() -> str:
    """A name that says nothing about its bearer; in English letters, which every keyboard has."""
    with override("en"):
        return suggest_name(str(secrets.choice(WORDS)), secrets.token_bytes(4))
