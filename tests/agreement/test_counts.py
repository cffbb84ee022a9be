"""What copies, readers and decisions do to one station."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from counterfoil.agreement import counts
from tests.world import World, definition


def station(world: World, name: str = "s1") -> dict[str, Any]:
    return counts(world.replay(), "protocol").row(by_predicate=pl.col("station") == name, named=True)


@pytest.fixture
def world() -> World:
    world = World()
    world.stations("s1", "s2")
    return world


FULL: dict[str, int | str] = {"ada": 10, "bob": 20, "valid": 30, "ballots_cast": 31, "registered": 40}


def test_one_person_alone_settles_nothing(world: World) -> None:
    world.copy("c", "s1")
    world.read("c", "anna", **FULL)
    assert station(world)["state"] == "read"
    assert station(world)["ada"] is None


def test_two_persons_who_typed_the_same_confirm_the_station(world: World) -> None:
    world.copy("c", "s1")
    for reader in ("anna", "boris"):
        world.read("c", reader, **FULL)
    row = station(world)
    assert (row["state"], row["basis"], row["ada"], row["bob"]) == ("confirmed", "readings", 10, 20)
    assert row["entries"] == [2, 3, 4]


def test_the_same_person_twice_is_one_person(world: World) -> None:
    world.copy("c", "s1")
    world.read("c", "anna", **FULL)
    world.read("c", "anna", **FULL)
    assert station(world)["state"] == "read"


def test_only_the_field_in_dispute_goes_to_a_third_reader(world: World) -> None:
    world.copy("c", "s1")
    world.read("c", "anna", **FULL)
    world.read("c", "boris", **{**FULL, "ada": 11})
    assert station(world)["state"] == "read"
    world.read("c", "vera", ada=11)
    assert station(world)["state"] == "confirmed"
    assert station(world)["ada"] == 11


def test_two_against_two_stays_open_whatever_came_first(world: World) -> None:
    world.copy("c", "s1")
    for reader, ada in (("a", 10), ("b", 10), ("c", 11), ("d", 11)):
        world.read("c", reader, **{**FULL, "ada": ada})
    assert station(world)["state"] == "read"


def test_a_later_reading_by_the_same_person_stands(world: World) -> None:
    world.copy("c", "s1")
    world.read("c", "anna", **{**FULL, "ada": 99})
    world.read("c", "boris", **FULL)
    world.read("c", "anna", ada=10)
    assert station(world)["ada"] == 10


def test_two_copies_are_never_two_voices(world: World) -> None:
    world.copy("c", "s1")
    world.copy("d", "s1")
    world.read("c", "anna", **FULL)
    world.read("d", "boris", **FULL)
    assert station(world)["state"] == "read"


def both(world: World, label: str, **values: int | str) -> None:
    for reader in ("anna", "boris"):
        world.read(label, reader, **values)


def test_copies_that_differ_are_disputed_and_never_averaged(world: World) -> None:
    world.copy("c", "s1")
    world.copy("d", "s1")
    both(world, "c", **FULL)
    both(world, "d", **{**FULL, "ada": 12})
    row = station(world)
    assert (row["state"], row["differing"], row["ada"], row["ada__state"]) == ("disputed", 1, None, "absent")
    assert row["bob"] == 20


def test_choosing_a_copy_ends_the_dispute(world: World) -> None:
    world.copy("c", "s1")
    world.copy("d", "s1")
    both(world, "c", **FULL)
    both(world, "d", **{**FULL, "ada": 12})
    world.decide("s1", "choose_copy", "d")
    row = station(world)
    assert (row["state"], row["basis"], row["ada"]) == ("confirmed", "decision", 12)


def test_excluding_a_copy_ends_the_dispute(world: World) -> None:
    world.copy("c", "s1")
    world.copy("d", "s1")
    both(world, "c", **FULL)
    both(world, "d", **{**FULL, "ada": 12})
    world.decide("s1", "exclude_copy", "d")
    assert station(world)["ada"] == 10


def test_a_copy_chosen_later_counts_although_it_was_excluded_before(world: World) -> None:
    world.copy("c", "s1")
    both(world, "c", **FULL)
    world.decide("s1", "exclude_copy", "c")
    assert counts(world.replay(), "protocol").height == 0
    world.decide("s1", "choose_copy", "c")
    assert station(world)["state"] == "confirmed"


def test_a_station_that_a_decision_leaves_out_is_not_confirmed(world: World) -> None:
    world.copy("c", "s1")
    both(world, "c", **FULL)
    world.decide("s1", "exclude_station")
    assert station(world)["state"] == "read"


def test_an_arbiter_settles_a_field(world: World) -> None:
    world.copy("c", "s1")
    world.read("c", "anna", **FULL)
    world.read("c", "boris", **{**FULL, "ada": 11})
    world.decide("s1", "settle_fields", "c", ada="illegible")
    row = station(world)
    assert (row["state"], row["ada"], row["ada__state"], row["bob"]) == ("confirmed", None, "illegible", 20)


def test_a_copy_that_does_not_show_a_field_contradicts_nobody(world: World) -> None:
    world.copy("c", "s1")
    world.copy("d", "s1")
    both(world, "c", **{**FULL, "ada": "illegible", "bob": "absent"})
    both(world, "d", **FULL)
    row = station(world)
    assert (row["state"], row["ada"], row["bob"]) == ("confirmed", 10, 20)


def test_a_dash_on_one_copy_and_a_number_on_the_other_differ(world: World) -> None:
    world.copy("c", "s1")
    world.copy("d", "s1")
    both(world, "c", **{**FULL, "ada": "struck"})
    both(world, "d", **FULL)
    assert station(world)["state"] == "disputed"


def test_a_table_and_an_agreed_copy_that_differ_are_disputed(world: World) -> None:
    world.table("readings", "station,ada,bob\ns1,10,20\ns2,1,2")
    world.copy("c", "s1")
    both(world, "c", **{**FULL, "bob": 21})
    assert station(world)["state"] == "disputed"
    assert station(world, "s2")["state"] == "confirmed"
    world.decide("s1", "choose_copy", "c")
    assert (station(world)["state"], station(world)["bob"]) == ("confirmed", 21)


def test_what_two_persons_call_another_stations_sheet_does_not_count(world: World) -> None:
    world.copy("c", "s1")
    both(world, "c", **FULL)
    world.problem("c", "vera", "wrong_station")
    assert station(world)["state"] == "confirmed"
    world.problem("c", "gleb", "wrong_station")
    assert counts(world.replay(), "protocol").height == 0


def test_a_machine_is_no_second_voice_by_default(world: World) -> None:
    world.copy("c", "s1")
    world.read("c", "anna", **FULL)
    world.read("c", "reader@1", **FULL)
    assert station(world)["state"] == "read"


def test_a_sure_machine_is_a_second_voice_where_the_rule_says_so() -> None:
    world = World(definition(agreement={"persons": 2, "machine_second": True}))
    world.stations("s1")
    label = world.copy("c", "s1")
    world.read("c", "anna", **FULL)
    sure = dict.fromkeys(FULL, 999_900)
    world.add("reading", copy=label, reader="reader@1", values=FULL, probability={**sure, "bob": 998_000})
    assert station(world)["state"] == "read"
    world.read("c", "boris", bob=20)
    assert station(world)["state"] == "confirmed"


@pytest.mark.parametrize("persons", [1, 2])
def test_machines_alone_settle_nothing(persons: int) -> None:
    world = World(definition(agreement={"persons": persons, "machine_second": True}))
    world.stations("s1")
    label = world.copy("c", "s1")
    for version in ("reader@1", "other@2"):
        world.add("reading", copy=label, reader=version, values=FULL, probability=dict.fromkeys(FULL, 1_000_000))
    assert station(world)["state"] == "received"


def test_a_withdrawn_reading_is_as_if_it_had_never_been(world: World) -> None:
    world.copy("c", "s1")
    both(world, "c", **FULL)
    world.add("withdrawal", entry=3, reason="reader_withdrawn")
    assert station(world)["state"] == "read"
    world.add("withdrawal", entry=5, reason="entered_by_mistake")
    assert station(world)["state"] == "confirmed"


def test_a_withdrawn_copy_takes_its_readings_along(world: World) -> None:
    world.copy("c", "s1")
    both(world, "c", **FULL)
    world.add("withdrawal", entry=2, reason="sender_asked")
    assert counts(world.replay(), "protocol").height == 0


def test_a_station_that_was_renumbered_keeps_its_copies() -> None:
    world = World()
    world.table("stations", "station,area,replaced_by\ns1,XX,s9\ns9,XX,")
    world.copy("c", "s1")
    both(world, "c", **FULL)
    assert station(world, "s9")["state"] == "confirmed"


def test_pages_of_one_form_come_together() -> None:
    plain = definition()
    for form_field in plain["forms"][0]["fields"][2:]:
        form_field["page"] = 2
    plain["forms"][0]["pages"] = 2
    world = World(plain)
    world.stations("s1")
    world.copy("first", "s1", page=1)
    both(world, "first", ada=10, bob=20)
    row = station(world)
    assert (row["state"], row["ada"], row["valid__state"]) == ("confirmed", 10, "absent")
    world.copy("second", "s1", page=2)
    both(world, "second", valid=30, ballots_cast=31, registered=40)
    assert station(world)["valid"] == 30
