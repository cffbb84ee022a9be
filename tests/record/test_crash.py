"""Crashes: whatever is killed, loses power or can't write, the log opens, verifies and has all that was acknowledged.

COUNTERFOIL_CAMPAIGN=whole tries every point; without it a fixed part of them.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from counterfoil.record.builder import TileBuilder
from counterfoil.record.keys import load_key
from counterfoil.record.log import Log
from counterfoil.record.tree import root_of
from tests.record import disk
from tests.record.crash_script import SIZES, run
from tests.record.worlds import SIGNER, entries, public_files

WHOLE = os.environ.get("COUNTERFOIL_CAMPAIGN") == "whole"


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[disk.Call]]:
    root = tmp_path_factory.mktemp("traced") / "world"
    root.mkdir()
    return root, disk.trace(root, root.parent / "trace")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    root = tmp_path_factory.mktemp("reference")
    run(root, lambda _: None)
    return public_files(root / "record")


def _check(root: Path, acknowledged: int, whole: dict[str, bytes]) -> None:
    """Opening completes or drops what was under way; going on gives the log that was never interrupted."""
    if acknowledged:
        _another_future(root)
        with Log.open(root / "record", SIGNER) as log:
            assert log.size in SIZES
            assert log.size >= acknowledged
            assert list(log.entries()) == entries(log.size)
            for path, data in TileBuilder().grow(entries(log.size)):
                assert log.reader.read(path) == data
            objects = [path for path in (root / "objects").glob("*/*") if not path.name.endswith(".tmp")]
            assert len(objects) >= SIZES.index(acknowledged) + 1
    run(root, lambda _: None)
    assert public_files(root / "record") == whole


def _another_future(root: Path) -> None:
    """What was not committed left nothing behind that would stand in the way of other entries."""
    other = root.with_name(f"{root.name}-other")
    shutil.copytree(root, other)
    with Log.open(other / "record", load_key(other / "keys")) as log:
        expected = [*log.entries(), *[b"another future"] * 300]
        log.append(expected[log.size :])
        assert log.root == root_of(expected)


def _points(count: int, every: int) -> range:
    return range(1, count + 1, 1 if WHOLE else every)


@pytest.mark.parametrize("call", disk.KILL_AT)
def test_killed_at_any_system_call_nothing_acknowledged_is_lost(
    call: str, calls: tuple[Path, list[disk.Call]], whole: dict[str, bytes], tmp_path: Path
) -> None:
    count = Counter(one.name for one in calls[1])[call]
    assert count
    for point in _points(count, 13):
        root = tmp_path / f"{call}-{point}"
        root.mkdir()
        done = disk.run_script(
            root, "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={point}"
        )
        assert done.returncode != 0, (call, point)
        _check(root, disk.acknowledged(done.stdout), whole)


@pytest.mark.parametrize(
    ("call", "error"), [("fsync", "EIO"), ("write", "ENOSPC"), ("rename", "EIO"), ("mkdir", "ENOSPC")]
)
def test_a_failing_disk_stops_the_writer_and_loses_nothing_acknowledged(
    call: str, error: str, calls: tuple[Path, list[disk.Call]], whole: dict[str, bytes], tmp_path: Path
) -> None:
    count = Counter(one.name for one in calls[1])[call]
    for point in _points(count, 9):
        root = tmp_path / f"{call}-{point}"
        root.mkdir()
        inject = f"inject={call}:error={error}:when={point}"
        done = disk.run_script(root, "-o", os.devnull, "-e", f"trace={call}", "-e", inject)
        assert done.returncode != 0, (call, point)
        _check(root, disk.acknowledged(done.stdout), whole)


def test_after_a_failed_sync_the_same_log_object_refuses_to_go_on(
    calls: tuple[Path, list[disk.Call]], tmp_path: Path
) -> None:
    (tmp_path / "world").mkdir()
    last = Counter(one.name for one in calls[1])["fsync"]
    inject = f"inject=fsync:error=EIO:when={last}"
    done = disk.run_script(tmp_path / "world", "-o", os.devnull, "-e", "trace=fsync", "-e", inject)
    assert b"cannot-write" in done.stderr
    assert disk.acknowledged(done.stdout) == SIZES[-2]


def test_after_loss_of_power_nothing_acknowledged_is_lost(
    calls: tuple[Path, list[disk.Call]], whole: dict[str, bytes], tmp_path: Path
) -> None:
    """Only what was synced is left; or more, by chance (seeded)."""
    root, made = calls
    tried = 0
    for point, state in disk.states(made, root):
        if not WHOLE and point % 5:
            continue
        for luck in (None, *(random.Random(f"{point}/{i}") for i in range(8 if WHOLE else 1))):  # noqa: S311
            left = tmp_path / f"{point}-{tried}"
            state.after_power_loss(left, luck)
            _check(left, state.acknowledged, whole)
            tried += 1
    assert tried > 60


def test_the_model_of_the_disk_notices_a_missing_sync(calls: tuple[Path, list[disk.Call]], tmp_path: Path) -> None:
    """The test of the test: without the syncs, the last state has lost what was acknowledged."""
    root, made = calls
    state = disk.Disk(root)
    for call in made:
        if call.name != "fsync":
            state.apply(call)
    state.after_power_loss(tmp_path / "left", None)
    assert state.acknowledged == SIZES[-1]
    assert not list((tmp_path / "left").iterdir())
