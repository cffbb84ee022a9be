"""Look-alikes: copies whose pictures look like one photo are linked, for people to see. Nothing is dropped or refused.

A fingerprint is cut into bands; two within `NEAR_BITS` share a band or nearly so, and are found by equality. A copy is
compared once, in the transaction in which its bands are stored: killed before, it is compared again.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q

from counterfoil.evidence.fingerprints import NEAR_BITS, Fingerprint, distance
from counterfoil.storage.models import Band, Copy, LookAlike

COMPARED_AT_ONCE = 200
MOST_LINKS = 50
"""Of one copy; a blank page has thousands of look-alikes, and fifty links say so as well."""


def link_new() -> int:
    """Compare every copy that was not compared yet; the number of links made."""
    links = 0
    while True:
        with transaction.atomic():
            found = list(Copy.objects.exclude(look=[]).filter(bands__isnull=True).order_by("pk")[:COMPARED_AT_ONCE])
            if not found:
                return links
            for copy in found:
                links += _link(copy)


def _link(copy: Copy) -> int:
    mine = _fingerprint(copy)
    bands = mine.bands()
    near = _near(copy, mine, _sharing(copy, bands))
    LookAlike.objects.bulk_create(near, ignore_conflicts=True)
    Band.objects.bulk_create([Band(copy=copy, band=band, value=value) for band, value in enumerate(bands)])
    return len(near)


def _fingerprint(copy: Copy) -> Fingerprint:
    """`look` holds the coarse hash as hexadecimal digits, then the words."""
    whole, *words = copy.look
    return Fingerprint(int(whole, 16), tuple(words))


def _sharing(copy: Copy, bands: Iterable[int]) -> list[Copy]:
    same = Q()
    for band, value in enumerate(bands):
        same |= Q(bands__band=band, bands__value=value)
    return list(Copy.objects.filter(same).exclude(pk=copy.pk).distinct().only("copy", "look", "exact")[:5000])


def _near(copy: Copy, mine: Fingerprint, others: Iterable[Copy]) -> list[LookAlike]:
    near = sorted((distance(mine, _fingerprint(other)), other.pk, other.exact) for other in others)
    return [
        LookAlike(
            one_id=min(copy.pk, other),
            other_id=max(copy.pk, other),
            kind="same" if exact == copy.exact else "alike",
            distance=bits,
        )
        for bits, other, exact in near[:MOST_LINKS]
        if bits <= NEAR_BITS
    ]
