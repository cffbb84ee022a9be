"""The machine-only tally that is kept up to date says at every moment what adding all up anew says."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from counterfoil.election.definition import Contest, Election
from counterfoil.primitives.cells import FieldState
from counterfoil.storage import machine
from counterfoil.storage.machine_sums import MachineSums
from counterfoil.storage.models import Copy, MachineReading
from counterfoil.workflow.machine import checked, of_data
from tests.server.machine.conftest import HEIGHT, WIDTH, Machines, make_template, reading
from tests.server.reading.conftest import PAPER

NO_VOTES = (FieldState.EMPTY, FieldState.STRUCK, FieldState.WORD)


def votes(cell: object) -> int | None:
    if isinstance(cell, int):
        return cell
    return 0 if cell in NO_VOTES else None


def anew(contest: Contest, election: Election) -> tuple[int, int, dict[str, Any]]:
    """All rows added up: stations seen, differing, and by column stations and votes."""
    rows: dict[str, list[Any]] = {}
    for row in MachineReading.objects.select_related("copy").order_by("copy__page", "copy_id"):
        copy = row.copy
        read = of_data(row.found) if row.read_by else None
        wanted = copy.contest == contest.id and copy.station and copy.state != "withdrawn"
        if wanted and read is not None and machine.fits(read, copy, election):
            rows.setdefault(copy.station, []).append(read.fields)
    names = {option.field: option.id for option in contest.options}
    differing, columns = (
        0,
        {"sure": [0, dict.fromkeys(names.values(), 0)], "likely": [0, dict.fromkeys(names.values(), 0)]},
    )
    for reads in rows.values():
        said = {name: {votes(fields[name].cell) for fields in reads if name in fields} for name in names}
        if any(len(values) > 1 for values in said.values()):
            differing += 1
            continue
        first = {name: next((f[name] for f in reads if name in f), None) for name in names}
        for column, allowed in (("sure", ("accept",)), ("likely", ("accept", "suggest"))):
            if all(f is not None and f.outcome in allowed and votes(f.cell) is not None for f in first.values()):
                columns[column][0] += 1  # type: ignore[operator]
                for name, option in names.items():
                    columns[column][1][option] += votes(first[name].cell)  # type: ignore[index, union-attr]
    return len(rows), differing, columns


def now(sums: MachineSums, contest: Contest, election: Election) -> tuple[int, int, dict[str, Any]]:
    found = sums.of(contest, election)
    columns = {name: [c.stations, dict(c.votes)] for name, c in (("sure", found.sure), ("likely", found.likely))}
    return found.seen, found.differing, columns


def tell(copy: Copy, told: dict[str, Any], by: str) -> None:
    read = checked(json.dumps(told).encode(), [make_template()], WIDTH, HEIGHT)
    MachineReading.objects.update_or_create(
        copy=copy,
        defaults={"made_by": by, "read_by": by, "state": "read", "found": read.data(), "template": read.template},
    )


def a_sheet(rng: random.Random) -> dict[str, Any]:
    if rng.random() < 0.1:
        return {"page": {"accepted": False, "code": "wrong-page"}, "codes": [], "fields": {}}
    values = {
        **PAPER,
        "ada": rng.choice([310, 310, 311, "empty", "illegible"]),
        "bob": rng.choice([200, 200, "struck"]),
    }
    return reading(values, outcome=rng.choice(["accept", "accept", "suggest", "people"]))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_is_what_adding_all_up_anew_says_whatever_changes(hall: Machines, seed: int) -> None:
    rng, sums = random.Random(seed), MachineSums()  # noqa: S311 - a walk that can be repeated
    election = hall.server.election
    contest = next(c for c in election.contests if c.id in machine.contests_with_template(election))
    copies = [hall.copy(reading(), station) for station in ("001", "002", "003", "004", "001", "002")]
    distinct = set()
    for number in range(40):
        copy = rng.choice(copies)
        change = rng.choice(["read", "read", "read", "move", "withdraw", "page", "forget", "nothing"])
        if change == "read":
            tell(copy, a_sheet(rng), f"reader-{number} x")
        elif change == "forget":
            MachineReading.objects.filter(copy=copy).delete()
        else:
            news: dict[str, Any] = {
                "move": {"station": rng.choice(["", "001", "002", "003", "004"])},
                "withdraw": {"state": rng.choice(["withdrawn", "read"])},
                "page": {"page": rng.choice([1, 1, 2])},
                "nothing": {"page": copy.page},
            }
            Copy.objects.filter(pk=copy.pk).update(**news[change])
        found = now(sums, contest, election)
        assert found == anew(contest, election), change
        assert found == now(MachineSums(), contest, election)
        distinct.add(json.dumps(found))
    assert len(distinct) > 8


def test_only_stations_whose_rows_changed_are_parsed_again(hall: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    sums, election = MachineSums(), hall.server.election
    contest = next(c for c in election.contests if c.id in machine.contests_with_template(election))
    copies = [hall.copy(reading(), station) for station in ("001", "002", "003")]
    for copy in copies:
        tell(copy, reading(), "reader-1 x")
    asked: list[list[str]] = []
    real = machine.long_rows

    def long_rows(contest: str, election: Election, stations: list[str]) -> Any:
        asked.append(stations)
        return real(contest, election, stations)

    monkeypatch.setattr(machine, "long_rows", long_rows)
    assert sums.of(contest, election).seen == 3
    with CaptureQueriesContext(connection) as queries:
        assert sums.of(contest, election).sure.votes["ada"] == 3 * 310
    assert len(queries) == 1
    tell(copies[1], reading({**PAPER, "ada": 5}), "reader-2 x")
    assert sums.of(contest, election).sure.votes["ada"] == 2 * 310 + 5
    assert asked == [["001", "002", "003"], ["002"]]


def test_a_look_that_failed_in_the_middle_leaves_nothing_half_added(
    hall: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    sums, election = MachineSums(), hall.server.election
    contest = next(c for c in election.contests if c.id in machine.contests_with_template(election))
    tell(hall.copy(reading(), "001"), reading(), "reader-1 x")
    first = sums.of(contest, election)
    tell(Copy.objects.get(), reading({**PAPER, "ada": 7}), "reader-2 x")
    with monkeypatch.context() as broken:
        broken.setattr("counterfoil.storage.machine_sums.told_of", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sums.of(contest, election)
    assert sums.of(contest, election).sure.votes["ada"] == 7
    assert first.sure.votes["ada"] == 310
