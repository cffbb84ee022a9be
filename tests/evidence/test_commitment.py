"""The name of a copy: opens for its picture and salt, for nothing else, and says nothing without them."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.evidence import commit, open_commitment
from counterfoil.primitives.canonical import sha256_hex


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=200), st.integers(0, 2**32))
def test_a_commitment_opens_with_its_salt_and_picture_only(picture: bytes, seed: int) -> None:
    made = commit(picture, random=np.random.default_rng(seed).bytes)
    assert open_commitment(made.copy, salt=made.salt, picture_sha256=sha256_hex(picture))
    assert not open_commitment(made.copy, salt=made.salt, picture_sha256=sha256_hex(picture + b"x"))
    assert not open_commitment(made.copy, salt=bytes(32), picture_sha256=sha256_hex(picture))
    assert not open_commitment(made.copy, salt=made.salt + b"\0", picture_sha256=sha256_hex(picture))


def test_the_formula_is_the_documented_one() -> None:
    made = commit(b"picture", random=lambda size: bytes(range(size)))
    wanted = hmac.new(bytes(range(32)), hashlib.sha256(b"picture").digest(), "sha256").hexdigest()
    assert (made.copy, made.salt) == (wanted, bytes(range(32)))


def test_the_same_picture_twice_cannot_be_linked_by_its_commitments() -> None:
    draw = np.random.default_rng(1).bytes
    assert commit(b"picture", random=draw).copy != commit(b"picture", random=draw).copy


def test_a_source_that_gives_too_few_bytes_is_an_error() -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        commit(b"picture", random=lambda size: bytes(size - 1))
