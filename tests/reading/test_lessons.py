"""Lessons for the network: what comes out of the jail is held to its shape, and a settled number in its spelling."""

from __future__ import annotations

import json

import numpy as np
import pytest

from counterfoil.primitives.errors import RecordError
from counterfoil.reading.digits import DigitsReader
from counterfoil.reading.lessons import MOST_SIGNS, Bytes, floats, lessons, pack_views, spellings, unpack_views

NAMES = frozenset({"ada", "bob"})


def views(seed: int, width: int = 96) -> Bytes:
    return np.random.default_rng(seed).integers(0, 256, (2, 48, width), dtype=np.uint8)


def test_views_come_back_as_they_were_given() -> None:
    given = {"ada": [floats(views(1)), floats(views(2, 384))], "bob": []}
    back = unpack_views(pack_views(given), NAMES)
    assert list(back) == ["ada", "bob"]
    assert all((floats(b) == g).all() for b, g in zip(back["ada"], given["ada"], strict=True))


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{}",
        b"[[]]\n",
        json.dumps([["eve", []]]).encode() + b"\n",
        json.dumps([["ada", []], ["ada", []]]).encode() + b"\n",
        json.dumps([["ada", [96]]]).encode() + b"\n" + bytes(10),
        json.dumps([["ada", [96]]]).encode() + b"\n" + bytes(2 * 48 * 96 + 1),
        json.dumps([["ada", [95]]]).encode() + b"\n" + bytes(2 * 48 * 95),
        json.dumps([["ada", [4000]]]).encode() + b"\n" + bytes(2 * 48 * 4000),
        json.dumps([["ada", [-96]]]).encode() + b"\n",
        json.dumps([["ada", ["96"]]]).encode() + b"\n",
        json.dumps([["ada", [4] * 5]]).encode() + b"\n" + bytes(5 * 2 * 48 * 4),
        b"[" * 100_000,
    ],
)
def test_attack_a_jail_that_was_taken_over_says_anything(said: bytes) -> None:
    with pytest.raises(RecordError, match="views of a photo"):
        unpack_views(said, NAMES)


def test_what_people_settled_may_be_spelled_in_several_ways() -> None:
    assert set(spellings("number", 88, 4)) == {"88", "088", "0088", "-88", "--88", "X88", "XX88"}
    assert {"0", "000", "---", "X"} <= set(spellings("number", 0, 3))
    assert spellings("empty", None, 3) == [""]
    for state in ("struck", "word", "illegible", "absent"):
        assert spellings(state, None, 3) == []
    assert max(len(text) for text in spellings("number", 7, 90)) == MOST_SIGNS


def test_a_field_is_learned_as_it_was_settled_even_where_the_network_reads_otherwise() -> None:
    network = DigitsReader()
    given = lessons([views(1), views(2)], "number", 88, 3, network)
    assert len(given) == 2
    eight = network.sign("8")
    assert all(lesson.signs[-2:] == (eight, eight) for lesson in given)
    assert lessons([views(1)], "word", None, 3, network) == []
    assert lessons([], "number", 88, 3, network) == []
