"""What may not enter the record: unknown types, unknown keys, anything that could hold a person."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.primitives.canonical import canonical
from counterfoil.primitives.errors import RecordError
from counterfoil.record.entries import MAX_ENTRY_BYTES, encode_entry
from counterfoil.record.replay import replay
from tests.world import BATCH, World, copy_id, reader_id

READING: dict[str, Any] = {
    "type": "reading",
    "v": 1,
    "batch": BATCH,
    "copy": copy_id("c"),
    "reader": reader_id("anna"),
    "values": {"ada": 1},
}


def test_the_sample_is_an_entry() -> None:
    assert encode_entry(READING) == canonical(READING)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"type": "rumour"}, "unknown-entry-type"),
        ({"type": None}, "unknown-entry-type"),
        ({"type": ["reading"]}, "unknown-entry-type"),
        ({"v": 2}, "bad-value"),
        ({"v": True}, "bad-value"),
        ({"phone": "1"}, "unknown-key"),
        ({"name": "Anna"}, "unknown-key"),
        ({"received_at": BATCH}, "unknown-key"),
        ({"batch": "2026-03-01T20:00:01Z"}, "bad-value"),
        ({"batch": "2026-03-01 20:00"}, "bad-value"),
        ({"reader": "anna"}, "bad-value"),
        ({"reader": reader_id("a").upper()}, "bad-value"),
        ({"copy": "c"}, "bad-value"),
        ({"values": {"ada": 1.5}}, "bad-value"),
        ({"values": {"ada": 2**53}}, "bad-value"),
        ({"values": {"ada": True}}, "bad-value"),
        ({"values": {"ada": "about 400"}}, "bad-value"),
        ({"values": {"ada": ["empty"]}}, "bad-value"),
        ({"problem": "illegible"}, "bad-value"),
        ({"probability": {"ada": 1_000_001}}, "bad-value"),
    ],
)
def test_what_is_no_entry_is_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(RecordError) as refused:
        encode_entry({**READING, **change})
    assert refused.value.code == code


@pytest.mark.parametrize("key", ["type", "v", "batch", "copy", "reader", "values"])
def test_every_key_is_needed(key: str) -> None:
    with pytest.raises(RecordError):
        encode_entry({name: value for name, value in READING.items() if name != key})


def test_an_entry_has_at_most_65535_bytes() -> None:
    entry = {"type": "notice", "v": 1, "batch": BATCH, "kind": "explained", "text": {"en": ""}}
    room = MAX_ENTRY_BYTES - len(canonical(entry))
    assert len(encode_entry({**entry, "text": {"en": "x" * room}})) == MAX_ENTRY_BYTES
    with pytest.raises(RecordError, match="65535"):
        encode_entry({**entry, "text": {"en": "x" * (room + 1)}})


def test_replaying_names_the_entry_that_does_not_follow() -> None:
    world = World()
    world.stations("s1")
    world.entries.append(canonical({"type": "rumour", "v": 1, "batch": BATCH}))
    with pytest.raises(RecordError, match=r"^entry 2: expected one of the entry types"):
        world.replay()
    world.entries[2] = b'{"v":1, "type":"notice"}'
    with pytest.raises(RecordError, match=r"^entry 2: expected canonical JSON"):
        world.replay()


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda w: w.read("lost", "anna", ada=1), "its copy .* is not in the record"),
        (lambda w: w.copy("c", "s9"), "station s9 is not in the list of stations"),
        (lambda w: [w.copy("c", "s1"), w.copy("c", "s1")], "stands twice in the record"),
        (lambda w: [w.copy("c", "s1"), w.read("c", "anna", eve=1)], "its form has no field 'eve'"),
        (lambda w: w.table("readings", "station,ada\ns1,1\ns1,2"), "a station stands twice in one table"),
        (lambda w: w.table("readings", "station,ada\ns1,many"), "neither a number nor a state"),
        (lambda w: w.table("readings", "station,eve\ns1,1"), "has the columns station, ada"),
        (lambda w: w.table("readings", "station,ada\ns9,1"), "station s9 is not in the list"),
        (lambda w: w.table("readings", "station,ada\ns1,1", contest="mayor"), "can't be for contest 'mayor'"),
        (lambda w: w.table("readings", "station,ada\ns1,1", replaces=1), "no table that it can replace"),
        (lambda w: w.add("withdrawal", entry=5, reason="replaced"), "names an earlier entry"),
        (lambda w: w.official("area,item,value\nYY,ada,1"), "area YY is not in the list of areas"),
        (lambda w: w.table("areas", "area,parent\nYY,"), "expected the one root XX"),
        (lambda w: w.objects.clear(), "its object .* is missing"),
        (lambda w: w.objects.update(dict.fromkeys(w.objects, b"{}")), "holds other bytes"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(build: Any, sentence: str) -> None:
    world = World()
    world.stations("s1")
    build(world)

    def lookup(sha256: str) -> bytes:
        if sha256 not in world.objects:
            raise FileNotFoundError(sha256)
        return world.objects[sha256]

    with pytest.raises(RecordError, match=sentence):
        replay(world.entries, lookup)


def test_the_first_entry_is_the_election() -> None:
    world = World()
    with pytest.raises(RecordError, match="entry 0: expected the election's definition"):
        World.replay(_headless(world))


def _headless(world: World) -> World:
    world.stations("s1")
    world.entries.pop(0)
    return world
