"""A sealed stream opens whole or not at all; a backup's members are those of its list."""

from __future__ import annotations

import io
import os
from typing import IO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.primitives.errors import RecordError
from counterfoil.workflow.archive import Packer, Unpacker
from counterfoil.workflow.sealed import CHUNK, SealedReader, SealedWriter, Secret

WORDS = "six ordinary words in some order"
SECRET = Secret(seed=b"s" * 32)


def sealed(data: bytes, secret: Secret = SECRET) -> bytes:
    file = io.BytesIO()
    writer = SealedWriter(file, secret, os.urandom)
    for start in range(0, len(data), 300_000):
        writer.write(data[start : start + 300_000])
    writer.finish()
    return file.getvalue()


def opened(data: bytes, secret: Secret = SECRET) -> bytes:
    return SealedReader(io.BytesIO(data), secret).readall()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_what_was_sealed_opens(size: int) -> None:
    data = os.urandom(size)
    assert opened(sealed(data)) == data


def test_a_passphrase_opens_what_it_sealed_and_another_does_not() -> None:
    data = sealed(b"figures", Secret(passphrase=WORDS))
    assert opened(data, Secret(passphrase=WORDS)) == b"figures"
    with pytest.raises(RecordError, match="another secret"):
        opened(data, Secret(passphrase=WORDS[::-1]))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2 * CHUNK), st.integers(0, 7))
def test_any_changed_bit_is_noticed(at: int, bit: int) -> None:
    data = bytearray(_LONG)
    data[at % len(data)] ^= 1 << bit
    with pytest.raises(RecordError):
        opened(bytes(data))


def test_a_stream_that_was_cut_off_at_the_end_of_a_chunk_is_noticed() -> None:
    head = len(_LONG) - 2 * (CHUNK + 16) - (CHUNK // 2 + 16)
    for chunks in (0, 1, 2):
        with pytest.raises(RecordError):
            opened(_LONG[: head + chunks * (CHUNK + 16)])


def test_chunks_in_another_order_are_noticed() -> None:
    head = len(_LONG) - 2 * (CHUNK + 16) - (CHUNK // 2 + 16)
    one, two = _LONG[head : head + CHUNK + 16], _LONG[head + CHUNK + 16 : head + 2 * (CHUNK + 16)]
    with pytest.raises(RecordError):
        opened(_LONG[:head] + two + one + _LONG[head + 2 * (CHUNK + 16) :])


_LONG = sealed(os.urandom(2 * CHUNK + CHUNK // 2))


def packed() -> bytes:
    file = io.BytesIO()
    packer = Packer(file, {"origin": "o"})
    packer.add_bytes("keys/one", b"1")
    packer.add_bytes("keys/two", b"2" * 5000)
    assert packer.finish() == 3
    return file.getvalue()


def members(data: bytes) -> dict[str, bytes]:
    return {path: b"".join(pieces) for path, pieces in Unpacker(cast(IO[bytes], io.BytesIO(data))).members()}


def test_members_come_back() -> None:
    assert members(packed()) == {"keys/one": b"1", "keys/two": b"2" * 5000}


def test_a_backup_that_lacks_its_end_or_has_another_member_is_refused() -> None:
    data = packed()
    with pytest.raises(RecordError, match="cut off"):
        members(data[:4096])
    with pytest.raises(RecordError, match="others: keys/two"):
        members(data.replace(b"2" * 5000, b"2" * 4999 + b"3"))
