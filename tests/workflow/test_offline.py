"""A record whose key is on another machine: requests go out, signatures come back, nothing is published unsigned."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from counterfoil import workflow
from counterfoil.primitives.errors import InputError, RecordError
from counterfoil.record.keys import create_key, create_secret, show_key
from counterfoil.workflow.count import CountResult
from counterfoil.workflow.offline import sign_request
from tests.workflow.folders import FILES, LATER, NOW, ORIGIN, make_folder


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The folder on the other machine."""
    create_key(tmp_path / "safe", ORIGIN, bytes(range(32)))
    return tmp_path / "safe"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = make_folder(tmp_path / "e")
    shutil.rmtree(made / "keys")
    create_secret(made / "keys", "pseudonym.key", bytes(range(32, 64)).hex().encode())
    return made


def vkey_of(keys: Path) -> str:
    return show_key(keys)


def sign_waiting(result: CountResult, keys: Path) -> None:
    """What a person does: take the file to the key, bring the signed one back."""
    for request in result.waiting:
        request.with_suffix(".signed").write_bytes(sign_request(request.read_text("utf-8"), keys))


def test_two_trips_to_the_key_publish_what_a_key_at_hand_publishes(tmp_path: Path, folder: Path, keys: Path) -> None:
    site = tmp_path / "site"
    first = workflow.count(folder, site, now=NOW, vkey=vkey_of(keys))
    assert (first.appended, first.publication, [p.name for p in first.waiting]) == (19, None, ["checkpoint.request"])
    sign_waiting(first, keys)
    second = workflow.count(folder, site, now=NOW)
    assert (second.appended, second.site, [p.name for p in second.waiting]) == (0, None, ["manifest.request"])
    assert not site.exists()
    sign_waiting(second, keys)
    third = workflow.count(folder, site, now=NOW)
    assert (third.site, third.waiting) == (site, ())
    assert workflow.verify(site, key=vkey_of(keys)).holds

    at_hand = make_folder(tmp_path / "other")
    workflow.count(at_hand, tmp_path / "other-site", now=NOW)
    assert (site / "record" / "manifest").read_bytes() == (tmp_path / "other-site" / "record" / "manifest").read_bytes()
    assert not list((folder / "to-sign").iterdir())


def test_without_a_signature_nothing_more_is_appended(tmp_path: Path, folder: Path, keys: Path) -> None:
    workflow.count(folder, tmp_path / "site", now=NOW, vkey=vkey_of(keys))
    (folder / "notices.csv").write_text(FILES["notices.csv"] + "froze,We stop.,\n")
    with pytest.raises(RecordError, match="waits to be signed"):
        workflow.count(folder, tmp_path / "site", now=LATER)


def test_a_signature_of_another_key_is_refused(tmp_path: Path, folder: Path, keys: Path) -> None:
    first = workflow.count(folder, tmp_path / "site", now=NOW, vkey=vkey_of(keys))
    create_key(tmp_path / "stolen", ORIGIN, bytes(32))
    sign_waiting(first, tmp_path / "stolen")
    with pytest.raises(RecordError):
        workflow.count(folder, tmp_path / "site", now=NOW)
    assert not (tmp_path / "site").exists()


def test_a_manifest_is_signed_only_for_the_last_signed_checkpoint(tmp_path: Path, folder: Path, keys: Path) -> None:
    first = workflow.count(folder, tmp_path / "site", now=NOW, vkey=vkey_of(keys))
    sign_waiting(first, keys)
    second = workflow.count(folder, tmp_path / "site", now=NOW)
    (keys / "log.last").unlink()
    with pytest.raises(RecordError, match=r"the checkpoint that this key signed last \(none\)"):
        sign_waiting(second, keys)


def test_a_record_keeps_the_key_it_was_made_with(tmp_path: Path, folder: Path, keys: Path) -> None:
    workflow.count(folder, tmp_path / "site", now=NOW, vkey=vkey_of(keys))
    other = create_key(tmp_path / "other-keys", ORIGIN, bytes(32)).vkey
    with pytest.raises(InputError, match="--offline-sign"):
        workflow.count(folder, tmp_path / "site", now=NOW, vkey=other)
