"""`python -m benchmarks.handout [--copies 1000000] [--readings 3000000]`: how long it takes to hand out a task.

A private PostgreSQL 15 with its default settings, filled by SQL: copies, readings by 5,000 people, half of the copies
with open tasks. Then people ask for their next task, one after another and eight at once: the whole transaction of
`storage.leases.hand_out`, with everything that it looks up. A *lone* reader has read the 5,000 most urgent copies
already, so that each of their tasks must be passed over. Prints a Markdown table. Goal: under 20 ms.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import django
from tests.servers.postgres import postgres_server

PEOPLE, BRANCHES, ASK, AT_ONCE = 5_000, 40, 300, 8
SQL = Path(__file__).with_suffix(".sql")

Time = tuple[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.handout", description=__doc__)
    parser.add_argument("--copies", type=int, default=1_000_000)
    parser.add_argument("--readings", type=int, default=3_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="counterfoil-handout-") as name, postgres_server() as server:
        folder = Path(name)
        (folder / "keys").mkdir(mode=0o700)
        (folder / "keys" / "database.password").write_text(server.password, "ascii")
        os.environ["COUNTERFOIL_FOLDER"] = str(folder)
        os.environ["COUNTERFOIL_DATABASE"] = server.url(server.create_database())
        os.environ["DJANGO_SETTINGS_MODULE"] = "counterfoil.config.django"
        django.setup()
        _measure(given.copies, given.readings)


def _measure(copies: int, readings: int) -> None:
    from django.core.management import call_command  # noqa: PLC0415 - once Django is set up
    from django.db import connection  # noqa: PLC0415 - once Django is set up

    from counterfoil.storage.models import Account, Entry, Task  # noqa: PLC0415 - once Django is set up

    numbers = {"copies": copies, "readings": readings, "people": PEOPLE, "branches": BRANCHES}
    began = time.perf_counter()
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        for statement in SQL.read_text("utf-8").split(";\n"):
            for name, value in numbers.items():
                statement = statement.replace(f":{name}", str(value))  # noqa: PLW2901 - a template
            if statement.strip():
                cursor.execute(statement)
        cursor.execute("SELECT id FROM people WHERE place = 1")
        (lone,) = cursor.fetchone()
    print(f"{copies:,} copies, {Entry.objects.count():,} readings, {Task.objects.count():,} open tasks;", end=" ")
    print(f"filled in {time.perf_counter() - began:.0f} s\n")
    people = list(Account.objects.filter(username__startswith="reader-").exclude(pk=lone).order_by("?")[: 2 * ASK])
    print("| who asks | times | median ms | 95 % ms | most ms | of it Python, median ms |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    _ask(people[:20])
    _line("one after another", _ask(people[20:ASK]))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        parts = list(threads.map(_ask, [people[ASK + k : 2 * ASK : AT_ONCE] for k in range(AT_ONCE)]))
    _line(f"{AT_ONCE} at once", [t for part in parts for t in part])
    reader = Account.objects.get(pk=lone)
    times = []
    for _ in range(50):
        times += _ask([reader])
        Task.objects.filter(leased_by=reader).update(leased_by=None, leased_until=None)
    _line("one who read the 5,000 most urgent", times)


def _ask(people: Iterable[Any]) -> list[Time]:
    """Each hand-out: seconds by the clock, seconds of this thread's processor."""
    from counterfoil.storage import leases  # noqa: PLC0415 - once Django is set up
    from counterfoil.storage.said import Desk  # noqa: PLC0415 - once Django is set up

    empty: Any = SimpleNamespace(election=None)
    desk = Desk(empty, datetime(2026, 3, 1, 21, tzinfo=UTC), "2026-03-01T21:00Z", b"", gold_every=0)
    times = []
    for account in people:
        began, busy = time.perf_counter(), time.thread_time()
        found = leases.hand_out(account, desk)
        times.append((time.perf_counter() - began, time.thread_time() - busy))
        assert found is not None
    return times


def _line(who: str, times: Sequence[Time]) -> None:
    clock, busy = [t[0] * 1000 for t in times], [t[1] * 1000 for t in times]
    last = statistics.quantiles(clock, n=20)[-1]
    print(f"| {who} | {len(times)} | {statistics.median(clock):.1f} | {last:.1f} | ", end="")
    print(f"{max(clock):.1f} | {statistics.median(busy):.1f} |", flush=True)


if __name__ == "__main__":
    main()
