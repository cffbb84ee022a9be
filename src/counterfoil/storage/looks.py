"""Look-alikes: copies whose pictures are the same shot are linked, for people to see. Nothing is dropped or refused.

Rules:

* Candidates come by the fingerprint (`evidence.likeness.candidates`): the coarse look of every copy is held in memory,
  8 bytes each, and compared whole; words are rows, looked up by equality. Then the pictures themselves are laid over
  each other and measured.
* A copy is compared once: its parts are stored together with its links. Killed before, it is compared again.
* A word that more copies have than `COMMON_WORD` says nothing, so it gets no further rows: however many copies come,
  one word has at most one row more than that.
* The measuring is done outside of any transaction: on SQLite a photo must not wait for it.
* A picture that was purged is not compared any more, and takes its parts with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from django.db import transaction
from django.db.models import Count, QuerySet

from counterfoil.evidence.fingerprints import Fingerprint, distance
from counterfoil.evidence.likeness import COMMON_WORD, Kind, candidates, likeness
from counterfoil.evidence.picture import Image, decode
from counterfoil.storage.models import Band, Copy, LookAlike
from counterfoil.workflow.stores import Store, StoreError

COMPARED_AT_ONCE = 50
"""Copies of one job; then others have their turn."""
MOST_MEASURED = 6
"""Candidates of one copy that are measured, the nearest: a second of work for each copy at most."""
_WHOLE, _WORD = 0, 1
"""Which part of a fingerprint a row of `Band` holds."""


def to_compare() -> QuerySet[Copy]:
    """Copies that were not compared yet."""
    return Copy.objects.exclude(look=[]).exclude(picture="").filter(bands__isnull=True)


def link_new(pictures: Store, index: Looks) -> int:
    """Compare some copies that were not compared yet; the number of links made. One caller at a time."""
    index.forget_purged()
    return sum(_link(copy, pictures, index) for copy in to_compare().order_by("pk")[:COMPARED_AT_ONCE])


def _link(copy: Copy, pictures: Store, index: Looks) -> int:
    mine = fingerprint_of(copy)
    links = _measured(copy, mine, pictures, index)
    parts = [(_WHOLE, mine.signed()), *((_WORD, word) for word in _still_rare(mine.words))]
    with transaction.atomic():
        LookAlike.objects.bulk_create(links, ignore_conflicts=True)
        Band.objects.bulk_create([Band(copy=copy, band=band, value=value) for band, value in parts])
    return len(links)


def _still_rare(words: Sequence[int]) -> list[int]:
    """Those that are not known to be common."""
    rows = Band.objects.filter(band=_WORD, value__in=words).values("value").annotate(copies=Count("pk"))
    common = set(rows.filter(copies__gt=COMMON_WORD).values_list("value", flat=True))
    return [word for word in words if word not in common]


def fingerprint_of(copy: Copy) -> Fingerprint:
    """`look` holds the coarse hash as hexadecimal digits, then the words."""
    whole, *words = copy.look
    return Fingerprint(int(whole, 16), tuple(words))


def _measured(copy: Copy, mine: Fingerprint, pictures: Store, index: Looks) -> list[LookAlike]:
    found = []
    here = _picture(copy, pictures)
    others = candidates(mine, index)[:MOST_MEASURED] if here is not None else []
    rows = Copy.objects.in_bulk(others)
    for name in others:
        there = _picture(rows[name], pictures)
        if here is None or there is None:
            continue
        kind = likeness(here, there).kind
        if kind is not Kind.OTHER:
            one, other = sorted((copy.pk, name))
            bits = distance(mine, fingerprint_of(rows[name]))
            found.append(LookAlike(one_id=one, other_id=other, kind=kind.value, distance=bits))
    return found


def _picture(copy: Copy, pictures: Store) -> Image | None:
    try:
        return decode(pictures.get(copy.picture), sha256=copy.picture) if copy.picture else None
    except StoreError as error:
        if error.code == "missing-object":
            return None
        raise


class Looks:
    """The compared copies as `evidence.likeness` asks for them. A worker keeps one: it reads each coarse look once (0.1
    GB for a million copies), and what is new with each question."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._names: list[str] = []
        self._wholes = np.empty(1024, np.uint64)
        self._newest = 0

    def forget_purged(self) -> None:
        """Whose picture is gone is held no longer."""
        self._follow()
        if Band.objects.filter(band=_WHOLE).count() != len(self._names):
            self._forget()

    def _follow(self) -> None:
        rows = Band.objects.filter(band=_WHOLE, pk__gt=self._newest).order_by("pk").values_list("pk", "copy", "value")
        for self._newest, copy, signed in rows.iterator():
            if len(self._names) == len(self._wholes):
                self._wholes = np.resize(self._wholes, 2 * len(self._wholes))
            self._wholes[len(self._names)] = Fingerprint.stored(signed, ()).whole
            self._names.append(copy)

    def near(self, whole: int, *, at_most: int) -> dict[str, int]:
        """See FingerprintIndex."""
        self._follow()
        bits = np.bitwise_count(self._wholes[: len(self._names)] ^ np.uint64(whole))
        return {self._names[at]: int(bits[at]) for at in np.flatnonzero(bits <= at_most)}

    def with_words(self, words: Iterable[int], *, at_most: int) -> dict[str, int]:
        """See FingerprintIndex."""
        asked = Band.objects.filter(band=_WORD, value__in=list(words))
        having = asked.values("value").annotate(copies=Count("copy")).filter(copies__lte=at_most)
        rare = list(having.values_list("value", flat=True))
        found = asked.filter(value__in=rare).values("copy").annotate(words=Count("value"))
        return dict(found.values_list("copy", "words"))
