"""The pool: many threads, a bound, dying workers, forks. Real workers throughout."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from counterfoil.sandbox import Sandbox, SandboxBusy, SandboxStopped, SandboxUnavailable, launch
from tests.sandbox import files
from tests.server.running.material import alive, children

PHOTO = files.jpeg()


def worker_pids(sandbox: Sandbox) -> list[int]:
    return [worker.process.pid for worker in sandbox._idle]


def kill(pid: int) -> None:
    """End a worker with everything below it, and wait: what is still dying may answer once more."""
    family = [pid]
    for member in family:  # grows as it is read
        family += children(member)
    for member in family:
        with suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)
    while any(alive(member) for member in family):
        time.sleep(0.01)


def test_many_threads_get_their_own_pictures(sandbox: Sandbox) -> None:
    sizes = [(100 + 3 * at, 90 + 2 * at) for at in range(40)]

    def decoded(size: tuple[int, int]) -> tuple[int, int]:
        while True:
            try:
                (pixels,) = sandbox.pictures(files.jpeg(files.scene(*size)))
            except SandboxBusy as busy:
                assert busy.retry_after_s >= 1
                continue
            return pixels.width, pixels.height

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(decoded, sizes)) == sizes


def test_beyond_the_bound_there_is_a_named_refusal_and_the_others_are_served() -> None:
    with Sandbox(workers=1, waiting=1) as sandbox:
        running = sandbox.pictures(PHOTO)
        assert next(running).width == files.WIDTH  # holds the only worker until it is taken to its end
        waited: list[int] = []
        line = threading.Thread(target=lambda: waited.append(len(list(sandbox.pictures(PHOTO)))))
        line.start()
        while sandbox._inside < 2:
            time.sleep(0.01)
        with pytest.raises(SandboxBusy) as busy:
            list(sandbox.pictures(PHOTO))
        assert busy.value.code == "busy"
        assert busy.value.retry_after_s >= 1
        assert list(running) == []
        line.join()
        assert waited == [1]
        assert len(list(sandbox.pictures(PHOTO))) == 1


def test_a_worker_killed_between_files_is_replaced_unnoticed() -> None:
    with Sandbox(workers=1) as sandbox:
        for _ in range(3):
            assert len(list(sandbox.pictures(PHOTO))) == 1
            (pid,) = worker_pids(sandbox)
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("bubblewrap", [True, False])
def test_a_worker_killed_under_way_costs_one_refusal(bubblewrap: bool) -> None:
    with Sandbox(workers=1, bubblewrap=bubblewrap) as sandbox:
        pages = sandbox.pictures(files.pdf(20), documents=True)
        assert next(pages).width
        (child,) = _children(os.getpid())
        os.kill(child, signal.SIGKILL)
        with pytest.raises(SandboxStopped) as stopped:
            list(pages)
        assert stopped.value.code == "decoder-stopped"
        assert len(list(sandbox.pictures(PHOTO))) == 1


def _children(parent: int) -> list[int]:
    """Workers started by this process, from /proc; those of the shared fixture are older and not counted."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text("utf-8").rpartition(")")[2].split()
            started = int(fields[19])
            if int(fields[1]) == parent and fields[0] != "Z":
                found.append((started, int(stat.parent.name)))
        except (OSError, ValueError):
            continue
    return [pid for _, pid in sorted(found)[-1:]]


def test_a_caller_who_walks_away_leaves_the_pool_usable() -> None:
    with Sandbox(workers=1) as sandbox:
        pages = sandbox.pictures(files.pdf(20), documents=True)
        next(pages)
        pages.close()  # type: ignore[attr-defined]
        assert len(list(sandbox.pictures(PHOTO))) == 1


def test_workers_outlive_the_thread_that_asked_first() -> None:
    with Sandbox(workers=1) as sandbox:
        line = threading.Thread(target=lambda: list(sandbox.pictures(PHOTO)))
        line.start()
        line.join()
        (pid,) = worker_pids(sandbox)
        time.sleep(0.2)
        assert len(list(sandbox.pictures(PHOTO))) == 1
        assert worker_pids(sandbox) == [pid]


def test_after_a_fork_the_child_has_workers_of_its_own() -> None:
    with Sandbox(workers=1) as sandbox:
        assert len(list(sandbox.pictures(PHOTO))) == 1
        child = os.fork()
        if child == 0:
            right = len(list(sandbox.pictures(PHOTO))) == 1
            sandbox.close()
            os._exit(0 if right else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert len(list(sandbox.pictures(PHOTO))) == 1, "the parent's worker is still its own"


def test_workers_end_with_the_sandbox() -> None:
    sandbox = Sandbox(workers=1)
    assert len(list(sandbox.pictures(PHOTO))) == 1
    (pid,) = worker_pids(sandbox)
    sandbox.close()
    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(SandboxUnavailable):
        list(sandbox.pictures(PHOTO))


@pytest.fixture
def no_bubblewrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("PATH", str(tmp_path))
    yield


@pytest.mark.usefixtures("no_bubblewrap")
def test_without_bubblewrap_the_worker_jails_itself_and_says_so() -> None:
    with Sandbox(workers=1) as sandbox:
        assert sandbox.level.name == "own"
        assert {"rlimits", "seccomp", "no-network"} <= sandbox.level.measures
        assert len(list(sandbox.pictures(PHOTO))) == 1


def test_bubblewrap_that_is_forbidden_here_is_found_out_by_trying(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'No permissions to create new namespace' >&2\nexit 1\n", "utf-8")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with Sandbox(workers=1) as sandbox:
        assert sandbox.level.name == "own"


def test_a_jail_that_once_was_strong_never_becomes_weaker_in_silence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Sandbox(workers=1) as sandbox:
        assert sandbox.level.name == "bubblewrap"
        kill(worker_pids(sandbox)[0])
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(SandboxUnavailable):
            list(sandbox.pictures(PHOTO))


def test_a_machine_that_cannot_limit_a_worker_gets_a_refusal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    silent = tmp_path / "jail"
    silent.mkdir()
    (silent / "__init__.py").write_text("", "utf-8")
    (silent / "worker.py").write_text("def main(jailed):\n    raise SystemExit(1)\n", "utf-8")
    monkeypatch.setattr(launch, "JAIL", silent)
    with Sandbox(workers=1) as sandbox, pytest.raises(SandboxUnavailable) as refused:
        list(sandbox.pictures(PHOTO))
    assert refused.value.code == "no-sandbox"


def test_the_files_of_the_jail_hold_no_more_than_interpreter_libraries_and_decoders() -> None:
    command = launch.bubblewrap_command()
    binds = [command[at + 1] for at, word in enumerate(command) if word.startswith("--ro-bind")]
    here = Path(__file__).parents[2]
    ours = [bind for bind in binds if Path(bind).is_relative_to(here / "src") or bind == str(here)]
    assert ours == [str(launch.JAIL)]
    assert not [bind for bind in binds if bind in ("/", "/etc", "/home", "/root", "/usr", "/var", "/proc", "/dev")]
