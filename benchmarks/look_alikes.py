"""`python -m benchmarks.look_alikes [--copies 1000000]`: how long it takes to find what looks like one more photo.

A private PostgreSQL 15 with its default settings, filled with copies of one form: the coarse look of each is that of
the form with every bit turned by a chance of 14.6 % (so that two agree in 16 given bits 1 time in 100; of the
Indonesian forms that we measured 1.8 in 100, of drawn ones 0.5). Words are at their bound, 50 rows each, for 8,192 of
2**20 of them, the ones that are asked for. Then copies are looked up as `storage.looks` does it, before any picture is
opened. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import numpy as np
from tests.servers.postgres import postgres_server

TURNED, ASK, WORDS, ROWS_OF_A_WORD, KNOWN_WORDS = 0.146, 30, 128, 50, 1 << 13


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.look_alikes", description=__doc__)
    parser.add_argument("--copies", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="counterfoil-look-alikes-") as name, postgres_server() as server:
        folder = Path(name)
        (folder / "keys").mkdir(mode=0o700)
        (folder / "keys" / "database.password").write_text(server.password, "ascii")
        os.environ["COUNTERFOIL_FOLDER"] = str(folder)
        os.environ["COUNTERFOIL_DATABASE"] = server.url(server.create_database())
        os.environ["DJANGO_SETTINGS_MODULE"] = "counterfoil.config.django"
        django.setup()
        _measure(given.copies)


def _measure(copies: int) -> None:
    from django.core.management import call_command  # noqa: PLC0415 - once Django is set up
    from django.db import connection  # noqa: PLC0415 - once Django is set up

    from counterfoil.evidence.likeness import candidates  # noqa: PLC0415 - once Django is set up
    from counterfoil.storage import looks  # noqa: PLC0415 - once Django is set up
    from counterfoil.storage.models import Band, Copy  # noqa: PLC0415 - once Django is set up

    began = time.perf_counter()
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica; SET synchronous_commit = off")
        _fill(cursor, copies)
        cursor.execute("SET session_replication_role = origin; ANALYZE")
    print(f"{copies:,} copies, {Band.objects.count():,} parts; filled in {time.perf_counter() - began:.0f} s\n")
    times, near, index = [], [], looks.Looks()
    began = time.perf_counter()
    index.near(0, at_most=0)
    print(f"the coarse looks of all copies are read once, in {time.perf_counter() - began:.1f} s\n")
    for copy in Copy.objects.filter(pk__in=[_name(k * (copies // ASK)) for k in range(ASK)]):
        began = time.perf_counter()
        found = candidates(looks.fingerprint_of(copy), index)
        times.append((time.perf_counter() - began) * 1000)
        near.append(len(found))
    print("| look-ups | median ms | 95 % ms | most ms | candidates, median |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    last = statistics.quantiles(times, n=20)[-1]
    times_ms = (statistics.median(times), last, max(times))
    print(f"| {len(times)} | {' | '.join(f'{ms:.0f}' for ms in times_ms)} | {statistics.median(near):,.0f} |")


def _name(number: int) -> str:
    return f"{number:064x}"


def _fill(cursor: Any, copies: int) -> None:
    columns = (
        "copy, salt, picture, width, height, exact, look, station, contest, page, kind, lane, receipt, slot, state,"
        " identified, released"
    )
    rest = ("president", 1, "wall_copy", "stranger", "", "2026-03-01T20:00Z", "reading", True, "")
    wholes = _wholes(copies)
    words = np.random.Generator(np.random.PCG64(7)).integers(0, KNOWN_WORDS, (1_000, WORDS)).tolist()
    with cursor.cursor.copy(f"COPY storage_copy ({columns}) FROM STDIN") as rows:
        for number, whole in enumerate(wholes):
            look = json.dumps([f"{whole:016x}", *words[number % 1_000]])
            rows.write_row((_name(number), "", "", 1, 1, "", look, str(number), *rest))
    with cursor.cursor.copy("COPY storage_band (copy_id, band, value) FROM STDIN") as rows:
        for row in _parts(wholes):
            rows.write_row(row)


def _wholes(copies: int) -> list[int]:
    """The coarse look of each copy."""
    chance = np.random.Generator(np.random.PCG64(1))
    turned = chance.random((copies, 64), np.float32) < TURNED
    return [int(whole) for whole in np.packbits(turned, axis=1).view(">u8")[:, 0]]


def _parts(wholes: list[int]) -> Iterator[tuple[str, int, int]]:
    from counterfoil.evidence.fingerprints import Fingerprint  # noqa: PLC0415 - as above

    for number, whole in enumerate(wholes):
        yield _name(number), 0, Fingerprint(whole, ()).signed()
    for word in range(KNOWN_WORDS):
        for row in range(ROWS_OF_A_WORD):
            yield _name((word * ROWS_OF_A_WORD + row) % len(wholes)), 1, word


if __name__ == "__main__":
    main()
