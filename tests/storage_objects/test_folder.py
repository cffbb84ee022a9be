"""The folder store on a disk that is full, failing or loses power, and killed at each call that changes something."""

from __future__ import annotations

import fcntl
import os
import random
import resource
import shutil
from pathlib import Path

import pytest

from counterfoil.primitives.canonical import sha256_hex
from counterfoil.record.layout import object_path
from counterfoil.storage.objects import FolderStore
from counterfoil.workflow.stores import StoreError
from tests.record import disk
from tests.storage_objects.fill_script import OBJECTS

SCRIPT = "tests.storage_objects.fill_script"
QUIET = ("-o", "/dev/null")
WHOLE = os.environ.get("COUNTERFOIL_CAMPAIGN") == "whole"
POINTS = {"mkdir": [3], "flock": [2], "write": [1, 3], "fchmod": [2], "fsync": [2, 6, 10], "rename": [1, 2]}
NAMES = [sha256_hex(data) for data in OBJECTS]


def check_after(root: Path, acknowledged: int) -> None:
    """Everything acknowledged is whole, nothing half is under a name; the store works again and leaves nothing over."""
    folder = root / "store"
    store = FolderStore(folder)
    names = list(store.names())
    assert set(NAMES[:acknowledged]) <= set(names)
    for name in names:
        assert store.get(name) == OBJECTS[NAMES.index(name)]
    assert [store.put(data)["sha256"] for data in OBJECTS] == NAMES
    assert sorted(store.names()) == sorted(NAMES)
    assert list((folder / "incoming").iterdir()) == []


@pytest.mark.parametrize("call", POINTS)
def test_killed_at_any_call_nothing_acknowledged_is_lost(tmp_path: Path, call: str) -> None:
    """SIGKILL instead of the n-th call of its kind; for each n in the campaign."""
    for number in range(1, 40) if WHOLE else POINTS[call]:
        root = tmp_path / str(number)
        root.mkdir()
        inject = f"inject={call}:error=EINTR:signal=KILL:when={number}"
        done = disk.run_script(root, *QUIET, "-e", f"trace={call}", "-e", inject, script=SCRIPT)
        check_after(root, disk.acknowledged(done.stdout))
        if done.returncode == 0 and WHOLE:
            assert number > len(OBJECTS), "each object needs this call"
            return
        assert done.returncode != 0


def test_power_lost_after_any_call_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    root = tmp_path / "traced"
    root.mkdir()
    calls = disk.trace(root, tmp_path / "trace", SCRIPT)
    assert sum(call.name == "acknowledge" for call in calls) == len(OBJECTS)
    for number, state in disk.states(calls, root):
        for seed in (None, 1):
            left = tmp_path / f"left-{number}-{seed}"
            state.after_power_loss(left, random.Random(f"{number} {seed}") if seed else None)  # noqa: S311
            check_after(left, state.acknowledged)
            shutil.rmtree(left)


def test_power_lost_where_another_writer_made_the_folders_and_was_killed_before_its_sync(tmp_path: Path) -> None:
    root = tmp_path / "traced"
    made = [root / "store", root / "store" / "incoming", *(root / "store" / name[:2] for name in NAMES)]
    for folder in made:
        folder.mkdir(parents=True)
    before = [disk.Call("mkdir", (str(folder).encode(),), "") for folder in made]
    for number, state in disk.states([*before, *disk.trace(root, tmp_path / "trace", SCRIPT)], root):
        state.after_power_loss(tmp_path / f"left-{number}", None)
        check_after(tmp_path / f"left-{number}", state.acknowledged)


@pytest.mark.parametrize(
    ("call", "fault", "code", "passing"),
    [
        ("write", "ENOSPC", "store-full", True),
        ("write", "EIO", "disk-failing", False),
        ("fsync", "ENOSPC", "store-full", True),
        ("rename", "ENOSPC", "store-full", True),
        ("fsync", "EIO", "disk-failing", False),
        ("mkdir", "EROFS", "store-refused", False),
        ("rename", "EMFILE", "store-busy", True),
    ],
)
def test_a_disk_that_fails_is_said_and_nothing_half_stays(
    tmp_path: Path, call: str, fault: str, code: str, passing: bool
) -> None:
    """The fault is at the second object's call."""
    at = {"write": 3, "fsync": 10, "mkdir": 4, "rename": 2}[call]  # the acknowledgement is a write
    inject = f"inject={call}:error={fault}:when={at}"
    done = disk.run_script(tmp_path, *QUIET, "-e", f"trace={call}", "-e", inject, script=SCRIPT)
    assert done.returncode == 3, done.stderr
    assert done.stderr.decode().startswith(f"{code} {passing} {tmp_path}/store: put: ")
    assert disk.acknowledged(done.stdout) == 1
    assert list((tmp_path / "store" / "incoming").iterdir()) == []
    check_after(tmp_path, 1)


def test_a_file_that_may_not_grow_is_a_full_store(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    kept = store.put(b"small")["sha256"]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(StoreError, match="make space") as error:
            store.put(OBJECTS[0])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (error.value.code, error.value.passing) == ("store-full", True)
    assert list(store.names()) == [kept]
    assert list((tmp_path / "store" / "incoming").iterdir()) == []
    assert store.put(OBJECTS[0])["sha256"] == NAMES[0]


def test_what_a_crash_left_is_deleted_but_not_what_is_being_written(tmp_path: Path) -> None:
    """Rests of a private picture don't stay on the disk; another process that writes is not disturbed."""
    folder = tmp_path / "store"
    FolderStore(folder).put(OBJECTS[0])
    left, written = folder / "incoming" / "left", folder / "incoming" / "written"
    left.write_bytes(b"half a pict")
    with written.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        FolderStore(folder)
        assert [path.name for path in (folder / "incoming").iterdir()] == ["written"]
    FolderStore(folder)
    assert list((folder / "incoming").iterdir()) == []


def test_nobody_else_on_the_machine_reads_a_private_picture(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    FolderStore(folder).put(OBJECTS[0])
    for path in (folder, *folder.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_no_time_of_a_file_or_folder_tells_when_a_picture_came(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    store = FolderStore(folder)
    for data in OBJECTS:
        store.put(data)
    store.delete(NAMES[1])
    dated = {path.stat().st_mtime for path in folder.rglob("*")}
    assert dated == {0}


def test_a_web_server_reads_a_public_store(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    FolderStore(folder, public=True).put(OBJECTS[0])
    assert (folder / object_path(NAMES[0])).stat().st_mode & 0o777 == 0o444
    assert folder.stat().st_mode & 0o777 == 0o755


def test_other_files_in_the_folder_are_no_objects(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    store = FolderStore(folder)
    store.put(OBJECTS[0])
    for name in ("README", f"{NAMES[0][:2]}/{NAMES[0]}.tmp", f"{NAMES[0][:2]}/{'f' * 64}"):
        (folder / name).write_bytes(b"x")
    assert list(store.names()) == [NAMES[0]]
