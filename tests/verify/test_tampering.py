"""Attacks on a publication, by name: `verify` says that it does not hold, and what does not follow first; check.py too.

A *stranger* changes files (on a mirror, a USB stick, on the way). An *insider* has the log's key and signs again.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from counterfoil.primitives.errors import InputError
from counterfoil.record.checkpoint import Checkpoint
from counterfoil.record.layout import object_path
from counterfoil.record.manifest import MANIFEST
from counterfoil.record.note import Signer
from counterfoil.record.reader import FolderReader
from counterfoil.record.tiles import decode_bundle, encode_bundle
from counterfoil.record.tree import root_of
from counterfoil.verify import verify_folder
from tests.verify.worlds import PICTURE, Published, load_check

BUNDLE, TILE = "record/tile/entries/000.p/19", "record/tile/0/000.p/19"
SIZES = [15, 18, 19]
OTHER_KEY_SEED = bytes(range(1, 33))

Attack = Callable[[Published], None]


def _entries(site: Published, change: Callable[[list[bytes]], list[bytes]]) -> None:
    site.files[BUNDLE] = encode_bundle(change(decode_bundle(site.files[BUNDLE], 19)))


def _replace(site: Published, path: str, old: bytes, new: bytes) -> None:
    assert site.files[path].count(old) >= 1
    site.files[path] = site.files[path].replace(old, new, 1)


# --- by a stranger ---


def change_an_entry(site: Published) -> None:
    _replace(site, BUNDLE, b'"ada":450', b'"ada":950')


def drop_the_last_entry(site: Published) -> None:
    _entries(site, lambda entries: entries[:-1])


def drop_an_entry_in_the_middle_and_say_another_twice(site: Published) -> None:
    _entries(site, lambda entries: [*entries[:7], *entries[8:], entries[-1]])


def add_an_entry(site: Published) -> None:
    _entries(site, lambda entries: [*entries, entries[-1]])


def swap_two_entries(site: Published) -> None:
    _entries(site, lambda entries: [*entries[:8], entries[9], entries[8], *entries[10:]])


def change_an_entry_and_all_tiles(site: Published) -> None:
    notes = {path: data for path, data in site.files.items() if "checkpoint" in path or path == MANIFEST}
    entries = [entry.replace(b'"ada":310', b'"ada":910') for entry in site.entries()]
    assert entries != site.entries()
    site.rewrite_log(entries, SIZES)
    site.files.update(notes)


def change_a_hash_tile(site: Published) -> None:
    site.files[TILE] = bytes([site.files[TILE][0] ^ 1]) + site.files[TILE][1:]


def change_the_entries_of_an_older_checkpoint(site: Published) -> None:
    _replace(site, "record/tile/entries/000.p/15", b'"ada":450', b'"ada":950')


def change_a_table(site: Published) -> None:
    path = next(p for p, data in site.files.items() if data.startswith(b"station,voters"))
    _replace(site, path, b"195", b"915")


def take_a_table_away(site: Published) -> None:
    del site.files[next(p for p, data in site.files.items() if data.startswith(b"station,voters"))]


def change_a_picture(site: Published) -> None:
    path = next(p for p, data in site.files.items() if data == PICTURE)
    site.files[path] = PICTURE.replace(b"masked", b"forged")


def change_a_page(site: Published) -> None:
    _replace(site, "index.html", b"<title>", b"<title>!")


def change_a_figure_in_a_csv(site: Published) -> None:
    _replace(site, "data/results_wide.csv", b",450,330,20,", b",330,450,20,")


def change_a_figure_in_the_summary(site: Published) -> None:
    _replace(site, "data/summary.json", b'"votes": ', b'"votes": 1')


def truncate_a_parquet_file(site: Published) -> None:
    site.files["data/areas.parquet"] = site.files["data/areas.parquet"][:-100]


def add_a_file(site: Published) -> None:
    site.files["data/extra.csv"] = b"station,votes\n"


def take_a_page_away(site: Published) -> None:
    del site.files["map.html"]


def hide_an_older_checkpoint(site: Published) -> None:
    del site.files["record/checkpoints/15"]


def put_an_older_checkpoint_in_place(site: Published) -> None:
    site.files["record/checkpoint"] = site.files["record/checkpoints/15"]


def put_an_older_manifest_in_place(site: Published) -> None:
    site.files[MANIFEST] = site.files["record/manifests/15"]


def sign_the_checkpoint_with_another_key(site: Published) -> None:
    other = Signer(site.signer.name, OTHER_KEY_SEED)
    site.files["record/checkpoint"] = site.checkpoint.sign(other)


def keep_the_signature_and_change_the_root(site: Published) -> None:
    lines = site.files["record/checkpoint"].split(b"\n")
    lines[2] = base64.b64encode(bytes(32))
    site.files["record/checkpoint"] = b"\n".join(lines)


def sign_the_manifest_with_another_key(site: Published) -> None:
    text, _, _ = site.files[MANIFEST].rpartition(b"\n\n")
    other = Signer(site.signer.name, OTHER_KEY_SEED)
    site.files[MANIFEST] = text + b"\n\n" + other.line(text.decode() + "\n").encode() + b"\n"


def name_another_checkpoint(site: Published) -> None:
    site.files["record/checkpoints/18"] = site.files["record/checkpoints/15"]


STRANGER: list[tuple[Attack, str, str, str]] = [
    (change_an_entry, "tree", "entry 8 ", "tree"),
    (drop_the_last_entry, "tree", "expected 19 entries, found the end after 18", "tree"),
    (drop_an_entry_in_the_middle_and_say_another_twice, "tree", "entry 7 ", "tree"),
    (add_an_entry, "tree", "expected 19 entries", "tree"),
    (swap_two_entries, "tree", "entry 8 ", "tree"),
    (change_an_entry_and_all_tiles, "tree", "an entry was changed, dropped, added or moved", "tree"),
    (change_a_hash_tile, "tree", "entry 0 ", "tree"),
    (change_the_entries_of_an_older_checkpoint, "tree", "record/tile/entries/000.p/15", "files"),
    (change_a_table, "objects", "SHA-256", "objects"),
    (take_a_table_away, "entries", "expected this file, found none", "objects"),
    (change_a_picture, "objects", "SHA-256", "objects"),
    (change_a_page, "manifest", "index.html changed since it was signed", "files"),
    (change_a_figure_in_a_csv, "manifest", "data/results_wide.csv changed since it was signed", "files"),
    (change_a_figure_in_the_summary, "manifest", "data/summary.json changed since it was signed", "files"),
    (truncate_a_parquet_file, "manifest", "data/areas.parquet changed since it was signed", "files"),
    (add_a_file, "manifest", "data/extra.csv added", "files"),
    (take_a_page_away, "manifest", "map.html missing", "files"),
    (hide_an_older_checkpoint, "history", "record/manifests/15", "files"),
    (put_an_older_checkpoint_in_place, "history", "rolled back", "history"),
    (put_an_older_manifest_in_place, "manifest", "signed for 15 entries", "history"),
    (sign_the_checkpoint_with_another_key, "checkpoint", "expected a signature by", "signatures"),
    (keep_the_signature_and_change_the_root, "checkpoint", "does not fit the text above it", "signatures"),
    (sign_the_manifest_with_another_key, "manifest", "expected a signature by", "signatures"),
    (name_another_checkpoint, "history", "expected a checkpoint of 18 entries, found one of 15", "signatures"),
]


def test_the_publication_as_it_was_made_holds(site: Published, tmp_path: Path) -> None:
    report = site.verify(key=site.signer.vkey, seen=site.older["record/checkpoint"], pages=True)
    assert [(check.name, check.ok) for check in report.checks] == [
        (name, True)
        for name in ("checkpoint", "history", "tree", "seen", "objects", "entries", "manifest", "data", "pages")
    ]
    assert (report.holds, report.first_failure, report.not_checked, report.size) == (True, None, (), 19)
    assert load_check(site.write(tmp_path) / "check.py").main([]) == 0


@pytest.mark.parametrize(("attack", "name", "says", "_"), STRANGER, ids=[row[0].__name__ for row in STRANGER])
def test_verify_names_what_a_stranger_changed(site: Published, attack: Attack, name: str, says: str, _: str) -> None:
    attack(site)
    report = site.verify()
    failure = report.first_failure
    assert failure is not None
    assert failure.name == name, report.checks
    assert says in failure.sentence


@pytest.mark.parametrize(("attack", "_", "__", "name"), STRANGER, ids=[row[0].__name__ for row in STRANGER])
def test_check_py_names_what_a_stranger_changed(
    site: Published, attack: Attack, _: str, __: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attack(site)
    assert load_check(site.write(tmp_path) / "check.py").main([]) == 1
    said = capsys.readouterr().out
    assert f"NO  {name}" in said


# --- by an insider, who signs again ---


def test_an_insider_who_changes_a_figure_and_signs_again_is_found_by_computing_it(
    site: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change_a_figure_in_a_csv(site)
    site.resign()
    failure = site.verify().first_failure
    assert failure is not None
    assert failure.name == "data"
    assert "data/results_wide.csv: line 2 says 'president,001,NORTH" in failure.sentence
    assert load_check(site.write(tmp_path) / "check.py").main([]) == 1
    assert "NO  totals" in capsys.readouterr().out


def test_an_insider_who_changes_a_count_from_a_table_consistently_is_found_by_check_py(
    site: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows and summary agree with each other, not with the table in the record."""
    _replace(site, "data/results_wide.csv", b",300,100,195,5,", b",300,195,100,5,")
    _replace(site, "data/results_wide.csv", b",100,number,195,number,", b",195,number,100,number,")
    for old, new in ((b'"votes": 950', b'"votes": 1045'), (b'"votes": 865', b'"votes": 770')):
        _replace(site, "data/summary.json", old, new)
    site.resign()
    assert load_check(site.write(tmp_path) / "check.py").main([]) == 1
    assert "station 003: ada is '100' in entry" in capsys.readouterr().out


def test_an_insider_who_changes_the_votes_beside_their_field_is_found_by_check_py(
    site: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _replace(site, "data/results_wide.csv", b",300,100,195,5,", b",300,195,100,5,")
    for old, new in ((b'"votes": 950', b'"votes": 1045'), (b'"votes": 865', b'"votes": 770')):
        _replace(site, "data/summary.json", old, new)
    site.resign()
    assert load_check(site.write(tmp_path) / "check.py").main([]) == 1
    assert "station 003: votes of ada are not its field" in capsys.readouterr().out


def test_whether_a_broken_tree_extends_what_was_seen_is_not_said(site: Published) -> None:
    change_an_entry(site)  # the tiles are as they were: they alone would say that it extends
    checks = {check.name: check for check in site.verify(seen=site.older["record/checkpoint"]).checks}
    assert (checks["tree"].ok, checks["seen"].ok) == (False, False)


def test_an_insider_who_changes_a_page_and_signs_again_is_found_by_rendering_it(site: Published) -> None:
    change_a_page(site)
    site.resign()
    assert site.verify().holds
    assert any("Pages were not rendered again" in sentence for sentence in site.verify().not_checked)
    failure = site.verify(pages=True).first_failure
    assert failure is not None
    assert (failure.name, failure.sentence) == ("pages", "index.html: this page does not follow from the record")


def test_an_insider_who_adds_a_page_or_data_and_signs_again_is_found(site: Published) -> None:
    site.files["victory.html"] = b"<p>We won.</p>"
    site.resign()
    failure = site.verify(pages=True).first_failure
    assert failure is not None
    assert failure.sentence.startswith("victory.html: ")
    add_a_file(site)
    site.resign()
    failure = site.verify().first_failure
    assert failure is not None
    assert failure.sentence.startswith("data/extra.csv: ")


def test_an_insider_who_adds_an_object_that_no_entry_names_is_found(site: Published) -> None:
    site.files[f"objects/{object_path(hashlib.sha256(b'').hexdigest())}"] = b""
    site.resign()
    failure = site.verify().first_failure
    assert failure is not None
    assert failure.name == "entries"
    assert "named by no entry of the record" in failure.sentence


def test_an_insider_who_logs_a_picture_with_another_length_is_found(
    site: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = (b'"bytes":%d' % (len(PICTURE) + i) for i in (0, 1))
    entries = site.entries()
    site.rewrite_log([*entries[:18], entries[18].replace(old, new)], SIZES)
    failure = site.verify().first_failure
    assert failure is not None
    assert failure.sentence.endswith(f"expected {len(PICTURE) + 1} bytes, found {len(PICTURE)}")
    assert load_check(site.write(tmp_path) / "check.py").main([]) == 1
    assert "of another length" in capsys.readouterr().out


def test_an_insider_who_rewrites_history_is_found_by_whoever_kept_a_checkpoint(site: Published) -> None:
    kept = site.files["record/checkpoints/15"]
    entries = site.entries()
    number = next(i for i, entry in enumerate(entries) if b'"ada":450' in entry)
    entries[number] = entries[number].replace(b'"ada":450', b'"ada":950')
    site.rewrite_log(entries, SIZES)
    checks = {check.name: check for check in site.verify(seen=kept).checks}
    assert checks["tree"].ok
    assert not checks["seen"].ok
    assert "an entry was changed, dropped, added or moved after it was signed" in checks["seen"].sentence


def test_two_logs_of_one_size_under_one_key_are_reported_as_such(site: Published) -> None:
    """Two publics are shown two histories; each alone holds as a log."""
    entries = site.entries()
    other = site.copy()
    other.rewrite_log([*entries[:18], entries[18].replace(b'"none"', b'"nope"')], SIZES)
    assert {check.name for check in other.verify().checks if not check.ok} <= {"data", "manifest"}
    for one, another in ((site, other), (other, site)):
        checks = {check.name: check for check in one.verify(seen=another.files["record/checkpoint"]).checks}
        assert "two different logs of one size under one key" in checks["seen"].sentence
        assert not checks["seen"].ok


def test_a_second_log_of_one_size_inside_one_publication_is_reported_as_such(
    site: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.files["record/checkpoint"] = Checkpoint(site.signer.name, 19, root_of([b"another"] * 19)).sign(site.signer)
    site.resign()
    failure = site.verify().first_failure
    assert failure is not None
    assert failure.name == "history"
    assert "two different logs of one size under one key" in failure.sentence
    assert load_check(site.write(tmp_path) / "check.py").main([]) == 1
    assert "two different logs of one size under one key" in capsys.readouterr().out


def test_a_whole_publication_rolled_back_is_found_by_whoever_kept_a_newer_checkpoint(site: Published) -> None:
    rolled_back = Published(site.older, site.signer)
    assert rolled_back.verify(pages=True).holds
    failure = rolled_back.verify(seen=site.files["record/checkpoint"]).first_failure
    assert failure is not None
    assert failure.name == "seen"
    assert failure.sentence.startswith("rolled back: the checkpoint that you brought is signed for 19 entries")


def test_a_publication_that_went_on_is_named_an_extension(site: Published) -> None:
    checks = {check.name: check.sentence for check in site.verify(seen=site.older["record/checkpoint"]).checks}
    assert checks["seen"] == "The publication extends the 15 entries that you have seen by 4."
    checks = {check.name: check.sentence for check in site.verify(seen=site.files["record/checkpoint"]).checks}
    assert checks["seen"] == "The checkpoint that you brought is this one."


def test_a_publication_under_another_key_holds_only_for_who_brings_no_key(site: Published) -> None:
    """Integrity, not origin: the reason why the key has to come from elsewhere."""
    organisers, thief = site.signer.vkey, Signer(site.signer.name, OTHER_KEY_SEED)
    site.rewrite_log(site.entries(), SIZES, thief)
    checks = site.verify().checks
    assert checks[0].ok
    assert checks[0].sentence.endswith("The key was taken from the folder: this proves integrity, not origin.")
    failure = site.verify(key=organisers).first_failure
    assert failure is not None
    assert failure.name == "checkpoint"
    assert f"expected a signature by {organisers}" in failure.sentence
    assert site.verify(key=thief.vkey).checks[0].ok


def test_a_wrong_convenience_key_in_the_folder_is_named(site: Published) -> None:
    site.files["record/log.vkey"] = f"{Signer('elsewhere.example/x', OTHER_KEY_SEED).vkey}\n".encode()
    failure = site.verify(key=site.signer.vkey).first_failure
    assert failure is not None
    assert "record/log.vkey: names the key elsewhere.example/x" in failure.sentence


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (b'{"type":"bribe","v":1}', "expected one of the entry types"),
        (b'{ "type":"notice","v":1}', "another form"),
        (b"\xff", "canonical JSON"),
        (b'{"type":"notice","v":2}', "can't be 2"),
    ],
)
def test_an_insider_who_logs_what_no_entry_may_be_is_found(
    site: Published, entry: bytes, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.rewrite_log([*site.entries(), entry], [*SIZES, 20])
    failure = site.verify().first_failure
    assert failure is not None
    assert failure.name == "entries"
    assert failure.sentence.startswith("entry 19: ")
    assert says in failure.sentence
    assert load_check(site.write(tmp_path) / "check.py").main([]) == 1
    if b'"v":2' not in entry:  # check.py knows types, not their keys
        assert "NO  entries     entry 19: " in capsys.readouterr().out


def test_a_link_in_place_of_a_file_is_refused(site: Published, tmp_path: Path) -> None:
    folder = site.write(tmp_path / "site")
    (tmp_path / "page").write_bytes(site.files["index.html"])
    (folder / "index.html").unlink()
    (folder / "index.html").symlink_to(tmp_path / "page")
    failure = verify_folder(FolderReader(folder)).first_failure
    assert failure is not None
    assert failure.sentence == "index.html: expected a file, found a link"


# --- what can't be read, what the reader brought ---


def test_no_publication_is_an_error_of_its_own(site: Published) -> None:
    for path in ("record/checkpoint", "record/log.vkey"):
        site.files.pop(path)
        with pytest.raises(InputError) as caught:
            site.verify()
        assert caught.value.code == "cannot-read"
    with pytest.raises(InputError) as caught:
        Published({}, site.signer).verify(key=site.signer.vkey)
    assert caught.value.code == "cannot-read"


def test_a_mistyped_key_is_an_error_of_its_own(site: Published) -> None:
    with pytest.raises(InputError) as caught:
        site.verify(key=site.signer.vkey[:-4] + "AAA=")
    assert caught.value.code == "bad-key"


def test_a_checkpoint_of_another_log_is_not_taken_for_one_of_this(site: Published) -> None:
    other = Signer("elsewhere.example/x", OTHER_KEY_SEED)
    failure = site.verify(seen=Checkpoint(other.name, 19, site.checkpoint.root).sign(other)).first_failure
    assert failure is not None
    assert failure.name == "seen"
    assert "the checkpoint that you brought: expected a signature by" in failure.sentence
