"""The log: appending, proofs, signing elsewhere, refusing what would make a second history."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.primitives.errors import RecordError
from counterfoil.record import keys
from counterfoil.record.builder import TileBuilder
from counterfoil.record.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from counterfoil.record.durable import write_immutable
from counterfoil.record.layout import checkpoint_sizes, published_paths
from counterfoil.record.log import Log
from counterfoil.record.manifest import encode_manifest
from counterfoil.record.note import COSIGNATURE_V1, Signer, Verifier, key_id, open_note, sign
from counterfoil.record.proof import check_proof, consistency_proof, format_proof, inclusion_proof
from counterfoil.record.reader import FolderReader, SubReader, read_entries
from counterfoil.record.signing import FirstWitness, SignRequest, parse_request, sign_offline
from counterfoil.record.staging import write_staging
from counterfoil.record.tree import leaf_hash, root_of, verify_consistency, verify_inclusion
from tests.record.worlds import ORIGIN, SIGNER, MemoryReader, entries, new_log, public_files

BATCHES = st.lists(st.integers(1, 300), min_size=1, max_size=5)


def _refusal(code: str) -> pytest.RaisesExc[RecordError]:
    return pytest.RaisesExc(RecordError, check=lambda error: error.code == code)


@settings(deadline=None, max_examples=60)
@given(BATCHES)
def test_any_cut_into_batches_gives_the_same_tree(batches: list[int]) -> None:
    whole = TileBuilder()
    files = dict(whole.grow(entries(sum(batches))))
    grown, seen = TileBuilder(), dict[str, bytes]()
    for count in batches:
        seen.update(grown.grow(entries(count, grown.size)))
        again = TileBuilder.load(MemoryReader(seen), grown.size)
        assert again.root() == grown.root() == root_of(entries(grown.size))
    assert files.items() <= seen.items()
    assert sorted(files) == sorted(path for path in published_paths([whole.size]) if path.startswith("tile/"))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 3_000), st.data())
def test_proofs_verify_and_changed_ones_do_not(size: int, data: st.DataObject) -> None:
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    leaves = [b"%d" % i for i in range(size)]
    builder, start = TileBuilder(), TileBuilder()
    reader = MemoryReader(dict(builder.grow(leaves)))
    list(start.grow(leaves[:old]))
    root, old_root = builder.root(), start.root()
    inclusion, consistency = inclusion_proof(reader, index, size), consistency_proof(reader, old, size)
    verify_inclusion(leaf_hash(leaves[index]), index, size, root, inclusion)
    verify_consistency(old, size, old_root, root, consistency)
    for changed in _mutations(list(inclusion), data):
        with pytest.raises(RecordError):
            verify_inclusion(leaf_hash(leaves[index]), index, size, root, changed)
    for changed in _mutations(list(consistency), data):
        with pytest.raises(RecordError):
            verify_consistency(old, size, old_root, root, changed)
    if size > 1:
        other = data.draw(st.integers(0, size - 1).filter(lambda i: i != index))
        with pytest.raises(RecordError):
            verify_inclusion(leaf_hash(leaves[other]), index, size, root, inclusion)
    if old < size:
        with pytest.raises(RecordError):
            verify_consistency(old, size, root, root, consistency)


def test_proofs_reach_through_three_levels_of_tiles() -> None:
    size, builder = 65_537, TileBuilder()
    reader = MemoryReader(dict(builder.grow(b"%d" % i for i in range(size))))
    for index in (0, 255, 256, 65_535, 65_536):
        proof = inclusion_proof(reader, index, size)
        verify_inclusion(leaf_hash(b"%d" % index), index, size, builder.root(), proof)
    for old in (1, 256, 65_535, 65_536):
        old_root = root_of(b"%d" % i for i in range(old))
        verify_consistency(old, size, old_root, builder.root(), consistency_proof(reader, old, size))


def _mutations(proof: list[bytes], data: st.DataObject) -> list[list[bytes]]:
    longer = [*proof, bytes(32)]
    if not proof:
        return [longer]
    at, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
    flipped = (int.from_bytes(proof[at], "big") ^ (1 << bit)).to_bytes(32, "big")
    return [longer, proof[:-1], proof[1:], [*proof[:at], flipped, *proof[at + 1 :]], [*proof[:at], proof[at][:31]]]


def test_a_log_is_the_same_files_however_often_it_was_opened(tmp_path: Path) -> None:
    once = new_log(tmp_path / "once", entries(10), entries(300, 10), entries(1, 310))
    with Log.create(tmp_path / "often", SIGNER):
        pass
    for start, count in ((0, 10), (10, 300), (310, 1)):
        with Log.open(tmp_path / "often", SIGNER) as log:
            assert log.append(entries(count, start)) == range(start, start + count)
    assert public_files(once) == public_files(tmp_path / "often")
    assert sorted(public_files(once)) == published_paths([10, 310, 311])
    assert checkpoint_sizes(FolderReader(once)) == [10, 310, 311]


def test_tiles_are_read_only_and_entries_come_back_in_order(tmp_path: Path) -> None:
    folder = new_log(tmp_path / "log", entries(300))
    assert (folder / "tile/0/000").stat().st_mode & 0o777 == 0o444
    assert list(read_entries(FolderReader(folder), 300)) == entries(300)
    assert list(read_entries(SubReader(FolderReader(tmp_path), "log/"), 300)) == entries(300)
    with Log.open(folder) as log:
        assert list(log.entries(258)) == entries(42, 258)


def test_nothing_to_append_changes_nothing(tmp_path: Path) -> None:
    folder = new_log(tmp_path / "log", entries(3))
    before = public_files(folder)
    with Log.open(folder, SIGNER) as log:
        assert log.append([]) == range(3, 3)
    assert public_files(folder) == before


def test_an_import_that_fails_half_way_leaves_the_log_as_it_was_and_usable(tmp_path: Path) -> None:
    folder = new_log(tmp_path / "log", entries(3))
    before = public_files(folder)

    def broken() -> object:
        yield b"fine"
        raise ValueError("a bad row")

    with Log.open(folder, SIGNER) as log:
        with pytest.raises(ValueError, match="a bad row"):
            log.append(broken())  # type: ignore[arg-type]
        with _refusal("entry-too-large"):
            log.append([b"fine", b"x" * 65_536])
        assert public_files(folder) == before
        assert {path.name for path in folder.iterdir() if path.name.startswith(".")} == {".lock"}
        assert log.append([b"x" * 65_535]) == range(3, 4)


def test_a_second_writer_is_refused_while_the_first_is_open(tmp_path: Path) -> None:
    folder = new_log(tmp_path / "log", entries(3))
    with Log.open(folder, SIGNER), _refusal("locked"):
        Log.open(folder, SIGNER)
    with Log.open(folder, SIGNER) as log:
        log.append([b"then it may"])


def test_a_log_opened_for_reading_does_not_append(tmp_path: Path) -> None:
    with Log.open(new_log(tmp_path / "log", entries(3))) as log, _refusal("read-only"):
        log.append([b"x"])


def test_a_log_is_not_created_over_another(tmp_path: Path) -> None:
    with _refusal("log-exists"):
        Log.create(new_log(tmp_path / "log", entries(3)), SIGNER)
    with _refusal("no-log"):
        Log.open(tmp_path)


def test_another_key_does_not_open_the_log(tmp_path: Path) -> None:
    with _refusal("wrong-key"):
        Log.open(new_log(tmp_path / "log", entries(3)), Signer(ORIGIN, bytes(32)))


def test_a_checkpoint_signed_by_another_key_is_refused(tmp_path: Path) -> None:
    folder = new_log(tmp_path / "log", entries(3))
    checkpoint, _ = open_checkpoint((folder / "checkpoint").read_bytes(), Verifier(SIGNER.vkey))
    (folder / "checkpoint").write_bytes(checkpoint.sign(Signer(ORIGIN, bytes(32))))
    before = public_files(folder)
    for signer in (None, SIGNER):
        with pytest.raises(RecordError, match=r"checkpoint: expected a signature by counterfoil\.example") as caught:
            Log.open(folder, signer)
        assert caught.value.code == "unknown-signer"
    assert public_files(folder) == before


def test_a_checkpoint_of_another_origin_under_this_key_is_refused() -> None:
    note = sign(Checkpoint("elsewhere.example/x", 1, bytes(32)).text, SIGNER)
    with _refusal("wrong-key"):
        open_checkpoint(note, Verifier(SIGNER.vkey))
    with _refusal("wrong-key"):
        Checkpoint("elsewhere.example/x", 1, bytes(32)).sign(SIGNER)


def _cosigned(text: str, seed: bytes, time: int) -> tuple[str, str]:
    """A witness's verifier key and its line over `text` (tlog-cosignature v1)."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public = bytes([COSIGNATURE_V1]) + key.public_key().public_bytes_raw()
    name, number = "witness.example/w1", key_id("witness.example/w1", public)
    signature = number + time.to_bytes(8, "big") + key.sign(f"cosignature/v1\ntime {time}\n{text}".encode())
    vkey = f"{name}+{number.hex()}+{base64.b64encode(public).decode()}"
    return vkey, f"\u2014 {name} {base64.b64encode(signature).decode()}\n"


def test_a_witness_line_stands_beside_the_logs_own_and_never_instead_of_it() -> None:
    checkpoint = Checkpoint(ORIGIN, 1, bytes(32))
    vkey, line = _cosigned(checkpoint.text, bytes(32), 1_770_000_000)
    log, witness = Verifier(SIGNER.vkey), Verifier(vkey)
    both = checkpoint.sign(SIGNER) + line.encode()
    _, opened = open_checkpoint(both, log, (witness,))
    assert [(s.name, s.time) for s in opened.signatures] == [(ORIGIN, None), (witness.name, 1_770_000_000)]
    assert open_checkpoint(both, log)[1].unknown_lines == 1
    with _refusal("unknown-signer"):
        open_checkpoint(f"{checkpoint.text}\n{line}".encode(), log, (witness,))


@pytest.mark.parametrize("path", ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"])
def test_a_changed_or_missing_tile_at_the_edge_stops_the_writer(tmp_path: Path, path: str) -> None:
    folder = new_log(tmp_path / "log", entries(300))
    data = bytearray((folder / path).read_bytes())
    data[5] ^= 1
    (folder / path).chmod(0o644)
    (folder / path).write_bytes(data)
    with _refusal("tile-differs"):
        Log.open(folder, SIGNER)
    (folder / path).unlink()
    with _refusal("missing-tile"):
        Log.open(folder, SIGNER)


def test_an_immutable_file_with_other_bytes_stops_the_writer(tmp_path: Path) -> None:
    folder = new_log(tmp_path / "log", entries(300))
    (folder / "tile/entries/001.p").chmod(0o755)
    (folder / "tile/entries/001.p/45").write_bytes(b"planted")
    log = Log.open(folder, SIGNER)
    with _refusal("immutable-differs"):
        log.append([b"one more"])
    assert (folder / "tile/entries/001.p/45").read_bytes() == b"planted"
    with _refusal("cannot-write"):
        log.append([b"one more"])
    log.close()


def test_an_equal_immutable_file_is_written_afresh(tmp_path: Path) -> None:
    """An earlier sync of it may have failed: what the cache shows is not yet on the disk."""
    write_immutable(tmp_path / "file", b"data")
    before = (tmp_path / "file").stat().st_ino
    write_immutable(tmp_path / "file", b"data")
    assert (tmp_path / "file").stat().st_ino != before


class _Flipping(FolderReader):
    """A disk (or memory) that gives one bit back wrong."""

    def __init__(self, root: Path, path: str) -> None:
        super().__init__(root)
        self._path = path

    def read(self, path: str) -> bytes:
        data = super().read(path)
        return data[:-1] + bytes([data[-1] ^ 1]) if path == self._path else data


@pytest.mark.parametrize("path", ["tile/0/000.p/8", "tile/entries/000.p/8"])
def test_a_bit_that_flips_between_writing_and_reading_back_is_never_signed(tmp_path: Path, path: str) -> None:
    folder = new_log(tmp_path / "log", entries(3))
    before = (folder / "checkpoint").read_bytes()
    with Log.open(folder, SIGNER) as log:
        log.reader = _Flipping(folder, path)
        with _refusal("tile-differs"):
            log.append(entries(5, 3))
        assert not (folder / ".request").exists()
    assert (folder / "checkpoint").read_bytes() == before
    with Log.open(folder, SIGNER) as log:  # where the bit comes back right, the batch is in
        assert log.size == 8


def _stage(folder: Path, before: int, count: int) -> None:
    tree = TileBuilder()
    list(tree.grow(entries(before)))
    files = tree.grow(entries(count, before))
    write_staging(folder / ".staging", before, files, end=lambda: (tree.size, tree.root()))


def test_what_is_left_of_a_batch_that_was_not_committed_is_dropped(tmp_path: Path) -> None:
    folder = new_log(tmp_path / "log", entries(3))
    (folder / ".staging.new").write_bytes(b"half a staging file")
    with Log.open(folder, SIGNER) as log:
        assert log.size == 3
    assert not (folder / ".staging.new").exists()


def test_a_staged_batch_is_completed_once(tmp_path: Path) -> None:
    folder = new_log(tmp_path / "log", entries(3))
    _stage(folder, 3, 300)
    for _ in range(2):
        with Log.open(folder, SIGNER) as log:
            assert list(log.entries()) == entries(303)
        assert not (folder / ".staging").exists()
        _stage(folder, 3, 300)  # as if its removal had not reached the disk


def test_a_staged_batch_of_another_state_of_the_log_stops_the_writer(tmp_path: Path) -> None:
    folder = new_log(tmp_path / "log", entries(10))
    _stage(folder, 3, 300)
    with _refusal("staging-differs"):
        Log.open(folder, SIGNER)
    assert (folder / ".staging").exists()


def test_a_changed_staging_file_stops_the_writer(tmp_path: Path) -> None:
    folder = new_log(tmp_path / "log", entries(3))
    _stage(folder, 3, 300)
    data = bytearray((folder / ".staging").read_bytes())
    data[500] ^= 1
    (folder / ".staging").write_bytes(data)
    with _refusal("staging-differs"):
        Log.open(folder, SIGNER)


# Signing elsewhere


def _keyed(folder: Path) -> FirstWitness:
    if not folder.exists():
        keys.create_key(folder, ORIGIN, bytes(range(32)))
    return keys.load_key(folder)


def test_two_machines_sign_and_publish_like_one(tmp_path: Path) -> None:
    """The log's machine has no key; the key's machine sees only the request's text."""
    one = new_log(tmp_path / "one", entries(10), entries(300, 10))
    with Log.create(tmp_path / "two", Verifier(SIGNER.vkey)) as log:
        for start, count in ((0, 10), (10, 300)):
            log.append(entries(count, start))
            assert log.size == start
            pending = log.pending
            assert pending is not None
            with _refusal("signature-pending"):
                log.append([b"not before it is signed"])
            log.commit(sign_offline(pending.text, _keyed(tmp_path / "keys")))
            assert log.size == start + count
        with _refusal("nothing-pending"):
            log.commit(log.note)
    assert public_files(one) == public_files(tmp_path / "two")


def test_what_waits_to_be_signed_survives_a_restart(tmp_path: Path) -> None:
    with Log.create(tmp_path / "log", Verifier(SIGNER.vkey)) as log:
        log.append(entries(5))
        text = log.pending.text if log.pending else ""
    with Log.open(tmp_path / "log", writable=True) as log:
        assert log.pending is not None
        assert log.pending.text == text
        log.commit(sign_offline(text, _keyed(tmp_path / "keys")))
        assert log.size == 5
    assert not (tmp_path / "log/.request").exists()


def test_a_signature_over_another_checkpoint_is_not_published(tmp_path: Path) -> None:
    with Log.create(tmp_path / "log", Verifier(SIGNER.vkey)) as log:
        log.append(entries(5))
        with _refusal("wrong-checkpoint"):
            log.commit(Checkpoint(ORIGIN, 5, bytes(32)).sign(SIGNER))
        with _refusal("unknown-signer"):
            log.commit(Checkpoint(ORIGIN, 5, root_of(entries(5))).sign(Signer(ORIGIN, bytes(32))))
        assert log.size == 0


def test_the_key_does_not_sign_a_second_history(tmp_path: Path) -> None:
    """A restored backup, a second copy: the key remembers what it signed, through restarts."""
    with Log.create(tmp_path / "log", _keyed(tmp_path / "keys")) as log:
        log.append(entries(5))
        log.append(entries(5, 5))
    with Log.create(tmp_path / "fork", _keyed(tmp_path / "keys")) as fork:
        with _refusal("not-an-extension"):
            fork.append([b"another past"])
        assert fork.size == 0
    with Log.create(tmp_path / "elsewhere", Verifier(SIGNER.vkey)) as elsewhere:
        for batch, why in (
            ([b"shorter"], "a second log under one key"),
            ([b"as long"] * 10, "a second log under one key"),
            ([b"longer"] * 11, "expected a proof from the 10 entries"),
        ):
            text = _request_for(tmp_path / f"fork-{len(batch)}", batch)
            with pytest.raises(RecordError, match=why):
                sign_offline(text, _keyed(tmp_path / "keys"))
        assert elsewhere.size == 0
    with Log.open(tmp_path / "log", _keyed(tmp_path / "keys")) as log:
        assert log.append([b"the true one goes on"]) == range(10, 11)


def _request_for(folder: Path, batch: list[bytes]) -> str:
    with Log.create(folder, Verifier(SIGNER.vkey)) as log:
        log.append(batch)
        assert log.pending is not None
        return log.pending.text


def test_a_key_that_lost_its_memory_goes_on_from_its_own_signature(tmp_path: Path) -> None:
    with Log.create(tmp_path / "log", _keyed(tmp_path / "keys")) as log:
        log.append(entries(5))
    (tmp_path / "keys" / keys.LAST_SIGNED).unlink()
    with Log.open(tmp_path / "log", _keyed(tmp_path / "keys")) as log:
        assert log.append([b"goes on"]) == range(5, 6)


def test_a_key_that_lost_its_memory_still_does_not_sign_against_its_own_signature(tmp_path: Path) -> None:
    signed = Checkpoint(ORIGIN, 5, root_of(entries(5))).sign(SIGNER)
    request = SignRequest(Checkpoint(ORIGIN, 6, bytes(32)), 5, (), signed)
    keys.create_key(tmp_path / "keys", ORIGIN, bytes(range(32)))
    with _refusal("not-an-extension"):
        sign_offline(request.text, keys.load_key(tmp_path / "keys"))
    assert not (tmp_path / "keys" / keys.LAST_SIGNED).exists()


def test_a_key_with_an_older_memory_gets_the_proof_it_needs(tmp_path: Path) -> None:
    with Log.create(tmp_path / "log", _keyed(tmp_path / "keys")) as log:
        log.append(entries(5))
        older = (tmp_path / "keys" / keys.LAST_SIGNED).read_bytes()
        log.append(entries(300, 5))
    (tmp_path / "keys" / keys.LAST_SIGNED).write_bytes(older)
    with Log.open(tmp_path / "log", _keyed(tmp_path / "keys")) as log:
        assert log.append([b"goes on"]) == range(305, 306)


def test_a_request_with_a_changed_line_is_refused(tmp_path: Path) -> None:
    text = _request_for(tmp_path / "log", entries(5))
    assert parse_request(text).text == text
    for changed in ("", text[:-1], text.replace("old 0", "old 00"), text.replace("\n5\n", "\n05\n"), "x" + text):
        with pytest.raises(RecordError):
            parse_request(changed)


def test_a_manifest_is_signed_only_for_the_checkpoint_signed_last(tmp_path: Path) -> None:
    with Log.create(tmp_path / "log", _keyed(tmp_path / "keys")) as log:
        log.append(entries(5))
        older = log.checkpoint
        log.append(entries(5, 5))
        text = encode_manifest(log.checkpoint, [("index.html", "0" * 64)])
    note = sign_offline(text, _keyed(tmp_path / "keys"))
    assert open_note(note, [Verifier(SIGNER.vkey)]).text == text
    with _refusal("wrong-checkpoint"):
        sign_offline(encode_manifest(older, []), _keyed(tmp_path / "keys"))


# Proofs as text, checkpoints as text


def test_a_proof_as_text_proves_its_entry_and_no_other(tmp_path: Path) -> None:
    folder = new_log(tmp_path / "log", entries(300))
    note = (folder / "checkpoint").read_bytes()
    verifier = Verifier(SIGNER.vkey)
    proof = format_proof(77, inclusion_proof(FolderReader(folder), 77, 300), note)
    assert check_proof(proof, b"entry 77", verifier)[0] == 77
    extra = proof.replace(b"\nindex", b"\nextra aGk=\nindex", 1)
    assert check_proof(extra, b"entry 77", verifier)[0] == 77
    with pytest.raises(RecordError):
        check_proof(proof, b"entry 78", verifier)
    for old, new in (
        (b"index 77", b"index 78"),
        (b"index 77", b"index 077"),
        (b"@v1", b"@v2"),
        (b"\n300\n", b"\n301\n"),
    ):
        with pytest.raises(RecordError):
            check_proof(proof.replace(old, new, 1), b"entry 77", verifier)


@pytest.mark.parametrize(
    "text",
    [
        "o\n1\n",
        "o\n01\n" + "A" * 43 + "=\n",
        "o\n1\n" + "A" * 43 + "=\nextension\n",
        "o\n-1\n" + "A" * 43 + "=\n",
        "o\n1\n" + "A" * 42 + "B=\n",
        "o\n1\nAAAA\n",
        "o\n0\n" + "A" * 43 + "=\n",
        "o o\n1\n" + "A" * 43 + "=\n",
        "o\n9223372036854775808\n" + "A" * 43 + "=\n",
        "o\n1\n" + "A" * 43 + "=",
    ],
)
def test_ill_formed_checkpoints_are_refused(text: str) -> None:
    with pytest.raises(RecordError):
        parse_checkpoint(text)


def test_a_folder_reader_follows_neither_dots_nor_links(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "in/link").symlink_to(tmp_path / "secret")
    reader = FolderReader(tmp_path / "in")
    for path in ("../secret", "./link", "/etc/hostname", "a//b", "", "link"):
        with pytest.raises(RecordError):
            reader.read(path)
    with pytest.raises(FileNotFoundError):
        reader.read("nothing")
    assert list(reader.names()) == ["link"]
