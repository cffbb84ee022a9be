"""The published vectors of other implementations (shared/data/tlog-vectors): all of them, refusals included."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from counterfoil.primitives.errors import RecordError
from counterfoil.record import keys, tiles, tree
from counterfoil.record.builder import TileBuilder
from counterfoil.record.checkpoint import open_checkpoint
from counterfoil.record.log import Log
from counterfoil.record.note import Signer, Verifier, open_note, sign
from counterfoil.record.proof import TileHashes, consistency_proof, inclusion_proof, tree_root
from tests.record.worlds import MemoryReader, complete_hashes, vectors


def _hashes(values: list[str] | None) -> list[bytes]:
    return [base64.b64decode(value or "") for value in values or []]


def _refused(case: dict[str, Any], *arguments: Any, check: Any) -> bool:
    try:
        check(*arguments)
    except RecordError:
        return True
    return False


def test_every_published_inclusion_proof_is_judged_as_published() -> None:
    cases = vectors("merkle_inclusion")
    for case in cases:
        leaf, root, *proof = _hashes([case["leafHash"], case["root"], *(case["proof"] or [])])
        refused = _refused(case, leaf, case["leafIdx"], case["treeSize"], root, proof, check=tree.verify_inclusion)
        assert refused is case["wantErr"], case["case"]
    assert len(cases) == 98


def test_every_published_consistency_proof_is_judged_as_published() -> None:
    cases = vectors("merkle_consistency")
    for case in cases:
        first, second, *proof = _hashes([case["root1"], case["root2"], *(case["proof"] or [])])
        refused = _refused(case, case["size1"], case["size2"], first, second, proof, check=tree.verify_consistency)
        no_hashes = {len(first), len(second)} != {32}  # "don't care": we refuse what is not 32 bytes
        assert refused is (case["wantErr"] or no_hashes), case["case"]
    assert len(cases) == 98


def test_equal_sizes_need_equal_roots_and_no_proof() -> None:
    root, other = bytes(32), bytes(range(32))
    tree.verify_consistency(1, 1, root, root, [])
    for roots, proof in (((root, other), []), ((root, root), [root])):
        with pytest.raises(RecordError):
            tree.verify_consistency(1, 1, *roots, proof)


def test_the_tree_of_rfc_6962_has_its_published_hashes() -> None:
    data = vectors("rfc6962_tree")
    leaves = [bytes.fromhex(x) for x in data["leaf_inputs_hex"]]
    get = complete_hashes(leaves)
    for size, root in enumerate(data["root_hex_by_size"]):
        assert tree.root_of(leaves[:size]).hex() == root
        assert tree.range_hash(get, 0, size).hex() == root
    for height, row in enumerate(data["complete_subtree_hashes_hex_by_level"]):
        assert [get(height, i).hex() for i in range(len(row))] == row


def _starts(end: int) -> list[int]:
    """Where a valid subtree that ends at `end` may start."""
    powers = {start: 1 << max(0, end - start - 1).bit_length() for start in range(end + 1)}
    return [start for start, power in powers.items() if start in (0, end) or start % power == 0]


def test_subtree_hashes_and_all_proofs_of_130_leaves_have_the_published_digests() -> None:
    data = vectors("rolling_subtree")
    leaves = [bytes([i]) for i in range(data["max"])]
    cache: dict[tuple[int, int], bytes] = {}
    plain = complete_hashes(leaves)

    def get(height: int, index: int) -> bytes:
        key = (height, index)
        if key not in cache:
            cache[key] = plain(height, index)
        return cache[key]

    hashes, inclusion, consistency = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()
    for end in range(data["max"] + 1):
        for start in _starts(end):
            hashes.update(f"[{start}, {end}) {tree.range_hash(get, start, end).hex()}\n".encode())
            for index in range(start, end):
                proof = tree.inclusion_proof(get, index, end, start=start)
                inclusion.update(f"{index} [{start}, {end}){''.join(' ' + x.hex() for x in proof)}\n".encode())
    for size in range(data["max"] + 1):
        for end in range(size + 1):
            for start in _starts(end):
                proof = tree.subtree_consistency_proof(get, start, end, size)
                consistency.update(f"[{start}, {end}) {size}{''.join(' ' + x.hex() for x in proof)}\n".encode())
    assert hashes.hexdigest() == data["subtree_hash"]["sha256_of_all_lines"]
    assert inclusion.hexdigest() == data["subtree_inclusion"]["sha256_of_all_lines"]
    assert consistency.hexdigest() == data["subtree_consistency"]["sha256_of_all_lines"]


def test_tesseras_log_is_reproduced_checkpoint_by_checkpoint(tmp_path: Path) -> None:
    data = vectors("tessera_log")
    signer = Signer(*keys.parse_private_line(data["skey"]))
    assert signer.vkey == data["vkey"]
    with Log.create(tmp_path / "log", signer) as log:
        assert log.checkpoint.sign(signer).decode() == data["checkpoint_by_size"]["0"]
        for number, text in enumerate(data["entries_utf8"], start=1):
            log.append([text.encode()])
            assert log.note.decode() == data["checkpoint_by_size"][str(number)]
        leaves = tiles.decode_tile(log.reader.read(tiles.tile_path(0, 0, 15)), 15)
    assert [leaf.hex() for leaf in leaves] == data["leaf_hashes_hex"]
    for size, note in data["checkpoint_by_size"].items():
        checkpoint, _ = open_checkpoint(note.encode(), Verifier(data["vkey"]))
        assert checkpoint.size == int(size)


def test_published_tiles_of_300_leaves_give_their_root_and_verifiable_proofs() -> None:
    data = vectors("tiles_300")
    files = {path: base64.b64decode(data[path]) for path in data if path.startswith("tile/")}
    assert set(files) == {path for path in tiles.paths(300) if not path.startswith("tile/entries/")}
    reader, root = MemoryReader(files), base64.b64decode(data["root_b64"])
    assert tree_root(reader, 300) == root
    get = TileHashes(reader, 300)
    for index in range(300):
        tree.verify_inclusion(get(0, index), index, 300, root, inclusion_proof(reader, index, 300))
    for old in range(1, 301):
        old_root = tree.range_hash(get, 0, old)
        tree.verify_consistency(old, 300, old_root, root, consistency_proof(reader, old, 300))


def test_published_cosignatures_of_witnesses_hold_with_their_time() -> None:
    for case in vectors("cosignature_v1")["cases"]:
        opened = open_note(case["note"].encode(), [Verifier(case["vkey"])])
        assert opened.text == case["note_text"]
        assert [signature.time for signature in opened.signatures] == [case["timestamp"]]


def test_a_cosignature_with_another_time_refuses_the_note() -> None:
    case = vectors("cosignature_v1")["cases"][0]
    line = case["note"].rstrip("\n").rpartition(" ")
    raw = bytearray(base64.b64decode(line[2]))
    raw[11] ^= 1
    note = f"{line[0]} {base64.b64encode(bytes(raw)).decode()}\n"
    with pytest.raises(RecordError, match="does not fit"):
        open_note(note.encode(), [Verifier(case["vkey"])])


def test_every_published_note_is_judged_as_published() -> None:
    data = vectors("signed_note")
    for case in data["cases"]:
        verifiers = [Verifier(vkey) for vkey in case["vkeys"]]
        assert _refused(case, case["note"].encode(), verifiers, check=open_note) is not case["ok"], case["name"]
    signing = data["sign"]
    note = sign(signing["text"], Signer(*keys.parse_private_line(signing["skey"])))
    assert note.decode() == f"{signing['text']}\n{signing['line']}"


def test_a_note_that_is_not_utf8_is_refused() -> None:
    data = vectors("signed_note")["cases"][0]
    with pytest.raises(RecordError, match="UTF-8"):
        open_note(b"\xff" + data["note"].encode(), [Verifier(data["vkeys"][0])])


def test_bad_verifier_keys_are_refused() -> None:
    data = vectors("signed_note")
    good = data["sign"]["vkey"]
    substrings = [good[i:j] for i in range(len(good)) for j in range(i, len(good) + 1) if (i, j) != (0, len(good))]
    changed = [good[:i] + chr(ord(good[i]) + 1) + good[i + 1 :] for i in range(len(good))]
    for vkey in [*data["bad_vkeys"], *substrings, *changed]:
        with pytest.raises(RecordError):
            Verifier(vkey)


def test_tile_paths_are_written_and_read_as_published() -> None:
    data = vectors("tile_paths")
    for index, path in data["index_path"]:
        assert tiles.index_path(index) == path
        assert tiles.parse_index_path(path) == index
    for path in data["bad_index_path"]:
        with pytest.raises(RecordError):
            tiles.parse_index_path(path)
    for case in data["sizes"]:
        found = list(tiles.widths(case["size"]))
        assert {str(level): full for level, full, _ in found if full} == case["full"]
        assert {str(level): partial for level, _, partial in found if partial} == case["partial"]


def test_what_a_size_implies_is_what_is_written() -> None:
    data = vectors("tile_paths")
    for size in [1, 255, 256, 257, 300, *(case["size"] for case in data["sizes"])]:
        written = [path for path, _ in TileBuilder().grow(b"%d" % i for i in range(size))]
        assert sorted(written) == sorted(tiles.paths(size))
