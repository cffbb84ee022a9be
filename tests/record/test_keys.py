"""Keys, parts of keys, objects, manifests: what is kept, what is refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.primitives.canonical import sha256_hex
from counterfoil.primitives.errors import RecordError
from counterfoil.record import keys
from counterfoil.record.checkpoint import Checkpoint
from counterfoil.record.manifest import encode_manifest, parse_manifest
from counterfoil.record.note import Signer, Verifier, open_note, sign
from counterfoil.record.objects import ObjectStore
from tests.record.worlds import ORIGIN, SIGNER

SEED = bytes(range(32))


def _stream(seed: bytes) -> Callable[[int], bytes]:
    counter = itertools.count()
    return lambda n: bytes.fromhex(sha256_hex(seed + next(counter).to_bytes(4, "big")))[:n]


def test_a_key_is_private_from_the_first_moment_and_comes_back(tmp_path: Path) -> None:
    signer = keys.create_key(tmp_path / "keys", ORIGIN, SEED)
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "keys/log.key").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["log.key"]
    assert keys.load_key(tmp_path / "keys").vkey == keys.show_key(tmp_path / "keys") == signer.vkey == SIGNER.vkey


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    keys.create_key(tmp_path / "keys", ORIGIN, SEED)
    before = (tmp_path / "keys/log.key").read_bytes()
    with pytest.raises(RecordError, match="never overwritten"):
        keys.create_key(tmp_path / "keys", ORIGIN, bytes(32))
    assert (tmp_path / "keys/log.key").read_bytes() == before


@pytest.mark.parametrize(
    ("path", "mode"), [("keys", 0o755), ("keys", 0o710), ("keys/log.key", 0o640), ("keys/log.key", 0o604)]
)
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, path: str, mode: int) -> None:
    keys.create_key(tmp_path / "keys", ORIGIN, SEED)
    (tmp_path / path).chmod(mode)
    with pytest.raises(RecordError, match="owner only"):
        keys.load_key(tmp_path / "keys")


def test_a_key_whose_memory_is_damaged_does_not_sign(tmp_path: Path) -> None:
    keys.create_key(tmp_path / "keys", ORIGIN, SEED)
    (tmp_path / "keys" / keys.LAST_SIGNED).write_bytes(b"")
    with pytest.raises(RecordError, match="signed last"):
        keys.load_key(tmp_path / "keys")


def test_no_key_is_a_sentence_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="counterfoil key new"):
        keys.load_key(tmp_path / "keys")


def test_a_cut_or_changed_key_line_is_refused_without_showing_it() -> None:
    line = keys.private_line(ORIGIN, SEED)
    assert keys.parse_private_line(line) == (ORIGIN, SEED)
    for changed in (line[:-1], line[:-5] + "AAAA=", line.replace("+", "-"), line[1:], line.replace("test", "text")):
        with pytest.raises(RecordError) as caught:
            keys.parse_private_line(changed)
        assert line[-20:-4] not in str(caught.value)


def test_a_seed_of_another_length_or_a_name_with_spaces_is_refused() -> None:
    for name, seed in ((ORIGIN, bytes(31)), ("two words", SEED), ("a+b", SEED), ("", SEED)):
        with pytest.raises(RecordError):
            Signer(name, seed)


@settings(deadline=None, max_examples=25)
@given(st.binary(min_size=32, max_size=32), st.integers(2, 6), st.data())
def test_any_needed_parts_give_the_key_back(seed: bytes, needed: int, data: st.DataObject) -> None:
    parts = data.draw(st.integers(needed, 7))
    lines = keys.split(ORIGIN, seed, parts, needed, _stream(seed))
    chosen = data.draw(st.permutations(lines))[: data.draw(st.integers(needed, parts))]
    assert keys.join(chosen) == (ORIGIN, seed)
    with pytest.raises(RecordError, match="different parts"):
        keys.join(chosen[: needed - 1] * 2)


def test_fewer_parts_fit_every_key_alike() -> None:
    """With one part of two, every seed has exactly one polynomial through it: shown on the first byte."""
    lines = keys.split(ORIGIN, SEED, 2, 2, _stream(b""))
    share = bytes.fromhex(lines[0].rpartition(": ")[2].replace("-", "")[:2])[0]
    slopes = {seed: [s for s in range(256) if seed ^ keys._multiply(s, 1) == share] for seed in range(256)}
    assert all(len(found) == 1 for found in slopes.values())


def test_the_field_of_shamirs_scheme_is_a_field() -> None:
    assert keys._multiply(0x57, 0x83) == 0xC1  # FIPS 197, section 4.2
    assert all(keys._multiply(a, keys._inverse(a)) == 1 for a in range(1, 256))


def test_a_part_typed_by_hand_may_differ_in_case_and_spaces_but_not_in_a_digit() -> None:
    lines = keys.split(ORIGIN, SEED, 3, 2, _stream(b""))
    head, _, digits = lines[0].rpartition(": ")
    typed = f"  {head}:   {digits.upper().replace('-', ' ')} "
    assert keys.join([typed, lines[2]]) == (ORIGIN, SEED)
    for at in range(len(digits)):
        if digits[at] != "-":
            wrong = f"{head}: {digits[:at]}{'0' if digits[at] != '0' else '1'}{digits[at + 1 :]}"
            with pytest.raises(RecordError, match="mistyped"):
                keys.join([wrong, lines[1]])


def test_parts_of_two_keys_or_a_forged_part_do_not_join() -> None:
    mine, other = (keys.split(ORIGIN, seed, 3, 2, _stream(seed)) for seed in (SEED, bytes(32)))
    with pytest.raises(RecordError, match="one key"):
        keys.join([mine[0], other[1]])
    again = keys.split(ORIGIN, SEED, 3, 2, _stream(b"again"))
    with pytest.raises(RecordError, match="don't give the key"):
        keys.join([mine[0], again[1]])
    with pytest.raises(RecordError, match="don't give the key"):
        keys.join([mine[0], mine[1], again[2]])


@pytest.mark.parametrize(("parts", "needed"), [(1, 1), (3, 1), (2, 3), (101, 2)])
def test_splits_that_protect_nothing_are_refused(parts: int, needed: int) -> None:
    with pytest.raises(RecordError):
        keys.split(ORIGIN, SEED, parts, needed, _stream(b""))


def test_objects_are_stored_once_and_never_trusted_unhashed(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path / "objects")
    name = store.put(b"a table")
    assert name == store.put(b"a table") == {"sha256": sha256_hex(b"a table"), "bytes": 7}
    path = tmp_path / "objects" / name["sha256"][:2] / name["sha256"]
    assert store.get(name["sha256"]) == b"a table"
    assert path.stat().st_mode & 0o777 == 0o444
    path.chmod(0o644)
    path.write_bytes(b"another")
    with pytest.raises(RecordError, match="SHA-256"):
        store.get(name["sha256"])
    with pytest.raises(RecordError, match="never change"):
        store.put(b"a table")
    with pytest.raises(RecordError, match="no such file"):
        store.get("0" * 64)
    with pytest.raises(RecordError, match="64 hex"):
        store.get("../../etc/passwd")


CHECKPOINT = Checkpoint(ORIGIN, 7, bytes(32))
PATHS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=20).filter(
    lambda path: all(part not in ("", ".", "..") for part in path.split("/"))
)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(PATHS, st.binary(min_size=32, max_size=32).map(bytes.hex)))
def test_a_manifest_comes_back_as_it_was(files: dict[str, str]) -> None:
    text = encode_manifest(CHECKPOINT, list(files.items())[::-1])
    manifest = parse_manifest(text)
    assert (manifest.checkpoint, manifest.files) == (CHECKPOINT, files)


@pytest.mark.parametrize("path", ["", "/a", "a/../b", "a//b", "./a", "a\nb", "a\x00"])
def test_a_manifest_has_no_paths_that_lead_elsewhere(path: str) -> None:
    with pytest.raises(RecordError):
        encode_manifest(CHECKPOINT, [(path, "0" * 64)])


def test_ill_formed_manifests_are_refused() -> None:
    text = encode_manifest(CHECKPOINT, [("a", "0" * 64), ("b", "1" * 64)])
    lines = text.split("\n")
    swapped = "\n".join([*lines[:4], lines[5], lines[4], ""])
    twice = "\n".join([*lines[:4], lines[4], lines[4], lines[5], ""])
    for changed in (swapped, twice, text[:-1], text.replace("v1", "v2"), text.replace("  a", " a"), text + "x\n", ""):
        with pytest.raises(RecordError):
            parse_manifest(changed)
    with pytest.raises(RecordError):
        encode_manifest(CHECKPOINT, [("a", "0" * 64), ("a", "1" * 64)])


def test_the_manifest_of_a_large_country_can_be_opened() -> None:
    files = [(f"stations/R{i:06d}.html", f"{i:064x}") for i in range(20_000)]
    text = encode_manifest(CHECKPOINT, files)
    assert len(text) > 1_000_000
    signer = Signer(CHECKPOINT.origin, SEED)
    assert parse_manifest(open_note(sign(text, signer), [Verifier(signer.vkey)]).text).files == dict(files)
