"""Rows of look-alikes: they are bounded for what every form has, and the database answers as the reference does."""

from __future__ import annotations

import hashlib

from counterfoil.bootstrap.server import Server
from counterfoil.evidence import Fingerprint, MemoryIndex
from counterfoil.evidence.likeness import COMMON_WORD
from counterfoil.storage import looks
from counterfoil.storage.models import Band, Copy

PRINTED = (1, 2, 3)
COPIES = COMMON_WORD + 15


def copy_of(number: int, words: tuple[int, ...]) -> str:
    """A copy whose picture was deleted meanwhile: it is looked up, and not measured."""
    name = hashlib.sha256(str(number).encode()).hexdigest()
    look = [f"{number << 40:016x}", *words]
    Copy.objects.create(
        copy=name, salt="00" * 32, picture=name, exact=name, width=1, height=1, look=look, lane="stranger", slot=""
    )
    return name


def test_a_word_that_every_form_has_takes_no_more_rows_and_nothing_else_is_found_or_lost(server: Server) -> None:
    reference = MemoryIndex()
    for number in range(COPIES):
        words = (*PRINTED, *(1000 + 10 * (number // 2) + k for k in range(4)))  # two copies have four in common
        reference.add(copy_of(number, words), Fingerprint(number << 40, words))
    while looks.to_compare().exists():
        looks.link_new(server.pictures, server.looks)
    for word in PRINTED:
        assert Band.objects.filter(band=looks._WORD, value=word).count() == COMMON_WORD + 1
    index = server.looks
    for words in ((*PRINTED, 1040, 1041, 1042), PRINTED, (1000, 1001, 2000)):
        assert index.with_words(words, at_most=COMMON_WORD) == reference.with_words(words, at_most=COMMON_WORD)
    for whole in (0, 5 << 40, 64 << 40, 1 << 63):
        for bits in (0, 2, 8):
            assert index.near(whole, at_most=bits) == reference.near(whole, at_most=bits)
            assert looks.Looks().near(whole, at_most=bits) == reference.near(whole, at_most=bits)
    assert len(index.with_words((*PRINTED, 1040, 1041, 1042), at_most=COMMON_WORD)) == 2


def test_a_picture_that_was_purged_is_held_no_longer(server: Server) -> None:
    gone, kept = copy_of(1, ()), copy_of(2, ())
    looks.link_new(server.pictures, server.looks)
    assert set(server.looks.near(0, at_most=8)) == {gone, kept}
    Copy.objects.filter(copy=gone).update(picture="", look=[])
    Band.objects.filter(copy=gone).delete()
    looks.link_new(server.pictures, server.looks)
    assert set(server.looks.near(0, at_most=8)) == {kept}
