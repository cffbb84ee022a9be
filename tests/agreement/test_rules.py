"""The agreement rules as properties, and against a second implementation that takes one copy at a time."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.agreement import counts
from tests.world import World, definition

FIELDS = ("ada", "bob")
VALUES = st.sampled_from([1, 2, "struck", "illegible", "absent"])
READING = st.tuples(
    st.sampled_from("cde"),
    st.sampled_from(["anna", "boris", "vera", "gleb", "machine@1"]),
    st.dictionaries(st.sampled_from(FIELDS), VALUES, min_size=1),
)
STATION_OF = {"c": "s1", "d": "s1", "e": "s2"}


def small_definition(persons: int) -> dict[str, Any]:
    plain = definition(agreement={"persons": persons})
    plain["forms"][0]["fields"] = [{"id": f} for f in FIELDS]
    plain["contests"][0]["roles"] = {}
    return plain


def build(readings: list[Any], persons: int, table: dict[str, tuple[Any, Any]] | None = None) -> World:
    world = World(small_definition(persons))
    world.stations("s1", "s2")
    for label, station in STATION_OF.items():
        world.copy(label, station)
    if table:
        world.table("readings", "station,ada,bob\n" + "\n".join(f"{s},{a},{b}" for s, (a, b) in table.items()))
    for label, reader, values in readings:
        world.read(label, reader, **values)
    return world


def by_hand(readings: list[Any], persons: int, table: dict[str, tuple[Any, Any]]) -> dict[str, tuple[Any, ...]]:
    """station -> (state, ada, bob), by the rules of the design, one copy and field after the other."""
    typed: dict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
    for label, reader, values in readings:
        if "@" not in reader:
            for field, value in values.items():
                typed[label, field][reader] = value
    found = {}
    for station in ("s1", "s2"):
        sources = []
        anybody = False
        for label in (c for c, s in STATION_OF.items() if s == station):
            settled = {}
            for field in FIELDS:
                voices = typed[label, field]
                anybody |= bool(voices)
                enough = {v for v in voices.values() if list(voices.values()).count(v) >= persons}
                if len(enough) == 1:
                    settled[field] = enough.pop()
            if len(settled) == len(FIELDS):
                sources.append(settled)
        if station in table:
            sources.append(dict(zip(FIELDS, table[station], strict=True)))
        state = "confirmed" if sources else "read" if anybody else "received"
        figures = []
        for field in FIELDS:
            hard = {s[field] for s in sources} - {"illegible", "absent", ""}
            if len(hard) > 1:
                state = "disputed"
                figures.append("absent")
            elif hard:
                figures.append(hard.pop())
            else:
                figures.append("illegible" if any(s[field] == "illegible" for s in sources) else "absent")
        found[station] = (state, *figures)
    return found


def computed(world: World) -> dict[str, tuple[Any, ...]]:
    rows = counts(world.replay(), "protocol").iter_rows(named=True)
    return {r["station"]: (r["state"], *(r[f] if r[f] is not None else r[f + "__state"] for f in FIELDS)) for r in rows}


TABLES = st.dictionaries(st.sampled_from(["s1", "s2"]), st.tuples(st.sampled_from([1, 2, "struck", ""]), VALUES))


@settings(max_examples=150, deadline=None)
@given(st.lists(READING, max_size=16), st.integers(1, 3), TABLES)
def test_counts_are_what_the_rules_give_by_hand(readings: list[Any], persons: int, table: Any) -> None:
    assert computed(build(readings, persons, table)) == by_hand(readings, persons, table)


@settings(max_examples=60, deadline=None)
@given(st.lists(READING, max_size=12, unique_by=lambda r: (r[0], r[1])), st.randoms(use_true_random=False))
def test_neither_order_nor_names_of_readers_matter(readings: list[Any], random: Any) -> None:
    shuffled = list(readings)
    random.shuffle(shuffled)
    names = ["anna", "boris", "vera", "gleb"]
    other = dict(zip(names, random.sample(names, 4), strict=True))
    renamed = [(label, other.get(reader, reader), values) for label, reader, values in shuffled]
    assert computed(build(readings, 2)) == computed(build(shuffled, 2)) == computed(build(renamed, 2))


@settings(max_examples=60, deadline=None)
@given(st.lists(READING, max_size=10, unique_by=lambda r: (r[0], r[1])))
def test_one_more_person_who_types_the_settled_values_changes_nothing(readings: list[Any]) -> None:
    before = computed(build(readings, 2))
    row = before["s2"]
    if row[0] == "confirmed":
        more = [*readings, ("e", "newcomer", dict(zip(FIELDS, row[1:], strict=True)))]
        assert computed(build(more, 2)) == before
