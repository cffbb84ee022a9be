"""Replacing a publication: whoever kills it at any point finds the old one or the new one, whole."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from counterfoil import workflow
from counterfoil.publish import site as site_module
from tests.workflow.folders import FILES, LATER, NOW, make_folder, tree

SCRIPT = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from counterfoil import workflow

def progress(what, done, of):
    if what.startswith(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

workflow.count(Path(sys.argv[1]), Path(sys.argv[2]), now=datetime(2026, 3, 3, 9, tzinfo=UTC), progress=progress)
"""
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("stage", ["append", "replay", "copy the record", "data/areas.csv", "pages"])
def test_a_kill_while_publishing_leaves_the_old_site_and_the_next_run_finishes(tmp_path: Path, stage: str) -> None:
    folder, site = make_folder(tmp_path / "e"), tmp_path / "site"
    workflow.count(folder, site, now=NOW)
    old = tree(site)
    (folder / "notices.csv").write_text(FILES["notices.csv"] + "froze,We stop.,\n")
    killed = subprocess.run(
        [sys.executable, "-c", SCRIPT, folder, site, stage], cwd=ROOT, check=False, capture_output=True, timeout=120
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert tree(site) == old
    assert workflow.verify(site).holds
    workflow.count(folder, site, now=LATER)
    assert workflow.verify(site, pages=True).holds
    assert sorted(p.name for p in tmp_path.iterdir()) == ["e", "site"]


def no_space(*_: object) -> object:
    """Pages of which only the first gets written."""
    yield "index.html", b"half"
    raise OSError(28, "No space left on device", "site")


def test_a_kill_between_two_renames_is_mended_first_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, site = make_folder(tmp_path / "e"), tmp_path / "site"
    workflow.count(folder, site, now=NOW)
    old = tree(site)
    site.rename(tmp_path / ".site.old")
    monkeypatch.setattr(site_module, "pages", no_space)
    with pytest.raises(OSError, match="No space"):
        workflow.count(folder, site, now=NOW)
    assert tree(site) == old
    assert sorted(p.name for p in tmp_path.iterdir()) == ["e", "site"]


def test_a_failure_while_writing_leaves_the_old_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, site = make_folder(tmp_path / "e"), tmp_path / "site"
    workflow.count(folder, site, now=NOW)
    old = tree(site)

    monkeypatch.setattr(site_module, "pages", no_space)
    with pytest.raises(OSError, match="No space"):
        workflow.publish(folder, site)
    assert tree(site) == old
    assert sorted(p.name for p in tmp_path.iterdir()) == ["e", "site"]


def test_keys_are_for_the_owner_only_and_never_published(tmp_path: Path) -> None:
    folder, site = make_folder(tmp_path / "e"), tmp_path / "site"
    for path in (folder / "keys").iterdir():
        path.unlink()
    (folder / "keys").rmdir()
    workflow.count(folder, site, now=NOW)
    assert (folder / "keys").stat().st_mode & 0o777 == 0o700
    secrets = [path.read_bytes() for path in (folder / "keys").iterdir() if path.name != "log.last"]
    assert len(secrets) == 2
    for path in (folder / "keys").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    for data in tree(site).values():
        assert not any(secret.strip() in data for secret in secrets)


def test_every_file_of_a_publication_is_in_its_manifest(tmp_path: Path) -> None:
    folder, site = make_folder(tmp_path / "e"), tmp_path / "site"
    workflow.count(folder, site, now=NOW)
    lines = (site / "record" / "manifest").read_text("utf-8").split("\n\n")[0].splitlines()[4:]
    assert {line.split("  ", 1)[1] for line in lines} | {"record/manifest"} == set(tree(site))


def test_a_publication_holds_nothing_of_the_writers_own(tmp_path: Path) -> None:
    folder, site = make_folder(tmp_path / "e"), tmp_path / "site"
    workflow.count(folder, site, now=NOW)
    names = set(tree(site))
    assert not [n for n in names if any(part.startswith(".") for part in n.split("/")) or "keys" in n.split("/")]
    assert {"index.html", "check.py", "reader.html", "data/summary.json", "record/checkpoint"} <= names


def test_a_system_that_cannot_swap_two_names_gets_the_same_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, site = make_folder(tmp_path / "e"), tmp_path / "site"
    workflow.count(folder, site, now=NOW)
    old = tree(site)
    monkeypatch.setattr(site_module, "_exchange", lambda one, other: False)
    workflow.publish(folder, site)
    assert tree(site) == old
    assert sorted(p.name for p in tmp_path.iterdir()) == ["e", "site"]
