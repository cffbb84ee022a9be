"""What a stranger gets: any flipped bit is found, other libraries' bytes are no lie, little is needed to run it."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.primitives.errors import CounterfoilError, InputError
from counterfoil.record import tiles
from counterfoil.record.layout import object_path
from counterfoil.record.reader import FolderReader
from counterfoil.verify import Report, verify_folder
from tests.record.worlds import MemoryReader, vectors
from tests.verify.worlds import Published, load_check

CHECK = Path(__file__).parents[2] / "src/counterfoil/publish/check.py"


@pytest.fixture(scope="session")
def check() -> ModuleType:
    return load_check(CHECK)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_any_flipped_bit_of_any_file_is_found(original: Published, check: ModuleType, data: st.DataObject) -> None:
    site = original.copy()
    path = data.draw(st.sampled_from(sorted(site.files)))
    bit = data.draw(st.integers(0, 8 * len(site.files[path]) - 1))
    changed = bytearray(site.files[path])
    changed[bit // 8] ^= 1 << bit % 8
    site.files[path] = bytes(changed)
    assert not site.verify().holds
    assert not site.verify(key=site.signer.vkey).holds
    with pytest.raises((check.Wrong, ValueError, LookupError, TypeError)):
        _run(check, site)


def _run(check: ModuleType, site: Published) -> None:
    folder = MemoryReader(site.files)
    publication = check.Publication(folder, check.Key(site.signer.vkey))
    for step in ("signatures", "history", "tree", "known", "objects", "files", "totals"):
        getattr(publication, step)()


def test_check_py_holds_for_the_original(original: Published, check: ModuleType) -> None:
    _run(check, original)


# --- a publication that was made with other versions of the libraries ---


def _repack(site: Published) -> None:
    """The same table, compressed in another way; the lists of hashes say so, and all is signed."""
    path = "data/areas.parquet"
    before = site.files[path]
    out = io.BytesIO()
    pl.read_parquet(io.BytesIO(before)).write_parquet(out, compression="uncompressed", statistics=False)
    site.files[path] = out.getvalue()
    assert site.files[path] != before
    _list_again(site, path)


def _list_again(site: Published, path: str) -> None:
    package = json.loads(site.files["data/datapackage.json"])
    for resource in package["resources"]:
        if f"data/{resource['path']}" == path:
            resource["bytes"], resource["hash"] = len(site.files[path]), f"sha256:{_sha256(site.files[path])}"
    site.files["data/datapackage.json"] = (json.dumps(package, ensure_ascii=False, indent=1) + "\n").encode()
    names = [line[66:] for line in site.files["data/SHA256SUMS"].decode().splitlines()]
    sums = "".join(f"{_sha256(site.files[f'data/{name}'])}  {name}\n" for name in names)
    site.files["data/SHA256SUMS"] = sums.encode()
    site.resign()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_other_bytes_of_the_same_table_hold(original: Published) -> None:
    site = original.copy()
    _repack(site)
    report = site.verify()
    assert report.holds, report.first_failure


@pytest.mark.parametrize("path", ["data/SHA256SUMS", "data/datapackage.json"])
def test_a_list_of_hashes_that_lies_is_found_even_then(original: Published, path: str) -> None:
    site = original.copy()
    _repack(site)
    digest = _sha256(site.files["data/stations.csv"]).encode()
    assert digest in site.files[path]
    site.files[path] = site.files[path].replace(digest, b"0" * 64)
    site.resign()
    failure = site.verify().first_failure
    assert failure is not None
    assert failure.sentence.startswith(f"{path}: ")


def test_a_figure_changed_in_a_parquet_file_and_signed_again_is_found(original: Published) -> None:
    site = original.copy()
    out = io.BytesIO()
    pl.read_parquet(io.BytesIO(site.files["data/areas.parquet"])).with_columns(pl.col("votes") + 1).write_parquet(out)
    site.files["data/areas.parquet"] = out.getvalue()
    _list_again(site, "data/areas.parquet")
    failure = site.verify().first_failure
    assert failure is not None
    assert failure.sentence.startswith("data/areas.parquet: ")


# --- a web address can't be listed ---


class _Unlisted(MemoryReader):
    def names(self) -> Iterator[str] | None:
        return None


def _verify_unlisted(site: Published) -> Report:
    return verify_folder(_Unlisted(site.files))


def test_over_the_web_the_manifest_is_the_list_and_the_report_says_so(original: Published) -> None:
    site = original.copy()
    report = _verify_unlisted(site)
    assert report.holds, report.first_failure
    assert report.not_checked[0] == "Files that the manifest does not name: a web address can't be listed."
    site.files["map.html"] += b" "
    failure = _verify_unlisted(site).first_failure
    assert failure is not None
    assert "map.html changed since it was signed" in failure.sentence
    del site.files["record/manifest"]
    assert not _verify_unlisted(site).holds


# --- a disk or a server that fails says nothing about the publication ---


class _Failing(MemoryReader):
    """Fails at one path, for good."""

    def __init__(self, files: dict[str, bytes], path: str, error: Exception) -> None:
        super().__init__(files)
        self._path, self._error = path, error

    def read(self, path: str) -> bytes:
        if path == self._path:
            raise self._error
        return super().read(path)


@pytest.mark.parametrize("path", ["record/checkpoint", "record/tile/0/000.p/19", "index.html", "record/manifest"])
def test_what_can_not_be_read_is_no_finding(original: Published, path: str) -> None:
    with pytest.raises(InputError) as caught:
        verify_folder(_Failing(original.files, path, OSError("the disk fails")))
    assert caught.value.code == "cannot-read"
    unreachable = CounterfoilError("the server is gone", code="unreachable")
    with pytest.raises(CounterfoilError, match="the server is gone"):
        verify_folder(_Failing(original.files, path, unreachable))


# --- hostile content ---


def _objects_of_entries(site: Published) -> list[str]:
    return sorted(path for path in site.files if path.startswith("objects/"))


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_an_insider_who_logs_a_broken_object_gets_a_sentence_not_a_crash(
    original: Published, data: st.DataObject
) -> None:
    """Any table or definition, cut, doubled or overwritten, named properly by a log that is signed again."""
    site = original.copy()
    path = data.draw(st.sampled_from(_objects_of_entries(site)))
    old = site.files.pop(path)
    at = data.draw(st.integers(0, len(old) - 1))
    garbage = data.draw(st.sampled_from([b"", b"\0", b"\xff", b'"', b",,", b"-1", b"\n", b"9" * 30, b"[" * 5000]))
    new = old[:at] + garbage + old[at + data.draw(st.sampled_from([0, 1, 10_000])) :]
    entries = [
        entry.replace(_sha256(old).encode(), _sha256(new).encode()).replace(
            b'"bytes":%d' % len(old), b'"bytes":%d' % len(new)
        )
        for entry in site.entries()
    ]
    site.files[f"objects/{object_path(_sha256(new))}"] = new
    site.rewrite_log(entries, [15, 18, 19])
    report = site.verify()
    assert all("\n" not in check.sentence for check in report.checks)
    assert new == old or not report.holds


def test_names_of_files_can_not_write_to_the_terminal(original: Published, tmp_path: Path) -> None:
    folder = original.copy().write(tmp_path / "site")
    (folder / "\x1b[2Jholds\udcff").write_bytes(b"")
    failure = verify_folder(FolderReader(folder)).first_failure
    assert failure is not None
    assert "\\x1b[2Jholds\\udcff added" in failure.sentence
    command = [sys.executable, "-I", "check.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"\\x1b[2Jholds\\udcff" in done.stdout


# --- what is needed to run it ---


def test_verify_starts_with_polars_and_one_cryptography_package() -> None:
    """No web framework, no database, no template engine, no network; nothing that only POSIX systems have."""
    script = (
        "import sys; before = set(sys.modules); import counterfoil.verify;"
        "assert 'counterfoil.record.durable' not in sys.modules;"
        "print(' '.join(sorted({n.partition('.')[0] for n in set(sys.modules) - before} - sys.stdlib_module_names)))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    foreign = {name for name in found if not name.startswith(("_", "counterfoil", "cryptography"))}
    assert foreign <= {"polars", "typing_extensions"}


def test_check_py_imports_nothing_but_the_standard_library_and_parses_on_python_3_8() -> None:
    tree = ast.parse(CHECK.read_text("utf-8"), feature_version=(3, 8))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
    }
    assert imported <= sys.stdlib_module_names


def test_check_py_runs_alone_in_its_folder(original: Published, tmp_path: Path) -> None:
    folder = original.copy().write(tmp_path / "site")
    command = [sys.executable, "-I", "-S", "check.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "this shows that nothing was changed, not who made it" in done.stdout
    assert "Not checked" in done.stdout
    with_key = subprocess.run(
        [*command, "--key", original.signer.vkey], cwd=folder, capture_output=True, text=True, check=False
    )
    assert with_key.returncode == 0
    assert "not who made it" not in with_key.stdout
    (folder / "record/checkpoint").unlink()
    assert subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 2


# --- check.py's own Ed25519, tiles and tree against ours ---


@settings(deadline=None, max_examples=25)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100), st.integers(0, 511))
def test_check_pys_signatures_agree_with_the_library(check: ModuleType, seed: bytes, text: bytes, bit: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(text)
    assert check.signature_holds(public, text, signature)
    assert not check.signature_holds(public, text + b"!", signature)
    changed = (int.from_bytes(signature, "big") ^ (1 << bit)).to_bytes(64, "big")
    assert not check.signature_holds(public, text, changed)


def test_check_py_refuses_a_signature_with_s_above_the_order(check: ModuleType) -> None:
    """RFC 8032 section 5.1.7: otherwise every signature has a second form."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    signature = key.sign(b"text")
    s = int.from_bytes(signature[32:], "little") + check.L
    again = signature[:32] + s.to_bytes(32, "little")
    assert not check.signature_holds(key.public_key().public_bytes_raw(), b"text", again)


def test_check_py_reads_foreign_checkpoints(check: ModuleType) -> None:
    data = vectors("tessera_log")
    key, entries = check.Key(data["vkey"]), [text.encode() for text in data["entries_utf8"]]
    for size, note in data["checkpoint_by_size"].items():
        assert key.checkpoint(note.encode(), "vector") == (
            int(size),
            check.root([check.leaf(e) for e in entries[: int(size)]]),
        )


def test_check_pys_paths_are_ours(check: ModuleType) -> None:
    for index, path in vectors("tile_paths")["index_path"]:
        assert check.tile_path("0", index, 256) == f"record/tile/0/{path}"
    assert check.tile_path("entries", 5, 7) == f"record/{tiles.bundle_path(5, 7)}"
