"""What every store of objects promises, on a folder and on a real Swift."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from counterfoil.primitives.canonical import sha256_hex
from counterfoil.primitives.errors import RecordError
from counterfoil.storage.objects import FolderStore
from counterfoil.workflow.stores import Store, StoreError
from tests.storage_objects.conftest import World

PICTURE = bytes(range(256)) * 1200
NOBODY = "0" * 64


def test_what_was_put_comes_back(store: Store) -> None:
    name = store.put(PICTURE)
    assert name == {"sha256": hashlib.sha256(PICTURE).hexdigest(), "bytes": len(PICTURE)}
    assert store.get(name["sha256"]) == PICTURE
    assert store.has(name["sha256"])
    assert list(store.names()) == [name["sha256"]]


def test_an_empty_object_is_an_object(store: Store) -> None:
    name = store.put(b"")
    assert name["bytes"] == 0
    assert store.get(name["sha256"]) == b""
    assert store.has(name["sha256"])


def test_the_same_bytes_twice_are_one_object(store: Store) -> None:
    assert store.put(PICTURE) == store.put(PICTURE)
    assert len(list(store.names())) == 1


def test_an_empty_store_has_nothing(store: Store) -> None:
    assert list(store.names()) == []
    assert not store.has(NOBODY)


def test_it_is_still_there_for_another_process(world: World) -> None:
    name = world.store.put(PICTURE)["sha256"]
    again = world.reopened()
    assert again.get(name) == PICTURE
    assert list(again.names()) == [name]


def test_an_object_that_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(StoreError, match=f"{NOBODY}: expected this object, found none") as error:
        store.get(NOBODY)
    assert (error.value.code, error.value.passing) == ("missing-object", False)


def test_what_was_deleted_is_gone_and_can_come_again(world: World) -> None:
    name, other = world.store.put(PICTURE)["sha256"], world.store.put(b"other")["sha256"]
    world.store.delete(name)
    for store in (world.store, world.reopened()):
        assert not store.has(name)
        assert list(store.names()) == [other]
        with pytest.raises(StoreError) as error:
            store.get(name)
        assert error.value.code == "missing-object"
    world.store.put(PICTURE)
    assert world.store.get(name) == PICTURE


def test_an_interrupted_purge_can_be_repeated(store: Store) -> None:
    name = store.put(PICTURE)["sha256"]
    store.delete(name)
    store.delete(name)
    store.delete(NOBODY)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 65, f"{NOBODY}\n", f"/{NOBODY}"])
def test_attack_a_name_that_is_no_hash_leads_nowhere(store: Store, name: str) -> None:
    for ask in (store.get, store.has, store.delete):
        with pytest.raises(RecordError, match="expected a SHA-256"):
            ask(name)


@pytest.mark.parametrize("forged", [b"another picture", b"", PICTURE[:-1], PICTURE + b"\0", b"\1" + PICTURE[1:]])
def test_attack_changed_bytes_are_never_handed_out_nor_overwritten(world: World, forged: bytes) -> None:
    name = world.store.put(PICTURE)["sha256"]
    world.overwrite(name, forged)
    for ask in (lambda: world.store.get(name), lambda: world.store.put(PICTURE)):
        with pytest.raises(StoreError, match=f"expected SHA-256 {name}, found {sha256_hex(forged)}") as error:
            ask()
        assert (error.value.code, error.value.passing) == ("object-differs", False)
    world.store.delete(name)
    assert world.store.put(PICTURE)["sha256"] == name


def test_eight_threads_store_the_same_object_at_once(world: World) -> None:
    with ThreadPoolExecutor(8) as pool:
        for number in range(2):
            data = PICTURE + bytes([number])
            names = list(pool.map(lambda _, data=data: world.store.put(data), range(8)))
            assert names == [names[0]] * 8
            assert world.store.get(names[0]["sha256"]) == data
    assert len(list(world.reopened().names())) == 2


def test_eight_threads_store_and_delete_without_a_wrong_byte(world: World) -> None:
    data = [PICTURE + bytes([number]) for number in range(3)]

    def work(number: int) -> None:
        mine = data[number % 3]
        name = sha256_hex(mine)
        try:
            world.store.put(mine)
            assert world.store.get(name) == mine
            if number % 2:
                world.store.delete(name)
        except StoreError as error:  # another thread was between
            assert error.code == "missing-object" or error.passing

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))
    assert set(world.store.names()) <= {sha256_hex(one) for one in data}


def test_names_come_in_order(store: Store) -> None:
    names = {store.put(bytes([number]))["sha256"] for number in range(12)}
    assert list(store.names()) == sorted(names)


@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=3000))
def test_any_bytes_come_back_as_they_were(store: Store, data: bytes) -> None:
    assert store.get(store.put(data)["sha256"]) == data


class _Walk(RuleBasedStateMachine):
    """A store beside a dictionary."""

    folder: Path
    number = 0

    def __init__(self) -> None:
        super().__init__()
        _Walk.number += 1
        self.store = FolderStore(self.folder / str(_Walk.number))
        self.model: dict[str, bytes] = {}

    @rule(data=st.sampled_from([b"", b"a", b"b", PICTURE]))
    def put(self, data: bytes) -> None:
        self.model[self.store.put(data)["sha256"]] = data

    @rule(data=st.sampled_from([b"", b"a", b"b", PICTURE]))
    def delete(self, data: bytes) -> None:
        self.store.delete(sha256_hex(data))
        self.model.pop(sha256_hex(data), None)

    @rule()
    def open_again(self) -> None:
        self.store = FolderStore(self.store.folder)

    @invariant()
    def it_has_what_was_put(self) -> None:
        assert {name: self.store.get(name) for name in self.store.names()} == self.model


def test_a_folder_walked_at_random_is_a_dictionary(tmp_path: Path) -> None:
    _Walk.folder = tmp_path
    run_state_machine_as_test(_Walk, settings=settings(deadline=None, max_examples=10, stateful_step_count=12))
