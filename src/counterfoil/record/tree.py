"""The Merkle tree of RFC 6962: hashes, growing it, and proofs, on plain bytes.

* leaf = SHA-256(0x00 || entry), node = SHA-256(0x01 || left || right), empty tree = SHA-256("").
* *Complete subtree* (height h, index i) covers the 2**h leaves from i * 2**h. Everything else is made of those, so
  proofs are generated from a function `(height, index) -> hash`, wherever those hashes lie (`record.proof`: in tiles).
* Proofs are lists of 32-byte hashes, leaf upwards. Verifying never trusts their length or content.

Generation follows RFC 6962 section 2.1, verification RFC 9162 sections 2.1.3.2 and 2.1.4.2. Differs on purpose: a
consistency proof from size 0 is the empty one, and holds only for the empty tree's root.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256

from counterfoil.primitives.errors import RecordError

EMPTY_ROOT = sha256(b"").digest()
HASH_BYTES = 32

CompleteHash = Callable[[int, int], bytes]
"""(height, index) -> hash of that complete subtree."""


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def complete_root(hashes: Sequence[bytes]) -> bytes:
    """Root over a power of two of hashes of one height (a full tile has 256)."""
    level = list(hashes)
    while len(level) > 1:
        level = [sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level), 2)]
    return level[0]


class Frontier:
    """A tree that grows: the complete subtrees at its right edge, at most one per height, largest first."""

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[tuple[int, bytes]] = []

    def add_leaf_hash(self, value: bytes) -> None:
        self.add_complete(0, value)

    def add_complete(self, height: int, value: bytes) -> None:
        """Append a complete subtree of 2**height leaves; the tree's size must be a multiple of that."""
        if self.size % (1 << height):
            raise ValueError(f"a subtree of height {height} can't start at leaf {self.size}")
        self.size += 1 << height
        while self._edge and self._edge[-1][0] == height:
            value = node_hash(self._edge.pop()[1], value)
            height += 1
        self._edge.append((height, value))

    def root(self) -> bytes:
        if not self._edge:
            return EMPTY_ROOT
        value = self._edge[-1][1]
        for _, left in reversed(self._edge[:-1]):
            value = node_hash(left, value)
        return value


def root_of(entries: Iterable[bytes]) -> bytes:
    """Root over all entries."""
    tree = Frontier()
    for entry in entries:
        tree.add_leaf_hash(leaf_hash(entry))
    return tree.root()


def range_hash(get: CompleteHash, start: int, end: int) -> bytes:
    """Hash of leaves [start, end), where `start` is a multiple of the smallest power of two >= end - start."""
    if start == end:
        return EMPTY_ROOT
    pieces = []
    while start < end:
        height = (end - start).bit_length() - 1
        pieces.append(get(height, start >> height))
        start += 1 << height
    value = pieces.pop()
    while pieces:
        value = node_hash(pieces.pop(), value)
    return value


def inclusion_proof(get: CompleteHash, index: int, size: int, *, start: int = 0) -> list[bytes]:
    """RFC 6962 PATH(index, D[start:size]); with `start` above 0 the proof is within that subtree."""
    if not start <= index < size:
        raise ValueError(f"expected an index from {start} to below {size}, found {index}")
    proof = []
    end = size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(range_hash(get, middle, end))
            end = middle
        else:
            proof.append(range_hash(get, start, middle))
            start = middle
    return proof[::-1]


def consistency_proof(get: CompleteHash, old: int, size: int) -> list[bytes]:
    """RFC 6962 PROOF(old, D[size]); nothing for old = 0 or old = size."""
    return subtree_consistency_proof(get, 0, old, size) if old else []


def subtree_consistency_proof(get: CompleteHash, start: int, end: int, size: int) -> list[bytes]:
    """That leaves [start, end) stand in the tree of `size` (draft-ietf-plants-merkle-tree-certs, SUBTREE_PROOF);
    start = 0 is RFC 6962's consistency proof."""
    if not 0 <= start <= end <= size:
        raise ValueError(f"expected 0 <= {start} <= {end} <= {size}")
    proof: list[bytes] = []
    low, high, known = 0, size, True
    if start == end:
        return proof
    while (start, end) != (low, high):
        middle = low + _split(high - low)
        if end <= middle:
            proof.append(range_hash(get, middle, high))
            high = middle
        else:
            proof.append(range_hash(get, low, middle))
            known = known and start >= middle
            start, low = max(start, middle), middle
    if not known:
        proof.append(range_hash(get, low, high))
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Leaf hash `leaf` is number `index` of the `size` leaves under `root`.

    Raises:
        RecordError: it does not follow from the proof.
    """
    _check_hashes(leaf, root, *proof)
    if not 0 <= index < size:
        raise RecordError(f"expected an index below {size}, found {index}", code="bad-proof")
    value = leaf
    for sibling, on_left in _path(proof, index, size - 1):
        value = node_hash(sibling, value) if on_left else node_hash(value, sibling)
    if value != root:
        raise RecordError(f"entry {index} is not under this root of {size} entries", code="bad-proof")


def verify_consistency(old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    """The tree of `size` leaves under `root` begins with the `old` leaves under `old_root`.

    Raises:
        RecordError: it does not follow from the proof.
    """
    _check_hashes(old_root, root, *proof)
    if not 0 <= old <= size:
        raise RecordError(f"expected an older size of at most {size}, found {old}", code="bad-proof")
    if old in (0, size):
        if proof or (old_root != root if old == size else old_root != EMPTY_ROOT):
            raise RecordError(f"the trees of size {old} and {size} are not one tree", code="bad-proof")
        return
    path = list(proof)
    if old & (old - 1) == 0:  # a complete subtree: its hash is the old root itself
        path.insert(0, old_root)
    if not path:
        raise RecordError("consistency proof: expected at least one hash", code="bad-proof")
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_value = new_value = path[0]
    for sibling, on_left in _path(path[1:], node, last):
        if on_left:
            old_value, new_value = node_hash(sibling, old_value), node_hash(sibling, new_value)
        else:
            new_value = node_hash(new_value, sibling)
    if old_value != old_root or new_value != root:
        raise RecordError(
            f"the tree of {size} entries does not begin with the {old} entries before it", code="bad-proof"
        )


def _path(proof: Sequence[bytes], node: int, last: int) -> Iterator[tuple[bytes, bool]]:
    """Each hash of a proof with whether it stands to the left, from `node` of a level whose last node is `last`.

    Raises:
        RecordError: the way up to the root takes another number of hashes.
    """
    for sibling in proof:
        if last == 0:
            raise RecordError("proof: expected fewer hashes", code="bad-proof")
        on_left = bool(node & 1) or node == last
        yield sibling, on_left
        while on_left and not node & 1 and node:
            node, last = node >> 1, last >> 1
        node, last = node >> 1, last >> 1
    if last != 0:
        raise RecordError("proof: expected more hashes", code="bad-proof")


def _split(count: int) -> int:
    """Largest power of two below `count` (RFC 6962: k)."""
    return 1 << ((count - 1).bit_length() - 1)


def _check_hashes(*values: bytes) -> None:
    for value in values:
        if len(value) != HASH_BYTES:
            raise RecordError(f"expected hashes of {HASH_BYTES} bytes, found {len(value)}", code="bad-proof")
